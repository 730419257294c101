"""Counting the terms of the law (law.md 1.6, 4): pure, no database; the calendar is given.

A term begins on the day after its trigger and ends on a working day (Civil Code art. 173-176). Days are those of
Asia/Almaty: a moment that is late evening in UTC is the next day there.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

ALMATY = ZoneInfo("Asia/Almaty")
SATURDAY = 5
DAY = timedelta(days=1)


class Term(Protocol):
    """How long a duty may take; `unit` is a `clock_models.Unit`."""

    @property
    def amount(self) -> int: ...
    @property
    def unit(self) -> str: ...


@dataclass(frozen=True)
class Span:
    """A term that is no row: what is left of one after a pause."""

    amount: int
    unit: str


class CalendarMissing(ValidationError):
    """The calendar does not cover a year the count needs; `year` says which."""

    def __init__(self, year: int) -> None:
        self.year = year
        super().__init__(
            _("The calendar does not cover %(year)s: fill it with “manage.py load_registers”, then count again.")
            % {"year": year},
            code="calendar_missing",
        )


@dataclass(frozen=True)
class Days:
    """The calendar: days that differ from their weekday, and the years it speaks of."""

    years: frozenset[int]
    off: frozenset[date] = field(default_factory=frozenset)
    working: frozenset[date] = field(default_factory=frozenset)

    def is_working(self, day: date) -> bool:
        """Whether it is a working day of the five-day week. Raises CalendarMissing, never guesses."""
        if day.year not in self.years:
            raise CalendarMissing(day.year)
        if day in self.working:
            return True
        return day not in self.off and day.weekday() < SATURDAY

    def next_working(self, day: date) -> date:
        """The day itself or the first working day after it. Raises CalendarMissing."""
        while not self.is_working(day):
            day += DAY
        return day

    def count(self, after: date, until: date) -> int:
        """How many working days lie after the one and up to the other. Raises CalendarMissing."""
        return sum(self.is_working(after + n * DAY) for n in range(1, (until - after).days + 1))

    def changed(self, kinds: dict[date, str]) -> "Days":
        """The same calendar with these days told to be "off" or "working"."""
        others = frozenset(kinds)
        return Days(
            self.years,
            (self.off - others) | {day for day, kind in kinds.items() if kind == "off"},
            (self.working - others) | {day for day, kind in kinds.items() if kind == "working"},
        )


def local_day(at: datetime) -> date:
    """The day of an aware moment in Asia/Almaty. Raises ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError("a moment without a time zone has no day")
    return at.astimezone(ALMATY).date()


def moment(text: str, *, end: bool = False) -> datetime:
    """An aware moment of what was written: 2026-03-19 (its beginning, or its `end`) or 2026-03-19T17:30.

    Asia/Almaty where no zone is named. Raises ValidationError.
    """
    try:
        # a day first: Python would take one for its midnight
        day = parse_date(text)
        at = None if day else parse_datetime(text)
    except ValueError:
        at = day = None
    if day is not None:
        at = datetime.combine(day, time.max if end else time.min)
    if at is None:
        raise ValidationError(
            _("“%(text)s” is no day or moment: write 2026-03-19 or 2026-03-19T17:30.") % {"text": text[:40]},
            code="moment",
        )
    return at.replace(tzinfo=ALMATY) if at.tzinfo is None else at


def last_moment(day: date) -> datetime:
    """The last second of a day in Asia/Almaty, aware."""
    return datetime.combine(day, time(23, 59, 59), ALMATY)


def due_day(rule: Term, day: date, *, days: Days) -> date:
    """The last day of a term in days that is triggered on `day`.

    Working days are counted from the next one; calendar days are all counted, and an end on a day off moves to the next
    working day. Raises CalendarMissing; ValueError for a term in hours, which has no day.
    """
    if rule.unit == "calendar_day":
        return days.next_working(day + rule.amount * DAY)
    if rule.unit != "working_day":
        raise ValueError(f"a term in {rule.unit} does not end with a day")
    for _step in range(rule.amount):
        day = days.next_working(day + DAY)
    # a term with nothing left of it ends today, or when work goes on
    return day if rule.amount else days.next_working(day)


def due(rule: Term, at: datetime, *, days: Days) -> datetime:
    """The last moment in time of a duty triggered at `at` (both aware): the end of a day, or to the second for hours.

    Raises CalendarMissing.
    """
    if rule.unit == "hour":
        return at + timedelta(hours=rule.amount)
    return last_moment(due_day(rule, local_day(at), days=days))


def left(rule: Term, counted_from: datetime, at: datetime, *, days: Days) -> int:
    """Days of a term in days that are left after the day of `at`, in the rule's unit; that day itself is used up.

    Raises CalendarMissing; ValueError when the term is over or is one in hours.
    """
    start, today = local_day(counted_from), max(local_day(at), local_day(counted_from))
    if rule.unit == "calendar_day":
        remains = rule.amount - (today - start).days
    elif rule.unit == "working_day":
        remains = rule.amount - days.count(start, today)
    else:
        raise ValueError(f"a term in {rule.unit} is not paused")
    if remains < 0:
        raise ValueError("the term is over")
    return remains
