"""Doorbells of this app."""

import structlog
from celery import shared_task

from audit.actor import acting_as
from consent import ledger, terms, webhooks
from notifications.doorbell import ring

log = structlog.get_logger("kelisim.consents")
BATCH = 1000


@shared_task(name="consent.keep_terms")
def keep_terms() -> None:
    """Once a day: terms that passed, reminders before their end, releases that nobody told of."""
    with acting_as("job:consents"):
        expired = ledger.expire(limit=BATCH)
        reminded = terms.remind()
        released = terms.release_forgotten()
    log.info("terms of consents were kept", expired=expired, reminded=reminded, released=released)
    if expired >= BATCH:
        ring("consent.keep_terms")


@shared_task(name="consent.tell_systems")
def tell_systems() -> None:
    """Every few seconds: wake a worker for each system that has changes coming."""
    webhooks.ring_due()


@shared_task(name="consent.post_changes")
def post_changes(subscriber_id: int) -> None:
    """Post to one system what it was not told yet."""
    with acting_as("job:webhooks"):
        webhooks.post_changes(subscriber_id)
