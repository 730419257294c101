"""What a campaign's page tells: counts, rate, expected end; constant queries whatever the audience."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Case, Count, Max, Min, QuerySet, When
from django.utils import timezone

from notifications.enums import TERMINAL, CampaignState, Delivery, LetterState
from notifications.models import Campaign, DeliveryEvent, Letter
from staff.enums import Language


class Progress(NamedTuple):
    """How far a campaign is. `rate` in letters a minute; `expected_end` None when it cannot be known."""

    total: int
    done: int
    by_state: dict[str, int]
    by_language: dict[str, dict[str, int]]
    rate: float
    expected_end: datetime | None
    stalled: bool

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 100


# running, but nothing left for so long: somebody must look (product.md 3.4 row 43)
STALLED_AFTER = timedelta(minutes=3)


def idle(campaign: Campaign) -> list[tuple[datetime, datetime | None]]:
    """When the campaign did not run, oldest first: (from, to), `to` None for now; one query, from its history."""
    spans: list[tuple[datetime, datetime | None]] = []
    for at, state in campaign.history.order_by("history_id").values_list("history_date", "state"):
        resting = bool(spans) and spans[-1][1] is None
        if resting and state == CampaignState.RUNNING:
            spans[-1] = (spans[-1][0], at)
        elif not resting and state != CampaignState.RUNNING:
            spans.append((at, None))
    return spans


def _resting(spans: list[tuple[datetime, datetime | None]], first: datetime, last: datetime) -> timedelta:
    """How much of the time from `first` to `last` falls into `spans`."""
    parts = (min(end or last, last) - max(start, first) for start, end in spans)
    return sum((part for part in parts if part > timedelta()), timedelta())


def progress(campaign: Campaign) -> Progress:
    """Three queries: counts by state and language, the pace so far, and when it was paused, which is no time of its."""
    counts = campaign.letters.order_by().values_list("state", "language").annotate(n=Count("pk"))
    by_state: dict[str, int] = {str(state): 0 for state in LetterState.values}
    by_language: dict[str, dict[str, int]] = {str(code): dict(by_state) for code in Language.values}
    for state, language, n in counts:
        by_state[state] += n
        by_language[language][state] += n
    total = sum(by_state.values())
    done = sum(by_state[state] for state in TERMINAL)
    pace = campaign.letters.filter(state=LetterState.SENT).aggregate(
        first=Min("done_at"), last=Max("done_at"), n=Count("pk")
    )
    now = timezone.now()
    rate, expected = 0.0, None
    spans = idle(campaign)
    worked = timedelta()
    if pace["n"] and pace["n"] > 1:
        worked = pace["last"] - pace["first"] - _resting(spans, pace["first"], pace["last"])
    if worked > timedelta():
        rate = 60 * pace["n"] / worked.total_seconds()
        if campaign.state == CampaignState.RUNNING and done < total:
            expected = now + timedelta(minutes=(total - done) / rate)
    last_sign = max([pace["last"] or campaign.created_at, *(end for _start, end in spans if end)])
    stalled = campaign.state == CampaignState.RUNNING and done < total and now - last_sign > STALLED_AFTER
    return Progress(total, done, by_state, by_language, rate, expected, stalled)


NOT_REACHED = (LetterState.SKIPPED, LetterState.FAILED, LetterState.UNCERTAIN)
# on the campaign's page; the lists of letters have all of them
SHOWN = 50


def not_reached(campaign: Campaign) -> QuerySet[Letter]:
    """The letters that did not surely arrive, each with its reason: those a person must decide about first."""
    return (
        campaign.letters.filter(state__in=NOT_REACHED)
        .annotate(
            turn=Case(When(state=LetterState.UNCERTAIN, then=0), When(state=LetterState.FAILED, then=1), default=2)
        )
        .select_related("subject")
        .order_by("turn", "pk")
    )


def last_refusal(campaign: Campaign) -> str:
    """What the mail server said when it last put a letter off, or how it could not be reached."""
    event = DeliveryEvent.objects.filter(letter__campaign=campaign, kind=Delivery.DEFERRED).order_by("-pk").first()
    return f"{event.code or ''} {event.answer}".strip() if event else ""
