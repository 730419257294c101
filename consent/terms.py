"""The clock of consents: terms end, their end is told before, a forgotten release is made up for (94-V art. 8)."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from consent import ledger
from consent.acts import CLOCK, Owner
from consent.durations import add
from consent.enums import LIVE, EventKind, State
from consent.letters import EXPIRING, cause_of
from consent.models import ConsentForm, ConsentState
from notifications.doorbell import ring
from notifications.models import Letter
from subjects.models import DataSubject

REMINDED = timedelta(days=14)


def expire(*, at: datetime | None = None, limit: int = 1000) -> int:
    """Write down the ends of terms that passed; how many. The date alone ends the ground, this makes it an event.

    A form bound to the loan ends when its term has passed and no obligation is open: that moment is this event's own.
    """
    moment, done = at or timezone.now(), 0
    ending = ConsentState.objects.filter(state__in=LIVE, until__lte=moment).select_related("subject", "form")
    for state in ending.order_by("until")[:limit]:
        with ledger.locked(Owner(state.subject, state.device_digest), state.form, state.scope) as row:
            if row.state in LIVE and row.until is not None and row.until <= moment:
                _end(row, occurred_at=row.until)
                done += 1
    for state in ConsentState.objects.overdue(moment).select_related("subject", "form")[:limit]:
        with ledger.locked(Owner(state.subject, state.device_digest), state.form, state.scope) as row:
            given, owner = row.given, row.subject
            term = given.version.term if given and given.version else ""
            if not (row.state in LIVE and given and owner and term) or add(given.occurred_at, term) > moment:
                continue
            if not ledger.blocking_contracts(owner, row.form, row.scope):
                _end(row, **({"occurred_at": at} if at else {}))
                done += 1
    return done


def _end(row: ConsentState, reason: str = "term", **when: datetime) -> None:
    given = row.given
    version = given.version if given else None
    ledger.append(row, CLOCK, kind=EventKind.EXPIRED, version=version, about=given, reason=reason, **when)


def end(*, subject: DataSubject, form: ConsentForm, scope: str = "", reason: str) -> None:
    """A consent ends by law, not by a word of the person; nothing when it is no ground any more. reason: a code."""
    with ledger.locked(Owner(subject), form, scope) as row:
        if ledger.standing_of(row).is_ground:
            _end(row, reason)


def remind(*, at: datetime | None = None, batch_size: int = 1000) -> int:
    """Put a letter into the outbox for every consent whose term ends within 14 days, once a term; how many.

    at: the moment it is looked from, aware, now by default.
    """
    moment, told = at or timezone.now(), 0
    ending = ConsentState.objects.filter(
        Q(until__gt=moment, until__lte=moment + REMINDED), state__in=LIVE, subject__isnull=False, given__isnull=False
    )
    rows = list(ending.order_by("pk").values_list("subject", "subject__language", "given"))
    for start in range(0, len(rows), batch_size):
        letters = [
            Letter(subject_id=subject, kind=EXPIRING, cause=cause_of(given, EXPIRING), language=language)
            for subject, language, given in rows[start : start + batch_size]
        ]
        causes = {letter.cause for letter in letters}
        known = set(
            Letter.objects.filter(subject__in=[letter.subject_id for letter in letters], cause__in=causes).values_list(
                "cause", flat=True
            )
        )
        fresh = [letter for letter in letters if letter.cause not in known]
        told += len(Letter.objects.bulk_create(fresh, ignore_conflicts=True))
    if told:
        ring("notifications.deliver_due")
    return told


def release_forgotten() -> int:
    """End deferred withdrawals that nothing holds any more, whose release was not told by a contract; how many."""
    waiting = ConsentState.objects.filter(state=State.WITHDRAWAL_DEFERRED, subject__isnull=False)
    people = DataSubject.objects.filter(pk__in=waiting.values("subject")).order_by("pk")
    return sum(len(ledger.release(subject=person)) for person in people.iterator(chunk_size=500))
