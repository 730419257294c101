"""The officers' pages of the register: the matrix, the forms and their way to effect."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils.translation import gettext, pgettext_lazy
from django.views.decorators.http import require_POST

from audit.admin import HistoryAdmin, HouseAdmin, ReadOnlyAdmin
from consent import drafting
from consent.admin.matrix import MatrixPages
from consent.enums import FormState
from consent.form_text import compose
from consent.linter import lint
from consent.models import ConsentForm, ConsentFormVersion, FormItem, PurposeCategory
from staff.models import Operator

# what may be done with a version that stands so: the name of the step, its button, the right it asks for
STEPS = {
    FormState.DRAFT: [("submit", pgettext_lazy("form", "Submit for approval"), "consent.submit_consentformversion")],
    FormState.IN_REVIEW: [
        ("approve", pgettext_lazy("form", "Approve: it takes effect now"), "consent.approve_consentformversion"),
        ("send-back", pgettext_lazy("form", "Send back to be changed"), "consent.approve_consentformversion"),
    ],
}
ACTS = {"submit": drafting.submit, "approve": drafting.approve, "send-back": drafting.send_back}


@admin.register(PurposeCategory)
class PurposeCategoryAdmin(MatrixPages, ReadOnlyAdmin, HistoryAdmin):
    change_list_template = "admin/consent/cells_list.html"
    list_display = ("purpose", "category", "necessity", "loaded")
    list_filter = ("purpose", "necessity")
    list_select_related = ("purpose", "category")
    fields = ("purpose", "category", "necessity", "note", "loaded", "proposed_by", "approved_by")


@admin.register(ConsentForm)
class ConsentFormAdmin(ReadOnlyAdmin, HistoryAdmin):
    list_display = ("code", "title", "required", "withdrawal", "scope_kind")
    fields = ("code", "title", "required", "withdrawal", "scope_kind")
    change_form_template = "admin/consent/form.html"

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/draft/", wrap(require_POST(self.draft_view)), name="consent_form_draft"),
            *super().get_urls(),
        ]

    def render_change_form(self, request: HttpRequest, context: dict, *args: object, **kwargs: object) -> HttpResponse:
        form = context.get("original")
        versions = list(form.versions.order_by("-number")) if form else []
        context["versions"] = versions
        context["may_draft"] = request.user.has_perm("consent.add_consentformversion") and not any(
            version.state in STEPS for version in versions
        )
        return super().render_change_form(request, context, *args, **kwargs)

    def draft_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Begin a draft: a copy of what is offered now, or the sample."""
        form = get_object_or_404(ConsentForm, pk=pk)
        try:
            draft = drafting.start(form=form, by=request.user)
        except ValidationError as error:
            messages.error(request, error.messages[0])
            return redirect("admin:consent_consentform_change", pk)
        return redirect("admin:consent_consentformversion_change", draft.pk)


class FormItemInline(admin.TabularInline):
    model = FormItem
    extra = 1
    fields = ("kind", "purpose", "category", "recipient_kind", "text_kk", "text_ru", "text_en", "order")


@admin.register(ConsentFormVersion)
class ConsentFormVersionAdmin(HouseAdmin):
    list_display = ("__str__", "form", "state", "legacy", "submitted_by", "approved_by")
    list_filter = ("state", "form")
    list_select_related = ("form", "submitted_by", "approved_by")
    change_form_template = "admin/consent/version.html"
    inlines = (FormItemInline,)
    fields = (
        ("text_kk", "text_ru"), "text_en", "term", "until_purposes_reached", "to_third_parties", "cross_border",
        "public_distribution",
    )  # fmt: skip

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/step/<slug:step>/", wrap(require_POST(self.step_view)), name="consent_form_step"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a draft begins at its form

    def has_delete_permission(self, request: HttpRequest, obj: ConsentFormVersion | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ConsentFormVersion | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.state == FormState.DRAFT)

    def get_inline_instances(self, request: HttpRequest, obj: ConsentFormVersion | None = None) -> list:
        inlines = super().get_inline_instances(request, obj)
        for inline in inlines:  # the items are part of the draft: whoever may change it may change them
            allowed = self.has_change_permission(request, obj)
            for act in ("add", "change", "delete"):
                setattr(inline, f"has_{act}_permission", lambda request, obj=None, allowed=allowed: allowed)
        return inlines

    def render_change_form(self, request: HttpRequest, context: dict, *args: object, **kwargs: object) -> HttpResponse:
        version = context.get("original")
        if version is not None:
            operator = Operator.current()
            rows = ConsentFormVersion.objects.select_related("form").prefetch_related("items__purpose")
            version = rows.get(pk=version.pk)
            context["findings"] = [] if version.legacy else [finding.sentence for finding in lint(version, operator)]
            context["texts"] = [
                compose(version, wanted=language, reference="S-000000", operator=operator) for language in ("kk", "ru")
            ]
            context["steps"] = [
                (name, label) for name, label, right in STEPS.get(version.state, []) if request.user.has_perm(right)
            ]
        return super().render_change_form(request, context, *args, **kwargs)

    def step_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """Move a version on: submit, approve, send back."""
        if step not in ACTS:
            raise Http404
        version = get_object_or_404(ConsentFormVersion, pk=pk)
        try:
            version = ACTS[step](version=version, by=request.user)
        except PermissionDenied:
            raise
        except ValidationError as error:
            for sentence in error.messages:
                messages.error(request, sentence)
        else:
            messages.success(request, gettext("Now: %(state)s.") % {"state": version.get_state_display()})
        return redirect("admin:consent_consentformversion_change", pk)
