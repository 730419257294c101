"""Letters about requests: that a message waits, and never what it says; and the digest of what is due for officers."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.ports import LetterKind
from notifications.services import write
from staff.models import Operator, StaffUser
from subjects import deadlines
from subjects.enums import Disclosure
from subjects.requests import Refusal, SubjectRequest

RECEIVED, PAUSED = "request_received", "request_paused"
ANSWERED, REFUSED = "request_answered", "request_refused"
DUE = "requests_due"


def tell(request: SubjectRequest, kind: str) -> None:
    """Tell the person; nothing of a request that is withheld, nor before it is established who asks."""
    if request.subject_id is None or request.identified_at is None or request.disclosure == Disclosure.WITHHELD:
        return
    # a request may pause more than once
    again = f".{int(timezone.now().timestamp())}" if kind == PAUSED else ""
    write(kind=kind, cause=f"{request.about}#{kind}{again}", language=request.language, subject_id=request.subject_id)


def _key_of(cause: str) -> int:
    return int(cause.partition(":")[2].partition("#")[0])


def _operator(language: str) -> dict:
    operator = Operator.current()
    return {
        "operator_name": operator.name(language) if operator else "",
        "operator_email": operator.email if operator else "",
    }


def _context(cause: str, language: str) -> dict:
    request = SubjectRequest.objects.get(pk=_key_of(cause))
    last = deadlines.of(request.about).order_by("-due_at").first()
    return {
        "number": str(request),
        "received_at": request.received_at,
        "due_at": last.due_at if last else None,
        **_operator(language),
    }


def refusal_text(request: SubjectRequest) -> str:
    """The refusal with its reason, in the language of the request; it is kept as the answer (94-V art. 25)."""
    with translation.override(request.language):
        return "\n\n".join(
            (
                _("We have looked at your request %(number)s and cannot grant it.") % {"number": request},
                _("The reason: %(reason)s.") % {"reason": Refusal(request.refusal).label},
                _("You may complain about this to the authorised body for personal data protection, or to a court."),
            )
        )


def nothing_held_text(request: SubjectRequest) -> str:
    """The standard answer to somebody on whom we hold nothing, in the language of the request."""
    with translation.override(request.language):
        return _("We have looked at your request %(number)s. We hold no personal data on you.") % {"number": request}


def write_digests(*, at: datetime | None = None) -> int:
    """Tell each officer who works on requests what is overdue and due soon; one letter an officer and day.

    at: aware, now by default. Returns how many officers were told. Raises CalendarMissing.
    """
    at = at or timezone.now()
    if not (_of_requests(deadlines.overdue(at)) or _of_requests(deadlines.due_soon(at))):
        return 0
    told = 0
    for officer in StaffUser.objects.filter(is_active=True).exclude(email="").order_by("pk"):
        if officer.has_perm("subjects.handle_subjectrequest"):
            cause = f"staff.StaffUser:{officer.pk}#{DUE}.{timezone.localdate(at):%Y%m%d}"
            write(kind=DUE, cause=cause, language=officer.language, staff_id=officer.pk)
            told += 1
    return told


def _of_requests(rows) -> int:
    """How many requests the clocks are about."""
    return rows.filter(about__startswith="subjects.SubjectRequest:").order_by().values("about").distinct().count()


def _digest(cause: str, language: str) -> dict:
    with translation.override(language):
        day = date_format(timezone.localdate(), "DATE_FORMAT")
    mine = SubjectRequest.objects.open().filter(assignee=_key_of(cause), disclosure=Disclosure.SUBJECT).count()
    return {
        "day": day,
        "overdue": _of_requests(deadlines.overdue()),
        "soon": _of_requests(deadlines.due_soon()),
        "mine": mine,
        "queue_link": settings.SITE_URL + reverse("admin:subjects_subjectrequest_changelist") + "?queue=open",
        "operator_name": _operator(language)["operator_name"] or "Kelisim",
    }


# an answer to the person's own act is no notice: what stops notices does not stop it
KINDS = (
    LetterKind(RECEIVED, _context, notice=False, title=gettext_lazy("a request is received")),
    LetterKind(PAUSED, _context, notice=False, title=gettext_lazy("a request is paused")),
    LetterKind(ANSWERED, _context, notice=False, title=gettext_lazy("a request is answered")),
    LetterKind(REFUSED, _context, notice=False, title=gettext_lazy("a request is refused")),
    LetterKind(DUE, _digest, notice=False, title=gettext_lazy("requests that are due")),
)
