"""What was put right here is not put back by an old file or system, and a session got with a wrong address ends."""

import io

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from audit.models import AccessRecord
from notifications.models import Letter
from notifications.ports import KINDS
from subjects import addresses, importing, ports, recording, registers, search, services, sign_in, vault, verification
from subjects.enums import IndexKind, Source
from subjects.models import DataSubject, DisputedAddress, PersonalData, Task
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
HEADER = "client_number;last_name;first_name;phone;email"
OLD = "K-1;Иванова;Анна;+77771234567;old@example.kz"
RIGHT = "right@example.kz"


@pytest.fixture(autouse=True)
def categories(db):
    registers.load()


def file(*rows: str) -> io.BytesIO:
    return io.BytesIO("\n".join([HEADER, *rows]).encode())


def imported(*rows: str, overrule: bool = False) -> list[str]:
    """The warnings."""
    checked = importing.examine(file(*rows), language="kk", overrule=overrule)
    assert checked.problems == []
    importing.load(checked.rows)
    with translation.override("en"):
        return [str(warning) for warning in checked.warnings]


@pytest.fixture
def anna() -> DataSubject:
    imported(OLD)
    return search.find(IndexKind.CLIENT_NUMBER, "K-1").get()


def emails(person: DataSubject) -> list[str]:
    return [value.parts["value"] for value in vault.own_values(subject=person, page="x") if value.category == "email"]


def corrected(person: DataSubject, email: str = RIGHT) -> None:
    officer = permit(StaffUserFactory(), "subjects.correct_email")
    value = PersonalData.objects.get(subject=person, category__code="email")
    with as_officer(officer):
        if email:
            services.correct_email(value=value, email=email, reason="our_mistake", by=officer)
        else:
            services.remove_email(value=value, reason="our_mistake", by=officer)


class TestAnOldFile:
    def test_does_not_put_a_corrected_email_back_and_says_so_by_row_and_column(self, anna):
        corrected(anna)
        told = imported("K-2;A;;;", OLD.replace("Иванова", "Петрова"))
        assert told == [
            "Row 3, column “email”: The person had this value before it was corrected here. The correction stays; all"
            " else of the row is taken."
        ]
        assert emails(anna) == [RIGHT]
        assert search.find(IndexKind.EMAIL, "old@example.kz").count() == 0
        assert search.find(IndexKind.EMAIL, RIGHT).get() == anna
        assert search.find(IndexKind.NAME, "петрова").get() == anna, "the rest of the row is taken"

    def test_does_not_give_back_an_email_that_was_taken_away(self, anna):
        corrected(anna, "")
        assert len(imported(OLD)) == 1
        assert emails(anna) == []

    def test_is_right_when_the_officer_says_so(self, anna):
        corrected(anna)
        assert imported(OLD, overrule=True) == []
        assert emails(anna) == ["old@example.kz"]

    def test_may_bring_an_email_that_is_news_and_the_older_ones_still_stay_out(self, anna):
        corrected(anna)
        assert imported(OLD.replace("old@", "new@")) == []
        assert emails(anna) == ["new@example.kz"]
        assert len(imported(OLD)) == 1
        assert emails(anna) == ["new@example.kz"]

    def test_with_the_corrected_email_itself_is_no_cause_for_a_warning(self, anna):
        corrected(anna)
        assert imported(OLD.replace("old@", "right@")) == []

    def test_updates_what_nobody_corrected_as_before(self, anna):
        assert imported(OLD.replace("old@", "new@")) == []
        assert imported(OLD) == []
        assert emails(anna) == ["old@example.kz"]

    def test_what_the_person_said_of_any_kind_of_data_stays_too(self, anna):
        vault.replace(
            subject=anna, category="mobile_phone", parts={"value": "+77010000001"}, source=Source.CABINET.value
        )
        vault.replace(subject=anna, category="full_name", parts={"last": "Ким"}, source=Source.OFFICER.value)
        assert [warning.partition(":")[0] for warning in imported(OLD)] == [
            "Row 2, column “last_name”",
            "Row 2, column “phone”",
        ]
        held = {value.category: value.parts for value in vault.own_values(subject=anna, page="x")}
        assert (held["mobile_phone"], held["full_name"]) == ({"value": "+77010000001"}, {"last": "Ким"})

    def test_the_command_says_it_and_has_a_switch(self, anna, tmp_path):
        corrected(anna)
        path = tmp_path / "people.csv"
        path.write_bytes(file(OLD).getvalue())
        out = io.StringIO()
        with translation.override("en"):
            call_command("import_subjects", str(path), stdout=out)
        assert "warning: Row 2, column “email”: The person had this value" in out.getvalue()
        assert emails(anna) == [RIGHT]
        call_command("import_subjects", str(path), "--overrule-corrections", stdout=out)
        assert emails(anna) == ["old@example.kz"]

    def test_opens_nothing_when_nobody_corrected_anything_and_costs_the_same_for_many(
        self, anna, django_assert_max_num_queries
    ):
        rows = [OLD.replace("K-1", f"K-{n}").replace("old@", f"p{n}@") for n in range(10, 40)]
        imported(*rows)
        looked = AccessRecord.objects.count()
        with django_assert_max_num_queries(10):
            importing.examine(file(*rows), language="kk")
        assert AccessRecord.objects.count() == looked


