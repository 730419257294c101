"""Whoever got the data is told when they were corrected, when the consent ended, when they were destroyed (policy 7.1).

The task opens by itself in the transaction of the act; an officer sends the prepared letter and writes down when the
recipient confirmed. Who got the data is what the register of transfers says was sent.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from consent.models import ConsentEvent
from consent.stopping import MAIN_FORM
from staff.models import StaffUser
from staff.rules import NotAllowed, check_has_accepted_undertaking
from subjects.enums import Disclosure
from subjects.models import DataSubject
from transfers.enums import Direction, NoticeReason, SentBy, TransferGround
from transfers.models import RecipientNotice, Release

TELL = "transfers.tell_recipient"


def _sent(subject_id: int) -> QuerySet[Release]:
    return Release.objects.filter(transfer__subject=subject_id, transfer__direction=Direction.OUTGOING)


def _open(
    releases: QuerySet[Release], *, subject_id: int, reason: str, cause: str, only: Collection[str] | None = None
) -> list[RecipientNotice]:
    """A task for every recipient of these sendings; only: the categories it is about, None for all that were sent."""
    found: dict[tuple[int, str], tuple[list[int], set[str]]] = defaultdict(lambda: ([], set()))
    rows = releases.order_by("transfer_id").values_list(
        "transfer_id", "transfer__recipient_id", "transfer__disclosure", "transfer__categories"
    )
    for transfer, recipient, disclosure, categories in rows:
        told = set(categories) if only is None else set(categories) & set(only)
        if told:
            transfers, kinds = found[recipient, disclosure]
            transfers.append(transfer)
            kinds |= told
    return RecipientNotice.objects.bulk_create(
        [
            RecipientNotice(
                recipient_id=recipient,
                subject_id=subject_id,
                reason=reason,
                # one recipient may have got the same data openly and in confidence: each is told apart
                cause=f"{cause}#withheld" if disclosure == Disclosure.WITHHELD else cause,
                categories=sorted(kinds),
                transfers=transfers,
                disclosure=disclosure,
            )
            for (recipient, disclosure), (transfers, kinds) in found.items()
        ],
        ignore_conflicts=True,
    )


def consent_ended(event: ConsentEvent) -> None:
    """Those who got data on this consent; of the consent to processing, all who got them on no duty by law."""
    assert event.subject_id is not None
    rows = _sent(event.subject_id)
    if event.form.code == MAIN_FORM:
        rows = rows.filter(transfer__ground__in=(TransferGround.CONSENT, TransferGround.SERVICE))
    else:
        ground = Q(transfer__consent__form=event.form_id, transfer__consent__scope=event.scope)
        country = Q(transfer__abroad_state__form=event.form_id, transfer__abroad_state__scope=event.scope)
        rows = rows.filter(ground | country)
    cause = f"consent.ConsentEvent:{event.pk}"
    _open(rows, subject_id=event.subject_id, reason=NoticeReason.WITHDRAWN, cause=cause)


def _moment() -> int:
    return int(timezone.now().timestamp() * 1000)


def corrected(subject: DataSubject, category: str) -> None:
    """Those who got the old value of the category."""
    rows = _sent(subject.pk).filter(transfer__categories__contains=[category])
    cause = f"subjects.DataSubject:{subject.pk}#{category}.{_moment()}"
    _open(rows, subject_id=subject.pk, reason=NoticeReason.CORRECTED, cause=cause, only=[category])


def erased(subject: DataSubject, categories: Collection[str]) -> None:
    """Those who got values of the categories that are destroyed now."""
    rows = _sent(subject.pk).filter(transfer__categories__overlap=list(categories))
    cause = f"subjects.DataSubject:{subject.pk}#erased.{_moment()}"
    _open(rows, subject_id=subject.pk, reason=NoticeReason.ERASED, cause=cause, only=categories)


def visible(rows: QuerySet[RecipientNotice], *, by: StaffUser) -> QuerySet[RecipientNotice]:
    """Without tasks about withheld transfers, unless this officer must know of them (DESIGN 4)."""
    may = by.has_perm("transfers.view_withheld_transfer")
    return rows if may else rows.filter(disclosure=Disclosure.SUBJECT)


def waiting(*, by: StaffUser) -> QuerySet[RecipientNotice]:
    """What this officer may see and nobody has confirmed, the oldest first."""
    return visible(RecipientNotice.objects.filter(confirmed_at=None), by=by).order_by("pk")


def check_may_tell(task: RecipientNotice, *, by: StaffUser) -> None:
    """Raises NotAllowed: the role, the undertaking, a withheld task, or it is confirmed already."""
    if not by.has_perm(TELL):
        raise NotAllowed(_("Your role does not tell recipients."), code="role")
    check_has_accepted_undertaking(by)
    if task.disclosure == Disclosure.WITHHELD and not by.has_perm("transfers.view_withheld_transfer"):
        raise NotAllowed(_("Your role does not tell recipients."), code="role")
    if task.confirmed_at is not None:
        raise NotAllowed(_("The recipient has confirmed this already."), code="confirmed")


def may_tell(task: RecipientNotice, *, by: StaffUser) -> bool:
    try:
        check_may_tell(task, by=by)
    except (NotAllowed, PermissionDenied):
        return False
    return True


def _locked(task: RecipientNotice) -> RecipientNotice:
    rows = RecipientNotice.objects.select_for_update(of=("self",))
    return rows.select_related("recipient", "subject").get(pk=task.pk)


@transaction.atomic
def record_sent(
    *, task: RecipientNotice, channel: str, letter_sha256: str, by: StaffUser, at: datetime | None = None
) -> RecipientNotice:
    """The prepared letter went. letter_sha256: of the file the officer saw; channel: SentBy; at: aware, now by default.

    Raises NotAllowed, ValidationError (sent already, in the future, no such way).
    """
    task, now = _locked(task), timezone.now()
    check_may_tell(task, by=by)
    if task.sent_at is not None:
        raise ValidationError(_("A colleague has written down that this letter went."), code="sent")
    if at is not None and not task.opened_at <= at <= now:
        raise ValidationError(_("The letter went after the task began and not in the future."), code="moment")
    task.sent_at, task.sent_by = at or now, by
    task.channel, task.letter_sha256 = SentBy(channel).value, letter_sha256
    task.full_clean(exclude=["recipient", "subject"])
    task.save(update_fields=["sent_at", "sent_by", "channel", "letter_sha256"])
    return task


@transaction.atomic
def record_confirmation(*, task: RecipientNotice, confirmation: str, by: StaffUser) -> RecipientNotice:
    """The recipient answered that it is done. confirmation: number and date of the answer, never a person's name.

    Raises NotAllowed, ValidationError (not sent yet, empty, or it names a person).
    """
    task = _locked(task)
    check_may_tell(task, by=by)
    if task.sent_at is None:
        raise ValidationError(_("First write down that the letter went."), code="unsent")
    if not confirmation.strip():
        raise ValidationError({"confirmation": _("Write number and date of their answer.")})
    task.confirmed_at, task.confirmed_by, task.confirmation = timezone.now(), by, confirmation.strip()
    task.full_clean(exclude=["recipient", "subject"])
    task.save(update_fields=["confirmed_at", "confirmed_by", "confirmation"])
    return task
