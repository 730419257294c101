"""Doorbells of this app."""

import structlog
from celery import shared_task

from audit.actor import acting_as
from notifications import delivery
from notifications.doorbell import ring
from subjects import import_runs, majority, purge, record_import, request_letters, sign_in, texts

log = structlog.get_logger("kelisim.purge")


@shared_task(name="subjects.send_code")
def send_code(code_id: int) -> None:
    """Write the letter or SMS with the code and send it at once: somebody waits for it at the door."""
    with acting_as("job:sign-in-codes"):
        sign_in.send(code_id)
        texts.deliver_due()
    with acting_as("job:letters"):
        if delivery.deliver_urgent():
            ring("notifications.deliver_due")


@shared_task(name="subjects.send_texts")
def send_texts() -> None:
    """Send the SMS that are due."""
    with acting_as("job:sign-in-codes"):
        texts.deliver_due()


@shared_task(name="subjects.sweep")
def sweep() -> None:
    """Codes, SMS and imports whose bell was lost or whose worker was killed."""
    with acting_as("job:sign-in-codes"):
        sign_in.send_forgotten()
        texts.give_up_lost()
        texts.deliver_due()
    with acting_as("job:import"):
        import_runs.ring_forgotten()


@shared_task(name="subjects.run_import")
def run_import(run_id: int) -> None:
    """Work off an import that an officer started."""
    with acting_as("job:import"):
        import_runs.run(run_id)


@shared_task(name="subjects.run_record_import")
def run_record_import(run_id: int) -> None:
    """Work off an import of values or contracts that an officer started."""
    with acting_as("job:import"):
        import_runs.run(run_id, record_import.RECORDS)


@shared_task(name="subjects.come_of_age")
def come_of_age() -> None:
    """Minors who are 18 from today act themselves."""
    with acting_as("job:of-age"):
        done = majority.come_of_age()
    log.info("minors came of age", count=done)


@shared_task(name="subjects.purge_codes")
def purge_codes() -> None:
    """One batch of old sign-in codes; a full one rings for the next. With them go old sessions and used tokens."""
    with acting_as("job:purge"):
        purge.purge_sessions()
        deleted = purge.purge_codes()
    log.info("old sign-in codes were deleted", count=deleted)
    if deleted == purge.BATCH:
        ring("subjects.purge_codes")


@shared_task(name="subjects.tell_of_requests")
def tell_of_requests() -> None:
    """Tell officers what is overdue and due soon; once a day, however often it is called."""
    with acting_as("job:requests"):
        told = request_letters.write_digests()
    log.info("officers were told of requests that are due", count=told)
