"""Six digits and the row they belong to: made while a letter or SMS is rendered, kept as a keyed digest alone."""

import secrets
from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import salted_hmac

from subjects.models import CodeChannel, SignInCode

LIVES = timedelta(minutes=10)


def digest_of(handle: UUID, code: str) -> bytes:
    """What a code is kept as; it says nothing without the visit it was asked in."""
    return salted_hmac(f"subjects.sign_in.code.{handle}", code, algorithm="sha256").digest()


def code_of(cause: str) -> int:
    """The code's row that a letter or an SMS is about."""
    return int(cause.partition(":")[2].partition("#")[0])


def make_code(row: SignInCode) -> str:
    """Six fresh digits for the row, whose life begins now; only their digest stays here."""
    code = f"{secrets.randbelow(10**6):06d}"
    row.digest, row.expires_at = digest_of(row.handle, code), timezone.now() + LIVES
    row.save(update_fields=["digest", "expires_at"])
    return code


def is_current(cause: str) -> bool:
    """Only the newest code of a person and use lives."""
    code = SignInCode.objects.filter(pk=code_of(cause), used_at=None, expires_at__gt=Now()).first()
    if code is None:
        return False
    return not newer(code).exists()


def newer(code: SignInCode) -> QuerySet[SignInCode]:
    """Later codes for the same person and use; 0 is nobody's id, so an unknown person costs the same question."""
    return SignInCode.objects.exclude(channel=CodeChannel.PAPER).filter(
        subject=code.subject_id or 0, use=code.use, pk__gt=code.pk, held_back=False
    )
