"""The ladder of reminders: who was asked about a new text and has not answered hears of it three times, then no more.

Each step is a campaign that officers see, pause and cancel. It leaves out whoever answered, whoever said "later" within
the last days, and whoever said it so often that they need not hear of it again. Nothing goes out on a day off.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from consent import asking
from consent.enums import ASKED, LADDER, POSTPONEMENTS
from consent.letters import CONSENT_REMINDED
from consent.models import ConsentFormVersion, ConsentState
from notifications.enums import CampaignState
from notifications.models import Campaign
from subjects import audience, calendar_days
from subjects.clock import SATURDAY, CalendarMissing
from subjects.models import DataSubject

# between two steps, and after "later": however late a step is, the next one does not follow on its heels
PAUSE = timedelta(days=LADDER[0])


def steps(campaign: Campaign) -> list[Campaign]:
    """The reminders of an asking so far, oldest first."""
    cause = _cause(campaign)
    return list(Campaign.objects.filter(kind=CONSENT_REMINDED, cause__startswith=f"{cause}.").order_by("pk"))


def _cause(campaign: Campaign) -> str:
    about, _hash, _kind = campaign.cause.partition("#")
    return f"{about}#{CONSENT_REMINDED}.{campaign.pk}"


def unanswered(campaign: Campaign, version: ConsentFormVersion, moment: datetime):
    """The consents an asking is about whose person has neither answered nor put it off lately or too often."""
    return ConsentState.objects.filter(
        pk__in=asking.outgrown(version.form).values("pk"),
        last__kind__in=ASKED,
        last__version=version,
        last__occurred_at__lte=moment - PAUSE,
        postponed__lt=POSTPONEMENTS,
        subject__letters__campaign=campaign,
    )


def is_day_off(day) -> bool:
    """By the calendar of working days; a year it does not cover has weekends only."""
    try:
        return not calendar_days.days().is_working(day)
    except CalendarMissing:
        return day.weekday() >= SATURDAY


def remind(*, at: datetime | None = None) -> list[Campaign]:
    """Take the next step of every asking whose turn has come at `at` (aware, now by default); the campaigns made."""
    moment = at or timezone.now()
    if is_day_off(timezone.localdate(moment)):
        return []
    made = [_step(campaign, version, moment) for campaign, version in asking.running()]
    return [campaign for campaign in made if campaign]


@transaction.atomic
def _step(campaign: Campaign, version: ConsentFormVersion, moment: datetime) -> Campaign | None:
    # one step at a time, whoever else reminds
    Campaign.objects.select_for_update().get(pk=campaign.pk)
    taken = steps(campaign)
    if len(taken) >= len(LADDER) or any(step.state == CampaignState.CANCELLED for step in taken):
        return None
    too_early = moment < campaign.created_at + timedelta(days=LADDER[len(taken)])
    if too_early or (taken and moment < taken[-1].created_at + PAUSE):
        return None
    people = DataSubject.objects.filter(pk__in=unanswered(campaign, version, moment).values("subject"))
    if not people.exists():
        return None
    return audience.write(kind=CONSENT_REMINDED, cause=f"{_cause(campaign)}.{len(taken) + 1}", only=people)
