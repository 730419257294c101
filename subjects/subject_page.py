"""The officers' page about a person is made of parts: an app may have a `subject_page.py` that adds some (DESIGN 1).

Every part is of one moment: of now, or of the past one the officer asked for, and then it says so.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from subjects.models import DataSubject

# rows of one kind on the page, and entries of its timeline
SHOWN = 20
LONGEST = 40


class Part(NamedTuple):
    """A part of the page: a template and what it shows, or None for an officer who may not see it.

    context: (request, the person as they stood, the moment or None for now). Nothing of a person's values: the page is
    masked.
    """

    order: int
    template: str
    context: Callable[[HttpRequest, DataSubject, datetime | None], dict | None]


class Happening(NamedTuple):
    """Something that happened about the person: when, what, who did it, why, and its page."""

    at: datetime
    what: str | Promise
    who: str = ""
    why: str = ""
    url: str = ""


PARTS: list[Part] = []
# each gives the newest happenings of an app by the moment, at most SHOWN of a kind, in a constant number of queries
HAPPENINGS: list[Callable[[HttpRequest, DataSubject, datetime | None], Iterable[Happening]]] = []


def moment(text: str) -> datetime | None:
    """The end of the day that was asked for, in Asia/Almaty; None for nothing, today and days to come.

    Raises ValidationError for what is no day.
    """
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
        end = timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min)) - timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise ValidationError(
            _("“%(text)s” is no date: write it as 2026-11-23.") % {"text": text.strip()[:20]}, code="date"
        ) from None
    return end if end < timezone.now() else None


def timeline(request: HttpRequest, subject: DataSubject, at: datetime | None) -> list[Happening]:
    """What happened about the person by the moment, newest first."""
    found = [happening for part in HAPPENINGS for happening in part(request, subject, at)]
    return sorted(found, key=lambda happening: happening.at, reverse=True)[:LONGEST]
