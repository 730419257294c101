"""Laying a recipient's statement beside our register: the same, other categories, only theirs, only ours.

A line belongs to the transfer it names by our number; else to one by the recipient's own number; else to one about the
same person on the same day, by an IIN that was corrected since too. Each transfer is taken once.
"""

from collections.abc import Collection, Iterator
from itertools import chain
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from audit.spreadsheet import Sheet, sheets_of, workbook
from subjects.enums import Disclosure
from subjects.importing import Progress
from subjects.models import DataCategory
from transfers import pairing
from transfers.models import Reconciliation, ReconciliationRow
from transfers.statement_file import StatementRow

Outcome = ReconciliationRow.Outcome
COUNTED = {
    Outcome.MATCHED: "matched",
    Outcome.DIFFERING: "differing",
    Outcome.THEIRS_ONLY: "theirs_only",
    Outcome.OURS_ONLY: "ours_only",
}


@transaction.atomic
def lay_beside(run: Reconciliation, rows: Collection[StatementRow], progress: Progress) -> dict[str, int]:
    """Keep what belongs together and what does not; {field of the run: count}. All of it or nothing.

    rows: read once, in the order of the file. A run that speaks of a withheld transfer is withheld itself.
    """
    found = pairing.lay(run, rows, lambda done: progress(done, len(rows)))
    if found.withheld:
        run.disclosure = Disclosure.WITHHELD
    return {field: found.counts.get(outcome.value, 0) for outcome, field in COUNTED.items()}


def report(run: Reconciliation) -> bytes:
    """XLSX: every row with its outcome; what differs first. It holds references of people and no data of theirs."""
    titles = {row.code: str(row) for row in DataCategory.objects.all()}

    def words(codes: list[str]) -> str:
        return ", ".join(titles.get(code, code) for code in codes)

    heading = [
        _("Outcome"), _("Row of the statement"), _("Day"), _("Transfer"), _("Data subject"), _("Our categories"),
        _("Their categories"),
    ]  # fmt: skip

    def table() -> Iterator[list[Any]]:
        for outcome in (Outcome.THEIRS_ONLY, Outcome.OURS_ONLY, Outcome.DIFFERING, Outcome.MATCHED):
            rows = ReconciliationRow.objects.filter(reconciliation=run, outcome=outcome)
            rows = rows.select_related("transfer__subject").defer("transfer__inputs").order_by("pk")
            for row in rows.iterator(chunk_size=2000):
                transfer = row.transfer
                yield [
                    row.get_outcome_display(),
                    row.number,
                    row.day,
                    str(transfer.public_id) if transfer else "",
                    transfer.subject.reference if transfer else "",
                    words(transfer.categories) if transfer else "",
                    words(row.categories),
                ]

    about = [
        [_("Reconciliation"), str(run)],
        [_("Recipient"), str(run.recipient)],
        [_("From"), run.since],
        [_("To"), run.until],
        [_("The same"), run.matched],
        [_("Other categories"), run.differing],
        [_("In the statement only"), run.theirs_only],
        [_("In our register only"), run.ours_only],
        [_("Rows of the statement with problems"), len(run.problems) + run.more_problems],
        [_("SHA-256 of the file"), run.sha256],
    ]
    return workbook(chain(sheets_of(_("Rows"), heading, table()), [Sheet(_("About"), about)]))
