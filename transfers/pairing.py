"""Which line of a recipient's statement belongs to which sending of ours, beside each other in the database.

Both sides lie in tables of this transaction's own, so that millions of lines and releases cost no more memory than a
chunk of them. Each level of names is read once, sorted, and the surer goes first.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, time, timedelta
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from django.db import connection
from django.utils import timezone

from subjects.copying import LINES, as_bytes, as_text, copy
from subjects.enums import Disclosure, IndexKind
from transfers.checked_files import in_batches
from transfers.enums import Direction
from transfers.models import Reconciliation
from transfers.statement_file import StatementRow

_COLUMNS = ("number", "transfer", "reference", "iin", "former", "day", "categories")
_NULL = r"\N"
# the digests of people's numbers go with the table, at the latest with the transaction
_MAKE = """
CREATE TEMPORARY TABLE statement_line (
    number integer, transfer uuid, reference text, iin bytea, former bytea, day date,
    categories text[]) ON COMMIT DROP;
CREATE TEMPORARY TABLE statement_release (
    id bigint, transfer_id bigint, public_id uuid, reference text, subject_id bigint, day date, categories text[],
    withheld boolean) ON COMMIT DROP;
CREATE TEMPORARY TABLE statement_pair (number integer, release_id bigint) ON COMMIT DROP;
"""
_DROP = "DROP TABLE IF EXISTS pg_temp.statement_line, pg_temp.statement_release, pg_temp.statement_pair"
_OURS = """
INSERT INTO statement_release
SELECT r.id, t.id, t.public_id, r.reference, t.subject_id, (r.at AT TIME ZONE %(zone)s)::date,
    ARRAY(SELECT DISTINCT c COLLATE "C" FROM unnest(t.categories) AS c ORDER BY 1), t.disclosure = %(withheld)s
FROM transfers_release r JOIN transfers_transfer t ON t.id = r.transfer_id
WHERE t.recipient_id = %(recipient)s AND t.direction = %(outgoing)s AND r.at >= %(begin)s AND r.at < %(end)s
"""
# every line and release that have a name in common and no partner yet; releases of a name before its lines
_COMMON = """
WITH lines AS (
    SELECT {line} AS name, l.number, l.categories FROM statement_line l {people}
    WHERE {of_lines} AND NOT EXISTS (SELECT 1 FROM statement_pair p WHERE p.number = l.number)
), releases AS (
    SELECT {release} AS name, r.id, r.categories FROM statement_release r
    WHERE NOT EXISTS (SELECT 1 FROM statement_pair p WHERE p.release_id = r.id)
)
SELECT name, 0, id, categories FROM releases WHERE name IN (SELECT name FROM lines)
UNION ALL
SELECT name, 1, number, categories FROM lines WHERE name IN (SELECT name FROM releases)
ORDER BY 1, 2, 3
"""
_PERSON = {
    "line": "k.subject_id || ' ' || l.day",
    "release": "r.subject_id || ' ' || r.day",
    "of_lines": "l.transfer IS NULL",
}
# the surest first: our number, theirs, the person and the day, by the IIN of today and then by the one that was
# corrected, which the recipient may have got; a line that names a transfer of ours is never another
_LEVELS = (
    _COMMON.format(line="l.transfer::text", release="r.public_id::text", of_lines="l.transfer IS NOT NULL", people=""),
    _COMMON.format(
        line="l.reference", release="r.reference", of_lines="l.transfer IS NULL AND l.reference <> ''", people=""
    ),
    _COMMON.format(people="JOIN subjects_searchkey k ON k.kind = %(iin)s AND k.digest = l.iin", **_PERSON),
    # a number that was corrected with two persons is a name of neither
    _COMMON.format(
        people="""JOIN (
        SELECT digest, min(subject_id) AS subject_id FROM subjects_searchkey WHERE kind = %(former)s
        GROUP BY digest HAVING count(*) = 1
    ) k ON k.digest = l.former""",
        **_PERSON,
    ),
)
_THEIRS = """
WITH kept AS (
    INSERT INTO transfers_reconciliationrow (reconciliation_id, outcome, number, day, categories, transfer_id)
    SELECT %(run)s, CASE WHEN r.id IS NULL THEN 'theirs_only' WHEN l.categories <> r.categories THEN 'differing'
        ELSE 'matched' END, l.number, l.day, coalesce(l.categories, '{}'), r.transfer_id
    FROM statement_line l LEFT JOIN statement_pair p ON p.number = l.number
        LEFT JOIN statement_release r ON r.id = p.release_id
    ORDER BY l.number
    RETURNING outcome
) SELECT outcome, count(*) FROM kept GROUP BY outcome
"""
_OURS_ONLY = """
WITH kept AS (
    INSERT INTO transfers_reconciliationrow (reconciliation_id, outcome, number, day, categories, transfer_id)
    SELECT %(run)s, 'ours_only', NULL, r.day, '{}', r.transfer_id FROM statement_release r
    WHERE NOT EXISTS (SELECT 1 FROM statement_pair p WHERE p.release_id = r.id)
    ORDER BY r.id
    RETURNING outcome
) SELECT outcome, count(*) FROM kept GROUP BY outcome
"""


class Laid(NamedTuple):
    """What was laid beside each other. counts: {outcome: rows}; withheld: one of our sendings is."""

    counts: dict[str, int]
    withheld: bool


def lay(run: Reconciliation, rows: Iterable[StatementRow], laid: Callable[[int], None]) -> Laid:
    """Lay the lines beside our register of the run's days, pair them, and keep a `ReconciliationRow` of each.

    rows: read once. laid: called with the number of lines that are in, now and then. In the caller's transaction. Some
    twenty statements, and two a LINES of pairs.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DROP)
        cursor.execute(_MAKE)
        copy("statement_line", _COLUMNS, _lines(rows, laid))
        cursor.execute(_OURS, _days(run))
        cursor.execute("ANALYZE statement_line, statement_release")
        for level in _LEVELS:
            # a chunk at a time: while COPY is open, the connection reads nothing
            for some in in_batches(pairs(_read(level)), LINES):
                copy("statement_pair", ("number", "release_id"), [f"{number}\t{pk}\n" for number, pk in some])
            cursor.execute("ANALYZE statement_pair")
        counts: dict[str, int] = {}
        for statement in (_THEIRS, _OURS_ONLY):
            cursor.execute(statement, {"run": run.pk})
            counts |= dict(cursor.fetchall())
        cursor.execute("SELECT EXISTS (SELECT 1 FROM statement_release WHERE withheld)")
        (withheld,) = cursor.fetchone()
        cursor.execute(_DROP)
    return Laid(counts, withheld)


