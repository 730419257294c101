"""To whom: recipients, agreements, rules, and the register of transfers (DESIGN 5)."""

from transfers.models.aftermath import Quarantined, RecipientNotice, TransferNotice
from transfers.models.files import AgreementFile
from transfers.models.processing import ProcessingRegister
from transfers.models.register import Agreement, Country, Recipient, RecipientClause, ShadowMode, TransferRule
from transfers.models.transfers import Release, Transfer

__all__ = [
    "Agreement",
    "AgreementFile",
    "Country",
    "ProcessingRegister",
    "Quarantined",
    "Recipient",
    "RecipientClause",
    "RecipientNotice",
    "Release",
    "ShadowMode",
    "Transfer",
    "TransferNotice",
    "TransferRule",
]
