"""The cabinet's "Who received my data" (94-V art. 24; policy 7.1)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from subjects.models import Representative
from subjects.views import signed_in, subject_required
from transfers import received


@subject_required(act=Representative.Act.KNOW)
@require_safe
def who_received(request: HttpRequest) -> HttpResponse:
    """What was really sent, newest first; `before` is the last one of the page before."""
    rows = received.released(request.subject, linked=True)
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(transfer_id__lt=int(before))
    found = received.in_words(rows[: received.SHOWN + 1])
    shown, more = found[: received.SHOWN], len(found) > received.SHOWN
    context = {
        **signed_in(request),
        "sent": shown,
        "next": shown[-1].transfer.pk if more else None,
        "first_page": not before,
    }
    return render(request, "cabinet/received.html", context)
