"""What may not be destroyed (policy 5.5): placed by one officer at once, lifted by two."""

from collections.abc import Collection
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import duplicates
from subjects.models import AmlEntry, DataSubject, LegalHold


def held(ids: Collection[int], *, at: datetime | None = None) -> set[int]:
    """Those of the subjects whose data may not be destroyed at the moment `at`; six queries.

    What holds one file of a person known twice holds the others too: a court is answered from all of them.
    Financial monitoring keeps data too, and whoever asks is not told which it is. Transfers and use go on: a hold
    stops destruction alone.
    """
    files = duplicates.all_files(ids)
    named = LegalHold.objects.in_force(at).filter(subject__in=files).values_list("subject", flat=True)
    quiet = AmlEntry.objects.in_force(at).filter(subject__in=files).values_list("subject", flat=True)
    return duplicates.all_files({*named, *quiet}) & set(ids)


def _check_right(by: StaffUser, right: str) -> None:
    if not by.has_perm(right):
        raise NotAllowed(_("Your role does not include this step."), code="permission")


@transaction.atomic
def place(
    *, subject: DataSubject, kind: str, case_number: str, body: str, by: StaffUser, until: date | None = None
) -> LegalHold:
    """Stop the destruction of everything of the person's, from now; until: the last day, None until it is lifted.

    Raises NotAllowed, ValidationError.
    """
    _check_right(by, "subjects.add_legalhold")
    row = LegalHold(subject=subject, kind=kind, case_number=case_number, body=body, until=until, since=timezone.now())
    row.full_clean()
    row.save()
    return row


@transaction.atomic
def propose_lift(*, hold: LegalHold, by: StaffUser) -> LegalHold:
    """Propose that a hold ends; it stands until somebody else agrees. Raises NotAllowed."""
    hold = LegalHold.objects.select_for_update().get(pk=hold.pk)
    _check_right(by, "subjects.change_legalhold")
    if not hold.is_in_force or hold.lift_proposed_by_id is not None:
        raise NotAllowed(_("This is decided already. Reload the page to see where it stands."), code="overtaken")
    hold.lift_proposed_by, hold.lift_proposed_at = by, timezone.now()
    hold.save(update_fields=["lift_proposed_by", "lift_proposed_at"])
    return hold


@transaction.atomic
def lift(*, hold: LegalHold, by: StaffUser) -> LegalHold:
    """End a hold that somebody else proposed to end: what waited may be destroyed. Raises NotAllowed."""
    hold = LegalHold.objects.select_for_update().get(pk=hold.pk)
    _check_lift_waits(hold)
    _check_right(by, "subjects.lift_legalhold")
    if hold.lift_proposed_by_id == by.pk:
        raise NotAllowed(_("You proposed this, so somebody else must approve it."), code="four_eyes")
    hold.lifted_by, hold.lifted_at = by, timezone.now()
    hold.save(update_fields=["lifted_by", "lifted_at"])
    return hold


@transaction.atomic
def keep(*, hold: LegalHold, by: StaffUser) -> LegalHold:
    """The hold stays: by who may lift it, or who proposed to. Raises NotAllowed."""
    hold = LegalHold.objects.select_for_update().get(pk=hold.pk)
    _check_lift_waits(hold)
    if hold.lift_proposed_by_id != by.pk:
        _check_right(by, "subjects.lift_legalhold")
    hold.lift_proposed_by = hold.lift_proposed_at = None
    hold.save(update_fields=["lift_proposed_by", "lift_proposed_at"])
    return hold


def _check_lift_waits(hold: LegalHold) -> None:
    if hold.lift_proposed_by_id is None or hold.lifted_by_id is not None:
        raise NotAllowed(_("This is decided already. Reload the page to see where it stands."), code="overtaken")
