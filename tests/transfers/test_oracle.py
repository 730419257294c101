"""The gate against a second, naive oracle on worlds made up by hypothesis; and without each condition (shows 1)."""

from collections import Counter

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings

from audit.actor import acting_as
from tests.transfers import oracle, worlds
from transfers import gate

pytestmark = pytest.mark.django_db


def compare(question, actor: str) -> str:
    with acting_as(actor):
        decision = gate.ask(question)
    mine = (str(decision.decision), {str(s.check): str(s.result) for s in decision.steps})
    assert mine == oracle.answer(question, actor), (question, actor, decision.inputs)
    assert gate.judge(question, decision.inputs["facts"]) == decision
    return mine[0]


@pytest.mark.prove
def test_gate_and_oracle_answer_alike_in_every_world(size):
    base, told, many = worlds.Base.make(), Counter(), size(10_000, parts=66)

    @settings(
        max_examples=many,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(worlds.specs)
    def alike(spec):
        with transaction.atomic():
            questions, actor = worlds.build(base, spec)
            for question in questions:
                told[compare(question, actor)] += 1
            transaction.set_rollback(True)

    alike()
    print(f"\n{many} worlds, {sum(told.values())} questions: {dict(told)}, no disagreement")
    assert min(told[verdict] for verdict in ("allow", "deny", "gap")) > many // 50
