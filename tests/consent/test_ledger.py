"""What people say is recorded at once, never changed, and stands as the law says (94-V art. 8; policy 7.1)."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.actor import acting_as
from consent import ledger, rebuilding, terms
from consent.enums import EventKind, State
from consent.ledger import Changed
from consent.models import ConsentEvent, ConsentState, FormServed
from subjects import loans
from subjects.obligations import ContractState
from tests.consent.factories import BY_CODE, form, given, refused, version
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def person():
    return DataSubjectFactory()


def state_of(person, code="C1", scope="") -> str:
    return ledger.standings(person)[code, scope].state


class TestGiving:
    def test_the_event_holds_what_was_shown_and_the_row_says_given(self, person):
        of = version()
        event = given(person, of, language="kk")
        served = FormServed.objects.get()
        assert (event.kind, event.language, event.sha256) == ("given", "kk", served.sha256)
        assert event.served == served
        assert served.at <= event.at
        row = ConsentState.objects.get()
        assert (row.state, row.given, row.since) == ("given", event, event.occurred_at)

    def test_a_form_bound_to_the_loan_has_no_date_and_another_one_ends_by_its_term(self, person):
        bound = given(person, version(form("C1")))
        advert = given(person, version(form("C8"), term="P1Y"))
        assert bound.valid_until is None
        assert advert.valid_until == ledger.add(advert.occurred_at, "P1Y") or (
            abs(advert.valid_until - ledger.add(advert.occurred_at, "P1Y")) < timedelta(seconds=5)
        )

    def test_whoever_answers_a_text_that_changed_meanwhile_is_refused_and_nothing_is_written(self, person):
        old = version()
        shown = ledger.serve(subject=person, version=old, language="ru")
        new = version(old.form)
        with pytest.raises(Changed):
            ledger.give(served=shown.served, expected_version=old.number, proof=BY_CODE)
        with pytest.raises(Changed):
            ledger.give(served=shown.served, expected_version=new.number, proof=BY_CODE)
        assert not ConsentEvent.objects.exists()

    def test_given_again_it_is_renewed(self, person):
        of = version()
        given(person, of)
        assert given(person, of).kind == EventKind.RENEWED
        assert state_of(person) == State.RENEWED

    def test_a_refusal_is_kept_and_takes_nothing_from_what_was_given_to_another_text(self, person):
        old = version()
        assert refused(person, old).kind == EventKind.REFUSED
        assert state_of(person) == State.REFUSED
        given(person, old)
        refused(person, version(old.form))
        assert state_of(person) == State.GIVEN

    def test_after_three_postponements_it_is_not_given_and_no_ground(self, person):
        of = version()
        states = []
        for _time in range(3):
            shown = ledger.serve(subject=person, version=of, language="ru")
            ledger.postpone(served=shown.served, expected_version=of.number, proof=BY_CODE)
            states.append(state_of(person))
        assert states == ["request_deferred", "request_deferred", "not_given"]
        assert not ledger.standings(person)["C1", ""].is_ground

    def test_scopes_are_consents_of_their_own(self, person):
        of = version(form("C3"))
        given(person, of, scope="recipient:1")
        refused(person, of, scope="recipient:2")
        assert state_of(person, "C3", "recipient:1") == "given"
        assert state_of(person, "C3", "recipient:2") == "refused"


class TestWithdrawing:
    def test_with_no_open_contract_it_stops_at_once(self, person):
        given(person, version())
        event = ledger.withdraw(subject=person, form=form(), proof=BY_CODE)
        assert event.kind == EventKind.WITHDRAWN
        assert state_of(person) == State.WITHDRAWN

    def test_with_an_open_contract_it_is_deferred_names_it_and_ends_when_the_last_is_performed(self, person):
        given(person, version())
        one = loans.record_contract(subject=person, number="K-1")
        two = loans.record_contract(subject=person, number="K-2")
        event = ledger.withdraw(subject=person, form=form(), proof=BY_CODE)
        assert (event.kind, event.blocking) == (EventKind.WITHDRAWAL_DEFERRED, [one.pk, two.pk])
        assert ledger.standings(person)["C1", ""].is_ground
        loans.record_contract(subject=person, number="K-1", state=ContractState.PERFORMED)
        assert state_of(person) == State.WITHDRAWAL_DEFERRED
        loans.record_contract(subject=person, number="K-2", state=ContractState.PERFORMED)
        assert state_of(person) == State.WITHDRAWN
        assert ConsentEvent.objects.latest("pk").about == event

    def test_an_optional_form_stops_at_once_even_with_an_open_loan(self, person):
        given(person, version(form("C8")))
        loans.record_contract(subject=person, number="K-1")
        assert ledger.withdraw(subject=person, form=form("C8"), proof=BY_CODE).kind == EventKind.WITHDRAWN

    def test_a_consent_about_one_contract_is_held_by_that_contract_alone(self, person):
        mine = loans.record_contract(subject=person, number="K-1")
        loans.record_contract(subject=person, number="K-2")
        given(person, version(), scope=f"contract:{mine.pk}")
        loans.record_contract(subject=person, number="K-1", state=ContractState.PERFORMED)
        event = ledger.withdraw(subject=person, form=form(), scope=f"contract:{mine.pk}", proof=BY_CODE)
        assert event.kind == EventKind.WITHDRAWN

    def test_twice_is_the_same_withdrawal(self, person):
        given(person, version())
        first = ledger.withdraw(subject=person, form=form(), proof=BY_CODE)
        assert ledger.withdraw(subject=person, form=form(), proof=BY_CODE) == first

    def test_a_reopened_contract_revives_nothing(self, person):
        given(person, version())
        loans.record_contract(subject=person, number="K-1")
        ledger.withdraw(subject=person, form=form(), proof=BY_CODE)
        loans.record_contract(subject=person, number="K-1", state=ContractState.PERFORMED)
        loans.record_contract(subject=person, number="K-1", state=ContractState.REOPENED)
        assert state_of(person) == State.WITHDRAWN

    def test_a_written_off_debt_is_still_owed_and_an_assigned_one_is_owed_to_somebody_else(self, person):
        given(person, version())
        loans.record_contract(subject=person, number="K-1")
        ledger.withdraw(subject=person, form=form(), proof=BY_CODE)
        loans.record_contract(subject=person, number="K-1", state=ContractState.WRITTEN_OFF)
        assert state_of(person) == State.WITHDRAWAL_DEFERRED
        loans.record_contract(subject=person, number="K-1", state=ContractState.ASSIGNED)
        assert state_of(person) == State.WITHDRAWN


class TestPaper:
    def clerk(self):
        return permit(StaffUserFactory(), "consent.record_consentevent", "consent.confirm_consentevent")

    def test_is_no_ground_until_a_second_person_confirms_and_then_counts_from_the_day_it_was_signed(self, person):
        friday = timezone.now() - timedelta(days=3)
        of, clerk, other = version(at=friday - timedelta(days=30)), self.clerk(), self.clerk()
        with as_officer(clerk):
            typed = ledger.record_paper(subject=person, version=of, language="kk", occurred_at=friday, by=clerk)
        assert state_of(person) == State.PENDING_CONFIRMATION
        assert not ledger.standings(person)["C1", ""].is_ground
        with as_officer(clerk), pytest.raises(ValidationError):
            ledger.confirm(event=typed, by=clerk)
        with as_officer(other):
            ledger.confirm(event=typed, by=other)
        assert state_of(person) == State.GIVEN
        assert ledger.standings(person, friday + timedelta(hours=1))["C1", ""].is_ground
        assert ("C1", "") not in ledger.standings(person, friday - timedelta(hours=1))
        with as_officer(other), pytest.raises(ValidationError):
            ledger.confirm(event=typed, by=other)

    def test_of_before_a_withdrawal_does_not_undo_it(self, person):
        friday = timezone.now() - timedelta(days=3)
        of, clerk, other = version(at=friday - timedelta(days=30)), self.clerk(), self.clerk()
        ledger.withdraw(subject=person, form=of.form, proof=BY_CODE)
        with as_officer(clerk):
            typed = ledger.record_paper(subject=person, version=of, language="kk", occurred_at=friday, by=clerk)
        with as_officer(other):
            ledger.confirm(event=typed, by=other)
        assert state_of(person) == State.WITHDRAWN
        assert ledger.standings(person, friday + timedelta(hours=1))["C1", ""].is_ground

    def test_the_database_itself_refuses_one_pair_of_eyes(self, person):
        of, clerk = version(), self.clerk()
        with as_officer(clerk):
            typed = ledger.record_paper(subject=person, version=of, language="kk", occurred_at=timezone.now(), by=clerk)
            fields = {"subject": person, "form": of.form, "version": of, "kind": "given", "channel": "paper"}
            with pytest.raises(IntegrityError), transaction.atomic():
                ConsentEvent.objects.create(**fields, trust="staff_confirmed", about=typed)
            with pytest.raises(IntegrityError), transaction.atomic():
                ConsentEvent.objects.create(**fields, trust="staff_entered")

    def test_needs_the_right_to_record(self, person):
        nobody = StaffUserFactory()
        with as_officer(nobody), pytest.raises(PermissionDenied):
            ledger.record_paper(subject=person, version=version(), language="kk", occurred_at=timezone.now(), by=nobody)


class TestTime:
    def test_a_term_ends_by_the_clock_and_the_beat_writes_it_down_once(self, person):
        of = version(form("C8"), term="P1D", at=timezone.now() - timedelta(days=9))
        event = given(person, of)
        later = event.valid_until + timedelta(seconds=1)
        assert ledger.standings(person, later)["C8", ""].state == State.EXPIRED
        assert terms.expire() == 0
        assert terms.expire(at=later) == 1
        assert terms.expire(at=later) == 0
        assert ConsentEvent.objects.latest("pk").occurred_at == event.valid_until

    def test_events_are_never_changed(self, person):
        event = given(person, version())
        for act in (lambda: ConsentEvent.objects.update(kind="refused"), lambda: event.delete()):
            with pytest.raises(IntegrityError), transaction.atomic():
                act()

    def test_every_row_can_be_derived_again(self, person):
        of = version()
        given(person, of)
        ledger.withdraw(subject=person, form=of.form, proof=BY_CODE)
        refused(person, of)
        assert rebuilding.rebuild() == 0
        ConsentState.objects.update(state="given")
        assert rebuilding.rebuild(dry_run=True) == 1
        assert rebuilding.rebuild() == 1
        assert state_of(person) == State.REFUSED

    def test_a_row_that_is_gone_or_stands_on_nothing_is_a_difference_too(self, person):
        event = given(person, version())
        device = ledger.serve(subject=None, version=version(form("C12")), language="ru", device=b"d" * 16)
        ledger.give(served=device.served, expected_version=1, proof=ledger.CLOCK._replace(trust="system_entered"))
        ConsentState.objects.filter(subject=person).delete()
        ConsentState.objects.filter(subject=None).update(state="refused")
        ConsentState.objects.create(subject=DataSubjectFactory(), form=event.form, state="given")
        assert rebuilding.rebuild(dry_run=True) == 3
        assert rebuilding.rebuild() == 3
        assert rebuilding.rebuild(dry_run=True) == 0
        assert state_of(person) == State.GIVEN


def test_who_is_named_in_history(person):
    with acting_as(f"subject:{person.public_id}"):
        assert given(person, version_by_officers()).actor == f"subject:{person.public_id}"


def version_by_officers():
    return version()
