"""Checking values against others' words (policy 2.2): a mismatch waits for an officer, nothing is overwritten."""

from collections.abc import Mapping
from datetime import datetime

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from staff.models import StaffUser
from staff.rules import check_has_accepted_undertaking
from subjects import corrections, ports, recording, rules, vault, vault_found
from subjects.enums import Origin, OverrideReason, Source
from subjects.models import DataSubject, PersonalData, Verification

Against, Result, Decision = Verification.Against, Verification.Result, Verification.Decision
# a mismatch found against these is the person's own word
OWN_WORDS = (Against.DOCUMENT, Against.CALL)


@transaction.atomic
def note(
    *,
    value: PersonalData,
    against: str,
    result: str,
    found: Mapping[str, str] | None = None,
    at: datetime | None = None,
) -> Verification:
    """Write down that a value was checked, against what, and how it came out; the value itself stays.

    found: what the other side has, of a mismatch; sealed until an officer decides. at: aware, now by default.
    Raises recording.Unfit when `found` cannot be a value of the category, ValidationError when nothing differs.
    """
    if found is not None and result != Result.MISMATCH:
        raise ValidationError({"found": _("Only of a value that differs the other one is told.")})
    sealed = None
    if found is not None:
        (parts,) = recording.fit(
            value.category.code, values=[found], override=OverrideReason.REGISTER, today=timezone.localdate()
        )
        sealed = vault_found.seal_found(value=value, parts=parts)
    row = Verification(
        value=value, against=against, result=result, sealed_found=sealed, checked_at=at or timezone.now()
    )
    row.full_clean(exclude={"value"})
    row.save()
    return row


def check_may_decide(row: Verification, *, by: StaffUser) -> None:
    """A mismatch that nobody has decided about, by who has the right and the undertaking. Raises PermissionDenied."""
    if not by.has_perm("subjects.decide_verification"):
        raise PermissionDenied(_("Your role does not decide about values that differ."))
    check_has_accepted_undertaking(by)
    if not row.is_open:
        raise PermissionDenied(_("This is decided already. Reload the page to see where it stands."))


@transaction.atomic
def decide(*, row: Verification, decision: str, by: StaffUser) -> Verification:
    """Decide about a value that differs: keep ours, or put what was found in its place; history keeps the old one.

    Raises PermissionDenied; ValidationError when it was not told what the other side has, the value has a page of its
    own (`corrections.OWN_PAGES`), or the person's data is blocked.
    """
    row = Verification.objects.select_for_update().get(pk=row.pk)
    check_may_decide(row, by=by)
    value = PersonalData.objects.select_related("subject", "category").get(pk=row.value_id)
    if decision == Decision.CORRECTED:
        if row.sealed_found is None:
            raise ValidationError(_("It was not told what the other side has: record the right value yourself."))
        corrections.check_has_no_page(value.category.code)
        rules.check_is_open(DataSubject.objects.select_for_update().get(pk=value.subject_id))
        parts = vault_found.open_found(recording.JOB, value=value, sealed=row.sealed_found)
        origin = Origin.SUBJECT if row.against in OWN_WORDS else Origin.THIRD_PARTY
        vault.change(value=value, parts=parts, source=Source.OFFICER, origin=origin, collected_at=row.checked_at)
        recording.reindex(value.subject, category=value.category.code)
        ports.corrected(value.subject, value.category.code)
    row.decision, row.decided_by, row.decided_at = Decision(decision).value, by, timezone.now()
    row.sealed_found = None
    row.save(update_fields=["decision", "decided_by", "decided_at", "sealed_found"])
    return row
