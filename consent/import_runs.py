"""An import of older consents: the same way as of people (subjects.import_runs), in the name of who started it."""

from typing import BinaryIO

from audit.actor import acting_as
from consent import importing
from consent.importing import Checked, ConsentRow
from consent.models import ConsentImport
from subjects import import_runs
from subjects.importing import Progress


def _examine(stream: BinaryIO, _run: ConsentImport) -> Checked:
    return importing.examine(stream)


def _load(rows: list[ConsentRow], run: ConsentImport, progress: Progress) -> dict[str, int]:
    # who recorded it is part of the evidence: the officer, not the worker who only carries it out
    with acting_as(f"officer:{run.started_by_id}"):
        outcome = importing.load(rows, progress=progress)
    return {"added": outcome.added, "unchanged": outcome.unchanged}


CONSENTS = import_runs.Kind(ConsentImport, "consent.run_import", 0x494D43, _examine, _load)
import_runs.KINDS.append(CONSENTS)
