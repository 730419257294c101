"""Recipients are told what happened to the data they got; people are told of transfers; nothing withheld shows."""

from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.actor import acting_as
from consent import ledger
from notifications.enums import LetterState
from notifications.models import Letter
from staff.rules import NotAllowed
from subjects import codes, contacts, deadlines, iin_corrections, recording, vault
from subjects import registers as subject_registers
from subjects.enums import Disclosure, Origin, Source
from tests.consent.factories import BY_CODE
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory
from tests.transfers.factories import LOADED, agree, happened, world
from transfers import aftermath, intake, letters, notices, recipient_letters, services
from transfers.enums import Direction
from transfers.models import RecipientNotice, Transfer, TransferNotice

pytestmark = pytest.mark.django_db
SHA = "a" * 64


@pytest.fixture
def made():
    made = world()
    made.consents()
    return made


def sent(made, **changed) -> Transfer:
    done = services.authorise(question=made.question(**changed))
    if done.transfer.direction == Direction.INCOMING:
        intake.receive(token=done.token, payload_sha256=SHA, values={"mobile_phone": [{"value": "+77012345678"}]})
    else:
        services.release(token=done.token, payload_sha256=SHA, reference="KB-77")
    return done.transfer


def teller(**rights):
    return permit(StaffUserFactory(), *rights.pop("rights", ("transfers.tell_recipient",)))


def iin_corrected(person) -> None:
    """By a document, proposed by one officer and approved by another."""
    vault.store(subject=person, category="iin", parts={"value": "850314390019"}, source="api")
    author, second = permit(StaffUserFactory(), "subjects.add_iincorrection"), StaffUserFactory()
    with as_officer(author):
        row = iin_corrections.propose(
            subject=person, iin="921130490023", birth_date=date(1992, 11, 30), sex="female",
            document_kind="id_card", last_four="1234", by=author,
        )  # fmt: skip
    with as_officer(second):
        iin_corrections.approve(row=row, by=permit(second, "subjects.approve_iincorrection"))


