"""What is said of a purpose is changed by two people, never edited, and stays true for every past day."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone, translation

from audit.actor import acting_as
from consent import purposes, registers
from consent.models import Purpose, PurposeCategory, PurposeEdition
from staff import opening
from staff.enums import Role
from subjects import registers as categories
from tests.staff.conftest import member, refused  # noqa: F401

pytestmark = pytest.mark.django_db
PAGE = "/admin/consent/purposeedition/"


@pytest.fixture(autouse=True)
def house(db):
    categories.load()
    with acting_as("command:load_registers@test"):
        registers.load()


@pytest.fixture
def desk(member):  # noqa: F811
    def make(role: str, name: str = "") -> Client:
        client = Client(headers={"accept-language": "en"})
        client.user = member(Role(role), username=name or f"the-{role}")
        client.force_login(client.user)
        return client

    return make


@pytest.fixture
def officer(desk):
    return desk("officer")


@pytest.fixture
def dpo(desk):
    return desk("dpo")


def page(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", unescape(answer.content.decode())).split())


def said_of(code: str = "marketing", **changed: str) -> dict[str, str]:
    """What a browser would send for a change of this purpose, or for a new one with `code` in changed."""
    row = Purpose.objects.get(code=code)
    told = {
        "code": row.code, "title_kk": row.title_kk, "title_ru": row.title_ru, "title_en": row.title_en,
        "dpv_term": row.dpv_term, "ground": row.ground, "article": row.article,
        "valid_from": row.valid_from.isoformat(), "valid_to": "",
    }  # fmt: skip
    told |= {name: "on" for name in ("required", "open_ended", "confirmed_by_counsel") if getattr(row, name)}
    return {**told, **changed}


def proposed(client: Client, code: str = "marketing", **changed: str) -> PurposeEdition:
    answer = client.post(f"{PAGE}add/?of={code}", said_of(code, **changed))
    assert answer.status_code == 302, page(answer)
    return PurposeEdition.objects.get(in_force_during=None, code=code)


def step(client: Client, edition: PurposeEdition, name: str = "approve"):
    return client.post(f"{PAGE}{edition.pk}/step/{name}/", follow=True)


class TestTwoPeople:
    def test_a_change_takes_effect_when_a_second_person_approved_it_and_the_row_stays_the_same(self, officer, dpo):
        before = Purpose.objects.get(code="marketing")
        cells = PurposeCategory.objects.in_force().filter(purpose=before).count()
        edition = proposed(officer, title_ru="Реклама", article="508-II art. 3")
        assert Purpose.objects.get(code="marketing").article == before.article, "nothing until it is approved"
        assert "It is in force now." in page(step(dpo, edition))
        after = Purpose.objects.get(code="marketing")
        assert (after.pk, after.title_ru, after.article) == (before.pk, "Реклама", "508-II art. 3")
        assert PurposeCategory.objects.in_force().filter(purpose=after).count() == cells > 0

    def test_whoever_proposed_it_does_not_approve_it(self, officer, dpo):
        edition = proposed(officer, article="508-II art. 3")
        assert step(officer, edition).status_code == 403
        with acting_as(f"officer:{dpo.user.pk}"), pytest.raises(IntegrityError), transaction.atomic():
            PurposeEdition.objects.filter(pk=edition.pk).update(
                approved_by=officer.user, approved_at=timezone.now(), in_force_during=(timezone.now(), None)
            )
        assert Purpose.objects.get(code="marketing").article == "94-V art. 7, 8"

    def test_a_declined_change_is_gone_and_another_may_be_proposed(self, officer, dpo):
        assert "declined" in page(step(dpo, proposed(officer, article="x"), "decline"))
        assert not PurposeEdition.objects.exists()
        proposed(officer, article="y")

    def test_a_new_purpose_is_proposed_approved_and_stands_last(self, officer, dpo):
        told = said_of(code="marketing", title_ru="Обучение", title_kk="Оқыту") | {"code": "training"}
        assert officer.post(f"{PAGE}add/", told).status_code == 302
        assert not Purpose.objects.filter(code="training").exists()
        step(dpo, PurposeEdition.objects.get(code="training"))
        made = Purpose.objects.get(code="training")
        assert made.title_kk == "Оқыту"
        assert made.order == max(Purpose.objects.values_list("order", flat=True))
        assert made in Purpose.objects.in_force()

    def test_the_page_compares_what_is_in_force_with_what_is_proposed(self, officer, dpo):
        edition = proposed(officer, article="508-II art. 3")
        html = dpo.get(f"{PAGE}{edition.pk}/change/").content.decode()
        assert "<del>94-V art. 7, 8</del>" in html
        assert "<ins>508-II art. 3</ins>" in html
        assert html.count("<ins>") == 1, "only what differs is marked"

    def test_who_only_reads_or_only_approves_cannot_propose(self, desk):
        for role in ("auditor", "dpo", "operator"):
            assert desk(role, f"reader-{role}").get(f"{PAGE}add/?of=marketing").status_code == 403

    def test_no_purpose_is_changed_past_the_two_not_even_by_sql(self, officer):
        for actor in (f"officer:{officer.user.pk}", "job:x", "command:x@y", "command:load_registers@x"):
            with acting_as(actor):
                for change in ({"ground": "law"}, {"required": True}, {"valid_to": "2026-01-01"}, {"code": "x"}):
                    with pytest.raises(IntegrityError), transaction.atomic():
                        Purpose.objects.filter(code="marketing").update(**change)
                with pytest.raises(IntegrityError), transaction.atomic():
                    Purpose.objects.filter(code="marketing").delete()
        with acting_as(f"officer:{officer.user.pk}"), pytest.raises(IntegrityError), transaction.atomic():
            Purpose.objects.create(code="mine", title_ru="…", title_kk="…", ground="law")

    def test_loading_the_registers_again_overwrites_nothing(self, officer, dpo):
        step(dpo, proposed(officer, title_ru="Реклама"))
        with acting_as("command:load_registers@test"):
            assert registers.load() == (0, 0, 0, 0)
        assert Purpose.objects.get(code="marketing").title_ru == "Реклама"


class TestHistory:
    def test_a_past_moment_is_told_as_it_was_then(self, officer, dpo):
        before = timezone.now()
        step(dpo, proposed(officer, ground="law", article="508-II"))
        between = timezone.now()
        ended = proposed(officer, valid_to=timezone.localdate().isoformat())
        step(dpo, ended)

        def told(at=None):
            return next((p.ground, p.valid_to) for p in Purpose.objects.as_of(at) if p.code == "marketing")

        assert told(before) == ("consent", None)
        assert told(between) == ("law", None)
        assert told() == ("law", timezone.localdate())
        tomorrow = timezone.now() + timedelta(days=1)
        assert "marketing" not in {p.code for p in Purpose.objects.as_of(tomorrow)}
        assert "marketing" not in set(Purpose.objects.in_force(tomorrow).values_list("code", flat=True))
        assert "marketing" in set(Purpose.objects.in_force(before).values_list("code", flat=True))

    def test_the_edition_before_ends_at_the_instant_the_next_begins(self, officer, dpo):
        step(dpo, proposed(officer, article="a"))
        step(dpo, proposed(officer, article="b"))
        first, second = PurposeEdition.objects.order_by("pk")
        assert first.in_force_during.upper == second.in_force_during.lower
        assert (first.article, second.article) == ("a", "b")


class TestRefusals:
    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({}, "Nothing differs from what is in force."),
            ({"article": " "}, "Name the article of the law"),
            ({"dpv_term": "Marketing"}, "Write terms with their prefix"),
            ({"title_kk": ""}, "This field is required."),
            ({"open_ended": "on"}, "An open-ended purpose has no legal ground"),
            ({"valid_from": "2000-01-01"}, "it cannot be moved"),
            ({"valid_to": "2000-01-01"}, "The last day is before the first."),
        ],
    )
    def test_a_change_that_makes_no_sense_is_answered_with_a_sentence(self, officer, changed, sentence):
        answer = officer.post(f"{PAGE}add/?of=marketing", said_of("marketing", **changed))
        assert answer.status_code == 200
        assert sentence in page(answer)
        assert not PurposeEdition.objects.exists()

    def test_a_new_purpose_with_a_known_code_is_led_to_the_purpose(self, officer):
        answer = officer.post(f"{PAGE}add/", said_of("marketing", title_ru="Иное"))
        assert "A purpose has this code already" in page(answer)

    def test_while_one_change_waits_another_is_told_so(self, officer):
        proposed(officer, article="a")
        answer = officer.post(f"{PAGE}add/?of=marketing", said_of("marketing", article="b"))
        assert "waits for a second person already" in page(answer)
        assert PurposeEdition.objects.count() == 1

    def test_a_first_day_that_passed_while_it_waited_becomes_the_day_of_the_approval(self, officer, dpo):
        told = said_of("marketing") | {"code": "training"}
        officer.post(f"{PAGE}add/", told)
        edition = PurposeEdition.objects.get(code="training")
        with acting_as(f"officer:{officer.user.pk}"):
            PurposeEdition.objects.filter(pk=edition.pk).update(valid_from=timezone.localdate() - timedelta(days=3))
        step(dpo, edition)
        assert Purpose.objects.get(code="training").valid_from == timezone.localdate()

    def test_a_page_of_a_declined_proposal_says_so_and_decides_nothing(self, officer, dpo, desk):
        edition = proposed(officer, article="a")
        step(dpo, edition, "decline")
        assert "declined meanwhile" in page(step(desk("dpo", "second"), edition))
        assert officer.get(f"{PAGE}add/?of=nothing").status_code == 404
        assert step(dpo, proposed(officer, article="b"), "burn").status_code == 404

    def test_approved_twice_is_told(self, officer, dpo):
        edition = proposed(officer, article="a")
        step(dpo, edition)
        with acting_as(f"officer:{dpo.user.pk}"), refused("overtaken"):
            purposes.approve(edition, by=dpo.user)
        with acting_as(f"officer:{dpo.user.pk}"), refused("overtaken"):
            opening.decline(edition, by=dpo.user)

    def test_the_service_refuses_a_day_of_the_past_too(self, officer):
        edition = purposes.edition_of(Purpose.objects.get(code="marketing"))
        edition.valid_to = timezone.localdate() - timedelta(days=1)
        edition.valid_from = edition.valid_to
        sentence = pytest.raises(ValidationError, match="cannot be moved")
        with acting_as(f"officer:{officer.user.pk}"), translation.override("en"), sentence:
            purposes.propose(edition, by=officer.user)
        assert not PurposeEdition.objects.exists()
