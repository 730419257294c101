"""The cabinet's page about a changed policy: what it shows is what is recorded, and no answer is a consent."""

import hashlib
import re
from datetime import timedelta
from html import unescape

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consent.models import Acknowledgement, NoticeServed
from policies.models import PolicyVersion
from subjects.models import CabinetEvent, DataSubject
from tests.staff.factories import StaffUserFactory, permit
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db

HOME, PAGE, ANSWERS = "/cabinet/", "/cabinet/policy/personal-data/", "/cabinet/answers/"
ANSWER = f"{PAGE}answer/"


def text_of(response) -> str:
    return unescape(response.content.decode())


def form_of(response) -> dict[str, str]:
    """What the answer's form carries."""
    form = re.search(r'<form[^>]*answer/".*?</form>', text_of(response), re.DOTALL)
    return dict(re.findall(r'type="hidden" name="(served|version)" value="(\d+)"', form[0])) if form else {}


def buttons_of(response) -> list[str]:
    return re.findall(r'<button[^>]*name="answer"[^>]*>', text_of(response))


def reading(page: str, *, without: str) -> str:
    """The words of the page without those marked as deleted (del) or as new (ins)."""
    page = re.sub(r'<span class="visually-hidden">.*?</span>', "", page, flags=re.DOTALL)
    return re.sub(r"<[^>]+>", "", re.sub(f"<{without}>.*?</{without}>", "", page, flags=re.DOTALL))


def reply(client: Client, answer: str, wrong: dict | None = None):
    return client.post(ANSWER, {**form_of(client.get(PAGE)), "answer": answer, **(wrong or {})})


@pytest.fixture
def versions(person, publish) -> tuple[PolicyVersion, PolicyVersion]:
    return publish(1, significant=False), publish(2)


class TestHome:
    def test_what_changed_stands_there_until_it_is_answered(self, person, versions):
        client = inside(person)
        assert f'href="{PAGE}"' in text_of(client.get(HOME))
        client.get(PAGE)
        assert f'href="{PAGE}"' in text_of(client.get(HOME)), "looking is not answering"
        assert reply(client, "read").url == HOME
        assert PAGE not in text_of(client.get(HOME))

    def test_a_version_still_to_come_says_from_when(self, person, publish):
        publish(1, significant=False)
        publish(2, at=timezone.now() + timedelta(days=10))
        client = inside(person, "en")
        assert "In force from" in text_of(client.get(HOME))
        assert "Version 2 comes into force on" in text_of(client.get(PAGE))

    @pytest.mark.parametrize(("language", "year"), [("kk", "ж."), ("ru", "г.")])
    def test_a_day_that_ends_in_a_point_gets_no_second_one(self, person, versions, language, year):
        page = text_of(inside(person, language).get(HOME))
        assert year in page
        assert f"{year}." not in page

    def test_nothing_waits_says_so(self, person, versions):
        client = inside(person, "en")
        reply(client, "disagrees")
        assert "Nothing waits for you" in text_of(client.get(HOME))


class TestThePage:
    @pytest.mark.parametrize(
        ("language", "title", "summary", "clause", "button"),
        [
            ("kk", "Саясат", "2-түйін.", "Өзге мақсат жоқ, 2-редакция.", "Таныстым"),
            ("ru", "Политика", "Кратко 2.", "Иных целей нет, редакция 2.", "Ознакомлен(а)"),
        ],
    )
    def test_it_shows_the_difference_in_the_language_of_the_page(
        self, person, versions, language, title, summary, clause, button
    ):
        response = inside(person, language).get(PAGE)
        page = text_of(response)
        for shown in (f'<html lang="{language}"', title, summary, button):
            assert shown in page
        assert clause in reading(page, without="del")
        assert clause not in reading(page, without="ins")
        served = NoticeServed.objects.get()
        assert (served.language, served.version) == (language, versions[1])

    def test_what_was_recorded_is_the_digest_of_words_that_all_stand_on_the_page(self, person, versions):
        response = inside(person).get(PAGE)
        notice = response.context["notice"]
        assert NoticeServed.objects.get().sha256 == hashlib.sha256(notice.text.encode()).hexdigest()
        now, before = reading(text_of(response), without="del"), reading(text_of(response), without="ins")
        assert notice.title.text in now
        assert all(summary.text in now for summary in notice.summaries)
        assert notice.changes
        for change in notice.changes:
            assert change.new_text in now
            assert change.old_text in before

    def test_where_the_language_is_missing_the_page_says_so_and_is_russian(self, person, versions):
        page = text_of(inside(person, "en").get(PAGE))
        assert "There is no text in the language you chose. Here is the Russian one." in page
        assert '<p lang="ru"><strong>Политика' in page
        assert NoticeServed.objects.get().language == "ru"

    def test_a_showing_is_recorded_once_and_a_head_request_shows_nobody_anything(self, person, versions):
        client = inside(person)
        assert client.head(PAGE).status_code == 200
        assert not NoticeServed.objects.exists()
        client.get(PAGE)
        client.get(PAGE)
        assert NoticeServed.objects.count() == 1
        assert NoticeServed.objects.get().actor == f"subject:{person.public_id}"

    def test_the_two_buttons_are_equal_and_neither_is_chosen_or_speaks_of_consent(self, person, versions):
        for language, forbidden in (("en", "consent|agree to"), ("ru", "согласи[еюя]"), ("kk", "келісім")):
            response = inside(person, language).get(PAGE)
            assert 'class="buttons equal"' in text_of(response)
            buttons = buttons_of(response)
            assert [re.search(r'value="(\w+)"', button)[1] for button in buttons] == ["read", "disagrees"]
            assert {re.sub(r'value="\w+"', "", button) for button in buttons} == {
                '<button class="button" type="submit" name="answer" >'
            }
            labels = re.findall(r'name="answer"[^>]*>([^<]*)</button>', text_of(response))
            assert not [label for label in labels if re.search(forbidden, label, re.IGNORECASE)]
            assert "primary" not in re.search(r'<form[^>]*answer/".*?</form>', text_of(response), re.DOTALL)[0]

    def test_an_unknown_policy_or_one_without_a_published_version_is_not_found(self, person):
        from tests.policies.factories import author, draft

        draft(by=author())
        assert inside(person).get(PAGE).status_code == 404
        assert inside(person).get("/cabinet/policy/none/").status_code == 404


