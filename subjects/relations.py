"""Who acts for a person and who is whose contact: written down with the document seen, ended, never merged."""

from collections.abc import Sequence
from datetime import date

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import duplicates
from subjects.enums import Standing
from subjects.models import DataSubject, DocumentSeen, PersonLink, Representative

# what the cabinet's session says: the row by which the person acts for somebody else
ACTING_KEY = "acting"
GONE = (Standing.DECEASED, Standing.ERASED)
MOST = 50


def see_document(*, subject: DataSubject, kind: str, last_four: str, seen_on: date | None = None) -> DocumentSeen:
    """Write down that a document was seen, in the place of a copy; by whom and when, the event knows.

    seen_on: today by default. Raises ValidationError.
    """
    row = DocumentSeen(
        subject=subject, kind=kind, last_four=last_four.strip().upper(), seen_on=seen_on or timezone.localdate()
    )
    row.full_clean()
    if row.seen_on > timezone.localdate():
        raise ValidationError({"seen_on": _("This day is yet to come.")})
    row.save()
    return row


@transaction.atomic
def authorise(
    *,
    subject: DataSubject,
    representative: DataSubject,
    basis: str,
    acts: Sequence[str],
    document_kind: str,
    last_four: str,
    by: StaffUser,
    valid_from: date | None = None,
    valid_until: date | None = None,
) -> Representative:
    """Let somebody act for a person in the named acts, on a document an officer saw.

    valid_from: today by default. A power of attorney has a last day. Raises NotAllowed, ValidationError.
    """
    if not by.has_perm("subjects.add_representative"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    document = see_document(subject=subject, kind=document_kind, last_four=last_four)
    row = Representative(
        subject=subject,
        representative=representative,
        basis=basis,
        acts=sorted(set(acts)),
        document=document,
        valid_from=valid_from or timezone.localdate(),
        valid_until=valid_until,
    )
    row.full_clean(exclude={"document"})
    row.save()
    return row


@transaction.atomic
def end_representation(*, row: Representative, by: StaffUser) -> Representative:
    """Nobody acts on it any more, from now; a row that ended stays as it is. Raises NotAllowed."""
    if not by.has_perm("subjects.change_representative"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    row = Representative.objects.select_for_update().get(pk=row.pk)
    if row.ended_at is None:
        row.ended_by, row.ended_at = by, timezone.now()
        row.save(update_fields=["ended_by", "ended_at"])
    return row


def acting_for(representative: DataSubject) -> list[Representative]:
    """Those the person may act for now, newest first; nobody who has died or was erased. One query."""
    rows = Representative.objects.in_force().filter(representative=representative)
    return list(rows.exclude(subject__standing__in=GONE).select_related("subject").order_by("-pk")[:MOST])


def acting(*, representative: DataSubject, row_id: int, act: str) -> Representative | None:
    """The row by which the person does this for somebody now; None when it is not theirs, over, or leaves it out.

    row_id: what their session says; it is looked for among their own. One query.
    """
    rows = Representative.objects.in_force().filter(pk=row_id, representative=representative)
    wanted = [Representative.Act(act).value]
    return rows.exclude(subject__standing__in=GONE).filter(acts__contains=wanted).select_related("subject").first()


def may_act_for(*, representative: DataSubject, subject: DataSubject, act: str) -> bool:
    """Whether somebody may do this for the person now; one query."""
    rows = Representative.objects.in_force().filter(subject=subject, representative=representative)
    return rows.filter(acts__contains=[Representative.Act(act).value]).exists()


def link(*, subject: DataSubject, other: DataSubject, kind: str) -> PersonLink:
    """Write down what `other` is to the person. Raises ValidationError for oneself or a link that is there already.

    The same person known twice: the rules are those of `duplicates.unite`.
    """
    if kind == PersonLink.Kind.SAME_PERSON:
        return duplicates.unite(leading=subject, following=other)
    row = PersonLink(subject=subject, other=other, kind=kind)
    row.full_clean()
    row.save()
    return row


@transaction.atomic
def unlink(*, row: PersonLink, by: StaffUser) -> PersonLink:
    """End a link; it stays in view of the past. Raises NotAllowed."""
    if not by.has_perm("subjects.change_personlink"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    row = PersonLink.objects.select_for_update().get(pk=row.pk)
    if row.ended_at is None:
        row.ended_by, row.ended_at = by, timezone.now()
        row.save(update_fields=["ended_by", "ended_at"])
    return row
