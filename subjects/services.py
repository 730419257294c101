"""The verbs about a person that no other file owns (DESIGN 5)."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from simple_history.utils import get_history_manager_for_model

from audit.actor import acting_as, because
from notifications.delivery import address_mark
from notifications.enums import Delivery
from notifications.models import DeliveryEvent, Letter
from notifications.services import write
from staff.models import StaffUser
from subjects import addresses, letters, ports, vault
from subjects.enums import ADDRESS_RIGHT, CorrectionReason, IndexKind, Source
from subjects.identifiers import normalise_email
from subjects.models import (
    CabinetEvent,
    CabinetSession,
    CodeChannel,
    DataSubject,
    DisputedAddress,
    PersonalData,
    SignInCode,
    Task,
)
from subjects.rules import check_is_open, check_may_correct_email
from subjects.vault import Value

# letters that carry a code, to the address that lets in
CODES = ("sign_in_code", "confirm_code")


def note_sign_out(*, public_id: str | None, session_id: str | None = None) -> None:
    """Record that the person left; nothing when nobody was signed in. session_id: of the CabinetSession left."""
    subject = DataSubject.objects.filter(public_id=public_id).first() if public_id else None
    if subject is not None:
        CabinetEvent.objects.create(kind=CabinetEvent.Kind.SIGNED_OUT, subject=subject)
        if session_id is not None:
            CabinetSession.objects.filter(subject=subject, public_id=session_id, ended_at=None).update(ended_at=Now())


@transaction.atomic
def choose_language(*, subject: DataSubject, language: str) -> DataSubject:
    """The language the person wants letters in; history tells who chose it and when."""
    subject.language = language
    subject.save(update_fields=["language"])
    CabinetEvent.objects.create(kind=CabinetEvent.Kind.LANGUAGE, subject=subject)
    return subject


def dispute_address(*, letter_id: int, mark: str) -> None:
    """A letter reached a stranger: stop writing to that address and have an officer find out whose it is.

    mark: of the address the letter went to (`notifications.delivery.letter_of`). Whoever says so is unknown, so the
    address alone is touched: the person keeps every right, other addresses and a code on paper. Saying it twice
    changes nothing, nor does saying it of an address that the person has no more (policy 7.1).
    """
    with acting_as("job:not-mine"), transaction.atomic():
        letter = Letter.objects.select_for_update().filter(pk=letter_id, subject__isnull=False).first()
        if letter is None or letter.events.filter(kind=Delivery.NOT_MINE).exists():
            return
        subject = DataSubject.objects.select_for_update().get(letters=letter)
        DeliveryEvent.objects.create(letter=letter, kind=Delivery.NOT_MINE)
        CabinetEvent.objects.create(kind=CabinetEvent.Kind.NOT_MINE, subject=subject)
        value = addresses.marked(subject, letter_id=letter.pk, mark=mark)
        if value is not None:
            _dispute(subject, value, task=Task.Kind.DISPUTED_ADDRESS, kind=IndexKind.EMAIL, letter=letter)


def _dispute(subject: DataSubject, value: Value, *, task: str, kind: str, letter: Letter | None = None) -> None:
    """Send nothing to the e-mail or phone until an officer has settled it; one task for a value, whatever it holds."""
    digest = addresses.digest(value.parts["value"], kind)
    if not DisputedAddress.objects.filter(value=value.id).update(digest=digest):
        row = Task.objects.create(kind=task, subject=subject, letter=letter)
        DisputedAddress.objects.create(task=row, value_id=value.id, digest=digest)


@transaction.atomic
def not_me(*, subject: DataSubject, came_by: str = "") -> None:
    """Who was let in says that the record is somebody else's: an officer finds out whose phone and e-mail these are.

    came_by: the `CodeChannel` of the code that let them in. The e-mail or phone it went to is disputed, or the next
    one lets the stranger in again; a code on paper or a session handed over says nothing against either. Saying it
    twice makes one task.
    """
    DataSubject.objects.select_for_update().get(pk=subject.pk)
    CabinetEvent.objects.create(kind=CabinetEvent.Kind.NOT_ME, subject=subject)
    SignInCode.objects.filter(subject=subject, used_at=None).update(used_at=Now(), sealed_address=None)
    letter = None
    if came_by == CodeChannel.EMAIL:
        letter = Letter.objects.filter(subject=subject, kind__in=CODES).order_by("-pk").first()
    if not Task.objects.filter(subject=subject, kind=Task.Kind.NOT_ME, closed_at=None).exists():
        Task.objects.create(kind=Task.Kind.NOT_ME, subject=subject, letter=letter)
    if letter is not None and (value := addresses.reached(subject, IndexKind.EMAIL)):
        dispute_address(letter_id=letter.pk, mark=address_mark(letter.pk, value.parts["value"]))
    elif came_by == CodeChannel.SMS and (value := addresses.reached(subject, IndexKind.PHONE)):
        _dispute(subject, value, task=Task.Kind.DISPUTED_PHONE, kind=IndexKind.PHONE)


@transaction.atomic
def settle_disputed_address(*, task: Task, by: StaffUser) -> Task:
    """An e-mail is the right one after all: letters go there again; any other task is done. A closed one stays so."""
    DataSubject.objects.select_for_update().get(pk=task.subject_id)
    with because(ADDRESS_RIGHT if task.kind == Task.Kind.DISPUTED_ADDRESS else ""):
        return _close(task, by=by)


def _close(task: Task, *, by: StaffUser) -> Task:
    task = Task.objects.select_for_update().get(pk=task.pk)
    if task.closed_at is None:
        DisputedAddress.objects.filter(task=task).delete()
        task.closed_at, task.closed_by = Now(), by
        task.save(update_fields=["closed_at", "closed_by"])
    return task


@transaction.atomic
def correct_email(
    *, value: PersonalData, email: str, reason: str, by: StaffUser, seen: int | None = None
) -> PersonalData:
    """Put the right e-mail in the place of a wrong one: letters and codes go there, the old one is told.

    reason: a `CorrectionReason`. seen: the newest history row of the value when the officer opened the page, None
    when there was no page. History keeps the old address as ciphertext. A dispute about it is settled by this.
    Raises PermissionDenied, ValidationError for what is no e-mail, cannot be this person's, or was changed meanwhile,
    and for a person whose data is blocked.
    """
    check_may_correct_email(by=by)
    subject = DataSubject.objects.select_for_update().get(pk=value.subject_id)
    check_is_open(subject)
    email = _new_email(subject, email)
    with because(CorrectionReason(reason).value):
        was = _leave_address(value, by=by, seen=seen)
        vault.change(value=value, parts={"value": email}, source=Source.OFFICER)
        address_changed(subject, was=was)
    ports.corrected(subject, addresses.CATEGORY)
    return value


@transaction.atomic
def remove_email(*, value: PersonalData, reason: str, by: StaffUser, seen: int | None = None) -> None:
    """Take a wrong e-mail away when the right one is not known; what stays is as in `correct_email`."""
    check_may_correct_email(by=by)
    subject = DataSubject.objects.select_for_update().get(pk=value.subject_id)
    check_is_open(subject)
    with because(CorrectionReason(reason).value):
        was = _leave_address(value, by=by, seen=seen)
        value.delete()
        address_changed(subject, was=was)
    ports.destroyed(subject, [addresses.CATEGORY])


@transaction.atomic
def add_email(*, subject: DataSubject, email: str, reason: str, by: StaffUser) -> PersonalData:
    """Give an e-mail to a person who has none. Raises as `correct_email`."""
    check_may_correct_email(by=by)
    subject = DataSubject.objects.select_for_update().get(pk=subject.pk)
    check_is_open(subject)
    if subject.values.filter(category__code=addresses.CATEGORY).exists():
        raise ValidationError(_("This person has an e-mail: correct that one."), code="has_one")
    email = _new_email(subject, email)
    with because(CorrectionReason(reason).value):
        value = vault.store(subject=subject, category=addresses.CATEGORY, parts={"value": email}, source=Source.OFFICER)
        addresses.reindex(subject)
    return value


def newest(value: PersonalData) -> int:
    """The history row that holds the value as it is now."""
    rows = get_history_manager_for_model(PersonalData).filter(id=value.pk)
    return rows.order_by("-history_id").values_list("history_id", flat=True)[0]


def to_be_told(old: PersonalData) -> int | None:
    """The history row of an address that another takes the place of; None when it is a stranger's, who is not told."""
    return None if DisputedAddress.objects.filter(value=old).exists() else newest(old)


