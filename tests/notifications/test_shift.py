"""One shift of the sender: windows, pipelining, who goes first, when to stop."""

import time
from collections import Counter

import pytest
from django.db import connection
from django.utils import timezone

from notifications import delivery, outbox
from notifications.enums import LetterState, Priority
from notifications.models import DeliveryEvent, Letter
from notifications.smtp import Sender
from tests.notifications.factories import LetterFactory, campaign_to
from tests.notifications.pipelining_server import PipeliningServer
from tests.subjects.factories import DataSubjectFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sample", "operator")]


def test_a_code_overtakes_a_campaign_between_two_windows(sink, monkeypatch):
    monkeypatch.setattr(delivery, "FIRST_WINDOW", 2)
    monkeypatch.setattr(delivery, "WINDOW", 2)
    campaign_to([DataSubjectFactory() for _ in range(6)])
    waiting = DataSubjectFactory(email="waiting@example.kz")
    original = delivery.Desk.prepare

    def then_a_code_is_asked_for(desk, window):
        prepared = original(desk, window)
        if not Letter.objects.filter(priority=Priority.CODE).exists():
            LetterFactory(subject=waiting, priority=Priority.CODE)
        return prepared

    monkeypatch.setattr(delivery.Desk, "prepare", then_a_code_is_asked_for)
    delivery.deliver_due()
    order = [message["To"] for message in sink.messages()]
    assert order.index("waiting@example.kz") == 2
    assert len(order) == 7


def test_a_slow_server_ends_the_shift_in_time_and_the_rest_goes_back_at_once(sink):
    sink.delay = 0.2
    campaign = campaign_to([DataSubjectFactory() for _ in range(30)])
    began = time.monotonic()
    assert delivery.deliver_due(seconds=1.0) is True
    assert time.monotonic() - began < 3
    left = campaign.letters.filter(state=LetterState.QUEUED)
    assert 15 <= left.count() < 30
    assert not left.exclude(claimed_at=None).exists()
    assert not campaign.letters.filter(state=LetterState.SENDING).exists()


def test_windows_grow_while_the_server_is_quick_and_never_beyond_their_limit(sink, monkeypatch):
    campaign_to([DataSubjectFactory() for _ in range(60)])
    sizes = []
    original = delivery.Desk.prepare
    monkeypatch.setattr(
        delivery.Desk, "prepare", lambda desk, window: sizes.append(len(window)) or original(desk, window)
    )
    delivery.deliver_due(seconds=30)
    assert sizes == [5, 10, 20, 20, 5]


def test_pipelining_goes_on_from_one_window_to_the_next(settings, monkeypatch):
    campaign = campaign_to([DataSubjectFactory() for _ in range(12)])
    with PipeliningServer() as server:
        settings.EMAIL_URL, settings.EMAIL_SENDER = server.url, "kelisim@example.kz"
        monkeypatch.setattr(delivery, "_sender", None)
        delivery.deliver_due()
        delivery.sender().close()
        monkeypatch.setattr(delivery, "_sender", None)
    assert len(server.accepted) == 12
    assert server.connections == 1
    assert server.violations == []
    # the envelope of every letter but the first came in one write behind the letter before it
    assert sum(b"\r\n.\r\nMAIL FROM" in group for group in server.groups) == 11
    assert set(campaign.letters.values_list("state", flat=True)) == {LetterState.SENT}


def test_every_letter_is_sending_on_disk_before_the_server_sees_it(settings, monkeypatch):
    campaign = campaign_to([DataSubjectFactory() for _ in range(12)])
    seen = []

    class Looking(Sender):
        def _envelope(self, letter):
            seen.append(Letter.objects.get(pk=letter.key).state)
            return super()._envelope(letter)

    with PipeliningServer() as server:
        settings.EMAIL_SENDER = "kelisim@example.kz"
        monkeypatch.setattr(delivery, "_sender", Looking(server.url))
        delivery.deliver_due()
        delivery.sender().close()
    assert set(seen) == {LetterState.SENDING}
    assert campaign.letters.filter(state=LetterState.SENT).count() == 12


def test_a_server_that_refuses_everybody_costs_no_letter(sink):
    sink.respond = lambda rcpt: "554 5.7.1 relay access denied"
    campaign = campaign_to([DataSubjectFactory() for _ in range(12)])
    assert delivery.deliver_due() is False  # the sweep tries again, five letters at a time
    states = Counter(campaign.letters.values_list("state", flat=True))
    assert states == {LetterState.DEFERRED: 5, LetterState.QUEUED: 7}
    assert {event.answer for event in DeliveryEvent.objects.all()} == {"5.7.1 relay access denied"}
    sink.respond = lambda rcpt: "250 ok"
    campaign.letters.filter(state="deferred").update(due_at=timezone.now())
    delivery.deliver_due()
    assert set(campaign.letters.values_list("state", flat=True)) == {LetterState.SENT}


def test_many_wrong_addresses_among_good_ones_fail_for_good(sink):
    sink.respond = lambda rcpt: "550 5.1.1 no such user" if rcpt.startswith("gone") else "250 ok"
    campaign = campaign_to([DataSubjectFactory(), *(DataSubjectFactory(email=f"gone{n}@example.kz") for n in range(9))])
    delivery.deliver_due()
    states = Counter(campaign.letters.values_list("state", flat=True))
    assert states == {LetterState.SENT: 1, LetterState.FAILED: 9}


def test_while_one_process_sends_another_bell_falls_silent(sink):
    letter = LetterFactory(subject=DataSubjectFactory())
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [outbox.SENDING_LOCK])
        assert delivery.deliver_due() is False
        letter.refresh_from_db()
        assert letter.state == LetterState.QUEUED
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [outbox.SENDING_LOCK])
    finally:
        other.close()
    assert delivery.deliver_due() is False
    letter.refresh_from_db()
    assert letter.state == LetterState.SENT
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone() == (0,)


def test_a_letter_written_while_the_sender_was_leaving_makes_it_ring_again(sink, monkeypatch):
    original = outbox.claim
    people = [DataSubjectFactory(), DataSubjectFactory()]
    LetterFactory(subject=people[0])

    def claim(limit, **kwargs):
        found = original(limit, **kwargs)
        if not found:
            LetterFactory(subject=people[1])
        return found

    monkeypatch.setattr(outbox, "claim", claim)
    assert delivery.deliver_due() is True
