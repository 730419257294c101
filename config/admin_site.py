from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _


class KelisimAdminSite(AdminSite):
    """The officers' place. Stock Django admin, lightly branded (DESIGN 2)."""

    site_title = site_header = "Kelisim"
    index_title = _("What needs me")
    enable_nav_sidebar = True
    empty_value_display = "—"

    # This module is imported before there are models: what knows staff is imported where it is used.

    def index(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """What waits for this officer, and the state of the house."""
        from audit import home

        extra = {"needs": home.needs(request), "facts": home.facts(request)}
        return super().index(request, extra | (extra_context or {}))

    def _build_app_dict(self, request: HttpRequest, label: str | None = None) -> dict:
        """As Django's, in the reader's language already: sorting lazy names translates them at each comparison."""
        found = super()._build_app_dict(request, label)
        for app in found.values():
            for model in app["models"]:
                model["name"] = str(model["name"])
        return found

    @property
    def login_form(self) -> type:
        from staff.forms import SignInForm

        return SignInForm

    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """Sign in; from here on the request acts as the officer, and speaks their language if none was chosen."""
        response = super().login(request, extra_context)
        if request.method == "POST" and response.status_code == 302:
            request.lazy_actor.renew()
            if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
                response.set_cookie(
                    settings.LANGUAGE_COOKIE_NAME,
                    request.user.language,
                    secure=settings.SECURE,
                    httponly=True,
                    samesite="Lax",
                )
        return response

    def logout(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """Sign out, and write it down."""
        from staff.enums import SignInOutcome

        if request.method == "POST":
            self._record(request, SignInOutcome.SIGNED_OUT)
        return super().logout(request, extra_context)

    def password_change(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """Change one's own password, and write it down."""
        from staff.enums import SignInOutcome

        response = super().password_change(request, extra_context)
        if request.method == "POST" and response.status_code == 302:
            self._record(request, SignInOutcome.PASSWORD_SET)
        return response

    @staticmethod
    def _record(request: HttpRequest, outcome: str) -> None:
        from staff import sign_in

        if request.user.is_authenticated:
            user = request.user
            sign_in.record(outcome, name=user.username, who=user, visitor=sign_in.Visitor.of(request))
