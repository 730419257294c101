"""Who says no to advertising is on the list that our systems ask before they call (94-V art. 8; policy 7.1)."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from audit.actor import acting_as
from consent import importing, ledger, objections, registers, terms
from consent.models import Purpose
from subjects import duplicates, suppression
from subjects.models import Suppression
from tests.consent.factories import BY_CODE, form, given, refused, version
from tests.consent.system import client_and_key
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
PHONE = "+77010000001"


@pytest.fixture
def person():
    return DataSubjectFactory(phone=PHONE, email="a@example.kz", client_number="K-1")


@pytest.fixture
def purposes(db):
    with acting_as("command:load_registers@test"):
        registers.load()
    return {row.code: row for row in Purpose.objects.all()}


def stopped(text: str = PHONE) -> bool:
    return bool(suppression.suppressed(kind="phone", texts=[text]))


def withdraw(person, code: str) -> None:
    ledger.withdraw(subject=person, form=form(code), proof=BY_CODE)


def test_a_system_that_asks_before_it_calls_hears_of_a_withdrawal_and_of_a_consent_given_anew(person, client):
    key = client_and_key("site")[1]

    def asked() -> list[bool]:
        body = {"kind": "phone", "values": ["8 701 000 00 01", "8 701 000 00 02"]}
        head = {"authorization": f"Bearer {key}"}
        answer = client.post("/api/v1/suppressions/check", body, content_type="application/json", headers=head)
        return answer.json()["suppressed"]

    advert = version(form("C8"))
    given(person, advert)
    assert asked() == [False, False]
    withdraw(person, "C8")
    assert asked() == [True, False]
    assert suppression.suppressed(kind="email", texts=["a@example.kz"])
    withdraw(person, "C8")
    assert set(Suppression.objects.values_list("reason", flat=True)) == {"objected"}
    given(person, advert)
    assert asked() == [False, False]


def test_a_refusal_a_term_that_ended_and_nothing_else_put_a_person_on_the_list(person):
    refused(person, version())
    ledger.ask(subject=person, version=version(form("C8")))
    assert not stopped()
    refused(person, version(form("C8")))
    assert stopped()
    given(person, version(form("C8"), term="P1Y"))
    assert not stopped()
    terms.expire(at=timezone.now() + timedelta(days=400))
    assert stopped()
    assert set(Suppression.objects.order_by("-pk").values_list("reason", flat=True)[:2]) == {"ended"}


def test_the_consent_to_advertising_of_others_ends_alone(person):
    given(person, version(form("C8")))
    given(person, version(form("C9")))
    withdraw(person, "C9")
    assert not stopped()
    withdraw(person, "C8")
    given(person, version(form("C9")))
    assert stopped()


def test_an_objection_to_marketing_counts_until_it_is_lifted(person, purposes):
    advert = version(form("C8"))
    given(person, advert)
    objections.object_to(subject=person, purpose=purposes["scoring"])
    assert not stopped()
    objections.object_to(subject=person, purpose=purposes["marketing"])
    assert stopped()
    given(person, advert)
    assert stopped()
    objections.lift(subject=person, purpose=purposes["marketing"])
    assert not stopped()


@pytest.mark.parametrize("how", ["withdraws", "objects"])
def test_a_number_of_two_stays_on_the_list_while_one_of_them_says_no(person, purposes, how):
    advert, other = version(form("C8")), DataSubjectFactory(phone=PHONE, email="b@example.kz")
    given(other, advert)
    if how == "withdraws":
        withdraw(other, "C8")
    else:
        objections.object_to(subject=other, purpose=purposes["marketing"])
    given(person, advert)
    assert stopped()
    assert suppression.suppressed(kind="email", texts=["a@example.kz", "b@example.kz"]) == {"b@example.kz"}
    if how == "withdraws":
        given(other, advert)
    else:
        objections.lift(subject=other, purpose=purposes["marketing"])
    assert not stopped()


def test_the_other_file_of_the_same_person_is_nobody_else(person):
    advert, other = version(form("C8")), DataSubjectFactory(phone=PHONE)
    for one in (person, other):
        given(one, advert)
    duplicates.unite(leading=person, following=other)
    withdraw(person, "C8")
    assert stopped()
    given(person, advert)
    assert not stopped(), "the newest word of the person counts"


def test_a_withdrawal_that_is_rolled_back_leaves_nobody_on_the_list(person):
    given(person, version(form("C8")))
    with transaction.atomic():
        withdraw(person, "C8")
        assert stopped()
        transaction.set_rollback(True)
    assert not stopped()


def test_an_import_fills_the_list_too(person):
    people = [DataSubjectFactory(phone=f"+7701000010{n}", client_number=f"M-{n}") for n in range(4)]
    of = form("C8")
    day = timezone.now() - timedelta(days=3)

    def row(number: str, kind: str) -> importing.ConsentRow:
        return importing.ConsentRow(2, number, of, "", kind, day, None, "", "")

    importing.load([row("K-1", "withdrawn"), row("M-0", "given")])
    assert stopped()
    assert not stopped("+77010000100")
    assert suppression.suppressed_people(one.pk for one in people) == set()
    importing.load([row(f"M-{n}", "withdrawn") for n in range(1, 4)])
    assert suppression.suppressed_people(one.pk for one in people) == {one.pk for one in people[1:]}
