"""Who received a person's data: in their cabinet, and on the officers' page about them."""

import re

import pytest
from django.urls import reverse
from django.utils import translation

from audit.actor import acting_as
from subjects import duplicates
from subjects.enums import Disclosure
from tests.staff.conftest import at_desk, member  # noqa: F401
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory
from tests.transfers.factories import world
from transfers import received, services

pytestmark = pytest.mark.django_db
SENT = "0" * 64
# a form's own secret, another one at every showing
CSRF = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')


def send(made, *, released: bool = True):
    with acting_as("job:tests"):
        done = services.authorise(question=made.question())
        if released and done.token:
            services.release(token=done.token, payload_sha256=SENT)
    return done


@pytest.fixture
def made():
    found = world()
    found.consents()
    return found


def page(person, language: str = "en", query: str = "") -> str:
    shown = inside(person, language).get(reverse("transfers:received") + query)
    assert shown.status_code == 200
    return CSRF.sub("", shown.content.decode())


def test_the_person_sees_to_whom_what_why_and_on_what_ground(made):
    send(made)
    with translation.override("ru"):
        shown = page(made.person, "ru")
        for told in (str(made.recipient), str(made.purpose), "согласие субъекта", "кредитное бюро"):
            assert told in shown


def test_what_was_only_asked_refused_or_not_sent_is_not_shown(made):
    empty = page(made.person)
    send(made, released=False)
    made.withdraws()
    assert send(made).token is None
    assert page(made.person) == empty
    assert "We sent nothing about you to anybody" in empty


def test_a_person_with_a_withheld_transfer_sees_the_page_of_one_without(made):
    monitored = world(kind="financial_monitoring", code="afm", ground="law", agreement=False, purpose="aml")
    done = send(monitored)
    assert (done.transfer.disclosure, done.decision.decision) == (Disclosure.WITHHELD, "allow")
    assert received.released(monitored.person, withheld=True).count() == 1
    other = DataSubjectFactory()
    assert page(monitored.person) == page(other)


def test_nobody_sees_what_went_about_another(made):
    send(made)
    assert str(made.recipient) not in page(DataSubjectFactory())


def test_of_a_person_known_twice_both_files_are_told_in_the_cabinet(made):
    send(made)
    leading = DataSubjectFactory(email=None)
    assert str(made.recipient) not in page(leading)
    duplicates.unite(leading=leading, following=made.person)
    assert str(made.recipient) in page(leading)
    assert not received.released(leading).exists(), "an officer reads one file"


def test_many_come_page_by_page_at_the_same_cost(made, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(received, "SHOWN", 2)
    rows = [send(made).transfer for _time in range(5)]
    seat = inside(made.person, "en")
    address = reverse("transfers:received")
    with django_assert_max_num_queries(12):
        first = seat.get(address)
    second = seat.get(f"{address}?before={first.context['next']}")
    shown = [row.transfer.pk for found in (first, second) for row in found.context["sent"]]
    assert shown == sorted((row.pk for row in rows), reverse=True)[:4]
    assert seat.get(f"{address}?before=x").status_code == 200


def test_the_officers_page_tells_it_and_hides_the_withheld_from_who_has_no_right(made, member, at_desk):  # noqa: F811
    monitored = world(kind="financial_monitoring", code="afm", ground="law", agreement=False, purpose="aml")
    send(monitored)
    send(made)

    def told(role: str, person) -> str:
        return (
            at_desk(member(role)).get(reverse("admin:subjects_datasubject_change", args=[person.pk])).content.decode()
        )

    assert str(made.recipient) in told("officer", made.person)
    assert "afm" in told("dpo", monitored.person)
    assert "afm" not in told("auditor", monitored.person)


@pytest.mark.parametrize(("language", "called"), [("kk", "Үлгі бюросы"), ("ru", "Бюро «Образец»")])
def test_a_consent_for_one_recipient_names_it_and_not_its_code(made, language, called):
    made.recipient.title_kk, made.recipient.title_ru = "Үлгі бюросы", "Бюро «Образец»"
    made.recipient.save()
    shown = inside(made.person, language).get("/cabinet/consents/").content.decode()
    assert called in shown
    assert made.recipient.code not in re.sub(r"<[^>]+>", "", shown), "a reader is not told a code"
