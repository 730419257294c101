"""Importing people from a file: the upload, how far it is, what is wrong with it."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext

from audit.admin import HistoryAdmin, ReadOnlyAdmin
from subjects import import_runs
from subjects.admin.people import located
from subjects.csv_rows import template
from subjects.forms import ImportForm
from subjects.models import ImportState, SubjectImport


@admin.register(SubjectImport)
class SubjectImportAdmin(ReadOnlyAdmin, HistoryAdmin):
    list_display = ("__str__", "state", "dry_run", "rows_total", "created", "updated", "started_by", "started_at")
    list_select_related = ("started_by",)
    ordering = ("-pk",)
    change_list_template = "admin/subjects/imports.html"
    change_form_template = "admin/subjects/import.html"

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        # a list of a hundred files would be gigabytes
        return super().get_queryset(request).defer("sealed_file")

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("start/", wrap(self.start_view), name="subjects_import"),
            path("template/", wrap(self.template_view), name="subjects_import_template"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        extra = {"may_import": request.user.has_perm("subjects.import_subjects")}
        return super().changelist_view(request, extra | (extra_context or {}))

    def start_view(self, request: HttpRequest) -> HttpResponse:
        """Upload a file; a worker checks it, and writes it if every row is good."""
        if not request.user.has_perm("subjects.import_subjects"):
            raise PermissionDenied
        form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
        if form.is_valid():
            run = import_runs.start(
                content=form.cleaned_data["file"].read(),
                dry_run=form.cleaned_data["dry_run"],
                language=form.cleaned_data["language"],
                by=request.user,
            )
            return redirect("admin:subjects_subjectimport_change", run.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Import data subjects"),
            "opts": self.opts,
            "form": form,
        }
        return render(request, "admin/subjects/import_start.html", context, status=422 if form.errors else 200)

    def template_view(self, request: HttpRequest) -> HttpResponse:
        """An empty file with the right headers, in the officer's language."""
        if not request.user.has_perm("subjects.import_subjects"):
            raise PermissionDenied
        response = HttpResponse(template(request.LANGUAGE_CODE), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="data-subjects.csv"'
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """How far it is; the page reloads itself until the end; bad rows with number, column and reason."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        run = located(SubjectImport.objects.defer("sealed_file").select_related("started_by"), object_id)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        over = run.state in (ImportState.DONE, ImportState.CHECKED, ImportState.REFUSED, ImportState.FAILED)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Import %(run)s") % {"run": run},
            "opts": self.opts,
            "original": run,
            "run": run,
            "over": over,
            "problems": run.problem_rows(),
            "warnings": run.warning_rows(),
        }
        response = render(request, self.change_form_template, context)
        if not over:
            response["Refresh"] = "2"
        return response
