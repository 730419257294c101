"""A loan system tells of people, applications and contracts; what it may not say is refused field by field."""

import pytest

from audit.models import AccessRecord
from subjects import registers, search, vault
from subjects.enums import IndexKind
from subjects.models import Application, Contract, DataSubject, PersonalData
from tests.consent.system import System, problem
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db

PERSON = {
    "kind": "customer",
    "language": "ru",
    "iin": "850314390019",
    "last_name": "Серікова",
    "first_name": "Айгүл",
    "phone": "8 701 123 45 67",
    "email": "aigul@example.kz",
}


@pytest.fixture(autouse=True)
def _registers():
    registers.load()


@pytest.fixture
def system() -> System:
    return System()


class TestPeople:
    def test_a_person_is_added_sealed_and_found(self, system):
        response = system.put("/subjects/A-17", PERSON)
        assert response.status_code == 201, response.content
        subject = DataSubject.objects.get()
        assert response.json() == {
            "id": str(subject.public_id), "reference": str(subject), "kind": "customer", "standing": "ordinary",
            "language": "ru", "warnings": [],
        }  # fmt: skip
        assert {v.source for v in PersonalData.objects.all()} == {"api"}
        assert all(b"aigul" not in bytes(v.sealed) for v in PersonalData.objects.all())
        assert search.find(IndexKind.PHONE, "+77011234567").get() == subject
        for kind, value in (
            ("iin", PERSON["iin"]),
            ("phone", "+77011234567"),
            ("email", "AIGUL@example.kz"),
            ("client_number", "a-17"),
        ):
            found = system.post("/subjects/lookup", {"kind": kind, "value": value}).json()["found"]
            assert [row["reference"] for row in found] == [str(subject)], kind

    def test_the_same_again_changes_nothing_and_a_field_left_out_stays(self, system):
        system.put("/subjects/17", PERSON)
        rows = PersonalData.history.count(), DataSubject.history.count()
        assert system.put("/subjects/17", PERSON).status_code == 200
        assert system.put("/subjects/17", {"iin": "", "kind": None}).status_code == 200
        assert (PersonalData.history.count(), DataSubject.history.count()) == rows
        assert system.put("/subjects/17", {"email": "new@example.kz"}).status_code == 200
        subject = DataSubject.objects.get()
        assert subject.language == "ru"
        assert vault.open_for("import", subject_ids=[subject.pk], category="email") == {
            subject.pk: [{"value": "new@example.kz"}]
        }
        assert AccessRecord.objects.filter(actor="api:loans", reason="api").exists()

    def test_every_wrong_field_is_named_at_once_without_its_value_and_nothing_is_written(self, system):
        body = {"iin": "850314390018", "phone": "12", "email": "a@", "last_name": "3", "birth_date": "31.02.2001"}
        response = system.put("/subjects/17", body)
        errors = problem(response, 422, "invalid")["errors"]
        assert {e["field"] for e in errors} == set(body)
        assert all(e["detail"].endswith(".") and e["code"] for e in errors)
        assert "850314390018" not in response.content.decode()
        assert not DataSubject.objects.exists()

    @pytest.mark.parametrize(("language", "words"), [("kk", "ЖСН"), ("ru", "ИИН"), ("en", "IIN")])
    def test_the_sentence_is_in_the_language_of_the_caller(self, language, words):
        (error,) = System(language=language).put("/subjects/17", {"iin": "850314390018"}).json()["errors"]
        assert words in error["detail"]

    def test_an_iin_of_another_person_is_a_conflict_and_an_iin_in_an_address_is_refused(self, system):
        system.put("/subjects/17", PERSON)
        (error,) = problem(system.put("/subjects/18", {"iin": PERSON["iin"]}), 409, "conflict")["errors"]
        assert error["field"] == "iin"
        problem(system.put(f"/subjects/{PERSON['iin']}", {}), 422, "invalid")
        assert DataSubject.objects.count() == 1

    def test_somebody_under_18_is_taken_in_with_a_warning(self, system):
        body = system.put("/subjects/17", {"birth_date": "2015-03-01"}).json()
        assert (body["standing"], [w["code"] for w in body["warnings"]]) == ("minor", ["minor"])

    def test_nobody_found_is_an_empty_list(self, system):
        for kind in ("iin", "phone", "email", "client_number", "contract"):
            assert system.post("/subjects/lookup", {"kind": kind, "value": "x"}).json() == {"found": []}


class TestObligations:
    def test_a_contract_is_opened_performed_and_found_by_its_number(self, system):
        person = DataSubjectFactory()
        application = system.put(f"/subjects/{person}/applications/З-1", {"state": "offer_agreed"})
        assert (application.status_code, application.json()["state"]) == (200, "offer_agreed")
        body = {"state": "opened", "application": "З-1", "at": "2026-01-05T10:00:00+05:00"}
        assert system.put(f"/subjects/{person}/contracts/К-1/2026", body).json() == {
            "number": "К-1/2026", "state": "opened", "since": "2026-01-05T05:00:00Z", "open": True,
        }  # fmt: skip
        assert Contract.objects.get().application == Application.objects.get()
        assert system.put(f"/subjects/{person}/contracts/К-1/2026", {"state": "performed"}).json()["open"] is False
        found = system.post("/subjects/lookup", {"kind": "contract", "value": "К-1/2026"}).json()["found"]
        assert [row["reference"] for row in found] == [str(person)]
        assert {row.actor for row in DataSubject.history.none()} == set()

    def test_a_number_of_another_person_a_moment_ahead_and_an_unknown_application_are_refused(self, system):
        mine, theirs = DataSubjectFactory(), DataSubjectFactory()
        system.put(f"/subjects/{mine}/contracts/К-1", {"state": "opened"})
        problem(system.put(f"/subjects/{theirs}/contracts/К-1", {"state": "performed"}), 422, "invalid")
        ahead = {"state": "opened", "at": "2199-01-01T00:00:00Z"}
        problem(system.put(f"/subjects/{mine}/contracts/К-2", ahead), 422, "invalid")
        problem(
            system.put(f"/subjects/{mine}/contracts/К-2", {"state": "opened", "application": "З-9"}), 422, "invalid"
        )
        problem(system.put(f"/subjects/{mine}/contracts/К-2", {"state": "paid"}), 422, "invalid")
        assert [(c.number, c.state) for c in Contract.objects.all()] == [("К-1", "opened")]
