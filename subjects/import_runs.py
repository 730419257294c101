"""An import an officer started in admin: kept sealed, worked off by a worker, with progress anybody may watch."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

from django.db import connection, connections, transaction
from django.db.models.functions import Now

from notifications.doorbell import ring
from staff.models import StaffUser
from subjects import importing, vault
from subjects.importing import Progress
from subjects.models import ImportState, SubjectImport
from subjects.runs import ImportRun

# the first number of the advisory locks by which a worker says that it is at an import of people
LOCKS = 0x494D50


@dataclass(frozen=True)
class Kind:
    """What is imported. task: its bell. locks: first number of its advisory locks, its own.

    examine(stream, run): what the file holds, with rows, problems, warnings, more_problems, more_warnings, total.
    load(rows, run, progress): writes the rows in one transaction; {field of the run: count}.
    """

    model: type[ImportRun]
    task: str
    locks: int
    examine: Callable[[BinaryIO, Any], Any]
    load: Callable[[Any, Any, Progress], dict[str, int]]


def _examine(stream: BinaryIO, run: SubjectImport) -> importing.Checked:
    return importing.examine(stream, language=run.default_language, overrule=run.overrule)


def _load(rows: list, _run: SubjectImport, progress: Progress) -> dict[str, int]:
    outcome = importing.load(rows, progress=progress)
    return {"created": outcome.created, "updated": outcome.updated}


PEOPLE = Kind(SubjectImport, "subjects.run_import", LOCKS, _examine, _load)
# a higher app adds its own, and the sweep looks after it too
KINDS = [PEOPLE]


def start(*, content: bytes, dry_run: bool, language: str, by: StaffUser, overrule: bool = False) -> SubjectImport:
    """An import of people. language: of those whose row names none. overrule: as for `importing.examine`."""
    return begin(PEOPLE, content=content, dry_run=dry_run, by=by, default_language=language, overrule=overrule)


@transaction.atomic
def begin(kind: Kind, /, *, content: bytes, dry_run: bool, by: StaffUser, **fields: object) -> ImportRun:
    """Keep the file and wake a worker. fields: of the kind's own model."""
    run = kind.model.objects.create(
        dry_run=dry_run,
        sealed_file=vault.seal_file(content),
        sha256=hashlib.sha256(content).hexdigest(),
        started_by=by,
        **fields,
    )
    ring(kind.task, run.pk)
    return run


@contextmanager
def at_work(run_id: int, locks: int) -> Iterator[bool]:
    """Whether nobody else is at this import. The lock is the session's: it ends with a killed worker."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [locks, run_id])
        (mine,) = cursor.fetchone()
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [locks, run_id])


class _Progress:
    """Tells the page how far the one big transaction is, from a connection of its own."""

    def __init__(self, run: ImportRun) -> None:
        self.run = run
        self.connection = connections["default"].copy()

    def __call__(self, done: int, _total: int) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT set_config('kelisim.actor', 'job:import', false)")
            cursor.execute(
                f"UPDATE {self.run._meta.db_table} SET rows_done = %s WHERE id = %s",  # noqa: S608
                [done, self.run.pk],
            )

    def close(self) -> None:
        self.connection.close()


def _finish(run: ImportRun, state: str) -> None:
    run.state, run.finished_at, run.sealed_file = state, Now(), None
    run.save()


def run(run_id: int, kind: Kind = PEOPLE) -> None:
    """Check the file and, unless it is a dry run, write its good rows. A second call does nothing."""
    with at_work(run_id, kind.locks) as mine:
        run = kind.model.objects.filter(pk=run_id, state=ImportState.WAITING).first() if mine else None
        if run is None:
            return
        run.state = ImportState.CHECKING
        run.save(update_fields=["state"])
        try:
            _work(run, kind)
        except Exception:
            # All or nothing: nothing was written. The page must not wait for ever.
            _finish(run, ImportState.FAILED)
            raise


def _work(run: ImportRun, kind: Kind) -> None:
    checked = kind.examine(BytesIO(vault.open_file(bytes(run.sealed_file))), run)
    run.rows_total, run.rows_good = checked.total, len(checked.rows)
    run.problems = [problem.as_dict() for problem in checked.problems]
    run.warnings = [warning.as_dict() for warning in checked.warnings]
    run.more_problems, run.more_warnings = checked.more_problems, checked.more_warnings
    if not checked.rows:
        _finish(run, ImportState.REFUSED)
        return
    if run.dry_run:
        _finish(run, ImportState.CHECKED)
        return
    run.state = ImportState.WRITING
    run.save(
        update_fields=["state", "rows_total", "rows_good", "problems", "warnings", "more_problems", "more_warnings"]
    )
    progress = _Progress(run)
    try:
        counts = kind.load(checked.rows, run, progress)
    finally:
        progress.close()
    run.rows_done = run.rows_good
    for field, count in counts.items():
        setattr(run, field, count)
    _finish(run, ImportState.DONE)


def ring_forgotten() -> None:
    """Wake a worker for imports whose bell was lost; end those whose worker was killed, for nothing was written."""
    for kind in KINDS:
        for pk in kind.model.objects.filter(state=ImportState.WAITING).values_list("pk", flat=True):
            ring(kind.task, pk)
        begun = [ImportState.CHECKING, ImportState.WRITING]
        for pk in kind.model.objects.filter(state__in=begun).values_list("pk", flat=True):
            with at_work(pk, kind.locks) as mine:
                left = kind.model.objects.filter(pk=pk, state__in=begun).first() if mine else None
                if left is not None:
                    _finish(left, ImportState.FAILED)
