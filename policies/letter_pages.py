"""The letters of a version before anybody gets one: how they read in each language, to whom they would go, a test."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext
from django.views.decorators.clickjacking import xframe_options_sameorigin

from notifications import preview
from policies import letters, services
from policies.models import PolicyVersion
from staff.enums import Language
from subjects import audience
from subjects.enums import Standing


def moment_in(data: QueryDict) -> datetime | None:
    """The moment an address or a form names by `at`, in seconds since 1970; None for now. Raises Http404."""
    at = data.get("at", "")
    if not at:
        return None
    try:
        return datetime.fromtimestamp(int(at), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Http404 from error


def with_moment(url: str, at: datetime | None) -> str:
    """The address with the moment that `moment_in` reads."""
    return f"{url}?at={int(at.timestamp())}" if at else url


def publication(version: PolicyVersion, *, at: datetime | None) -> dict[str, Any]:
    """What the page that publishes `version` says of its letters; nothing when it has none."""
    if not version.significant:
        return {}
    people = audience.count_people()
    frame = "admin:policies_letter"
    return {
        "at": at,
        "audience": people,
        "languages": [(Language(code).label, count) for code, count in people.by_language.items()],
        "left_out": [(Standing(standing).label, count) for standing, count in sorted(people.left_out.items())],
        "specimens": preview.specimens(
            kind=letters.KIND,
            cause=letters.cause_of(version, at=at),
            url=lambda language: with_moment(reverse(frame, args=[version.pk, language]), at),
        ),
        "test_url": with_moment(reverse("admin:policies_test_letter", args=[version.pk]), at),
    }


class LetterPages(admin.ModelAdmin):
    """The two addresses of a version's letter, for the page that publishes it."""

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        frame = wrap(xframe_options_sameorigin(self.letter_view))
        return [
            path("<int:pk>/letter/<str:language>/", frame, name="policies_letter"),
            path("<int:pk>/test-letter/", wrap(self.test_letter_view), name="policies_test_letter"),
            *super().get_urls(),
        ]

    def letter_view(self, request: HttpRequest, pk: int, language: str) -> HttpResponse:
        """The letter as it would look, for a frame."""
        version = self._locate(request, pk)
        if language not in Language.values or not version.significant:
            raise Http404
        cause = letters.cause_of(version, at=moment_in(request.GET))
        response = HttpResponse(preview.html(kind=letters.KIND, cause=cause, language=language))
        response._csp_replace = {"frame-ancestors": ["'self'"]}
        return response

    def test_letter_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send me the letter as a customer would get it."""
        version = self._locate(request, pk)
        if not request.user.has_perm("policies.publish_policyversion"):
            raise PermissionDenied
        at = moment_in(request.GET)
        page = with_moment(reverse("admin:policies_step", args=[pk, "publish"]), at)
        if request.method != "POST":
            return redirect(page)
        language = request.POST.get("language")
        if language not in Language.values:
            return render(request, "400.html", status=400)
        try:
            services.send_test(version, by=request.user, language=language, at=at)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, gettext("The test letter is on its way to your e-mail."))
        return redirect(page)
