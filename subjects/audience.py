"""To whom a letter to many goes: everybody whose data we hold, less those a standing or a missing address leaves out.

One statement, one snapshot: the audience is frozen when the campaign is made (DESIGN 5, 6).
"""

from collections import Counter
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from notifications.doorbell import ring
from notifications.enums import LetterState, Priority, SkipReason
from notifications.models import Campaign, Letter
from staff.enums import Language
from subjects.enums import LEAVES, IndexKind, Standing
from subjects.models import DataSubject, DisputedAddress, PersonLink, SearchKey

# Everybody in the base, former customers included: who is reachable, and by what standing others are left out.
PEOPLE = f"""
    people AS MATERIALIZED (
        SELECT id, language, reachable,
            CASE WHEN disputed AND NOT reachable AND standing = ANY(%(standings)s) THEN %(disputed)s ELSE standing END
            AS standing
        FROM (
            SELECT s.id, s.language, s.standing, EXISTS (
                SELECT 1 FROM {SearchKey._meta.db_table} k WHERE k.subject_id = s.id AND k.kind = %(email)s
                AND NOT EXISTS (SELECT 1 FROM {DisputedAddress._meta.db_table} d WHERE d.digest = k.digest)
            ) AS reachable, s.id IN (
                SELECT k.subject_id FROM {DisputedAddress._meta.db_table} d
                JOIN {SearchKey._meta.db_table} k ON k.kind = %(email)s AND k.digest = d.digest
            ) AS disputed
            FROM {DataSubject._meta.db_table} s WHERE <only> AND NOT EXISTS (
                -- a person known twice is told once: by the file that leads, where it can be told at all; and by
                -- none where that one may not be
                SELECT 1 FROM {PersonLink._meta.db_table} l JOIN {DataSubject._meta.db_table} t ON t.id = l.subject_id
                WHERE l.other_id = s.id AND l.kind = %(same)s AND l.ended_at IS NULL
                AND t.standing <> %(erased)s AND (t.standing <> ALL(%(standings)s) OR <only leading> AND EXISTS (
                    SELECT 1 FROM {SearchKey._meta.db_table} k WHERE k.subject_id = t.id AND k.kind = %(email)s
                    AND NOT EXISTS (SELECT 1 FROM {DisputedAddress._meta.db_table} d WHERE d.digest = k.digest)
                ))
            )
        ) AS held
    )
"""  # noqa: S608 -- table names only
COUNTS = "SELECT language, standing, reachable, count(*) FROM people GROUP BY language, standing, reachable"
COUNT = f"WITH {PEOPLE} {COUNTS}"
# One statement, one snapshot: the audience is whoever is in the base at this instant.
ANNOUNCE = f"""
    WITH {PEOPLE}, told AS (
        INSERT INTO {Letter._meta.db_table}
            (subject_id, kind, cause, campaign_id, language, priority, state, skip_reason, attempts, due_at,
             created_at, done_at)
        SELECT id, %(kind)s, %(cause)s, %(campaign)s, language, %(priority)s,
            CASE WHEN reachable THEN %(queued)s ELSE %(skipped)s END,
            CASE WHEN reachable THEN '' ELSE %(no_address)s END,
            0, now(), now(), CASE WHEN reachable THEN NULL ELSE now() END
        FROM people WHERE standing = ANY(%(standings)s)
        ORDER BY id
    )
    {COUNTS}
"""  # noqa: S608 -- table names only


class Audience(NamedTuple):
    """How many people get the letter, by language, and how many do not: no e-mail, or a standing that forbids it."""

    by_language: dict[str, int]
    no_address: int
    left_out: dict[str, int]

    @property
    def size(self) -> int:
        return sum(self.by_language.values())


def reachable() -> QuerySet[DataSubject]:
    """Whom a notice would reach now: a standing that allows it, and an e-mail that nobody disputes."""
    standings = [standing for standing, leaves in LEAVES.items() if leaves.notices]
    email = SearchKey.objects.filter(subject=OuterRef("pk"), kind=IndexKind.EMAIL)
    undisputed = ~Exists(DisputedAddress.objects.filter(digest=OuterRef("digest")))
    return DataSubject.objects.filter(Exists(email.filter(undisputed)), standing__in=standings)


def count_people() -> Audience:
    """Whom a campaign to everybody made at this moment would write to, and whom not.

    The statement is the one `write` uses: an approximation only in that people come and go until then.
    """
    return _counted(COUNT, None)


def write(*, kind: str, cause: str, only: QuerySet[DataSubject] | None = None) -> Campaign:
    """Make a campaign and its letters in the caller's transaction; everyone left out is counted apart.

    kind: of a registered letter. cause: what it is about, unique. only: those people, else everybody in the base.
    """
    campaign = Campaign.objects.create(kind=kind, cause=cause)
    audience = _counted(
        ANNOUNCE,
        only,
        kind=kind,
        cause=cause,
        campaign=campaign.pk,
        priority=Priority.CAMPAIGN.value,
        queued=LetterState.QUEUED.value,
        skipped=LetterState.SKIPPED.value,
        no_address=SkipReason.NO_ADDRESS.value,
    )
    campaign.audience = {"queued": audience.size, "no_address": audience.no_address, "left_out": audience.left_out}
    campaign.save(update_fields=["audience"])
    ring("notifications.deliver_due")
    return campaign


def _condition(only: QuerySet[DataSubject] | None) -> tuple[str, dict[str, Any]]:
    """SQL of "is one of these people", with its parameters by name."""
    if only is None:
        return "true", {}
    sql, params = only.order_by().values("pk").query.sql_with_params()
    pieces = sql.split("%s")  # psycopg takes parameters by place or by name, not both
    named = "".join(f"{piece}%(only{index})s" for index, piece in enumerate(pieces[:-1])) + pieces[-1]
    return f"s.id IN ({named})", {f"only{index}": value for index, value in enumerate(params)}


def _counted(statement: str, only: QuerySet[DataSubject] | None, **parameters: Any) -> Audience:
    standings = [str(standing) for standing, leaves in LEAVES.items() if leaves.notices]
    condition, people = _condition(only)
    with connection.cursor() as cursor:
        cursor.execute(
            statement.replace("<only>", condition).replace("<only leading>", condition.replace("s.id IN", "t.id IN")),
            {
                "email": IndexKind.EMAIL.value,
                "same": PersonLink.Kind.SAME_PERSON.value,
                "disputed": Standing.DISPUTED_ADDRESS.value,
                "erased": Standing.ERASED.value,
                "standings": standings,
                **people,
                **parameters,
            },
        )
        rows = cursor.fetchall()
    by_language: Counter[str] = Counter(dict.fromkeys(Language.values, 0))
    left_out: Counter[str] = Counter()
    no_address = 0
    for language, standing, reachable, number in rows:
        if standing not in standings:
            left_out[standing] += number
        elif reachable:
            by_language[language] += number
        else:
            no_address += number
    return Audience(dict(by_language), no_address, dict(left_out))
