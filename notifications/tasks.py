"""Doorbells: ids in, one service called. What must not be lost is a row, so any of these may be lost or repeated."""

from celery import shared_task
from celery.signals import beat_init, heartbeat_sent, worker_ready
from django.db import close_old_connections
from django.db.models.functions import Now

from audit.actor import acting_as
from notifications import delivery, outbox
from notifications.doorbell import ring
from notifications.models import Heartbeat


@shared_task(name="notifications.deliver_due")
def deliver_due() -> None:
    """Send what is due, for a short shift; ring again when there may be more."""
    with acting_as("job:letters"):
        if delivery.deliver_due():
            ring("notifications.deliver_due")


@shared_task(name="notifications.sweep")
def sweep() -> None:
    """The beat's broom: everything a lost bell or a dead worker left behind."""
    with acting_as("job:letters"):
        outbox.give_up_lost()
        outbox.finish_campaigns()
    ring("notifications.deliver_due")


def _beat(name: str) -> None:
    Heartbeat.objects.update_or_create(name=name, defaults={"at": Now()})


@shared_task(name="notifications.heartbeat")
def heartbeat() -> None:
    """Sent by the beat every ten seconds: that it arrives says that the beat lives."""
    _beat("beat")


@heartbeat_sent.connect
def worker_heartbeat(**_kwargs: object) -> None:
    """Celery's own worker heartbeat, every two seconds: the worker lives even when no task comes."""
    close_old_connections()
    _beat("worker")


@beat_init.connect
def beat_began(**_kwargs: object) -> None:
    """A beat that has just started says so at once, not after its first ten seconds."""
    ring("notifications.heartbeat")


@worker_ready.connect
def look_around(**_kwargs: object) -> None:
    """A worker that starts after a failure goes on at once instead of at the next sweep."""
    ring("notifications.sweep")
