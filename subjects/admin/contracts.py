"""Contracts: as the loan system tells them, a file brings them, or an officer writes them down."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from staff.models import StaffUser
from subjects import loans
from subjects.admin.people import located
from subjects.admin.steps import StepsAdmin, known
from subjects.contract_forms import ContractForm, ContractStateForm
from subjects.models import Contract


@admin.register(Contract)
class ContractAdmin(StepsAdmin):
    """An end releases what waited for it (94-V art. 8(2)), whoever tells of it."""

    change_form_template = "admin/subjects/contract.html"
    add_form, add_label = ContractForm, _("Record the contract")
    list_display = ("__str__", "subject", "number", "state", "state_since", "overdue_since", "performed_at")
    list_filter = ("state",)
    list_select_related = ("subject",)
    allowed_lookups = ("subject", "subject__id")
    fields = (
        "subject", "number", "application", "state", "state_since", "opened_at", "overdue_since", "performed_at",
    )  # fmt: skip

    def create(self, given: dict[str, Any], by: StaffUser) -> Contract:
        return loans.record_contract(**given)

    def get_urls(self) -> list:
        state = self.admin_site.admin_view(self.state_view)
        return [path("<int:pk>/state/", state, name="subjects_contract_state"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        context["may_change_state"] = request.user.has_perm("subjects.change_contract")
        return super().render_change_form(request, context, *args, **kwargs)

    def state_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How the contract stands, and since when."""
        row = located(self.get_queryset(request).select_related("subject"), pk)
        if not self.has_view_permission(request, row) or not request.user.has_perm("subjects.change_contract"):
            raise PermissionDenied
        form = ContractStateForm(request.POST if request.method == "POST" else None, state=row.state)
        if form.is_valid():
            try:
                loans.record_contract(subject=row.subject, number=row.number, **form.cleaned_data)
            except ValidationError as error:
                form.add_error(None, known(form, error=error))
            else:
                messages.success(request, gettext("Saved."))
                return redirect("admin:subjects_contract_change", pk)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("How contract %(row)s stands") % {"row": row},
            "opts": self.opts,
            "original": row,
            "form": form,
            "label": gettext("Save"),
            "back": "../change/",
        }
        return render(request, "admin/subjects/add.html", context, status=422 if form.errors else 200)
