"""A batch: its file is asked about, a second person confirms, a worker carries it out row by row (policy 2.3, 4.2).

Every row is a transfer of its own, authorised and released as any other, in the name of who uploaded the file. What
was refused in the preview is not asked again: what was confirmed is what is done.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.actor import acting_as
from consent.models import Purpose
from notifications.doorbell import ring
from notifications.services import write
from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import evidence, import_runs, loans, vault
from subjects.enums import Disclosure, RetentionClass
from subjects.importing import Progress
from subjects.models import Contract
from subjects.obligations import ContractState
from subjects.runs import ImportState
from subjects.vault import Value
from transfers import assignments, gate, services
from transfers import batch_rules as rules
from transfers.batch_file import ContractRow
from transfers.decisions import Decision, Question
from transfers.enums import Direction, Verdict
from transfers.facts import AUTHORISE
from transfers.letters import ASSIGNMENT_DONE, ASSIGNMENT_PLANNED
from transfers.models import BatchOutcome, BatchRow, Recipient, Transfer, TransferBatch, TransferRule
from transfers.models.batches import AT_WORK, GOES_TO, STANDS, Act, BatchKind

# first number of the advisory locks by which a worker says that it carries a batch out
LOCKS = 0x424154
# rows of one transaction: consents stay locked no longer than it takes
CHUNK = 100
# rows of a preview that are written at once
KEPT = 1_000
SEALED_AS = "transfers.registry"
# of the contract; destroyed with the rest of what was kept about the loan
SEALED_CLASS = RetentionClass.LOAN


def check_fits(*, kind: str, recipient: Recipient, purpose: Purpose) -> None:
    """Whether such a batch goes to such a recipient. Raises ValidationError naming the field."""
    if recipient.kind not in GOES_TO[kind]:
        raise ValidationError({"recipient": _("A batch of this kind does not go to a recipient of this kind.")})
    if _is_withheld(recipient, purpose):
        raise ValidationError({"purpose": _("Withheld transfers are not made by a batch.")})


def _is_withheld(recipient: Recipient, purpose: Purpose) -> bool:
    rows = TransferRule.objects.in_force().filter(recipient=recipient, purpose=purpose)
    return rows.filter(disclosure=Disclosure.WITHHELD).exists()


def _check_everybody_may_read(decision: Decision) -> None:
    """A batch stands in lists that everybody reads. Raises NotAllowed."""
    if decision.disclosure == Disclosure.WITHHELD:
        raise NotAllowed(_("Withheld transfers are not made by a batch."), code="withheld")


def question(batch: TransferBatch, reference: str) -> Question:
    """What the gate is asked about one row."""
    return Question(reference, batch.recipient.code, batch.purpose.code, tuple(batch.categories), Direction.OUTGOING)


@transaction.atomic
def preview(batch: TransferBatch, rows: Sequence[ContractRow], progress: Progress) -> dict[str, int]:
    """Ask the gate about every row as who uploaded it would; nothing is authorised. {field of the batch: count}.

    Raises NotAllowed when the answers are withheld.
    """
    counts, kept = dict.fromkeys(Verdict.values, 0), list[BatchRow]()
    with acting_as(f"officer:{batch.started_by_id}"):
        for place, row in enumerate(rows, start=1):
            decision = gate.ask(question(batch, row.reference), permission=AUTHORISE)
            _check_everybody_may_read(decision)
            counts[str(decision.decision)] += 1
            kept.append(
                BatchRow(
                    batch=batch,
                    number=row.number,
                    contract_id=row.contract_id,
                    subject_id=row.subject_id,
                    decision=str(decision.decision),
                    failed=decision.failed,
                )
            )
            if len(kept) == KEPT:
                BatchRow.objects.bulk_create(kept)
                kept.clear()
            if place % CHUNK == 0:
                progress(place, len(rows))
        BatchRow.objects.bulk_create(kept)
    return {"allowed": counts[Verdict.ALLOW], "refused": counts[Verdict.DENY], "gaps": counts[Verdict.GAP]}


def _locked(batch: TransferBatch) -> TransferBatch:
    rows = TransferBatch.objects.select_for_update(of=("self",)).select_related("recipient", "purpose")
    return rows.defer("sealed_file").get(pk=batch.pk)


def _save(row: TransferBatch, **fields: Any) -> TransferBatch:
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=list(fields))
    return row


@transaction.atomic
def confirm(*, batch: TransferBatch, by: StaffUser) -> TransferBatch:
    """The second person: a registry or a supply is carried out, of an assignment the persons are told first.

    Raises NotAllowed.
    """
    row = _locked(batch)
    rules.check_may_confirm(row, by=by)
    _save(row, act=rules.first_step(row), confirmed_by=by, confirmed_at=timezone.now())
    ring("transfers.work_batch", row.pk)
    return row


@transaction.atomic
def assign(*, batch: TransferBatch, act_number: str, act_date: date, by: StaffUser) -> TransferBatch:
    """The act of assignment was signed: the data go, the contracts are assigned, the persons are told (56-V art. 9-1).

    Raises NotAllowed, ValidationError naming the field.
    """
    row = _locked(batch)
    rules.check_may_assign(row, by=by)
    if act_date > timezone.localdate():
        raise ValidationError({"act_date": _("The act is dated in the future. Check the day.")})
    if act_date < timezone.localdate(row.confirmed_at):
        raise ValidationError({"act_date": _("The persons are told before the assignment, so the act is later.")})
    row.act_number, row.act_date = act_number.strip(), act_date
    row.clean_fields(exclude={f.name for f in row._meta.concrete_fields} - {"act_number", "act_date"})
    if not row.act_number:
        raise ValidationError({"act_number": _("An assignment has the number and the date of its act.")})
    _save(row, act_number=row.act_number, act_date=act_date, act=Act.RUNNING)
    assignments.start_clock(row)
    ring("transfers.work_batch", row.pk)
    return row


@transaction.atomic
def give_up(*, batch: TransferBatch, by: StaffUser) -> TransferBatch:
    """Nothing of it leaves. Raises NotAllowed."""
    row = _locked(batch)
    rules.check_may_give_up(row, by=by)
    return _save(row, act=Act.GIVEN_UP)


def _left(batch: TransferBatch) -> Any:
    """Rows that were allowed and have no outcome yet, by contract, so that two batches never wait for each other."""
    rows = BatchRow.objects.filter(batch=batch, decision=Verdict.ALLOW, outcome=None)
    return rows.select_related("subject").order_by("contract_id")


def work(batch_id: int) -> None:
    """Carry out what was confirmed, a chunk a transaction; what a killed worker left, the next one goes on with."""
    with import_runs.at_work(batch_id, LOCKS) as mine:
        found = TransferBatch.objects.defer("sealed_file").select_related("recipient", "purpose")
        batch = found.filter(pk=batch_id, act__in=AT_WORK).first() if mine else None
        if batch is None:
            return
        if batch.act == Act.ANNOUNCING:
            _announce(batch)
            return
        with acting_as(f"officer:{batch.started_by_id}"):
            while _chunk(batch):
                pass
        _finish(batch)


def _announce(batch: TransferBatch) -> None:
    with transaction.atomic():
        people = _left(batch).order_by().values_list("subject_id", "subject__language").distinct()
        for subject_id, language in people:
            _tell(batch, ASSIGNMENT_PLANNED, subject_id, language)
        _save(batch, act=Act.ANNOUNCED)


def _tell(batch: TransferBatch, kind: str, subject_id: int, language: str) -> None:
    write(kind=kind, cause=f"{batch.about}#{kind}", language=language, subject_id=subject_id)


@transaction.atomic
def _chunk(batch: TransferBatch) -> int:
    """The next rows: asked, authorised, opened, released, assigned, told; how many."""
    rows = list(_left(batch)[:CHUNK])
    contracts = {
        row.pk: row
        for row in Contract.objects.select_for_update().filter(pk__in=[r.contract_id for r in rows]).order_by("pk")
    }
    # the rule may have been replaced by a withheld one since: then all that is left stays here, and nobody is asked
    stands = () if _is_withheld(batch.recipient, batch.purpose) else STANDS[batch.kind]
    given: dict[int, services.Authorised] = {}
    for row in rows:
        if contracts[row.contract_id].state in stands:
            given[row.pk] = services.authorise(
                question=question(batch, row.subject.reference), idempotency_key=f"batch:{batch.pk}:{row.number}"
            )
            # replaced while the chunk was asked about: nothing of it is written, and the next worker begins it anew
            _check_everybody_may_read(given[row.pk].decision)
    going = [row for row in rows if row.pk in given and given[row.pk].decision.allowed and given[row.pk].token]
    values = _values(batch, going)
    for row in rows:
        _one(batch, row, contracts[row.contract_id], given.get(row.pk), values.get(row.subject_id, []), row in going)
    return len(rows)


def _values(batch: TransferBatch, rows: list[BatchRow]) -> dict[int, list[Value]]:
    """{person: what goes about them}: the vault's third door, one statement a category."""
    found: dict[int, list[Value]] = defaultdict(list)
    people = sorted({row.subject_id for row in rows})
    for code in batch.categories if people else ():
        opened = vault.open_values_for("transfers", subject_ids=people, category=code)
        for subject_id, value in opened:
            found[subject_id].append(value)
    return found


