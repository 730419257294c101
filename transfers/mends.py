"""The counterfactual: the smallest set of changes that would let a refused transfer go (product.md 4.5)."""

from typing import Any

from consent.enums import Ground as PurposeGround
from transfers import checks
from transfers.decisions import Change, Counterfactual, Question, Step
from transfers.enums import Check, TransferGround

# what no act of ours changes, or none that we should suggest
_HOPELESS = frozenset(
    {
        "subject.unknown",
        "subject.standing",
        "purpose.unknown",
        "purpose.open_ended",
        "recipient.unknown",
        "actor.nobody",
    }
)
_PLAIN = {
    "purpose.not_in_force": "purpose",
    "policy.none": "publish",
    "declared.missing": "declare",
    "recipient.missing": "declare_recipient",
    "rule.none": "rule",
    "ground.no_breach": "overdue",
    "ground.no_service": "application",
    "demand.incomplete": "demand",
    "demand.in_future": "demand_date",
    "categories.none": "name_categories",
    "agreement.none": "agreement",
    "agreement.ended": "agreement",
    "country.inadequate": "consent_abroad",
    "country.unlisted": "consent_abroad",
    "objection.stands": "objection",
    "actor.inactive": "admit",
    "actor.no_right": "admit",
    "actor.no_undertaking": "undertaking",
}


def _categories(question: Question, facts: dict[str, Any], rule: dict[str, Any]) -> Change:
    """Leave out what is too much; only where nothing would be left, widen what is too narrow."""
    kept = set(question.categories).intersection(*checks.limits(question, facts, rule).values())
    excess = sorted(set(question.categories) - kept)
    return Change("drop_categories" if kept else "widen", {"excess": excess})


def _agreement(question: Question, facts: dict[str, Any], changes: list[Change]) -> str:
    """Confidentiality is enough where an agreement in force names all that is left of the data; else a new one is."""
    dropped = {code for one in changes if one.change == "drop_categories" for code in one.params["excess"]}
    wanted = set(question.categories) - dropped
    standing = [set(row["categories"]) for row in facts["agreements"] if row["in_force"] and row["valid"]]
    return "confidentiality" if any(wanted <= named for named in standing) else "agreement"


def _given_for_one(question: Question, facts: dict[str, Any], rule: dict[str, Any]) -> bool:
    """Whether a consent for some report or request stands whose text names all of the data that the rest lets go."""
    wanted = set(question.categories).intersection(*checks.limits(question, facts, rule).values())
    return any(
        row["form"] == rule["form"] and not checks.lacks(row, rule, facts) and wanted <= set(row["categories"])
        for row in facts["consents"]
    )


def _opened(question: Question, facts: dict[str, Any]) -> dict[str, Any]:
    """The rule that two officers would open: by law for a purpose of the law, else one that nothing is forgiven."""
    law = (facts["purpose"] or {}).get("ground") == PurposeGround.LAW
    return {
        "id": 0,
        "ground": TransferGround.LAW if law else TransferGround.SERVICE,
        "categories": list(question.categories),
    }


def _with_rule(
    question: Question, facts: dict[str, Any], opened: dict[str, Any], steps: tuple[Step, ...]
) -> tuple[Step, ...]:
    """The steps as they would be with that rule; its ground is its own to say."""
    ours = (Check.RULE, Check.GROUND)
    asked = zip(checks.CHECKS, steps, strict=True)
    return tuple(step if step.check in ours else check(question, facts, opened) for check, step in asked)


def nearest(
    question: Question, facts: dict[str, Any], rule: dict[str, Any] | None, steps: tuple[Step, ...]
) -> Counterfactual:
    """What would have to be different, in the order of the checks; not possible where it is not ours to change."""
    if rule is None:
        rule = _opened(question, facts)
        steps = _with_rule(question, facts, rule, steps)
    failed = [step for step in steps if not step.passed]
    if any(step.code in _HOPELESS for step in failed):
        return Counterfactual(possible=False)
    changes: list[Change] = []
    for step in failed:
        if step.code == "rule.decides":
            continue
        if step.code == "consent.scope_missing":
            changes.append(Change("name_scope", {"form": rule["form"]}))
            if _given_for_one(question, facts, rule):
                continue
        if step.code.startswith("consent."):
            change = Change("consent", {"form": rule["form"], "recipient": question.recipient})
        elif step.check == Check.CATEGORIES and step.code != "categories.none":
            change = _categories(question, facts, rule)
        elif step.code == "agreement.not_confidential":
            change = Change(_agreement(question, facts, changes), dict(step.params))
        else:
            params = dict(step.params)
            if _PLAIN[step.code] in ("declare", "rule"):
                params |= {"purpose": question.purpose, "recipient": question.recipient}
            if step.check == Check.COUNTRY:
                params = {"form": checks.ABROAD}
            change = Change(_PLAIN[step.code], params)
        if change not in changes:
            changes.append(change)
    return Counterfactual(possible=True, changes=tuple(changes))
