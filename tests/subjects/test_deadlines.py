"""Clocks that run: started, paused, met, moved by a change of the calendar; nothing is counted by guess."""

import threading
from datetime import date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import translation

from audit.actor import acting_as
from staff.models import StaffUser
from subjects import calendar_days, clock, deadlines, registers
from subjects.clock import ALMATY, CalendarMissing
from subjects.clock_models import CalendarDay, Deadline, DutyRule, PauseReason
from tests.staff.factories import StaffUserFactory, as_officer, permit

pytestmark = pytest.mark.django_db
LAW_CODES = (
    "ACCESS REFUSE CHANGE BLOCK DESTROY UNBLOCK PUBLIC TRANSFER_NOTICE BREACH DIGITAL_CODE CB_DISPUTE CB_FIX"
    " ASSIGN_NOTICE"
)
NAMES = ("Демалыс күні", "Выходной день", "")


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


@pytest.fixture
def loaded():
    with acting_as("command:load_registers@test"):
        return registers.load_clock()


@pytest.fixture
def keeper(db) -> StaffUser:
    return permit(StaffUserFactory(), "subjects.change_calendarday")


def noon(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T12:00").replace(tzinfo=ALMATY)


def started(at: str = "2026-03-19", code: str = "ACCESS", pk: int = 1) -> Deadline:
    return deadlines.start(rule_code=code, about=f"subjects.SubjectRequest:{pk}", at=noon(at))


def due(deadline: Deadline) -> str:
    deadline.refresh_from_db()
    return clock.local_day(deadline.due_at).isoformat()


def pausable(code: str = "SLOW", amount: int = 5, unit: str = "working_day") -> DutyRule:
    with acting_as("command:load_registers@test"):
        return DutyRule.objects.create(
            code=code, amount=amount, unit=unit, trigger="request", title_ru="Срок", title_kk="Мерзім", loaded=True,
            may_pause_for=[] if unit == "hour" else [PauseReason.IDENTITY], in_force_during=(noon("2024-01-01"), None),
        )  # fmt: skip


def change(kinds: dict[str, str], by: StaffUser) -> int:
    told = {date.fromisoformat(day): kind for day, kind in kinds.items()}
    with as_officer(by):
        return calendar_days.change(
            kinds=told, names=NAMES, source="Приказ", by=by, seen=calendar_days.mark(told, calendar_days.moves(told))
        )


class TestTheRegisters:
    def test_every_code_of_the_law_notes_is_loaded_and_none_claims_counsel(self, loaded):
        rows = DutyRule.objects.in_force()
        assert sorted(rows.values_list("code", flat=True)) == sorted(LAW_CODES.split())
        assert not rows.filter(confirmed_by_counsel=True).exists()
        assert not rows.filter(title_kk=None).exists() and not rows.filter(title_ru=None).exists()

    def test_loading_again_adds_nothing_and_leaves_what_an_officer_changed(self, loaded, keeper):
        change({"2026-12-31": "off"}, keeper)
        with acting_as("command:load_registers@test"):
            assert registers.load_clock() == (0, 0)
        assert CalendarDay.objects.get(day="2026-12-31").kind == "off"

    def test_a_year_the_calendar_lacks_is_filled_and_those_it_has_are_left_alone(self, db):
        with acting_as("command:load_registers@test"):
            calendar_days.load(date(2026, 6, 1))
            assert calendar_days.covered() == frozenset(range(2024, 2030))
            calendar_days.load(date(2027, 6, 1))
        assert calendar_days.covered() == frozenset(range(2024, 2031))

    def test_every_day_has_a_name_in_three_languages_of_our_own(self, loaded):
        for row in CalendarDay.objects.all():
            assert row.title_ru != row.title_en or row.title_ru == "Наурыз мейрамы", row
            assert row.title_kk and row.title_ru and row.title_en
        assert CalendarDay.objects.get(day="2026-05-27").estimated

    def test_what_the_library_has_learned_otherwise_is_told_and_not_done(self, loaded, keeper):
        assert calendar_days.differences(2027) == []
        change({"2027-03-15": "working", "2027-12-31": "off"}, keeper)
        assert calendar_days.differences(2027) == [(date(2027, 3, 15), "off"), (date(2027, 12, 31), "working")]

    def test_a_missing_next_year_is_said(self, loaded):
        year = date.today().year
        assert calendar_days.missing(date(year, 12, 1)) == []
        assert calendar_days.missing(date(year + 3, 12, 1)) == [year + 4]


class TestAClock:
    def test_it_stores_its_rule_and_when_it_was_counted(self, loaded):
        row = started()
        assert due(row) == "2026-03-27"
        assert (row.rule.code, row.amount, row.counted_from) == ("ACCESS", 3, noon("2026-03-19"))
        known = CalendarDay.history.as_of(row.reckoned_at)
        assert known.count() == CalendarDay.objects.count()

    def test_it_runs_once_for_a_thing_and_again_when_it_was_met(self, loaded):
        row = started()
        with pytest.raises(ValidationError, match="already"):
            started()
        with pytest.raises(IntegrityError), transaction.atomic():
            Deadline.objects.create(
                about=row.about, rule=row.rule, started_at=row.started_at, counted_from=row.counted_from, amount=3,
                due_at=row.due_at, reckoned_at=row.reckoned_at,
            )  # fmt: skip
        deadlines.meet(deadline=row)
        assert started().pk != row.pk

    def test_an_unknown_code_is_a_sentence_that_names_the_codes(self, loaded):
        with pytest.raises(ValidationError, match=r"NOTHING.*ACCESS"):
            started(code="NOTHING")

    def test_a_year_without_a_calendar_starts_nothing(self, loaded):
        with pytest.raises(CalendarMissing, match="2035"):
            started("2035-03-19")
        assert not Deadline.objects.exists()

    def test_late_and_soon_leave_out_what_is_met_or_paused(self, loaded):
        pausable()
        late, today, soon, far = (
            started(at, pk=n) for n, at in enumerate(["2026-11-02", "2026-11-18", "2026-11-20", "2026-11-30"])
        )
        met = started("2026-11-02", pk=8)
        deadlines.meet(deadline=met)
        paused = started("2026-11-02", "SLOW", 9)
        deadlines.pause(deadline=paused, reason=PauseReason.IDENTITY, at=noon("2026-11-04"))
        now = noon("2026-11-23")
        assert list(deadlines.overdue(now)) == [late]
        assert list(deadlines.due_soon(now)) == [today, soon]
        assert far not in deadlines.due_soon(now)

    def test_the_last_second_of_the_day_is_in_time_and_the_next_day_is_not(self, loaded):
        row = started()
        last = datetime(2026, 3, 27, 23, 59, 59, tzinfo=ALMATY)
        assert not row.is_overdue(last)
        assert list(deadlines.overdue(last)) == []
        assert list(deadlines.overdue(last + timedelta(seconds=1))) == [row]

    def test_working_days_left_are_none_today_and_below_none_when_late(self, loaded):
        at = started("2026-11-18").due_at  # Monday the 23rd
        assert [deadlines.working_days_left(at, today=date(2026, 11, d)) for d in (18, 20, 22, 23, 24, 27)] == [
            3,
            1,
            1,
            0,
            -1,
            -4,
        ]


class TestAPause:
    def test_what_was_left_goes_on_from_the_day_after(self, loaded):
        pausable()
        row = started("2026-11-02", "SLOW")  # due Monday the 9th
        assert due(row) == "2026-11-09"
        row = deadlines.pause(deadline=row, reason=PauseReason.IDENTITY, at=noon("2026-11-04"))
        assert (row.amount, row.pause_reason) == (3, "identity")
        assert not row.is_overdue(noon("2026-12-20"))
        row = deadlines.resume(deadline=row, at=noon("2026-12-14"))  # Tuesday, [Wednesday is Independence Day], …
        assert due(row) == "2026-12-18"
        assert row.started_at == noon("2026-11-02")

    def test_a_pause_within_a_day_changes_nothing(self, loaded):
        pausable()
        row = started("2026-11-02", "SLOW")
        row = deadlines.pause(deadline=row, reason=PauseReason.IDENTITY, at=noon("2026-11-05"))
        assert due(deadlines.resume(deadline=row, at=noon("2026-11-05"))) == "2026-11-09"

    def test_calendar_days_that_were_left_are_kept_too(self, loaded):
        pausable(unit="calendar_day", amount=10)
        row = started("2026-11-02", "SLOW")
        row = deadlines.pause(deadline=row, reason=PauseReason.IDENTITY, at=noon("2026-11-06"))
        assert due(deadlines.resume(deadline=row, at=noon("2026-11-16"))) == "2026-11-23"  # the 22nd is a Sunday

    def test_a_rule_that_does_not_allow_it_runs_on(self, loaded):
        row = started()
        with pytest.raises(ValidationError, match="does not let"):
            deadlines.pause(deadline=row, reason=PauseReason.IDENTITY, at=noon("2026-03-20"))
        row.refresh_from_db()
        assert row.paused_at is None

    @pytest.mark.parametrize(
        "reason, at, code", [("unclear", "2026-11-04", "reason"), ("identity", "2026-11-10", "overdue")]
    )
    def test_another_reason_or_a_term_that_is_over_is_refused(self, loaded, reason, at, code):
        pausable()
        with pytest.raises(ValidationError) as refused:
            deadlines.pause(deadline=started("2026-11-02", "SLOW"), reason=reason, at=noon(at))
        assert refused.value.code == code

    def test_what_is_met_is_neither_paused_nor_met_again(self, loaded):
        pausable()
        row = started("2026-11-02", "SLOW")
        row = deadlines.pause(deadline=row, reason=PauseReason.IDENTITY, at=noon("2026-11-04"))
        deadlines.meet(deadline=row, at=noon("2026-11-05"))
        for act in (deadlines.meet, deadlines.resume):
            with pytest.raises(ValidationError, match="met already"):
                act(deadline=row)


class TestAChangeOfTheCalendar:
    def test_it_moves_what_runs_over_the_day_and_history_tells_it(self, loaded, keeper):
        runs, over, later, met = started(), started("2026-03-10", pk=2), started("2026-03-27", pk=3), started(pk=4)
        deadlines.meet(deadline=met)
        hours = pausable("FAST", 72, "hour")
        exact = deadlines.start(rule_code=hours.code, about="subjects.SubjectRequest:1", at=noon("2026-03-19"))
        before = (due(over), due(later), due(met), exact.due_at)
        reckoned = runs.reckoned_at
        assert change({"2026-03-26": "off"}, keeper) == 1
        assert due(runs) == "2026-03-30"
        assert (due(over), due(later), due(met)) == before[:3]
        exact.refresh_from_db()
        assert exact.due_at == before[3]
        assert runs.reckoned_at > reckoned
        told = runs.history.latest()
        assert told.history_user_id == keeper.pk
        assert told.txid == CalendarDay.objects.get(day="2026-03-26").history.latest().txid
        assert {clock.local_day(row.due_at).isoformat() for row in runs.history.all()} == {"2026-03-27", "2026-03-30"}

    def test_a_deadline_is_counted_again_by_the_calendar_it_was_counted_by(self, loaded, keeper):
        row = started()
        change({"2026-03-26": "off"}, keeper)
        row.refresh_from_db()
        for told in row.history.all():
            span = clock.Span(told.amount, "working_day")
            assert clock.due(span, told.counted_from, days=calendar_days.days(told.history_date)) == told.due_at
        assert calendar_days.days(row.history.earliest().history_date) != calendar_days.days()

    def test_it_moves_back_what_it_moved(self, loaded, keeper):
        row = started()
        change({"2026-03-26": "off"}, keeper)
        change({"2026-03-26": "working"}, keeper)
        assert due(row) == "2026-03-27"

    def test_two_days_that_change_places_move_once(self, loaded, keeper):
        row = started("2026-11-18")  # due Monday the 23rd
        assert change({"2026-11-21": "working", "2026-11-23": "off"}, keeper) == 1
        assert due(row) == "2026-11-21"
        assert row.history.count() == 2

    def test_a_clock_that_goes_on_after_a_pause_is_moved_by_its_new_count(self, loaded, keeper):
        pausable()
        row = started("2026-11-02", "SLOW")
        row = deadlines.pause(deadline=row, reason=PauseReason.IDENTITY, at=noon("2026-11-04"))
        deadlines.resume(deadline=row, at=noon("2026-11-23"))
        assert due(row) == "2026-11-26"
        assert change({"2026-11-03": "off"}, keeper) == 0
        assert change({"2026-11-25": "off"}, keeper) == 1
        assert due(row) == "2026-11-27"

    def test_a_term_with_nothing_left_is_moved_when_its_own_day_is(self, loaded, keeper):
        pausable()
        row = started("2026-11-02", "SLOW")
        row = deadlines.pause(deadline=row, reason=PauseReason.IDENTITY, at=noon("2026-11-09"))
        deadlines.resume(deadline=row, at=noon("2026-11-25"))
        assert due(row) == "2026-11-25"
        assert change({"2026-11-25": "off"}, keeper) == 1
        assert due(row) == "2026-11-26"

    def test_what_was_not_shown_is_not_done(self, loaded, keeper):
        day = {date(2026, 3, 26): "off"}
        seen = calendar_days.mark(day, calendar_days.moves(day))
        row = started()
        with as_officer(keeper), pytest.raises(ValidationError, match="Look again"):
            calendar_days.change(kinds=day, names=NAMES, source="Приказ", seen=seen, by=keeper)
        assert due(row) == "2026-03-27"
        assert not CalendarDay.objects.filter(day="2026-03-26").exists()

    def test_nobody_without_the_right_and_no_year_that_is_not_filled(self, loaded, keeper):
        with pytest.raises(ValidationError, match="role"):
            change({"2026-03-26": "off"}, StaffUserFactory())
        with pytest.raises(CalendarMissing, match="2041"):
            change({"2041-03-26": "off"}, keeper)
        assert not CalendarDay.objects.filter(day__year=2041).exists()

    def test_a_thousand_that_count_alike_are_moved_by_a_statement(
        self, loaded, keeper, django_assert_max_num_queries, size
    ):
        count = size(2000, least=100)
        first = started()
        Deadline.objects.bulk_create(
            Deadline(
                about=f"subjects.SubjectRequest:{n}", rule=first.rule, started_at=first.started_at, amount=3,
                counted_from=first.counted_from, due_at=first.due_at, reckoned_at=first.reckoned_at,
            )
            for n in range(2, count + 1)
        )  # fmt: skip
        day = {date(2026, 3, 26): "off"}
        found = calendar_days.moves(day)
        assert (found.count, len(found.groups), len(found.rows(100))) == (count, 1, 100)
        with as_officer(keeper), django_assert_max_num_queries(25):
            moved = calendar_days.change(
                kinds=day, names=NAMES, source="Приказ", seen=calendar_days.mark(day, found), by=keeper
            )
        assert moved == count
        assert Deadline.history.filter(history_type="~").count() == count


@pytest.mark.django_db(transaction=True)
def test_a_clock_that_starts_while_the_calendar_changes_is_counted_by_the_new_one():
    with acting_as("command:load_registers@test"):
        registers.load_clock()
    keeper = permit(StaffUserFactory(), "subjects.change_calendarday")
    entered, day = threading.Event(), {date(2026, 3, 26): "off"}

    def begin() -> None:
        try:
            entered.set()
            with acting_as("job:test"):
                started()
        finally:
            connection.close()

    thread = threading.Thread(target=begin)
    with as_officer(keeper), transaction.atomic():
        calendar_days.change(
            kinds=day, names=NAMES, source="Приказ", seen=calendar_days.mark(day, calendar_days.moves(day)), by=keeper
        )
        thread.start()
        entered.wait(5)
        thread.join(1)
        assert thread.is_alive(), "it waits for the change"
    thread.join(10)
    with acting_as("job:test"):
        assert due(Deadline.objects.get()) == "2026-03-30"


class TestTheCommand:
    @pytest.mark.parametrize(
        "code, at, printed",
        [
            ("ACCESS", "2026-03-19", "2026-03-27"),
            ("ACCESS", "2026-03-19T23:59", "2026-03-27"),
            ("ACCESS", "2026-03-18T19:30:00Z", "2026-03-27"),
            ("BREACH", "2026-03-20", "2026-03-26"),
            ("ACCESS", "2026-12-30", "2027-01-06"),
            ("TRANSFER_NOTICE", "2026-12-31", "2027-01-19"),
            ("CHANGE", "2026-08-28", "2026-08-31"),
            ("BLOCK", "2026-05-26", "2026-05-28"),
            ("REFUSE", "2027-03-12", "2027-03-18"),
            ("DESTROY", "2027-04-30", "2027-05-04"),
            ("PUBLIC", "2027-03-19", "2027-03-25"),
            ("CB_FIX", "2026-06-03", "2026-06-08"),
        ],
    )
    def test_it_prints_the_day_last(self, loaded, capsys, code, at, printed):
        call_command("due", code, at=at)
        assert capsys.readouterr().out.splitlines()[-1] == printed

    def test_hours_are_printed_as_a_moment(self, loaded, capsys):
        pausable("FAST", 72, "hour")
        call_command("due", "FAST", at="2026-03-19T10:00")
        assert capsys.readouterr().out.splitlines()[-1] == "2026-03-22T10:00:00+05:00"

    @pytest.mark.parametrize(
        "code, at, sentence",
        [
            ("NOTHING", "2026-03-19", "NOTHING"),
            ("access'; --", "2026-03-19", "There is no term"),
            ("ACCESS", "yesterday", "no day or moment"),
            ("ACCESS", "2026-02-30", "no day or moment"),
            ("ACCESS", "2026-02-30T10:00", "no day or moment"),
            ("ACCESS", "", "no day or moment"),
            ("ACCESS", "2050-01-10", "2050"),
            ("ACCESS", "9999-12-31", "9999"),
            ("ACCESS", "0001-01-01T00:00:00+05:00", "far|cover"),
        ],
    )
    def test_what_cannot_be_counted_is_one_sentence(self, loaded, code, at, sentence):
        with pytest.raises(CommandError, match=sentence):
            call_command("due", code, at=at)
