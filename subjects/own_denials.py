"""The person's entries of the denylist in their cabinet, and their word against one (policy 1.1; 94-V art. 24).

Nothing here asks the list of financial monitoring: who stands on it is shown what everybody is (DESIGN 4).
"""

from typing import NamedTuple
from uuid import UUID

from django.db.models import Prefetch
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from subjects import duplicates
from subjects.models import DataSubject, DenialDispute, DenylistEntry

Outcome = DenialDispute.Outcome


class Own(NamedTuple):
    """An entry about the person and their newest dispute of it."""

    entry: DenylistEntry
    dispute: DenialDispute | None

    @property
    def handle(self) -> UUID:
        """The entry in an address of the cabinet: it tells neither the kind nor how many stand on the list."""
        digest = salted_hmac("subjects.own_denials", str(self.entry.pk), algorithm="sha256").digest()
        return UUID(bytes=digest[:16], version=4)

    @property
    def state(self) -> str:
        """Where it stands: free (never disputed), open, closing, stays, ended."""
        if not self.entry.is_in_force:
            return "ended"
        if self.dispute is None:
            return "free"
        if self.dispute.decided_at is None:
            return "open"
        return "closing" if self.dispute.is_being_heeded else "stays"

    @property
    def label(self) -> Promise:
        """The same in words."""
        return {
            "free": pgettext_lazy("entry of the denylist", "in force"),
            "open": _("disputed, not decided yet"),
            "closing": Outcome.REMOVED.label,
            "stays": Outcome.UPHELD.label,
            "ended": pgettext_lazy("entry of the denylist", "not in force any more"),
        }[self.state]

    @property
    def answer(self) -> Promise:
        """What became of the dispute."""
        if self.dispute is None or self.dispute.decided_at is None:
            return _("not decided yet")
        return self.dispute.outcome_of(self.entry, ended=self.state == "ended").label

    @property
    def sign(self) -> str:
        """The state of its chip."""
        return {"open": "waiting", "closing": "allowed", "ended": "allowed"}.get(self.state, "neutral")

    @property
    def may_dispute(self) -> bool:
        """Whether a word against it is taken now: `denylist.dispute` says the same."""
        return self.state in ("free", "stays")


def _begun(subject: DataSubject) -> list[Own]:
    """Every entry that is or was in force about the person, in every file of theirs.

    Three queries at most, however many entries; two when there are none.
    """
    disputes = DenialDispute.objects.defer("sealed_statement").order_by("pk")
    rows = (
        DenylistEntry.objects.filter(
            subject__in=duplicates.files_at(subject, None), in_force_during__startswith__lte=timezone.now()
        )
        .defer("sealed_note")
        .prefetch_related(Prefetch("disputes", disputes, to_attr="told"))
        .order_by("pk")
    )
    return [Own(row, row.told[-1] if row.told else None) for row in rows]


def of(subject: DataSubject) -> list[Own]:
    """What is in force about the person, and what they disputed and is over; queries as `_begun`."""
    return [own for own in _begun(subject) if own.state != "ended" or own.dispute is not None]


def find(subject: DataSubject, handle: UUID) -> Own | None:
    """The entry of this address among the person's own, also one that is over; None for anybody else's."""
    return next((own for own in _begun(subject) if own.handle == handle), None)
