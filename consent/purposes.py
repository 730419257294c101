"""Changing what is said of a purpose: an officer proposes an edition, another one approves it (94-V art. 7)."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from consent.models import SAID, Purpose, PurposeEdition
from staff import opening
from staff.models import StaffUser


def edition_of(purpose: Purpose) -> PurposeEdition:
    """An unsaved edition that says what is said of the purpose now."""
    return PurposeEdition(code=purpose.code, **{name: getattr(purpose, name) for name in SAID})


def check_dates(edition: PurposeEdition) -> None:
    """The past is not rewritten: the first day of a known purpose stays, a last day is not past, nor a new first one.

    Raises ValidationError.
    """
    today, known = timezone.localdate(), Purpose.objects.filter(code=edition.code).first()
    begun = known is not None and known.valid_from <= today
    if begun and known and edition.valid_from != known.valid_from:
        raise ValidationError({"valid_from": _("The purpose is in force since that day already: it cannot be moved.")})
    if not begun and edition.valid_from < today:
        raise ValidationError({"valid_from": _("This day is past: a purpose is in force from today or later.")})
    if edition.valid_to is not None and edition.valid_to < today:
        raise ValidationError({"valid_to": _("This day is past: a purpose ends today or later.")})


@transaction.atomic
def propose(edition: PurposeEdition, *, by: StaffUser) -> PurposeEdition:
    """Put an edition before a second person; the purpose stays as it is. Raises NotAllowed, ValidationError."""
    check_dates(edition)
    return opening.propose(edition, by=by)


@transaction.atomic
def approve(edition: PurposeEdition, *, by: StaffUser) -> PurposeEdition:
    """Let an edition take effect now: it is written over its purpose, or makes a new one at the end of the list.

    A first day that passed while the edition waited becomes today. Raises NotAllowed, Overtaken, ValidationError.
    """
    opening.alone(PurposeEdition)
    edition = PurposeEdition.objects.filter(pk=edition.pk).first() or edition
    today = timezone.localdate()
    if (
        edition.in_force_during is None
        and edition.valid_from < today
        and not Purpose.objects.filter(code=edition.code, valid_from__lte=today).exists()
    ):
        edition.valid_from = today
        if opening.may_approve(edition, by=by):
            edition.save(update_fields=["valid_from"])
    check_dates(edition)
    edition = opening.approve(edition, by=by)
    said = {name: getattr(edition, name) for name in SAID}
    last = Purpose.objects.aggregate(last=Max("order"))["last"] or 0
    Purpose.objects.update_or_create(code=edition.code, defaults=said, create_defaults={**said, "order": last + 1})
    return edition