class TestAnswering:
    @pytest.mark.parametrize("answer", ["read", "disagrees"])
    def test_the_answer_is_a_row_with_version_language_digest_and_actor(self, person, versions, answer):
        client = inside(person, "ru")
        assert reply(client, answer).status_code == 302
        given, served = Acknowledgement.objects.get(), NoticeServed.objects.get()
        assert (given.subject, given.version, given.served) == (person, versions[1], served)
        assert (given.answer, given.language, given.sha256) == (answer, "ru", served.sha256)
        assert given.actor == f"subject:{person.public_id}"

    @pytest.mark.parametrize("answer", ["read", "disagrees"])
    def test_nothing_else_changes_and_no_consent_is_inferred(self, person, versions, answer):
        client = inside(person)
        form = form_of(client.get(PAGE))
        before = {m._meta.label: list(m._base_manager.values_list("pk", flat=True)) for m in apps.get_models()}
        as_it_was = DataSubject.objects.values().get(pk=person.pk)
        client.post(ANSWER, {**form, "answer": answer})
        after = {m._meta.label: list(m._base_manager.values_list("pk", flat=True)) for m in apps.get_models()}
        assert {label for label in after if after[label] != before[label]} == {"consent.Acknowledgement"}
        assert DataSubject.objects.values().get(pk=person.pk) == as_it_was

    def test_after_disagreeing_the_page_says_what_one_can_do_and_the_cabinet_works_on(self, person, versions, operator):
        client = inside(person, "en")
        response = reply(client, "disagrees")
        assert response.url == PAGE
        page = text_of(client.get(PAGE))
        assert "Nothing is refused to you because of it." in page
        assert "complain to the authorised body" in page
        assert operator.email in page
        for url in (HOME, PAGE, ANSWERS, "/cabinet/language/"):
            assert client.get(url).status_code == 200
        assert client.post("/cabinet/language/", {"language": "ru"}).status_code == 302

    def test_first_disagreeing_then_reading_are_two_rows_and_the_page_offers_what_is_left(self, person, versions):
        client = inside(person, "en")
        reply(client, "disagrees")
        (left,) = buttons_of(client.get(PAGE))
        assert 'value="read"' in left
        reply(client, "read")
        assert buttons_of(client.get(PAGE)) == []
        assert list(Acknowledgement.objects.order_by("pk").values_list("answer", flat=True)) == ["disagrees", "read"]

    def test_pressing_twice_answers_once(self, person, versions):
        client = inside(person)
        form = form_of(client.get(PAGE))
        for _time in range(2):
            assert client.post(ANSWER, {**form, "answer": "read"}).url == HOME
        assert Acknowledgement.objects.count() == 1

    def test_a_version_published_meanwhile_is_shown_and_the_old_one_is_not_answered(self, person, versions, publish):
        client = inside(person)
        form = form_of(client.get(PAGE))
        third = publish(3)
        response = client.post(ANSWER, {**form, "answer": "read"})
        assert response.status_code == 409
        assert "Өзге мақсат жоқ, 3-редакция." in reading(text_of(response), without="del")
        assert 'role="alert"' in text_of(response)
        assert not Acknowledgement.objects.exists()
        assert form_of(response) == {"served": str(NoticeServed.objects.latest("pk").pk), "version": "3"}
        client.post(ANSWER, {**form_of(response), "answer": "read"})
        assert Acknowledgement.objects.get().version == third

    def test_a_notice_of_another_person_is_not_found(self, person, versions):
        other = DataSubjectFactory()
        theirs = form_of(inside(other).get(PAGE))
        assert inside(person).post(ANSWER, {**theirs, "answer": "read"}).status_code == 404
        assert not Acknowledgement.objects.exists()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"answer": "consents"}, {"answer": ""}, {"served": "x"}, {"served": ""}, {"version": "1.5"},
            {"served": "9" * 5000}, {"version": "\0"},
        ],
    )  # fmt: skip
    def test_what_is_no_answer_is_a_400_and_records_nothing(self, person, versions, wrong):
        assert reply(inside(person), "read", wrong).status_code == 400
        assert not Acknowledgement.objects.exists()

    def test_a_number_beyond_all_numbers_is_not_found(self, person, versions):
        assert reply(inside(person), "read", {"served": "9" * 30}).status_code == 404

    def test_looking_at_the_answers_address_answers_nothing(self, person, versions):
        assert inside(person).get(ANSWER).status_code == 405

    def test_without_a_session_nothing_is_shown_or_answered(self, versions):
        for response in (Client().get(PAGE), Client().get(ANSWERS), Client().post(ANSWER, {"answer": "read"})):
            assert response.url == "/cabinet/sign-in/"
        assert not NoticeServed.objects.exists()


