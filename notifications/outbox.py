"""The outbox as a queue in PostgreSQL: claim, mark, record, all set-wise (DESIGN 6).

A letter's way: `queued` (claimed for a while by one worker) → `sending`, committed before its bytes leave → what the
mail server said. A claim that ends unused is simply claimed again; a `sending` that nobody finished is `uncertain`,
because the letter may or may not have left, and is never sent again by the system itself.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from notifications.backoff import next_attempt
from notifications.enums import TERMINAL, CampaignState, Delivery, LetterState, Priority, SkipReason
from notifications.models import Campaign, DeliveryEvent, Letter
from notifications.smtp import Result

# How long a claim or a `sending` may last without a sign of life from its worker.
LEASE = timedelta(seconds=settings.LETTER_LEASE_SECONDS)

# Whoever sends letters holds this lock of PostgreSQL's, so that one process at a time does, whatever rings.
SENDING_LOCK = 0x4B454C49

DUE = """
    state IN ('queued', 'deferred') AND due_at <= clock_timestamp() AND priority <= %(priority)s
    AND (claimed_at IS NULL OR claimed_at < clock_timestamp() - %(lease)s)
    AND (campaign_id IS NULL OR campaign_id = ANY(%(running)s))
"""
CLAIM = f"""
    UPDATE {Letter._meta.db_table} SET claimed_at = clock_timestamp()
    WHERE id IN (
        SELECT id FROM {Letter._meta.db_table} WHERE {DUE}
        ORDER BY priority, due_at, id
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    RETURNING id
"""  # noqa: S608 -- table names only
IS_DUE = f"SELECT EXISTS (SELECT 1 FROM {Letter._meta.db_table} WHERE {DUE})"  # noqa: S608


@contextmanager
def only_sender() -> Iterator[bool]:
    """Whether this process is now the one that sends; the lock ends with the block, or with the process.

    Bells ring oftener than needed and each that finds letters rings again: without this they would multiply and
    keep every worker busy with the campaign. So a bell that comes too many finds the place taken and falls silent.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [SENDING_LOCK])
        (mine,) = cursor.fetchone()
    try:
        yield mine
    finally:
        # a lost connection has given the lock back by itself
        with suppress(DatabaseError):
            if mine:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock(%s)", [SENDING_LOCK])


def _due(priority: int) -> dict[str, Any]:
    running = list(Campaign.objects.filter(state=CampaignState.RUNNING).values_list("pk", flat=True))
    return {"priority": priority, "lease": LEASE, "running": running}


def is_due() -> bool:
    """Whether `claim` would find a letter now."""
    with connection.cursor() as cursor:
        cursor.execute(IS_DUE, _due(Priority.CAMPAIGN))
        return cursor.fetchone()[0]


def claim(limit: int, *, priority: int = Priority.CAMPAIGN) -> list[Letter]:
    """Up to `limit` due letters that nobody else has, the most urgent first; three statements.

    `priority`: no letter less urgent than this.
    """
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {**_due(priority), "limit": limit})
        ids = [pk for (pk,) in cursor.fetchall()]
    return list(Letter.objects.filter(pk__in=ids).order_by("priority", "due_at", "pk"))


