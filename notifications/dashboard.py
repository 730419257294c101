"""What the officers' home says about letters."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from audit.home import FACTS, NEEDS, Fact, Need
from notifications import reports
from notifications.enums import CampaignState, LetterState
from notifications.models import Campaign, Letter


def letters_that_wait(request: HttpRequest) -> list[Need]:
    """Uncertain letters to decide on, and campaigns that stand still."""
    found = []
    if request.user.has_perm("notifications.requeue_letter"):
        count = Letter.objects.filter(state=LetterState.UNCERTAIN).count()
        if count:
            url = reverse("admin:notifications_letter_changelist") + f"?state__exact={LetterState.UNCERTAIN}"
            found.append(Need(_("Letters whose delivery is uncertain"), url, count))
    if request.user.has_perm("notifications.run_campaign"):
        for campaign in Campaign.objects.filter(state__in=[CampaignState.RUNNING, CampaignState.PAUSED]):
            url = reverse("admin:notifications_campaign_change", args=[campaign.pk])
            if campaign.state == CampaignState.PAUSED:
                found.append(Need(_("A campaign is paused"), url))
            elif reports.progress(campaign).stalled:
                found.append(Need(_("A campaign has stalled"), url, urgent=True))
    return found


def newest_campaign(request: HttpRequest) -> list[Fact]:
    """How far the newest campaign is."""
    if not request.user.has_perm("notifications.view_campaign"):
        return []
    campaign = Campaign.objects.order_by("-pk").first()
    if campaign is None:
        return []
    progress = reports.progress(campaign)
    done, total = (number_format(n, force_grouping=True) for n in (progress.done, progress.total))
    return [
        Fact(
            _("Letters of the newest campaign"),
            _("%(done)s of %(total)s") % {"done": done, "total": total},
            reverse("admin:notifications_campaign_change", args=[campaign.pk]),
            campaign.get_state_display(),
        )
    ]


NEEDS.append(letters_that_wait)
FACTS.append(newest_campaign)
