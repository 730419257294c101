"""The gate: nothing about a person leaves, or comes, unless it said yes; every answer is told why (94-V art. 15-16).

`decide` asks, `judge` answers from facts alone and so answers the same in ten years. Nothing here writes.
"""

from datetime import datetime
from typing import Any

from subjects.enums import Disclosure
from transfers import checks, mends
from transfers.decisions import Change, Context, Counterfactual, Decision, Question, Step, sha256
from transfers.enums import WITHHELD_BY_DEFAULT, Direction, Result, TransferGround, Verdict
from transfers.facts import ASK, Facts, load
from transfers.sentences import message

__all__ = [
    "Change",
    "Context",
    "Counterfactual",
    "Decision",
    "Question",
    "Step",
    "as_json",
    "ask",
    "decide",
    "judge",
]


def decide(
    *,
    subject: str,
    recipient: str,
    purpose: str,
    categories: list[str] | tuple[str, ...],
    direction: str = Direction.OUTGOING,
    at: datetime | None = None,
    context: Context | None = None,
) -> Decision:
    """Whether the transfer may be made; one statement, no writes (policy 2.3, 4.2; 94-V art. 15-16).

    subject: reference; recipient, purpose, categories: codes; at: aware datetime, None for now. What is unknown is
    refused by the check it belongs to and raises nothing.
    """
    return ask(Question(subject, recipient, purpose, tuple(categories), direction, at, context or Context()))


def ask(question: Question, *, permission: str = ASK, lock: bool = False) -> Decision:
    """`decide` for a question as one value. permission, lock: of `facts.load`."""
    return judge(question, load(question, permission=permission, lock=lock))


def _verdict(steps: tuple[Step, ...]) -> str:
    results = {step.result for step in steps}
    if Result.FAIL in results:
        return Verdict.DENY
    return Verdict.GAP if Result.GAP in results else Verdict.ALLOW


def _withheld(facts: Facts, rule: dict[str, Any] | None) -> bool:
    kind = (facts["recipient"] or {}).get("kind")
    return kind in WITHHELD_BY_DEFAULT or (rule is not None and rule["disclosure"] == Disclosure.WITHHELD)


def _under(question: Question, facts: Facts, rule: dict[str, Any] | None) -> Decision:
    """The answer under one rule, or without any."""
    steps = tuple(check(question, facts, rule) for check in checks.CHECKS)
    verdict = _verdict(steps)
    consent, problem = None, "none"
    if rule is not None and rule["ground"] == TransferGround.CONSENT:
        consent, problem = checks.chosen(question, facts, rule)
    abroad = checks.abroad(question, facts) if any(step.code == "country.consent" for step in steps) else None
    agreement = checks.the_agreement(facts, question.categories) if rule is not None else None
    links = facts["declared"] or facts["recipient_declared"]
    version = links[0]["version"] if links else next(iter(facts["policies"]), None)
    return Decision(
        decision=verdict,
        steps=steps,
        counterfactual=None if verdict == Verdict.ALLOW else mends.nearest(question, facts, rule, steps),
        ground=rule["ground"] if rule else "",
        rule_id=rule["id"] if rule else None,
        consent_id=consent["given"] if consent and not problem else None,
        consent_state_id=consent.get("state_id") if consent and not problem else None,
        abroad_state_id=abroad.get("state_id") if abroad else None,
        agreement_id=agreement["id"] if agreement else None,
        policy_version_id=version,
        disclosure=(Disclosure.WITHHELD if question.context.withheld or _withheld(facts, rule) else Disclosure.SUBJECT),
    )


def _preference(decision: Decision) -> tuple[bool, int, int]:
    return not decision.allowed, sum(not step.passed for step in decision.steps), decision.rule_id or 0


def judge(question: Question, facts: Facts) -> Decision:
    """The answer that follows from the facts; pure. Of several rules the one that allows, else the nearest to it."""
    rules = facts["rules"] or [None]
    best = min((_under(question, facts, rule) for rule in rules), key=_preference)
    inputs = {"question": question.as_json(), "facts": facts}
    object.__setattr__(best, "inputs", inputs)
    object.__setattr__(best, "inputs_sha256", sha256(inputs))
    return best


def _told(step: Step) -> dict[str, Any]:
    told = {
        "check": str(step.check),
        "result": str(step.result),
        "message": message(step.code, step.params),
        "evidence": list(step.evidence),
    }
    return told | {"warning": True} if step.warning else told


def as_json(decision: Decision) -> dict[str, Any]:
    """The answer for other systems; nothing in it differs between two runs that found the same."""
    near = decision.counterfactual
    told = None
    if near is not None:
        told = {
            "possible": near.possible,
            "changes": [
                {"change": c.change, "params": c.params, "message": message(f"mend.{c.change}", c.params)}
                for c in near.changes
            ],
        }
    return {
        "decision": str(decision.decision),
        "trace": [_told(step) for step in decision.steps],
        "counterfactual": told,
        "inputs_sha256": decision.inputs_sha256,
    }