class TestMyAnswers:
    def test_they_stand_there_with_day_version_and_digest(self, person, versions):
        client = inside(person, "en")
        assert "No answers yet" in text_of(client.get(ANSWERS))
        reply(client, "disagrees")
        page = text_of(client.get(ANSWERS))
        assert "does not agree" in page or "do not agree" in page
        assert Acknowledgement.objects.get().sha256 in page
        assert "/policy/personal-data/v/2/" in page

    def test_another_persons_are_not_among_them(self, person, versions):
        reply(inside(DataSubjectFactory()), "read")
        assert "No answers yet" in text_of(inside(person, "en").get(ANSWERS))


class TestOfficers:
    """What they see of it: references, versions, answers; nothing to press."""

    def officer(self, *more: str) -> Client:
        client = Client(headers={"accept-language": "en"})
        client.force_login(
            permit(
                StaffUserFactory(),
                "subjects.view_datasubject",
                "consent.view_acknowledgement",
                "consent.view_noticeserved",
                *more,
            )
        )
        return client

    def test_the_answer_stands_on_the_persons_page_and_in_the_list(self, person, versions):
        page = f"/admin/subjects/datasubject/{person.pk}/change/"
        client = self.officer()
        assert "No notice was shown to the person yet." in text_of(client.get(page))
        customer = inside(person)
        customer.get(PAGE)
        assert "Policy, version 2 was shown on" in text_of(client.get(page))
        reply(customer, "disagrees")
        given = Acknowledgement.objects.get()
        assert f"/admin/consent/acknowledgement/{given.pk}/change/" in text_of(client.get(page))
        listed = text_of(client.get(f"/admin/consent/acknowledgement/?subject={person.pk}"))
        assert str(person) in listed
        assert given.sha256 in text_of(client.get(f"/admin/consent/acknowledgement/{given.pk}/change/"))

    def test_who_may_not_see_answers_does_not_see_the_part(self, person, versions):
        client = Client(headers={"accept-language": "en"})
        client.force_login(permit(StaffUserFactory(), "subjects.view_datasubject"))
        page = text_of(client.get(f"/admin/subjects/datasubject/{person.pk}/change/"))
        assert "Answers to changes of the policy" not in page

    @pytest.mark.parametrize("model", ["noticeserved", "acknowledgement"])
    def test_the_lists_cost_the_same_for_one_row_and_for_many(self, model, versions):
        client, counts = self.officer(), []
        for more in (1, 12):
            for _n in range(more):
                reply(inside(DataSubjectFactory()), "read")
            client.get(f"/admin/consent/{model}/")
            with CaptureQueriesContext(connection) as queries:
                assert text_of(client.get(f"/admin/consent/{model}/")).count("S-0") >= more
            counts.append(len(queries))
        assert counts[0] == counts[1]
        assert client.get(f"/admin/consent/{model}/?sha256__startswith=a").status_code == 400


def test_the_cabinet_writes_down_no_more_than_it_must(person, versions):
    client = inside(person)
    reply(client, "read")
    client.get(HOME)
    assert not CabinetEvent.objects.exists(), "reading pages is nobody's event"
