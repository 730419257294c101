"""What leaves the demo's organisation: demands from outside, batches, a statement of a bureau laid beside the register.

The bodies are invented, and so are their letters. What a worker does in a real house is done here at once.
"""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from audit.actor import acting_as
from consent.enums import RecipientKind
from consent.models import Purpose
from staff import opening
from staff.models import StaffUser
from subjects import import_runs
from subjects.models import DataSubject
from subjects.obligations import ContractState
from transfers import batches, demands
from transfers.enums import TransferGround
from transfers.file_runs import BATCHES, STATEMENTS
from transfers.models import Agreement, InboundDemand, Recipient, Release, TransferBatch, TransferRule
from transfers.package_files import Format

# a demand is a letter on paper: a PDF of one empty page
LETTER = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
ASKED = ("full_name", "iin")
COLLECT = ("full_name", "iin", "mobile_phone")
# an assignee whose claims the demo's reader may assign
ASSIGNEE = (
    "alatau-finance", "«Алатау Финанс» ЖШС", "ТОО «Алатау Финанс»", "Alatau Finance LLP", "230140000021",
)  # fmt: skip


def load(*, officer: StaffUser, dpo: StaffUser) -> None:
    """All of it, once, as the officers would."""
    if InboundDemand.objects.exists():
        return
    _assignee(officer, dpo)
    people = list(DataSubject.objects.filter(transfers__recipient__code="gkb").distinct().order_by("pk")[:12])
    _demands(people, officer, dpo)
    _batches(officer, dpo)
    _statement(officer)


def _assignee(officer: StaffUser, dpo: StaffUser) -> None:
    code, kk, ru, en, number = ASSIGNEE
    today = timezone.localdate()
    with acting_as(f"officer:{officer.pk}"):
        whom = Recipient.objects.create(
            code=code, kind=RecipientKind.ASSIGNEE, title_kk=kk, title_ru=ru, title_en=en, bin=number,
            contact_email=f"privacy@{code}.example",
        )  # fmt: skip
    rows = (
        Agreement(
            recipient=whom, number="УТ-1/2026", confidentiality="4.3", categories=list(COLLECT),
            valid_from=today - timedelta(days=10), valid_to=today + timedelta(days=600),
        ),
        TransferRule(
            recipient=whom, purpose=Purpose.objects.get(code="assignment"), ground=TransferGround.DEFENCE,
            categories=list(ASKED),
        ),
    )  # fmt: skip
    for row in rows:
        with acting_as(f"officer:{officer.pk}"):
            proposed = opening.propose(row, by=officer)
        with acting_as(f"officer:{dpo.pk}"):
            opening.approve(proposed, by=dpo)


def _demands(people: list[DataSubject], officer: StaffUser, dpo: StaffUser) -> None:
    now, today = timezone.now(), timezone.localdate()
    executors = {
        "kind": "executor", "body": "Алматы қаласының сот орындаушысы", "recipient": "court-executors",
        "article": "56-V art. 21", "categories": ASKED,
    }  # fmt: skip

    def came(days: int, number: str, **told: Any) -> InboundDemand:
        given = {**executors, **told}
        if given["recipient"]:
            given["recipient"] = Recipient.objects.get(code=given["recipient"])
        given.setdefault("due_on", today + timedelta(days=10 - days))
        with acting_as(f"officer:{officer.pk}"):
            return demands.register(
                letter_number=number, letter_date=today - timedelta(days=days), content=LETTER,
                received_at=now - timedelta(days=days), language=given.pop("language", "kk"),
                purpose=Purpose.objects.get(code="legal_obligations"), may_tell=given.pop("may_tell", True),
                by=officer, **given,
            )  # fmt: skip

    def act(verb: Any, row: InboundDemand, by: StaffUser, **fields: Any) -> Any:
        with acting_as(f"officer:{by.pk}"):
            return verb(demand=row, by=by, **fields)

    came(1, "131/2026", subject=people[0])
    came(12, "96/2026", subject=people[1], language="ru")
    waits = came(2, "128/2026", subject=people[2])
    act(demands.propose_answer, waits, officer)
    for number, person, may_tell in (("115/2026", people[3], True), ("7/26-с", people[4], False)):
        row = came(4, number, subject=person, may_tell=may_tell)
        act(demands.propose_answer, row, officer)
        act(demands.approve, row, dpo)
        if may_tell:
            act(demands.answer, row, officer, format=Format.XLSX)
    bare = came(5, "112/2026", subject=people[5], article="", language="ru", body="Частный судебный исполнитель")
    act(demands.propose_refusal, bare, officer, refusal="incomplete")
    act(demands.approve, bare, dpo)


def _batches(officer: StaffUser, dpo: StaffUser) -> None:
    overdue = list(
        DataSubject.objects.filter(contracts__state=ContractState.OVERDUE)
        .order_by("pk")
        .values_list("contracts__number", flat=True)[:3]
    )
    supplied = list(
        DataSubject.objects.filter(consent_states__form__code="C3")
        .order_by("pk")
        .values_list("contracts__number", flat=True)
        .exclude(contracts=None)[:8]
    )

    def checked(kind: str, whom: str, why: str, data: tuple[str, ...], numbers: list[str]) -> TransferBatch:
        content = "\n".join(["договор", *dict.fromkeys(numbers)]).encode()
        with acting_as(f"officer:{officer.pk}"):
            run = import_runs.begin(
                BATCHES, content=content, dry_run=False, by=officer, kind=kind, categories=list(data),
                recipient=Recipient.objects.get(code=whom), purpose=Purpose.objects.get(code=why),
            )  # fmt: skip
        with acting_as("job:import"):
            import_runs.run(run.pk, BATCHES)
        run.refresh_from_db()
        return run

    done = checked("supply", "ulgi-bureau", "bureau_transfer", ("full_name", "iin"), supplied)
    if done.allowed:
        with acting_as(f"officer:{dpo.pk}"):
            batches.confirm(batch=done, by=dpo)
        with acting_as("job:transfers"):
            batches.work(done.pk)
    checked("registry", "dala-collect", "collection", COLLECT, overdue)
    checked("cession", ASSIGNEE[0], "assignment", ASKED, overdue[:2])


def _statement(officer: StaffUser) -> None:
    """The bureau knows all but one of what we sent it, one with other data, and one that we know nothing of."""
    today = timezone.localdate()
    whom = Recipient.objects.get(code="ulgi-bureau")
    sent = Release.objects.filter(transfer__recipient=whom, transfer__direction="outgoing").select_related("transfer")
    lines = [f"{row.transfer.public_id};;{today};{', '.join(row.transfer.categories)}" for row in sent.order_by("pk")]
    if len(lines) > 2:
        lines[0] = f"{lines[0].split(';')[0]};;{today};full_name"
        lines.pop()
    lines.append(f";UB-2026-77;{today};")
    content = "\n".join(["передача;номер получателя;дата;данные", *lines]).encode()
    with acting_as(f"officer:{officer.pk}"):
        run = import_runs.begin(
            STATEMENTS, content=content, dry_run=False, by=officer, recipient=whom,
            since=today - timedelta(days=30), until=today,
        )  # fmt: skip
    with acting_as("job:import"):
        import_runs.run(run.pk, STATEMENTS)
