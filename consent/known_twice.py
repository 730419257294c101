"""What the files of one person say differently: a no said in one, where another still goes by an older yes (ADR 17).

A no reaches every file from the moment they are linked. What was said before the link waits for an officer, who sees
both files and has the no count in all of them: a link may be a mistake, and a withdrawal cannot be undone.
"""

from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from consent import ledger, objections, rules
from consent.acts import KNOWN_TWICE, PERFORMED, Proof
from consent.enums import LIVE, EventKind, Trust
from consent.models import ConsentEvent, ConsentForm, ConsentState, Objection, Purpose
from staff.models import StaffUser
from subjects import duplicates, request_acts
from subjects.enums import Standing
from subjects.models import DataSubject, PersonLink

NO = (EventKind.WITHDRAWN, EventKind.WITHDRAWAL_DEFERRED)
WORDS = (*NO, EventKind.GIVEN, EventKind.RENEWED)
# what a blocking stops; every other standing has a rule of its own
STOPPABLE = (Standing.ORDINARY, Standing.RESTRICTED)


class Difference(NamedTuple):
    """A no of one file that another does not go by. said_at: None for a blocking, whose moment its own page says.

    form, scope, said: of a consent; purpose: of an objection; neither of a blocking.
    """

    said_in: DataSubject
    goes_on_in: DataSubject
    said_at: datetime | None = None
    form: ConsentForm | None = None
    scope: str = ""
    said: ConsentEvent | None = None
    purpose: Purpose | None = None


def _consents(files: list[DataSubject]) -> list[Difference]:
    """The last word on each consent, where it is a no and an older yes stands in another file; two queries."""
    whose = {one.pk: one for one in files}
    last: dict[tuple[int, str], ConsentEvent] = {}
    words = ConsentEvent.objects.filter(subject__in=files, kind__in=WORDS).exclude(reason=PERFORMED)
    for event in words.select_related("form").order_by("occurred_at", "pk"):
        last[event.form_id, event.scope] = event
    found = []
    for person, standings in ledger.standings_of(files).items():
        for standing in standings.values():
            given = standing.given
            if standing.state not in LIVE or given is None:
                continue
            said = last.get((given.form_id, given.scope))
            if said is not None and said.kind in NO and said.subject_id != person.pk:
                there = whose[said.subject_id]
                found.append(Difference(there, person, said.occurred_at, said.form, said.scope, said))
    return found


def _objections(files: list[DataSubject]) -> list[Difference]:
    """One query."""
    whose = {one.pk: one for one in files}
    objecting: dict[Purpose, dict[int, Objection]] = {}
    for row in Objection.objects.in_force().filter(subject__in=files).select_related("purpose"):
        objecting.setdefault(row.purpose, {})[row.subject_id] = row
    found = []
    for purpose, rows in objecting.items():
        first = min(rows.values(), key=lambda row: row.in_force_during.lower)
        said_at = first.in_force_during.lower
        silent = [one for pk, one in whose.items() if pk not in rows]
        found += [Difference(whose[first.subject_id], one, said_at, purpose=purpose) for one in silent]
    return found


def differences(subject: DataSubject) -> list[Difference]:
    """What the person's files say differently, in the order of their ids; one query for a person known once."""
    return _among(duplicates.every_file(subject))


def _among(files: list[DataSubject]) -> list[Difference]:
    if len(files) == 1:
        return []
    blocked = next((one for one in files if one.standing == Standing.BLOCKED), None)
    stopped = [Difference(blocked, one) for one in files if blocked and one.standing in STOPPABLE]
    return [*stopped, *_consents(files), *_objections(files)]


@transaction.atomic
def settle(*, subject: DataSubject, by: StaffUser) -> list[Difference]:
    """Have every no of the person count in all their files, from when it was said; what was done. Twice is the same.

    The person gets a letter of each consent that ends. Raises PermissionDenied.
    """
    rules.check_may_record(by)
    found = _among(duplicates.lock_files(subject))
    for one in found:
        if one.said is not None:
            ledger.withdraw(
                subject=one.goes_on_in,
                form=one.said.form,
                scope=one.scope,
                proof=Proof(one.said.channel, Trust.STAFF_ENTERED),
                reason=KNOWN_TWICE,
                occurred_at=one.said_at,
            )
        elif one.purpose is not None:
            objections.object_to(subject=one.said_in, purpose=one.purpose)
        else:
            request_acts.block_too(one.goes_on_in)
    return found


def links_that_differ() -> QuerySet[PersonLink]:
    """Links of two files that say something differently; what the officers' home counts."""
    now = timezone.now()
    differ = Q()
    for no, yes in (("subject", "other"), ("other", "subject")):
        withdrawn = ConsentEvent.objects.filter(
            subject=OuterRef(OuterRef(no)),
            form=OuterRef("form"),
            scope=OuterRef("scope"),
            kind__in=NO,
            occurred_at__gte=OuterRef("given__occurred_at"),
        ).exclude(reason=PERFORMED)
        alike = {"subject": OuterRef(OuterRef(no)), "form": OuterRef("form"), "scope": OuterRef("scope")}
        live = Q(state__in=LIVE) & (Q(until=None) | Q(until__gt=now))
        standing = ConsentState.objects.filter(live, subject=OuterRef(yes))
        differ |= Exists(standing.filter(Exists(withdrawn), ~Exists(ConsentState.objects.filter(live, **alike))))
        same = Objection.objects.in_force(now).filter(subject=OuterRef(OuterRef(yes)), purpose=OuterRef("purpose"))
        differ |= Exists(Objection.objects.in_force(now).filter(~Exists(same), subject=OuterRef(no)))
        differ |= Q(**{f"{no}__standing": Standing.BLOCKED, f"{yes}__standing__in": STOPPABLE})
    return PersonLink.objects.filter(differ, kind=duplicates.SAME, ended_at=None).order_by("pk")
