from functools import cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _


@cache
def _address(name: str, app: str = "") -> str:
    return reverse(f"admin:{name}", kwargs={"app_label": app} if app else None)


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

    def _build_app_dict(self, request: HttpRequest, label: str | None = None) -> dict[str, dict[str, Any]]:
        """As Django's, which is on every page, for a third of its price.

        Its addresses are made once, and the names are in the reader's language already: sorting lazy ones translates
        them at each comparison.
        """
        found: dict[str, dict[str, Any]] = {}
        for model, page in self._registry.items():
            app, name = model._meta.app_label, model._meta.model_name
            if label not in (None, app) or not page.has_module_permission(request):
                continue
            perms = page.get_model_perms(request)
            if not any(perms.values()):
                continue
            seen = perms["change"] or perms["view"]
            entry = {
                "model": model,
                "name": capfirst(str(model._meta.verbose_name_plural)),
                "object_name": model._meta.object_name,
                "perms": perms,
                "view_only": not perms["change"],
                "admin_url": _address(f"{app}_{name}_changelist") if seen else None,
                "add_url": _address(f"{app}_{name}_add") if perms["add"] else None,
            }
            if app not in found:
                found[app] = {
                    "name": str(apps.get_app_config(app).verbose_name),
                    "app_label": app,
                    "app_url": _address("app_list", app),
                    "has_module_perms": True,
                    "models": [],
                }
            found[app]["models"].append(entry)
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
