"""Files of this app that a worker checks whole, the way people come in (subjects.import_runs)."""

from subjects import import_runs
from transfers import batch_file, batches, reconciling, statement_file
from transfers.models import Reconciliation, TransferBatch

BATCHES = import_runs.Kind(
    TransferBatch,
    "transfers.check_batch",
    0x424348,
    batch_file.examine,
    lambda rows, run, progress: batches.preview(run, rows, progress),
)
STATEMENTS = import_runs.Kind(
    Reconciliation,
    "transfers.reconcile",
    0x524543,
    statement_file.examine,
    lambda rows, run, progress: reconciling.lay_beside(run, rows, progress),
)
import_runs.KINDS += [BATCHES, STATEMENTS]
