"""Doorbells of this app."""

import structlog
from celery import shared_task

from audit.actor import acting_as
from transfers import letters

log = structlog.get_logger("kelisim.transfers")


@shared_task(name="transfers.tell_of_ending")
def tell_of_ending() -> None:
    """Once a day: agreements that end within 30 days are told of, each once."""
    with acting_as("job:transfers"):
        agreements = letters.tell_of_ending()
    log.info("agreements about to end were told of", agreements=agreements)
