"""A minor comes of age: from the eighteenth birthday in Almaty they act themself, and what others agreed to for them
is asked anew (94-V art. 7, 8; Civil Code art. 17).

The job does it for everybody whose IIN says the day; of whoever has no IIN an officer sees a document.
"""

from datetime import date, datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.actor import because
from notifications.services import write
from staff.models import StaffUser
from staff.rules import NotAllowed, check_has_accepted_undertaking
from subjects import identifiers, life_letters, ports, relations, vault
from subjects.enums import Standing
from subjects.models import DataSubject, DocumentSeen, Representative, SubjectRequest

CAME_OF_AGE = "came_of_age"
JOB = "of-age"
BATCH = 500
BASES = (Representative.Basis.PARENT, Representative.Basis.GUARDIAN)
DOCUMENTS = (
    DocumentSeen.Kind.ID_CARD,
    DocumentSeen.Kind.PASSPORT,
    DocumentSeen.Kind.RESIDENCE_PERMIT,
    DocumentSeen.Kind.FOREIGN_PASSPORT,
    DocumentSeen.Kind.BIRTH_CERTIFICATE,
)


def come_of_age(*, at: datetime | None = None) -> int:
    """Let every minor whose IIN says that they are 18 act themself; how many did. Batch by batch, each person whole.

    at: aware, now by default; the day is reckoned in Asia/Almaty. Two statements a batch, and a few a person.
    """
    today, done, last = timezone.localdate(at), 0, 0
    while batch := list(
        DataSubject.objects.filter(standing=Standing.MINOR, pk__gt=last)
        .order_by("pk")
        .values_list("pk", flat=True)[:BATCH]
    ):
        last = batch[-1]
        for pk, values in vault.open_for(JOB, subject_ids=batch, category="iin").items():
            born = _born(values[-1].get("value", ""))
            if born is not None and identifiers.is_adult(born, today):
                done += _let_act(pk)
    return done


def _born(iin: str) -> date | None:
    if len(iin) != 12 or iin[6] == "0":
        return None
    return identifiers.born_of(iin)


@transaction.atomic
def note(*, subject: DataSubject, born: date, document_kind: str, last_four: str, by: StaffUser) -> DataSubject:
    """An officer saw by a document that the person is 18. Raises NotAllowed, ValidationError by field."""
    if not by.has_perm("subjects.note_majority"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    check_has_accepted_undertaking(by)
    if subject.standing != Standing.MINOR:
        raise NotAllowed(_("This person is not a minor."), code="standing")
    if document_kind not in DOCUMENTS:
        raise ValidationError({"document_kind": _("This document does not show a birth date.")})
    if not identifiers.is_adult(born, timezone.localdate()):
        raise ValidationError({"born": _("By this date the person is younger than 18.")})
    relations.see_document(subject=subject, kind=document_kind, last_four=last_four)
    _let_act(subject.pk)
    subject.refresh_from_db()
    return subject


@transaction.atomic
def _let_act(pk: int) -> bool:
    """Whether the person was a minor still."""
    subject = DataSubject.objects.select_for_update().get(pk=pk)
    if subject.standing != Standing.MINOR:
        return False
    with because(CAME_OF_AGE):
        subject.standing = Standing.ORDINARY
        subject.save(update_fields=["standing"])
        _end_representations(subject)
    for handler in ports.on_came_of_age:
        handler(subject)
    subject.refresh_from_db()
    for handler in ports.on_standing_changed:
        handler(subject)
    cause = f"subjects.DataSubject:{subject.pk}#{life_letters.CAME_OF_AGE}"
    write(kind=life_letters.CAME_OF_AGE, cause=cause, language=subject.language, subject_id=subject.pk)
    return True


def _end_representations(subject: DataSubject) -> None:
    """The law ends them, not an officer: the last day is yesterday. What was over stays as it was.

    Who would have begun today or later never acts; only what somebody asked on it today keeps its row.
    """
    today = timezone.localdate()
    rows = Representative.objects.select_for_update().filter(
        Q(valid_until=None) | Q(valid_until__gte=today), subject=subject, basis__in=BASES, ended_at=None
    )
    for row in rows.order_by("pk"):
        if row.valid_from >= today and not SubjectRequest.objects.filter(representative=row).exists():
            row.delete()
            continue
        row.valid_until = max(row.valid_from, today - timedelta(days=1))
        row.save(update_fields=["valid_until"])
