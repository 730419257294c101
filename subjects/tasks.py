"""Doorbells of this app."""

from celery import shared_task

from audit.actor import acting_as
from notifications import delivery
from notifications.doorbell import ring
from subjects import import_runs, sign_in


@shared_task(name="subjects.send_code")
def send_code(code_id: int) -> None:
    """Write the letter with the code and send it at once: somebody waits for it at the door."""
    with acting_as("job:sign-in-codes"):
        sign_in.send(code_id)
    with acting_as("job:letters"):
        if delivery.deliver_urgent():
            ring("notifications.deliver_due")


@shared_task(name="subjects.sweep")
def sweep() -> None:
    """Codes and imports whose bell was lost, and imports whose worker was killed."""
    with acting_as("job:sign-in-codes"):
        sign_in.send_forgotten()
    with acting_as("job:import"):
        import_runs.ring_forgotten()


@shared_task(name="subjects.run_import")
def run_import(run_id: int) -> None:
    """Work off an import that an officer started."""
    with acting_as("job:import"):
        import_runs.run(run_id)
