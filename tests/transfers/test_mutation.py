"""Each condition of the gate taken away in turn: some world of a fixed lot tells it from the oracle (issue 4, shows 1)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from django.db import transaction
from django.utils import timezone

from audit.actor import acting_as
from consent.enums import State
from subjects.models import Contract
from tests.transfers import oracle, worlds
from tests.transfers.factories import world
from transfers import checks, facts, gate
from transfers.decisions import Decision, Question
from transfers.enums import Check
from transfers.statements import statement

pytestmark = pytest.mark.django_db
ALL = ["full_name", "iin", "mobile_phone"]
RULE = {
    "ground": "consent",
    "form": 0,
    "written": True,
    "on_demand": False,
    "sanction": False,
    "categories": ALL,
    "phase": 1,
}
AGREEMENT = {"dates": "valid", "confidential": True, "categories": ALL, "closed": False, "phase": 1}
GIVEN = {
    "form": 0,
    "right": True,
    "text": 0,
    "language": "ru",
    "kind": "given",
    "how": ("web", "subject_code"),
    "until": None,
    "text_known": True,
    "phase": 1,
}
# everything is in order and the gate says yes
GOOD = {
    "standing": "ordinary",
    "later": "",
    "ground": "consent",
    "required": False,
    "valid": "valid",
    "declared": True,
    "whom": "kind",
    "kind": "credit_bureau",
    "country": "KZ",
    "adequate": None,
    "rules": [RULE],
    "agreements": [AGREEMENT],
    "events": [GIVEN],
    "matrix": ALL,
    "matrix_phase": 1,
    "objection": 0,
    "contract": "",
    "contract_later": "",
    "application": "",
    "asked": ["full_name", "iin"],
    "direction": "outgoing",
    "scope": "report:1",
    "demand": "full",
    "actor": "job:test",
    "unknown": "",
}


# who may get data on a ground, for a purpose that the loan needs
WHOM = {"consent": "credit_bureau", "service": "hosting", "defence": "bailiff", "law": "bailiff"}


def _rule(ground: str, **fields: object) -> dict:
    return {
        "kind": WHOM[ground],
        "required": ground != "consent",
        "rules": [{**RULE, "ground": ground, **fields}],
    }


def _said(*events: dict) -> dict:
    return {"events": [{**GIVEN, **event} for event in events]}


ABROAD = {"country": "US", **_said({}, {"form": 3})}
# one thing is out of order in each
LOT = [
    {},
    *({"standing": standing} for standing in ("restricted", "blocked", "erased", "deceased", "minor")),
    {"later": "blocked"},
    {"ground": "none"},
    {"ground": "open-ended"},
    {"valid": "ended"},
    {"valid": "later"},
    {"declared": False},
    {"whom": ""},
    {"whom": "other"},
    {"whom": "recipient"},
    {"rules": []},
    {"rules": [{**RULE, "phase": 2}]},
    {"rules": [{**RULE, "categories": ["full_name"]}]},
    {"agreements": []},
    {"agreements": [{**AGREEMENT, "phase": 2}]},
    {"agreements": [{**AGREEMENT, "dates": "ended"}]},
    {"agreements": [{**AGREEMENT, "closed": True}]},
    {"agreements": [{**AGREEMENT, "confidential": False}]},
    {"agreements": [{**AGREEMENT, "categories": ["iin"]}]},
    {"agreements": [], "kind": "bailiff"},
    {"matrix": ["full_name"]},
    {"matrix_phase": 2},
    {"objection": 1},
    {"objection": 2},
    {"asked": []},
    {"asked": ["no-such"]},
    {"direction": "incoming"},
    *({"actor": actor} for actor in ("officer", "officer without right", "closed officer", "subject")),
    *({"unknown": party} for party in ("subject", "recipient", "purpose")),
    _said({"phase": 2}),
    _said({"right": False}),
    _said({"form": 1}),
    _said({"form": 2}),
    _said({"text": 1, "language": "kk"}),
    _said({"text": 1, "language": "ru"}),
    _said({"text": 2}),
    _said({"text": 3}),
    _said({"until": -1}),
    _said({}, {"kind": "expired"}),
    _said({}, {"kind": "withdrawn"}),
    _said({}, {"kind": "withdrawn", "phase": 2}),
    _said({"kind": "refused"}),
    _said({"kind": "requested"}),
    _said({}, {"kind": "refused"}),
    _said({}, {"kind": "withdrawal_deferred"}),
    {"required": True, **_said({}, {"kind": "withdrawal_deferred"})},
    _said({"how": ("call", "subject_code")}),
    _said({"how": ("api", "system_entered")}),
    {**_said({"how": ("api", "system_entered")}), **_rule("consent", written=False)},
    {**_said({"how": ("imported", "imported"), "text_known": False}), **_rule("consent", written=False)},
    {**_rule("consent", form=1), "kind": "hosting", **_said({"form": 1, "right": False})},
    {"country": "US"},
    {"country": "US", "adequate": True},
    {"country": "US", "adequate": False},
    ABROAD,
    {**ABROAD, **_said({}, {"form": 3}, {"form": 3, "kind": "withdrawal_deferred"})},
    # the text of C10 lacks the purpose, the recipient, some of the data
    {**ABROAD, **_said({}, {"form": 3, "text": 1, "language": "kk"})},
    {**ABROAD, **_said({}, {"form": 3, "text": 2})},
    {**ABROAD, "asked": ["full_name", "iin"], **_said({}, {"form": 3, "text": 3})},
    *({**_rule(ground), "contract": state} for ground in ("service", "defence") for state in ("", "opened", "overdue")),
    {**_rule("service"), "application": "applied"},
    {**_rule("service"), "application": "refused"},
    {**_rule("defence"), "contract": "opened", "contract_later": "overdue"},
    *({**_rule("law", on_demand=True, sanction=True), "demand": how} for how in ("full", "no sanction", "future", "")),
    {**_rule("law"), "declared": False, "whom": "", "agreements": [], "objection": 1, "standing": "restricted"},
    *({**_rule("law"), "standing": standing} for standing in ("erased", "blocked")),
]


def blind(check: Callable) -> Callable:
    """The check that never looks."""
    return lambda question, facts, rule: checks.passed(Check(check.__name__), "")


def without(name: str) -> tuple:
    return tuple(blind(check) if check.__name__ == name else check for check in checks.CHECKS)


def _forgiving(*codes: str) -> Callable:
    return lambda *args, real=checks.lacks: "" if (code := real(*args)) in codes else code


def _unlimited(limit: str) -> Callable:
    return lambda *args, real=checks.limits: {k: v for k, v in real(*args).items() if k != limit}


def _any_agreement(name: str) -> Callable:
    def the_agreement(facts, wanted=(), real=checks.the_agreement):
        return real({**facts, "agreements": [{**row, name: True} for row in facts["agreements"]]}, wanted)

    return the_agreement


def _abroad(forgiven: str):
    """The consent to a transfer abroad, one of the things that its text must name not looked at."""
    real = checks.abroad

    def abroad(question, facts):
        everything = {"purpose": True, "recipient": True, "categories": list(question.categories)}
        rows = [{**row, forgiven: everything[forgiven]} for row in facts["consents"]]
        return real(question, {**facts, "consents": rows})

    return abroad


def _any_fact(check: str, change: Callable) -> tuple:
    """The check with its facts painted over."""
    real = next(c for c in checks.CHECKS if c.__name__ == check)
    return tuple((lambda q, f, r: real(q, change(f), r)) if c.__name__ == check else c for c in checks.CHECKS)


# of the judgement: the name in `checks`, and what stands there instead
JUDGED: dict[str, tuple[str, object]] = {
    **{f"no {check}": ("CHECKS", without(check)) for check in Check.values},
    "a withdrawn consent counts": ("lacks", _forgiving("consent.withdrawn")),
    "an ended consent counts": ("lacks", _forgiving("consent.expired")),
    "a refused consent counts": ("lacks", _forgiving("consent.refused")),
    "a consent only asked for counts": ("lacks", _forgiving("consent.requested")),
    "a deferred withdrawal holds every purpose": ("lacks", _forgiving("consent.withdrawal_deferred")),
    "an unknown text counts": ("lacks", _forgiving("consent.text_unknown")),
    "a text that lacks the purpose counts": ("lacks", _forgiving("consent.purpose_not_named")),
    "a text that lacks the recipient counts": ("lacks", _forgiving("consent.recipient_not_named")),
    "a consent that is not written counts": ("lacks", _forgiving("consent.not_written")),
    "a call is in writing": ("NEVER_WRITTEN", frozenset()),
    "only a signature is in writing": ("WRITTEN", frozenset({"subject_signed"})),
    "a consent to another recipient counts": ("fits", lambda c, rule, q: c["form"] == rule["form"]),
    "a consent of another form counts": ("fits", lambda c, rule, q: True),
    "the rule limits no category": ("limits", _unlimited("rule")),
    "the matrix limits no category": ("limits", _unlimited("matrix")),
    "the agreement limits no category": ("limits", _unlimited("agreement")),
    "the consent limits no category": ("limits", _unlimited("consent")),
    "an agreement past its last day counts": ("the_agreement", _any_agreement("valid")),
    "an agreement without confidentiality counts": ("the_agreement", _any_agreement("confidential")),
    "no agreement is ever needed": ("needs_agreement", lambda facts, rule: False),
    "authorities need an agreement": ("needs_agreement", lambda facts, rule: rule["ground"] != "law"),
    "the law forgives nothing": ("tolerated", lambda step: step),
    "everything is by law": ("by_law", lambda rule: rule is not None),
    "no consent to a transfer abroad": ("abroad", lambda question, facts: None),
    "a consent abroad counts for any purpose": ("abroad", _abroad("purpose")),
    "a consent abroad counts for any recipient": ("abroad", _abroad("recipient")),
    "a consent abroad counts for any data": ("abroad", _abroad("categories")),
    "a report need not be named": ("ONE_BY_ONE", frozenset()),
    "a deferred withdrawal holds the transfer abroad": ("LIVE", frozenset({*checks.LIVE, State.WITHDRAWAL_DEFERRED})),
    "a demand is never late": ("CHECKS", _any_fact("ground", lambda f: {**f, "late_demand": False})),
    "any contract is a breach": (
        "CHECKS",
        _any_fact("ground", lambda f: {**f, "contracts": [{**c, "state": "overdue"} for c in f["contracts"]]}),
    ),
    "applications are no service": ("CHECKS", _any_fact("ground", lambda f: {**f, "applications": []})),
    "contracts are no service": ("CHECKS", _any_fact("ground", lambda f: {**f, "contracts": []})),
    "a purpose is always in force": (
        "CHECKS",
        _any_fact("purpose", lambda f: {**f, "purpose": f["purpose"] and {**f["purpose"], "in_force": True}}),
    ),
    "every country is adequate": (
        "CHECKS",
        _any_fact("country", lambda f: {**f, "country": f["country"] and {**f["country"], "adequate": True}}),
    ),
    "an unlisted country is a refusal": (
        "CHECKS",
        _any_fact("country", lambda f: {**f, "country": f["country"] or {"id": 0, "adequate": False}}),
    ),
    "closed accounts are admitted": (
        "CHECKS",
        _any_fact("actor", lambda f: {**f, "actor": {**f["actor"], "active": True}}),
    ),
    "nobody needs a right": (
        "CHECKS",
        _any_fact("actor", lambda f: {**f, "actor": {**f["actor"], "permitted": True}}),
    ),
}
RANGE = "in_force_during @> (SELECT at FROM moment)"
# of the statement: the words, and what stands there instead
FETCHED: dict[str, tuple[str, str]] = {
    "rules of any time": (f"AND r.{RANGE}", ""),
    "rules either way": ("r.direction = %(direction)s", "%(direction)s::text IS NOT NULL"),
    "policies of any time": (f"state = 'published' AND {RANGE}", "state = 'published'"),
    "cells of the matrix of any time": (f"AND m.{RANGE}", ""),
    "objections of any time": (f"AND o.{RANGE}", ""),
    "agreements of any time": (f"a.{RANGE}", "true"),
    "countries of any time": (f"AND c.{RANGE}", ""),
    "clauses that name any recipient": ("l.kind = (SELECT kind FROM recipient)", "true"),
    "clauses that name kinds alone": ("l.recipient_id = (SELECT id FROM recipient)", "false"),
    "clauses that name any purpose": ("l.purpose_id = (SELECT id FROM purpose)", "true"),
    "consents read in any language": ("WHEN 'kk' THEN i.text_kk <> ''", "WHEN 'kk' THEN true"),
}  # fmt: skip


@contextmanager
def _fetched(old: str, new: str) -> Iterator[None]:
    def other(**how: bool) -> str:
        return statement(**how).replace(old, new)

    with patch.object(facts, "_statement", other):
        yield


def result(decision: Decision) -> tuple[str, dict[str, str]]:
    return str(decision.decision), {str(s.check): str(s.result) for s in decision.steps}


def test_every_condition_of_the_statement_is_in_it():
    both = statement(past=False) + statement(past=True)
    assert [name for name, (old, _new) in FETCHED.items() if old not in both] == []


def test_no_condition_can_be_taken_away_unnoticed():
    base, alive = worlds.Base.make(), {**JUDGED, **FETCHED}

    def differs(name: str, question: Question, kept: dict, said: tuple) -> bool:
        if name in FETCHED:
            with _fetched(*FETCHED[name]):
                return result(gate.ask(question)) != said
        with patch.object(checks, *JUDGED[name]):
            return result(gate.judge(question, kept)) != said

    for changed in LOT:
        with transaction.atomic():
            questions, actor = worlds.build(base, {**GOOD, **changed})
            for question in questions:
                said = oracle.answer(question, actor)
                with acting_as(actor):
                    kept = facts.load(question)
                    assert result(gate.judge(question, kept)) == said, changed
                    for name in [name for name in alive if differs(name, question, kept, said)]:
                        del alive[name]
            transaction.set_rollback(True)
    assert list(alive) == []


@pytest.mark.django_db(transaction=True)
def test_a_past_moment_is_answered_as_people_and_loans_stood_then():
    made = world(kind="collector", code="kollektor", ground="defence", purpose="debt_collection")
    loan = Contract.objects.create(subject=made.person, number="K", state="overdue", overdue_since=timezone.now())
    then = made.question(at=timezone.now())
    made.person.standing, loan.state = "blocked", "assigned"
    made.person.save()
    loan.save()
    assert gate.ask(then).allowed
    assert gate.ask(made.question()).failed == ["subject", "ground"]
    with _fetched(
        "AND h.history_date <= (SELECT at FROM moment) ORDER BY h.history_date DESC", "ORDER BY h.history_date DESC"
    ):
        assert gate.ask(then).failed == ["subject"]
    with _fetched("(SELECT id FROM subject) AND h.history_date <= (SELECT at FROM moment)", "(SELECT id FROM subject)"):
        assert gate.ask(then).failed == ["ground"]


def test_a_withdrawal_after_the_moment_is_left_out_by_the_statement_and_by_the_fold():
    made = world()
    made.consents()
    then = made.question(at=timezone.now())
    made.withdraws()
    words, fold = "AND e.occurred_at <= (SELECT at FROM moment)", facts.derivation.fold
    with _fetched(words, ""):
        assert gate.ask(then).allowed
    with patch.object(facts.derivation, "fold", lambda events, at: fold(events)):
        assert gate.ask(then).allowed
        with _fetched(words, ""):
            assert gate.ask(then).failed == ["ground"]
