"""What the officers' home says about transfers."""

from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.home import FACTS, NEEDS, Fact, Need
from notifications.enums import LetterState
from staff.opened import Opened
from subjects.enums import Disclosure
from subjects.runs import ImportState
from transfers import aftermath, agreements, assignments, intake, notices
from transfers.demands import SOON
from transfers.enums import Verdict
from transfers.models import (
    Agreement,
    Country,
    InboundDemand,
    Quarantined,
    ShadowMode,
    Transfer,
    TransferBatch,
    TransferRule,
)
from transfers.models.batches import Act
from transfers.models.demands import DemandState

REGISTERS: tuple[type[Opened], ...] = (Agreement, TransferRule, Country, ShadowMode)


def agreements_and_proposals(request: HttpRequest) -> list[Need]:
    """Agreements about to end, for whoever makes them; proposals of others, for whoever approves."""
    found, user = [], request.user
    if user.has_perm("transfers.add_agreement") and (count := agreements.ending().count()):
        url = reverse("admin:transfers_agreement_changelist") + "?ending=soon"
        found.append(Need(_("Agreements with recipients end within 30 days"), url, count))
    for model in REGISTERS:
        name = model._meta.model_name
        if user.has_perm(f"transfers.approve_{name}"):
            count = model.objects.waiting().exclude(proposed_by=user).count()
            if count:
                url = reverse(f"admin:transfers_{name}_changelist") + "?state=waiting"
                text = _("%(register)s: wait for a second person") % {"register": model._meta.verbose_name_plural}
                found.append(Need(text[:1].upper() + text[1:], url, count))
    return found


def aftermath_that_waits(request: HttpRequest) -> list[Need]:
    """Recipients to tell, people whose letter does not go, values in quarantine."""
    found, user = [], request.user
    if user.has_perm(aftermath.TELL):
        if count := aftermath.waiting(by=user).count():
            url = reverse("admin:transfers_recipientnotice_changelist") + "?stand=waiting"
            found.append(Need(_("Recipients must learn that data were corrected, withdrawn or destroyed"), url, count))
        if count := len(notices.untold()):
            url = reverse("admin:transfers_transfernotice_changelist") + "?told=no"
            found.append(Need(_("People were not told of transfers by letter: tell them another way"), url, count))
        if (running := assignments.running()) and (count := assignments.untold(*running).count()):
            url = reverse("admin:transfers_transferbatch_changelist") + "?told=no"
            text = _("People were not told of an assignment by letter: tell them another way")
            found.append(Need(text, url, count))
    if user.has_perm(intake.DECIDE):
        rows = Quarantined.objects.filter(fate="")
        if not user.has_perm("transfers.view_withheld_transfer"):
            rows = rows.filter(transfer__disclosure=Disclosure.SUBJECT)
        if count := rows.count():
            url = reverse("admin:transfers_quarantined_changelist") + "?fate__exact="
            found.append(Need(_("Data that came without a rule: destroy them or take them in"), url, count))
    return found


def transfers_of_today(request: HttpRequest) -> list[Fact]:
    """How many transfers of today were allowed and how many were not."""
    user = request.user
    if not user.has_perm("transfers.view_transfer"):
        return []
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    rows = Transfer.objects.filter(at__gte=midnight)
    if not user.has_perm("transfers.view_withheld_transfer"):
        rows = rows.filter(disclosure=Disclosure.SUBJECT)
    allowed = rows.filter(decision=Verdict.ALLOW).count()
    return [
        Fact(
            _("Transfers today"),
            allowed,
            reverse("admin:transfers_transfer_changelist") + "?period=day",
            _("allowed; refused or not set up: %(refused)s") % {"refused": rows.count() - allowed},
        )
    ]


def demands_that_wait(request: HttpRequest) -> list[Need]:
    """Demands from outside: late, soon due, and those whose decision waits for this officer; one statement."""
    user = request.user
    may_work, may_approve = (user.has_perm(f"transfers.{verb}_inbounddemand") for verb in ("handle", "approve"))
    if not (may_work or may_approve):
        return []
    now, rows = timezone.now(), InboundDemand.objects.open().told(user.has_perm("transfers.view_withheld_transfer"))
    found = rows.with_term().aggregate(
        overdue=Count("pk", filter=Q(term__lt=now)),
        soon=Count("pk", filter=Q(term__gte=now, term__lt=now + SOON)),
        proposed=Count("pk", filter=Q(state=DemandState.PROPOSED) & ~Q(decided_by=user)),
        granted=Count("pk", filter=Q(state=DemandState.GRANTED)),
    )
    url = reverse("admin:transfers_inbounddemand_changelist")
    shown = [
        (True, found["overdue"], _("Demands from outside: the term is over"), "?term=overdue", True),
        (True, found["soon"], _("Demands from outside: due within three days"), "?term=soon", True),
        (
            may_approve,
            found["proposed"],
            _("Demands from outside: approve an answer"),
            "?state__exact=proposed",
            False,
        ),
        (may_work, found["granted"], _("Demands from outside: take the data out"), "?state__exact=granted", False),
    ]
    return [
        Need(text, url + query, count, urgent=urgent) for there, count, text, query, urgent in shown if there and count
    ]


NEEDS.append(agreements_and_proposals)
NEEDS.append(aftermath_that_waits)


def batches_that_wait(request: HttpRequest) -> list[Need]:
    """Batches that were checked and wait for a second person; announced assignments whose act is to be entered."""
    user, found = request.user, []
    url = reverse("admin:transfers_transferbatch_changelist")
    rows = TransferBatch.objects.filter(state=ImportState.DONE)
    if user.has_perm("transfers.approve_transferbatch"):
        waiting = rows.filter(act=Act.PREVIEW, allowed__gt=0).exclude(started_by=user)
        if count := waiting.count():
            found.append(Need(_("Batches of transfers: confirm or give up"), f"{url}?act__exact=preview", count))
    if user.has_perm("transfers.add_transferbatch") and (announced := assignments.announced()):
        written = assignments.planned(*announced)
        if late := assignments.batches_of(assignments.will_not_go(written)):
            text = _("Assignments of claims: tell those whom no letter reached before you enter the act")
            found.append(Need(text, f"{url}?told=no", len(late)))
        if ready := set(announced) - assignments.batches_of(written.exclude(state=LetterState.SENT)):
            text = _("Assignments of claims: the persons were told, enter the act")
            found.append(Need(text, f"{url}?act__exact=announced", len(ready)))
    return found


NEEDS.append(demands_that_wait)
NEEDS.append(batches_that_wait)
FACTS.append(transfers_of_today)
