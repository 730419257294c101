"""How fast a campaign goes and when it will end: only the time it ran counts."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from notifications import reports
from notifications.enums import CampaignState
from notifications.models import Campaign, Letter
from tests.notifications.factories import campaign_to
from tests.notifications.test_admin import LOOK, RUN, act, page, signed_in, text_of
from tests.subjects.factories import DataSubjectFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sample", "operator")]


def history_of(campaign: Campaign, *states: tuple[str, float]) -> Campaign:
    """The campaign as if its states had followed each other so, minutes before now: triggers write no past."""
    rows = campaign.history.order_by("history_id")
    table = rows.model._meta.db_table
    first = rows.first()
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        rows.all().delete()
        for state, minutes in states:
            first.pk, first.state, first.history_date = None, state, timezone.now() - timedelta(minutes=minutes)
            first.save(force_insert=True)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    return campaign


def sent_at(campaign: Campaign, *minutes: float) -> None:
    ids = list(campaign.letters.order_by("pk").values_list("pk", flat=True))
    for pk, ago in zip(ids, minutes, strict=False):
        Letter.objects.filter(pk=pk).update(state="sent", done_at=timezone.now() - timedelta(minutes=ago))


def twenty() -> Campaign:
    return campaign_to([DataSubjectFactory() for _ in range(20)])


def test_time_it_was_paused_is_no_time_of_its_pace():
    campaign = twenty()
    # five letters in the first minute, an hour of rest, five in the minute after it
    sent_at(campaign, 62, 61.8, 61.6, 61.4, 61, 1, 0.8, 0.6, 0.4, 0)
    history_of(campaign, ("running", 63), ("paused", 61), ("paused", 30), ("running", 1))
    progress = reports.progress(campaign)
    assert progress.rate == pytest.approx(5, rel=0.02)
    wait = progress.expected_end - timezone.now()
    assert wait.total_seconds() == pytest.approx(120, rel=0.05)
    assert not progress.stalled
    assert "about 5 a minute" in text_of(signed_in(*LOOK).get(page(campaign)))


def test_two_pauses_and_one_that_lasts_are_left_out():
    campaign = twenty()
    sent_at(campaign, 40, 39, 29, 28, 18, 17)
    history_of(
        campaign, ("running", 41), ("paused", 39), ("running", 29), ("paused", 28), ("running", 18), ("paused", 17)
    )
    campaign.state = CampaignState.PAUSED
    progress = reports.progress(campaign)
    assert progress.rate == pytest.approx(2, rel=0.02)  # six letters in three minutes of work
    assert progress.expected_end is None


def test_time_between_its_end_and_a_letter_queued_again_is_left_out():
    campaign = twenty()
    sent_at(campaign, 1441, 1440, 0)
    history_of(campaign, ("running", 1441), ("finished", 1440), ("running", 1))
    assert reports.progress(campaign).rate == pytest.approx(1.5, rel=0.02)


def test_a_campaign_just_resumed_is_not_stalled_and_one_that_was_long_ago_is():
    campaign = twenty()
    sent_at(campaign, 62, 61)
    assert not reports.progress(history_of(campaign, ("running", 63), ("paused", 60), ("running", 1))).stalled
    assert reports.progress(history_of(campaign, ("running", 63), ("paused", 60), ("running", 4))).stalled


def test_letters_all_sent_within_one_pause_give_no_pace():
    campaign = twenty()
    sent_at(campaign, 30, 29)
    progress = reports.progress(history_of(campaign, ("running", 41), ("paused", 40)))
    assert (progress.rate, progress.expected_end) == (0.0, None)


def test_pausing_and_resuming_leave_the_spans_that_are_read():
    dpo = signed_in(*LOOK, RUN)
    campaign = twenty()
    dpo.post(act(campaign, "pause"))
    dpo.post(act(campaign, "resume"))
    ((start, end),) = reports.idle(campaign)
    assert start < end <= timezone.now()
    dpo.post(act(campaign, "pause"))
    assert [end is None for _start, end in reports.idle(campaign)] == [False, True]
