"""To whom: recipients, agreements, rules, and the register of transfers (DESIGN 5)."""

from transfers.models.aftermath import Quarantined, RecipientNotice, TransferNotice
from transfers.models.batches import BatchOutcome, BatchRow, TransferBatch
from transfers.models.demands import DemandFile, DemandLetter, InboundDemand
from transfers.models.files import AgreementFile
from transfers.models.processing import ProcessingRegister
from transfers.models.reconciliations import Reconciliation, ReconciliationRow
from transfers.models.register import Agreement, Country, Recipient, RecipientClause, ShadowMode, TransferRule
from transfers.models.registry_files import RegistryFile, RegistryPart
from transfers.models.transfers import Release, Transfer

__all__ = [
    "Agreement",
    "AgreementFile",
    "BatchOutcome",
    "BatchRow",
    "Country",
    "DemandFile",
    "DemandLetter",
    "InboundDemand",
    "ProcessingRegister",
    "Quarantined",
    "Recipient",
    "RecipientClause",
    "RecipientNotice",
    "Reconciliation",
    "ReconciliationRow",
    "RegistryFile",
    "RegistryPart",
    "Release",
    "ShadowMode",
    "Transfer",
    "TransferBatch",
    "TransferNotice",
    "TransferRule",
]
