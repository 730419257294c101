"""Whose consent lacks what others' text names, and asking them; consents of a spreadsheet (issue 3, day one)."""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from consent import asking, coverage, importing
from consent.coverage import Words
from consent.enums import RecipientKind
from consent.models import ConsentForm, ItemKind, Purpose
from subjects.csv_problems import REASONS
from subjects.models import DataCategory

MOST_BYTES = 20 * 1024 * 1024


class ConsentFileForm(forms.Form):
    """A CSV file of older consents."""

    file = forms.FileField(label=_("File"), help_text=_("CSV, UTF-8, up to 20 MB; headers in any of the languages."))
    dry_run = forms.BooleanField(label=_("Check only, write nothing"), required=False)

    def clean_file(self):
        upload = self.cleaned_data["file"]
        if upload.size > MOST_BYTES:
            raise ValidationError(REASONS["file_size"] % {"megabytes": MOST_BYTES // 1024 // 1024})
        return upload


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
            path("import/", wrap(self.import_view), name="consent_import"),
            path("import/template/", wrap(self.template_view), name="consent_import_template"),
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

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Check a file of older consents whole; write the good rows, name the bad ones."""
        if not request.user.has_perm("consent.import_consents"):
            raise PermissionDenied
        form = ConsentFileForm(*((request.POST, request.FILES) if request.method == "POST" else ()))
        checked = done = None
        if form.is_valid():
            checked = importing.examine(form.cleaned_data["file"])
            if not form.cleaned_data["dry_run"] and checked.rows:
                done = importing.load(checked.rows)
        status = 422 if form.errors or (checked and checked.problems) else 200
        title = gettext("Import older consents")
        return self._rendered(request, "import_consents", title, status, form=form, checked=checked, done=done)

    def template_view(self, request: HttpRequest) -> HttpResponse:
        """An empty file with the right headers, in the officer's language."""
        if not request.user.has_perm("consent.import_consents"):
            raise PermissionDenied
        response = HttpResponse(importing.template(request.LANGUAGE_CODE), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="consents.csv"'
        return response
