"""Telling people that their claim was assigned, within the term of the law (56-V art. 9-1): a clock a batch.

The clock stops when every letter was sent; whom no letter reached, an officer tells another way.
"""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet
from django.utils.translation import gettext as _

from notifications.enums import LetterState
from notifications.models import Letter
from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import deadlines
from subjects.clock_models import Deadline
from transfers.aftermath import TELL
from transfers.enums import Verdict
from transfers.letters import ASSIGNMENT_DONE, ASSIGNMENT_PLANNED
from transfers.models import BatchRow, TransferBatch
from transfers.models.batches import Act
from transfers.notices import UNSENT, midnight

RULE = "ASSIGN_NOTICE"
ABOUT = "transfers.TransferBatch:"


def start_clock(batch: TransferBatch) -> None:
    """The term runs from the day of the act, whenever it is entered; none where the law clock had no such term then.

    Raises CalendarMissing.
    """
    at = midnight(batch.act_date)
    try:
        deadlines.rule(RULE, at=at)
    except NotAllowed:
        return
    deadlines.start(rule_code=RULE, about=batch.about, at=at)


def _written(kind: str, batches: Collection[int], rows: QuerySet[BatchRow]) -> QuerySet[Letter]:
    people = rows.filter(batch__in=batches).values("subject")
    # by person too: the outbox is looked up by its addressees
    return Letter.objects.filter(cause__in=[f"{ABOUT}{pk}#{kind}" for pk in batches], subject__in=people)


def planned(*batches: int) -> QuerySet[Letter]:
    """What was written to the persons whose claims these batches are going to assign, by their keys."""
    return _written(ASSIGNMENT_PLANNED, batches, BatchRow.objects.filter(decision=Verdict.ALLOW))


def letters(*batches: int) -> QuerySet[Letter]:
    """What was written to the persons whose claims these batches assigned, by their keys."""
    return _written(ASSIGNMENT_DONE, batches, BatchRow.objects.filter(outcome__assigned=True))


def on_their_way(written: QuerySet[Letter]) -> QuerySet[Letter]:
    """Those of which it is not known yet whether they go."""
    return written.exclude(state__in=[LetterState.SENT, *UNSENT])


def will_not_go(written: QuerySet[Letter]) -> QuerySet[Letter]:
    """Those that will not go by themselves: an officer has to tell their persons another way."""
    return written.filter(state__in=UNSENT).select_related("subject").order_by("pk")


def batches_of(written: QuerySet[Letter]) -> set[int]:
    """Keys of the batches that these letters are about."""
    causes = written.order_by().values_list("cause", flat=True).distinct()
    return {int(cause.removeprefix(ABOUT).partition("#")[0]) for cause in causes}


def announced() -> list[int]:
    """Keys of the batches that wait for their act: the persons are told before it."""
    return list(TransferBatch.objects.filter(act=Act.ANNOUNCED).values_list("pk", flat=True))


def running() -> list[int]:
    """Keys of the batches whose clock runs."""
    found = Deadline.objects.open().filter(about__startswith=ABOUT, rule__code=RULE).values_list("about", flat=True)
    return [int(about.removeprefix(ABOUT)) for about in found]


def meet_if_told(batch: TransferBatch) -> bool:
    """Stop the clock of what is carried out when the mail server took every letter: at the moment of the last one.

    Where nothing was assigned there is nobody to tell, and it stops when the batch was done.
    """
    clock = deadlines.of(batch.about).open().first()
    if clock is None:
        return False
    found = letters(batch.pk).aggregate(unsent=Count("pk", filter=~Q(state=LetterState.SENT)), last=Max("done_at"))
    if not found["unsent"]:
        deadlines.meet(deadline=clock, at=found["last"] or batch.acted_at)
    return not found["unsent"]


def meet_told() -> int:
    """Stop the clocks of assignments of which everybody was told; how many."""
    done = TransferBatch.objects.filter(pk__in=running(), act=Act.DONE).defer("sealed_file")
    return sum(meet_if_told(batch) for batch in done)


def untold(*batches: int) -> QuerySet[Letter]:
    """Letters of what was assigned that will not go by themselves."""
    return will_not_go(letters(*batches))


def with_untold() -> set[int]:
    """Keys of the batches of which a letter will not go: before the act, or while the clock of the notice runs."""
    return batches_of(untold(*running())) | batches_of(will_not_go(planned(*announced())))


def check_may_tell(batch: TransferBatch, *, by: StaffUser) -> None:
    """Whether an officer may say that whom no letter reached was told another way. Raises NotAllowed."""
    if not by.has_perm(TELL):
        raise NotAllowed(_("Your role does not tell people of transfers."), code="role")
    if not deadlines.of(batch.about).open().exists():
        raise NotAllowed(_("The persons were told of this assignment already."), code="met")
    if batch.act != Act.DONE or on_their_way(letters(batch.pk)).exists():
        raise NotAllowed(_("Letters are still on their way. Wait until each is sent or has failed."), code="waiting")


@transaction.atomic
def told_otherwise(*, batch: TransferBatch, by: StaffUser) -> Deadline:
    """Whom no letter reached was told by post, telephone or in person: the clock stops. Raises NotAllowed."""
    check_may_tell(batch, by=by)
    return deadlines.meet(deadline=deadlines.of(batch.about).open().get())
