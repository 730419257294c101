"""Importing older consents from a file: the upload, how far it is, what is wrong with it (issue 3, day one)."""

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from consent import importing
from consent.import_runs import CONSENTS
from consent.models import ConsentImport
from subjects.admin.imports import ImportRunAdmin
from subjects.csv_problems import REASONS

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


@admin.register(ConsentImport)
class ConsentImportAdmin(ImportRunAdmin):
    list_display = ("__str__", "state", "dry_run", "rows_total", "added", "unchanged", "started_by", "started_at")
    change_list_template = "admin/consent/imports.html"
    change_form_template = "admin/consent/import_run.html"
    kind, form_class, right = CONSENTS, ConsentFileForm, "consent.import_consents"
    url_name, start_title = "consent_import", _("Import older consents")
    start_template, template_file = "admin/consent/import_consents.html", "consents.csv"

    def template(self, language: str) -> bytes:
        return importing.template(language)
