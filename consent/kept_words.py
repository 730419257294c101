"""Kept until when, in words: for the officers' page about a person and for the person's own cabinet (94-V art. 12)."""

from datetime import date, datetime
from typing import NamedTuple

from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from consent.enums import StartsOn
from consent.form_text import length_in_words
from consent.models import RetentionRule
from consent.retention import Kept, Why, kept
from subjects.models import DataCategory, DataSubject


class Line(NamedTuple):
    """Values of one category that are kept alike: how many, until when (None: no day yet), by which rule, in words."""

    category: DataCategory
    count: int
    why: Why
    until: date | None
    rule: RetentionRule | None
    words: str
    day: date

    @property
    def is_over(self) -> bool:
        """Whether the term had passed on the day the lines are of."""
        return self.until is not None and self.until < self.day

    @property
    def is_confirmed(self) -> bool:
        """An unconfirmed rule plans and warns and never destroys; its article is told to nobody outside (DESIGN 5)."""
        return self.rule is not None and self.rule.confirmed_by_counsel


def _waiting(rule: RetentionRule) -> str:
    """What has to end before the term begins, and how long it is then; the person is spoken to."""
    length = length_in_words(rule.duration, get_language() or "ru")
    match rule.starts_on, bool(length):
        case StartsOn.CONTRACT_PERFORMED, True:
            return _("while a loan is open, and %(length)s after the last one is performed") % {"length": length}
        case StartsOn.CONTRACT_PERFORMED, False:
            return _("while a loan is open")
        case StartsOn.APPLICATION_REFUSED, True:
            return _("while an application is open, and %(length)s after a refusal") % {"length": length}
        case StartsOn.APPLICATION_REFUSED, False:
            return _("while an application is open")
        case StartsOn.CONSENT_WITHDRAWN, True:
            return _("while the consent stands, and %(length)s after its end") % {"length": length}
    return _("while the consent stands")


def _words(found: Kept) -> str:
    if found.why == Why.WAITING and found.rule is not None:
        return _waiting(found.rule)
    return "" if found.until else _("no term: nothing has happened yet that one runs from")


def lines(subject: DataSubject, *, at: datetime | None = None, withheld: bool = False) -> list[Line]:
    """Everything we hold on the person, by category, nothing opened; as many queries however much there is.

    at, withheld: as for `retention.kept`.
    """
    today = timezone.localdate(at)
    alike: dict[tuple, list[Kept]] = {}
    for found in kept(subject, at=at, withheld=withheld):
        rule = found.rule.pk if found.rule else None
        alike.setdefault((found.value.category_id, found.why, rule, found.until), []).append(found)
    return [
        Line(first.value.category, len(group), first.why, first.until, first.rule, _words(first), today)
        for group in alike.values()
        for first in group[:1]
    ]


def last_of(found: list[Line]) -> date | None:
    """The day on which nothing of it is left; None while any part of it has no day."""
    days = [line.until for line in found if line.until]
    return max(days) if days and len(days) == len(found) else None


def together(found: list[Line]) -> list[tuple[list[DataCategory], Line]]:
    """The same for who reads it in plain words: categories kept alike, and one line that speaks of all of them."""
    alike: dict[tuple, list[Line]] = {}
    for line in found:
        alike.setdefault((line.why, line.rule and line.rule.pk, line.until), []).append(line)
    return [(list(dict.fromkeys(line.category for line in lines)), lines[0]) for lines in alike.values()]
