"""Doorbells of this app."""

import structlog
from celery import shared_task

from audit.actor import acting_as
from transfers import letters, notices

log = structlog.get_logger("kelisim.transfers")


@shared_task(name="transfers.tell_of_ending")
def tell_of_ending() -> None:
    """Once a day: agreements that end within 30 days are told of, each once."""
    with acting_as("job:transfers"):
        agreements = letters.tell_of_ending()
    log.info("agreements about to end were told of", agreements=agreements)


@shared_task(name="transfers.tell_of_transfers")
def tell_of_transfers() -> None:
    """Once an hour: people are told of the transfers of finished days, and the clocks of those who were told stop."""
    with acting_as("job:transfers"):
        written = notices.write_due()
        met = notices.meet_told()
    log.info("people were told of transfers", letters=written, met=met)
