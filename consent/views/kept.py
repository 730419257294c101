"""The cabinet's "What you hold on me, and until when" (94-V art. 12, 24; policy 7.1)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from consent import kept_words
from subjects import duplicates
from subjects.models import Representative
from subjects.views import signed_in, subject_required


@subject_required(act=Representative.Act.KNOW)
@require_safe
def kept(request: HttpRequest) -> HttpResponse:
    """By category, with the day or what it waits for; the values themselves are not opened."""
    lines = [line for one in duplicates.files_at(request.subject, None) for line in kept_words.lines(one)]
    context = {
        **signed_in(request),
        "groups": kept_words.together(lines),
        "last": kept_words.last_of(lines),
    }
    return render(request, "cabinet/kept.html", context)
