"""What the officers' page about a person says of their requests; one query."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from subjects import subject_page
from subjects.models import DataSubject, SubjectRequest

SHOWN = 20


def requests(request: HttpRequest, subject: DataSubject) -> dict | None:
    """A row a request, with a link to register another; nothing withheld for who need not know."""
    if not request.user.has_perm("subjects.view_subjectrequest"):
        return None
    rows = SubjectRequest.objects.seen_by(request.user).filter(subject=subject)
    place = "admin:subjects_subjectrequest"
    told = [
        (
            reverse(f"{place}_change", args=[row.pk]),
            [
                str(row),
                "; ".join(row.asked),
                row.get_state_display(),
                date_format(row.received_at, "SHORT_DATE_FORMAT"),
            ],
        )
        for row in rows.defer("sealed_text", "sealed_value", "sealed_answer")[:SHOWN]
    ]
    may_add = request.user.has_perm("subjects.add_subjectrequest")
    return {
        "title": _("Requests of the person"),
        "head": (_("number"), _("what is asked"), _("state"), _("received at")),
        "rows": told,
        "add": may_add and f"{reverse(f'{place}_add')}?subject={subject}",
    }


subject_page.PARTS.append(subject_page.Part(28, "admin/subjects/_part.html", requests))
