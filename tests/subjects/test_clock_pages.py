"""The officers' pages of the law clock: the year, a change with what it moves, when it is due, terms opened by two."""

from datetime import date, datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from audit.actor import acting_as
from staff.models import StaffUser
from subjects import clock, deadlines, registers
from subjects.clock import ALMATY
from subjects.clock_models import CalendarDay, Deadline, DutyRule
from tests.staff.factories import StaffUserFactory, permit

pytestmark = pytest.mark.django_db
VIEW = ("subjects.view_dutyrule", "subjects.view_calendarday", "subjects.view_deadline")
CHANGE = reverse("admin:subjects_calendar_change")
TYPED = {
    "day": "2026-03-26", "kind": "off", "title_kk": "Демалыс", "title_ru": "Выходной", "title_en": "",
    "source": "Постановление № 1", "exchange": "",
}  # fmt: skip


@pytest.fixture(autouse=True)
def loaded(db):
    with acting_as("command:load_registers@test"):
        registers.load_clock()


def seated(*rights: str) -> tuple[Client, StaffUser]:
    user = permit(StaffUserFactory(language="en"), *VIEW, *rights)
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client, user


def started(pk: int = 1) -> Deadline:
    at = datetime(2026, 3, 19, 12, tzinfo=ALMATY)
    return deadlines.start(rule_code="ACCESS", about=f"subjects.SubjectRequest:{pk}", at=at)


def test_a_change_is_shown_first_and_done_when_it_is_confirmed():
    client, officer = seated("subjects.change_calendarday")
    row = started()
    shown = client.post(CHANGE, TYPED)
    assert shown.status_code == 200
    ((listed, then),) = shown.context["moving"]
    assert (listed, clock.local_day(then)) == (row, date(2026, 3, 30))
    assert not CalendarDay.objects.filter(day="2026-03-26").exists(), "nothing is done before"
    done = client.post(CHANGE, {**TYPED, "seen": shown.context["seen"]})
    assert done.url == reverse("admin:subjects_calendar", args=[2026])
    row.refresh_from_db()
    assert clock.local_day(row.due_at) == date(2026, 3, 30)
    assert row.history.latest().history_user_id == officer.pk
    assert CalendarDay.objects.get(day="2026-03-26").source == "Постановление № 1"


def test_what_began_between_the_look_and_the_press_is_shown_before_anything_is_done():
    client, _officer = seated("subjects.change_calendarday")
    seen = client.post(CHANGE, TYPED).context["seen"]
    row = started()
    again = client.post(CHANGE, {**TYPED, "seen": seen})
    assert again.status_code == 200 and again.context["count"] == 1
    row.refresh_from_db()
    assert clock.local_day(row.due_at) == date(2026, 3, 27)


def test_only_the_first_hundred_are_listed_and_all_are_counted():
    client, _officer = seated("subjects.change_calendarday")
    for pk in range(1, 103):
        started(pk)
    shown = client.post(CHANGE, TYPED).context
    assert (shown["count"], len(shown["moving"]), shown["more"]) == (102, 100, 2)


@pytest.mark.parametrize(
    "wrong",
    [{"day": "2041-03-26"}, {"day": "soon"}, {"kind": "burn"}, {"exchange": "2026-03-26"}, {"title_ru": ""}, {"source": ""},
     {"source": "850314390019"}],
)  # fmt: skip
def test_what_cannot_be_done_is_said_and_nothing_changes(wrong):
    client, _officer = seated("subjects.change_calendarday")
    before = CalendarDay.objects.count()
    answer = client.post(CHANGE, {**TYPED, **wrong, "seen": "x"})
    assert answer.status_code == 422
    assert "error-summary" in answer.text
    assert CalendarDay.objects.count() == before


def test_whoever_may_only_look_changes_nothing():
    client, _auditor = seated()
    assert client.get(CHANGE).status_code == 403
    assert client.post(CHANGE, {**TYPED, "seen": "x"}).status_code == 403


