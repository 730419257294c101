"""What people say on paper or by phone: the scan, sealed with the evidence key, and who typed it (94-V art. 8).

A scan is stored once by the digest of its content, and its type is what its content says, not its name.
"""

import base64
import hashlib
from datetime import datetime

from django.db import models, transaction
from django.utils.translation import pgettext_lazy

from consent import ledger, rules
from consent.enums import Channel, Trust
from consent.ledger import Proof
from consent.models import ConsentEvent, ConsentForm, Scan
from staff.models import StaffUser
from subjects import evidence, vault
from subjects.files import ENDINGS, MOST_BYTES, media_type  # noqa: F401 -- read through this module
from subjects.models import DataSubject

WHAT = "consent.scan"


class WithdrawalReason(models.TextChoices):
    """How the person told us of a withdrawal: a code, because free text could speak of the person."""

    WRITTEN = "withdrawal_written", pgettext_lazy("reason", "a signed statement of the person")
    OFFICE = "withdrawal_in_office", pgettext_lazy("reason", "said in the office, document checked")
    CALL = "withdrawal_by_call", pgettext_lazy("reason", "said by phone, identity checked")
    REPRESENTATIVE = (
        "withdrawal_by_representative",
        pgettext_lazy("reason", "a representative with power of attorney"),
    )


class DeclineReason(models.TextChoices):
    """Why a paper is no consent."""

    UNSIGNED = "not_signed", pgettext_lazy("reason", "it is not signed")
    OTHER_FORM = "other_form", pgettext_lazy("reason", "it is about another form or text")
    OTHER_PERSON = "other_person", pgettext_lazy("reason", "it is another person's")
    OTHER_DATE = "other_date", pgettext_lazy("reason", "its date is another one")
    UNREADABLE = "unreadable", pgettext_lazy("reason", "it cannot be read, or there is no paper")


class ScanReason(models.TextChoices):
    """Why an officer opens a scan."""

    CONFIRM = "scan_confirm", pgettext_lazy("reason", "comparing it with what was typed")
    REQUEST = "scan_request", pgettext_lazy("reason", "the person asked about their consent")
    DEMAND = "scan_demand", pgettext_lazy("reason", "a lawful demand of a state body or court")
    CHECK = "scan_check", pgettext_lazy("reason", "internal check")


@transaction.atomic
def store(*, subject: DataSubject, content: bytes) -> Scan:
    """Keep a scan, sealed; the same content of the same person is the same scan. Raises ValidationError."""
    kind, digest = media_type(content), hashlib.sha256(content).hexdigest()
    found = Scan.objects.defer("sealed").filter(subject=subject, sha256=digest).first()
    if found:
        return found
    sealed = evidence.seal(subject=subject, what=WHAT, parts={"content": base64.b64encode(content).decode()})
    return Scan.objects.create(subject=subject, sha256=digest, media_type=kind, size=len(content), sealed=sealed)


@transaction.atomic
def open_scan(*, scan: Scan, by: StaffUser, reason: str) -> bytes:
    """The content of a scan for an officer who says why; the record is written before it leaves (policy 5.5).

    Raises PermissionDenied, ValueError for an unknown reason.
    """
    rules.check_may_open_scan(by=by)
    reason = ScanReason(reason).value
    parts = vault.reveal_proof(subject=scan.subject, what=WHAT, sealed=bytes(scan.sealed), by=by, reason=reason)
    return base64.b64decode(parts["content"])


@transaction.atomic
def record_withdrawal(
    *,
    subject: DataSubject,
    form: ConsentForm,
    scope: str,
    channel: str,
    occurred_at: datetime | None,
    reason: str,
    by: StaffUser,
    content: bytes | None = None,
) -> ConsentEvent:
    """Write down a withdrawal that was made on paper or by phone; one officer is enough to stop a use (94-V art. 8(2)).

    reason: of `WithdrawalReason`. occurred_at: when it was said, None for now. content: a scan. Raises
    PermissionDenied, ValidationError.
    """
    rules.check_may_record(by)
    scan = store(subject=subject, content=content) if content else None
    return ledger.withdraw(
        subject=subject,
        form=form,
        scope=scope,
        proof=Proof(Channel(channel).value, Trust.STAFF_ENTERED, scan=scan),
        reason=WithdrawalReason(reason).value,
        occurred_at=occurred_at,
    )


def waiting() -> models.QuerySet[ConsentEvent]:
    """What was typed and waits for a second person, oldest first."""
    rows = ConsentEvent.objects.filter(kind="pending_confirmation", consequences=None)
    return rows.select_related("subject", "form", "version", "user").order_by("pk")
