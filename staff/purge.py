"""Rows of the API that are of no use any more."""

from django.utils import timezone

from staff.api import KEPT
from staff.models import IdempotentAnswer

BATCH = 1000


def purge_answers() -> int:
    """Delete up to BATCH answers kept for repetition that are older than a day, the oldest first; returns how many.

    They prove nothing: what was done is in the events.
    """
    old = IdempotentAnswer.objects.filter(created_at__lt=timezone.now() - KEPT).order_by("created_at")
    deleted, _by_model = IdempotentAnswer.objects.filter(pk__in=old.values("pk")[:BATCH]).delete()
    return deleted
