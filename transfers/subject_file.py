"""What the transfers app tells in the subject file: who received the data, and who gave us some (94-V art. 24)."""

from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import past
from consent.models import Purpose
from subjects.enums import Disclosure
from subjects.subject_file import LEFT_OUT, SECTIONS, Cell, Reading, Section, Table, choice, day, text, when
from transfers.enums import Direction
from transfers.models import Quarantined, Recipient, RecipientNotice, Release, Transfer, TransferNotice


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


def notices(reading: Reading) -> Table:
    """Of the transfers of which days the person was told by a letter; withheld ones are not counted in it."""
    rows = TransferNotice.objects.filter(subject=reading.subject, **reading.until()).order_by("pk")
    columns = {"day": _("day of the transfers"), "transfers": _("transfers"), "at": _("written at")}
    return Table(columns, [[day(r.day), Cell(number_format(r.transfers), r.transfers), when(r.at)] for r in rows])


def recipients_told(reading: Reading) -> Table:
    """Whom we have to tell that data were corrected or destroyed or a consent ended, and whether they confirmed it."""
    hidden = set(
        RecipientNotice.objects.filter(subject=reading.subject, disclosure=Disclosure.WITHHELD).values_list(
            "pk", flat=True
        )
    )
    rows = past.rows(RecipientNotice, reading.at, subject=reading.subject)
    recipients = past.by_id(Recipient, reading.at)
    columns = {
        "party": _("Recipient"), "why": _("what happened"), "categories": _("Data"), "opened": _("since"),
        "sent": _("sent at"), "confirmed": _("confirmed at"),
    }  # fmt: skip
    found = []
    for row in rows:
        if row.disclosure != Disclosure.SUBJECT or row.pk in hidden:
            continue
        party = recipients[row.recipient_id]
        found.append(
            [
                Cell(str(party), party.code), choice(row, "reason"),
                Cell("; ".join(map(reading.category, row.categories)), list(row.categories)),
                when(row.opened_at), when(row.sent_at), when(row.confirmed_at),
            ]
        )  # fmt: skip
    return Table(columns, found)


def set_aside(reading: Reading) -> Table:
    """What others told us of the person without a rule: sealed and used for nothing until it is decided about."""
    rows = past.rows(Quarantined, reading.at, without=("sealed",), subject=reading.subject)
    came = Transfer.objects.filter(subject=reading.subject, disclosure=Disclosure.SUBJECT)
    senders = dict(came.filter(pk__in=[row.transfer_id for row in rows]).values_list("pk", "recipient"))
    parties = past.by_id(Recipient, reading.at)
    columns = {
        "party": _("Source"), "category": _("Data"), "came": _("came at"), "fate": _("what became of it"),
        "since": _("since"),
    }  # fmt: skip
    found = []
    for row in rows:
        if row.transfer_id not in senders:
            continue
        party = parties[senders[row.transfer_id]]
        fate = choice(row, "fate") if row.fate else Cell(gettext("set aside, used for nothing"), "open")
        found.append(
            [
                Cell(str(party), party.code), Cell(reading.category(row.category), row.category), when(row.came_at),
                fate, when(row.decided_at),
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
    Section(
        33, "set_aside", _("What others told us about you without a rule"), ("transfers.Quarantined",), set_aside
    ),
    Section(
        34, "recipients_told", _("Recipients told of a change in your data"), ("transfers.RecipientNotice",),
        recipients_told,
    ),
    Section(
        36, "transfer_notices", _("Transfers you were told of by letter"), ("transfers.TransferNotice",), notices
    ),
]  # fmt: skip
LEFT_OUT |= {
    "transfers.BatchRow": "what the gate said of a contract before anything went; what went stands in `recipients`",
    "transfers.BatchOutcome": "points at the transfer that stands in `recipients`; where there is none, nothing went",
    "transfers.ReconciliationRow": "a recipient's word laid beside transfers that stand in `recipients`",
    "transfers.InboundDemand": "a lawful demand may be one the person must not know of, so none is told to anybody "
    "(DESIGN 4); what was sent and is no secret stands in `recipients`",
    "transfers.DemandLetter": "our letter to who demanded, which names no person; see InboundDemand",
}
