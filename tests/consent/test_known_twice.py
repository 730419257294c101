"""A person known twice says no once: it reaches every file of theirs, whichever leads (94-V art. 8, 24; ADR 17)."""

import threading
from io import BytesIO

import pytest
from django.db import connection
from django.utils import translation

from audit.actor import acting_as
from audit.models import AccessRecord
from consent import importing, ledger, objections, paper, rebuilding, signing
from consent import registers as consent_registers
from consent.enums import Channel
from consent.grounds import reasons
from consent.models import ConsentEvent
from notifications.models import Letter
from notifications.ports import title_of
from subjects import duplicates, loans, registers, relations, request_answers
from subjects import request_services as services
from subjects.enums import Standing
from subjects.models import (
    DataCategory,
    DataSubject,
    PersonLink,
    SourceSystem,
    SubjectRequest,
    Suppression,
    SystemCategory,
)
from tests.consent.factories import BY_CODE, form, given, version
from tests.consent.test_consent_pages import LIST, hidden, page_of, state_of, text_of
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
HANDLES = ("subjects.add_subjectrequest", "subjects.handle_subjectrequest")


@pytest.fixture
def files(db) -> tuple[DataSubject, DataSubject]:
    """(the file that leads, the one that follows)"""
    leading, following = DataSubjectFactory(), DataSubjectFactory()
    duplicates.unite(leading=leading, following=following)
    return leading, following


def fresh(person: DataSubject) -> DataSubject:
    return DataSubject.objects.get(pk=person.pk)


class TestInTheCabinet:
    def test_a_consent_of_the_other_file_is_shown_and_withdrawn(self, files):
        leading, following = files
        of = version(form("C8"))
        given(following, of)
        client = inside(leading, "en")
        for page in (text_of(client.get(LIST)), text_of(client.get(page_of("C8")))):
            assert f"your other number with us, {following}" in page
            assert f"{page_of('C8')}withdraw/" in page
        before = text_of(client.get(f"{page_of('C8')}withdraw/"))
        assert "takes effect at once" in before
        assert f"your other number with us, {following}" in before, "what the click will do is said before it"
        client.post(f"{page_of('C8')}withdraw/", {"about": ""})
        assert state_of(following, "C8") == "withdrawn"
        assert "your other number" not in text_of(client.get(LIST))
        assert Suppression.objects.exists(), "nobody advertises to the number of the other file either"

    def test_both_are_withdrawn_by_one_click(self, files):
        of = version(form("C8"))
        for one in files:
            given(one, of)
        inside(files[0], "en").post(f"{page_of('C8')}withdraw/", {"about": ""})
        assert [state_of(one, "C8") for one in files] == ["withdrawn", "withdrawn"]
        told = Letter.objects.filter(kind="consent_withdrawn").values_list("subject", flat=True)
        assert list(told) == [files[0].pk], "one act, one letter"

    def test_a_consent_counts_where_it_was_given_and_nowhere_else(self, files):
        version(form("C8"))
        client = inside(files[0], "en")
        client.post(f"{page_of('C8')}answer/", {**hidden(client.get(page_of("C8"))), "answer": "give"})
        assert state_of(files[0], "C8") == "given"
        assert ("C8", "") not in ledger.standings(files[1])

    def test_a_loan_of_the_other_file_holds_its_consent_and_the_page_says_which(self, files):
        leading, following = files
        given(following, version(form("C1")))
        loans.record_contract(subject=following, number="K-9")
        client = inside(leading, "en")
        assert "contract K-9" in text_of(client.get(f"{page_of('C1')}withdraw/"))
        client.post(f"{page_of('C1')}withdraw/", {"about": ""})
        assert state_of(following) == "withdrawal_deferred"
        assert "Withdraw the consent" not in text_of(client.get(page_of("C1")))

    def test_somebody_else_is_not_touched(self, files):
        of, stranger = version(form("C8")), DataSubjectFactory()
        for one in (*files, stranger):
            given(one, of)
        inside(files[0], "en").post(f"{page_of('C8')}withdraw/", {"about": ""})
        assert state_of(stranger, "C8") == "given"

    def test_an_ended_link_carries_nothing(self, files):
        of = version(form("C8"))
        for one in files:
            given(one, of)
        with as_officer(by := permit(StaffUserFactory(), "subjects.change_personlink")):
            relations.unlink(row=PersonLink.objects.get(), by=by)
        inside(files[0], "en").post(f"{page_of('C8')}withdraw/", {"about": ""})
        assert state_of(files[1], "C8") == "given"


