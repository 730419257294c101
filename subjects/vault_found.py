"""What somebody else has in the place of a value of ours: sealed with the value's key until it is decided about."""

from collections.abc import Mapping

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from audit.models import AccessRecord
from staff.models import StaffUser
from staff.rules import check_has_accepted_undertaking
from subjects import cipher
from subjects.enums import RevealReason
from subjects.models import PersonalData
from subjects.vault import Parts, check_job, keys_of, named

FOUND = "subjects.Verification.sealed_found"


def seal_found(*, value: PersonalData, parts: Mapping[str, str]) -> bytes:
    """What somebody else has in the place of a value, sealed with the value's own key until it is decided about."""
    key = keys_of([value.subject_id], [value.retention_class])[value.subject_id, value.retention_class]
    return cipher.seal_parts(
        key,
        dict(parts),
        subject=value.subject.public_id,
        class_=value.retention_class,
        category=value.category.code,
        field=FOUND,
    )


@transaction.atomic
def open_found(job: str, *, value: PersonalData, sealed: bytes) -> Parts:
    """The third door for what `seal_found` sealed, when it takes the value's place. Raises as `open_for`."""
    check_job(job, value.category.code)
    AccessRecord.objects.create(
        door=AccessRecord.Door.JOB, reference=str(value.subject), category=value.category.code, reason=job
    )
    return _open_found(value, sealed)


@transaction.atomic
def reveal_found(*, value: PersonalData, sealed: bytes, by: StaffUser, reason: str) -> Parts:
    """The first door for what `seal_found` sealed. Raises as `reveal`."""
    if not by.has_perm("subjects.reveal_value"):
        raise PermissionDenied(_("Your role does not open values."))
    check_has_accepted_undertaking(by)
    AccessRecord.objects.create(
        door=AccessRecord.Door.REVEAL,
        reference=named(value),
        category=value.category.code,
        reason=RevealReason(reason).value,
    )
    return _open_found(value, sealed)


def _open_found(value: PersonalData, sealed: bytes) -> Parts:
    key = keys_of([value.subject_id], [value.retention_class]).get((value.subject_id, value.retention_class))
    if key is None:
        raise PermissionDenied(_("The key of this value was destroyed: nobody can open it any more."))
    return cipher.open_parts(
        key,
        bytes(sealed),
        subject=value.subject.public_id,
        class_=value.retention_class,
        category=value.category.code,
        field=FOUND,
    )
