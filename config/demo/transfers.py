"""To whom the demo's organisation gives data: invented third parties, their agreements, and what the gate said.

The moment of a transfer is the database's own, so all of them are of the day the demo was first started. BINs are
synthetic: right by their check digit and nobody's.
"""

import hashlib
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from audit.actor import acting_as
from consent import ledger
from consent.enums import Channel, RecipientKind, Trust
from consent.ledger import Proof
from consent.models import ConsentForm, ConsentFormVersion, Purpose
from policies.models import Policy
from staff import opening
from staff.models import StaffUser
from staff.opened import Opened
from subjects import loans, recording
from subjects.enums import Origin, Source, Standing
from subjects.models import DataSubject
from subjects.obligations import ContractState
from transfers import aftermath, intake, notices, processing, recipient_letters, services
from transfers.decisions import Context, Question
from transfers.enums import Direction, NoticeReason, SentBy, TransferGround
from transfers.models import Agreement, Recipient, RecipientClause, RecipientNotice, Transfer, TransferRule

IN_CABINET = Proof(Channel.WEB, Trust.SUBJECT_CODE)
K = RecipientKind
# code, kind, kk, ru, en, BIN, entry in the register of collection agencies
RECIPIENTS = [
    (
        "ulgi-bureau", K.CREDIT_BUREAU, "«Үлгі кредиттік бюросы» ЖШС", "ТОО «Кредитное бюро «Улги»",
        "Ulgi Credit Bureau LLP", "180340000015", "",
    ),
    (
        "dala-collect", K.COLLECTOR, "«Дала Коллект» коллекторлық агенттігі» ЖШС",
        "ТОО «Коллекторское агентство «Дала Коллект»", "Dala Collect LLP", "190540000024", "02-26-0001",
    ),
    ("jarnama", K.ADVERTISER, "«Жарнама Плюс» ЖШС", "ТОО «Жарнама Плюс»", "Jarnama Plus LLP", "200640000032", ""),
    ("tez-courier", K.COURIER, "«Тез Курьер» ЖШС", "ТОО «Тез Курьер»", "Tez Courier LLP", "210240000043", ""),
    ("tolem", K.PAYMENT_PROVIDER, "«Төлем Үлгі» АҚ", "АО «Толем Улги»", "Tolem Ulgi JSC", "220840000053", ""),
]  # fmt: skip
# clause of the sample policy → the kinds it names; no clause names an advertiser or a courier
CLAUSES = {
    "4.4": (K.PENSION_CENTRE,),
    "5.1.b1": (K.CREDIT_BUREAU, K.STATE_CREDIT_BUREAU),
    "5.1.b2": (K.STATE_BODY, K.COURT_EXECUTOR, K.BAILIFF, K.FINANCIAL_MONITORING),
    "5.1.b3": (K.PAYMENT_PROVIDER,),
    "5.1.b4": (K.COLLECTOR,),
    "5.1.b5": (K.ASSIGNEE,),
}
SUPPLY = ("full_name", "iin", "identity_document", "loan_history")
COLLECT = ("full_name", "iin", "mobile_phone", "addresses", "loan_history")
REPORT, PENSION, ADVERT = ("iin", "credit_report"), ("iin", "pension_contributions"), ("email", "mobile_phone")
POST = ("full_name", "addresses")
PAY = ("full_name", "iin", "bank_account")
# whom, number, days from today to its first and last day, data
AGREEMENTS = [
    ("ulgi-bureau", "КБ-14/2026", -200, 500, (*SUPPLY, "credit_report")),
    ("state-corporation", "ГК-3/2026", -120, 800, PENSION),
    ("gkb", "ГКБ-9/2026", -300, 700, (*SUPPLY, "credit_report")),
    ("dala-collect", "КА-7/2026", -90, 21, COLLECT),  # ends within 30 days
    ("tez-courier", "К-2/2025", -400, -5, POST),  # has ended
    ("tolem", "П-5/2026", -150, 900, PAY),
]
# whom, purpose, direction, ground, form, data
RULES = [
    ("ulgi-bureau", "bureau_transfer", Direction.OUTGOING, TransferGround.CONSENT, "C3", SUPPLY),
    ("ulgi-bureau", "scoring", Direction.INCOMING, TransferGround.CONSENT, "C4", REPORT),
    ("dala-collect", "collection", Direction.OUTGOING, TransferGround.DEFENCE, "", COLLECT),
    ("jarnama", "marketing", Direction.OUTGOING, TransferGround.CONSENT, "C9", ADVERT),
    ("tez-courier", "correspondence", Direction.OUTGOING, TransferGround.SERVICE, "", POST),
    ("tolem", "settlements", Direction.OUTGOING, TransferGround.SERVICE, "", PAY),
]
# whose transfers the person is told of by a letter
TOLD_OF = ("tolem", "dala-collect")
# consents on which microcredit secrecy goes to somebody else than a bureau: in writing alone (56-V art. 21)
SECRET = ("C9",)
# form, scope, which of the customers gave it in the cabinet
CONSENTS = [
    ("C3", "recipient:ulgi-bureau", range(0, 12)),
    ("C4", "report:D-{n}", range(0, 8)),
    ("C5", "token:D-{n}", range(0, 5)),
    ("C9", "", range(0, 6)),
]
# whom, purpose, direction, data, which customers are asked about
ASKED = [
    ("ulgi-bureau", "bureau_transfer", Direction.OUTGOING, SUPPLY, range(0, 14)),
    ("ulgi-bureau", "bureau_transfer", Direction.OUTGOING, (*SUPPLY, "salary_amount"), range(0, 2)),
    ("gkb", "bureau_transfer", Direction.OUTGOING, SUPPLY, range(0, 16)),
    ("ulgi-bureau", "scoring", Direction.INCOMING, REPORT, range(0, 9)),
    ("gkb", "scoring", Direction.INCOMING, REPORT, range(4, 10)),
    ("state-corporation", "scoring", Direction.INCOMING, PENSION, range(0, 6)),
    ("dala-collect", "collection", Direction.OUTGOING, COLLECT, range(6, 12)),
    ("jarnama", "marketing", Direction.OUTGOING, ADVERT, range(0, 4)),
    ("tez-courier", "correspondence", Direction.OUTGOING, POST, range(0, 3)),
    ("tolem", "settlements", Direction.OUTGOING, PAY, range(0, 10)),
    ("enpf", "contract", Direction.INCOMING, PENSION, range(0, 1)),
]
# which report or request of the state service is meant, as the consents say it
ONE_BY_ONE = {"ulgi-bureau": "report:D-{n}", "gkb": "report:D-{n}", "state-corporation": "token:D-{n}"}
# what a report and the pension centre tell
CAME = {"credit_report": "D-1", "pension_contributions": "350000"}
OVERDUE = (6, 8, 10)


