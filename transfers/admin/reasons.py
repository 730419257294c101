"""Why the gate said no, as bars: what it refused is told apart from what is not set up (issue 4)."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, QuerySet

from transfers.enums import Check, Verdict

# without a rule there is nothing to hold these against: what is missing is the rule
_OF_A_RULE = {Check.GROUND, Check.CATEGORIES, Check.AGREEMENT}


def stopped_by(decision: str, failed: Iterable[str]) -> set[str]:
    """The checks that account for a refusal or for a gap, of those that did not pass."""
    found = set(failed)
    if Check.RULE not in found:
        return found
    apart = found - _OF_A_RULE - {Check.RULE}
    if decision == Verdict.GAP:
        return apart | {Check.RULE}
    # without a rule only categories that nobody knows are refused, and not just waiting for one
    return apart or {Check.CATEGORIES}


def bars(rows: QuerySet, *, state: str) -> list[dict[str, Any]]:
    """How many rows (with `decision` and `failed`) each check stopped, the most first; one statement."""
    found = Counter[str]()
    for decision, failed, count in rows.order_by().values_list("decision", "failed").annotate(count=Count("pk")):
        for check in stopped_by(decision, failed):
            found[check] += count
    shown = [{"label": str(check.label), "value": found[check], "state": state} for check in Check if check in found]
    return sorted(shown, key=lambda bar: -bar["value"])
