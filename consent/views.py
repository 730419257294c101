"""The cabinet's page about a changed policy, and what the person answered (policy 9.2)."""

from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET, require_POST

from consent import services
from consent.models import Acknowledgement, Answer, NoticeServed
from policies.models import PolicySource, PolicyVersion
from policies.reading import changes, notice_text, predecessor, reading_language
from subjects.views import subject_required


def _newest(code: str) -> PolicyVersion:
    version = (
        PolicyVersion.objects.published()
        .filter(policy__code=code)
        .select_related("policy")
        .prefetch_related(Prefetch("sources", PolicySource.objects.defer("content")))
        .order_by("-number")
        .first()
    )
    if version is None:
        raise Http404
    return version


def _page(request: HttpRequest, version: PolicyVersion, *, error: str = "", status: int = 200) -> HttpResponse:
    language = reading_language(version, get_language())
    since = predecessor(version)
    changed = changes(version, since=since, language=language) if since else []
    served = services.serve(
        subject=request.subject,
        version=version,
        language=language,
        shown=notice_text(version, language=language, changed=changed),
    )
    answers = Acknowledgement.objects.filter(subject=request.subject, version=version).order_by("at")
    context = {
        "cabinet_subject": request.subject,
        "version": version,
        "since": since,
        "changes": changed,
        "summary": getattr(version, f"change_summary_{language}"),
        "served": served,
        "reading": language,
        "answers": answers,
        "error": error,
    }
    return render(request, "cabinet/changed_policy.html", context, status=status)


@subject_required
@require_GET
def changed(request: HttpRequest, code: str) -> HttpResponse:
    """What changed, clause by clause, in the person's language; that it was shown is recorded."""
    return _page(request, _newest(code))


@subject_required
@require_POST
def give_answer(request: HttpRequest, code: str) -> HttpResponse:
    """“I have read” or “I do not agree”. 409 and the new text when a newer version appeared meanwhile."""
    try:
        served_id, number = int(request.POST["served"]), int(request.POST["version"])
        answer = Answer(request.POST["answer"])
    except (KeyError, ValueError):
        return render(request, "400.html", status=400)
    try:
        given = services.answer(subject=request.subject, served_id=served_id, expected_version=number, answer=answer)
    except NoticeServed.DoesNotExist as error:
        raise Http404 from error
    except services.Superseded as error:
        return _page(request, _newest(code), error=error.messages[0], status=409)
    if given.answer == Answer.DISAGREES:
        return redirect("consent:changed", code=code)
    return redirect("cabinet:home")


@subject_required
@require_GET
def answers(request: HttpRequest) -> HttpResponse:
    """Every answer the person gave, newest first."""
    given = (
        Acknowledgement.objects.filter(subject=request.subject).select_related("version__policy").order_by("-at")[:200]
    )
    return render(request, "cabinet/answers.html", {"cabinet_subject": request.subject, "answers": given})
