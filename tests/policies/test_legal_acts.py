"""The acts we rest on: which bind on which day, and that loading overwrites nobody."""

import re
from datetime import date, datetime
from html import unescape

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from policies import registers
from policies.models import LegalAct
from tests.staff.conftest import member  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def loaded(db):
    assert registers.load() == len(registers.ACTS)


def on(*day: int) -> set[str]:
    moment = datetime(*day, 12, tzinfo=timezone.get_default_timezone())
    return set(LegalAct.objects.in_force(moment).values_list("number", flat=True))


def test_the_pension_law_binds_until_the_social_code_took_its_place():
    act = LegalAct.objects.get(number="105-V")
    assert (act.status, act.repealed_on, act.successor.number) == ("repealed", date(2023, 7, 1), "224-VII")
    assert "105-V" in on(2023, 6, 30)
    assert "105-V" not in on(2023, 7, 1)
    assert {"94-V", "56-V", "573-II", "224-VII"} <= on(2026, 11, 23)


def test_an_act_does_not_bind_before_its_date():
    assert "94-V" not in on(2013, 5, 20)
    assert "94-V" in on(2013, 5, 21)


def test_a_second_loading_adds_nothing_and_overwrites_nothing():
    LegalAct.objects.filter(code="aml").update(title_ru="Иначе", confirmed_by_counsel=True)
    assert registers.load() == 0
    act = LegalAct.objects.get(code="aml")
    assert (act.title_ru, act.confirmed_by_counsel) == ("Иначе", True)


def test_nothing_is_confirmed_by_counsel_until_an_officer_says_so_and_every_title_is_in_both_languages():
    assert not LegalAct.objects.filter(confirmed_by_counsel=True).exists()
    assert not LegalAct.objects.filter(title_kk="").exists()
    assert not LegalAct.objects.filter(title_ru="").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"status": "repealed"},
        {"repealed_on": date(2026, 1, 1)},
        {"status": "repealed", "repealed_on": date(1999, 1, 1)},
    ],
)
def test_the_database_refuses_an_act_repealed_without_a_day_in_force_with_one_or_before_it_was_made(change):
    with pytest.raises(IntegrityError), transaction.atomic():
        LegalAct.objects.filter(code="personal-data").update(**change)


def test_every_change_is_in_the_history():
    act = LegalAct.objects.get(code="aml")
    act.confirmed_by_counsel = True
    act.save()
    assert [row.confirmed_by_counsel for row in act.history.all()] == [True, False]


PAGES = "/admin/policies/legalact/"


@pytest.fixture
def dpo(member, client):  # noqa: F811
    client.force_login(member("dpo"))
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def page(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", unescape(answer.content.decode())).split())


def sent(act: LegalAct, **changed: str) -> dict[str, str]:
    told = {
        "number": act.number, "date": act.date.isoformat(), "title_kk": act.title_kk, "title_ru": act.title_ru,
        "title_en": act.title_en, "status": act.status,
        "repealed_on": act.repealed_on.isoformat() if act.repealed_on else "", "successor": act.successor_id or "",
    }  # fmt: skip
    return {**told, **changed}


class TestPages:
    def test_the_list_says_of_the_pension_law_that_it_is_repealed_since_when_and_by_what(self, dpo):
        said = page(dpo.get(PAGES))
        assert "repealed since 1 July 2023; in its place: № 224-VII" in said
        assert said.count("repealed since") == 1

    def test_a_repeal_in_the_future_is_not_told_as_one_that_happened(self, dpo):
        LegalAct.objects.filter(code="collection").update(status="repealed", repealed_on=date(2999, 1, 1))
        assert "in force until 1 January 2999" in page(dpo.get(PAGES))

    def test_an_act_is_repealed_with_its_day_and_what_came_in_its_place(self, dpo):
        act, code = LegalAct.objects.get(code="collection"), LegalAct.objects.get(code="social-code")
        answer = dpo.post(
            f"{PAGES}{act.pk}/change/",
            sent(act, status="repealed", repealed_on="2026-01-01", successor=str(code.pk)),
        )
        assert answer.status_code == 302
        act.refresh_from_db()
        assert (act.status, act.repealed_on, act.successor) == ("repealed", date(2026, 1, 1), code)

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"status": "repealed"}, "Say since when the act is repealed."),
            ({"repealed_on": "2026-01-01"}, "An act in force has no day of repeal"),
            ({"status": "repealed", "repealed_on": "2026-01-01", "successor": "self"}, "does not take its own place"),
            ({"status": "repealed", "repealed_on": "1999-01-01"}, "The act is repealed before its date."),
        ],
    )
    def test_what_makes_no_sense_is_answered_with_a_sentence_and_writes_nothing(self, dpo, changed, sentence):
        act = LegalAct.objects.get(code="collection")
        changed = {name: str(act.pk) if value == "self" else value for name, value in changed.items()}
        answer = dpo.post(f"{PAGES}{act.pk}/change/", sent(act, **changed))
        assert answer.status_code == 200
        assert sentence in page(answer)
        assert LegalAct.objects.get(code="collection").status == "in_force"

    def test_the_code_stays_and_nothing_is_deleted(self, dpo):
        act = LegalAct.objects.get(code="collection")
        dpo.post(f"{PAGES}{act.pk}/change/", sent(act, code="renamed", title_en="On Collecting"))
        act.refresh_from_db()
        assert (act.code, act.title_en) == ("collection", "On Collecting")
        assert dpo.post(f"{PAGES}{act.pk}/delete/", {"post": "yes"}).status_code == 403
