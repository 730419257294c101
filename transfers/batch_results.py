"""What a batch leaves on an officer's desk: the decision of every row, and the file for the recipient."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from audit.spreadsheet import Sheet, csv_file, sheets_of, workbook
from notifications.enums import LetterState
from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import vault_out
from subjects.models import DataCategory
from transfers import assignments, package_files
from transfers import batch_rules as rules
from transfers.batches import SEALED_AS, SEALED_CLASS
from transfers.enums import Verdict, checks_in_words
from transfers.models import BatchOutcome, BatchRow, TransferBatch
from transfers.package_files import MEDIA_TYPES, File, Format, Watermark
from transfers.packages import PackageReason

CHUNK = 500


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
                said = _("the contract stood otherwise by then")
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
    return workbook([*sheets_of(_("Decisions"), heading, table(), rows.count()), Sheet(_("About"), about)])


def _parts(batch: TransferBatch, *, by: StaffUser, reason: str) -> Iterator[dict[str, Any]]:
    """What went about each contract, opened on the record; its bytes are those that were released."""
    rows = BatchOutcome.objects.filter(row__batch=batch, sealed__isnull=False)
    rows = rows.select_related("row__subject", "transfer__release").order_by("row__number")
    chunk: list[BatchOutcome] = []
    for outcome in rows.iterator(chunk_size=CHUNK):
        chunk.append(outcome)
        if len(chunk) == CHUNK:
            yield from _opened(chunk, by=by, reason=reason)
            chunk = []
    yield from _opened(chunk, by=by, reason=reason)


def _opened(chunk: list[BatchOutcome], *, by: StaffUser, reason: str) -> Iterator[dict[str, Any]]:
    items = [(outcome.row.subject, bytes(outcome.sealed), outcome.values) for outcome in chunk]
    opened = vault_out.reveal_proofs(items=items, what=SEALED_AS, by=by, reason=reason, retention_class=SEALED_CLASS)
    for outcome, parts in zip(chunk, opened, strict=True):
        if parts is None:
            continue
        text = parts["content"]
        if hashlib.sha256(text.encode()).hexdigest() != outcome.transfer.release.payload_sha256:
            raise ValueError(f"outcome {outcome.pk} is not what was released")
        yield json.loads(text)


@transaction.atomic
def file_for_recipient(*, batch: TransferBatch, format: str, reason: str, by: StaffUser) -> File:
    """The registry: every contract that went, with the allowed categories and nothing else; a record a person.

    Those whose key was destroyed since are not there any more. Raises NotAllowed, PermissionDenied.
    """
    rules.check_may_take_out(batch, by=by)
    mark = Watermark(str(batch), batch.recipient.code, by.username, package_files.now())
    told = list(_parts(batch, by=by, reason=PackageReason(reason).value))
    if not told:
        raise NotAllowed(_("Nothing of this batch was sent: there is no file."), code="empty")
    titles = {row.code: str(row) for row in DataCategory.objects.filter(code__in=batch.categories)}
    if format == Format.JSON:
        content = json.dumps({"watermark": mark.as_json(), "contracts": told}, ensure_ascii=False, indent=1).encode()
    else:
        heading, lines = [_("Contract"), *package_files.headings()], list(_lines(told, titles, str(mark)))
        if format == Format.CSV:
            content = csv_file([heading, *lines])
        else:
            content = workbook(sheets_of(_("Data"), heading, lines, len(lines)))
    count = sum(len(values) for one in told for values in one["categories"].values())
    return File(content, MEDIA_TYPES[Format(format)], hashlib.sha256(content).hexdigest(), count)


def _lines(told: list[dict[str, Any]], titles: dict[str, str], mark: str) -> Iterator[list[str]]:
    for one in told:
        for code, values in one["categories"].items():
            for number, parts in enumerate(values, start=1):
                for name, text in parts.items():
                    yield [one["contract"], code, titles.get(code, code), str(number), name, text, mark]
