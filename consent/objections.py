"""A person says no to a use, and takes it back; and what a granted request does about consents (94-V art. 8, 24)."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from consent import ledger
from consent.acts import Proof
from consent.enums import Channel, Ground, Trust
from consent.models import ConsentState, Objection, Purpose
from consent.my_consents import PUBLIC_SOURCES
from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects.models import DataSubject
from subjects.requests import RequestChannel, SubjectRequest

REQUESTED = "on_request"


@transaction.atomic
def object_to(*, subject: DataSubject, purpose: Purpose) -> Objection:
    """Stop a use of the person's data from now; twice is the same. Raises NotAllowed for what a law demands."""
    if purpose.ground == Ground.LAW:
        raise NotAllowed(_("A law demands this use: it goes on, and the person is told why."), code="law")
    DataSubject.objects.select_for_update().get(pk=subject.pk)
    standing = Objection.objects.in_force().filter(subject=subject, purpose=purpose).first()
    return standing or Objection.objects.create(
        subject=subject, purpose=purpose, in_force_during=(timezone.now(), None)
    )


@transaction.atomic
def lift(*, subject: DataSubject, purpose: Purpose) -> None:
    """The person does not object any more; the past stays as it was."""
    DataSubject.objects.select_for_update().get(pk=subject.pk)
    for row in Objection.objects.in_force().filter(subject=subject, purpose=purpose):
        row.in_force_during = (row.in_force_during.lower, timezone.now())
        row.save(update_fields=["in_force_during"])


def _proof(request: SubjectRequest) -> Proof:
    if request.channel == RequestChannel.CABINET:
        return Proof(Channel.WEB, Trust.SUBJECT_CODE)
    return Proof(Channel.CALL if request.channel == RequestChannel.PHONE else Channel.PAPER, Trust.STAFF_ENTERED)


@transaction.atomic
def on_object(request: SubjectRequest, by: StaffUser) -> None:
    """Object to the purpose the request names. Raises NotAllowed when it names none of ours."""
    purpose = Purpose.objects.in_force().filter(code=request.target).first()
    if purpose is None:
        raise NotAllowed(
            _("Say by its code which purpose the person objects to, for example marketing."), code="target"
        )
    object_to(subject=request.subject, purpose=purpose)


def _withdraw(request: SubjectRequest, code: str) -> None:
    states = ConsentState.objects.filter(subject=request.subject).select_related("form").order_by("pk")
    if code:
        states = states.filter(form__code=code)
    standing = ledger.standings(request.subject)
    for state in states:
        if standing[state.form.code, state.scope].is_ground:
            ledger.withdraw(
                subject=request.subject,
                form=state.form,
                scope=state.scope,
                proof=_proof(request),
                reason=REQUESTED,
                occurred_at=request.received_at,
            )


@transaction.atomic
def on_withdraw(request: SubjectRequest, by: StaffUser) -> None:
    """Withdraw the consents of the form the request names, or every consent that stands (94-V art. 8(2))."""
    _withdraw(request, request.target if request.target.startswith("C") else "")


@transaction.atomic
def on_stop_public(request: SubjectRequest, by: StaffUser) -> None:
    """The consent to public sources ends (policy 7.1)."""
    _withdraw(request, PUBLIC_SOURCES)


HANDLERS = {"object": on_object, "withdraw": on_withdraw, "stop_public": on_stop_public}
