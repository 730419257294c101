"""What is held and where: checks, systems, technical data, contracts, machine decisions."""

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.admin import HistoryAdmin as History
from audit.admin import HouseAdmin, KeysetAdmin, ReadOnlyAdmin
from subjects import addresses, decisions, vault_found, verification
from subjects.admin.people import located
from subjects.admin.steps import Step, StepsAdmin
from subjects.forms import RevealForm
from subjects.models import (
    Application,
    AutomatedDecision,
    SourceSystem,
    SystemCategory,
    TechnicalHolding,
    Verification,
)


def _may_decide(row: Verification, by: object) -> bool:
    try:
        verification.check_may_decide(row, by=by)
    except PermissionDenied:
        return False
    return True


@admin.register(Verification)
class VerificationAdmin(StepsAdmin):
    """A value that differs waits here until an officer decides (policy 2.2)."""

    change_form_template = "admin/subjects/verification.html"
    list_display = ("__str__", "subject", "category", "against", "result", "checked_at", "decision")
    list_filter = ("result", "decision", "against")
    list_select_related = ("value__subject", "value__category", "decided_by")
    allowed_lookups = ("value", "value__id", "decided_at__isnull")
    fields = ("subject", "category", "against", "result", "checked_at", "decision", "decided_by", "decided_at")
    readonly_fields = ("subject", "category")
    steps = (
        Step(
            "correct",
            _("Put what was found in the place of ours"),
            lambda row, by: (
                row.sealed_found is not None and row.value.category.code != addresses.CATEGORY and _may_decide(row, by)
            ),
            lambda row, by: verification.decide(row=row, decision="corrected", by=by),
        ),
        Step(
            "keep",
            _("Ours stays"),
            _may_decide,
            lambda row, by: verification.decide(row=row, decision="kept", by=by),
        ),
    )

    @admin.display(description=_("data subject"))
    def subject(self, row: Verification) -> str:
        return str(row.value.subject)

    @admin.display(description=_("data category"))
    def category(self, row: Verification) -> str:
        return str(row.value.category)

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.found_view)
        return [path("<int:pk>/found/", view, name="subjects_found"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict, *args: object, **kwargs: object) -> HttpResponse:
        row = context["original"]
        context["may_read"] = row.sealed_found is not None and request.user.has_perm("subjects.reveal_value")
        return super().render_change_form(request, context, *args, **kwargs)

    def found_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask why, then show once what the other side has; the record stands before the value does."""
        row = located(self.get_queryset(request).select_related("value__subject", "value__category"), pk)
        if not self.has_view_permission(request, row) or not request.user.has_perm("subjects.reveal_value"):
            raise PermissionDenied
        if row.sealed_found is None:
            raise Http404
        form, opened = RevealForm(request.POST if request.method == "POST" else None), None
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            try:
                opened = vault_found.reveal_found(
                    value=row.value, sealed=row.sealed_found, by=request.user, reason=reason
                )
            except PermissionDenied as error:
                return render(request, "403.html", {"sentence": str(error)}, status=403)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("What was found: %(entry)s") % {"entry": row},
            "opts": self.opts,
            "original": row,
            "form": form,
            "opened": opened and {"value": "\n".join(opened.values())},
        }
        return render(request, "admin/subjects/note.html", context, status=422 if form.errors else 200)


class SystemCategories(admin.TabularInline):
    model = SystemCategory
    extra = 1


@admin.register(SourceSystem)
class SourceSystemAdmin(HouseAdmin):
    list_display = ("code", "title", "unit", "retired_on")
    fields = ("code", "title_kk", "title_ru", "title_en", "unit", "email", "retired_on")
    inlines = (SystemCategories,)

    def get_inline_instances(self, request: HttpRequest, obj: SourceSystem | None = None) -> list:
        inlines = super().get_inline_instances(request, obj)
        for inline in inlines:  # what it holds is part of the system: whoever may change it may change that
            may = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
            for act in ("add", "change", "delete"):
                setattr(inline, f"has_{act}_permission", lambda request, obj=None, may=may: may)
            inline.has_view_permission = lambda request, obj=None: True
        return inlines

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: object) -> forms.Field:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in ("title_kk", "title_ru"):  # English is optional everywhere
            field.required = True
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: SourceSystem | None = None) -> tuple[str, ...]:
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(TechnicalHolding)
class TechnicalHoldingAdmin(ReadOnlyAdmin, KeysetAdmin, History):
    list_display = ("__str__", "subject", "category", "system", "during", "count")
    list_filter = ("system",)
    list_select_related = ("subject", "category", "system")
    allowed_lookups = ("subject", "subject__id")
    fields = ("subject", "category", "system", "during", "count")


@admin.register(AutomatedDecision)
class AutomatedDecisionAdmin(StepsAdmin):
    list_display = ("__str__", "subject", "client", "kind", "outcome", "occurred_at", "review_asked_at", "review")
    list_filter = ("kind", "outcome", "review")
    list_select_related = ("subject", "reviewed_by")
    allowed_lookups = ("subject", "subject__id", "review_asked_at__isnull", "reviewed_at__isnull")
    fields = (
        "subject", "client", "number", "kind", "outcome", "occurred_at", "categories", "review_asked_at", "review",
        "reviewed_by", "reviewed_at",
    )  # fmt: skip
    steps = tuple(
        Step(
            name,
            label,
            lambda row, by: (
                row.review_asked_at is not None
                and row.reviewed_at is None
                and by.has_perm("subjects.review_automateddecision")
            ),
            lambda row, by, outcome=outcome: decisions.review(decision=row, outcome=outcome, by=by),
        )
        for name, label, outcome in (
            ("uphold", _("The decision stays"), AutomatedDecision.Review.UPHELD),
            ("change", _("The decision is changed"), AutomatedDecision.Review.CHANGED),
        )
    )


@admin.register(Application)
class ApplicationAdmin(ReadOnlyAdmin, KeysetAdmin, History):
    list_display = ("__str__", "subject", "number", "state", "state_since")
    list_filter = ("state",)
    list_select_related = ("subject",)
    allowed_lookups = ("subject", "subject__id")
    fields = ("subject", "number", "state", "applied_at", "state_since")
