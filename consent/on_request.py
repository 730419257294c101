"""What a granted request does about consents, uses and destruction, and what its answer says (94-V art. 8, 18, 24)."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from consent import kept_words, ledger, my_consents, objections
from consent.acts import Proof
from consent.enums import Channel, EventKind, Ground, Trust
from consent.models import ConsentEvent, ConsentForm, ConsentState, Purpose
from consent.my_consents import PUBLIC_SOURCES
from consent.retention import Why
from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import duplicates, request_acts, request_targets
from subjects.models import Contract, DataSubject, LegalHold
from subjects.request_parts import PlannedDestruction
from subjects.request_services import need
from subjects.requests import RequestChannel, RequestKind, SubjectRequest

REQUESTED = "on_request"


def _proof(request: SubjectRequest) -> Proof:
    if request.channel == RequestChannel.CABINET:
        return Proof(Channel.WEB, Trust.REPRESENTATIVE_CODE if request.representative_id else Trust.SUBJECT_CODE)
    return Proof(Channel.CALL if request.channel == RequestChannel.PHONE else Channel.PAPER, Trust.STAFF_ENTERED)


@transaction.atomic
def on_object(request: SubjectRequest, by: StaffUser) -> None:
    """Object to the purposes the request names. Raises NotAllowed when it names none of ours, or one a law demands."""
    purposes = list(Purpose.objects.in_force().filter(code__in=request_targets.codes(request, RequestKind.OBJECT)))
    if not purposes:
        raise NotAllowed(
            _("Say by its code which purpose the person objects to, for example marketing."), code="target"
        )
    for purpose in purposes:
        objections.object_to(subject=request.subject, purpose=purpose)


def _standing(request: SubjectRequest) -> list[ConsentState]:
    """The consents that stand, in whichever file of the person."""
    files = duplicates.every_file(request.subject)
    states = ConsentState.objects.filter(subject__in=files).select_related("form", "subject", "given", "last")
    now = timezone.now()
    return [state for state in states.order_by("pk") if ledger.standing_of(state).at(now).is_ground]


def _withdraw(request: SubjectRequest, states: list[ConsentState]) -> None:
    for state in states:
        ledger.withdraw(
            subject=state.subject,
            form=state.form,
            scope=state.scope,
            proof=_proof(request),
            reason=REQUESTED,
            occurred_at=request.received_at,
        )


@transaction.atomic
def on_withdraw(request: SubjectRequest, by: StaffUser) -> None:
    """Withdraw the consents of the forms the request names, or every one that stands when it names nothing.

    Raises NotAllowed when what it names is no form, so that nothing it does not name is withdrawn (94-V art. 8(2)).
    """
    states = _standing(request)
    if request.targets:
        named = request_targets.codes(request, RequestKind.WITHDRAW)
        if states and not named:
            raise NotAllowed(_("Say by its code which consent is withdrawn, for example C8."), code="target")
        states = [state for state in states if state.form.code in named]
    _withdraw(request, states)


@transaction.atomic
def on_stop_public(request: SubjectRequest, by: StaffUser) -> None:
    """The consent to public sources ends (policy 7.1); taking the data out of them is work of an officer."""
    _withdraw(request, [state for state in _standing(request) if state.form.code == PUBLIC_SOURCES])
    need(request=request, kind=RequestKind.STOP_PUBLIC)


@transaction.atomic
def on_destroy(request: SubjectRequest, by: StaffUser) -> None:
    """Stop the use now, and write down by category when it will be destroyed and which rule keeps it until then.

    Financial monitoring and a check by a state body leave no trace here, since the plan and the answer are the
    person's: what they keep beyond it, whoever destroys finds out (DESIGN 4).
    """
    for person in duplicates.every_file(request.subject):
        held = LegalHold.objects.in_force().told().filter(subject=person).exists()
        for line in kept_words.lines(person):
            PlannedDestruction.objects.create(
                subject_request=request,
                category=line.category,
                count=line.count,
                rule=line.rule.code if line.rule else "",
                confirmed=line.is_confirmed,
                until=None if held else line.until,
                held=held,
            )
    request_acts.restrict(request)


HANDLERS = {
    RequestKind.OBJECT: on_object,
    RequestKind.WITHDRAW: on_withdraw,
    RequestKind.STOP_PUBLIC: on_stop_public,
    RequestKind.DESTROY: on_destroy,
}


# what the answer says


def _withdrawn(request: SubjectRequest) -> list[str]:
    files = duplicates.every_file(request.subject)
    events = ConsentEvent.objects.filter(
        subject__in=files, reason=REQUESTED, occurred_at=request.received_at
    ).select_related("form")
    at_once, later = (
        list(dict.fromkeys(str(event.form) for event in events.filter(kind=kind).order_by("pk")))
        for kind in (EventKind.WITHDRAWN, EventKind.WITHDRAWAL_DEFERRED)
    )
    said = []
    if at_once:
        said.append(_("These consents are withdrawn: %(forms)s.") % {"forms": "; ".join(at_once)})
    if later:
        contracts = [c.number for c in Contract.objects.filter(subject__in=files).order_by("pk") if c.is_open]
        said.append(
            _(
                "The withdrawal of these consents is recorded: %(forms)s. It takes effect by itself when the obligation"
                " under these contracts is performed: %(contracts)s (94-V art. 8(2))."
            )
            % {"forms": "; ".join(later), "contracts": ", ".join(contracts)}
        )
    return said or [_("No consent of yours stood that could be withdrawn.")]


def _objected(request: SubjectRequest) -> list[str]:
    purposes = Purpose.objects.filter(code__in=request.targets).order_by("order", "code")
    titles = "; ".join(str(purpose) for purpose in purposes)
    return [_("We no longer use your data for this: %(purposes)s.") % {"purposes": titles}]


def _not_public(request: SubjectRequest) -> list[str]:
    return [_("Your data are taken out of public sources, and are not made public any more.")]


def _holding(people: list[DataSubject], at: datetime) -> list[str]:
    """Why nothing was destroyed at that moment, for each kind of hold the person may know of."""
    words = {
        LegalHold.Kind.COURT: _("They are not destroyed now: a case before a court needs them until it has ended."),
        LegalHold.Kind.CLAIM: _("They are not destroyed now: we need them for a claim of ours until it is settled."),
        LegalHold.Kind.COMPLAINT: _("They are not destroyed now: your complaint needs them until it is settled."),
    }
    kinds = set(LegalHold.objects.in_force(at).told().filter(subject__in=people).values_list("kind", flat=True))
    return [sentence for kind, sentence in words.items() if kind in kinds]


def _planned(request: SubjectRequest) -> list[str]:
    rows = list(request.plan.select_related("category"))
    people = duplicates.every_file(request.subject)
    words = {line.category.pk: line for one in people for line in kept_words.lines(one)}
    said = [_("The use of your data is stopped.")]
    held = next((row for row in rows if row.held), None)
    if held is not None:
        return said + _holding(people, held.at)
    listed = []
    for row in rows:
        line = words.get(row.category_id)
        if row.until is not None:
            when = _("until %(day)s") % {"day": date_format(row.until, "DATE_FORMAT")}
        elif line is not None and line.why == Why.WAITING:
            when = line.words
        else:
            when = _("nothing keeps it: it goes with the next destruction")
        listed.append(f"– {row.category}: {when}")
    if listed:
        said.append(
            _("What the rules of storage have us keep, and until when:") + "\n" + "\n".join(dict.fromkeys(listed))
        )
        said.append(_("Until then the data are used for nothing else; after it they are destroyed."))
    return said


WORDS = {
    RequestKind.WITHDRAW: _withdrawn,
    RequestKind.OBJECT: _objected,
    RequestKind.STOP_PUBLIC: _not_public,
    RequestKind.DESTROY: _planned,
}


# what the person chooses from


def standing_consents(person: DataSubject) -> list[tuple[str, str]]:
    """The forms of the person's consents that stand, for a withdrawal."""
    mine = [one for one in my_consents.of(person) if one.stands]
    return list(dict.fromkeys((one.form.code, str(one.form)) for one in mine))


def opposable(person: DataSubject) -> list[tuple[str, str]]:
    """The purposes a person may object to: those that no law demands."""
    rows = Purpose.objects.in_force().exclude(ground=Ground.LAW).order_by("order", "code")
    return [(row.code, str(row)) for row in rows]


CHOICES = {RequestKind.WITHDRAW: standing_consents, RequestKind.OBJECT: opposable}
CODES = {
    RequestKind.WITHDRAW: lambda request: ConsentForm.objects.values_list("code", flat=True),
    RequestKind.OBJECT: lambda request: Purpose.objects.in_force().values_list("code", flat=True),
}
