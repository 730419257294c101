"""The cabinet's "What you hold on me, and until when" (94-V art. 12, 24; policy 7.1)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from consent import kept_words
from subjects.views import subject_required


@subject_required
@require_safe
def kept(request: HttpRequest) -> HttpResponse:
    """By category, with the day or what it waits for; the values themselves are not opened."""
    lines = kept_words.lines(request.subject)
    context = {
        "cabinet_subject": request.subject,
        "groups": kept_words.together(lines),
        "last": kept_words.last_of(lines),
    }
    return render(request, "cabinet/kept.html", context)
