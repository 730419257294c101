"""The clock of consents: terms end, their end is told before, a forgotten release is made up for (94-V art. 8)."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from consent import ledger
from consent.enums import LIVE, State
from consent.letters import EXPIRING, cause_of
from consent.models import ConsentState
from notifications.doorbell import ring
from notifications.models import Letter
from subjects.models import DataSubject

REMINDED = timedelta(days=14)


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
