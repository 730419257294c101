"""Data subjects from a CSV file: everything is checked before anything is written; the good rows go in by COPY, in one
transaction, and every bad one is named; the same client number again updates and never doubles (DESIGN 8)."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import BinaryIO, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from subjects import corrections, ports, recording, search, vault
from subjects.csv_rows import Checked, RowProblem, SubjectRow, check
from subjects.enums import IndexKind, Standing
from subjects.models import CabinetEvent, DataCategory, DataSubject, PersonalData, SearchKey, SubjectKey

BATCH = 2000
JOB = "import"

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


def index_of(row: SubjectRow) -> list[tuple[str, bytes, str]]:
    """(kind, digest, hint) of everything the person shall be found by."""
    wanted = [
        (IndexKind.CLIENT_NUMBER, row.client_number),
        (IndexKind.IIN, row.iin),
        (IndexKind.PHONE, row.phone),
        (IndexKind.EMAIL, row.email),
    ]
    keys = [search.keys_of(kind, text) for kind, text in wanted if text]
    words = dict.fromkeys(search.name_words(row.last_name or "", row.first_name or "", row.patronymic or ""))
    return keys + [search.keys_of(IndexKind.NAME, word) for word in words]


def _batches(rows: Sequence[SubjectRow]) -> Iterator[list[SubjectRow]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch


def _known(rows: Sequence[SubjectRow]) -> dict[str, DataSubject]:
    """{client number: person} of those we have already; one query."""
    digests = {search.digest(IndexKind.CLIENT_NUMBER, row.client_number): row.client_number for row in rows}
    keys = SearchKey.objects.filter(kind=IndexKind.CLIENT_NUMBER, digest__in=list(digests)).select_related("subject")
    return {digests[bytes(key.digest)]: key.subject for key in keys}


def conflicts(rows: Sequence[SubjectRow]) -> list[RowProblem]:
    """Rows whose IIN already belongs to a person with another client number: never a duplicate, never a guess."""
    problems = []
    for batch in _batches(rows):
        by_digest = {search.digest(IndexKind.IIN, row.iin): row for row in batch if row.iin}
        mine = {client: subject.pk for client, subject in _known(batch).items()}
        taken = SearchKey.objects.filter(kind=IndexKind.IIN, digest__in=list(by_digest))
        for digest, subject_id in taken.values_list("digest", "subject_id"):
            row = by_digest[bytes(digest)]
            if mine.get(row.client_number) != subject_id:
                problems.append(RowProblem(row.number, "iin", "iin_taken", {"reference": f"S-{subject_id:06d}"}))
    return problems


def keep_corrections(rows: Sequence[SubjectRow], *, job: str = JOB) -> tuple[list[SubjectRow], list[RowProblem]]:
    """(the rows without what would undo a correction made here, a warning for each such value); six queries a batch."""
    kept, warnings = [], []
    for batch in _batches(rows):
        known = _known(batch)
        pairs = [(known[row.client_number], row) for row in batch if row.client_number in known]
        changed, told = corrections.keep(pairs, job=job) if pairs else ({}, [])
        kept += [changed.get(row.number, row) for row in batch]
        warnings += told
    return kept, warnings


def examine(stream: BinaryIO, *, language: str, today: date | None = None, overrule: bool = False) -> Checked:
    """Check a whole file against itself and against what we hold, writing nothing; every bad row is named.

    language: of people whose row has none. overrule: whether the file is right where an officer or the person has
    corrected a value; otherwise their correction stays, with a warning.
    """
    checked = check(stream, today=today or timezone.localdate(), language=language)
    taken = conflicts(checked.rows)
    for problem in taken:
        checked.add_problem(problem)
    bad = {problem.row for problem in taken}
    checked.rows = [row for row in checked.rows if row.number not in bad] if bad else checked.rows
    if not overrule:
        checked.rows, warnings = keep_corrections(checked.rows)
        for warning in warnings:
            checked.add_warning(warning)
    return checked


def _copy(table: str, columns: Sequence[str], rows: Iterator[Sequence]) -> None:
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _ids(count: int) -> list[int]:
    """Fresh ids for rows that COPY will write, since their keys and values must name them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [DataSubject._meta.db_table, count],
        )
        return [pk for (pk,) in cursor.fetchall()]


def _add(rows: Sequence[SubjectRow], categories: dict[str, DataCategory], job: str) -> None:
    people = [(pk, uuid.uuid4(), row) for pk, row in zip(_ids(len(rows)), rows, strict=True)]
    classes = dict.fromkeys(category.retention_class for category in categories.values())
    keys = {(pk, name): vault.make_key(pk, name) for pk, _public, row in people for name in classes}

    def values() -> Iterator[Sequence]:
        for pk, public_id, row in people:
            for code, parts in parts_of(row).items():
                category = categories[code]
                name = category.retention_class
                sealed = vault.seal(
                    keys[pk, name].data_key, parts, subject=public_id, retention_class=name, category=code
                )
                yield pk, category.pk, name, sealed, job, "subject"

    now = timezone.now()
    _copy(
        DataSubject._meta.db_table,
        ("id", "public_id", "kind", "standing", "language", "created_at"),
        ((pk, public_id, row.kind, row.standing, row.language, now) for pk, public_id, row in people),
    )
    _copy(
        SubjectKey._meta.db_table,
        ("subject_id", "retention_class", "kek_version", "wrapped"),
        ((key.subject_id, key.retention_class, key.kek_version, key.wrapped) for key in keys.values()),
    )
    _copy(
        PersonalData._meta.db_table,
        ("subject_id", "category_id", "retention_class", "sealed", "source", "disclosure"),
        values(),
    )
    _copy(
        SearchKey._meta.db_table,
        ("subject_id", "kind", "digest", "hint"),
        ((pk, *key) for pk, _public, row in people for key in index_of(row)),
    )


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
        for code, parts in fresh.items():
            vault.replace(subject=subject, category=code, parts=parts, source=job)
        if fresh:
            _reindex(subject, row)
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
    # a phone may be one of several: of the person and of the contacts they named
    keys = [key for key in index_of(row) if key[0] != IndexKind.PHONE]
    kinds = {kind for kind, _digest, _hint in keys}
    SearchKey.objects.filter(subject=subject, kind__in=kinds).delete()
    SearchKey.objects.bulk_create(
        SearchKey(subject=subject, kind=kind, digest=digest, hint=hint) for kind, digest, hint in keys
    )
    recording.reindex(subject, category="mobile_phone")


@transaction.atomic
def load(rows: Sequence[SubjectRow], *, job: str = JOB, progress: Progress = lambda done, total: None) -> Outcome:
    """Write checked rows, all or none. `progress(done, total)` is told after every batch.

    job: in whose name values are compared (`vault.JOBS`), and the source they are noted with.

    Cost: about six statements a batch of 2,000 new people; one statement and a few a changed person.
    """
    categories = {
        category.code: category
        for category in DataCategory.objects.filter(code__in=["full_name", "iin", "mobile_phone", "email"])
    }
    created = updated = done = 0
    for batch in _batches(rows):
        known = _known(batch)
        new = [row for row in batch if row.client_number not in known]
        old = [(known[row.client_number], row) for row in batch if row.client_number in known]
        if new:
            _add(new, categories, job)
        if old:
            updated += _update(old, job)
        created += len(new)
        done += len(batch)
        progress(done, len(rows))
    return Outcome(rows=done, created=created, updated=updated, unchanged=done - created - updated)