def test_one_value_more_where_there_are_several_is_told_to_who_got_them(anna, monkeypatch):
    told = []
    monkeypatch.setattr(ports, "on_corrected", [lambda subject, category: told.append((subject, category))])
    for number, heard in (("1", 0), ("2", 1), ("2", 1)):  # the first, another, the same again
        parts = {"value": f"+7701000000{number}"}
        with as_officer(StaffUserFactory()):
            recording.add(subject=anna, category="contact_phones", parts=parts, source="officer", origin="subject")
        assert told == [(anna, "contact_phones")] * heard


@pytest.mark.parametrize("blocked", [{"standing": "blocked"}, {"standing": "minor", "blocked_at": timezone.now()}])
def test_of_whoever_is_blocked_no_officer_changes_or_takes_away_a_value(anna, blocked):
    value = anna.values.get(category__code="full_name")
    told = {"against": "document", "result": "mismatch", "found": {"last": "Ким", "first": "Анна"}}
    differs = verification.note(value=value, **told)
    DataSubject.objects.filter(pk=anna.pk).update(**blocked)
    officer = permit(StaffUserFactory(), "subjects.correct_email", "subjects.decide_verification")
    email, why = anna.values.get(category__code="email"), {"reason": "told_by_person", "by": officer}
    acts = (
        lambda: services.correct_email(value=email, email=RIGHT, **why),
        lambda: services.remove_email(value=email, **why),
        lambda: services.add_email(subject=anna, email=RIGHT, **why),
        lambda: verification.decide(row=differs, decision="corrected", by=officer),
    )
    before = PersonalData.history.filter(subject=anna).count()
    for act in acts:
        with as_officer(officer), pytest.raises(ValidationError) as refused:
            act()
        assert refused.value.code == "closed"
    assert PersonalData.history.filter(subject=anna).count() == before
    with as_officer(officer):
        assert verification.decide(row=differs, decision="kept", by=officer).decision == "kept"


class TestASystem:
    def test_is_told_that_the_correction_stays(self, anna):
        from tests.consent.system import System

        corrected(anna)
        system = System()
        answer = system.put("/subjects/K-1", {"email": "old@example.kz"})
        assert answer.status_code == 200
        (warning,) = answer.json()["warnings"]
        assert (warning["field"], warning["code"]) == ("email", "corrected_here")
        assert emails(anna) == [RIGHT]


class TestAnOpenCabinet:
    def opened(self, person: DataSubject, seconds: float = 60) -> Client:
        return inside(person, hours=seconds / 3600)

    def is_open(self, client: Client) -> bool:
        return client.get(reverse("cabinet:language")).status_code == 200

    @pytest.mark.parametrize("to", [RIGHT, ""], ids=["corrected", "removed"])
    def test_that_was_opened_before_the_email_was_found_wrong_is_closed_and_forgotten(self, anna, to):
        client = self.opened(anna)
        assert self.is_open(client)
        corrected(anna, to)
        answer = client.get(reverse("cabinet:language"))
        assert (answer.status_code, answer.url) == (302, reverse("cabinet:sign-in"))
        assert client.get(reverse("cabinet:home")).status_code == 200
        assert "subject" not in client.session

    def test_that_is_opened_afterwards_stays(self, anna):
        corrected(anna)
        client = self.opened(anna, seconds=-2)
        assert self.is_open(client)

    def test_of_anybody_else_stays(self, anna):
        other = self.opened(DataSubjectFactory())
        corrected(anna)
        assert self.is_open(other)

    def test_stays_when_an_import_changes_the_email_or_an_officer_adds_the_first_one(self, anna):
        client = self.opened(anna)
        imported(OLD.replace("old@", "new@"))
        assert self.is_open(client)
        nameless = DataSubjectFactory(email=None)
        client = self.opened(nameless)
        officer = permit(StaffUserFactory(), "subjects.correct_email")
        with as_officer(officer):
            services.add_email(subject=nameless, email="first@example.kz", reason="told_by_person", by=officer)
        assert self.is_open(client)


