"""What the officers' page about a person says of their answers."""

from django.http import HttpRequest

from consent.models import Acknowledgement, NoticeServed
from subjects import subject_page
from subjects.models import DataSubject


def answers(request: HttpRequest, subject: DataSubject) -> dict | None:
    """What the person was shown last and what they answered, newest first."""
    if not request.user.has_perm("consent.view_acknowledgement"):
        return None
    given = Acknowledgement.objects.filter(subject=subject).select_related("version__policy").order_by("-pk")
    served = NoticeServed.objects.filter(subject=subject).select_related("version__policy").order_by("-pk")
    return {"answers": given[:20], "served": served.first()}


subject_page.PARTS.append(subject_page.Part(20, "admin/consent/_answers.html", answers))
