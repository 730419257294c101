"""Who looked at a person's record: the role and the purpose, never a name (94-V art. 24; policy 5.5, 7.1).

What a law forbids to tell, for this person or for anybody, is left out for everybody alike: the list says nothing of
whether there is any (DESIGN 4).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from audit.models import AccessRecord
from staff.enums import Role
from staff.models import RoleGrant
from subjects.enums import RevealReason
from subjects.looks import UNTOLD
from subjects.models import DataCategory, DataSubject

SHOWN = 50


class Look(NamedTuple):
    """One look: when, in what role, at what, what for."""

    number: int
    at: datetime
    who: str
    what: str
    why: str


def looks(subject: DataSubject, *, before: int | None = None) -> list[Look]:
    """Officers' looks at the person's values and papers, and those of whoever acts for them; newest first.

    before: the number of the last one of the page before. Four queries, however many there are; one more than SHOWN
    says that there are more.
    """
    own = AccessRecord.Door.OWN
    records = AccessRecord.objects.filter(reference=str(subject), door__in=[AccessRecord.Door.REVEAL, own])
    records = records.exclude(reason__in=UNTOLD).exclude(door=own, actor=f"subject:{subject.public_id}")
    if before is not None:
        records = records.filter(pk__lt=before)
    found = list(records.order_by("-pk")[: SHOWN + 1])
    roles = _roles(found)
    titles = {row.code: str(row) for row in DataCategory.objects.all()}
    return [
        Look(record.pk, record.at, _who(record, roles), titles.get(record.category) or _else(record), _why(record))
        for record in found
    ]


def _roles(records: Sequence[AccessRecord]) -> dict[int, list[RoleGrant]]:
    grants: dict[int, list[RoleGrant]] = {}
    for grant in RoleGrant.objects.filter(user__in={record.user_id for record in records if record.user_id}):
        grants.setdefault(grant.user_id, []).append(grant)
    return grants


def _who(record: AccessRecord, grants: dict[int, list[RoleGrant]]) -> str:
    if record.door == AccessRecord.Door.OWN:
        return _("Who acts for you")
    held = [grant for grant in grants.get(record.user_id or 0, []) if _held(grant, record.at)]
    return ", ".join(sorted({str(Role(grant.role).label) for grant in held})) or _("A member of our staff")


def _held(grant: RoleGrant, at: datetime) -> bool:
    return grant.during.lower <= at and (grant.during.upper is None or at < grant.during.upper)


def _else(record: AccessRecord) -> str:
    """What was looked at where it is no category: everything at once, or a paper."""
    return _("Everything you may see") if record.category == "*" else _("A document or text of yours")


def _why(record: AccessRecord) -> str:
    if record.door == AccessRecord.Door.OWN:
        return _("in the cabinet")
    labels = dict(RevealReason.choices)
    return capfirst(str(labels.get(record.reason, record.reason)))
