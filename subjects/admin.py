"""The officers' pages about people: by reference, masked; a value opens one at a time, with a reason (DESIGN 4)."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.admin import HistoryAdmin, HouseAdmin, KeysetAdmin, ReadOnlyAdmin
from audit.models import AccessRecord
from notifications.models import Letter
from subjects import import_runs, search, services, sign_in, vault
from subjects.csv_rows import template
from subjects.enums import IndexKind
from subjects.forms import ImportForm, RevealForm
from subjects.models import (
    CabinetEvent,
    DataCategory,
    DataSubject,
    ImportState,
    PersonalData,
    SearchKey,
    SubjectImport,
    Task,
)

HINTS = (IndexKind.IIN, IndexKind.PHONE, IndexKind.EMAIL)


def found(term: str) -> models.Q:
    """People that `term` names exactly: a reference, IIN, phone, e-mail, client number or word of the name."""
    reference = models.Q(reference=term.upper())
    for kind in (IndexKind.IIN, IndexKind.PHONE, IndexKind.EMAIL, IndexKind.CLIENT_NUMBER, IndexKind.NAME):
        reference |= models.Q(pk__in=search.find(kind, term).values("pk"))
    return reference


@admin.register(DataSubject)
class DataSubjectAdmin(ReadOnlyAdmin, KeysetAdmin, HistoryAdmin):
    list_display = ("reference", "iin_hint", "phone_hint", "email_hint", "kind", "standing", "language")
    list_filter = ("standing", "kind", "language")
    search_fields = ("reference",)
    search_help_text = _("Exactly: reference, IIN, phone, e-mail, client number, or a whole word of the name")
    change_list_template = "admin/subjects/list.html"
    change_form_template = "admin/subjects/subject.html"

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        hints = SearchKey.objects.filter(kind__in=HINTS)
        return super().get_queryset(request).prefetch_related(Prefetch("search_keys", hints, to_attr="hints"))

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        term = search_term.strip()
        return (queryset.filter(found(term)) if term else queryset), False

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        extra = {"may_import": request.user.has_perm("subjects.import_subjects")}
        return super().changelist_view(request, extra | (extra_context or {}))

    @staticmethod
    def _hint(subject: DataSubject, kind: str) -> str:
        return next((key.hint for key in subject.hints if key.kind == kind), "")

    @admin.display(description=_("IIN"), empty_value="—")
    def iin_hint(self, subject: DataSubject) -> str:
        return self._hint(subject, IndexKind.IIN)

    @admin.display(description=_("phone"), empty_value="—")
    def phone_hint(self, subject: DataSubject) -> str:
        return self._hint(subject, IndexKind.PHONE)

    @admin.display(description=_("e-mail"), empty_value="—")
    def email_hint(self, subject: DataSubject) -> str:
        return self._hint(subject, IndexKind.EMAIL)

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/reveal/<int:value_pk>/", wrap(self.reveal_view), name="subjects_reveal"),
            path("<int:pk>/paper-code/", wrap(self.paper_code_view), name="subjects_paper_code"),
            *super().get_urls(),
        ]

    def _locate(self, request: HttpRequest, pk: int | str) -> DataSubject:
        subject = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_view_permission(request, subject):
            raise PermissionDenied
        return subject

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """One person without opening a value: what is held, by category; letters; who looked; tasks."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        subject = self._locate(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": str(subject),
            "opts": self.opts,
            "original": subject,
            "subject": subject,
            "hints": [(IndexKind(key.kind).label, key.hint) for key in subject.hints],
            "values": PersonalData.objects.filter(subject=subject).select_related("category").order_by("category"),
            "may_reveal": request.user.has_perm("subjects.reveal_value"),
            "may_issue": request.user.has_perm("subjects.issue_paper_code"),
            "letters": Letter.objects.filter(subject=subject).order_by("-pk")[:20],
            "looks": AccessRecord.objects.filter(reference=str(subject)).select_related("user").order_by("-pk")[:20],
            "events": CabinetEvent.objects.filter(subject=subject).order_by("-pk")[:20],
            "tasks": Task.objects.filter(subject=subject, closed_at=None),
        }
        return render(request, self.change_form_template, context)

    def reveal_view(self, request: HttpRequest, pk: int, value_pk: int) -> HttpResponse:
        """Ask why, then show one value once; the record stands before the value does."""
        subject = self._locate(request, pk)
        value = get_object_or_404(PersonalData.objects.select_related("subject", "category"), pk=value_pk, subject=pk)
        form = RevealForm(request.POST or None)
        opened = None
        if request.method == "POST" and form.is_valid():
            opened = vault.reveal(value=value, by=request.user, reason=form.cleaned_data["reason"])
        elif not request.user.has_perm("subjects.reveal_value"):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Open a value of %(subject)s") % {"subject": subject},
            "opts": self.opts,
            "original": subject,
            "subject": subject,
            "value": value,
            "form": form,
            "opened": opened,
        }
        return render(request, "admin/subjects/reveal.html", context)

    def paper_code_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A sign-in code for somebody without e-mail, shown once to be written down or printed."""
        subject = self._locate(request, pk)
        code = None
        if request.method == "POST":
            code = sign_in.issue_on_paper(subject=subject, by=request.user)
        elif not request.user.has_perm("subjects.issue_paper_code"):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Sign-in code on paper for %(subject)s") % {"subject": subject},
            "opts": self.opts,
            "original": subject,
            "subject": subject,
            "code": code,
            "days": sign_in.PAPER_LIVES.days,
        }
        return render(request, "admin/subjects/paper_code.html", context)


@admin.register(DataCategory)
class DataCategoryAdmin(HouseAdmin):
    list_display = ("code", "title", "retention_class", "access", "biometric")
    list_filter = ("retention_class", "access")
    fields = ("code", "title_kk", "title_ru", "title_en", "retention_class", "access", "biometric", "order")

    def get_readonly_fields(self, request: HttpRequest, obj: DataCategory | None = None) -> tuple[str, ...]:
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Task)
class TaskAdmin(ReadOnlyAdmin, KeysetAdmin, HistoryAdmin):
    list_display = ("kind", "subject", "opened_at", "closed_at", "closed_by")
    list_display_links = ("kind",)
    list_filter = ("kind",)
    list_select_related = ("subject", "closed_by")
    allowed_lookups = ("closed_at__isnull",)
    change_form_template = "admin/subjects/task.html"

    def get_urls(self) -> list:
        return [
            path("<int:pk>/settle/", self.admin_site.admin_view(self.settle_view), name="subjects_settle"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        task = get_object_or_404(Task.objects.select_related("subject", "letter", "closed_by"), pk=object_id)
        if not self.has_view_permission(request, task):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": task.get_kind_display(),
            "opts": self.opts,
            "original": task,
            "task": task,
            "may_settle": request.user.has_perm("subjects.change_task"),
        }
        return render(request, self.change_form_template, context)

    def settle_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST" or not request.user.has_perm("subjects.change_task"):
            raise PermissionDenied
        task = get_object_or_404(Task, pk=pk)
        if task.closed_at is None:
            services.settle_disputed_address(task=task, by=request.user)
            messages.success(request, gettext("The task is closed; letters go to the address again."))
        return redirect("admin:subjects_task_change", pk)


@admin.register(SubjectImport)
class SubjectImportAdmin(ReadOnlyAdmin, HistoryAdmin):
    list_display = ("__str__", "state", "dry_run", "rows_total", "created", "updated", "started_by", "started_at")
    list_select_related = ("started_by",)
    ordering = ("-pk",)
    change_list_template = "admin/subjects/imports.html"
    change_form_template = "admin/subjects/import.html"

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
        form = ImportForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
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
        return render(request, "admin/subjects/import_start.html", context)

    def template_view(self, request: HttpRequest) -> HttpResponse:
        """An empty file with the right headers, in the officer's language."""
        response = HttpResponse(template(request.LANGUAGE_CODE), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="data-subjects.csv"'
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """How far it is; the page reloads itself until the end; bad rows with number, column and reason."""
        run = get_object_or_404(SubjectImport.objects.defer("sealed_file").select_related("started_by"), pk=object_id)
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


@admin.register(CabinetEvent)
class CabinetEventAdmin(ReadOnlyAdmin, KeysetAdmin):
    list_display = ("at", "kind", "subject", "user")
    list_display_links = ("at",)
    list_filter = ("kind",)
    list_select_related = ("subject", "user")
    fields = ("at", "kind", "subject", "actor", "request_id")
