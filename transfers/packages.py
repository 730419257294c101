"""Preparing a package: an officer takes out exactly what the gate allowed, once, and the transfer is released with it.

The values come through the vault's first door, a record a value; the bytes' SHA-256 is what `services.release` keeps
(94-V art. 15; policy 4.2, 5.5).
"""

from typing import NamedTuple

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import vault_out
from subjects.enums import Disclosure
from subjects.models import DataCategory
from transfers import gate, package_files, services
from transfers.decisions import Question
from transfers.enums import Direction
from transfers.facts import AUTHORISE
from transfers.models import Release, Transfer
from transfers.package_files import File, Format, Watermark
from transfers.shadow import goes


class PackageReason(models.TextChoices):
    """Why an officer takes data out: a code, because free text could speak of the person."""

    AGREEMENT = "package_agreement", pgettext_lazy("reason", "sending under the agreement with the recipient")
    DEMAND = "package_demand", pgettext_lazy("reason", "answering a demand")
    REQUEST = "package_request", pgettext_lazy("reason", "the person asked to send it")
    CLAIM = "package_claim", pgettext_lazy("reason", "defending our rights")


class Package(NamedTuple):
    """The file and the release that says it went."""

    file: File
    release: Release


def check_may_prepare(transfer: Transfer, *, by: StaffUser) -> None:
    """What was refused, or comes in, is not taken out; what shadow mode lets through is. Raises NotAllowed.

    Whether its time is over, and whether it went already, `services.release` says.
    """
    if not by.has_perm("transfers.prepare_package"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    if transfer.disclosure == Disclosure.WITHHELD and not by.has_perm("transfers.view_withheld_transfer"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    if transfer.direction != Direction.OUTGOING:
        raise NotAllowed(_("These data come to us: there is nothing to take out."), code="direction")
    if transfer.token_digest is None:
        raise NotAllowed(_("The gate did not allow this transfer: nothing may be taken out."), code="refused")


def watermark(transfer: Transfer, *, by: StaffUser) -> Watermark:
    """Of a transfer that `by` takes out now; the account's name, which every page of the register shows too."""
    return Watermark(str(transfer.public_id), transfer.recipient.code, by.username, package_files.now())


@transaction.atomic
def prepare(*, transfer: Transfer, token: str, format: str, reason: str, by: StaffUser) -> Package:
    """Build the file of the allowed categories and nothing else, record each look, release the transfer with its hash.

    token: what `services.authorise` answered; format, reason: of `Format`, `PackageReason`. Raises NotAllowed,
    NotReleased, ValidationError when we hold nothing of it, PermissionDenied without the undertaking; then nothing of
    it was written.
    """
    check_may_prepare(transfer, by=by)
    question = Question.from_json(transfer.inputs["question"])
    if not goes(question, gate.ask(question, permission=AUTHORISE)):
        raise NotAllowed(
            _("The gate does not allow this transfer any more: ask it again to see why."), code="not_allowed_now"
        )
    values = vault_out.take_out(
        subject=transfer.subject,
        categories=transfer.categories,
        by=by,
        reason=PackageReason(reason).value,
        withheld=transfer.disclosure == Disclosure.WITHHELD,
    )
    if not values:
        raise ValidationError(_("We hold no value of these categories: there is nothing to send."), code="empty")
    if excess := sorted({value.category for value in values} - set(transfer.categories)):
        raise PermissionDenied(f"not authorised: {', '.join(excess)}")
    titles = {row.code: str(row) for row in DataCategory.objects.filter(code__in=transfer.categories)}
    file = package_files.of_one(
        Format(format), values=values, asked=transfer.categories, titles=titles, mark=watermark(transfer, by=by)
    )
    release = services.release(
        token=token, payload_sha256=file.sha256, size=len(file.content), transfer=transfer.public_id
    )
    return Package(file, release)
