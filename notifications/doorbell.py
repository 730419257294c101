"""The one way to wake a worker (DESIGN 2). A row in PostgreSQL says what is due; the bell only says "look now"."""

from functools import partial

import structlog
from django.db import transaction

log = structlog.get_logger("kelisim.doorbell")


def _press(name: str, ids: tuple[int, ...]) -> None:
    # the app, not a task: services never import tasks
    from celery import current_app

    try:
        current_app.send_task(name, args=ids, retry=False, ignore_result=True)
    except Exception as error:
        # Redis is down: the beat sweep does the work within 60 s
        log.warning("the doorbell did not ring", task=name, error=type(error).__name__)


def ring(name: str, *ids: int) -> None:
    """Call the task `name` with `ids` (integers only) once the transaction has committed; never raises."""
    if not all(isinstance(i, int) for i in ids):
        raise TypeError("A doorbell carries ids and nothing else.")
    transaction.on_commit(partial(_press, name, ids), robust=True)
