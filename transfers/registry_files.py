"""The file for a batch's recipient: made by a worker piece by piece, kept sealed for a day, handed to who asked for it.

A batch may hold a hundred thousand contracts, each of which is opened; so no more than a chunk of them and a piece of
the file are in memory. A small file is made while its officer waits: they press once. Whoever takes a file out is
recorded for every person in it, each time (policy 4.2, 5.5).
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from audit.spreadsheet import PIECE, csv_pieces, sheets_of, workbook_pieces
from notifications.doorbell import ring
from staff.models import StaffUser
from staff.rules import NotAllowed, check_has_accepted_undertaking
from subjects import import_runs, vault, vault_out
from subjects.models import DataCategory, SubjectKey
from transfers import batch_rules as rules
from transfers import package_files
from transfers.batches import SEALED_AS, SEALED_CLASS
from transfers.models import BatchOutcome, RegistryFile, RegistryPart, TransferBatch
from transfers.package_files import Format, Watermark
from transfers.packages import PackageReason

# first number of the advisory locks by which somebody says that they make a file
LOCKS = 0x524547
# contracts opened at once
CHUNK = 500
# a file of so many contracts is made while its officer waits: well under a second
AT_ONCE = 500
# enough to fetch it again; it is not handed out when somebody's key was destroyed meanwhile
KEPT = timedelta(days=1)
# files of one batch that a page lists
SHOWN = 5
State = RegistryFile.State
BEGUN = (State.WAITING, State.WRITING)


def _outcomes(batch: TransferBatch) -> QuerySet[BatchOutcome]:
    """What went, of those whose key was not destroyed since, in the order of the batch's file."""
    key = SubjectKey.objects.filter(subject=OuterRef("row__subject"), retention_class=SEALED_CLASS)
    rows = BatchOutcome.objects.filter(Exists(key), row__batch=batch, sealed__isnull=False)
    return rows.order_by("row__number")


def ask(*, batch: TransferBatch, format: str, reason: str, language: str, by: StaffUser) -> RegistryFile:
    """Have the file made: a small one now, a larger one by a worker. Asked twice, the one under way is the answer.

    format, reason: of `Format`, `PackageReason`. language: of the headings (kk, ru, en). Raises NotAllowed,
    PermissionDenied without the undertaking (policy 4.3).
    """
    file = _asked(batch, Format(format).value, PackageReason(reason).value, language, by)
    if file.rows_total <= AT_ONCE:
        make(file.pk)
        file.refresh_from_db()
    return file


@transaction.atomic
def _asked(batch: TransferBatch, format: str, reason: str, language: str, by: StaffUser) -> RegistryFile:
    rules.check_may_take_out(batch, by=by)
    check_has_accepted_undertaking(by)
    # two presses at once wait for each other here
    TransferBatch.objects.select_for_update(of=("self",)).only("pk").get(pk=batch.pk)
    told = {"batch": batch, "format": format, "reason": reason, "language": language, "started_by": by}
    if begun := RegistryFile.objects.filter(**told, state__in=BEGUN).first():
        return begun
    count = _outcomes(batch).count()
    if not count:
        raise NotAllowed(_("Nothing of this batch was sent: there is no file."), code="empty")
    file = RegistryFile.objects.create(**told, rows_total=count)
    if count > AT_ONCE:
        ring("transfers.make_registry", file.pk)
    return file


def make(file_id: int) -> None:
    """Make a file that was asked for; one that a killed worker left is begun anew. A second call does nothing.

    Four statements a CHUNK of contracts and one a PIECE of the file. Raises what stopped it, and then there is no file.
    """
    with import_runs.at_work(file_id, LOCKS) as mine:
        found = RegistryFile.objects.select_related("batch__recipient", "started_by").defer("batch__sealed_file")
        file = found.filter(pk=file_id, state__in=BEGUN).first() if mine else None
        if file is None:
            return
        try:
            # whose right ended since they asked gets no file
            rules.check_may_take_out(file.batch, by=file.started_by)
            with translation.override(file.language):
                _make(file)
        except Exception:
            _drop(file, state=State.FAILED, finished_at=Now())
            raise


