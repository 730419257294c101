"""An officer writes a contract down and says how it stands: checked as what the loan system tells."""

import pytest
from django.test import Client

from consent import ledger
from staff.enums import Role
from subjects import loans
from subjects.models import Contract
from tests.consent.factories import BY_CODE, form, given, version
from tests.staff.conftest import member  # noqa: F401
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
ADD = "/admin/subjects/contract/add/"


@pytest.fixture
def person(db):
    return DataSubjectFactory()


@pytest.fixture
def desk(member) -> Client:  # noqa: F811
    client = Client(headers={"accept-language": "en"})
    client.force_login(member(Role.OFFICER))
    return client


def told(person, **changed) -> dict[str, str]:
    return {
        "subject": str(person), "number": "K-77", "application": "", "state": "opened", "at": "2026-03-02T10:00",
    } | changed  # fmt: skip


def test_it_is_recorded_and_its_end_releases_what_waited_for_it(desk, person):
    given(person, version())
    page = desk.get(f"/admin/subjects/datasubject/{person.pk}/change/").content.decode()
    assert f"{ADD}?subject={person}" in page
    assert desk.post(ADD, told(person)).status_code == 302
    row = Contract.objects.get()
    assert (row.subject, row.number, row.state, f"{row.opened_at:%Y-%m-%d}") == (person, "K-77", "opened", "2026-03-02")
    ledger.withdraw(subject=person, form=form(), proof=BY_CODE)
    assert ledger.standings(person)["C1", ""].state == "withdrawal_deferred"
    place = f"/admin/subjects/contract/{row.pk}"
    assert f"{place}/state/" in desk.get(f"{place}/change/").content.decode()
    assert desk.post(f"{place}/state/", {"state": "overdue", "at": "2026-04-02T10:00"}).status_code == 302
    row.refresh_from_db()
    assert (row.state, f"{row.overdue_since:%Y-%m-%d}") == ("overdue", "2026-04-02")
    assert desk.post(f"{place}/state/", {"state": "performed", "at": "2026-05-02T10:00"}).status_code == 302
    assert ledger.standings(person)["C1", ""].state == "withdrawn"
    assert row.history.order_by("-history_id").first().actor.startswith("officer:")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"number": "850314390019"}, "This is an IIN"),
        ({"at": "2999-01-01T10:00"}, "in the future"),
        ({"application": "A-1"}, "no such application"),
        ({"application": "A-2"}, "no such application"),
        ({"application": "A-3"}, "another contract was made of it"),
        ({"number": "K-1"}, "Another data subject has the contract"),
        ({"number": "K-3"}, "known already"),
        ({"subject": "S-999999"}, "no such data subject"),
        ({"state": "given away"}, "given away"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(desk, person, changed, words):
    other = DataSubjectFactory()
    loans.record_application(subject=other, number="A-2")
    loans.record_contract(subject=other, number="K-1")
    of = loans.record_application(subject=person, number="A-3")
    loans.record_contract(subject=person, number="K-3", application=of)
    answer = desk.post(ADD, told(person, **changed))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert Contract.objects.count() == 2


def test_an_application_of_the_person_is_named(desk, person):
    of = loans.record_application(subject=person, number="A-3")
    assert desk.post(ADD, told(person, application="A-3")).status_code == 302
    assert Contract.objects.get().application == of


def test_an_older_word_does_not_go_over_a_newer_one(desk, person):
    row = loans.record_contract(subject=person, number="K-1")
    answer = desk.post(f"/admin/subjects/contract/{row.pk}/state/", {"state": "performed", "at": "2020-01-01T10:00"})
    assert (answer.status_code, "changed later" in answer.content.decode()) == (422, True)
    row.refresh_from_db()
    assert row.state == "opened"


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.DPO, Role.AUDITOR])
def test_nobody_else_does(person, member, role):  # noqa: F811
    client = Client()
    client.force_login(member(role))
    row = loans.record_contract(subject=person, number="K-1")
    place = f"/admin/subjects/contract/{row.pk}"
    assert client.get(f"{place}/change/").status_code == 200
    assert f"{place}/state/" not in client.get(f"{place}/change/").content.decode()
    assert [client.post(ADD, told(person)).status_code, client.post(f"{place}/state/").status_code] == [403, 403]
