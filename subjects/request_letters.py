"""Letters about requests: that a message waits, and never what it says; and the digest of what is due for officers."""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy

from notifications.models import Letter
from notifications.ports import LetterKind
from notifications.services import write
from staff.models import Operator, StaffUser
from subjects import deadlines, denylist, request_queues
from subjects.enums import Disclosure
from subjects.models import Representative
from subjects.requests import RequestState, SubjectRequest

RECEIVED, TAKEN, PAUSED, GRANTED = "request_received", "request_taken", "request_paused", "request_granted"
ANSWERED, REFUSED, CLOSED = "request_answered", "request_refused", "request_closed"
DUE = "requests_due"
# every state has its letter
LETTER_OF: dict[str, str] = {
    RequestState.INITIATED: RECEIVED,
    RequestState.ACKNOWLEDGED: TAKEN,
    RequestState.REQUIRES_ACTION: PAUSED,
    RequestState.ACCEPTED: GRANTED,
    RequestState.FULFILLED: ANSWERED,
    RequestState.REJECTED: REFUSED,
    RequestState.UNFULFILLED: CLOSED,
}
# a request comes into these more than once
REPEATED = (TAKEN, PAUSED)


def tell(request: SubjectRequest, kind: str = "") -> None:
    """Tell the person of the state, or of `kind`, and who represents them and may receive their letters.

    Nothing of a request that is withheld, nor before it is established who asks.
    """
    if request.subject_id is None or request.identified_at is None or request.disclosure == Disclosure.WITHHELD:
        return
    kind = kind or LETTER_OF[request.state]
    cause = f"{request.about}#{kind}"
    if kind in REPEATED:
        cause += f".{Letter.objects.filter(subject=request.subject_id, cause__startswith=cause).count() + 1}"
    write(kind=kind, cause=cause, language=request.language, subject_id=request.subject_id)
    who = request.representative
    if who is not None and who.is_in_force and Representative.Act.RECEIVE in who.acts:
        write(kind=kind, cause=cause, language=who.representative.language, subject_id=who.representative_id)


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
    terms = deadlines.of(request.about).order_by("due_at")
    first = terms.open().first() or terms.first()
    return {
        "number": str(request),
        "received_at": request.received_at,
        "due_at": first.due_at if first else None,
        **_operator(language),
    }


def _still(state: str) -> Callable[[str], bool]:
    """A letter about a state on the way makes sense while the request is in it."""
    return lambda cause: SubjectRequest.objects.filter(pk=_key_of(cause), state=state).exists()


def write_digests(*, at: datetime | None = None) -> int:
    """Tell each officer who works on requests what is overdue and due soon; one letter an officer and day.

    at: aware, now by default. Returns how many officers were told. Raises CalendarMissing.
    """
    at = at or timezone.now()
    told = 0
    for officer in StaffUser.objects.filter(is_active=True).exclude(email="").order_by("pk"):
        if any(_counts(officer, at)):
            cause = f"staff.StaffUser:{officer.pk}#{DUE}.{timezone.localdate(at):%Y%m%d}"
            write(kind=DUE, cause=cause, language=officer.language, staff_id=officer.pk)
            told += 1
    return told


def _counts(officer: StaffUser, at: datetime | None = None) -> tuple[int, int, int]:
    """(overdue, due soon) of the requests this officer works on and may know of, and either of disputes they answer."""
    overdue, soon, found = deadlines.overdue(at), deadlines.due_soon(at), [0, 0, 0]
    if officer.has_perm("subjects.handle_subjectrequest"):
        seen = SubjectRequest.objects.open().seen_by(officer)
        found[:2] = (request_queues.late(seen, clocks).count() for clocks in (overdue, soon))
    disputes = denylist.unanswered_for(officer)
    found[2] = sum(request_queues.late(disputes, clocks).count() for clocks in (overdue, soon))
    return found[0], found[1], found[2]


def _digest(cause: str, language: str) -> dict:
    officer = StaffUser.objects.get(pk=_key_of(cause))
    with translation.override(language):
        day = date_format(timezone.localdate(), "DATE_FORMAT")
    overdue, soon, disputes = _counts(officer)
    return {
        "day": day,
        "overdue": overdue,
        "soon": soon,
        "disputes": disputes,
        "disputes_link": settings.SITE_URL + reverse("admin:subjects_denialdispute_changelist"),
        "mine": SubjectRequest.objects.open().seen_by(officer).filter(assignee=officer).count(),
        "queue_link": settings.SITE_URL + reverse("admin:subjects_subjectrequest_changelist") + "?queue=open",
        "operator_name": _operator(language)["operator_name"] or "Kelisim",
    }


# an answer to the person's own act is no notice: what stops notices does not stop it
KINDS = (
    LetterKind(RECEIVED, _context, notice=False, title=gettext_lazy("a request is received")),
    LetterKind(
        TAKEN,
        _context,
        is_current=_still(RequestState.ACKNOWLEDGED),
        notice=False,
        title=gettext_lazy("a request is being worked on"),
    ),
    LetterKind(
        PAUSED,
        _context,
        is_current=_still(RequestState.REQUIRES_ACTION),
        notice=False,
        title=gettext_lazy("a request is paused"),
    ),
    LetterKind(
        GRANTED,
        _context,
        is_current=_still(RequestState.ACCEPTED),
        notice=False,
        title=gettext_lazy("a request is granted"),
    ),
    LetterKind(ANSWERED, _context, notice=False, title=gettext_lazy("a request is answered")),
    LetterKind(REFUSED, _context, notice=False, title=gettext_lazy("a request is refused")),
    LetterKind(CLOSED, _context, notice=False, title=gettext_lazy("a request is closed")),
    LetterKind(DUE, _digest, notice=False, title=gettext_lazy("requests that are due")),
)
