"""What the officers' home says about transfers."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.home import FACTS, NEEDS, Fact, Need
from staff.opened import Opened
from subjects.enums import Disclosure
from transfers import aftermath, agreements, intake, notices
from transfers.enums import Verdict
from transfers.models import Agreement, Country, Quarantined, ShadowMode, Transfer, TransferRule

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


NEEDS.append(agreements_and_proposals)
NEEDS.append(aftermath_that_waits)
FACTS.append(transfers_of_today)
