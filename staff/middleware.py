"""Nobody works with personal data before they promised to keep it confidential (policy 4.3)."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from staff.rules import has_accepted_undertaking

OPEN = {"admin:logout", "admin:login", "staff:undertaking", "set_language", "healthz", "readyz"}


class UndertakingGate:
    """A member of staff without a current undertaking reaches its page, the language switch and sign-out only."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: tuple, kwargs: dict) -> HttpResponse | None:
        if request.is_cabinet or not request.path_info.startswith("/admin/"):
            return None
        if request.resolver_match.view_name in OPEN or not request.user.is_authenticated:
            return None
        if has_accepted_undertaking(request.user):
            return None
        return redirect(reverse("staff:undertaking"))
