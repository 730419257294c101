"""What the files of one person say differently: a no said in one, where another still goes by an older yes (ADR 17).

A no reaches every file from the moment they are linked. What was said before the link waits for an officer, who sees
both files and has the no count in all of them: a link may be a mistake, and a withdrawal cannot be undone.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from consent import ledger, objections, rules
from consent.acts import KNOWN_TWICE, PERFORMED, Proof
from consent.enums import LIVE, Channel, EventKind, Ground, Trust
from consent.models import ConsentEvent, Purpose
from staff.models import StaffUser
from subjects import duplicates, request_acts
from subjects.enums import Standing
from subjects.models import DataSubject

NO = (EventKind.WITHDRAWN, EventKind.WITHDRAWAL_DEFERRED)
# the last of these is the person's word on a consent
WORDS = (*NO, EventKind.GIVEN, EventKind.RENEWED)
# nothing goes on in these
CLOSED = (Standing.DECEASED, Standing.ERASED)
# the consents first: a blocking hides what a withdrawal makes of the standing
CONSENT, OBJECTION, BLOCKING = 1, 2, 3

_ROWS = f"""
WITH pair AS (
    SELECT subject_id AS lead, other_id AS file FROM subjects_personlink
    WHERE kind = %(same)s AND ended_at IS NULL AND (%(lead)s::bigint IS NULL OR subject_id = %(lead)s)),
member AS (
    SELECT m.lead, m.file, d.standing FROM (SELECT lead, file FROM pair UNION SELECT lead, lead FROM pair) m
    JOIN subjects_datasubject d ON d.id = m.file),
word AS (
    SELECT DISTINCT ON (m.lead, e.form_id, e.scope) m.lead, e.form_id, e.scope, e.kind, e.id, e.subject_id
    FROM member m JOIN consent_consentevent e ON e.subject_id = m.file
    WHERE e.kind = ANY(%(words)s) AND e.reason <> %(performed)s
    ORDER BY m.lead, e.form_id, e.scope, e.occurred_at DESC, e.id DESC),
objection AS (
    SELECT DISTINCT ON (m.lead, o.purpose_id) m.lead, m.file, o.purpose_id
    FROM member m JOIN consent_objection o ON o.subject_id = m.file AND o.in_force_during @> %(now)s::timestamptz
    JOIN consent_purpose p ON p.id = o.purpose_id AND p.ground <> %(law)s
    ORDER BY m.lead, o.purpose_id, lower(o.in_force_during)),
stop AS (SELECT lead, min(file) AS file FROM member WHERE standing = %(blocked)s GROUP BY lead)
SELECT w.lead, {CONSENT} AS what, w.subject_id AS said_in, m.file AS goes_on_in, w.id AS about
FROM word w JOIN member m ON m.lead = w.lead AND m.file <> w.subject_id AND m.standing <> ALL(%(closed)s)
JOIN consent_consentstate s ON s.subject_id = m.file AND s.form_id = w.form_id AND s.scope = w.scope
WHERE w.kind = ANY(%(no)s) AND s.state = ANY(%(live)s) AND (s.until IS NULL OR s.until > %(now)s)
UNION ALL
SELECT o.lead, {OBJECTION}, o.file, m.file, o.purpose_id
FROM objection o JOIN member m ON m.lead = o.lead AND m.standing <> ALL(%(closed)s)
WHERE NOT EXISTS (SELECT FROM consent_objection t WHERE t.subject_id = m.file AND t.purpose_id = o.purpose_id
    AND t.in_force_during @> %(now)s::timestamptz)
UNION ALL
SELECT s.lead, {BLOCKING}, s.file, m.file, 0
FROM stop s JOIN member m ON m.lead = s.lead AND m.standing = ANY(%(stoppable)s)
"""  # noqa: S608


class Row(NamedTuple):
    """One difference, as the database finds it. about: the withdrawal's event, or the purpose objected to."""

    lead: int
    what: int
    said_in: int
    goes_on_in: int
    about: int


