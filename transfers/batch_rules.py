"""When a step of a batch is open, as pairs: `check_…` raises with a sentence, `may` asks (DESIGN 7)."""

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects.runs import ImportState
from transfers.models.batches import TRANSITIONS, Act, BatchKind, TransferBatch


def _check_right(by: StaffUser, right: str) -> None:
    if not by.has_perm(right):
        raise NotAllowed(_("Your role does not include this step."), code="permission")


def _check_leads_to(batch: TransferBatch, act: str) -> None:
    if act not in TRANSITIONS[batch.act]:
        raise NotAllowed(_("This is decided already. Reload the page to see where it stands."), code="overtaken")


def first_step(batch: TransferBatch) -> Act:
    """What follows a confirmation: the persons are told of an assignment before it is made (56-V art. 9-1)."""
    return Act.ANNOUNCING if batch.kind == BatchKind.CESSION else Act.RUNNING


def check_may_confirm(batch: TransferBatch, *, by: StaffUser) -> None:
    """The second person, of a file that was checked and of which the gate allows something. Raises NotAllowed."""
    _check_right(by, "transfers.approve_transferbatch")
    _check_leads_to(batch, first_step(batch))
    if batch.state != ImportState.DONE or not batch.allowed:
        raise NotAllowed(_("The gate allows none of its rows: there is nothing to confirm."), code="nothing")
    if batch.started_by_id == by.pk:
        raise NotAllowed(_("You uploaded this file, so somebody else must confirm it."), code="four_eyes")


def check_may_assign(batch: TransferBatch, *, by: StaffUser) -> None:
    """The assignment was made: its act is entered and the data go. Raises NotAllowed."""
    _check_right(by, "transfers.add_transferbatch")
    if batch.kind != BatchKind.CESSION:
        raise NotAllowed(_("Only an assignment has an act."), code="kind")
    if batch.act != Act.ANNOUNCED:
        raise NotAllowed(_("The act is entered after the persons were told, and once."), code="overtaken")


def check_may_give_up(batch: TransferBatch, *, by: StaffUser) -> None:
    """By who uploaded it or who may confirm it, before anything left. Raises NotAllowed."""
    if batch.started_by_id != by.pk:
        _check_right(by, "transfers.approve_transferbatch")
    _check_leads_to(batch, Act.GIVEN_UP)


def check_may_take_out(batch: TransferBatch, *, by: StaffUser) -> None:
    """The file for the recipient, when all of it is done. Raises NotAllowed."""
    _check_right(by, "transfers.prepare_package")
    _check_right(by, "transfers.add_transferbatch")
    if batch.act != Act.DONE:
        raise NotAllowed(_("The file for the recipient is there when the act is carried out."), code="not_done")


def may(check: Callable[..., None], batch: TransferBatch, *, by: StaffUser) -> bool:
    """Whether one of the checks above would let it pass."""
    try:
        check(batch, by=by)
    except ValidationError:
        return False
    return True
