"""What a batch leaves on an officer's desk: the decision of every row. The recipient's file: `registry_files`."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.utils.translation import gettext as _

from audit.spreadsheet import Sheet, sheets_of, workbook
from notifications.enums import LetterState
from transfers import assignments
from transfers.enums import Verdict, checks_in_words
from transfers.models import BatchRow, TransferBatch


def decisions(batch: TransferBatch) -> bytes:
    """XLSX: a row a row of the file, by its line and the person's reference; no data of anybody."""

    heading = [
        _("Row"), _("Data subject"), _("Preview"), _("Checks not passed"), _("Decision"), _("Transfer"), _("Sent"),
        _("SHA-256 of what was sent"), _("Assigned"), _("Letter"),
    ]  # fmt: skip
    rows = BatchRow.objects.filter(batch=batch)

    states = assignments.letters(batch.pk).values_list("subject", "state")
    letters = {subject: str(LetterState(state).label) for subject, state in states}

    def table() -> Iterator[list[Any]]:
        found = rows.select_related("subject", "outcome__transfer__release").defer("outcome__sealed")
        for row in found.order_by("number").iterator(chunk_size=2000):
            outcome = getattr(row, "outcome", None)
            transfer = outcome.transfer if outcome else None
            release = getattr(transfer, "release", None) if transfer else None
            failed = transfer.failed if transfer else row.failed
            if outcome and transfer is None:
                said = _("it stood otherwise by then than in the preview")
            elif transfer and transfer.decision == Verdict.ALLOW and release is None:
                said = _("allowed, but we hold none of the data")
            else:
                said = transfer.decision_in_words if transfer else ""
            yield [
                row.number,
                row.subject.reference,
                str(Verdict(row.decision).label),
                checks_in_words(failed),
                said,
                str(transfer.public_id) if transfer else "",
                release.at if release else None,
                release.payload_sha256 if release else "",
                _("yes") if outcome and outcome.assigned else "",
                letters.get(row.subject_id, ""),
            ]

    about = [
        [_("Batch"), str(batch)],
        [_("What is done"), batch.get_kind_display()],
        [_("Recipient"), str(batch.recipient)],
        [_("Allowed"), batch.allowed],
        [_("Refused"), batch.refused],
        [_("Not set up"), batch.gaps],
        [_("Number of the act of assignment"), batch.act_number],
        [_("Date of the act of assignment"), batch.act_date],
        [_("SHA-256 of the file"), batch.sha256],
    ]
    return workbook(chain(sheets_of(_("Decisions"), heading, table()), [Sheet(_("About"), about)]))
