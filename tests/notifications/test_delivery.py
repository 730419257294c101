"""From the outbox to a real mail server and back."""

import email.message
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from audit.actor import acting_as
from audit.models import AccessRecord
from notifications import delivery, outbox, services
from notifications.enums import CampaignState, LetterState, SkipReason
from notifications.models import DeliveryEvent, Letter
from notifications.rules import NotAllowed
from subjects.enums import Standing
from subjects.models import PersonalData
from tests.notifications.factories import LetterFactory, campaign_to
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sample", "operator")]


def arrived(sink) -> list[email.message.EmailMessage]:
    return sink.messages()


def test_a_letter_arrives_in_the_persons_language_at_the_address_in_the_vault(sink):
    person = DataSubjectFactory(email="aigerim@example.kz", language="ru")
    letter = LetterFactory(subject=person, language="ru")
    assert delivery.deliver_due() is False
    (message,) = arrived(sink)
    assert message["To"] == "aigerim@example.kz"
    assert message["Subject"] == "Привет"
    assert message["From"] == "Айкын <kelisim@example.kz>"
    letter.refresh_from_db()
    assert (letter.state, letter.attempts) == (LetterState.SENT, 1)
    event = letter.events.get()
    assert (event.kind, event.code, len(event.sha256)) == ("sent", 250, 64)
    assert event.actor == "job:test"


def test_reading_the_address_is_recorded_once_a_window(sink):
    for _ in range(3):
        LetterFactory(subject=DataSubjectFactory())
    delivery.deliver_due()
    (record,) = AccessRecord.objects.all()
    assert (record.door, record.reason, record.category, record.count) == ("job", "letters", "email", 3)


def test_no_letter_row_and_no_event_holds_the_address(sink):
    LetterFactory(subject=DataSubjectFactory(email="canary@example.kz"))
    sink.respond = lambda rcpt: "550 5.1.1 <canary@example.kz>: no such canary here"
    delivery.deliver_due()
    with connection.cursor() as cursor:
        for table in ("notifications_letter", "notifications_deliveryevent", "audit_accessrecord"):
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%canary%'")
            assert cursor.fetchone() == (0,), table


def test_a_temporary_refusal_is_tried_again_later_and_a_final_one_is_not(sink):
    soft = LetterFactory(subject=DataSubjectFactory(email="soft@example.kz"))
    hard = LetterFactory(subject=DataSubjectFactory(email="hard@example.kz"))
    sink.respond = lambda rcpt: "451 4.7.1 later" if rcpt.startswith("soft") else "550 5.1.1 no"
    delivery.deliver_due()
    soft.refresh_from_db(), hard.refresh_from_db()
    assert (soft.state, hard.state) == (LetterState.DEFERRED, LetterState.FAILED)
    wait = soft.due_at - timezone.now()
    assert timedelta(seconds=40) < wait < timedelta(seconds=80)
    assert soft.claimed_at is None
    sink.respond = lambda rcpt: "250 ok"
    assert outbox.claim(10) == []  # not due yet
    Letter.objects.filter(pk=soft.pk).update(due_at=timezone.now())
    delivery.deliver_due()
    soft.refresh_from_db()
    assert (soft.state, soft.attempts) == (LetterState.SENT, 2)


def test_after_the_last_wait_a_letter_fails(sink):
    letter = LetterFactory(subject=DataSubjectFactory(), attempts=5)
    sink.respond = lambda rcpt: "451 4.7.1 later"
    delivery.deliver_due()
    letter.refresh_from_db()
    assert letter.state == LetterState.FAILED


def test_a_lost_answer_is_uncertain_and_never_sent_again_by_itself(sink):
    letter = LetterFactory(subject=DataSubjectFactory())
    sink.drop = lambda rcpt: True
    delivery.deliver_due()
    letter.refresh_from_db()
    assert letter.state == LetterState.UNCERTAIN
    sink.drop = lambda rcpt: False
    delivery.deliver_due()
    assert len(sink.messages()) == 1


def test_a_dead_mail_server_loses_nothing(sink, settings):
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    delivery._sender = None
    letter = LetterFactory(subject=DataSubjectFactory())
    delivery.deliver_due()
    letter.refresh_from_db()
    assert letter.state == LetterState.DEFERRED


def test_an_uncertain_letter_is_queued_again_by_a_named_officer_with_the_same_message_id(sink):
    letter = LetterFactory(subject=DataSubjectFactory())
    sink.drop = lambda rcpt: True
    delivery.deliver_due()
    sink.drop = lambda rcpt: False
    officer = permit(StaffUserFactory(), "notifications.requeue_letter")
    with as_officer(officer):
        services.requeue(letter=letter, by=officer)
    delivery.deliver_due()
    first, second = arrived(sink)
    assert first["Message-ID"] == second["Message-ID"]
    assert letter.events.get(kind="requeued").user == officer


