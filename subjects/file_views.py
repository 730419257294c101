"""The cabinet's "Everything you hold on me": one page, and the same as a file (94-V art. 24; policy 7.1)."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from staff.enums import Language
from subjects import subject_file, vault
from subjects.step_up import fresh_code_required
from subjects.subject_page import moment
from subjects.views import signed_in, subject_required

WHY = _("The next page and its files hold everything we have on you.")
DOWNLOADS = [("cabinet:file-pdf", "PDF"), ("cabinet:file-json", "JSON"), ("cabinet:file-zip", "ZIP")]


def _language(request: HttpRequest) -> str:
    """The language the person reads in."""
    language = (get_language() or "")[:2]
    return language if language in Language.values else request.subject.language


def _read(request: HttpRequest, at: datetime | None, page: str) -> subject_file.File:
    """The file with its values opened by the second door, unless nothing of it is sent (HEAD)."""
    values = None if request.method == "HEAD" else vault.own_values(subject=request.subject, page=page, at=at)
    return subject_file.read(request.subject, _language(request), at=at, values=values)


@subject_required
@require_http_methods(["GET", "HEAD", "POST"])  # POST: a code
@fresh_code_required(WHY)
def file_page(request: HttpRequest) -> HttpResponse:
    """Everything on one page, of now or of the end of the day `?at=`."""
    if request.method == "POST":
        return redirect(request.get_full_path())
    text = request.GET.get("at", "").strip()
    context = signed_in(request, downloads=DOWNLOADS, day="")
    status = 200
    try:
        at = moment(text)
        context["day"] = text if at else ""
        context["file"] = file = _read(request, at, "file")
        context["moment"] = subject_file.moment_in_words(file)
    except ValidationError as error:
        context["wrong"], status = error.messages[0], 422
    return render(request, "cabinet/file.html", context, status=status)


@subject_required
@require_http_methods(["GET", "HEAD", "POST"])  # POST: a code
@fresh_code_required(WHY)
def file_download(request: HttpRequest, ending: str) -> HttpResponse:
    """The same as PDF, JSON or ZIP."""
    if request.method == "POST":
        return redirect(request.get_full_path())
    try:
        file = _read(request, moment(request.GET.get("at", "")), f"file.{ending}")
    except ValidationError as error:
        context = signed_in(request, wrong=error.messages[0], day="")
        return render(request, "cabinet/file.html", context, status=422)
    return subject_file.download(file, ending)
