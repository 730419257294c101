"""A person died: letters stop at once, nobody acts for them any more, heirs may ask on documents seen.

Their data is not theirs to consent to any more: what a law demands goes on, every other use stops (consent.grounds,
transfers.checks), and the consents themselves stay as evidence. A mistake is undone by two.
A person dies in every file of theirs: each has a row of its own, and each comes back when one is undone (ADR 17).
"""

from collections.abc import Sequence
from datetime import date

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.actor import because
from notifications.services import write
from staff.models import StaffUser
from staff.rules import NotAllowed, check_has_accepted_undertaking
from subjects import duplicates, life_letters, ports, relations
from subjects.enums import Standing
from subjects.models import DataSubject, Death, DocumentSeen, PersonLink, Representative, SignInCode

DIED, UNDONE = "death_recorded", "death_undone"
DOCUMENTS = (DocumentSeen.Kind.DEATH_CERTIFICATE, DocumentSeen.Kind.COURT_ACT)
HEIR_DOCUMENTS = (DocumentSeen.Kind.INHERITANCE, DocumentSeen.Kind.COURT_ACT)


@transaction.atomic
def record(*, subject: DataSubject, died_on: date, document_kind: str, last_four: str, by: StaffUser) -> Death:
    """Write down a death by a document an officer saw; from now nothing is sent and no cabinet opens, in any file.

    Gives the row of `subject`. Raises NotAllowed; ValidationError by field for a day to come, another document, a death
    that is recorded already or data that is erased.
    """
    if not by.has_perm("subjects.add_death"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    check_has_accepted_undertaking(by)
    people = {one.pk: one for one in duplicates.lock_files(subject)}
    subject = people.pop(subject.pk)
    if subject.standing == Standing.ERASED:
        raise ValidationError(_("The data of this person is erased already."), code="erased")
    if died_on > timezone.localdate():
        raise ValidationError({"died_on": _("This day is yet to come.")})
    if document_kind not in DOCUMENTS:
        raise ValidationError({"document_kind": _("A death is recorded by a death certificate or an act of a court.")})
    known = set(Death.objects.filter(subject__in=people, undone_at=None).values_list("subject", flat=True))
    others = [one for pk, one in people.items() if pk not in known and one.standing != Standing.ERASED]
    rows = [
        _record(one, died_on=died_on, document_kind=document_kind, last_four=last_four, by=by)
        for one in (subject, *others)
    ]
    return rows[0]


def _record(subject: DataSubject, *, died_on: date, document_kind: str, last_four: str, by: StaffUser) -> Death:
    """In one file, which the caller has locked."""
    row = Death(
        subject=subject,
        document=relations.see_document(subject=subject, kind=document_kind, last_four=last_four),
        died_on=died_on,
        stood=subject.standing,
        recorded_by=by,
        recorded_at=timezone.now(),
    )
    row.full_clean(exclude={"document", "recorded_by"})
    row.save()
    _stand(subject, Standing.DECEASED, DIED)
    _end_representations(Q(subject=subject) | Q(representative=subject), by=by)
    SignInCode.objects.filter(subject=subject, used_at=None).update(used_at=Now())
    return row


def _stand(subject: DataSubject, standing: str, reason: str) -> None:
    if subject.standing == standing:
        return
    with because(reason):
        subject.standing = standing
        subject.save(update_fields=["standing"])
    for handler in ports.on_standing_changed:
        handler(subject)


def _end_representations(which: Q, *, by: StaffUser) -> None:
    """A power of attorney ends with whoever gave it and whoever holds it; row by row, for the history's sake."""
    for row in Representative.objects.select_for_update().filter(which, ended_at=None).order_by("pk"):
        row.ended_by, row.ended_at = by, timezone.now()
        row.save(update_fields=["ended_by", "ended_at"])


def _open(row: Death) -> Death:
    row = Death.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if not row.stands:
        raise NotAllowed(_("This is undone already. Reload the page to see where it stands."), code="overtaken")
    return row


@transaction.atomic
def admit_heir(
    *, death: Death, heir: DataSubject, acts: Sequence[str], document_kind: str, last_four: str, by: StaffUser
) -> Representative:
    """Link an heir whose document was seen, and say what they may ask about the dead person; the heir is told.

    acts: of Representative.Act. Raises NotAllowed, ValidationError by field.
    """
    if not by.has_perm("subjects.add_representative") or not by.has_perm("subjects.add_personlink"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    check_has_accepted_undertaking(by)
    death = _open(death)
    if document_kind not in HEIR_DOCUMENTS:
        raise ValidationError({"document_kind": _("An heir shows a certificate of inheritance or an act of a court.")})
    if not acts:
        raise ValidationError({"acts": _("Say what the heir may do.")})
    if Representative.objects.in_force().filter(subject=death.subject, representative=heir).exists():
        raise ValidationError({"heir": _("This person is admitted as an heir already.")})
    row = Representative(
        subject=death.subject,
        representative=heir,
        basis=Representative.Basis.INHERITANCE,
        acts=sorted(set(acts)),
        document=relations.see_document(subject=heir, kind=document_kind, last_four=last_four),
        valid_from=timezone.localdate(),
    )
    row.full_clean(exclude={"document"})
    row.save()
    if not PersonLink.objects.filter(subject=death.subject, other=heir, kind="heir", ended_at=None).exists():
        relations.link(subject=death.subject, other=heir, kind=PersonLink.Kind.HEIR)
    cause = f"subjects.Representative:{row.pk}#{life_letters.HEIR_ADMITTED}"
    write(kind=life_letters.HEIR_ADMITTED, cause=cause, language=heir.language, subject_id=heir.pk)
    return row


@transaction.atomic
def propose_undo(*, row: Death, by: StaffUser) -> Death:
    """Say that the person lives; a second officer undoes it. Raises NotAllowed."""
    row = _open(row)
    if not by.has_perm("subjects.change_death"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    if row.undo_proposed_by_id is not None:
        raise NotAllowed(_("This is proposed already: a second officer undoes it."), code="overtaken")
    row.undo_proposed_by, row.undo_proposed_at = by, timezone.now()
    row.save(update_fields=["undo_proposed_by", "undo_proposed_at"])
    return row


@transaction.atomic
def keep(*, row: Death, by: StaffUser) -> Death:
    """It was no mistake: whoever proposed to undo it, or a second officer, says so. Raises NotAllowed."""
    row = _open(row)
    if row.undo_proposed_by_id is None:
        raise NotAllowed(_("Nobody has proposed to undo it."), code="not_proposed")
    if not (row.undo_proposed_by_id == by.pk or by.has_perm("subjects.undo_death")):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    row.undo_proposed_by = row.undo_proposed_at = None
    row.save(update_fields=["undo_proposed_by", "undo_proposed_at"])
    return row


def check_may_undo(row: Death, *, by: StaffUser) -> None:
    """A second officer with the right, after it was proposed. Raises NotAllowed."""
    if not by.has_perm("subjects.undo_death"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    check_has_accepted_undertaking(by)
    if not row.stands:
        raise NotAllowed(_("This is undone already. Reload the page to see where it stands."), code="overtaken")
    if row.undo_proposed_by_id is None:
        raise NotAllowed(_("Nobody has proposed to undo it."), code="not_proposed")
    if row.undo_proposed_by_id == by.pk:
        raise NotAllowed(_("You proposed to undo it, so somebody else does."), code="four_eyes")


def may_undo(row: Death, *, by: StaffUser) -> bool:
    """Whether `check_may_undo` would let it pass."""
    try:
        check_may_undo(row, by=by)
    except (NotAllowed, PermissionDenied):
        return False
    return True


@transaction.atomic
def undo(*, row: Death, by: StaffUser) -> Death:
    """The person lives: what stood before stands again in every file, heirs may ask no more, and the person is told.

    Powers of attorney that ended stay ended: they are shown again. Raises NotAllowed.
    """
    people = {one.pk: one for one in duplicates.lock_files(row.subject)}
    row = _open(row)
    check_may_undo(row, by=by)
    for one in Death.objects.select_for_update().filter(subject__in=people, undone_at=None).order_by("pk"):
        _undo(one, people[one.subject_id], proposed=row, by=by)
    row.refresh_from_db()
    cause = f"subjects.Death:{row.pk}#{life_letters.DEATH_UNDONE}"
    write(kind=life_letters.DEATH_UNDONE, cause=cause, language=row.subject.language, subject_id=row.subject_id)
    return row


def _undo(row: Death, subject: DataSubject, *, proposed: Death, by: StaffUser) -> None:
    """In one file, which the caller has locked; `proposed` is the row of the person that `by` checked."""
    if subject.standing == Standing.DECEASED:
        _stand(subject, row.stood if row.stood != Standing.DECEASED else Standing.ORDINARY, UNDONE)
    _end_representations(Q(subject=subject, basis=Representative.Basis.INHERITANCE), by=by)
    for link in PersonLink.objects.select_for_update().filter(subject=subject, kind="heir", ended_at=None):
        link.ended_by, link.ended_at = by, timezone.now()
        link.save(update_fields=["ended_by", "ended_at"])
    row.undo_proposed_by, row.undo_proposed_at = proposed.undo_proposed_by, proposed.undo_proposed_at
    row.undone_by, row.undone_at = by, timezone.now()
    row.save(update_fields=["undo_proposed_by", "undo_proposed_at", "undone_by", "undone_at"])
