"""Doorbells of this app."""

import structlog
from celery import shared_task

from audit.actor import acting_as
from subjects import import_runs
from transfers import assignments, batches, letters, notices, registry_files
from transfers.file_runs import BATCHES, STATEMENTS

log = structlog.get_logger("kelisim.transfers")


@shared_task(name="transfers.tell_of_ending")
def tell_of_ending() -> None:
    """Once a day: agreements that end within 30 days are told of, each once."""
    with acting_as("job:transfers"):
        agreements = letters.tell_of_ending()
    log.info("agreements about to end were told of", agreements=agreements)


@shared_task(name="transfers.tell_of_transfers")
def tell_of_transfers() -> None:
    """Once an hour: people are told of the transfers of finished days, and the clocks of those who were told stop.

    So do those of assignments of claims.
    """
    with acting_as("job:transfers"):
        written = notices.write_due()
        met = notices.meet_told() + assignments.meet_told()
    log.info("people were told of transfers", letters=written, met=met)


@shared_task(name="transfers.check_batch")
def check_batch(run_id: int) -> None:
    """Check the file of a batch and ask the gate about its rows."""
    with acting_as("job:import"):
        import_runs.run(run_id, BATCHES)


@shared_task(name="transfers.work_batch")
def work_batch(batch_id: int) -> None:
    """Carry out a batch that a second person confirmed."""
    with acting_as("job:transfers"):
        batches.work(batch_id)


@shared_task(name="transfers.make_registry")
def make_registry(file_id: int) -> None:
    """Make the file of a batch that an officer asked for."""
    with acting_as("job:transfers"):
        registry_files.make(file_id)


@shared_task(name="transfers.reconcile")
def reconcile(run_id: int) -> None:
    """Lay a recipient's statement beside the register."""
    with acting_as("job:import"):
        import_runs.run(run_id, STATEMENTS)


@shared_task(name="transfers.sweep")
def sweep() -> None:
    """Batches and their files whose bell was lost or whose worker was killed; files that were kept long enough."""
    with acting_as("job:transfers"):
        batches.ring_forgotten()
        registry_files.ring_forgotten()
        dropped = registry_files.drop_old()
    if dropped:
        log.info("files of batches were dropped", files=dropped)
