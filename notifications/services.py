"""The verbs of letters and campaigns that people use (DESIGN 5)."""

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from notifications import outbox
from notifications.doorbell import ring
from notifications.enums import CampaignState, Delivery, LetterState, Priority, SkipReason
from notifications.models import Campaign, DeliveryEvent, Letter
from notifications.ports import TEST
from notifications.rules import NotAllowed, check_may_requeue, check_may_run
from staff.models import StaffUser


def write(
    *,
    kind: str,
    cause: str,
    language: str,
    subject_id: int | None = None,
    staff_id: int | None = None,
    priority: int = Priority.ORDINARY,
) -> Letter:
    """Put one letter into the outbox and ring; a second one of the same cause to the same person is the first.

    cause: `app.Model:pk#kind`. Exactly one of `subject_id`, `staff_id`.
    """
    letter, created = Letter.objects.get_or_create(
        subject_id=subject_id,
        staff_id=staff_id,
        cause=cause,
        defaults={"kind": kind, "language": language, "priority": priority},
    )
    if created:
        ring("notifications.deliver_due")
    return letter


def _locked(campaign: Campaign) -> Campaign:
    return Campaign.objects.select_for_update().get(pk=campaign.pk)


@transaction.atomic
def pause(*, campaign: Campaign, by: StaffUser) -> Campaign:
    """Stop taking new letters; those on their way arrive. Raises NotAllowed."""
    campaign = _locked(campaign)
    check_may_run(campaign, by=by, from_states={CampaignState.RUNNING})
    campaign.state, campaign.paused_by, campaign.paused_at = CampaignState.PAUSED, by, Now()
    campaign.save(update_fields=["state", "paused_by", "paused_at"])
    return campaign


@transaction.atomic
def resume(*, campaign: Campaign, by: StaffUser) -> Campaign:
    """Go on where it stopped; nobody who has the letter gets it again. Raises NotAllowed."""
    campaign = _locked(campaign)
    check_may_run(campaign, by=by, from_states={CampaignState.PAUSED})
    campaign.state, campaign.paused_by, campaign.paused_at = CampaignState.RUNNING, None, None
    campaign.save(update_fields=["state", "paused_by", "paused_at"])
    ring("notifications.deliver_due")
    return campaign


@transaction.atomic
def cancel(*, campaign: Campaign, by: StaffUser) -> Campaign:
    """End it for good: every letter that has not begun to leave is skipped. Raises NotAllowed."""
    campaign = _locked(campaign)
    check_may_run(campaign, by=by, from_states={CampaignState.RUNNING, CampaignState.PAUSED})
    campaign.state, campaign.cancelled_by, campaign.cancelled_at = CampaignState.CANCELLED, by, Now()
    campaign.save(update_fields=["state", "cancelled_by", "cancelled_at"])
    outbox.skip_waiting(campaign, SkipReason.CANCELLED)
    return campaign


@transaction.atomic
def send_test(*, kind: str, cause: str, by: StaffUser, language: str) -> Letter:
    """Send the officer a letter as a customer would get it, to the officer's own e-mail and nobody else's.

    cause: that of the letter itself. Raises NotAllowed for an officer without an e-mail.
    """
    if not by.email:
        raise NotAllowed(_("You have no e-mail in your account: ask the administrator to add one."))
    number = Letter.objects.filter(staff=by, kind=kind).count() + 1
    return write(kind=kind, cause=f"{cause}{TEST}{number}", language=language, staff_id=by.pk)


@transaction.atomic
def requeue(*, letter: Letter, by: StaffUser) -> Letter:
    """Send an uncertain letter again: the only way out of a terminal state, and by a named officer only.

    The reader may get it twice; the Message-ID is the same, so good mail servers drop the copy. Raises NotAllowed.
    """
    letter = Letter.objects.select_for_update().get(pk=letter.pk)
    check_may_requeue(letter, by=by)
    letter.state, letter.done_at, letter.claimed_at, letter.due_at = LetterState.QUEUED, None, None, Now()
    letter.save(update_fields=["state", "done_at", "claimed_at", "due_at"])
    DeliveryEvent.objects.create(letter=letter, kind=Delivery.REQUEUED)
    campaign = letter.campaign
    if campaign and campaign.state == CampaignState.FINISHED:
        campaign.state, campaign.finished_at = CampaignState.RUNNING, None
        campaign.save(update_fields=["state", "finished_at"])
    ring("notifications.deliver_due")
    return letter
