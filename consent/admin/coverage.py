"""Whose consent lacks what others' text names, and asking them (issue 3)."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from consent import asking, coverage
from consent.coverage import Words
from consent.enums import RecipientKind
from consent.models import ConsentForm, ItemKind, Purpose
from subjects.models import DataCategory


def titles() -> dict[Words, str]:
    """{what a form names: its title in the active language}; two queries."""
    named = {Words(ItemKind.PURPOSE, row.code): str(row) for row in Purpose.objects.all()}
    named |= {Words(ItemKind.CATEGORY, row.code): str(row) for row in DataCategory.objects.all()}
    return named | {Words(ItemKind.RECIPIENT, kind.value): str(kind.label) for kind in RecipientKind}


class CoveragePages:
    """The addresses of these pages, for the admin of how consents stand."""

    def coverage_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("coverage/", wrap(self.coverage_view), name="consent_coverage"),
            path("coverage/<str:code>/ask/", wrap(require_POST(self.ask_view)), name="consent_ask"),
        ]

    def _rendered(self, request: HttpRequest, template: str, title: str, status: int = 200, **context: object):
        base = {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        return render(request, f"admin/consent/{template}.html", {**base, **context}, status=status)

    def coverage_view(self, request: HttpRequest) -> HttpResponse:
        """The texts whose readers were told less, how many they are, and the button that asks them."""
        if not request.user.has_perm("consent.view_consentstate"):
            raise PermissionDenied
        named, unknown = titles(), coverage.unknown_grounds()
        rows: dict[str, list] = {}
        for gap in coverage.gaps():
            rows.setdefault(gap.form, []).append((gap, [named.get(words, words.code) for words in gap.lacks]))
        found = [
            (form, rows.get(form.code, []), unknown.get(form.code, 0))
            for form in ConsentForm.objects.all()
            if form.code in rows or form.code in unknown
        ]
        may_ask = request.user.has_perm("notifications.run_campaign")
        title = gettext("Whose consent covers less than it should")
        return self._rendered(request, "coverage", title, found=found, may_ask=may_ask)

    def ask_view(self, request: HttpRequest, code: str) -> HttpResponse:
        """Write to everybody whose consent of the form is outgrown."""
        form = get_object_or_404(ConsentForm, code=code)
        try:
            campaign = asking.ask(form=form, by=request.user)
        except ValidationError as error:
            messages.error(request, error.messages[0])
            return redirect("admin:consent_coverage")
        messages.success(request, gettext("The letters are on their way. Here is how far they are."))
        return redirect("admin:notifications_campaign_change", campaign.pk)
