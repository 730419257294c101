"""Data subjects from a CSV file: everything is checked before anything is written; the good rows go in by COPY, in one
transaction, and every bad one is named; the same client number again updates and never doubles (DESIGN 8)."""

import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from itertools import islice
from typing import BinaryIO, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from subjects import copying, corrections, enums, ports, search, services, vault
from subjects.csv_rows import BATCH, Checked, Looked, RowProblem, SubjectRow, check
from subjects.enums import IndexKind, Standing, stands
from subjects.models import (
    CabinetEvent,
    DataCategory,
    DataSubject,
    PersonalData,
    SearchKey,
    SubjectKey,
)

JOB = "import"
# names repeat: so many keys of their words are kept while a file is written, and dropped with it
MOST_WORDS = 50_000
CLIENT_NUMBER, IIN, PHONE, EMAIL, NAME = (
    kind.value for kind in (IndexKind.CLIENT_NUMBER, IndexKind.IIN, IndexKind.PHONE, IndexKind.EMAIL, IndexKind.NAME)
)

# {standing in which nothing is written to a person: the code of the sentence that says so}
CLOSED = {**dict.fromkeys(enums.CLOSED, "closed"), Standing.DECEASED: "deceased"}

Progress = Callable[[int, int], None]


class Outcome(NamedTuple):
    """What an import did, or would do."""

    rows: int
    created: int
    updated: int
    unchanged: int


def parts_of(row: SubjectRow) -> dict[str, dict[str, str]]:
    """{category code: parts} of the values the row brings; an empty cell brings none."""
    return {code: parts for code in corrections.COLUMNS if (parts := corrections.brought(row, code))}


def index_of(row: SubjectRow, names: dict[str, tuple[str, bytes, str]] | None = None) -> list[tuple[str, bytes, str]]:
    """(kind, digest, hint) of everything the person shall be found by; the row was checked, so it is normal already.

    names: keys of words that were made before, to be made once; a word it lacks is added while there is room.
    """
    keys = [search.key_of_normal(CLIENT_NUMBER, row.client_number.casefold())]
    if row.iin:
        keys.append(search.key_of_normal(IIN, row.iin))
    if row.phone:
        keys.append(search.key_of_normal(PHONE, row.phone))
    if row.email:
        keys.append(search.key_of_normal(EMAIL, row.email.casefold()))
    made = {} if names is None else names
    for word in dict.fromkeys(search.name_words(row.last_name, row.first_name, row.patronymic)):
        key = made.get(word)
        if key is None:
            key = search.key_of_normal(NAME, word)
            if len(made) < MOST_WORDS:
                made[word] = key
        keys.append(key)
    return keys


