"""The cabinet's requests: make one, follow it, read and take the answer, complain (94-V art. 24; policy 7.1).

Whose they are is asked of the session: an id of another person's request is not there.
"""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from subjects import (
    duplicates,
    own_requests,
    request_answers,
    request_files,
    request_queues,
    request_timeline,
    request_words,
    step_up,
)
from subjects import request_rules as rules
from subjects.models import DataSubject, RequestFile, SubjectRequest
from subjects.requests import RequestKind
from subjects.step_up import fresh_code_required
from subjects.views import signed_in, subject_required

SHOWN = 50
WHY = _("The answer and its files hold data about you.")
WHY_ASK = _("What you ask for changes your consents or your data, so we make sure that it is you.")
# a session that was handed over or left open must not do what the pages of consents and contacts ask a code for
CODE_FIRST = frozenset({RequestKind.WITHDRAW, RequestKind.OBJECT, RequestKind.STOP_PUBLIC, RequestKind.CORRECT})


def _mine(files: list[DataSubject]) -> QuerySet[SubjectRequest]:
    rows = SubjectRequest.objects.of_person(files)
    return rows.select_related("subject", "representative", "category").defer("sealed_text", "sealed_value")


def _find(request: HttpRequest, public_id: UUID) -> SubjectRequest:
    row = _mine(duplicates.files_at(request.subject, None)).filter(public_id=public_id).first()
    if row is None:
        raise Http404
    return row


def words_of(row: SubjectRequest) -> list[str]:
    """What is asked, as the person reads it."""
    return [str(own_requests.WORDS[kind][0]) for kind in row.kinds]


@subject_required
@require_safe
def requests(request: HttpRequest) -> HttpResponse:
    """Every request of mine and of those I represent, newest first, each with where it stands and until when."""
    files = duplicates.files_at(request.subject, None)
    rows = list(_mine(files)[:SHOWN])
    due = request_queues.due_of(rows)
    context = {
        "rows": [(row, words_of(row), due.get(row.pk), row.subject not in files) for row in rows],
    }
    return render(request, "cabinet/requests.html", signed_in(request, **context))


@sensitive_post_parameters("text", "value")
@subject_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """First what is asked, then what is needed for it; nothing is kept until the last button, some after a code."""
    sent = request.method == "POST" and CODE_FIRST & set(_kinds(request))
    return _new_with_code(request) if sent else _new(request)


def _kinds(request: HttpRequest) -> list[str]:
    asked = request.POST if request.method == "POST" else request.GET
    return [kind for kind in dict.fromkeys(asked.getlist("kind")) if kind in RequestKind.values]


@fresh_code_required(WHY_ASK)
def _new_with_code(request: HttpRequest) -> HttpResponse:
    return _new(request)


def _new(request: HttpRequest) -> HttpResponse:
    asked, kinds = request.POST if request.method == "POST" else request.GET, _kinds(request)
    context = signed_in(request)
    if not kinds:
        error = request.method == "POST" or "chosen" in asked
        context |= {"words": [(kind, *own_requests.WORDS[kind]) for kind in own_requests.WORDS], "nothing": error}
        return render(request, "cabinet/request_kinds.html", context, status=422 if error else 200)
    data = (request.POST, request.FILES) if request.method == "POST" else ()
    about = _about(request, asked.get("about", ""))
    form = own_requests.AskForm(
        *data, person=request.subject, kinds=kinds, about=str(about) if about is not None else ""
    )
    if data and step_up.lacks_file(request):
        form.add_error("file", _("The file did not come along: choose it once more, or send the request without it."))
    if data and form.is_valid():
        try:
            row = own_requests.make(form)
        except ValidationError as error:
            form.add_error(None, error.messages[0])
        else:
            return redirect(reverse("cabinet:request", args=[row.public_id]) + "?done=1")
    context |= {
        "form": form,
        "kinds": [(kind, *own_requests.WORDS[kind]) for kind in kinds],
        "about": about,
        "due": own_requests.answered_by(kinds),
    }
    return render(request, "cabinet/request_new.html", context, status=422 if form.errors else 200)


def _about(request: HttpRequest, text: str) -> SubjectRequest | None:
    """The request of mine that a complaint is about."""
    try:
        return _mine(duplicates.files_at(request.subject, None)).filter(public_id=UUID(text)).first() if text else None
    except ValueError:
        return None


def _page(request: HttpRequest, row: SubjectRequest, form: own_requests.MoreForm, status: int = 200) -> HttpResponse:
    # why something is refused is part of the answer
    may_know = rules.may_know(row, request.subject)
    context = {
        "row": row,
        "asked": [
            (what, row.ground_of(kind) if may_know else "") for kind, what in zip(row.kinds, words_of(row), strict=True)
        ],
        "due": request_queues.due_of([row]).get(row.pk),
        "paused": own_requests.paused(row),
        "for_another": not rules.is_own(row, request.subject),
        "timeline": request_timeline.for_person(row),
        "files": request_files.for_person(row, request.subject),
        "may_read": row.answered_at is not None and may_know,
        "form": form if row.is_open else None,
        "done": "done" in request.GET,
    }
    return render(request, "cabinet/request.html", signed_in(request, **context), status=status)


@subject_required
@require_safe
def one(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Where a request stands, until when it is answered, what happened."""
    return _page(request, _find(request, public_id), own_requests.MoreForm())


@subject_required
@require_POST
def attach(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Add a paper to an open request."""
    row = _find(request, public_id)
    form = own_requests.MoreForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            kind = RequestFile.Kind.EVIDENCE
            request_files.attach(request=row, kind=kind, content=form.cleaned_data["file"])
        except ValidationError as error:
            form.add_error("file", error.messages[0])
        else:
            return redirect(reverse("cabinet:request", args=[public_id]) + "?done=1")
    return _page(request, row, form, status=422)


def _answered(request: HttpRequest, public_id: UUID) -> SubjectRequest:
    row = _find(request, public_id)
    if row.answered_at is None or not rules.may_know(row, request.subject):
        raise Http404
    return row


@subject_required
@require_http_methods(["GET", "HEAD", "POST"])  # POST: a code
@fresh_code_required(WHY)
def answer(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The answer as it was given; that it was opened is recorded. HEAD opens nothing."""
    row = _answered(request, public_id)
    if request.method == "POST":
        return redirect(request.path)
    text = "" if request.method == "HEAD" else request_words.own_answer(request=row)
    return render(request, "cabinet/request_answer.html", signed_in(request, row=row, words=words_of(row), text=text))


@subject_required
@require_http_methods(["GET", "HEAD", "POST"])  # POST: a code
@fresh_code_required(WHY)
def answer_pdf(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The same on paper."""
    row = _answered(request, public_id)
    if request.method == "POST":
        return redirect(request.path)
    content = b"" if request.method == "HEAD" else request_answers.pdf(row, request_words.own_answer(request=row))
    return _download(content, f"{row}.pdf", "application/pdf")


@subject_required
@require_http_methods(["GET", "HEAD", "POST"])  # POST: a code
@fresh_code_required(WHY)
def file(request: HttpRequest, public_id: UUID, file_id: UUID) -> HttpResponse:
    """A file of a request of mine: what I handed in, or what came with the answer."""
    row = _find(request, public_id)
    if request.method == "POST":
        return redirect(request.path)
    for one in request_files.for_person(row, request.subject):
        if one.public_id == file_id:
            content = b"" if request.method == "HEAD" else request_files.own_file(file=one)
            return _download(content, request_files.name_of(one), one.media_type)
    raise Http404


def _download(content: bytes, name: str, media_type: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(content, content_type=media_type, headers=headers)
