"""An import an officer started in admin: kept sealed, worked off by a worker, with progress anybody may watch."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from django.db import connection, connections, transaction
from django.db.models.functions import Now
from django.utils import timezone

from notifications.doorbell import ring
from staff.models import StaffUser
from subjects import importing, vault
from subjects.models import ImportState, SubjectImport

# the first number of the advisory locks by which a worker says that it is at an import
LOCKS = 0x494D50


@transaction.atomic
def start(*, content: bytes, dry_run: bool, language: str, by: StaffUser) -> SubjectImport:
    """Keep the file and wake a worker. language: of people whose row names none."""
    run = SubjectImport.objects.create(
        dry_run=dry_run,
        sealed_file=vault.seal_file(content),
        sha256=hashlib.sha256(content).hexdigest(),
        default_language=language,
        started_by=by,
    )
    ring("subjects.run_import", run.pk)
    return run


@contextmanager
def _at_work(run_id: int) -> Iterator[bool]:
    """Whether nobody else is at this import. The lock is the session's: it ends with a killed worker."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCKS, run_id])
        (mine,) = cursor.fetchone()
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCKS, run_id])


class _Progress:
    """Tells the page how far the one big transaction is, from a connection of its own."""

    def __init__(self, run: SubjectImport) -> None:
        self.run = run
        self.connection = connections["default"].copy()

    def __call__(self, done: int, _total: int) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT set_config('kelisim.actor', 'job:import', false)")
            cursor.execute(
                f"UPDATE {SubjectImport._meta.db_table} SET rows_done = %s WHERE id = %s",  # noqa: S608
                [done, self.run.pk],
            )

    def close(self) -> None:
        self.connection.close()


def _finish(run: SubjectImport, state: str) -> None:
    run.state, run.finished_at, run.sealed_file = state, Now(), None
    run.save()


def run(run_id: int) -> None:
    """Check the file and, unless it is a dry run, write its good rows. A second call does nothing."""
    with _at_work(run_id) as mine:
        run = SubjectImport.objects.filter(pk=run_id, state=ImportState.WAITING).first() if mine else None
        if run is None:
            return
        run.state = ImportState.CHECKING
        run.save(update_fields=["state"])
        try:
            _work(run)
        except Exception:
            # All or nothing: nothing was written. The page must not wait for ever.
            _finish(run, ImportState.FAILED)
            raise


def _work(run: SubjectImport) -> None:
    checked = importing.examine(
        BytesIO(vault.open_file(bytes(run.sealed_file))), language=run.default_language, today=timezone.localdate()
    )
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
        outcome = importing.load(checked.rows, progress=progress)
    finally:
        progress.close()
    run.rows_done, run.created, run.updated = outcome.rows, outcome.created, outcome.updated
    _finish(run, ImportState.DONE)


def ring_forgotten() -> None:
    """Wake a worker for imports whose bell was lost; end those whose worker was killed, for nothing was written."""
    for pk in SubjectImport.objects.filter(state=ImportState.WAITING).values_list("pk", flat=True):
        ring("subjects.run_import", pk)
    begun = [ImportState.CHECKING, ImportState.WRITING]
    for pk in SubjectImport.objects.filter(state__in=begun).values_list("pk", flat=True):
        with _at_work(pk) as mine:
            left = SubjectImport.objects.filter(pk=pk, state__in=begun).first() if mine else None
            if left is not None:
                _finish(left, ImportState.FAILED)
