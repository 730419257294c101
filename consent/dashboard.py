"""What the officers' home says about consents."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from audit.home import NEEDS, Need
from consent import paper


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


NEEDS.append(papers_that_wait)
