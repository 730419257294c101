"""Doorbells of this app."""

import structlog
from celery import shared_task

from audit.actor import acting_as
from consent import asking, reminding, terms, webhooks
from consent.import_runs import CONSENTS
from notifications.doorbell import ring
from subjects import import_runs

log = structlog.get_logger("kelisim.consents")
BATCH = 1000


@shared_task(name="consent.keep_terms")
def keep_terms() -> None:
    """Once a day: terms that passed, reminders before their end, releases that nobody told of."""
    with acting_as("job:consents"):
        expired = terms.expire(limit=BATCH)
        reminded = terms.remind()
        released = terms.release_forgotten()
        asked = asking.note_running()
        steps = len(reminding.remind())
    log.info(
        "terms of consents were kept", expired=expired, reminded=reminded, released=released, asked=asked, steps=steps
    )
    if expired >= BATCH:
        ring("consent.keep_terms")


@shared_task(name="consent.note_asked")
def note_asked(campaign_id: int) -> None:
    """Write down who was asked by a campaign; the daily round makes up for a bell that was lost."""
    with acting_as("job:consents"):
        for campaign, version in asking.running():
            if campaign.pk == campaign_id:
                asking.note(campaign, version)


@shared_task(name="consent.tell_systems")
def tell_systems() -> None:
    """Every few seconds: wake a worker for each system that has changes coming."""
    webhooks.ring_due()


@shared_task(name="consent.post_changes")
def post_changes(subscriber_id: int) -> None:
    """Post to one system what it was not told yet."""
    with acting_as("job:webhooks"):
        webhooks.post_changes(subscriber_id)


@shared_task(name="consent.run_import")
def run_import(run_id: int) -> None:
    """Work off an import of older consents that an officer started."""
    with acting_as("job:import"):
        import_runs.run(run_id, CONSENTS)
