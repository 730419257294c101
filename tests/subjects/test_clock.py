"""The law clock's arithmetic against law.md section 4, a naive oracle and the library the calendar is filled from."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subjects import calendar_days, clock
from subjects.clock import ALMATY, CalendarMissing, Days, Span
from subjects.clock_models import DayKind

YEARS = frozenset(range(2024, 2030))
NAMED = [named for year in sorted(YEARS) for named in calendar_days.of_library(year)]
CALENDAR = Days(
    YEARS,
    frozenset(named.day for named in NAMED if named.kind == DayKind.OFF),
    frozenset(named.day for named in NAMED if named.kind == DayKind.WORKING),
)


def day(text: str) -> date:
    return datetime.strptime(text, "%d.%m.%Y").date()


def noon(of: date) -> datetime:
    return datetime(of.year, of.month, of.day, 12, tzinfo=ALMATY)


@pytest.mark.parametrize(
    "trigger, amount, expected",
    [
        ("19.03.2026", 3, "27.03.2026"),
        ("20.03.2026", 1, "26.03.2026"),
        ("30.12.2026", 3, "06.01.2027"),
        ("31.12.2026", 10, "19.01.2027"),
        ("26.05.2026", 1, "28.05.2026"),
        ("28.08.2026", 1, "31.08.2026"),
        ("12.03.2027", 3, "18.03.2027"),
        ("30.04.2027", 1, "04.05.2027"),
        ("19.03.2027", 1, "25.03.2027"),
    ],
)
def test_terms_in_working_days_end_as_the_law_notes_reckoned_them(trigger, amount, expected):
    due = clock.due(Span(amount, "working_day"), noon(day(trigger)), days=CALENDAR)
    assert due == datetime.combine(day(expected), datetime.max.time(), ALMATY).replace(microsecond=0)


# law.md 4: the table of days off, moved ones included
OFF_2026 = (
    "01.01 02.01 07.01 08.03 09.03 21.03 22.03 23.03 24.03 25.03 01.05 07.05 09.05 11.05 27.05 06.07 25.10 26.10 16.12"
)
OFF_2027 = (
    "01.01 02.01 04.01 07.01 08.03 15.03 21.03 22.03 23.03 24.03 01.05 03.05 07.05 09.05 10.05 16.05 06.07 25.10 16.12"
)


@pytest.mark.parametrize("year, off", [(2026, OFF_2026), (2027, OFF_2027)])
def test_the_days_off_of_a_year_are_those_of_the_law_notes_and_leave_247_working_days(year, off):
    assert sorted(d for d in CALENDAR.off if d.year == year) == [day(f"{text}.{year}") for text in off.split()]
    first = date(year, 1, 1)
    assert sum(CALENDAR.is_working(first + timedelta(days=n)) for n in range(365)) == 247


def test_the_old_constitution_day_is_worked_and_the_new_one_is_not():
    assert date(2026, 8, 30) not in CALENDAR.off  # a Sunday that moves nothing
    assert CALENDAR.is_working(date(2026, 8, 31))
    assert not CALENDAR.is_working(date(2027, 3, 15))


def test_kurban_ait_on_a_monday_would_take_one_working_day_more():
    moved = CALENDAR.changed({date(2027, 5, 17): "off", date(2027, 5, 16): "off"})
    assert moved.count(date(2026, 12, 31), date(2027, 12, 31)) == 246


def test_a_working_saturday_counts_and_the_friday_it_was_given_for_does_not():
    saturday, friday = date(2026, 10, 10), date(2026, 10, 16)
    moved = CALENDAR.changed({saturday: "working", friday: "off"})
    assert clock.due_day(Span(1, "working_day"), date(2026, 10, 9), days=moved) == saturday
    assert clock.due_day(Span(1, "working_day"), date(2026, 10, 15), days=moved) == date(2026, 10, 19)
    back = moved.changed({saturday: "off", friday: "working"})
    assert clock.due_day(Span(1, "working_day"), date(2026, 10, 9), days=back) == date(2026, 10, 12)


def test_late_evening_in_utc_is_the_next_day_in_almaty():
    at = datetime(2026, 3, 18, 19, 30, tzinfo=UTC)  # 00:30 of the 19th in Almaty
    assert clock.local_day(clock.due(Span(3, "working_day"), at, days=CALENDAR)) == date(2026, 3, 27)
    before = at - timedelta(hours=1)  # 23:30 of the 18th
    assert clock.local_day(clock.due(Span(3, "working_day"), before, days=CALENDAR)) == date(2026, 3, 26)


def test_calendar_days_are_all_counted_and_an_end_on_a_day_off_moves_on():
    assert clock.due_day(Span(5, "calendar_day"), date(2026, 3, 16), days=CALENDAR) == date(2026, 3, 26)
    assert clock.due_day(Span(5, "calendar_day"), date(2026, 6, 1), days=CALENDAR) == date(2026, 6, 8)
    assert clock.due_day(Span(5, "calendar_day"), date(2026, 6, 3), days=CALENDAR) == date(2026, 6, 8)


def test_hours_are_exact_and_know_no_days_off():
    at = datetime(2026, 12, 31, 20, 15, tzinfo=ALMATY)
    assert clock.due(Span(24, "hour"), at, days=Days(frozenset())) == at + timedelta(hours=24)


def test_a_year_the_calendar_does_not_cover_is_an_error_that_names_it():
    with pytest.raises(CalendarMissing, match="2030"):
        clock.due(Span(3, "working_day"), noon(date(2029, 12, 31)), days=CALENDAR)
    with pytest.raises(CalendarMissing, match="2023"):
        Days(YEARS).is_working(date(2023, 12, 31))


def test_a_naive_moment_has_no_day():
    with pytest.raises(ValueError, match="time zone"):
        clock.local_day(datetime(2026, 3, 19, 12))


# properties

moments = st.datetimes(datetime(2024, 1, 1), datetime(2028, 6, 1), timezones=st.just(UTC))
spans = st.builds(Span, st.integers(1, 200), st.sampled_from(["working_day", "calendar_day"]))


def naive(span: Span, at: datetime) -> date:
    """Day by day, as a clerk with a paper calendar."""
    of, left = at.astimezone(ALMATY).date(), span.amount
    while left:
        of += timedelta(days=1)
        if span.unit == "calendar_day" or (of not in CALENDAR.off and of.isoweekday() <= 5) or of in CALENDAR.working:
            left -= 1
    while (of in CALENDAR.off or of.isoweekday() > 5) and of not in CALENDAR.working:
        of += timedelta(days=1)
    return of


@given(spans, moments)
def test_it_ends_where_a_clerk_with_a_paper_calendar_ends(span, at):
    assert clock.local_day(clock.due(span, at, days=CALENDAR)) == naive(span, at)


@given(spans, moments, st.timedeltas(timedelta(0), timedelta(days=40)))
def test_what_begins_later_does_not_end_earlier_and_nothing_ends_on_a_day_off(span, at, later):
    due = clock.due(span, at, days=CALENDAR)
    assert due <= clock.due(span, at + later, days=CALENDAR)
    assert CALENDAR.is_working(clock.local_day(due))
    assert due > at


@given(spans, moments, st.integers(0, 30))
def test_a_pause_that_ends_the_same_day_changes_nothing(span, at, after):
    moment = at + timedelta(days=after)
    due = clock.due(span, at, days=CALENDAR)
    try:
        remains = clock.left(span, at, moment, days=CALENDAR)
    except ValueError:
        assert clock.local_day(moment) > clock.local_day(at)  # the term ran out before
        return
    if remains or span.unit == "calendar_day":
        assert clock.due(Span(remains, span.unit), moment, days=CALENDAR) == due