def test_nobody_without_the_right_queues_again_and_the_database_refuses_a_job(sink):
    letter = LetterFactory(subject=DataSubjectFactory(), state=LetterState.UNCERTAIN)
    with pytest.raises(NotAllowed):
        services.requeue(letter=letter, by=StaffUserFactory())
    with pytest.raises(IntegrityError), transaction.atomic():
        Letter.objects.filter(pk=letter.pk).update(state=LetterState.QUEUED)


@pytest.mark.parametrize("state", [LetterState.SENT, LetterState.FAILED])
def test_a_terminal_state_stays(state):
    officer = permit(StaffUserFactory(), "notifications.requeue_letter")
    letter = LetterFactory(subject=DataSubjectFactory(), state=state)
    with as_officer(officer), pytest.raises(IntegrityError), transaction.atomic():
        Letter.objects.filter(pk=letter.pk).update(state=LetterState.QUEUED)


def test_the_same_cause_reaches_a_person_once():
    person = DataSubjectFactory()
    first = services.write(kind="sample", cause="tests.X:1#sample", language="kk", subject_id=person.pk)
    again = services.write(kind="sample", cause="tests.X:1#sample", language="kk", subject_id=person.pk)
    assert first.pk == again.pk
    with pytest.raises(IntegrityError), transaction.atomic():
        LetterFactory(subject=person, cause="tests.X:1#sample")


def test_somebody_who_died_after_the_audience_was_frozen_gets_nothing(sink):
    person = DataSubjectFactory()
    letter = LetterFactory(subject=person)
    person.standing = Standing.DECEASED
    person.save()
    delivery.deliver_due()
    letter.refresh_from_db()
    assert (letter.state, letter.skip_reason) == (LetterState.SKIPPED, SkipReason.STANDING)
    assert sink.messages() == []


def test_an_outdated_cause_skips_the_whole_rest_of_its_campaign(sink, sample, monkeypatch):
    monkeypatch.setattr(delivery, "CHUNK", 2)
    campaign = campaign_to([DataSubjectFactory() for _ in range(5)])
    sample.current = False
    delivery.deliver_due()
    assert set(campaign.letters.values_list("state", "skip_reason")) == {("skipped", "outdated")}
    assert sink.messages() == []
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.FINISHED


def test_a_campaign_renders_once_a_language(sink, sample):
    campaign_to([DataSubjectFactory(language=code) for code in ("kk", "ru", "kk", "ru", "en", "kk")])
    delivery.deliver_due()
    assert sorted(language for _cause, language in sample.contexts) == ["en", "kk", "ru"]
    assert len(sink.messages()) == 6


def test_a_campaign_is_finished_only_when_every_letter_is_terminal(sink):
    campaign = campaign_to([DataSubjectFactory(email="late@example.kz"), DataSubjectFactory()])
    sink.respond = lambda rcpt: "451 later" if rcpt.startswith("late") else "250 ok"
    delivery.deliver_due()
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.RUNNING
    sink.respond = lambda rcpt: "250 ok"
    campaign.letters.filter(state="deferred").update(due_at=timezone.now())
    delivery.deliver_due()
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.FINISHED
    assert campaign.finished_at is not None


def test_pause_resume_and_cancel(sink):
    officer = permit(StaffUserFactory(), "notifications.run_campaign")
    campaign = campaign_to([DataSubjectFactory() for _ in range(3)])
    with as_officer(officer):
        services.pause(campaign=campaign, by=officer)
        delivery.deliver_due()
        assert sink.messages() == []
        services.resume(campaign=campaign, by=officer)
        delivery.deliver_due()
        assert len(sink.messages()) == 3
        with pytest.raises(NotAllowed):
            services.cancel(campaign=campaign, by=officer)  # finished
        other = campaign_to([DataSubjectFactory() for _ in range(2)])
        services.cancel(campaign=other, by=officer)
        delivery.deliver_due()
    assert len(sink.messages()) == 3
    assert set(other.letters.values_list("state", "skip_reason")) == {("skipped", "cancelled")}
    assert other.history.first().history_user == officer


def test_a_claim_that_ran_out_is_not_sent_by_its_first_owner(sink):
    LetterFactory(subject=DataSubjectFactory())
    (mine,) = outbox.claim(10)
    assert outbox.claim(10) == []
    Letter.objects.filter(pk=mine.pk).update(claimed_at=timezone.now() - outbox.LEASE * 2)
    (theirs,) = outbox.claim(10)
    assert outbox.mark_sending([mine]) == []
    assert outbox.mark_sending([theirs]) == [theirs]


