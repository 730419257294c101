"""How a consent stands follows from its events alone: a pure fold, the same now and for any past moment (DESIGN 5)."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from consent.enums import GROUNDS, LIVE, POSTPONEMENTS, EventKind, State
from consent.models.events import ConsentEvent

# events that end a consent, and events that only a live one can have
_ENDS = {
    EventKind.WITHDRAWN: State.WITHDRAWN,
    EventKind.EXPIRED: State.EXPIRED,
    EventKind.REVOKED: State.REVOKED,
    EventKind.INVALIDATED: State.INVALIDATED,
}


class Standing(NamedTuple):
    """How one consent stands: state, since when, until when, by which events; what a ground covers is in `given`.

    until: of a given or renewed consent with a term; the term's end is not a ground any more. A form bound to the loan
    keeps its ground while an obligation is open: its end is an event, not a date (94-V art. 8(2)).
    """

    state: str = State.UNKNOWN
    since: datetime | None = None
    until: datetime | None = None
    given: ConsentEvent | None = None
    last: ConsentEvent | None = None
    postponed: int = 0

    @property
    def is_ground(self) -> bool:
        return self.state in GROUNDS

    def at(self, moment: datetime) -> "Standing":
        """The same, with a term that ended before `moment` counted as ended, what was put off with it."""
        if self.state in LIVE and self.until is not None and self.until <= moment:
            return self._replace(state=State.EXPIRED, since=self.until, postponed=0)
        return self


def after(standing: Standing, event: ConsentEvent) -> Standing:
    """What one event makes of a standing.

    A question, a postponement or a refusal takes nothing away from a live consent: who does not accept the new text
    keeps what they gave to the old one; only a withdrawal ends it. What is not live cannot be withdrawn, only refused.
    """
    standing = standing.at(event.occurred_at)
    kind, live = event.kind, standing.is_ground
    changed = standing._replace(last=event)
    if kind in (EventKind.GIVEN, EventKind.RENEWED):
        return Standing(kind, event.occurred_at, event.valid_until, event, event)
    if kind == EventKind.WITHDRAWAL_DEFERRED:
        return (
            changed._replace(state=State.WITHDRAWAL_DEFERRED, since=event.occurred_at, until=None) if live else changed
        )
    if kind in _ENDS:
        return changed._replace(state=_ENDS[kind], since=event.occurred_at, until=None, postponed=0)
    if live:
        # how often a newer text was put off: it is asked about so many times, and what stands goes on standing
        times = {EventKind.REQUESTED: 0, EventKind.REQUEST_DEFERRED: standing.postponed + 1}
        return changed._replace(postponed=times.get(EventKind(kind), standing.postponed))
    if kind == EventKind.REQUEST_DEFERRED:
        times = standing.postponed + 1
        state = State.NOT_GIVEN if times >= POSTPONEMENTS else State.REQUEST_DEFERRED
        return changed._replace(state=state, since=event.occurred_at, postponed=times)
    return changed._replace(state=State(kind), since=event.occurred_at)


def fold(events: Iterable[ConsentEvent], at: datetime | None = None) -> Standing:
    """The standing that events of one consent add up to at the moment `at` (aware datetime; None: after all of them).

    events: in any order; they count in the order they happened, and in the order they were recorded where two happened
    at once. A paper of Friday typed on Monday counts from Friday.
    """
    standing = Standing()
    for event in sorted(events, key=lambda e: (e.occurred_at, e.pk)):
        if at is not None and event.occurred_at > at:
            break
        standing = after(standing, event)
    return standing if at is None else standing.at(at)
