"""Public pages, without sign-in: what is in force, every version for ever, what changed (policy 9.2)."""

from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from policies.models import Policy, PolicySource, PolicyVersion
from policies.reading import changes, clauses_in, predecessor, reading_language


def _published(code: str):
    return (
        PolicyVersion.objects.published()
        .filter(policy__code=code)
        .select_related("policy")
        .prefetch_related(Prefetch("sources", PolicySource.objects.defer("content").order_by("language")))
        .order_by("-number")
    )


def _numbered(code: str, number: int) -> PolicyVersion:
    version = _published(code).filter(number=number).first()
    if version is None:
        raise Http404
    return version


def _page(request: HttpRequest, version: PolicyVersion, *, permanent: bool) -> HttpResponse:
    language = reading_language(version, get_language())
    clauses = clauses_in(version, language)
    return render(
        request,
        "public/policy.html",
        {
            "version": version,
            "policy": version.policy,
            "reading": language,
            "clauses": clauses,
            "contents": [clause for clause in clauses if clause.kind == "heading" and clause.level == 2],
            "titled": any(clause.kind == "heading" and clause.level == 1 for clause in clauses),
            "since": predecessor(version),
            "permanent": permanent,
        },
    )


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The policies of the organisation, each with its version in force."""
    now = {version.policy_id: version for version in PolicyVersion.objects.in_force()}
    policies = [(policy, now.get(policy.pk)) for policy in Policy.objects.all()]
    return render(request, "public/index.html", {"policies": [pair for pair in policies if pair[1]]})


@require_safe
def current(request: HttpRequest, code: str) -> HttpResponse:
    """The version in force, in the reader's language."""
    version = _published(code).in_force().first()
    if version is None:
        raise Http404
    return _page(request, version, permanent=False)


@require_safe
def version(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """One version at its permanent address, whatever is in force now."""
    return _page(request, _numbered(code, number), permanent=True)


@require_safe
def versions(request: HttpRequest, code: str) -> HttpResponse:
    """All published versions with their dates and digests."""
    found = list(_published(code))
    if not found:
        raise Http404
    return render(request, "public/versions.html", {"versions": found, "policy": found[0].policy})


@require_safe
def changes_page(request: HttpRequest, code: str, number: int, since: int | None = None) -> HttpResponse:
    """What changed between two versions, clause by clause; by default since the version before."""
    published = {version.number: version for version in _published(code)}
    older = [other for other in published if other < number]
    if number not in published or (since is not None and since not in published):
        raise Http404
    new = published[number]
    old = published[since] if since is not None else published[max(older)] if older else None
    language = reading_language(new, get_language())
    if old:  # two texts are compared in a language that both have
        language = reading_language(old, language)
    return render(
        request,
        "public/changes.html",
        {
            "policy": new.policy,
            "version": new,
            "since": old,
            "reading": language,
            "changes": changes(new, since=old, language=language) if old else [],
            # the officers' words are about the version just before
            "summary": getattr(new, f"change_summary_{language}")
            if old and old.number == max(older, default=0)
            else "",
            "others": [other for other in published.values() if other.pk != new.pk],
        },
    )


@require_safe
def source(request: HttpRequest, code: str, number: int, language: str) -> HttpResponse:
    """The file a version came from, byte for byte: what its SHA-256 is of."""
    found = PolicySource.objects.filter(version=_numbered(code, number), language=language).first()
    if found is None:
        raise Http404
    response = HttpResponse(bytes(found.content), content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{code}-v{number}-{language}.md"'
    return response