def test_what_an_officer_types_of_one_file_reaches_the_file_that_leads(files):
    leading, following = files
    given(leading, of := version(form("C8")))
    clerk = permit(StaffUserFactory(), "consent.record_consentevent")
    with as_officer(clerk):
        paper.record_withdrawal(
            subject=following,
            form=of.form,
            scope="",
            channel=Channel.PAPER,
            occurred_at=None,
            reason=paper.WithdrawalReason.WRITTEN,
            by=clerk,
            content=b"%PDF-1.7\n%%EOF",
        )
    assert state_of(leading, "C8") == "withdrawn"
    scans = {event.subject_id: event.scan_id for event in ConsentEvent.objects.filter(kind="withdrawn")}
    assert scans[following.pk]
    assert scans[leading.pk] is None, "the paper is evidence of the file it was brought to"


@pytest.mark.parametrize(("day", "state"), [("2026-03-06", "withdrawn"), ("2026-01-05", "given")])
def test_a_withdrawal_that_an_import_brings_reaches_the_other_file_but_not_what_was_given_after_it(day, state):
    leading, following = DataSubjectFactory(client_number="A-1"), DataSubjectFactory(client_number="A-2")
    duplicates.unite(leading=leading, following=following)
    form("C8")
    head = "client_number;form;decision;date;version;language;scope;scan\n"
    for row in ("A-1;C8;given;2026-01-02;;;;", "A-2;C8;given;2026-02-03;;;;", f"A-1;C8;withdrawn;{day};;;;"):
        checked = importing.examine(BytesIO((head + row).encode()))
        assert not checked.problems
        importing.load(checked.rows)
    assert state_of(leading, "C8") == "withdrawn"
    assert state_of(following, "C8") == state
    assert ConsentEvent.objects.filter(subject=following, kind="withdrawn").exists() == (state == "withdrawn")
    assert rebuilding.rebuild() == 0


class TestWhatThePersonReads:
    """The cabinet opens by the file that leads, and what happened in the other one is the person's too."""

    @pytest.fixture(autouse=True)
    def registered(self, db):
        with acting_as("command:load_registers@tests"):
            registers.load()
            registers.load_clock()
        with translation.override("en"):
            yield

    def test_requests_made_in_the_other_file_are_theirs_to_follow(self, files):
        leading, following = files
        row = services.register(subject=following, kinds=["access"], channel="cabinet", language="ru")
        client = inside(leading, "en")
        for page in ("/cabinet/", "/cabinet/requests/", f"/cabinet/requests/{row.public_id}/"):
            assert str(row) in text_of(client.get(page)), page
        assert f"for {following}" not in text_of(client.get("/cabinet/requests/"))
        assert inside(DataSubjectFactory()).get(f"/cabinet/requests/{row.public_id}/").status_code == 404

    def test_letters_looks_receipts_and_terms_are_told_of_both(self, files):
        leading, following = files
        with acting_as("command:receipt_key@tests"):
            signing.ensure_key()
        given(following, of := version(form("C8")))
        event = ledger.withdraw(subject=following, form=of.form, proof=BY_CODE)
        letter = Letter.objects.filter(subject=following).get()
        officer = StaffUserFactory()
        with as_officer(officer):
            AccessRecord(door="reveal", reference=str(following), category="iin", reason="request").save()
        client = inside(leading, "en")
        assert str(title_of(letter.kind)) in text_of(client.get("/cabinet/letters/")).lower()
        assert "IIN" in text_of(client.get("/cabinet/looked/"))
        receipt = client.get(f"/cabinet/receipts/{event.public_id}.json")
        assert receipt.status_code == 200
        assert inside(DataSubjectFactory()).get(receipt.request["PATH_INFO"]).status_code == 404