def _save(file: RegistryFile, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(file, name, value)
    file.save(update_fields=list(fields))


def _make(file: RegistryFile) -> None:
    file.parts.all().delete()
    _save(file, state=State.WRITING, rows_done=0)
    file.values, digest, size, number, held = 0, hashlib.sha256(), 0, 0, bytearray()
    for some in _pieces(file):
        digest.update(some)
        size += len(some)
        held += some
        while len(held) >= PIECE:
            _keep(file, number, bytes(held[:PIECE]))
            number, held = number + 1, held[PIECE:]
    if held:
        _keep(file, number, bytes(held))
    _save(
        file, state=State.DONE, rows_total=file.rows_done, values=file.values, size=size, sha256=digest.hexdigest(),
        finished_at=Now(),
    )  # fmt: skip


def _drop(file: RegistryFile, **fields: Any) -> None:
    file.parts.all().delete()
    _save(file, dropped_at=Now(), **fields)


def drop_old() -> int:
    """Drop the data of files that were asked for more than KEPT ago; returns how many."""
    old = list(RegistryFile.objects.filter(dropped_at=None, started_at__lte=timezone.now() - KEPT))
    for file in old:
        with transaction.atomic():
            # one that nobody made in a day is asked for anew
            _drop(file, **({"state": State.FAILED, "finished_at": Now()} if file.under_way else {}))
    return len(old)


def ring_forgotten() -> None:
    """Wake a worker for files whose bell was lost or whose maker was killed."""
    for pk in RegistryFile.objects.filter(state__in=BEGUN).values_list("pk", flat=True):
        ring("transfers.make_registry", pk)


def _place(file_id: int, number: int) -> str:
    """What a part is sealed for, so that none opens in another's place."""
    return f"transfers.RegistryPart.sealed:{file_id}:{number}"


def _keep(file: RegistryFile, number: int, content: bytes) -> None:
    sealed = vault.seal_file(content, field=_place(file.pk, number))
    RegistryPart.objects.create(file=file, number=number, sealed=sealed)


def _contracts(file: RegistryFile) -> Iterator[dict[str, Any]]:
    """What went about each contract; its bytes are those that were released. Says how far it is after each chunk."""
    after = -1
    while True:
        found = _outcomes(file.batch).filter(row__number__gt=after).select_related("row__subject", "transfer__release")
        chunk = list(found.defer("transfer__inputs")[:CHUNK])
        if not chunk:
            return
        items = [(outcome.row.subject, bytes(outcome.sealed), outcome.values) for outcome in chunk]
        opened = vault_out.open_proofs("transfers", items=items, what=SEALED_AS, retention_class=SEALED_CLASS)
        for outcome, parts in zip(chunk, opened, strict=True):
            if parts is None:
                continue
            text = parts["content"]
            if hashlib.sha256(text.encode()).hexdigest() != outcome.transfer.release.payload_sha256:
                raise ValueError(f"outcome {outcome.pk} is not what was released")
            file.rows_done += 1
            file.values += outcome.values
            # what went before its number was part of it gets it all the same
            yield {"transfer": str(outcome.transfer.public_id)} | json.loads(text)
        _save(file, rows_done=file.rows_done)
        after = chunk[-1].row.number


def _pieces(file: RegistryFile) -> Iterator[bytes]:
    """The file: every contract that went, with the allowed categories and nothing else."""
    batch = file.batch
    mark = Watermark(str(batch), batch.recipient.code, file.started_by.username, package_files.now())
    if file.format == Format.JSON:
        yield from _as_json(file, mark)
        return
    titles = {row.code: str(row) for row in DataCategory.objects.filter(code__in=batch.categories)}
    heading = [_("Transfer"), _("Contract"), *package_files.headings()]
    lines = _lines(_contracts(file), titles, str(mark))
    if file.format == Format.CSV:
        yield from csv_pieces(line for some in ([heading], lines) for line in some)
    else:
        yield from workbook_pieces(sheets_of(_("Data"), heading, lines))


def _as_json(file: RegistryFile, mark: Watermark) -> Iterator[bytes]:
    head = json.dumps(mark.as_json(), ensure_ascii=False)
    yield f'{{"watermark": {head}, "contracts": ['.encode()
    for place, one in enumerate(_contracts(file)):
        yield ((",\n" if place else "\n") + json.dumps(one, ensure_ascii=False)).encode()
    yield b"\n]}\n"


def _lines(told: Iterator[dict[str, Any]], titles: dict[str, str], mark: str) -> Iterator[list[str]]:
    for one in told:
        names = [one["transfer"], one["contract"]]
        for code, values in one["categories"].items():
            for number, parts in enumerate(values, start=1):
                for name, text in parts.items():
                    yield [*names, code, titles.get(code, code), str(number), name, text, mark]


def mine(batch: TransferBatch, *, by: StaffUser) -> list[RegistryFile]:
    """Files of the batch that this officer asked for and that are still kept or under way, the newest first."""
    rows = RegistryFile.objects.filter(batch=batch, started_by=by, started_at__gt=timezone.now() - KEPT)
    return list(rows.exclude(state=State.DONE, dropped_at__isnull=False).order_by("-pk")[:SHOWN])


@transaction.atomic
def hand_out(*, file: RegistryFile, by: StaffUser) -> Iterator[bytes]:
    """The bytes of a file that was made, piece by piece; a record for every person in it is written before the first.

    One statement a PIECE. Raises NotAllowed: another officer's, whose name the watermark is not; not made yet; not kept
    any more; somebody's data in it were destroyed since. PermissionDenied without the undertaking (policy 4.3).
    """
    row = RegistryFile.objects.select_for_update(of=("self",)).select_related("batch").get(pk=file.pk)
    rules.check_may_take_out(row.batch, by=by)
    if row.started_by_id != by.pk:
        raise NotAllowed(_("Another officer asked for this file. Have one made in your own name."), code="another")
    if row.state != State.DONE or row.dropped_at is not None:
        raise NotAllowed(_("There is no such file any more, or not yet. Have it made again."), code="dropped")
    recorded, pieces = vault_out.reveal_pieces(
        pieces=_parts(row),
        people=_outcomes(row.batch).order_by().values_list("row__subject__reference", "values"),
        what=SEALED_AS,
        by=by,
        reason=PackageReason(row.reason).value,
    )
    if recorded != row.rows_total:
        raise NotAllowed(_("Data in this file were destroyed since. Have it made again."), code="destroyed")
    return pieces


def _parts(file: RegistryFile) -> Iterator[tuple[bytes, str]]:
    number, left = 0, file.size
    while left > 0:
        # one that is gone meanwhile breaks the download off, and the browser knows it by the length
        part = RegistryPart.objects.get(file=file, number=number)
        yield bytes(part.sealed), _place(file.pk, number)
        number, left = number + 1, left - PIECE
