"""What an officer must look at about a person."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.translation import gettext

from audit.admin import HistoryAdmin, KeysetAdmin, ReadOnlyAdmin
from notifications.ports import title_of
from subjects import rules, services
from subjects.admin.people import located
from subjects.models import Task


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
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        task = located(Task.objects.select_related("subject", "letter", "closed_by", "address"), object_id)
        if not self.has_view_permission(request, task):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": task.get_kind_display(),
            "opts": self.opts,
            "original": task,
            "task": task,
            "letter_title": task.letter and title_of(task.letter.kind),
            "may_correct": rules.may_correct_email(by=request.user),
            "may_settle": request.user.has_perm("subjects.change_task"),
        }
        return render(request, self.change_form_template, context)

    def settle_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST" or not request.user.has_perm("subjects.change_task"):
            raise PermissionDenied
        task = get_object_or_404(Task, pk=pk)
        if task.closed_at is None:
            services.settle_disputed_address(task=task, by=request.user)
            said = {
                Task.Kind.DISPUTED_ADDRESS: gettext("The task is closed; letters go to the address again."),
                Task.Kind.DISPUTED_PHONE: gettext("The task is closed; codes go to the phone again."),
                Task.Kind.NOT_ME: gettext("The task is closed."),
            }
            messages.success(request, said[Task.Kind(task.kind)])
        return redirect("admin:subjects_task_change", pk)
