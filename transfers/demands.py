"""The work on a demand from outside: registered with its term, decided by two, answered with data or refused.

Asked is always the gate: to answer it must allow, to refuse for want of a ground it must refuse (94-V art. 15; 56-V
art. 21). Of a demand the person may not know of, everything is withheld: the transfer, the looks, the counts.
"""

import hashlib
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from consent.models import Purpose
from consent.paper import media_type
from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import calendar_days, clock, deadlines, vault, vault_out
from subjects.enums import Disclosure
from subjects.models import DataCategory, DataSubject
from transfers import demand_letters, gate, packages, services
from transfers import demand_rules as rules
from transfers.decisions import Context, Decision, Question
from transfers.enums import WITHHELD_BY_DEFAULT
from transfers.facts import AUTHORISE
from transfers.models import DemandFile, DemandLetter, InboundDemand, Recipient, TransferRule
from transfers.models.demands import OF_THE_GATE, DemandRefusal, DemandState
from transfers.package_files import File
from transfers.packages import PackageReason

# how near a term is told of
SOON = timedelta(days=3)
SEALED_AS = "transfers.DemandFile.sealed"
# why the letter of a demand is opened: there is one reason
OPENED = "demand_file"
OPENED_LABEL = pgettext_lazy("reason", "working on the demand")


# what the steps write: empty until then
LATER = {"file", "decided_by", "decided_at", "approved_by", "approved_at", "transfer", "answered_at"}


class Answered(NamedTuple):
    """What came of an answer: the file, or the gate's refusal and no file."""

    demand: InboundDemand
    decision: Decision
    file: File | None


def question(demand: InboundDemand) -> Question:
    """What the gate is asked about a demand that is whole; what the letter says stands in the context."""
    return Question(
        subject=demand.subject.reference,
        recipient=demand.recipient.code,
        purpose=demand.purpose.code,
        categories=tuple(demand.categories),
        context=Context(
            body=demand.body,
            article=demand.article,
            request_number=demand.letter_number,
            request_date=demand.letter_date,
            sanction=demand.sanction,
            withheld=demand.withheld,
        ),
    )


@transaction.atomic
def keep_file(content: bytes) -> DemandFile:
    """Keep the letter as it came, sealed; its type is told by its content. Raises ValidationError with a sentence."""
    kind = media_type(content)
    return DemandFile.objects.create(
        sha256=hashlib.sha256(content).hexdigest(),
        media_type=kind,
        size=len(content),
        sealed=vault.seal_file(content, field=SEALED_AS),
    )


def _must_be_withheld(row: InboundDemand) -> bool:
    """Whether what goes to this recipient for this purpose is withheld anyway: then so is the demand."""
    if row.recipient is None:
        return False
    if row.recipient.kind in WITHHELD_BY_DEFAULT:
        return True
    rules_of_it = TransferRule.objects.in_force().filter(recipient=row.recipient, disclosure=Disclosure.WITHHELD)
    return rules_of_it.filter(**({"purpose": row.purpose} if row.purpose else {})).exists()


def _check_facts(row: InboundDemand) -> None:
    today = timezone.localdate()
    if row.letter_date > today:
        raise ValidationError({"letter_date": _("The letter is dated in the future. Check the day.")})
    if row.received_at > timezone.now():
        raise ValidationError({"received_at": _("This moment is yet to come.")})
    if timezone.localdate(row.received_at) < row.letter_date:
        raise ValidationError({"received_at": _("It was received before the day of its letter. Check both.")})
    known = set(DataCategory.objects.filter(code__in=row.categories).values_list("code", flat=True))
    if unknown := sorted(set(row.categories) - known):
        sentence = _("Not on the list of personal data: %(excess)s.") % {"excess": ", ".join(unknown)}
        raise ValidationError({"categories": sentence})


