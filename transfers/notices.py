"""Telling people of transfers: one letter a person and day, within the term of the law (94-V art. 19; agreement)."""

from datetime import date, datetime, time, timedelta

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.doorbell import ring
from notifications.enums import LetterState
from notifications.models import Letter
from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import deadlines
from subjects.clock_models import Deadline
from subjects.models import DataSubject
from transfers.models import TransferNotice

RULE = "TRANSFER_NOTICE"
KIND = "transfer_notice"
ABOUT = "transfers.TransferNotice:"
# how far back a job that did not run for a while looks
LOOK_BACK = timedelta(days=60)
# letters that will not go by themselves any more
UNSENT = (LetterState.SKIPPED, LetterState.FAILED, LetterState.UNCERTAIN)
_CHUNK = 2_000

# a withheld transfer is told of to nobody (DESIGN 4); one in shadow mode without a rule has no duty we know of
_DUE = """
INSERT INTO transfers_transfernotice (subject_id, day, transfers)
SELECT t.subject_id, (r.at AT TIME ZONE 'Asia/Almaty')::date, count(*)
FROM transfers_release r JOIN transfers_transfer t ON t.id = r.transfer_id
LEFT JOIN transfers_transferrule u ON u.id = t.rule_id
LEFT JOIN transfers_agreement a ON a.id = t.agreement_id
WHERE r.at >= %s AND r.at < %s AND t.direction = 'outgoing' AND t.disclosure = 'subject'
    AND (u.notify_subject OR a.notify_subject)
    AND NOT EXISTS (SELECT 1 FROM transfers_transfernotice n WHERE n.subject_id = t.subject_id
        AND n.day = (r.at AT TIME ZONE 'Asia/Almaty')::date)
GROUP BY 1, 2 ORDER BY 2, 1 LIMIT %s
ON CONFLICT (subject_id, day) DO NOTHING
RETURNING id, subject_id, day
"""


def midnight(day: date) -> datetime:
    """The first moment of a day in Asia/Almaty: from the day after it a term in days is counted."""
    return datetime.combine(day, time.min, timezone.get_current_timezone())


def write_due(*, today: date | None = None) -> int:
    """A notice, its clock and its letter for every person and finished day before `today` (today by default).

    Chunk by chunk, each a transaction; twice is once. Returns how many. Raises NotAllowed without a term in force,
    CalendarMissing.
    """
    today, done = today or timezone.localdate(), 0
    until = midnight(today)
    while made := _chunk(until):
        done += made
    return done


@transaction.atomic
def _chunk(until: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [until - LOOK_BACK, until, _CHUNK])
        rows = cursor.fetchall()
    if not rows:
        return 0
    languages = dict(
        DataSubject.objects.filter(pk__in={subject for _id, subject, _day in rows}).values_list("pk", "language")
    )
    # the term is counted in days from the day after, so the hour of the first sending does not matter
    deadlines.start_many(rule_code=RULE, started=[(f"{ABOUT}{pk}", midnight(day)) for pk, _subject, day in rows])
    Letter.objects.bulk_create(
        [
            Letter(kind=KIND, cause=f"{ABOUT}{pk}#{KIND}", language=languages[subject], subject_id=subject)
            for pk, subject, _day in rows
        ],
        ignore_conflicts=True,
    )
    ring("notifications.deliver_due")
    return len(rows)


def _letters(clocks: list[Deadline]) -> dict[str, Letter]:
    """{cause of the clock: its letter}."""
    causes = [f"{clock.about}#{KIND}" for clock in clocks]
    return {row.cause.partition("#")[0]: row for row in Letter.objects.filter(kind=KIND, cause__in=causes)}


def meet_told() -> int:
    """Stop the clocks whose letter the mail server took, at that moment; how many."""
    done, last = 0, 0
    while True:
        open_ones = Deadline.objects.open().filter(about__startswith=ABOUT, pk__gt=last).order_by("pk")
        clocks = list(open_ones[:_CHUNK])
        if not clocks:
            return done
        last, letters = clocks[-1].pk, _letters(clocks)
        for clock in clocks:
            letter = letters.get(clock.about)
            if letter is not None and letter.state == LetterState.SENT:
                deadlines.meet(deadline=clock, at=letter.done_at)
                done += 1


_UNTOLD = f"""
WITH open AS MATERIALIZED (
    SELECT about, substr(about, {len(ABOUT) + 1})::bigint AS notice FROM subjects_deadline
    WHERE met_at IS NULL AND about LIKE '{ABOUT}%%')
SELECT n.id FROM open o JOIN transfers_transfernotice n ON n.id = o.notice
JOIN notifications_letter l ON l.subject_id = n.subject_id AND l.cause = o.about || '#{KIND}'
WHERE l.state = ANY(%s)
"""  # noqa: S608


def untold() -> list[int]:
    """Keys of the notices whose letter will not go by itself: an officer has to tell the person another way."""
    with connection.cursor() as cursor:
        cursor.execute(_UNTOLD, [[str(state) for state in UNSENT]])
        return [pk for (pk,) in cursor.fetchall()]


@transaction.atomic
def told_otherwise(*, notice: TransferNotice, by: StaffUser) -> Deadline:
    """An officer told the person by post, telephone or in person: the clock stops. Raises NotAllowed."""
    if not by.has_perm("transfers.tell_recipient"):
        raise NotAllowed(_("Your role does not tell people of transfers."), code="role")
    clock = deadlines.of(notice.about).open().first()
    if clock is None:
        raise NotAllowed(_("The person was told of these transfers already."), code="met")
    return deadlines.meet(deadline=clock)
