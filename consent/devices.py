"""Consents of a device that nobody has signed in with: cookies and targeting, C12 alone (94-V art. 8; law.md 5.1).

The site's own number of the device is known to us by a keyed digest and never kept.
"""

from django.utils import timezone

from consent import ledger
from consent.derivation import Standing
from consent.models import ConsentState
from subjects import search

DEVICE_FORM = "C12"


def digest(device: str) -> bytes:
    """The 16 bytes a device is known by. device: the site's own number of it, as the site writes it."""
    return search.digest("device", device)


def standings(device: bytes) -> dict[str, Standing]:
    """{form code: standing} of a device's consents now; one query."""
    now = timezone.now()
    rows = ConsentState.objects.filter(device_digest=device).select_related("form", "given__version", "last")
    return {row.form.code: ledger.standing_of(row).at(now) for row in rows}
