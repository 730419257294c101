"""Pages of rows that go through steps: added by a form of their own, moved on by buttons, never edited."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from audit.admin import HistoryAdmin, KeysetAdmin, ReadOnlyAdmin
from staff import opening
from staff.models import StaffUser
from subjects.admin.people import located


class Step(NamedTuple):
    """A button: its name in the address, what it says, whether it is there for this officer, what it does."""

    name: str
    label: Promise
    open: Callable[[Any, StaffUser], bool]
    act: Callable[[Any, StaffUser], object]


class AddedByForm(ReadOnlyAdmin, KeysetAdmin):
    """Rows that are made by `add_form` and changed by `steps` alone."""

    change_form_template = "admin/subjects/steps.html"
    add_form: ClassVar[type[forms.Form] | None] = None
    add_label: ClassVar[Promise] = _("Save")
    steps: ClassVar[tuple[Step, ...]] = ()

    def create(self, given: dict[str, Any], by: StaffUser) -> models.Model:
        """Make the row of what `add_form` cleaned. Raises ValidationError."""
        raise NotImplementedError

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        right = f"{self.opts.app_label}.add_{self.opts.model_name}"
        return self.add_form is not None and request.user.has_perm(right)

    def get_urls(self) -> list:
        name = f"{self.opts.app_label}_{self.opts.model_name}_step"
        step = self.admin_site.admin_view(require_POST(self.step_view))
        return [path("<int:pk>/step/<slug:step>/", step, name=name), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = self.add_form(
            *((request.POST, request.FILES) if request.method == "POST" else ()),
            initial={"subject": request.GET.get("subject", "")[:20]},
        )
        if form.is_valid():
            try:
                row = self.create(form.cleaned_data, request.user)
            except ValidationError as error:
                form.add_error(None, error if not hasattr(error, "error_dict") else known(form, error=error))
            else:
                messages.success(request, gettext("Saved."))
                return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", row.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Add: %(what)s") % {"what": self.opts.verbose_name},
            "opts": self.opts,
            "form": form,
            "label": self.add_label,
        }
        return render(request, "admin/subjects/add.html", context, status=422 if form.errors else 200)

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        row = context.get("original")
        context["steps"] = [step for step in self.steps if row is not None and step.open(row, request.user)]
        context["step_url"] = f"admin:{self.opts.app_label}_{self.opts.model_name}_step"
        return super().render_change_form(request, context, *args, **kwargs)

    def step_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """Do one step; what it refuses is told on the page of the row."""
        row = located(self.get_queryset(request), pk)
        known = next((one for one in self.steps if one.name == step), None)
        if known is None or not self.has_view_permission(request, row):
            raise PermissionDenied
        try:
            known.act(row, request.user)
        except ValidationError as error:
            messages.error(request, error.messages[0])
        else:
            messages.success(request, gettext("Done."))
        gone = not self.model._default_manager.filter(pk=pk).exists()
        place = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        return redirect(f"{place}_changelist") if gone else redirect(f"{place}_change", pk)


class StepsAdmin(AddedByForm, HistoryAdmin):
    """The same of a tracked model."""


def known(form: forms.Form, *, error: ValidationError) -> ValidationError:
    """The errors of fields the form has, all others as its own: `add_error` takes no stranger's field."""
    kept: dict[str, list] = {}
    for field, problems in error.error_dict.items():
        kept.setdefault(field if field in form.fields else "__all__", []).extend(problems)
    return ValidationError(kept)


def _opened(name: str, label: Promise, check: Callable[..., bool], act: Callable[..., object]) -> Step:
    return Step(name, label, lambda row, by: check(row, by=by), lambda row, by: act(row, by=by))


# of every register that two people open (staff.opening)
OPENING = (
    _opened("approve", _("Approve: it takes effect now"), opening.may_approve, opening.approve),
    _opened("decline", _("Decline the proposal"), opening.may_decline, opening.decline),
    _opened("close", _("Propose to close it"), opening.may_propose_closing, opening.propose_closing),
    _opened("approve-closing", _("Approve the closing"), opening.may_approve_closing, opening.approve_closing),
    _opened("keep", _("It stays in force"), opening.may_decline_closing, opening.decline_closing),
)