def load(policy: Policy, *, officer: StaffUser, dpo: StaffUser) -> None:
    """All of it, once, as the officers would; customers' answers are given in the cabinet."""
    if Transfer.objects.exists():
        return
    with transaction.atomic():
        _registers(policy, officer, dpo)
        people = list(DataSubject.objects.filter(standing=Standing.ORDINARY).order_by("pk")[:24])
        _consents(people)
        _overdue(people)
    _transfers(people)
    _aftermath(people, officer=officer, dpo=dpo)


def _registers(policy: Policy, officer: StaffUser, dpo: StaffUser) -> None:
    today = timezone.localdate()
    with acting_as(f"officer:{officer.pk}"):
        for code, kind, kk, ru, en, number, entry in RECIPIENTS:
            Recipient.objects.create(
                code=code, kind=kind, title_kk=kk, title_ru=ru, title_en=en, bin=number, registry_number=entry,
                registry_date=date(today.year, 1, 12) if entry else None,
                contact_email=f"privacy@{code}.example",
            )  # fmt: skip
        for key, kinds in CLAUSES.items():
            for kind in kinds:
                RecipientClause.objects.create(policy=policy, clause_key=key, kind=kind)
    whom = {row.code: row for row in Recipient.objects.all()}
    why = {row.code: row for row in Purpose.objects.all()}
    forms = {row.code: row for row in ConsentForm.objects.all()}
    rows: list[Opened] = [
        Agreement(
            recipient=whom[code], number=number, confidentiality="5.2", categories=list(data),
            valid_from=today + timedelta(days=begins), valid_to=today + timedelta(days=ends),
        )
        for code, number, begins, ends, data in AGREEMENTS
    ]  # fmt: skip
    rows += [
        TransferRule(
            recipient=whom[code], purpose=why[purpose], direction=direction, ground=ground, form=forms.get(form),
            categories=list(data), notify_subject=code in TOLD_OF, written=form in SECRET,
        )
        for code, purpose, direction, ground, form, data in RULES
    ]  # fmt: skip
    for row in rows:
        with acting_as(f"officer:{officer.pk}"):
            proposed = opening.propose(row, by=officer)
        with acting_as(f"officer:{dpo.pk}"):
            opening.approve(proposed, by=dpo)


