"""Sessions of the cabinet: begun at the door, looked over and ended by the person (ASVS 7.4.3, 7.5.2)."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from subjects.models import CabinetEvent, CabinetSession, DataSubject

# what the browser's session holds: the public id of its row
KEY = "session"
# how exactly we know when somebody was here: a page need not write
SEEN_EVERY = timedelta(minutes=5)
# the words of a browser's own name for itself, the telling ones first: Chrome is in all of them
BROWSERS = (
    ("SamsungBrowser", "Samsung Internet"),
    ("YaBrowser", "Yandex"),
    ("EdgA", "Edge"),
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("FxiOS", "Firefox"),
    ("Firefox", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)


def device_of(agent: str) -> tuple[str, str]:
    """(kind of device, browser) that a User-Agent speaks of: what a person tells their own apart by, no more."""
    browser = next((name for sign, name in BROWSERS if f"{sign}/" in agent), "")
    devices = CabinetSession.Device
    if "iPad" in agent or "Tablet" in agent or ("Android" in agent and "Mobile" not in agent):
        return devices.TABLET, browser
    if "Mobile" in agent or "iPhone" in agent:
        return devices.PHONE, browser
    if any(sign in agent for sign in ("Windows", "Macintosh", "X11", "CrOS")):
        return devices.COMPUTER, browser
    return devices.OTHER, browser


def begin(*, subject: DataSubject, how: str, agent: str, issuer: str = "") -> CabinetSession:
    """A session that has just passed the door. agent: the browser's User-Agent, of which little is kept."""
    device, browser = device_of(agent)
    return CabinetSession.objects.create(
        subject=subject, how=CabinetSession.How(how).value, issuer=issuer, device=device, browser=browser
    )


def seen(*, public_id: str, last: datetime) -> None:
    """Note that the session was used; one write in SEEN_EVERY."""
    if timezone.now() - last > SEEN_EVERY:
        CabinetSession.objects.filter(public_id=public_id, ended_at=None).update(seen_at=Now())


def living(subject: DataSubject) -> list[CabinetSession]:
    """The person's sessions that still open the cabinet, newest first; one query."""
    idle = timedelta(seconds=settings.CABINET_IDLE_SECONDS) + SEEN_EVERY
    rows = CabinetSession.objects.filter(subject=subject, ended_at=None, seen_at__gt=timezone.now() - idle)
    return list(rows.order_by("-pk")[:50])


@transaction.atomic
def end(*, subject: DataSubject, public_id: UUID) -> bool:
    """End one session of the person; whether there was one. Another person's is not there."""
    rows = CabinetSession.objects.filter(subject=subject, public_id=public_id, ended_at=None)
    ended = rows.update(ended_at=Now())
    if ended:
        CabinetEvent.objects.create(kind=CabinetEvent.Kind.SESSION_ENDED, subject=subject)
    return bool(ended)


@transaction.atomic
def end_all(*, subject: DataSubject, but: str | None = None) -> int:
    """End every session of the person, but the one with this public id; returns how many."""
    rows = CabinetSession.objects.filter(subject=subject, ended_at=None)
    if but:
        rows = rows.exclude(public_id=but)
    ended = rows.update(ended_at=Now())
    if ended:
        CabinetEvent.objects.create(kind=CabinetEvent.Kind.SESSION_ENDED, subject=subject)
    return ended
