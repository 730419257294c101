"""The verbs about a person that no other file owns (DESIGN 5)."""

from django.db import transaction
from django.db.models.functions import Now
from simple_history.utils import get_history_manager_for_model

from audit.actor import acting_as
from notifications.enums import Delivery
from notifications.models import DeliveryEvent, Letter
from staff.models import StaffUser
from subjects.enums import Standing
from subjects.models import CabinetEvent, DataSubject, Task


def note_sign_out(*, public_id: str | None) -> None:
    """Record that the person left; nothing when nobody was signed in."""
    subject = DataSubject.objects.filter(public_id=public_id).first() if public_id else None
    if subject is not None:
        CabinetEvent.objects.create(kind=CabinetEvent.Kind.SIGNED_OUT, subject=subject)


@transaction.atomic
def choose_language(*, subject: DataSubject, language: str) -> DataSubject:
    """The language the person wants letters in; history tells who chose it and when."""
    subject.language = language
    subject.save(update_fields=["language"])
    CabinetEvent.objects.create(kind=CabinetEvent.Kind.LANGUAGE, subject=subject)
    return subject


def dispute_address(*, letter_id: int) -> None:
    """A letter reached a stranger: stop writing to that address and have an officer find the right one.

    Whoever says so is unknown, so nothing but the address is touched; saying it twice changes nothing.
    """
    with acting_as("job:not-mine"), transaction.atomic():
        letter = Letter.objects.select_for_update().filter(pk=letter_id, subject__isnull=False).first()
        if letter is None:
            return
        subject = DataSubject.objects.select_for_update().get(letters=letter)
        if letter.events.filter(kind=Delivery.NOT_MINE).exists():
            return
        DeliveryEvent.objects.create(letter=letter, kind=Delivery.NOT_MINE)
        CabinetEvent.objects.create(kind=CabinetEvent.Kind.NOT_MINE, subject=subject)
        if subject.standing in (Standing.ORDINARY, Standing.RESTRICTED):
            subject.standing = Standing.DISPUTED_ADDRESS
            subject.save(update_fields=["standing"])
        Task.objects.get_or_create(
            kind=Task.Kind.DISPUTED_ADDRESS, subject=subject, closed_at=None, defaults={"letter": letter}
        )


@transaction.atomic
def settle_disputed_address(*, task: Task, by: StaffUser) -> Task:
    """The officer found the right address, or that the old one is right: letters go there again.

    The person has the standing they had before the dispute. A task that is closed already stays as it is.
    """
    task = Task.objects.select_for_update().get(pk=task.pk)
    if task.closed_at is not None:
        return task
    task.closed_at, task.closed_by = Now(), by
    task.save(update_fields=["closed_at", "closed_by"])
    subject = DataSubject.objects.select_for_update().get(pk=task.subject_id)
    if subject.standing == Standing.DISPUTED_ADDRESS:
        history = get_history_manager_for_model(DataSubject).filter(id=subject.pk)
        before = history.exclude(standing=Standing.DISPUTED_ADDRESS).order_by("-history_id").first()
        subject.standing = before.standing if before else Standing.ORDINARY
        subject.save(update_fields=["standing"])
    return task
