"""The law clock for other apps: start a term for something, pause it, go on, meet it; what is late and what is soon.

A clock is about a row, named "app.Model:pk" as the cause of a letter is. Who started or met it is the session's actor,
kept by history. Counting is in `subjects.clock`, the calendar in `subjects.calendar_days`.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from staff.rules import NotAllowed
from subjects import calendar_days, clock
from subjects.clock import Days, Span
from subjects.clock_models import Deadline, DeadlineQuerySet, DutyRule, Unit


def rule(code: str, *, at: datetime | None = None) -> DutyRule:
    """The rule of a code of law.md 1.6 in force at `at` (aware, now by default).

    A moment before the first rule that was loaded is answered by that one: what was received before Kelisim came has
    its term too. Raises NotAllowed for a code without a rule.
    """
    rows = DutyRule.objects.filter(code=code)
    found = rows.in_force(at).first()
    if found is None and at is not None:
        first = rows.exclude(in_force_during=None).order_by("in_force_during").first()
        if first is not None and first.loaded and at < first.in_force_during.lower:
            found = first
    if found is None:
        codes = ", ".join(DutyRule.objects.in_force().order_by("code").values_list("code", flat=True))
        raise NotAllowed(
            _("There is no term of the law “%(code)s” in force. There are: %(codes)s.")
            % {"code": code[:40], "codes": codes or _("none")},
            code="unknown",
        )
    return found


@transaction.atomic
def start(*, rule_code: str, about: str, at: datetime) -> Deadline:
    """Start a term for `about` ("subjects.SubjectRequest:17") from the moment of its trigger, `at` (aware).

    Raises NotAllowed (no such rule, or it runs already), CalendarMissing.
    """
    calendar_days.hold(shared=True)
    of = rule(rule_code, at=at)
    if Deadline.objects.open().filter(about=about, rule__code=of.code).exists():
        raise NotAllowed(_("A clock of this rule runs for it already."), code="twice")
    return Deadline.objects.create(
        about=about,
        rule=of,
        started_at=at,
        counted_from=at,
        amount=of.amount,
        due_at=clock.due(of, at, days=calendar_days.days()),
        reckoned_at=timezone.now(),
    )


@transaction.atomic
def start_many(*, rule_code: str, started: Sequence[tuple[str, datetime]]) -> list[Deadline]:
    """Start a term for many things that have none yet: (about, moment of its trigger, aware); a few queries for all.

    Raises NotAllowed (no such rule), CalendarMissing; IntegrityError when one runs already.
    """
    calendar_days.hold(shared=True)
    days, now, rules = calendar_days.days(), timezone.now(), {}
    for at in {at for _about, at in started}:
        rules[at] = rule(rule_code, at=at)
    return Deadline.objects.bulk_create(
        Deadline(
            about=about,
            rule=rules[at],
            started_at=at,
            counted_from=at,
            amount=rules[at].amount,
            due_at=clock.due(rules[at], at, days=days),
            reckoned_at=now,
        )
        for about, at in started
    )


def _locked(deadline: Deadline) -> Deadline:
    calendar_days.hold(shared=True)
    row = Deadline.objects.select_for_update(of=("self",)).select_related("rule").get(pk=deadline.pk)
    if row.met_at is not None:
        raise NotAllowed(_("This deadline is met already."), code="met")
    return row


@transaction.atomic
def meet(*, deadline: Deadline, at: datetime | None = None) -> Deadline:
    """The duty was done at `at` (aware, now by default); a pause ends with it. Raises NotAllowed when it is met."""
    row = _locked(deadline)
    row.met_at, row.paused_at, row.pause_reason = at or timezone.now(), None, ""
    row.save(update_fields=["met_at", "paused_at", "pause_reason"])
    return row


@transaction.atomic
def pause(*, deadline: Deadline, reason: str, at: datetime | None = None) -> Deadline:
    """Stop the clock for a reason (PauseReason) its rule allows; the day of `at` is used up, those after it are kept.

    Raises NotAllowed: the rule does not pause for that, it is paused, or it is too late.
    """
    row, at = _locked(deadline), at or timezone.now()
    if row.paused_at is not None:
        raise NotAllowed(_("This clock is paused already."), code="paused")
    if reason not in row.rule.may_pause_for:
        raise NotAllowed(_("The law does not let this term be paused for that reason."), code="reason")
    if row.is_overdue(at):
        raise NotAllowed(_("The term is over: it can no longer be paused."), code="overdue")
    span = Span(row.amount, row.rule.unit)
    # an end moved from a day off has no day of the term left
    row.amount = max(0, _left(span, row.counted_from, at))
    row.paused_at, row.pause_reason = at, reason
    row.save(update_fields=["amount", "paused_at", "pause_reason"])
    return row


def _left(span: Span, counted_from: datetime, at: datetime) -> int:
    try:
        return clock.left(span, counted_from, at, days=calendar_days.days())
    except ValueError:
        return 0


@transaction.atomic
def resume(*, deadline: Deadline, at: datetime | None = None) -> Deadline:
    """Go on after a pause: what was left is counted from the day after `at` (aware, now by default).

    Raises NotAllowed when it is not paused, CalendarMissing.
    """
    row, at = _locked(deadline), at or timezone.now()
    if row.paused_at is None:
        raise NotAllowed(_("This clock is not paused."), code="running")
    if at < row.paused_at:
        raise NotAllowed(_("A pause does not end before it began."), code="past")
    row.counted_from, row.reckoned_at = at, timezone.now()
    row.due_at = clock.due(Span(row.amount, row.rule.unit), at, days=calendar_days.days())
    row.paused_at, row.pause_reason = None, ""
    row.save(update_fields=["counted_from", "due_at", "reckoned_at", "paused_at", "pause_reason"])
    return row


def of(about: str) -> DeadlineQuerySet:
    """Every clock of one thing, met ones too."""
    return Deadline.objects.filter(about=about)


def overdue(at: datetime | None = None) -> DeadlineQuerySet:
    """What runs and is late at `at` (aware, now by default), the oldest first."""
    return Deadline.objects.running().filter(due_at__lt=at or timezone.now()).select_related("rule")


def due_soon(at: datetime | None = None, *, working_days: int = 2) -> DeadlineQuerySet:
    """What runs, is not late at `at` and ends today or within so many working days after it.

    Where the calendar ends, a week more is looked ahead: a list that warns had better warn too early than not open.
    """
    at = at or timezone.now()
    try:
        until = clock.due(Span(working_days, Unit.WORKING_DAY), at, days=calendar_days.days())
    except clock.CalendarMissing:
        until = at + timedelta(days=working_days + 7)
    return Deadline.objects.running().filter(due_at__gte=at, due_at__lte=until).select_related("rule")


def working_days_left(due_at: datetime, *, today: date, days: Days | None = None) -> int:
    """Working days between today and the last day, for the chip of a deadline: 0 is today, below 0 is overdue.

    days: the calendar, where a list has read it already.
    """
    last, calendar = clock.local_day(due_at), days or calendar_days.days()
    return -calendar.count(last, today) if last < today else calendar.count(today, last)
