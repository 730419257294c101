"""Which requests wait: by their clocks, by whose they are, by what is lacking; queries do not grow with them."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import models
from django.db.models import Exists, Min, OuterRef, Subquery, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from staff.models import StaffUser
from subjects import calendar_days, clock, deadlines, ports
from subjects.clock_models import Deadline
from subjects.enums import Disclosure
from subjects.requests import SubjectRequest
from subjects.restraints import DenialDispute


def _about(pk: models.F | OuterRef, model: type[models.Model] = SubjectRequest) -> Concat:
    """What the clocks of a row are about, in SQL."""
    return Concat(Value(f"{model._meta.label}:"), Cast(pk, models.TextField()), output_field=models.TextField())


_ABOUT = _about(OuterRef("pk"))


class Due(NamedTuple):
    """Until when a request must be answered: the first of its clocks that run, and the working days that are left."""

    until: datetime
    days: int
    paused: bool = False


def late(rows: models.QuerySet, clocks: models.QuerySet) -> models.QuerySet:
    """Those of the requests or disputes whose clocks are among `clocks`."""
    return rows.filter(Exists(clocks.order_by().filter(about=_about(OuterRef("pk"), rows.model))))


def without_hidden(clocks: models.QuerySet, *, by: StaffUser) -> models.QuerySet:
    """The clocks without those of what this officer may not know of: requests, and what higher apps withhold."""
    for hidden_from in ports.hidden_clocks:
        clocks = clocks.exclude(about__in=hidden_from(by))
    if by.has_perm("subjects.view_withheld"):
        return clocks
    hidden = SubjectRequest.objects.filter(disclosure=Disclosure.WITHHELD).annotate(clock=_about(models.F("pk")))
    return clocks.exclude(about__in=hidden.values("clock"))


def with_due(requests: models.QuerySet) -> models.QuerySet:
    """The requests with `first_due`, the end of their first clock that runs, and the soonest first."""
    running = Deadline.objects.running().filter(about=_ABOUT).order_by().values("about")
    soonest = Subquery(running.annotate(first=Min("due_at")).values("first"))
    return requests.annotate(first_due=soonest).order_by(models.F("first_due").asc(nulls_last=True), "pk")


def today(at: datetime | None = None) -> models.QuerySet:
    """The clocks that end on the day of `at` (aware, now by default) and are not late."""
    at = at or timezone.now()
    last = clock.last_moment(clock.local_day(at))
    return Deadline.objects.running().filter(due_at__gte=at, due_at__lte=last).select_related("rule")


def queue(name: str, requests: models.QuerySet, *, by: StaffUser) -> models.QuerySet:
    """The open requests of a queue: open, overdue, today, soon, mine, nobody, unknown, second."""
    rows = requests.open()
    match name:
        case "overdue":
            return late(rows, deadlines.overdue())
        case "today":
            return late(rows, today())
        case "soon":
            return late(rows, deadlines.due_soon())
        case "mine":
            return rows.filter(assignee=by)
        case "nobody":
            return rows.filter(assignee=None)
        case "unknown":
            return rows.filter(identified_at=None)
        case "second":
            return rows.waiting().exclude(decided_by=by)
    return rows


def due_of(rows: Iterable[SubjectRequest | DenialDispute]) -> dict[int, Due]:
    """{id: until when}, of those with a clock that is not met; two queries."""
    by_about = {row.about: row.pk for row in rows}
    found: dict[int, Due] = {}
    clocks = Deadline.objects.open().filter(about__in=by_about).order_by("due_at")
    days, day = calendar_days.days(), timezone.localdate()
    for one in clocks:
        pk = by_about[one.about]
        paused = one.paused_at is not None
        if pk in found and (paused or not found[pk].paused):
            continue
        left = deadlines.working_days_left(one.due_at, today=day, days=days)
        # on a day off after the last day none is left, and yet it is late
        found[pk] = Due(one.due_at, min(left, -1) if one.is_overdue() else left, paused)
    return found