def _lines(rows: Iterable[StatementRow], laid: Callable[[int], None]) -> Iterator[str]:
    """The lines for COPY; a text the database cannot hold is the name of nothing of ours."""
    place = 0
    for place, row in enumerate(rows, start=1):
        reference = "" if "\0" in row.reference else as_text(row.reference)
        # codes of the list: no sign in them that an array would quote
        categories = _NULL if row.categories is None else "{" + ",".join(sorted(row.categories)) + "}"
        iin, former = (_NULL if digest is None else as_bytes(digest) for digest in (row.iin, row.former))
        yield f"{row.number}\t{row.transfer or _NULL}\t{reference}\t{iin}\t{former}\t{row.day}\t{categories}\n"
        if place % LINES == 0:
            laid(place)
    laid(place)


def _days(run: Reconciliation) -> dict[str, object]:
    """Of the statement that takes what our register says was sent on the run's days, the last one included."""
    zone = timezone.get_current_timezone()
    return {
        "zone": str(zone),
        "recipient": run.recipient_id,
        "outgoing": Direction.OUTGOING.value,
        "withheld": Disclosure.WITHHELD.value,
        "begin": datetime.combine(run.since, time.min, zone),
        "end": datetime.combine(run.until + timedelta(days=1), time.min, zone),
    }


def _read(level: str) -> Iterator[tuple[str, int, int, list[str] | None]]:
    """The rows of a level, LINES at a time from a cursor of the server's."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(level, {"iin": IndexKind.IIN.value, "former": IndexKind.EVIDENCE_IIN.value})
        while some := cursor.fetchmany(LINES):
            yield from some


def pairs(rows: Iterable[tuple[str, int, int, list[str] | None]]) -> Iterator[tuple[int, int]]:
    """(line, release) of rows (name, 0, release, its categories) and (name, 1, line, its categories or None), sorted.

    Each line takes, in the order of the file, the first release of its name with the same categories, else the first
    that is left. In memory are the releases of one name: some thirty bytes each.
    """
    for _name, alike in groupby(rows, key=itemgetter(0)):
        waiting = _Waiting()
        for _same, is_line, place, categories in alike:
            if not is_line:
                waiting.add(place, categories or ())
            elif (release := waiting.take(categories)) is not None:
                yield place, release


class _Waiting:
    """Releases of one name that no line has taken yet, in their order."""

    def __init__(self) -> None:
        self.ids, self.taken = array("q"), bytearray()
        # places in `ids` of those with the same categories, and how many of them were looked at
        self.alike: dict[tuple[str, ...], array[int]] = {}
        self.looked_at: dict[tuple[str, ...], int] = {}
        self.first = 0

    def add(self, release: int, categories: Iterable[str]) -> None:
        self.alike.setdefault(tuple(categories), array("q")).append(len(self.ids))
        self.ids.append(release)
        self.taken.append(False)

    def take(self, categories: Iterable[str] | None) -> int | None:
        """The first with these categories, else the first; None when all are taken."""
        place = None if categories is None else self._same(tuple(categories))
        if place is None:
            while self.first < len(self.ids) and self.taken[self.first]:
                self.first += 1
            if self.first == len(self.ids):
                return None
            place = self.first
        self.taken[place] = True
        return self.ids[place]

    def _same(self, categories: tuple[str, ...]) -> int | None:
        places, at = self.alike.get(categories, ()), self.looked_at.get(categories, 0)
        while at < len(places) and self.taken[places[at]]:
            at += 1
        self.looked_at[categories] = at
        return places[at] if at < len(places) else None
