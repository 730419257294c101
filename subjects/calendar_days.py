"""The calendar of working days: filled from `holidays`, changed by officers, who see first what moves (law.md 4)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from importlib.metadata import version
from typing import NamedTuple

import holidays
from django.db import connection, transaction
from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import gettext as _

from audit import past
from staff.models import StaffUser
from staff.opening import Overtaken
from staff.rules import NotAllowed
from subjects import clock
from subjects.clock import ALMATY, Days, Span
from subjects.clock_models import CalendarDay, DayKind, Deadline, DeadlineQuerySet, Unit

# how many years before and after this one `load` fills
BEFORE, AFTER = 2, 3
# the library speaks no Russian: its English names, and ours in kk, ru, en
NAMES = {
    "New Year's Day": ("Жаңа жыл", "Новый год", "New Year"),
    "Orthodox Christmas": ("Православиелік Рождество", "Православное Рождество", "Orthodox Christmas"),
    "International Women's Day": ("Халықаралық әйелдер күні", "Международный женский день", "Women's Day"),
    "Nowruz Holiday": ("Наурыз мейрамы", "Наурыз мейрамы", "Nauryz"),
    "Kazakhstan's People Solidarity Holiday": (
        "Қазақстан халқының бірлігі мерекесі",
        "Праздник единства народа Казахстана",
        "Unity Day of the people of Kazakhstan",
    ),
    "Defender of the Fatherland Day": ("Отан қорғаушы күні", "День защитника Отечества", "Defender's Day"),
    "Victory Day": ("Жеңіс күні", "День Победы", "Victory Day"),
    "Eid al-Adha": ("Құрбан айттың бірінші күні", "Первый день Курбан-айта", "First day of Kurban ait"),
    "Capital Day": ("Астана күні", "День столицы", "Capital Day"),
    "Constitution Day": (
        "Қазақстан Республикасының Конституциясы күні",
        "День Конституции Республики Казахстан",
        "Constitution Day",
    ),
    "Republic Day": ("Республика күні", "День Республики", "Republic Day"),
    "Independence Day": ("Тәуелсіздік күні", "День Независимости", "Independence Day"),
}
OBSERVED, ESTIMATED, SUBSTITUTED = " (observed)", " (estimated)", "Day off (substituted"
MOVED = (" (ауыстырылған демалыс күні)", " (перенос выходного дня)", " (day off moved)")
BY_GOVERNMENT = ("Ауыстырылған демалыс күні", "Перенесённый выходной день", "Day off moved by the Government")
WORKED_OFF = ("Ауыстырылған жұмыс күні", "Перенесённый рабочий день", "Working day moved by the Government")


class Named(NamedTuple):
    """A day as the library knows it."""

    day: date
    kind: DayKind
    names: tuple[str, str, str]
    estimated: bool


def of_library(year: int) -> list[Named]:
    """Days of a year that differ from their weekday, by `holidays`, with names of our own; an unknown name is kept."""
    known = holidays.country_holidays("KZ", years=year, language="en_US")
    found = []
    for day, told in known.items():
        first = told.split("; ")[0]
        observed, estimated = OBSERVED in first, ESTIMATED in first
        bare = first.replace(OBSERVED, "").replace(ESTIMATED, "")
        names = BY_GOVERNMENT if bare.startswith(SUBSTITUTED) else NAMES.get(bare, (bare, bare, bare))
        if observed:
            names = tuple(name + moved for name, moved in zip(names, MOVED, strict=True))
        found.append(Named(day, DayKind.OFF, names, estimated))
    for day in known.weekend_workdays:
        if day.year == year:
            found.append(Named(day, DayKind.WORKING, WORKED_OFF, False))
    return sorted(found)


def covered() -> frozenset[int]:
    """The years the calendar speaks of."""
    return days().years


def days(at: datetime | None = None) -> Days:
    """The calendar as it stands, or as it stood at `at` (aware): by that of its `reckoned_at` a deadline was counted.

    One query.
    """
    if at is None:
        rows = list(CalendarDay.objects.values_list("day", "kind"))
    else:
        rows = [(row.day, row.kind) for row in past.rows(CalendarDay, at)]
    return Days(
        frozenset(day.year for day, _kind in rows),
        frozenset(day for day, kind in rows if kind == DayKind.OFF),
        frozenset(day for day, kind in rows if kind == DayKind.WORKING),
    )


def missing(today: date | None = None) -> list[int]:
    """Years that counting needs soon and the calendar does not cover: this one and the next."""
    year = (today or timezone.localdate()).year
    have = covered()
    return [needed for needed in (year, year + 1) if needed not in have]


@transaction.atomic
def load(today: date | None = None) -> int:
    """Fill the years around `today` that have no day yet, from `holidays`; how many days were added.

    A year that is there is left alone: what the library knows better is told by `differences` and decided by an
    officer, because it may move what runs.
    """
    hold()
    year, have = (today or timezone.localdate()).year, covered()
    source = f"holidays {version('holidays')}"
    return len(
        CalendarDay.objects.bulk_create(
            CalendarDay(
                day=told.day,
                kind=told.kind,
                title_kk=told.names[0],
                title_ru=told.names[1],
                title_en=told.names[2],
                source=source,
                estimated=told.estimated,
            )
            for filled in range(year - BEFORE, year + AFTER + 1)
            if filled not in have
            for told in of_library(filled)
        )
    )


def differences(year: int) -> list[tuple[date, DayKind]]:
    """Days of a covered year that the library has learned otherwise: (day, what it says now)."""
    mine = days()
    told = {named.day: named.kind for named in of_library(year)}
    rows = set(mine.off | mine.working)
    asked = sorted(set(told) | {day for day in rows if day.year == year})
    found = []
    for day in asked:
        says = told.get(day, DayKind.OFF if day.weekday() >= clock.SATURDAY else DayKind.WORKING)
        if mine.is_working(day) != (says == DayKind.WORKING):
            found.append((day, says))
    return found


def hold(*, shared: bool = False) -> None:
    """Let the calendar be, until the transaction ends: clocks start under a shared hold, changes under their own."""
    act = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {act}(hashtext(%s))", [CalendarDay._meta.db_table])


# what a change moves


class Group(NamedTuple):
    """Running deadlines that were counted alike and move alike."""

    unit: str
    amount: int
    start: date
    due_at: datetime
    deadlines: int
    moved_to: datetime


@dataclass(frozen=True)
class Moves:
    """What a change of days would move."""

    groups: list[Group]

    @property
    def count(self) -> int:
        """How many deadlines."""
        return sum(group.deadlines for group in self.groups)

    def rows(self, limit: int) -> list[tuple[Deadline, datetime]]:
        """The first deadlines that move, soonest first, each with its new last moment."""
        found: list[tuple[Deadline, datetime]] = []
        for group in sorted(self.groups, key=lambda group: group.due_at):
            if len(found) >= limit:
                break
            rows = _of(group).select_related("rule").order_by("pk")[: limit - len(found)]
            found += [(row, group.moved_to) for row in rows]
        return found


def _morning(day: date) -> datetime:
    return datetime.combine(day, time.min, ALMATY)


def _of(group: Group) -> DeadlineQuerySet:
    return Deadline.objects.running().filter(
        rule__unit=group.unit,
        amount=group.amount,
        due_at=group.due_at,
        counted_from__gte=_morning(group.start),
        counted_from__lt=_morning(group.start + clock.DAY),
    )


def moves(kinds: dict[date, str]) -> Moves:
    """What runs and would end elsewhere if these days were "off" or "working".

    One grouped query over the deadlines that one of the days lies within, by the index on `due_at`; deadlines counted
    alike are reckoned once, so the cost goes with rules × days and not with people. Raises CalendarMissing.
    """
    now = days()
    then = now.changed(kinds)
    touched = Q()
    for day in kinds:
        touched |= Q(counted_from__lt=_morning(day + clock.DAY), due_at__gte=_morning(day))
    groups = (
        Deadline.objects.running()
        .exclude(rule__unit=Unit.HOUR)
        .filter(touched)
        .order_by()
        .annotate(start=TruncDate("counted_from", tzinfo=ALMATY))
        .values_list("rule__unit", "amount", "start", "due_at")
        .annotate(Count("pk"))
    )
    found = []
    for unit, amount, start, due_at, count in groups:
        moved_to = clock.last_moment(clock.due_day(Span(amount, unit), start, days=then))
        if moved_to != due_at:
            found.append(Group(unit, amount, start, due_at, count, moved_to))
    return Moves(found)


def mark(kinds: Iterable[date], found: Moves) -> str:
    """What an officer saw before confirming: how the days stood and what would move."""
    rows = dict(CalendarDay.objects.filter(day__in=list(kinds)).values_list("day", "kind"))
    stood = ",".join(f"{day}={rows.get(day, '')}" for day in sorted(kinds))
    return f"{stood};{found.count}"


def check_may_change(*, by: StaffUser) -> None:
    """Whoever keeps the calendar."""
    if not by.has_perm("subjects.change_calendarday"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")


@transaction.atomic
def change(
    *,
    kinds: dict[date, str],
    names: tuple[str, str, str],
    source: str,
    estimated: bool = False,
    seen: str,
    by: StaffUser,
) -> int:
    """Tell days to be off or working and move every running deadline that ends elsewhere by it; how many moved.

    names: kk, ru, en. source: the act. seen: `mark` of what the officer was shown. In one transaction: the history of
    days and deadlines has the same transaction number. Raises NotAllowed, Overtaken (it stands otherwise than seen),
    CalendarMissing (a year that is not filled), ValidationError.
    """
    check_may_change(by=by)
    hold()
    have = covered()
    for day in kinds:
        if day.year not in have:
            raise clock.CalendarMissing(day.year)
    found = moves(kinds)
    if mark(kinds, found) != seen:
        raise Overtaken(
            _("The calendar or what runs has changed meanwhile. Look again, then confirm."), code="overtaken"
        )
    for day, kind in kinds.items():
        row = CalendarDay.objects.filter(day=day).first() or CalendarDay(day=day)
        row.kind, row.source, row.estimated = kind, source, estimated
        row.title_kk, row.title_ru, row.title_en = names
        row.full_clean(exclude={"title"})
        row.save()
    now = timezone.now()
    return sum(_of(group).update(due_at=group.moved_to, reckoned_at=now) for group in found.groups)
