"""What officers may do with campaigns and letters: `check_…` raises NotAllowed with a sentence, `may_…` asks."""

from collections.abc import Set

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from notifications.enums import CampaignState, LetterState
from notifications.models import Campaign, Letter
from staff.models import StaffUser


class NotAllowed(ValidationError):
    """The step is not open; the message says why."""


def check_may_run(campaign: Campaign, *, by: StaffUser, from_states: Set[str]) -> None:
    """Pause, resume and cancel need the right and a state they lead out of."""
    if not by.has_perm("notifications.run_campaign"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    if campaign.state not in from_states:
        raise NotAllowed(
            _("The campaign is “%(state)s”, so this step does nothing. Reload the page to see where it stands."),
            code="state",
            params={"state": campaign.get_state_display()},
        )


def may_run(campaign: Campaign, *, by: StaffUser, from_states: Set[str]) -> bool:
    """Whether `check_may_run` would let it pass."""
    try:
        check_may_run(campaign, by=by, from_states=from_states)
    except NotAllowed:
        return False
    return True


def check_may_requeue(letter: Letter, *, by: StaffUser) -> None:
    """Only an uncertain letter may be queued again, by somebody with the right to decide that."""
    if not by.has_perm("notifications.requeue_letter"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    if letter.campaign and letter.campaign.state == CampaignState.CANCELLED:
        raise NotAllowed(_("The campaign was cancelled: none of its letters is sent any more."), code="cancelled")
    if letter.state != LetterState.UNCERTAIN:
        raise NotAllowed(_("Only a letter whose delivery is uncertain can be sent again."), code="state")


def may_requeue(letter: Letter, *, by: StaffUser) -> bool:
    """Whether `check_may_requeue` would let it pass."""
    try:
        check_may_requeue(letter, by=by)
    except NotAllowed:
        return False
    return True
