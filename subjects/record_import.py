"""An import of values or of contracts: the same way as of people (import_runs)."""

from typing import BinaryIO

from subjects import contract_files, import_runs, value_files
from subjects.csv_rows import Checked
from subjects.importing import Progress
from subjects.models import RecordImport


def _examine(stream: BinaryIO, run: RecordImport) -> Checked:
    if run.what == RecordImport.What.CONTRACTS:
        return contract_files.examine(stream)
    return value_files.examine(stream, overrule=run.overrule)


def _load(rows, run: RecordImport, progress: Progress) -> dict[str, int]:
    load = contract_files.load if run.what == RecordImport.What.CONTRACTS else value_files.load
    done = load(rows, progress=progress)
    return {"added": done.added, "changed": done.changed}


RECORDS = import_runs.Kind(RecordImport, "subjects.run_record_import", 0x494D56, _examine, _load)
import_runs.KINDS.append(RECORDS)