class TestByRequest:
    @pytest.fixture(autouse=True)
    def registered(self, db):
        with acting_as("command:load_registers@tests"):
            registers.load()
            registers.load_clock()
            consent_registers.load()
        with translation.override("en"):
            yield

    def ask(self, person: DataSubject, kind: str, **given) -> SubjectRequest:
        officer = permit(StaffUserFactory(), *HANDLES)
        row = services.register(subject=person, kinds=[kind], channel="cabinet", language="ru", **given)
        with as_officer(officer):
            services.take_up(request=row, by=officer)
            return services.decide(request=row, by=officer)

    def test_withdrawing_everything_withdraws_what_stands_in_any_file(self, files):
        c8, c9 = version(form("C8")), version(form("C9"))
        given(files[0], c9)
        given(files[1], c8)
        self.ask(files[0], "withdraw")
        assert state_of(files[0], "C9") == state_of(files[1], "C8") == "withdrawn"

    def test_an_objection_stands_in_both_until_it_is_lifted(self, files):
        purpose = next(r.purpose for r in reasons(files[0]) if r.allowed and r.code != "law")

        def codes() -> list[str]:
            return [next(r.code for r in reasons(one) if r.purpose == purpose) for one in files]

        before = codes()
        self.ask(files[0], "object", target=purpose.code)
        assert codes() == ["objected", "objected"]
        objections.lift(subject=files[1], purpose=purpose)
        assert codes() == before

    def test_both_are_blocked_and_what_stood_before_stands_again(self, files):
        DataSubject.objects.filter(pk=files[1].pk).update(standing=Standing.RESTRICTED)
        self.ask(files[0], "block")
        assert [fresh(one).standing for one in files] == [Standing.BLOCKED, Standing.BLOCKED]
        self.ask(files[0], "unblock")
        assert [fresh(one).standing for one in files] == [Standing.ORDINARY, Standing.RESTRICTED]

    def test_a_file_that_keeps_its_standing_is_blocked_beneath_it(self, files):
        DataSubject.objects.filter(pk=files[1].pk).update(standing=Standing.MINOR)
        self.ask(files[0], "block")
        assert [fresh(one).standing for one in files] == [Standing.BLOCKED, Standing.MINOR]
        assert fresh(files[1]).blocked_at is not None

    @pytest.mark.parametrize("named", [0, 1])
    def test_the_work_and_the_answer_are_of_all_files(self, named):
        files = DataSubjectFactory(email=None), DataSubjectFactory()
        duplicates.unite(leading=files[0], following=files[1])
        system = SourceSystem.objects.create(code="post", title_ru="post", title_kk="post")
        SystemCategory.objects.create(system=system, category=DataCategory.objects.get(code="email"))
        row = self.ask(files[named], "confirm")
        assert [item.system for item in row.items.all()] == [system]
        row.language = "en"
        assert "We confirm that we process" in request_answers.proposed(row)
        row.kinds = ["access"]
        assert ": 1 value; source" in request_answers.proposed(row)


@pytest.mark.django_db(transaction=True)
def test_two_who_withdraw_at_once_from_both_files_do_not_wait_for_each_other_for_ever(files):
    of = version(form("C8"))
    for _round in range(5):
        for one in files:
            given(one, of)
        started, failed = threading.Barrier(2), []

        def say_no(person, started=started, failed=failed):
            try:
                started.wait()
                with acting_as(f"subject:{person.public_id}"):
                    ledger.withdraw(subject=person, form=of.form, proof=BY_CODE)
            except Exception as error:
                failed.append(error)
            finally:
                connection.close()

        both = [threading.Thread(target=say_no, args=[one]) for one in files]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        assert not failed
        assert [state_of(one, "C8") for one in files] == ["withdrawn", "withdrawn"]