def _new_email(subject: DataSubject, email: str) -> str:
    email = normalise_email(email)
    mine = {addresses.digest(held.parts["value"]) for held in addresses.held_by(subject)}
    if addresses.digest(email) in mine:
        raise ValidationError(_("The person has this e-mail already."), code="same")
    if addresses.disputed([email]):
        raise ValidationError(
            _("A reader of this e-mail said that our letters reach a stranger: settle that task first."),
            code="disputed",
        )
    return email


def _leave_address(value: PersonalData, *, by: StaffUser, seen: int | None) -> int | None:
    """Settle what is open about the value; the history row that holds the address to be told, None when disputed."""
    now = newest(value)
    if not PersonalData.objects.filter(pk=value.pk).exists() or (seen is not None and seen != now):
        raise ValidationError(
            _("Somebody else has changed this e-mail meanwhile: nothing of yours was saved. Open the page anew."),
            code="changed",
        )
    dispute = DisputedAddress.objects.filter(value=value).select_related("task").first()
    if dispute is None:
        return now
    _close(dispute.task, by=by)
    return None


def address_changed(subject: DataSubject, *, was: int | None) -> None:
    """The person is found by the new address, codes sent to the old one end, and the old one is told.

    was: the history row that holds the old one, None when it is not told.
    """
    addresses.reindex(subject)
    SignInCode.objects.filter(subject=subject, channel=CodeChannel.EMAIL, used_at=None).update(
        used_at=Now(), sealed_address=None
    )
    if was is not None:
        cause = f"subjects.HistoricalPersonalData:{was}#{letters.ADDRESS_CHANGED}"
        write(kind=letters.ADDRESS_CHANGED, cause=cause, language=subject.language, subject_id=subject.pk)