class Difference(NamedTuple):
    """A no of one file that another does not go by. said: a withdrawal; purpose: of an objection; else a blocking."""

    row: Row
    said_in: DataSubject
    goes_on_in: DataSubject
    said: ConsentEvent | None
    purpose: Purpose | None


def _params(lead: int | None) -> dict[str, Any]:
    return {
        "lead": lead,
        "same": str(duplicates.SAME),
        "now": timezone.now(),
        "words": [str(kind) for kind in WORDS],
        "no": [str(kind) for kind in NO],
        "live": [str(state) for state in LIVE],
        "performed": PERFORMED,
        "law": str(Ground.LAW),
        "closed": [str(standing) for standing in CLOSED],
        "blocked": str(Standing.BLOCKED),
        "stoppable": [str(standing) for standing in request_acts.STOPPABLE],
    }


def _rows(lead: int) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(f"{_ROWS} ORDER BY what, about, goes_on_in", _params(lead))
        return [Row(*row) for row in cursor.fetchall()]


def waiting() -> tuple[int, int | None]:
    """(how many people have files that say something differently, the file that leads of the first); one statement."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(DISTINCT lead), min(lead) FROM ({_ROWS}) found", _params(None))  # noqa: S608
        return cursor.fetchone()


def differences(subject: DataSubject) -> list[Difference]:
    """What the person's files say differently, consents first; two queries for a person known once, at most five."""
    rows = _rows(duplicates.leading_of(subject).pk)
    if not rows:
        return []
    files = DataSubject.objects.in_bulk({pk for row in rows for pk in (row.said_in, row.goes_on_in)})
    events = ConsentEvent.objects.select_related("form").in_bulk({row.about for row in rows if row.what == CONSENT})
    purposes = Purpose.objects.in_bulk({row.about for row in rows if row.what == OBJECTION})
    return [
        Difference(
            row,
            files[row.said_in],
            files[row.goes_on_in],
            events[row.about] if row.what == CONSENT else None,
            purposes[row.about] if row.what == OBJECTION else None,
        )
        for row in rows
    ]


def mark(found: Sequence[Difference]) -> str:
    """What an officer was shown, for the click to bring back."""
    return hashlib.sha256(repr([tuple(one.row) for one in found]).encode()).hexdigest()[:32]


def may_settle(by: StaffUser) -> bool:
    """Whoever links files and records what people say."""
    return rules.may_record(by) and by.has_perm("subjects.add_personlink")


def settle(*, subject: DataSubject, by: StaffUser, seen: str) -> int:
    """Have every no of the person count in all their files, a withdrawal from when it was said; how many did.

    seen: the `mark` of what the officer read. Each no is a transaction of its own, whole by itself: a withdrawal locks
    its consent and then the person, and two of them at once could wait for each other. The person gets a letter of
    each consent that ends. Raises PermissionDenied, and ValidationError when the files say something else by now.
    """
    if not may_settle(by):
        raise PermissionDenied(_("Your role does not include this step."))
    found = differences(subject)
    if mark(found) != seen:
        raise ValidationError(_("The files changed while you were reading: read anew what they say."), code="changed")
    return sum(_settle(one) for one in found)


@transaction.atomic
def _settle(one: Difference) -> bool:
    duplicates.hold_links(one.row.lead)  # nobody ends the link meanwhile
    if one.row not in _rows(one.row.lead):
        return False
    if one.said is not None:
        # an import would take the event for one of its own, and writes no letters
        channel = Channel.SYSTEM.value if one.said.channel == Channel.IMPORTED else one.said.channel
        ledger.withdraw(
            subject=one.goes_on_in,
            form=one.said.form,
            scope=one.said.scope,
            proof=Proof(channel, Trust.STAFF_ENTERED),
            reason=KNOWN_TWICE,
            occurred_at=one.said.occurred_at,
        )
    elif one.purpose is not None:
        objections.object_to(subject=one.said_in, purpose=one.purpose)
    else:
        request_acts.block_too(one.goes_on_in)
    return True
