"""The cabinet's pages about the person: what we hold, who looked, what we sent, help (94-V art. 24; policy 7.1)."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from staff.models import Operator
from subjects import looks, my_data, own_denials, sent, services, sessions
from subjects.models import Representative
from subjects.step_up import fresh_code_required
from subjects.views import CAME_BY_KEY, SUBJECT_KEY, signed_in, subject_required

KNOW, RECEIVE = Representative.Act.KNOW, Representative.Act.RECEIVE


@subject_required(act=KNOW)
@require_http_methods(["GET", "HEAD", "POST"])  # POST: a code
@fresh_code_required(_("The next page shows your data in full: your IIN, phone, documents."))
def data(request: HttpRequest) -> HttpResponse:
    """Every value with its source, purposes and term; the look is recorded, as anybody's."""
    if request.method == "POST":
        return redirect("cabinet:data")
    if request.method == "HEAD":  # shows nobody anything, and opens nothing
        return HttpResponse()
    groups = my_data.groups(request.subject, represented=request.acting is not None)
    denials = own_denials.of(request.subject)
    return render(request, "cabinet/data.html", signed_in(request, groups=groups, denials=denials))


@subject_required(act=KNOW)
@require_safe
def who_looked(request: HttpRequest) -> HttpResponse:
    """In what role and what for, newest first; `before` is the last one of the page before."""
    before = request.GET.get("before", "")
    number = int(before) if before.isdecimal() and len(before) < 19 else None
    found = looks.page_of(request.subject, before=number)
    shown = found[: looks.SHOWN]
    last = shown[-1].number if len(found) > looks.SHOWN else None
    return render(request, "cabinet/looked.html", signed_in(request, looks=shown, next=last))


@subject_required(act=RECEIVE)
@require_safe
def letters(request: HttpRequest) -> HttpResponse:
    """What we sent, newest first; `before` is the moment of the last one of the page before."""
    found = sent.sent(request.subject, before=_moment(request.GET.get("before", "")))
    shown = found[: sent.SHOWN]
    last = shown[-1].at.isoformat() if len(found) > sent.SHOWN else None
    return render(request, "cabinet/letters.html", signed_in(request, sent=shown, next=last))


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


@subject_required
@require_http_methods(["GET", "HEAD", "POST"])
def not_me(request: HttpRequest) -> HttpResponse:
    """“This is not me”: who was let in says that the record is somebody else's; everything closes."""
    if request.method != "POST":
        return render(request, "cabinet/not_me.html", signed_in(request, came_by=request.session.get(CAME_BY_KEY)))
    services.not_me(subject=request.subject, came_by=request.session.get(CAME_BY_KEY, ""))
    sessions.end_all(subject=request.subject)
    request.session.flush()
    response = redirect("cabinet:not-me-done")
    response["Clear-Site-Data"] = '"cache"'
    return response


@require_safe
def not_me_done(request: HttpRequest) -> HttpResponse:
    """Thank you; nothing of the session is left."""
    return render(request, "cabinet/not_me_done.html", {"operator": Operator.current()})


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """What the cabinet is for, how to get in, what to do when something is wrong; for anybody."""
    context = {"operator": Operator.current(), "inside": bool(request.session.get(SUBJECT_KEY))}
    return render(request, "cabinet/help.html", context)
