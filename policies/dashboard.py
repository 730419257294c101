"""What the officers' home says about policies."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from audit.home import FACTS, NEEDS, Fact, Need
from policies import rules
from policies.enums import State
from policies.models import PolicyVersion


def versions_that_wait(request: HttpRequest) -> list[Need]:
    """Versions whose next step is open to this officer; a handful at most, since a policy has one draft."""
    waiting = PolicyVersion.objects.filter(state__in=[State.DRAFT, State.IN_REVIEW, State.APPROVED]).select_related(
        "policy"
    )
    found = []
    for version in waiting:
        url = reverse("admin:policies_policyversion_change", args=[version.pk])
        if rules.may_approve(version, by=request.user):
            found.append(Need(_("%(version)s waits for approval") % {"version": version}, url, urgent=True))
        elif rules.may_schedule(version, by=request.user):
            text = _("%(version)s is approved and can be published") % {"version": version}
            found.append(Need(text, url, urgent=True))
        elif version.state == State.DRAFT and rules.may_edit(version, by=request.user):
            found.append(Need(_("%(version)s is a draft") % {"version": version}, url))
    return found


def in_force(request: HttpRequest) -> list[Fact]:
    """Which policies are in force, and since when."""
    if not request.user.has_perm("policies.view_policyversion"):
        return []
    found = PolicyVersion.objects.in_force().select_related("policy")
    return [
        Fact(
            version.policy.title or version.policy.code,
            _("version %(number)s") % {"number": version.number},
            reverse("admin:policies_policyversion_change", args=[version.pk]),
            _("in force since %(day)s") % {"day": date_format(localtime(version.in_force_during.lower), "DATE_FORMAT")},
        )
        for version in found
    ]


NEEDS.append(versions_that_wait)
FACTS.append(in_force)
