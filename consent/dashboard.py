"""What the officers' home says about consents."""

from datetime import timedelta

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.home import NEEDS, Need
from consent import feed, known_twice, paper
from consent.enums import FormState
from consent.models import ConsentFormVersion, DataList, PurposeCategory, PurposeEdition, RetentionRule, Subscriber
from staff.opened import Opened

REGISTERS: tuple[type[Opened], ...] = (PurposeCategory, PurposeEdition, RetentionRule, DataList)
# how long a system may take to obey before somebody is told
PATIENCE = timedelta(hours=1)


def papers_that_wait(request: HttpRequest) -> list[Need]:
    """Consents typed from paper that this officer may compare: a colleague's, not their own."""
    if not request.user.has_perm("consent.confirm_consentevent"):
        return []
    count = paper.waiting().exclude(user=request.user).count()
    return (
        [Need(_("Consents from paper wait for a second person"), reverse("admin:consent_waiting"), count)]
        if count
        else []
    )


def proposals_that_wait(request: HttpRequest) -> list[Need]:
    """Forms in review, cells, purposes, rules and lists that a colleague proposed."""
    found, user = [], request.user
    if user.has_perm("consent.approve_consentformversion"):
        count = ConsentFormVersion.objects.filter(state=FormState.IN_REVIEW).exclude(submitted_by=user).count()
        if count:
            url = reverse("admin:consent_consentformversion_changelist") + "?state__exact=in_review"
            found.append(Need(_("Consent forms wait for a second person"), url, count))
    for model in REGISTERS:
        name = model._meta.model_name
        if user.has_perm(f"consent.approve_{name}"):
            count = model.objects.waiting().exclude(proposed_by=user).count()
            if count:
                url = reverse(f"admin:consent_{name}_changelist") + "?state=waiting"
                if model is PurposeCategory:
                    url = reverse("admin:consent_matrix")
                text = _("%(register)s: wait for a second person") % {"register": model._meta.verbose_name_plural}
                found.append(Need(text[:1].upper() + text[1:], url, count))
    return found


def systems_that_lag(request: HttpRequest) -> list[Need]:
    """Systems that have not obeyed a change for over an hour; a withdrawal may be among what they have not."""
    if not request.user.has_perm("consent.view_subscriber"):
        return []
    limit = timezone.now() - PATIENCE
    late = [s for s in Subscriber.objects.all() if (since := feed.behind(s).since) and since < limit]
    if not late:
        return []
    url = reverse("admin:consent_subscriber_changelist")
    return [Need(_("Systems have not obeyed changes of consents for over an hour"), url, len(late), urgent=True)]


def files_that_differ(request: HttpRequest) -> list[Need]:
    """Two files of one person, one of which still goes by an older yes; the first of them is opened."""
    if not known_twice.may_settle(request.user):
        return []
    count, first = known_twice.waiting()
    if not count:
        return []
    url = reverse("admin:consent_known_twice", args=[first])
    return [Need(_("Two files of one person: a no of one is not yet followed in the other"), url, count)]


NEEDS.append(papers_that_wait)
NEEDS.append(files_that_differ)
NEEDS.append(proposals_that_wait)
NEEDS.append(systems_that_lag)
