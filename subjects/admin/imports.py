"""Importing people from a file: the upload, how far it is, what is wrong with it."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.admin import HistoryAdmin, ReadOnlyAdmin
from subjects import contract_files, csv_rows, import_runs, record_import, value_files
from subjects.admin.people import located
from subjects.forms import ImportForm, RecordImportForm
from subjects.models import RecordImport, SubjectImport
from subjects.runs import OVER


class ImportRunAdmin(ReadOnlyAdmin, HistoryAdmin):
    """What the pages of every kind of import share; a kind names itself, its form and its right."""

    kind: import_runs.Kind
    form_class: type[Form]
    right = ""
    # of the two addresses: `admin:<name>`, `admin:<name>_template`
    url_name = ""
    start_title = _("Import")
    start_template = ""
    template_file = "template.csv"
    list_select_related = ("started_by",)
    ordering = ("-pk",)

    def template(self, language: str) -> bytes:
        """An empty file with the headers of `language`."""
        raise NotImplementedError

    def chosen(self, given: dict) -> dict[str, object]:
        """The fields of the run that the form sets, its kind's own."""
        return {}

    def more(self, request: HttpRequest, run: models.Model) -> dict[str, object]:
        """What the page of a run of this kind shows besides."""
        return {}

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        # a list of a hundred files would be gigabytes
        return super().get_queryset(request).defer("sealed_file")

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("start/", wrap(self.start_view), name=self.url_name),
            path("template/", wrap(self.template_view), name=f"{self.url_name}_template"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        extra = {"may_import": request.user.has_perm(self.right)}
        return super().changelist_view(request, extra | (extra_context or {}))

    def start_view(self, request: HttpRequest) -> HttpResponse:
        """Upload a file; a worker checks it whole and writes its good rows."""
        if not request.user.has_perm(self.right):
            raise PermissionDenied
        form = self.form_class(*((request.POST, request.FILES) if request.method == "POST" else ()))
        if form.is_valid():
            given = form.cleaned_data
            run = import_runs.begin(
                self.kind,
                content=given["file"].read(),
                dry_run=given["dry_run"],
                by=request.user,
                **self.chosen(given),
            )
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", run.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": self.start_title,
            "opts": self.opts,
            "form": form,
        }
        return render(request, self.start_template, context, status=422 if form.errors else 200)

    def template_view(self, request: HttpRequest) -> HttpResponse:
        """An empty file with the right headers, in the officer's language."""
        if not request.user.has_perm(self.right):
            raise PermissionDenied
        response = HttpResponse(self.template(request.LANGUAGE_CODE), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{self.template_file}"'
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """How far it is; the page reloads itself until the end; bad rows with number, column and reason."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        run = located(self.get_queryset(request).select_related(*self.list_select_related), object_id)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        over = run.state in OVER
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Import %(run)s") % {"run": run},
            "opts": self.opts,
            "original": run,
            "run": run,
            "over": over,
            "problems": run.problem_rows(),
            "warnings": run.warning_rows(),
            **self.more(request, run),
        }
        response = render(request, self.change_form_template, context)
        if not over:
            response["Refresh"] = "2"
        return response


@admin.register(SubjectImport)
class SubjectImportAdmin(ImportRunAdmin):
    list_display = ("__str__", "state", "dry_run", "rows_total", "created", "updated", "started_by", "started_at")
    change_list_template = "admin/subjects/imports.html"
    change_form_template = "admin/subjects/import.html"
    kind, form_class, right = import_runs.PEOPLE, ImportForm, "subjects.import_subjects"
    url_name, start_title = "subjects_import", _("Import data subjects")
    start_template, template_file = "admin/subjects/import_start.html", "data-subjects.csv"

    def template(self, language: str) -> bytes:
        return csv_rows.template(language)

    def chosen(self, given: dict) -> dict[str, object]:
        return {"default_language": given["language"], "overrule": given["overrule"]}


@admin.register(RecordImport)
class RecordImportAdmin(ImportRunAdmin):
    list_display = ("__str__", "what", "state", "dry_run", "rows_total", "added", "changed", "started_by", "started_at")
    change_list_template = "admin/subjects/record_imports.html"
    change_form_template = "admin/subjects/record_import.html"
    kind, form_class, right = record_import.RECORDS, RecordImportForm, "subjects.import_subjects"
    url_name, start_title = "subjects_records", _("Import values or contracts")
    start_template, template_file = "admin/subjects/record_start.html", "values.csv"

    def template(self, language: str) -> bytes:
        return value_files.template(language)

    def chosen(self, given: dict) -> dict[str, object]:
        return {"what": given["what"], "overrule": given["overrule"]}

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.contracts_view)
        return [path("template/contracts/", view, name="subjects_contracts_template"), *super().get_urls()]

    def contracts_view(self, request: HttpRequest) -> HttpResponse:
        """An empty file of contracts, in the officer's language."""
        if not request.user.has_perm(self.right):
            raise PermissionDenied
        content = contract_files.template(request.LANGUAGE_CODE)
        response = HttpResponse(content, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="contracts.csv"'
        return response
