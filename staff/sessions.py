"""Sessions that are over. Both doors, the staff's and the cabinet's, keep theirs in one table of Django's
(`config.middleware.TwoSessions`), which never empties itself."""

from django.contrib.sessions.models import Session
from django.utils import timezone

BATCH = 1000


def purge_expired() -> int:
    """Delete up to BATCH sessions that no cookie opens any more, the oldest first; returns how many.

    They prove nothing: who signed in and when stays in `SignIn` and `CabinetEvent`.
    """
    over = Session.objects.filter(expire_date__lt=timezone.now()).order_by("expire_date").values("pk")[:BATCH]
    deleted, _by_model = Session.objects.filter(pk__in=over).delete()
    return deleted
