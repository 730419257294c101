"""The cabinet's page about a changed policy, and what the person answered (policy 9.2)."""

from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_POST, require_safe

from consent import services
from consent.models import Acknowledgement, Answer, NoticeServed
from consent.notice import Notice, compose
from consent.rules import news
from policies.models import PolicySource, PolicyVersion
from subjects.views import subject_required


def _notice(request: HttpRequest, code: str) -> Notice:
    versions = list(
        PolicyVersion.objects.published()
        .filter(policy__code=code)
        .select_related("policy")
        .prefetch_related(Prefetch("sources", PolicySource.objects.defer("content")))
        .order_by("number")
    )
    if not versions:
        raise Http404
    given = Acknowledgement.objects.filter(subject=request.subject, version__policy__code=code)
    return compose(
        news(request.subject, versions, set(given.values_list("version", flat=True))), wanted=get_language() or "ru"
    )


def _page(request: HttpRequest, code: str, *, error: str = "", status: int = 200) -> HttpResponse:
    notice = _notice(request, code)
    # HEAD shows nobody anything
    served = services.serve(subject=request.subject, notice=notice) if request.method != "HEAD" else None
    given = list(Acknowledgement.objects.filter(subject=request.subject, version=notice.version).order_by("pk"))
    context = {
        "cabinet_subject": request.subject,
        "notice": notice,
        "version": notice.version,
        "served": served,
        "answers": given,
        "disagrees": bool(given) and given[-1].answer == Answer.DISAGREES,
        "open_answers": [answer for answer in Answer if answer not in {row.answer for row in given}],
        "error": error,
    }
    return render(request, "cabinet/changed_policy.html", context, status=status)


@subject_required
@require_safe
def changed(request: HttpRequest, code: str) -> HttpResponse:
    """What changed, clause by clause, in the person's language; that it was shown is recorded."""
    return _page(request, code)


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
        given = services.answer(
            subject=request.subject, code=code, served_id=served_id, expected_version=number, answer=answer
        )
    except NoticeServed.DoesNotExist as error:
        raise Http404 from error
    except services.Superseded as error:
        return _page(request, code, error=error.messages[0], status=409)
    if given.answer == Answer.DISAGREES:
        return redirect("consent:changed", code=code)
    return redirect("cabinet:home")


@subject_required
@require_safe
def answers(request: HttpRequest) -> HttpResponse:
    """Every answer the person gave, newest first."""
    given = (
        Acknowledgement.objects.filter(subject=request.subject).select_related("version__policy").order_by("-pk")[:200]
    )
    return render(request, "cabinet/answers.html", {"cabinet_subject": request.subject, "answers": given})