def mark_sending(letters: Sequence[Letter]) -> list[Letter]:
    """Those of `letters` that are still ours to send, now durably `sending`; the caller commits before sending.

    A letter that another worker took after our claim ran out, or that was cancelled meanwhile, is left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {Letter._meta.db_table} l SET state = 'sending', attempts = l.attempts + 1,"  # noqa: S608
            " claimed_at = clock_timestamp()"
            " FROM unnest(%s::bigint[], %s::timestamptz[]) AS mine (id, claimed_at)"
            " WHERE l.id = mine.id AND l.claimed_at = mine.claimed_at AND l.state IN ('queued', 'deferred')"
            " AND NOT EXISTS (SELECT 1 FROM notifications_campaign c WHERE c.id = l.campaign_id"
            "                 AND c.state <> 'running')"
            " RETURNING l.id",
            [[letter.pk for letter in letters], [letter.claimed_at for letter in letters]],
        )
        ours = {pk for (pk,) in cursor.fetchall()}
    for letter in letters:
        letter.attempts += letter.pk in ours
    return [letter for letter in letters if letter.pk in ours]


def still_alive(ids: Sequence[int]) -> None:
    """Tell the sweep that these letters, `sending` for long, have a living worker at a slow server."""
    Letter.objects.filter(pk__in=ids, state=LetterState.SENDING).update(claimed_at=Now())


def release(letters: Iterable[Letter]) -> None:
    """Give claimed letters back at once."""
    ids = [letter.pk for letter in letters]
    Letter.objects.filter(pk__in=ids, state__in=[LetterState.QUEUED, LetterState.DEFERRED]).update(claimed_at=None)


@transaction.atomic
def record(results: Sequence[tuple[Letter, Result, str]]) -> None:
    """Write what became of letters: (letter, result, SHA-256 of what was sent); states set-wise, an event each."""
    by_state: dict[str, list[int]] = {}
    waits: list[tuple[int, timedelta]] = []
    events = []
    for letter, result, sha256 in results:
        wait = next_attempt(letter.attempts) if result.outcome == "deferred" else None
        state: str = "failed" if result.outcome == "deferred" and wait is None else result.outcome
        if wait is not None:
            waits.append((letter.pk, wait))
        else:
            by_state.setdefault(state, []).append(letter.pk)
        events.append(DeliveryEvent(letter=letter, kind=state, code=result.code, answer=result.answer, sha256=sha256))
    sending = Letter.objects.filter(state=LetterState.SENDING)
    for state, ids in by_state.items():
        sending.filter(pk__in=ids).update(state=state, done_at=Now(), claimed_at=None)
    if waits:
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {Letter._meta.db_table} l SET state = 'deferred', claimed_at = NULL,"  # noqa: S608
                " due_at = clock_timestamp() + w.wait"
                " FROM unnest(%s::bigint[], %s::interval[]) AS w (id, wait)"
                " WHERE l.id = w.id AND l.state = 'sending'",
                [[pk for pk, _wait in waits], [wait for _pk, wait in waits]],
            )
    DeliveryEvent.objects.bulk_create(events, batch_size=500)


@transaction.atomic
def skip(letters: Iterable[Letter], reason: SkipReason) -> None:
    """Close letters that will not be sent, saying why."""
    letters = list(letters)
    waiting = [LetterState.QUEUED, LetterState.DEFERRED, LetterState.SENDING]
    Letter.objects.filter(pk__in=[letter.pk for letter in letters], state__in=waiting).update(
        state=LetterState.SKIPPED, skip_reason=reason, done_at=Now(), claimed_at=None
    )
    DeliveryEvent.objects.bulk_create(
        [DeliveryEvent(letter=letter, kind=Delivery.SKIPPED, answer=reason) for letter in letters], batch_size=500
    )


def skip_waiting(campaign: Campaign, reason: SkipReason) -> int:
    """Close, in one statement, every letter of the campaign that has not begun to leave; returns how many."""
    waiting = campaign.letters.filter(state__in=[LetterState.QUEUED, LetterState.DEFERRED])
    return waiting.update(state=LetterState.SKIPPED, skip_reason=reason, done_at=Now(), claimed_at=None)


def is_urgent_waiting(than: int) -> bool:
    """Whether a letter more urgent than priority `than` is due and free."""
    return (
        Letter.objects.filter(
            state__in=[LetterState.QUEUED, LetterState.DEFERRED],
            priority__lt=than,
            due_at__lte=Now(),
            claimed_at=None,
            campaign=None,
        )
        .order_by()
        .exists()
    )


@transaction.atomic
def give_up_lost() -> int:
    """Call `uncertain` what a dead worker left in `sending`; returns how many. They are listed, never re-sent."""
    lost = list(
        Letter.objects.filter(state=LetterState.SENDING, claimed_at__lt=Now() - LEASE)
        .select_for_update(skip_locked=True)
        .values_list("pk", flat=True)
    )
    Letter.objects.filter(pk__in=lost).update(state=LetterState.UNCERTAIN, done_at=Now(), claimed_at=None)
    DeliveryEvent.objects.bulk_create(
        [DeliveryEvent(letter_id=pk, kind=Delivery.UNCERTAIN, answer="the worker was lost") for pk in lost],
        batch_size=500,
    )
    return len(lost)


def finish_campaigns() -> int:
    """Close running campaigns whose every letter is terminal; returns how many."""
    # put off by the mail server after the campaign was cancelled
    Letter.objects.filter(
        campaign__state=CampaignState.CANCELLED, state__in=[LetterState.QUEUED, LetterState.DEFERRED]
    ).update(state=LetterState.SKIPPED, skip_reason=SkipReason.CANCELLED, done_at=Now(), claimed_at=None)
    # by the states that are left, not by those that are over: the index finds these, and there are few
    left = [state for state in LetterState if state not in TERMINAL]
    open_letters = Letter.objects.filter(campaign=OuterRef("pk"), state__in=left)
    return Campaign.objects.filter(~Exists(open_letters), state=CampaignState.RUNNING).update(
        state=CampaignState.FINISHED, finished_at=Now()
    )