def test_what_a_dead_worker_left_sending_becomes_uncertain_and_is_listed(sink):
    letter = LetterFactory(subject=DataSubjectFactory())
    outbox.mark_sending(outbox.claim(1))
    assert outbox.give_up_lost() == 0
    Letter.objects.filter(pk=letter.pk).update(claimed_at=timezone.now() - outbox.LEASE * 2)
    assert outbox.give_up_lost() == 1
    letter.refresh_from_db()
    assert letter.state == LetterState.UNCERTAIN
    assert letter.events.get().answer == "the worker was lost"
    delivery.deliver_due()
    assert sink.messages() == []


def test_a_letter_cancelled_between_claim_and_sending_does_not_leave(sink):
    officer = permit(StaffUserFactory(), "notifications.run_campaign")
    campaign = campaign_to([DataSubjectFactory()])
    claimed = outbox.claim(10)
    with as_officer(officer):
        services.cancel(campaign=campaign, by=officer)
    assert outbox.mark_sending(claimed) == []


def test_a_test_letter_goes_to_the_officer_and_may_be_asked_for_again(sink):
    officer = StaffUserFactory(email="me@example.kz", language="ru")
    campaign = campaign_to([])
    with as_officer(officer):
        services.send_test(kind=campaign.kind, cause=campaign.cause, by=officer, language="kk")
        services.send_test(kind=campaign.kind, cause=campaign.cause, by=officer, language="ru")
    delivery.deliver_due()
    assert [(m["To"], m["Subject"]) for m in arrived(sink)] == [
        ("me@example.kz", "Сәлем"),
        ("me@example.kz", "Привет"),
    ]


def test_the_statements_of_a_chunk_do_not_grow_with_its_letters(sink, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(delivery, "FIRST_WINDOW", delivery.WINDOW)
    people = [DataSubjectFactory() for _ in range(40)]
    campaign_to(people[:20])
    with django_assert_max_num_queries(40) as few:
        delivery.deliver_due()
    campaign_to(people)
    with django_assert_max_num_queries(60) as many:
        delivery.deliver_due()
    assert len(sink.messages()) == 60
    # twice the windows, less than twice the statements
    assert len(many) < 2 * len(few)


def test_an_officer_is_an_addressee_too_and_a_letter_has_exactly_one(sink):
    with pytest.raises(IntegrityError), transaction.atomic():
        LetterFactory(subject=None, staff=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        LetterFactory(subject=DataSubjectFactory(), staff=StaffUserFactory())


def test_events_are_append_only(sink):
    LetterFactory(subject=DataSubjectFactory())
    delivery.deliver_due()
    with pytest.raises(IntegrityError), transaction.atomic():
        DeliveryEvent.objects.update(answer="nothing happened")


def test_the_worker_writes_as_a_named_job(sink):
    letter = LetterFactory(subject=DataSubjectFactory())
    with acting_as("job:letters"):
        delivery.deliver_due()
    assert letter.events.get().actor == "job:letters"


def test_one_address_that_cannot_be_opened_keeps_nobody_else_from_their_letter(sink):
    people = [DataSubjectFactory() for _ in range(4)]
    campaign = campaign_to(people)
    PersonalData.objects.filter(subject=people[1]).update(sealed=b"\x01" + b"x" * 40)
    delivery.deliver_due()
    assert len(sink.messages()) == 3
    assert campaign.letters.get(subject=people[1]).state == LetterState.SKIPPED
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.FINISHED


def test_a_letter_speaks_the_language_the_person_wants_now(sink):
    person = DataSubjectFactory(language="ru")
    LetterFactory(subject=person, language="kk")
    delivery.deliver_due()
    assert arrived(sink)[0]["Subject"] == "Привет"


def test_nothing_of_a_cancelled_campaign_waits_for_ever_or_is_queued_again(sink):
    officer = permit(StaffUserFactory(), "notifications.run_campaign", "notifications.requeue_letter")
    campaign = campaign_to([DataSubjectFactory(), DataSubjectFactory()])
    late, lost = campaign.letters.order_by("pk")
    Letter.objects.filter(pk=lost.pk).update(state=LetterState.UNCERTAIN)
    with as_officer(officer):
        services.cancel(campaign=campaign, by=officer)
    with pytest.raises(NotAllowed):
        services.requeue(letter=lost, by=officer)
    outbox.finish_campaigns()
    late.refresh_from_db()
    assert (late.state, late.skip_reason) == (LetterState.SKIPPED, SkipReason.CANCELLED)