class TestRecipients:
    def test_a_withdrawal_opens_a_task_for_whoever_got_data_on_that_consent(self, made):
        done = sent(made)
        event = ledger.withdraw(subject=made.person, form=made.form, scope=made.scope, proof=BY_CODE)
        (task,) = RecipientNotice.objects.all()
        assert (task.recipient, task.reason, task.transfers) == (made.recipient, "withdrawn", [done.pk])
        assert task.cause == f"consent.ConsentEvent:{event.pk}"
        assert task.categories == ["full_name", "iin"]

    def test_whoever_got_nothing_is_told_nothing(self, made):
        services.authorise(question=made.question())  # allowed and never sent
        ledger.withdraw(subject=made.person, form=made.form, scope=made.scope, proof=BY_CODE)
        assert not RecipientNotice.objects.exists()

    def test_a_correction_by_hand_opens_one_and_an_import_none(self, made):
        def phone(number: str, source: str) -> None:
            recording.record(
                subject=made.person,
                category="mobile_phone",
                values=[{"value": number}],
                source=source,
                origin=Origin.SUBJECT,
            )

        phone("+77012345678", Source.API)
        sent(made, categories=("full_name", "mobile_phone"))
        phone("+77012345679", Source.API)
        assert not RecipientNotice.objects.exists()
        phone("+77012345670", Source.OFFICER)
        (task,) = RecipientNotice.objects.all()
        assert (task.reason, task.categories) == ("corrected", ["mobile_phone"])

    def test_an_iin_corrected_by_two_officers_opens_one(self, made):
        sent(made)
        iin_corrected(made.person)
        (task,) = RecipientNotice.objects.all()
        assert (task.recipient, task.reason, task.categories) == (made.recipient, "corrected", ["iin"])

    def test_a_phone_changed_in_the_cabinet_opens_one(self, made, settings, tmp_path):
        settings.SMS_URL = f"file://{tmp_path}"
        vault.store(subject=made.person, category="mobile_phone", parts={"value": "+77012345678"}, source="api")
        sent(made, categories=("full_name", "mobile_phone"))
        row = contacts.ask(subject=made.person, channel="sms", text="+77775554433", address="203.0.113.7")
        assert not RecipientNotice.objects.exists(), "nothing is changed yet"
        assert contacts.confirm(subject=made.person, handle=row.handle, code=codes.make_code(row), session_id="")
        (task,) = RecipientNotice.objects.all()
        assert (task.reason, task.categories) == ("corrected", ["mobile_phone"])

    def test_what_is_taken_away_is_told_as_destroyed(self, made):
        sent(made)
        aftermath.erased(made.person, ["iin"])
        (task,) = RecipientNotice.objects.all()
        assert (task.reason, task.categories) == ("erased", ["iin"])

    def test_the_letter_names_transfers_and_no_person_in_both_languages(self, made):
        done = sent(made)
        iin_corrected(made.person)
        letter = recipient_letters.prepare(RecipientNotice.objects.get())
        for text in letter.texts.values():
            assert str(done.public_id) in text
            assert "KB-77" in text
            assert made.person.reference not in text
        assert letter.pdf.startswith(b"%PDF")
        assert letter.sha256 == recipient_letters.prepare(RecipientNotice.objects.get()).sha256

    def test_it_is_sent_once_confirmed_once_and_never_taken_back(self, made):
        sent(made)
        iin_corrected(made.person)
        task, officer = RecipientNotice.objects.get(), teller()
        with acting_as(f"officer:{officer.pk}"):
            with pytest.raises(ValidationError) as refused:
                aftermath.record_confirmation(task=task, confirmation="12", by=officer)
            assert refused.value.code == "unsent"
            aftermath.record_sent(task=task, channel="email", letter_sha256=SHA, by=officer)
            with pytest.raises(ValidationError) as refused:
                aftermath.record_sent(task=task, channel="post", letter_sha256=SHA, by=officer)
            assert refused.value.code == "sent"
            with pytest.raises(ValidationError) as refused:
                aftermath.record_confirmation(task=task, confirmation="850314390019", by=officer)
            assert set(refused.value.message_dict) == {"confirmation"}
            task = aftermath.record_confirmation(task=task, confirmation="12-7/2026", by=officer)
            with pytest.raises(NotAllowed):
                aftermath.record_confirmation(task=task, confirmation="13", by=officer)
            with pytest.raises(IntegrityError), transaction.atomic():
                RecipientNotice.objects.filter(pk=task.pk).update(confirmed_at=None, confirmed_by=None, confirmation="")
            with pytest.raises(IntegrityError), transaction.atomic():
                RecipientNotice.objects.filter(pk=task.pk).delete()
        assert not aftermath.waiting(by=officer).exists()

    def test_a_withheld_transfer_is_told_of_by_those_alone_who_must_know(self, made):
        rule = world(
            kind="financial_monitoring", code="fm", ground="law", article="191-IV", agreement=False,
            purpose="aml", disclosure=Disclosure.WITHHELD,
        )  # fmt: skip
        rule.person = made.person
        sent(rule)
        iin_corrected(made.person)
        task = RecipientNotice.objects.get()
        assert task.disclosure == Disclosure.WITHHELD
        assert not aftermath.waiting(by=teller()).exists()
        assert not aftermath.may_tell(task, by=teller())
        knows = teller(rights=("transfers.tell_recipient", "transfers.view_withheld_transfer"))
        assert aftermath.may_tell(task, by=knows)

    def test_a_role_without_the_right_tells_nobody(self, made):
        sent(made)
        iin_corrected(made.person)
        with pytest.raises(NotAllowed):
            aftermath.record_sent(
                task=RecipientNotice.objects.get(), channel="email", letter_sha256=SHA, by=StaffUserFactory()
            )


def tomorrow():
    return timezone.localdate() + timedelta(days=1)