@transaction.atomic
def register(
    *,
    kind: str,
    body: str,
    letter_number: str,
    letter_date: date,
    received_at: datetime,
    language: str,
    may_tell: bool,
    by: StaffUser,
    rule_code: str = "",
    due_on: date | None = None,
    recipient: Recipient | None = None,
    subject: DataSubject | None = None,
    purpose: Purpose | None = None,
    categories: tuple[str, ...] | list[str] = (),
    article: str = "",
    sanction: str = "",
    content: bytes | None = None,
) -> InboundDemand:
    """Write a demand down and start its term from `received_at` (aware): by a rule of the law clock, or as typed.

    may_tell: whether the person may be told; if not, or if the rule of the recipient says so, everything about it is
    withheld. content: the letter, PDF, JPEG
    or PNG. Raises NotAllowed, ValidationError naming the field, CalendarMissing.
    """
    rules.check_may_register(by=by)
    if bool(rule_code) == bool(due_on):
        raise ValidationError({"due_on": _("Choose a term of the law or write the last day: one of the two.")})
    row = InboundDemand(
        kind=kind,
        body=body.strip(),
        letter_number=letter_number.strip(),
        letter_date=letter_date,
        received_at=received_at,
        due_at=clock.last_moment(due_on) if due_on else None,
        language=language,
        recipient=recipient,
        subject=subject,
        purpose=purpose,
        categories=list(categories),
        article=article.strip(),
        sanction=sanction.strip(),
        disclosure=Disclosure.SUBJECT if may_tell else Disclosure.WITHHELD,
    )
    _check_facts(row)
    if _must_be_withheld(row):
        row.disclosure = Disclosure.WITHHELD
    if due_on and due_on < timezone.localdate(received_at):
        raise ValidationError({"due_on": _("The last day is before the first.")})
    if rule_code and row.withheld:
        # everybody reads the register of clocks: this one is counted and not written there
        of = deadlines.rule(rule_code, at=received_at)
        row.due_at = clock.due(of, received_at, days=calendar_days.days())
    if content is not None:
        row.file = keep_file(content)
    row.full_clean(exclude=LATER)
    row.save()
    if rule_code and not row.withheld:
        deadlines.start(rule_code=rule_code, about=row.about, at=received_at)
    return row


def _locked(demand: InboundDemand) -> InboundDemand:
    rows = InboundDemand.objects.select_for_update(of=("self",)).select_related("subject", "recipient", "purpose")
    return rows.get(pk=demand.pk)


def _save(row: InboundDemand, **fields: Any) -> InboundDemand:
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=list(fields))
    return row


# what is found out later; who asked, by which letter and when it came stays as it was registered
AMENDED = ("recipient", "subject", "purpose", "categories", "article", "sanction")


@transaction.atomic
def amend(*, demand: InboundDemand, by: StaffUser, withhold: bool = False, **found: Any) -> InboundDemand:
    """Fill in what was found out (of AMENDED). withhold: the person may not be told after all; there is no way back.

    Raises NotAllowed, ValidationError.
    """
    row = _locked(demand)
    rules.check_may_amend(row, by=by)
    if strangers := sorted(set(found) - set(AMENDED)):
        raise TypeError(f"not amended: {', '.join(strangers)}")
    if "categories" in found:
        found["categories"] = list(found["categories"])
    for name, value in found.items():
        setattr(row, name, value)
    _check_facts(row)
    if withhold or _must_be_withheld(row):
        row.disclosure = found["disclosure"] = Disclosure.WITHHELD
    row.full_clean(exclude=LATER)
    return _save(row, **found)


@transaction.atomic
def propose_answer(*, demand: InboundDemand, by: StaffUser) -> InboundDemand:
    """Propose to answer with the data that are asked for: the gate must allow it. Raises NotAllowed with its reason."""
    row = _locked(demand)
    rules.check_may_grant(row, by=by)
    decision = gate.ask(question(row), permission=AUTHORISE)
    if not decision.allowed:
        raise NotAllowed(
            _("The gate does not allow it: %(why)s") % {"why": rules.why(decision)}, code="refused_by_the_gate"
        )
    return _save(row, state=DemandState.PROPOSED, refusal="", decided_by=by, decided_at=timezone.now())


def _is_of_the_gate(row: InboundDemand, refusal: str) -> bool:
    """Whether the gate has to say it; of who is a stranger to law and register it knows nothing."""
    return refusal in OF_THE_GATE and not (refusal == DemandRefusal.NO_GROUND and rules.is_strange(row))


