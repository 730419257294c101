"""The officers' pages of reconciliations: a recipient's statement laid beside the register (policy 4.2)."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from audit.spreadsheet import CONTENT_TYPE
from subjects.admin.imports import ImportRunAdmin
from subjects.enums import Disclosure
from subjects.runs import ImportState
from transfers import reconciling, statement_file
from transfers.admin.batches import clean_size
from transfers.admin.packages import handed_out
from transfers.enums import WITHHELD_BY_DEFAULT
from transfers.file_runs import STATEMENTS
from transfers.models import Recipient, Reconciliation
from transfers.package_files import File

WITHHELD = "transfers.view_withheld_transfer"
DAYS = 30


def _day(label: object) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))


class StatementForm(forms.Form):
    """A CSV file of what a recipient says it got, and of which days it speaks."""

    recipient = forms.ModelChoiceField(Recipient.objects.order_by("code"), label=_("Recipient"))
    since = _day(pgettext_lazy("period", "From"))
    until = _day(pgettext_lazy("period", "To"))
    file = forms.FileField(label=_("File"), help_text=_("CSV, UTF-8, up to 20 MB; headers in any of the languages."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        today = timezone.localdate()
        super().__init__(*args, **{"initial": {"since": today - timedelta(days=DAYS), "until": today}, **kwargs})

    def clean_file(self) -> Any:
        return clean_size(self.cleaned_data["file"])

    def clean(self) -> dict[str, Any]:
        found = {**super().clean(), "dry_run": False}
        if found.get("since") and found.get("until") and found["since"] > found["until"]:
            self.add_error("until", gettext("The last day is before the first."))
        return found


@admin.register(Reconciliation)
class ReconciliationAdmin(ImportRunAdmin):
    list_display = (
        "__str__", "recipient", "state", "since", "until", "matched", "differing", "theirs_only", "ours_only",
        "started_by", "started_at",
    )  # fmt: skip
    list_filter = ("recipient", "state")
    list_select_related = ("started_by", "recipient")
    change_list_template = "admin/transfers/reconciliations.html"
    change_form_template = "admin/transfers/reconciliation.html"
    kind, form_class, right = STATEMENTS, StatementForm, "transfers.add_reconciliation"
    url_name, start_title = "transfers_reconcile", _("Compare a recipient's statement")
    start_template, template_file = "admin/transfers/reconciliation_start.html", "statement.csv"

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        """To who may not know of them, the withheld are not there."""
        rows = super().get_queryset(request)
        return rows if request.user.has_perm(WITHHELD) else rows.filter(disclosure=Disclosure.SUBJECT)

    def template(self, language: str) -> bytes:
        return statement_file.empty_file(language)

    def chosen(self, given: dict) -> dict[str, object]:
        whom = given["recipient"]
        withheld = whom.kind in WITHHELD_BY_DEFAULT
        return {
            "recipient": whom,
            "since": given["since"],
            "until": given["until"],
            "disclosure": Disclosure.WITHHELD if withheld else Disclosure.SUBJECT,
        }

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.report_view)
        return [path("<int:pk>/report/", view, name="transfers_reconciliation_report"), *super().get_urls()]

    def more(self, request: HttpRequest, run: Reconciliation) -> dict[str, Any]:
        return {
            "title": gettext("Reconciliation %(run)s") % {"run": run},
            "checked": run.state == ImportState.DONE,
        }

    def report_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Every row with its outcome, as XLSX without anybody's data."""
        row = get_object_or_404(self.get_queryset(request).select_related("recipient"), pk=pk)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return handed_out(File(reconciling.report(row), CONTENT_TYPE, "", 0), f"reconciliation-{row.pk}.xlsx")