@pytest.mark.parametrize(
    "language, month, holiday", [("kk", "Наурыз", "Жаңа жыл"), ("ru", "Март", "Новый год"), ("en", "March", "New Year")]
)
def test_the_year_speaks_the_readers_language_and_marks_days_off_in_words(language, month, holiday):
    client, _auditor = seated()
    client.cookies["django_language"] = language
    with translation.override(language):
        page = client.get(reverse("admin:subjects_calendar", args=[2026]))
    assert f"<caption>{month}</caption>" in page.text
    assert holiday in page.text
    assert page.context["count"] == 247
    off = sum(day["off"] for one in page.context["months"] for week in one["weeks"] for day in week)
    assert page.text.count('class="off"') == off == 118
    assert page.text.count('<span class="visually-hidden">') >= off


def test_a_year_nobody_filled_is_said_and_one_too_far_is_not_there():
    client, _auditor = seated()
    this = date.today().year
    empty = client.get(reverse("admin:subjects_calendar", args=[this + 7]))
    assert empty.status_code == 200 and empty.context["months"] == []
    assert client.get(reverse("admin:subjects_calendar", args=[9999])).status_code == 404


def test_when_it_is_due_is_counted_out_so_that_a_person_can_check():
    client, _auditor = seated()
    rule = DutyRule.objects.get(code="ACCESS")
    page = client.get(reverse("admin:subjects_due"), {"rule": rule.pk, "at": "2026-03-19T17:30"})
    assert clock.local_day(page.context["due"]) == date(2026, 3, 27)
    assert [(day.day, number) for day, _weekday, number, _why in page.context["days"]] == [
        (20, 1), (21, ""), (22, ""), (23, ""), (24, ""), (25, ""), (26, 2), (27, 3),
    ]  # fmt: skip
    assert page.context["days"][3][3] == CalendarDay.objects.get(day="2026-03-23").title


@pytest.mark.parametrize(
    "asked",
    [{"rule": "x", "at": "2026-03-19"}, {"rule": "", "at": ""}, {"at": "9999-12-31T23:00"}, {"at": "0001-01-01"}],
)
def test_what_cannot_be_counted_is_a_sentence_on_the_page(asked):
    client, _auditor = seated()
    rule = DutyRule.objects.get(code="ACCESS")
    page = client.get(reverse("admin:subjects_due"), {"rule": rule.pk, **asked})
    assert page.status_code == 422
    assert "error-summary" in page.text


def test_a_term_changes_when_a_second_person_approved_it_and_what_runs_keeps_its_own():
    client, _officer = seated("subjects.add_dutyrule")
    row, old = started(), DutyRule.objects.get(code="ACCESS")
    typed = {"title_kk": "Мерзім", "title_ru": "Срок", "title_en": "", "article": "94-V art. 25", "amount": "5",
             "unit": "working_day", "trigger": "request", "may_pause_for": ["identity"], "confirmed_by_counsel": "on"}  # fmt: skip
    client.post(f"{reverse('admin:subjects_dutyrule_add')}?of={old.pk}", {"code": "ACCESS", **typed})
    new = DutyRule.objects.get(code="ACCESS", in_force_during=None)
    assert (new.amount, new.may_pause_for, new.confirmed_by_counsel) == (5, ["identity"], True)
    assert deadlines.rule("ACCESS") == old
    approver, _dpo = seated("subjects.approve_dutyrule")
    approver.post(reverse("admin:subjects_dutyrule_step", args=[new.pk, "approve"]))
    assert deadlines.rule("ACCESS") == new
    row.refresh_from_db()
    assert row.rule == old and clock.local_day(row.due_at) == date(2026, 3, 27)


def test_the_list_says_which_terms_counsel_has_not_confirmed():
    client, _auditor = seated()
    page = client.get(reverse("admin:subjects_dutyrule_changelist"))
    assert page.text.count("not confirmed by counsel") == 13


def test_the_home_warns_of_a_year_without_a_calendar():
    client, _officer = seated("subjects.change_calendarday")
    year = date.today().year + 1
    assert f"does not cover {year}" not in client.get(reverse("admin:index")).text
    CalendarDay.objects.filter(day__year=year).delete()
    assert f"does not cover {year}" in client.get(reverse("admin:index")).text
