"""The change feed: what other systems must obey, written with the act itself and read without a gap.

A sequence would number rows in the order of writing, and a reader who has seen 8 would never see 7, committed later.
So rows are written without a number, and readers, one after the other, number what is committed before they read.
A long transaction elsewhere delays nothing, and numbers outlive a restored backup, which transaction ids do not.
"""

from datetime import datetime
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from consent.derivation import Standing
from consent.enums import LIVE, EventKind, State
from consent.models import Change, ChangeKind, ConsentEvent, Covers, Subscriber
from staff.models import ApiClient
from subjects.enums import stands
from subjects.models import DataSubject

# a question and what waits for a second person change nothing that anybody must obey
_NOT_TOLD = (EventKind.REQUESTED, EventKind.REQUEST_DEFERRED, EventKind.PENDING_CONFIRMATION)
_LOCK = 0x66656564


def covers(standing: Standing) -> Covers:
    """What a consent is a ground for: a deferred withdrawal leaves the uses required for the loan (94-V art. 8(2))."""
    if standing.state in LIVE:
        return Covers.EVERYTHING
    return Covers.REQUIRED if standing.state == State.WITHDRAWAL_DEFERRED else Covers.NOTHING


def change_of(event: ConsentEvent, standing: Standing) -> Change | None:
    """What outside systems must obey after the event, not written yet; None when it changes nothing for them.

    A device that nobody has signed in with is known to the site alone, which told us.
    """
    if event.subject_id is None or event.kind in _NOT_TOLD:
        return None
    return Change(
        subject_id=event.subject_id,
        kind=ChangeKind.CONSENT,
        event=event,
        form_id=event.form_id,
        scope=event.scope,
        state=standing.state,
        covers=covers(standing),
        until=standing.until,
        at=event.occurred_at,
    )


def tell(event: ConsentEvent, standing: Standing) -> None:
    """Write what outside systems must obey after the event; in the ledger's own transaction."""
    if change := change_of(event, standing):
        change.save()


def tell_standing(subject: DataSubject) -> None:
    """Write that what the law lets us do with the person changed (DESIGN 5)."""
    Change.objects.create(subject=subject, kind=ChangeKind.STANDING, state=stands(subject))


@transaction.atomic
def number() -> None:
    """Number what is committed and has no number yet, in the order of writing; readers wait for each other.

    Events of one consent are written under its lock, so their order is the order of the numbers.
    """
    if not Change.objects.filter(position=None).exists():
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        # a statement of its own: it sees what the one before us has numbered
        cursor.execute(
            "UPDATE consent_change c SET position = n.position FROM ("
            "  SELECT id, (SELECT coalesce(max(position), 0) FROM consent_change) + row_number() OVER (ORDER BY id)"
            "  AS position FROM consent_change WHERE position IS NULL) n WHERE c.id = n.id"
        )


def last() -> int:
    """The number of the newest change; 0 before the first."""
    return Change.objects.aggregate(last=Max("position"))["last"] or 0


def after(position: int, *, limit: int) -> list[Change]:
    """At most `limit` changes behind number `position`, in order; nothing is ever added before what was read."""
    number()
    found = Change.objects.filter(position__gt=position).select_related("subject", "form", "event")
    return list(found.order_by("position")[:limit])


@transaction.atomic
def acknowledge(*, client: ApiClient, up_to: int) -> Subscriber:
    """The system has obeyed every change up to this number; history keeps when it said so. It never moves back.

    Raises Subscriber.DoesNotExist, ValidationError for a number that there is not yet.
    """
    subscriber = Subscriber.objects.select_for_update().get(client=client)
    if up_to > last():
        raise ValidationError({"up_to": _("There is no change with this number yet.")})
    if up_to > subscriber.acknowledged:
        subscriber.acknowledged, subscriber.acknowledged_at = up_to, timezone.now()
        subscriber.save(update_fields=["acknowledged", "acknowledged_at"])
    return subscriber


class Behind(NamedTuple):
    """How far a system is behind: how many changes it has not obeyed yet, and when the first of them was recorded."""

    count: int
    since: datetime | None


def behind(subscriber: Subscriber) -> Behind:
    """How far the system is behind now; three statements, and nothing is numbered for it."""
    unnumbered = Change.objects.filter(position=None)
    numbered = Change.objects.filter(position__gt=subscriber.acknowledged)
    count = max(last() - subscriber.acknowledged, 0) + unnumbered.count()
    rows = numbered.order_by("position") if last() > subscriber.acknowledged else unnumbered.order_by("pk")
    return Behind(count, rows.values_list("recorded_at", flat=True).first() if count else None)