class TestClosedPeople:
    """Nothing is written to whoever is blocked, erased or dead, not even by a whole file."""

    SAID = {"blocked": "blocked or erased", "erased": "blocked or erased", "deceased": "has died"}

    @pytest.mark.parametrize("standing", SAID)
    def test_their_rows_are_problems_and_the_others_come_in(self, anna, standing):
        DataSubject.objects.filter(pk=anna.pk).update(standing=standing)
        keys = anna.keys.count()
        checked = importing.examine(file(OLD.replace("old@", "new@"), "K-2;A;;;"), language="kk")
        with translation.override("en"):
            (problem,) = map(str, checked.problems)
        assert problem.startswith("Row 2, column “client_number”")
        assert self.SAID[standing] in problem
        importing.load(checked.rows)
        # nor when the data is closed between the check and the writing
        DataSubject.objects.filter(pk=anna.pk).update(standing="ordinary")
        late = importing.examine(file(OLD.replace("old@", "new@")), language="kk")
        DataSubject.objects.filter(pk=anna.pk).update(standing=standing)
        assert importing.load(late.rows).unchanged == 1
        assert emails(anna) == ["old@example.kz"]
        assert anna.keys.count() == keys
        assert search.find(IndexKind.CLIENT_NUMBER, "K-2").exists()

    @pytest.mark.parametrize("standing", SAID)
    def test_a_system_is_told(self, anna, standing):
        from tests.consent.system import System

        DataSubject.objects.filter(pk=anna.pk).update(standing=standing)
        answer = System().put("/subjects/K-1", {"email": "new@example.kz"})
        assert answer.status_code == 409
        (error,) = answer.json()["errors"]
        assert (error["field"], error["code"]) == ("client_number", "deceased" if standing == "deceased" else "closed")
        assert emails(anna) == ["old@example.kz"]


class TestAnotherEmail:
    def test_that_a_file_brings_is_told_to_the_old_one_and_ends_the_codes_on_their_way(self, anna):
        code = sign_in.ask_known(subject=anna, use="step_up", channel="email", address="10.0.0.1")
        imported(OLD.replace("old@", "new@"))
        code.refresh_from_db()
        assert code.used_at is not None
        letter = Letter.objects.get(subject=anna, kind="address_changed")
        assert KINDS["address_changed"].addresses([letter]) == {letter.pk: "old@example.kz"}

    def test_a_first_one_or_another_name_is_told_to_nobody_and_costs_no_look_at_the_old(self, anna):
        imported("K-2;A;;;", OLD.replace("Иванова", "Петрова"))
        with CaptureQueriesContext(connection) as queries:
            imported("K-2;A;;;first@example.kz", OLD.replace("Иванова", "Сидорова"))
        assert not Letter.objects.filter(kind="address_changed").exists()
        assert not [one for one in queries if "disputedaddress" in one["sql"].lower()]

    def test_a_strangers_one_is_not_told(self, anna):
        value = PersonalData.objects.get(subject=anna, category__code="email")
        task = Task.objects.create(kind="disputed_address", subject=anna)
        DisputedAddress.objects.create(task=task, value=value, digest=addresses.digest("old@example.kz"))
        imported(OLD.replace("old@", "new@"))
        assert not Letter.objects.filter(kind="address_changed").exists()
        assert search.find(IndexKind.EMAIL, "new@example.kz").get() == anna

    def test_a_withheld_one_beside_it_is_neither_told_nor_replaced(self, anna):
        secret = {"parts": {"value": "secret@example.kz"}, "source": Source.API, "disclosure": "withheld"}
        hidden = vault.store(subject=anna, category="email", **secret)
        imported(OLD.replace("old@", "new@"))
        letter = Letter.objects.get(subject=anna, kind="address_changed")
        assert KINDS["address_changed"].addresses([letter]) == {letter.pk: "old@example.kz"}
        assert hidden.history.count() == 1

    def test_a_withheld_phone_does_not_say_of_itself_that_one_is_held(self):
        person = DataSubjectFactory(email=None)
        secret = {"parts": {"value": "+77011234567"}, "source": Source.API, "disclosure": "withheld"}
        vault.store(subject=person, category="mobile_phone", **secret)
        recording.check_may_add(person, "mobile_phone")
        told = {"source": Source.OFFICER, "origin": "subject"}
        recording.add(subject=person, category="mobile_phone", parts={"value": "+77017654321"}, **told)
        assert search.find(IndexKind.PHONE, "+77017654321").get() == person
