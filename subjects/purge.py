"""Rows of the cabinet's door that are of no use any more."""

from datetime import timedelta

from django.utils import timezone

from subjects.models import CabinetSession, HandoverUse, SignInCode

BATCH = 1000
# The limits look back a day and a code on paper lives three; the rest is for whoever looks into an attack.
KEPT = timedelta(days=90)


def purge_codes() -> int:
    """Delete up to BATCH sign-in codes asked for more than KEPT ago; returns how many.

    A row holds a digest of what a visitor typed, also of people we have no data on, so it is not kept for ever
    (94-V art. 12). It proves nothing: that somebody asked, was refused or signed in, and when, are `CabinetEvent`s,
    which stay.
    """
    # the oldest are the first by number: no index of their own, and a night without any reads one batch
    oldest = SignInCode.objects.order_by("pk").values("pk")[:BATCH]
    deleted, _by_model = SignInCode.objects.filter(
        pk__in=oldest, created_at__lt=timezone.now() - KEPT, expires_at__lt=timezone.now()
    ).delete()
    return deleted


def purge_sessions() -> int:
    """Delete up to BATCH sessions that began more than KEPT ago, and tokens that no clock would take; returns how many.

    That somebody signed in, was handed over or had a session ended are `CabinetEvent`s, which stay.
    """
    oldest = CabinetSession.objects.order_by("pk").values("pk")[:BATCH]
    sessions, _by_model = CabinetSession.objects.filter(
        pk__in=oldest, began_at__lt=timezone.now() - KEPT, seen_at__lt=timezone.now() - KEPT
    ).delete()
    used = HandoverUse.objects.filter(expires_at__lt=timezone.now() - timedelta(days=1)).order_by("expires_at")
    tokens, _by_model = HandoverUse.objects.filter(pk__in=used.values("pk")[:BATCH]).delete()
    return sessions + tokens