def _batches(rows: Sequence[SubjectRow]) -> Iterator[list[SubjectRow]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch


def known_people(client_numbers: Sequence[str]) -> dict[str, DataSubject]:
    """{client number: person} of those we have already; one query."""
    digests = {search.digest(IndexKind.CLIENT_NUMBER, number): number for number in client_numbers}
    keys = search.among(IndexKind.CLIENT_NUMBER, digests).select_related("subject")
    return {digests[bytes(key.digest)]: key.subject for key in keys}


def _known(rows: Sequence[SubjectRow]) -> dict[str, DataSubject]:
    return known_people([row.client_number for row in rows])


def conflicts(rows: Sequence[SubjectRow]) -> list[RowProblem]:
    """Rows that may not come in beside what we hold; two queries a batch.

    Their IIN belongs to a person with another client number (never a duplicate, never a guess), or nothing may be
    written to the person any more.
    """
    return [problem for batch in _batches(rows) for problem in _conflicts(batch, _known(batch))]


def _conflicts(batch: Sequence[SubjectRow], known: dict[str, DataSubject]) -> list[RowProblem]:
    problems = [
        RowProblem(row.number, "client_number", CLOSED[stands(known[row.client_number])], {})
        for row in batch
        if row.client_number in known and stands(known[row.client_number]) in CLOSED
    ]
    by_digest = {search.digest_of_normal(IIN, row.iin): row for row in batch if row.iin}
    if by_digest:
        for digest, subject_id in search.among(IndexKind.IIN, by_digest).values_list("digest", "subject_id"):
            row = by_digest[bytes(digest)]
            mine = known.get(row.client_number)
            if mine is None or mine.pk != subject_id:
                problems.append(RowProblem(row.number, "iin", "iin_taken", {"reference": f"S-{subject_id:06d}"}))
    return problems


def keep_corrections(rows: Sequence[SubjectRow], *, job: str = JOB) -> tuple[list[SubjectRow], list[RowProblem]]:
    """(the rows without what would undo a correction made here, a warning for each such value); six queries a batch."""
    kept, warnings = [], []
    for batch in _batches(rows):
        changed, told = _corrected(batch, _known(batch), job=job)
        kept += [changed.get(row.number, row) for row in batch]
        warnings += told
    return kept, warnings


def _corrected(
    rows: Sequence[SubjectRow], known: dict[str, DataSubject], *, job: str
) -> tuple[dict[int, SubjectRow], list[RowProblem]]:
    """({number: a row without what would undo a correction}, warnings) of some rows."""
    pairs = [(known[row.client_number], row) for row in rows if row.client_number in known]
    if not pairs:
        return {}, []
    kept, warnings = corrections.keep(pairs, job=job)
    return {warning.row: kept[warning.row] for warning in warnings}, warnings


def examine(stream: BinaryIO, *, language: str, today: date | None = None, overrule: bool = False) -> Checked:
    """Check a whole file against itself and against what we hold, writing nothing; every bad row is named.

    language: of people whose row has none. overrule: whether the file is right where an officer or the person has
    corrected a value; otherwise their correction stays, with a warning.
    """

    def look(batch: Sequence[SubjectRow]) -> Looked:
        known = _known(batch)
        problems = _conflicts(batch, known)
        if overrule:
            return Looked(problems)
        bad = {problem.row for problem in problems}
        changed, warnings = _corrected([row for row in batch if row.number not in bad], known, job=JOB)
        return Looked(problems, changed, warnings)

    return check(stream, today=today or timezone.localdate(), language=language, look=look)


def _ids(count: int) -> list[int]:
    """Fresh ids for rows that COPY will write, since their keys and values must name them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(id) FROM CAST(pg_get_serial_sequence(%s, 'id') AS regclass) AS id, generate_series(1, %s)",
            [DataSubject._meta.db_table, count],
        )
        return [pk for (pk,) in cursor.fetchall()]


class Prepared(NamedTuple):
    """New people as COPY takes them, a block a table."""

    subjects: bytes
    keys: bytes
    values: bytes
    index: bytes


class Preparer:
    """Makes rows ready for COPY: keys, ciphertext, digests. It asks no database, so a thread of its own may do it."""

    def __init__(self, categories: Iterable[DataCategory], job: str) -> None:
        self.places = {category.code: (category.pk, category.retention_class) for category in categories}
        self.classes = tuple(dict.fromkeys(name for _pk, name in self.places.values()))
        self.source = copying.as_text(job)
        # keys of the words of names, made once
        self.names: dict[str, tuple[str, bytes, str]] = {}
        self.now = timezone.now().isoformat()

    def __call__(self, rows: Sequence[SubjectRow], ids: Sequence[int]) -> Prepared:
        subjects, keys, values, index = [], [], [], []
        for pk, row in zip(ids, rows, strict=True):
            public_id = uuid.uuid4()
            subjects.append(f"{pk}\t{public_id}\t{row.kind}\t{row.standing}\t{row.language}\t{self.now}\n")
            ready = {}
            for name in self.classes:
                new = vault.make_key(pk, name)
                ready[name] = vault.prepared(new)
                keys.append(f"{pk}\t{name}\t{new.kek_version}\t{copying.as_bytes(new.wrapped)}\n")
            for code, parts in parts_of(row).items():
                category, name = self.places[code]
                sealed = vault.seal(ready[name], parts, subject=public_id, retention_class=name, category=code)
                values.append(f"{pk}\t{category}\t{name}\t{copying.as_bytes(sealed)}\t{self.source}\tsubject\n")
            for kind, digest, hint in index_of(row, self.names):
                index.append(f"{pk}\t{kind}\t{copying.as_bytes(digest)}\t{copying.as_text(hint)}\n")
        return Prepared(*("".join(lines).encode() for lines in (subjects, keys, values, index)))


TABLES = (
    (DataSubject, ("id", "public_id", "kind", "standing", "language", "created_at")),
    (SubjectKey, ("subject_id", "retention_class", "kek_version", "wrapped")),
    (PersonalData, ("subject_id", "category_id", "retention_class", "sealed", "source", "disclosure")),
    (SearchKey, ("subject_id", "kind", "digest", "hint")),
)


def _write(prepared: Prepared) -> None:
    for (model, columns), block in zip(TABLES, prepared, strict=True):
        copying.copy(model._meta.db_table, columns, [block])


def _update(rows: Sequence[tuple[DataSubject, SubjectRow]], job: str) -> int:
    """Bring people we have to what the file says; a value that is the same is not touched. Returns how many changed."""
    ids = [subject.pk for subject, _row in rows]
    held = {
        code: vault.open_for(job, subject_ids=ids, category=code)
        for code in ("full_name", "iin", "mobile_phone", "email")
    }
    chose_language = set(
        CabinetEvent.objects.filter(kind=CabinetEvent.Kind.LANGUAGE, subject__in=ids).values_list("subject", flat=True)
    )
    changed = 0
    for subject, row in rows:
        now = _known_as(subject, row, chose_language=subject.pk in chose_language)
        fresh = {code: parts for code, parts in parts_of(row).items() if parts not in held[code].get(subject.pk, [])}
        same = now == (subject.kind, subject.standing, subject.language)
        if same and not fresh:
            continue
        changed += 1
        if not same:
            stood = subject.standing
            subject.kind, subject.standing, subject.language = now
            subject.save(update_fields=["kind", "standing", "language"])
            if subject.standing != stood:
                for handler in ports.on_standing_changed:
                    handler(subject)
        old = PersonalData.objects.newest(subject, EMAIL) if EMAIL in fresh else None
        was = services.to_be_told(old) if old else None
        for code, parts in fresh.items():
            vault.replace(subject=subject, category=code, parts=parts, source=job)
        if fresh:
            _reindex(subject, row)
        if old:
            services.address_changed(subject, was=was)
    return changed


def _known_as(subject: DataSubject, row: SubjectRow, *, chose_language: bool) -> tuple[str, str, str]:
    """(kind, standing, language) of a person we have after the row.

    What the row does not name stays; a language the person chose in the cabinet is theirs. A minor who came of age
    is a person like any other; every other standing is an officer's to change.
    """
    kind = row.kind if "kind" in row.stated else subject.kind
    language = row.language if "language" in row.stated and not chose_language else subject.language
    standing = subject.standing
    if row.born and {standing, row.standing} == {Standing.MINOR, Standing.ORDINARY}:
        standing = row.standing
    return kind, standing, language


def _reindex(subject: DataSubject, row: SubjectRow) -> None:
    keys = index_of(row)
    kinds = {kind for kind, _digest, _hint in keys}
    SearchKey.objects.filter(subject=subject, kind__in=kinds).delete()
    SearchKey.objects.bulk_create(
        SearchKey(subject=subject, kind=kind, digest=digest, hint=hint) for kind, digest, hint in keys
    )


@contextmanager
def _quick_to_hand_over() -> Iterator[None]:
    """Whoever feeds the server waits half a millisecond for whoever seals, not five: the server waits with them."""
    was = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    try:
        yield
    finally:
        sys.setswitchinterval(was)


@transaction.atomic
def load(rows: Sequence[SubjectRow], *, job: str = JOB, progress: Progress = lambda done, total: None) -> Outcome:
    """Write checked rows, all or none. `progress(done, total)` is told after every batch.

    job: in whose name values are compared (`vault.JOBS`), and the source they are noted with.

    Cost: about six statements a batch of 2,000 new people; one statement and a few a changed person.
    """
    prepare = Preparer(DataCategory.objects.filter(code__in=corrections.COLUMNS), job)
    created = updated = done = 0
    batches, waiting = _batches(rows), None
    # while the database takes one batch, the next is read and sealed: two cores, two batches in memory
    with copying.checked_at_once(), _quick_to_hand_over(), ThreadPoolExecutor(max_workers=1) as beside:
        reading = beside.submit(next, batches, None)
        while batch := reading.result():
            reading = beside.submit(next, batches, None)
            known = _known(batch)
            new = [row for row in batch if row.client_number not in known]
            # whose data was closed since the file was looked at stays as it is
            old = [
                (known[row.client_number], row)
                for row in batch
                if row.client_number in known and stands(known[row.client_number]) not in CLOSED
            ]
            making = beside.submit(prepare, new, _ids(len(new))) if new else None
            if waiting:
                _write(waiting.result())
            waiting = making
            if old:
                updated += _update(old, job)
            created += len(new)
            done += len(batch)
            progress(done, len(rows))
        if waiting:
            _write(waiting.result())
    return Outcome(rows=done, created=created, updated=updated, unchanged=done - created - updated)