def _consents(people: list[DataSubject]) -> None:
    offered = {v.form.code: v for v in ConsentFormVersion.objects.in_force().select_related("form")}
    for code, scope, places in CONSENTS:
        for place in places:
            person = people[place]
            with acting_as(f"subject:{person.public_id}"):
                shown = ledger.serve(
                    subject=person, version=offered[code], language=person.language, scope=scope.format(n=place)
                )
                ledger.give(served=shown.served, expected_version=offered[code].number, proof=IN_CABINET)
    with acting_as(f"subject:{people[1].public_id}"):
        ledger.withdraw(subject=people[1], form=offered["C9"].form, proof=IN_CABINET)


def _overdue(people: list[DataSubject]) -> None:
    with acting_as("job:demo"):
        for place in OVERDUE:
            contract = people[place].contracts.order_by("pk").first()
            loans.record_contract(subject=people[place], number=contract.number, state=ContractState.OVERDUE)


def _transfers(people: list[DataSubject]) -> None:
    with acting_as("job:demo"):
        for code, purpose, direction, data, places in ASKED:
            for place in places:
                person = people[place]
                scope = ONE_BY_ONE.get(code, "").format(n=place) if direction == Direction.INCOMING else ""
                asked = Question(person.reference, code, purpose, data, direction, context=Context(scope=scope))
                _authorise(asked, sent=place % 4 != 3)
        today = timezone.localdate()
        demand = Context(
            body="Алматы қаласының сот орындаушысы",
            article="56-V art. 21",
            request_number="118/2026",
            request_date=today,
        )
        for data in (("full_name", "iin"), ("full_name", "iin", "loan_history")):
            _authorise(
                Question(people[8].reference, "court-executors", "legal_obligations", data, context=demand), sent=True
            )
        _authorise(
            Question(people[9].reference, "court-executors", "legal_obligations", ("full_name", "iin")), sent=True
        )
        watched = ("full_name", "iin", "identity_document")
        _authorise(Question(people[7].reference, "financial-monitoring", "aml_fraud", watched), sent=True)


def _authorise(question: Question, *, sent: bool) -> None:
    given = services.authorise(question=question)
    if not (given.token and sent):
        return
    went = {"token": given.token, "payload_sha256": hashlib.sha256(given.transfer.public_id.bytes).hexdigest()}
    if question.direction == Direction.INCOMING:
        came = {code: [{"value": text}] for code, text in CAME.items() if code in question.categories}
        intake.receive(**went, size=2_048, values=came)
    else:
        services.release(**went, size=2_048)


def _aftermath(people: list[DataSubject], *, officer: StaffUser, dpo: StaffUser) -> None:
    """What recipients must learn of, a report with too much in it, letters, a signed register and a change since."""
    with acting_as(f"officer:{officer.pk}"):
        recording.record(
            subject=people[6], category="mobile_phone", values=[{"value": "+77010009911"}],
            source=Source.OFFICER, origin=Origin.SUBJECT,
        )  # fmt: skip
        recording.record(
            subject=people[4], category="full_name", values=[{"last": "Бекова", "first": "Айгүл"}],
            source=Source.OFFICER, origin=Origin.SUBJECT,
        )  # fmt: skip
        task = RecipientNotice.objects.filter(reason=NoticeReason.CORRECTED, recipient__code="dala-collect").first()
        if task is not None:
            digest = recipient_letters.prepare(task).sha256
            aftermath.record_sent(task=task, channel=SentBy.EMAIL, letter_sha256=digest, by=officer)
            aftermath.record_confirmation(task=task, confirmation="исх. № 214", by=officer)
    with acting_as("job:demo"):
        given = services.authorise(
            question=Question(
                people[5].reference,
                "ulgi-bureau",
                "scoring",
                REPORT,
                Direction.INCOMING,
                context=Context(scope=ONE_BY_ONE["ulgi-bureau"].format(n=5)),
            )
        )
        if given.token:
            intake.receive(
                token=given.token,
                payload_sha256=hashlib.sha256(given.transfer.public_id.bytes).hexdigest(),
                values={"credit_report": [{"value": "D-5"}], "salary_amount": [{"value": "250000"}]},
            )
        # so that a demo of one day shows the letters of the next morning
        notices.write_due(today=timezone.localdate() + timedelta(days=1))
    with acting_as(f"officer:{dpo.pk}"):
        processing.sign(by=dpo, sha256=processing.digest(processing.build()))
    today = timezone.localdate()
    courier = Agreement(
        recipient=Recipient.objects.get(code="tez-courier"), number="К-3/2026", confidentiality="4.1",
        categories=list(POST), valid_from=today, valid_to=today + timedelta(days=365),
    )  # fmt: skip
    with acting_as(f"officer:{officer.pk}"):
        proposed = opening.propose(courier, by=officer)
    with acting_as(f"officer:{dpo.pk}"):
        opening.approve(proposed, by=dpo)
