"""What the transfers app tells in the subject file: who received the data, and who gave us some (94-V art. 24)."""

from django.utils.translation import gettext_lazy as _

from audit import past
from consent.models import Purpose
from subjects.enums import Disclosure
from subjects.subject_file import SECTIONS, Cell, Reading, Section, Table, choice, text, when
from transfers.enums import Direction
from transfers.models import Recipient, Release


def _sent(reading: Reading, direction: str) -> Table:
    """What really went, oldest first; what the gate refused went nowhere, what is withheld is not there."""
    rows = Release.objects.filter(
        transfer__subject=reading.subject,
        transfer__direction=direction,
        transfer__disclosure=Disclosure.SUBJECT,
        **reading.until(),
    )
    recipients, purposes = past.by_id(Recipient, reading.at), past.by_id(Purpose, reading.at)
    columns = {
        "party": _("Recipient") if direction == Direction.OUTGOING else _("Source"), "kind": _("Who it is"),
        "country": _("Country"), "categories": _("Data"), "purpose": _("Purpose"), "ground": _("Legal ground"),
        "at": _("When"),
    }  # fmt: skip
    found = []
    for row in rows.select_related("transfer").order_by("pk"):
        transfer = row.transfer
        party, purpose = recipients[transfer.recipient_id], purposes[transfer.purpose_id]
        found.append(
            [
                Cell(str(party), party.code), choice(party, "kind"), text(party.country),
                Cell("; ".join(map(reading.category, transfer.categories)), list(transfer.categories)),
                Cell(str(purpose), purpose.code), choice(transfer, "ground"), when(row.at),
            ]
        )  # fmt: skip
    return Table(columns, found)


SECTIONS += [
    Section(
        30, "recipients", _("Who received your data"), ("transfers.Transfer", "transfers.Release"),
        lambda reading: _sent(reading, Direction.OUTGOING),
    ),
    Section(
        32, "received", _("What others told us about you"), ("transfers.Transfer", "transfers.Release"),
        lambda reading: _sent(reading, Direction.INCOMING),
    ),
]  # fmt: skip