def part(transfer: Transfer, contract: Contract, categories: Sequence[str], values: Sequence[Value]) -> str:
    """What goes about one contract, as canonical JSON; its SHA-256 is what the release keeps.

    By the number of the transfer the recipient finds the contract again, in our letters and for its statement (ADR 14).
    """
    told = {
        "transfer": str(transfer.public_id),
        "contract": contract.number,
        "categories": {code: [value.parts for value in values if value.category == code] for code in categories},
    }
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _one(
    batch: TransferBatch,
    row: BatchRow,
    contract: Contract,
    given: services.Authorised | None,
    values: list[Value],
    goes: bool,
) -> None:
    # allowed, but we hold nothing of it: nothing went, and nobody is told that it did
    if given is None or not goes or not values:
        BatchOutcome.objects.create(row=row, transfer=given.transfer if given else None)
        return
    text = part(given.transfer, contract, batch.categories, values)
    services.release(
        token=given.token or "",
        payload_sha256=hashlib.sha256(text.encode()).hexdigest(),
        size=len(text.encode()),
        transfer=given.transfer.public_id,
    )
    assigned = batch.kind == BatchKind.CESSION
    BatchOutcome.objects.create(
        row=row,
        transfer=given.transfer,
        sealed=evidence.seal(
            subject=row.subject, what=SEALED_AS, parts={"content": text}, retention_class=SEALED_CLASS
        ),
        values=len(values),
        assigned=assigned,
    )
    if assigned:
        loans.record_contract(
            subject=row.subject, number=contract.number, state=ContractState.ASSIGNED, at=_moment(contract)
        )
        _tell(batch, ASSIGNMENT_DONE, row.subject_id, row.subject.language)


def _moment(contract: Contract) -> datetime:
    """Now, or when the loan system last spoke of it, if its clock is ahead of ours."""
    return max(timezone.now(), contract.state_since)


def _finish(batch: TransferBatch) -> None:
    with transaction.atomic():
        _save(batch, act=Act.DONE, acted_at=timezone.now())
        # its letters have yet to go; but where nothing was assigned there is nobody to tell
        assignments.meet_if_told(batch)


def ring_forgotten() -> None:
    """Wake a worker for batches whose bell was lost or whose worker was killed."""
    waiting = TransferBatch.objects.filter(act__in=AT_WORK, state=ImportState.DONE)
    for pk in waiting.values_list("pk", flat=True):
        ring("transfers.work_batch", pk)
