"""Posting the change feed to systems that do not come for it: signed, in order, again until it arrives."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from consent import feed, outgoing
from consent.changes import change_out
from consent.models import Subscriber
from consent.models.feed import new_nonce
from notifications.doorbell import ring

BATCH = 100
# how many batches one bell posts before others have their turn
BATCHES = 20
WAITS = (10, 30, 120, 600, 1800, 3600)
_LOCKS = 0x686F6F6B
log = structlog.get_logger("kelisim.webhooks")


def secret_of(subscriber: Subscriber) -> str:
    """What posts to this system are signed with: of SECRET_KEY and a nonce, so a copied database signs nothing."""
    return salted_hmac("consent.webhooks", f"{subscriber.pk} {subscriber.nonce}", algorithm="sha256").hexdigest()


@transaction.atomic
def renew_secret(*, subscriber: Subscriber) -> str:
    """Sign with another secret from now on; it is shown once. Who may is the page's to ask; history tells who did."""
    row = Subscriber.objects.select_for_update().get(pk=subscriber.pk)
    row.nonce, row.secret_made_at = new_nonce(), timezone.now()
    row.save(update_fields=["nonce", "secret_made_at"])
    return secret_of(row)


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The header `Kelisim-Signature`: HMAC-SHA-256 of the timestamp, a full stop and the body, in hex."""
    digest = hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


@contextmanager
def _alone(subscriber_id: int) -> Iterator[bool]:
    """Whether nobody else posts to this system now. No row is locked: it may acknowledge while it is being told."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCKS, subscriber_id])
        (mine,) = cursor.fetchone()
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCKS, subscriber_id])


def _due() -> Q:
    now = timezone.now()
    return ~Q(url="") & Q(due_at__lte=now, client__revoked_at=None, client__expires_at__gt=now)


def ring_due() -> None:
    """Wake a worker for every system that has something coming and is not being waited for."""
    feed.number()
    for pk in Subscriber.objects.filter(_due(), sent__lt=feed.last()).values_list("pk", flat=True):
        ring("consent.post_changes", pk)


def post_changes(subscriber_id: int) -> None:
    """Post what the system was not told yet, batch by batch; a failure waits longer each time, and never gives up."""
    with _alone(subscriber_id) as mine:
        if not mine:
            return
        for _batch in range(BATCHES):
            subscriber = Subscriber.objects.select_related("client").filter(_due(), pk=subscriber_id).first()
            if subscriber is None or not _post_batch(subscriber):
                return
    ring("consent.post_changes", subscriber_id)


def _post_batch(subscriber: Subscriber) -> bool:
    """Post one batch; whether there may be more."""
    changes = feed.after(subscriber.sent, limit=BATCH)
    if not changes:
        return False
    up_to = changes[-1].position
    told = {"subscriber": subscriber.client.code, "changes": change_out(changes), "up_to": up_to}
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=str).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Kelisim",
        "Kelisim-Signature": signature(secret_of(subscriber), int(time.time()), body),
    }
    try:
        status = outgoing.post(subscriber.url, body, headers)
        error = "" if 200 <= status < 300 else f"http_{status}"
    except outgoing.NotSent as problem:
        error = problem.code
    mine = Subscriber.objects.filter(pk=subscriber.pk)
    if not error:
        mine.update(sent=up_to, sent_at=timezone.now(), failures=0, error="", due_at=timezone.now())
        return len(changes) == BATCH
    wait = timedelta(seconds=WAITS[min(subscriber.failures, len(WAITS) - 1)])
    mine.update(failures=F("failures") + 1, error=error, due_at=timezone.now() + wait)
    log.warning("changes were not taken", subscriber=subscriber.pk, error=error, failures=subscriber.failures + 1)
    return False
