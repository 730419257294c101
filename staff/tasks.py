"""Doorbells of this app."""

import structlog
from celery import shared_task

from audit.actor import acting_as
from staff import ports, purge, sessions

log = structlog.get_logger("kelisim.purge")


@shared_task(name="staff.purge_sessions")
def purge_sessions() -> None:
    """One batch of expired sessions; a full one rings for the next, so that no worker is held for long."""
    with acting_as("job:purge"):
        deleted = sessions.purge_expired()
    log.info("expired sessions were deleted", count=deleted)
    if deleted == sessions.BATCH:
        for ring in ports.ring:
            ring("staff.purge_sessions")


@shared_task(name="staff.purge_answers")
def purge_answers() -> None:
    """One batch of answers of the API that nobody may repeat any more."""
    with acting_as("job:purge"):
        deleted = purge.purge_answers()
    log.info("old answers of the API were deleted", count=deleted)
    if deleted == purge.BATCH:
        for ring in ports.ring:
            ring("staff.purge_answers")