class TestPeople:
    @pytest.fixture(autouse=True)
    def terms(self):
        with acting_as(LOADED):
            subject_registers.load_clock()

    @pytest.fixture
    def told(self):
        made = world(kind="assignee", notify_subject=True, code="told-of", purpose="told-of")
        made.consents()
        return made

    def test_one_letter_a_person_and_day_whatever_the_number_of_transfers(self, told):
        sent(told)
        sent(told, categories=("full_name",))
        assert notices.write_due(today=tomorrow()) == 1
        assert notices.write_due(today=tomorrow()) == 0
        notice, letter = TransferNotice.objects.get(), Letter.objects.get(kind=notices.KIND)
        assert (notice.subject, notice.day, notice.transfers) == (told.person, timezone.localdate(), 2)
        assert (letter.subject_id, letter.language) == (told.person.pk, told.person.language)
        clock = deadlines.of(notice.about).get()
        expected = deadlines.rule(notices.RULE)
        assert (clock.rule, clock.amount, str(clock.rule.unit)) == (expected, 10, "working_day")

    def test_today_waits_until_it_is_over(self, told):
        sent(told)
        assert notices.write_due() == 0

    def test_nobody_is_told_where_nothing_asks_for_it_nor_of_what_was_not_sent(self, made, told):
        sent(made)
        services.authorise(question=told.question())
        assert notices.write_due(today=tomorrow()) == 0

    def test_the_agreement_may_ask_for_it(self, made):
        agree(made.recipient, number="8", notify_subject=True)
        sent(made)
        assert notices.write_due(today=tomorrow()) == 1

    def test_withheld_and_incoming_transfers_are_told_to_nobody(self):
        hidden = world(
            kind="financial_monitoring", code="fm", ground="law", article="191-IV", agreement=False, purpose="aml",
            notify_subject=True,
        )  # fmt: skip
        sent(hidden)
        incoming = world(form="C4", code="in", direction="incoming", purpose="report", notify_subject=True)
        incoming.consents()
        sent(incoming, direction=Direction.INCOMING)
        assert Transfer.objects.filter(release__isnull=False).count() == 2
        assert notices.write_due(today=tomorrow()) == 0
        assert not Letter.objects.filter(kind=notices.KIND).exists()

    def test_the_clock_stops_when_the_letter_went_and_else_an_officer_is_asked(self, told):
        sent(told)
        notices.write_due(today=tomorrow())
        notice = TransferNotice.objects.get()
        assert (notices.meet_told(), notices.untold()) == (0, [])
        Letter.objects.update(state=LetterState.SKIPPED, skip_reason="no_address", done_at=timezone.now())
        assert (notices.meet_told(), notices.untold()) == (0, [notice.pk])
        officer = teller()
        with acting_as(f"officer:{officer.pk}"):
            notices.told_otherwise(notice=notice, by=officer)
        assert notices.untold() == []
        with pytest.raises(NotAllowed):
            notices.told_otherwise(notice=notice, by=officer)

    def test_a_sent_letter_meets_the_duty_at_its_own_moment(self, told):
        sent(told)
        notices.write_due(today=tomorrow())
        moment = timezone.now()
        Letter.objects.update(state=LetterState.SENDING)
        Letter.objects.update(state=LetterState.SENT, done_at=moment)
        assert notices.meet_told() == 1
        assert deadlines.of(TransferNotice.objects.get().about).get().met_at == moment

    def test_the_letter_names_no_recipient_loan_amount_or_data(self, told):
        sent(told)
        notices.write_due(today=tomorrow())
        letter = Letter.objects.get(kind=notices.KIND)
        (kind,) = [kind for kind in letters.KINDS if kind.kind == notices.KIND]
        for language in ("kk", "ru", "en"):
            assert set(kind.context(letter.cause, language)) == {"operator_name", "operator_email"}

    def test_a_dozen_people_cost_as_many_statements_as_one(self, told, django_assert_max_num_queries):
        for _n in range(12):
            told.person = DataSubjectFactory(email=None)
            happened(told.person, told.text, scope=told.scope)
            sent(told)
        with django_assert_max_num_queries(16):
            assert notices.write_due(today=tomorrow()) == 12
