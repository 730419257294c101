"""The counterfactual is enough and not too much: with all its changes the gate says yes, without any one of them no."""

import copy
from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings

from audit.actor import acting_as
from tests.transfers import worlds
from transfers import checks, gate
from transfers.decisions import Change, Question
from transfers.enums import Verdict

pytestmark = [pytest.mark.django_db, pytest.mark.prove]
LINK = [{"link": 0, "clause": 0, "version": 1}]


def _consent(question: Question, form: str) -> dict:
    return {
        "form": form, "state": "given", "given": 10**9, "last": 10**9, "state_id": 10**9, "version": 1,
        "language": "ru", "channel": "web", "trust": "subject_code", "purpose": True, "recipient": True,
        "categories": list(question.categories), "scope": question.context.scope,
    }  # fmt: skip


def changed(change: Change, question: Question, facts: dict) -> Question:
    """The world after a change: `facts` are changed in place, the question that is asked then comes back."""
    (rule,) = facts["rules"] or [None]
    everything = ["full_name", "iin", "mobile_phone"]
    match change.change:
        case "drop_categories":
            return replace(question, categories=tuple(set(question.categories) - set(change.params["excess"])))
        case "widen":
            excess = change.params["excess"]
            facts["known"] = sorted({*facts["known"], *excess})
            facts["matrix"] = sorted({*facts["matrix"], *excess})
            for row in (*facts["rules"], *facts["agreements"], *facts["consents"]):
                row["categories"] = sorted({*row["categories"], *excess})
        case "consent":
            row = _consent(question, change.params["form"])
            if rule["scope_kind"] == "recipient":
                row["scope"] = f"recipient:{question.recipient}"
            facts["consents"].append(row)
        case "name_scope":
            given = [row for row in facts["consents"] if row["form"] == change.params["form"]]
            best = max(
                given, key=lambda row: (not checks.lacks(row, rule, facts), len(row["categories"])), default=None
            )
            return replace(question, context=replace(question.context, scope=best["scope"] if best else "report:1"))
        case "consent_abroad":
            facts["country"] = {"id": 1, "adequate": True}
        case "purpose":
            facts["purpose"]["in_force"] = True
        case "publish":
            facts["policies"], facts["declared"], facts["recipient_declared"] = [1], LINK, LINK
        case "declare":
            facts["declared"] = LINK
        case "declare_recipient":
            facts["recipient_declared"] = LINK
        case "rule":
            # of the kind that its purpose calls for; what a service asks for is the rule's own to say, so it is there
            law = facts["purpose"]["ground"] == "law"
            facts["rules"] = [
                {
                    "id": 1, "ground": "law" if law else "service", "form": None, "scope_kind": None, "written": False, "article": "1",
                    "on_demand": False, "sanction": False, "disclosure": "subject",
                    "categories": sorted({*everything, *question.categories}),
                }
            ]  # fmt: skip
            facts["applications"].append({"id": 1, "state": "applied"})
        case "overdue":
            facts["contracts"].append({"id": 1, "state": "overdue"})
        case "application":
            facts["applications"].append({"id": 1, "state": "applied"})
        case "demand":
            told = dict.fromkeys(change.params["missing"], "x")
            if "request_date" in told:
                told["request_date"] = date(2020, 1, 1)
            return replace(question, context=replace(question.context, **told))
        case "demand_date":
            facts["late_demand"] = False
        case "agreement":
            row = {"id": 10**9, "in_force": True, "valid": True, "confidential": True}
            facts["agreements"].append({**row, "categories": list(question.categories)})
        case "confidentiality":
            for row in facts["agreements"]:
                row["confidential"] = True
        case "objection":
            facts["objection"] = None
        case "admit":
            facts["actor"] = {**facts["actor"], "active": True, "permitted": True}
        case "undertaking":
            facts["actor"] = {**facts["actor"], "undertaking": True}
        case other:
            raise AssertionError(f"{other} is not known here")
    return question


def after(changes: tuple[Change, ...], question: Question, facts: dict) -> str:
    facts = copy.deepcopy(facts)
    # what is left out is left out before what is asked for is made to fit
    for change in sorted(changes, key=lambda one: one.change != "drop_categories"):
        question = changed(change, question, facts)
    return str(gate.judge(question, facts).decision)


# what cannot be counted out: any category at all, and an admission that lacks the promise beside it
SKIPPED = {"name_categories"}


def test_it_is_enough_and_nothing_of_it_is_too_much(size):
    base, counted = worlds.Base.make(), Counter()

    @settings(
        max_examples=size(5_000),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(worlds.specs)
    def counterfactuals(spec):
        with transaction.atomic():
            questions, actor = worlds.build(base, spec)
            with acting_as(actor):
                decisions = [(question, gate.ask(question)) for question in questions]
            transaction.set_rollback(True)
        for question, decision in decisions:
            near = decision.counterfactual
            if decision.allowed:
                assert near is None
                continue
            if not near.possible:
                counted["impossible"] += 1
                continue
            if {change.change for change in near.changes} & SKIPPED:
                continue
            facts = decision.inputs["facts"]
            facts = {**facts, "rules": [row for row in facts["rules"] if row["id"] == decision.rule_id]}
            assert near.changes, decision
            assert after(near.changes, question, facts) == Verdict.ALLOW, (near, question, facts)
            counted["enough"] += 1
            for change in near.changes:
                rest = tuple(one for one in near.changes if one != change)
                assert after(rest, question, facts) != Verdict.ALLOW, (change, near, question, facts)
                counted[change.change] += 1

    counterfactuals()
    print(f"\n{size(5_000)} worlds: {dict(counted)}")
    assert counted["enough"] > size(5_000) // 10
