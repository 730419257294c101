"""Who looked at a person's record, as the person is told: the role and the purpose, not the name (policy 7.1)."""

from datetime import date, datetime
from typing import NamedTuple

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.models import AccessRecord
from audit.names import reason_name
from staff.enums import Role
from staff.models import RoleGrant
from subjects.enums import RevealReason
from subjects.models import DataSubject

# what an AccessRecord calls what is no category of the approved list
OTHERS = {
    "*": gettext_lazy("all values"),
    "subjects.file": gettext_lazy("the subject file"),
    "consent.scan": gettext_lazy("a scan of a consent"),
    "consent.receipt": gettext_lazy("a receipt of a consent"),
    "subjects.request": gettext_lazy("the text of a request"),
    "subjects.request_value": gettext_lazy("the value asked for in a request"),
    "subjects.request_answer": gettext_lazy("the answer to a request"),
    "subjects.request_comment": gettext_lazy("a note to a request"),
    "subjects.request_note": gettext_lazy("a note to a request"),
    "subjects.request_file": gettext_lazy("a file of a request"),
}
# a lawful demand may be one of which the person must not know, so no demand is told to anybody (DESIGN 4)
UNTOLD = (RevealReason.DEMAND,)
# jobs of `subjects.vault` and what they open values for
JOBS = {
    "letters": gettext_lazy("to send letters"),
    "addresses": gettext_lazy("to find addresses"),
    "import": gettext_lazy("to compare an import with what is held"),
    "api": gettext_lazy("to compare what a system told with what is held"),
    "record": gettext_lazy("to compare a new value with what is held"),
    "subject_file": gettext_lazy("to make the subject file"),
    "answer": gettext_lazy("to answer a request of the person"),
}


class Look(NamedTuple):
    """Looks of one day alike: the day in Asia/Almaty, whose role, at what (code), why, how often."""

    day: date
    who: str
    category: str
    why: str
    count: int


def records(subject: DataSubject, at: datetime | None = None) -> QuerySet[AccessRecord]:
    """Every look at the person's record by the moment `at`, newest first, but for their own in the cabinet."""
    rows = AccessRecord.objects.filter(reference=str(subject)).exclude(door=AccessRecord.Door.OWN)
    return (rows.filter(at__lte=at) if at else rows).order_by("-pk")


def at_what(category: str, titles: dict[str, str]) -> str:
    """What was looked at, in words. titles: {code: title} of the categories."""
    return str(titles.get(category) or OTHERS.get(category) or category)


def of_person(subject: DataSubject, at: datetime | None = None) -> list[Look]:
    """Who looked, newest day first; two queries. A role is the one held at that moment."""
    found = list(records(subject, at).exclude(reason__in=UNTOLD))
    grants: dict[int, list[RoleGrant]] = {}
    for grant in RoleGrant.objects.filter(user__in={row.user_id for row in found} - {None}).order_by("pk"):
        grants.setdefault(grant.user_id, []).append(grant)
    counted: dict[tuple[date, str, str, str], int] = {}
    for row in found:
        key = (timezone.localdate(row.at), _who(row, grants), row.category, _why(row))
        counted[key] = counted.get(key, 0) + 1
    return [Look(*key, count) for key, count in counted.items()]


def _who(row: AccessRecord, grants: dict[int, list[RoleGrant]]) -> str:
    kind = row.actor.partition(":")[0]
    if kind == "officer":
        roles = [str(Role(g.role).label) for g in grants.get(row.user_id, []) if row.at in g.during]
        return ", ".join(dict.fromkeys(roles)) or _("a member of staff")
    if kind == "api":
        return _("a system of ours")
    return _("our software, without a human")


def _why(row: AccessRecord) -> str:
    if row.door == AccessRecord.Door.JOB:
        return str(JOBS.get(row.reason, row.reason))
    return reason_name(row.reason)
