"""What a granted request does by itself in this app: blocking, its end, a correction, a review (94-V art. 24, 25).

Withdrawals, objections and the plan of a destruction are consent's. A kind that is only answered has an entry too:
nothing is forgotten.
"""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from simple_history.utils import get_history_manager_for_model

from audit.actor import because
from audit.models import AccessRecord
from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import corrections, decisions, duplicates, formats, ports, recording, request_targets, vault
from subjects.enums import Origin, OverrideReason, Source, Standing
from subjects.models import AutomatedDecision, DataSubject
from subjects.request_services import need
from subjects.request_words import VALUE
from subjects.requests import RequestChannel, RequestKind, SubjectRequest

BLOCKED, UNBLOCKED, RESTRICTED = "blocked_on_request", "unblocked_on_request", "restricted_on_request"


# what a blocking takes the place of; beneath every other standing it is a fact of its own (ADR 21)
STOPPABLE = (Standing.ORDINARY, Standing.RESTRICTED)
REPRESENTED = (Standing.MINOR, Standing.INCAPABLE, Standing.DECEASED)


def _set(person: DataSubject, reason: str, **fields: Any) -> None:
    with because(reason):
        for name, value in fields.items():
            setattr(person, name, value)
        person.save(update_fields=list(fields))
    for handler in ports.on_standing_changed:
        handler(person)


def _files(request: SubjectRequest) -> list[DataSubject]:
    assert request.subject is not None  # nothing is granted of somebody we do not know
    return duplicates.lock_files(request.subject)


@transaction.atomic
def block(request: SubjectRequest, by: StaffUser) -> None:
    """Everything stops, destruction too, until the blocking ends. Raises NotAllowed."""
    for person in _files(request):
        if person.standing in STOPPABLE:
            _set(person, BLOCKED, standing=Standing.BLOCKED)
        elif person.standing in REPRESENTED and person.blocked_at is None:
            _set(person, BLOCKED, blocked_at=timezone.now())
        elif person.standing == Standing.ERASED and person.pk == request.subject_id:
            raise NotAllowed(_("The data of a person with this standing cannot be blocked."), code="standing")


@transaction.atomic
def block_too(person: DataSubject) -> None:
    """Stop everything in another file of a person whose data are blocked."""
    person = DataSubject.objects.select_for_update().get(pk=person.pk)
    if person.standing in STOPPABLE:
        _set(person, BLOCKED, standing=Standing.BLOCKED)


@transaction.atomic
def unblock(request: SubjectRequest, by: StaffUser) -> None:
    """What stood before the blocking stands again; what stopped the use meanwhile stops it (consent.stopping)."""
    for person in _files(request):
        if person.standing == Standing.BLOCKED:
            history = get_history_manager_for_model(DataSubject).filter(id=person.pk)
            before = history.exclude(standing=Standing.BLOCKED).order_by("-history_id")
            standing = before.values_list("standing", flat=True).first()
            _set(person, UNBLOCKED, standing=standing or Standing.ORDINARY, blocked_at=None)
        elif person.blocked_at is not None:
            _set(person, UNBLOCKED, blocked_at=None)


# how a value that a request brings came in; on any other way an officer granted it, and no system puts back the old one
SOURCE_OF = {
    RequestChannel.CABINET: Source.CABINET,
    RequestChannel.OFFICE: Source.FORM,
    RequestChannel.POST: Source.FORM,
    RequestChannel.PHONE: Source.PHONE,
}


@transaction.atomic
def correct(request: SubjectRequest, by: StaffUser) -> None:
    """Put the right value in; what the request does not say exactly is work for an officer. Raises NotAllowed.

    So is what has a page of its own: whoever took a session over must not get the codes, nor another IIN, by asking.

    History keeps the old value as ciphertext.
    """
    category = request.category and request.category.code
    known = formats.category_of(category) if category and category not in formats.TECHNICAL else None
    elsewhere = category in corrections.OWN_PAGES
    if request.sealed_value is None or known is None or elsewhere or set(known.required) - {"value"}:
        need(request=request, kind=RequestKind.CORRECT)
        return
    parts = vault.open_proof(
        subject=request.subject,
        what=VALUE,
        sealed=bytes(request.sealed_value),
        door=AccessRecord.Door.JOB,
        reason="request",
    )
    try:
        recording.add(
            subject=request.subject,
            category=category,
            parts=parts,
            source=SOURCE_OF.get(request.channel, Source.OFFICER),
            origin=Origin.SUBJECT,
            override=OverrideReason.PERSON,
        )
    except (recording.Unfit, recording.Taken) as error:
        raise NotAllowed(
            _("The value of the request cannot be right: ask the person, or refuse and say why."), code="value"
        ) from error
    if known.many:  # the right one is there; which one was wrong, an officer sees
        need(request=request, kind=RequestKind.CORRECT)


@transaction.atomic
def restrict(request: SubjectRequest) -> None:
    """The use of the person's data stops; what a law keeps is kept and used for nothing else (Digital Code).

    It stays stopped when a blocking ends or a child comes of age (ADR 21).
    """
    for person in _files(request):
        fields: dict[str, Any] = {"use_stopped_at": person.use_stopped_at or timezone.now()}
        if person.standing == Standing.ORDINARY:
            fields["standing"] = Standing.RESTRICTED
        _set(person, RESTRICTED, **fields)


@transaction.atomic
def review(request: SubjectRequest, by: StaffUser) -> None:
    """Ask for a human review of the decisions it names, or of all that nobody has reviewed when it names nothing.

    Raises NotAllowed when what it names is no decision.
    """
    rows = list(AutomatedDecision.objects.filter(subject=request.subject_id, reviewed_at=None).order_by("pk"))
    if request.targets:
        named = request_targets.codes(request, RequestKind.HUMAN_REVIEW)
        if rows and not named:
            raise NotAllowed(_("Say by its number which decision is to be looked at again."), code="target")
        rows = [row for row in rows if request_targets.normal(row.number) in named]
    for row in rows:
        decisions.ask_review(decision=row, at=request.received_at)
    need(request=request, kind=RequestKind.HUMAN_REVIEW)


def answered(request: SubjectRequest, by: StaffUser) -> None:
    """The answer itself is the act."""


HANDLERS = {
    RequestKind.ACCESS: answered,
    RequestKind.CONFIRM: answered,
    RequestKind.COMPLAINT: answered,
    RequestKind.BLOCK: block,
    RequestKind.UNBLOCK: unblock,
    RequestKind.CORRECT: correct,
    RequestKind.HUMAN_REVIEW: review,
}


def reviewable(person: DataSubject) -> list[tuple[str, str]]:
    """The decisions of machines a person may ask a human to look at again: number, and what it was."""
    rows = AutomatedDecision.objects.filter(subject=person, reviewed_at=None).order_by("-occurred_at")
    return [
        (row.number, f"{row.get_kind_display()}, {date_format(timezone.localtime(row.occurred_at), 'DATE_FORMAT')}")
        for row in rows[:20]
    ]