@transaction.atomic
def propose_refusal(*, demand: InboundDemand, refusal: str, by: StaffUser) -> InboundDemand:
    """Propose to refuse on a ground (DemandRefusal); what the gate is to say, it says, and the register keeps it.

    Raises NotAllowed: a demand that the gate allows, or refuses for another reason, is not refused on a ground of the
    gate's, since that would be our offence, and none for want of data that we hold.
    """
    row = _locked(demand)
    refusal = DemandRefusal(refusal).value
    rules.check_may_refuse(row, by=by, refusal=refusal)
    if _is_of_the_gate(row, refusal):
        rules.check_is_whole(row)
        rules.check_is_refused(services.authorise(question=question(row)).decision, refusal)
    return _save(row, state=DemandState.PROPOSED, refusal=refusal, decided_by=by, decided_at=timezone.now())


@transaction.atomic
def approve(*, demand: InboundDemand, by: StaffUser) -> InboundDemand:
    """The second person: data may be taken out now; or the letter of refusal is made and the demand is done.

    Raises NotAllowed, also when the gate does not refuse it any more for what the letter would say.
    """
    row = _locked(demand)
    rules.check_may_approve(row, by=by)
    now = timezone.now()
    if not row.refusal:
        return _save(row, state=DemandState.GRANTED, approved_by=by, approved_at=now)
    # what was not held when it was proposed may have come since, and so may a ground
    rules.check_is_true(row, row.refusal)
    if _is_of_the_gate(row, row.refusal):
        rules.check_is_refused(gate.ask(question(row)), row.refusal)
    _save(row, state=DemandState.REFUSED, approved_by=by, approved_at=now, answered_at=now)
    demand_letters.make(row, kind=DemandLetter.Kind.REFUSAL)
    _meet(row, at=now)
    return row


@transaction.atomic
def send_back(*, demand: InboundDemand, by: StaffUser) -> InboundDemand:
    """The decision is taken back before it had effect. Raises NotAllowed."""
    row = _locked(demand)
    rules.check_may_send_back(row, by=by)
    nobody = {"decided_by": None, "decided_at": None, "approved_by": None, "approved_at": None}
    return _save(row, state=DemandState.RECEIVED, refusal="", **nobody)


def answer(*, demand: InboundDemand, format: str, by: StaffUser) -> Answered:
    """Take out what was asked for and approved: the gate is asked once more, and its answer is kept whatever it is.

    Allowed, the file is built, the transfer is released with its hash and the letter that goes with it is made, in one
    transaction. Not in a transaction of the caller's: a refusal stays written. Raises NotAllowed, ValidationError when
    we hold none of it (refuse it on that ground), PermissionDenied without the undertaking.
    """
    demand = InboundDemand.objects.select_related("subject", "recipient", "purpose").get(pk=demand.pk)
    rules.check_may_answer(demand, by=by)
    given = services.authorise(question=question(demand))
    if given.token is None or not given.decision.allowed:
        return Answered(demand, given.decision, None)
    with transaction.atomic():
        row = _locked(demand)
        rules.check_may_answer(row, by=by)
        package = packages.prepare(
            transfer=given.transfer, token=given.token, format=format, reason=PackageReason.DEMAND, by=by
        )
        now = timezone.now()
        _save(row, state=DemandState.ANSWERED, transfer=given.transfer, answered_at=now)
        demand_letters.make(row, kind=DemandLetter.Kind.DATA, file=package.file)
        _meet(row, at=now)
        return Answered(row, given.decision, package.file)


@transaction.atomic
def close(*, demand: InboundDemand, by: StaffUser) -> InboundDemand:
    """Who asked took it back. Raises NotAllowed."""
    row = _locked(demand)
    rules.check_may_close(row, by=by)
    _meet(row, at=timezone.now())
    return _save(row, state=DemandState.CLOSED)


def _meet(row: InboundDemand, *, at: datetime) -> None:
    for deadline in deadlines.of(row.about).open():
        deadlines.meet(deadline=deadline, at=at)


def open_file(*, demand: InboundDemand, by: StaffUser) -> bytes:
    """The letter as it came, for who works on it; the look is recorded. Raises NotAllowed, PermissionDenied.

    The record names nobody: it stays, and the demand may be withheld only afterwards (DESIGN 4).
    """
    rules.check_may_open_file(demand, by=by)
    if demand.file is None:
        raise NotAllowed(_("No file was uploaded"), code="no_file")
    return vault_out.reveal_file(sealed=bytes(demand.file.sealed), field=SEALED_AS, reference="", by=by, reason=OPENED)
