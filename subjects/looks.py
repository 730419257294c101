"""Who looked at a person's record, as the person is told: the role and the purpose, never a name (94-V art. 24; policy
5.5, 7.1). What a law forbids to tell is left out for everybody alike: the list says nothing of whether there is any.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
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
from subjects import duplicates
from subjects.enums import RevealReason
from subjects.models import DataCategory, DataSubject

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
    "subjects.new_address": gettext_lazy("a new phone or e-mail that waits for its code"),
    "subjects.dispute": gettext_lazy("what you say against an entry about you"),
    "subjects.iin": gettext_lazy("a corrected IIN that waits for a second officer"),
    "transfers.quarantine": gettext_lazy("value in quarantine"),
    "transfers.registry": gettext_lazy("what was sent to a recipient"),
}
# a lawful demand may be one of which the person must not know, so no demand is told to anybody (DESIGN 4)
# of values, scans and packages alike: the codes of the apps above end as this one does
UNTOLD = RevealReason.DEMAND
# jobs of `subjects.vault` and of commands, and what they open values for; others have the name of a reason
JOBS = {
    "letters": gettext_lazy("to send letters"),
    "addresses": gettext_lazy("to find addresses"),
    "codes": gettext_lazy("to send a code by SMS"),
    "of-age": gettext_lazy("to see who came of age"),
    "import": gettext_lazy("to compare an import with what is held"),
    "import-values": gettext_lazy("to compare an import with what is held"),
    "api": gettext_lazy("to compare what a system told with what is held"),
    "record": gettext_lazy("to compare a new value with what is held"),
    "subject_file": gettext_lazy("to make the subject file"),
    "answer": gettext_lazy("to answer a request of the person"),
    "transfers": gettext_lazy("to send data to a recipient"),
    "export_receipts": gettext_lazy("to hand out receipts of consents"),
}


# looks that one page of the cabinet shows
SHOWN = 50


class Look(NamedTuple):
    """One look: number of the record, when, in what role, at what (code and words), what for."""

    number: int
    at: datetime
    who: str
    category: str
    what: str
    why: str


class Day(NamedTuple):
    """Looks of one day alike: the day in Asia/Almaty, whose role, at what (code and words), why, how often."""

    day: date
    who: str
    category: str
    what: str
    why: str
    count: int


def records(
    subject: DataSubject, at: datetime | None = None, *, files: Sequence[DataSubject] = ()
) -> QuerySet[AccessRecord]:
    """Every look at the person's record by the moment `at`, newest first, but for their own in the cabinet.

    files: those whose looks are told, of the file `subject` alone without any.
    """
    own = {"door": AccessRecord.Door.OWN, "actor": f"subject:{subject.public_id}"}
    references = [str(one) for one in files or [subject]]
    rows = AccessRecord.objects.filter(reference__in=references).exclude(**own)
    return (rows.filter(at__lte=at) if at else rows).order_by("-pk")


def at_what(category: str, titles: dict[str, str]) -> str:
    """What was looked at, in words. titles: {code: title} of the categories."""
    return str(titles.get(category) or OTHERS.get(category) or _("a document or text"))


def of_person(subject: DataSubject, titles: dict[str, str], at: datetime | None = None) -> list[Day]:
    """Who looked, by day, newest first; two queries. titles: as for `at_what`."""
    looks = _told(records(subject, at).exclude(reason__endswith=UNTOLD), titles)
    counted = Counter((timezone.localdate(one.at), one.who, one.category, one.what, one.why) for one in looks)
    return [Day(*alike, count) for alike, count in counted.items()]


def page_of(subject: DataSubject, *, before: int | None = None) -> list[Look]:
    """People's looks at every file of theirs, our software's left out, newest first; four queries.

    before: the number of the last one of the page before. One more than SHOWN says that there are more.
    """
    rows = records(subject, files=duplicates.files_at(subject, None)).filter(
        door__in=[AccessRecord.Door.REVEAL, AccessRecord.Door.OWN]
    )
    rows = rows.exclude(reason__endswith=UNTOLD)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return _told(rows[: SHOWN + 1], {row.code: str(row) for row in DataCategory.objects.all()})


def _told(rows: Iterable[AccessRecord], titles: dict[str, str]) -> list[Look]:
    """A role is the one held at that moment."""
    found = list(rows)
    grants: dict[int, list[RoleGrant]] = {}
    for grant in RoleGrant.objects.filter(user__in={row.user_id for row in found} - {None}).order_by("pk"):
        grants.setdefault(grant.user_id, []).append(grant)
    return [
        Look(row.pk, row.at, _who(row, grants), row.category, at_what(row.category, titles), _why(row)) for row in found
    ]


def _who(row: AccessRecord, grants: dict[int, list[RoleGrant]]) -> str:
    if row.door == AccessRecord.Door.OWN:
        return _("who acts for you")
    kind = row.actor.partition(":")[0]
    if kind == "officer":
        roles = [str(Role(g.role).label) for g in grants.get(row.user_id, []) if row.at in g.during]
        return ", ".join(dict.fromkeys(roles)) or _("a member of staff")
    if kind == "api":
        return _("a system of ours")
    return _("our software, without a human")


def _why(row: AccessRecord) -> str:
    match row.door:
        case AccessRecord.Door.JOB:
            return str(JOBS.get(row.reason) or reason_name(row.reason))
        case AccessRecord.Door.OWN:
            return _("in the cabinet")
        case _:
            return reason_name(row.reason)
