"""The officers' pages of forms and their versions: draft, edit, review, approve, compare (94-V art. 8(4))."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from audit.admin import HistoryAdmin, HouseAdmin, ReadOnlyAdmin
from audit.names import actor_name, reason_name
from consent import drafting, version_forms
from consent.drafting import Beginning
from consent.enums import FormState
from consent.form_text import FormText, compose
from consent.linter import lint
from consent.models import ConsentForm, ConsentFormVersion, FormItem
from policies.differences import words
from staff.enums import Language
from staff.models import Operator

REFERENCE = "S-000000"


class Step(NamedTuple):
    """What may be done with a version that stands so: its name in the address, its button, the right, what it asks."""

    name: str
    label: Any
    right: str
    act: Callable[..., ConsentFormVersion]
    form: type[version_forms.StepForm] = version_forms.StepForm


STEPS = {
    FormState.DRAFT: (
        Step("submit", pgettext_lazy("form", "Submit for approval"), "submit", drafting.submit),
        Step("give-up", pgettext_lazy("form", "Give the draft up"), "change", drafting.give_up),
    ),
    FormState.IN_REVIEW: (
        Step("approve", pgettext_lazy("form", "Approve"), "approve", drafting.approve, version_forms.ApproveForm),
        Step(
            "send-back",
            pgettext_lazy("form", "Send back to be changed"),
            "approve",
            drafting.send_back,
            version_forms.SendBackForm,
        ),
    ),
}
BY_NAME = {step.name: step for steps in STEPS.values() for step in steps}


def state_of(version: ConsentFormVersion) -> tuple[str, str]:
    """Where a version stands: (a state of the status chip, words)."""
    during, now = version.in_force_during, timezone.now()
    if version.legacy and version.state == FormState.APPROVED:
        return "neutral", gettext("used before, never offered again")
    if during is None:
        return "waiting" if version.state == FormState.IN_REVIEW else "neutral", version.get_state_display()
    if during.lower > now:
        return "waiting", pgettext("form", "in force from %(moment)s") % {"moment": _moment(during.lower)}
    if during.upper is None:
        return "allowed", pgettext("form", "in force since %(moment)s") % {"moment": _moment(during.lower)}
    if during.upper > now:
        return "allowed", pgettext("form", "in force until %(moment)s") % {"moment": _moment(during.upper)}
    return "neutral", pgettext("form", "was in force from %(start)s to %(end)s") % {
        "start": _moment(during.lower),
        "end": _moment(during.upper),
    }


def _moment(at: Any) -> str:
    return date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")


def before(version: ConsentFormVersion) -> ConsentFormVersion | None:
    """What it is compared with: the version it took the place of, else the one in force now; none for a legacy one."""
    others = _whole().filter(form=version.form_id, state=FormState.APPROVED, legacy=False).exclude(pk=version.pk)
    if version.legacy:
        return None
    if version.in_force_during is not None:
        return others.filter(in_force_during__endswith=version.in_force_during.lower).first()
    return others.in_force().first()


def _whole() -> QuerySet[ConsentFormVersion]:
    return ConsentFormVersion.objects.select_related("form").prefetch_related("items__purpose")


def as_shown(version: ConsentFormVersion, operator: Operator | None) -> dict[str, FormText | None]:
    """{language: the text with everything filled in}; None where there is none; English only if it has one."""
    codes = [code for code in Language.values if code != "en" or version.text_en]
    return {
        code: compose(version, wanted=code, reference=REFERENCE, operator=operator) if version.text(code) else None
        for code in codes
    }


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

    def render_change_form(self, request: HttpRequest, context: dict, **kwargs: Any) -> HttpResponse:
        form = context.get("original")
        versions = list(form.versions.select_related("form").order_by("-number")) if form else []
        offered = next((version for version in versions if state_of(version)[0] == "allowed"), None)
        context.update(
            versions=[(version, *state_of(version)) for version in versions],
            offered=_whole().get(pk=offered.pk) if offered else None,
            texts=as_shown(_whole().get(pk=offered.pk), Operator.current()) if offered else {},
            beginnings=Beginning.choices,
            may_draft=request.user.has_perm("consent.add_consentformversion")
            and not any(version.state in STEPS for version in versions),
        )
        return super().render_change_form(request, context, **kwargs)

    def draft_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Begin a draft: a copy of what is offered now, an empty page, or a text of before Kelisim."""
        form = get_object_or_404(ConsentForm, pk=pk)
        beginning = request.POST.get("beginning", Beginning.OFFERED)
        if beginning not in Beginning.values:
            raise Http404
        try:
            draft = drafting.start(form=form, by=request.user, beginning=beginning)
        except ValidationError as error:
            messages.error(request, error.messages[0])
            return redirect("admin:consent_consentform_change", pk)
        return redirect("admin:consent_consentformversion_change", draft.pk)


class FormItemInline(admin.StackedInline):
    model = FormItem
    formset = version_forms.ItemFormSet
    extra = 1
    # what it is in one row, its words in the three languages beside each other in the next
    fields = (("kind", "purpose", "category", "recipient_kind"), ("text_kk", "text_ru", "text_en", "order"))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Without the signs that lead away from a draft to a purpose or category."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        for sign in ("add", "change", "delete", "view"):
            if hasattr(field.widget, f"can_{sign}_related"):
                setattr(field.widget, f"can_{sign}_related", False)
        return field


@admin.register(ConsentFormVersion)
class ConsentFormVersionAdmin(HouseAdmin):
    form = version_forms.VersionForm
    list_display = ("__str__", "form", "stands", "submitted_by", "approved_by")
    list_filter = ("state", "form")
    list_select_related = ("form", "submitted_by", "approved_by")
    change_form_template = "admin/consent/version.html"
    inlines = (FormItemInline,)
    answers = ("term", "until_purposes_reached", "to_third_parties", "cross_border", "public_distribution")

    @admin.display(description=_("state"))
    def stands(self, version: ConsentFormVersion) -> str:
        return state_of(version)[1]

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/step/<slug:step>/", wrap(require_POST(self.step_view)), name="consent_form_step"),
            *super().get_urls(),
        ]

    def get_fields(self, request: HttpRequest, obj: ConsentFormVersion | None = None) -> tuple:
        if not self.has_change_permission(request, obj):
            return self.answers  # its text stands above as a person sees it
        return (("text_kk", "text_ru"), "text_en", *self.answers, "seen")

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

    def response_change(self, request: HttpRequest, obj: ConsentFormVersion) -> HttpResponseRedirect:
        messages.success(request, gettext("The draft was saved."))
        return HttpResponseRedirect(request.path)

    def render_change_form(self, request: HttpRequest, context: dict, **kwargs: Any) -> HttpResponse:
        version = context.get("original")
        if version is not None:  # as it is stored: what is typed and refused stands in the form alone
            context.update(self._page(request, _whole().get(pk=version.pk)))
        response = super().render_change_form(request, context, **kwargs)
        if getattr(context["adminform"].form, "overtaken", False):
            response.status_code = 409
        return response

    def _page(self, request: HttpRequest, version: ConsentFormVersion) -> dict:
        operator, old, seen = Operator.current(), before(version), drafting.mark_of(version)
        texts, since = as_shown(version, operator), as_shown(old, operator) if old else {}
        chip, words_of_state = state_of(version)
        return {
            "version": version,
            "chip": chip,
            "state_now": words_of_state,
            "findings": [finding.sentence for finding in lint(version, operator)],
            "texts": texts,
            "since": old,
            "differences": {
                code: words(there.text if (there := since.get(code)) else "", text.text if text else "")
                for code, text in texts.items()
            },
            "sent_back": self._sent_back(version),
            "steps": [
                (step, step.form(initial={"seen": seen}, auto_id=f"{step.name}_%s"))
                for step in STEPS.get(version.state, ())
                if request.user.has_perm(f"consent.{step.right}_consentformversion")
            ],
            "may_edit": self.has_change_permission(request, version),
            "show_save_and_continue": False,
        }

    @staticmethod
    def _sent_back(version: ConsentFormVersion) -> dict | None:
        """Why, by whom and when a draft was given back last."""
        told = version.history.filter(history_change_reason__in=drafting.SendBackReason.values)
        row = told.order_by("-history_id").first() if version.state == FormState.DRAFT else None
        if row is None:
            return None
        who = actor_name(row.actor, row.history_user)
        return {"why": reason_name(row.history_change_reason), "who": who, "when": row.history_date}

    def step_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """Move a version on: submit, give up, approve, send back."""
        if step not in BY_NAME:
            raise Http404
        version, taken = get_object_or_404(ConsentFormVersion, pk=pk), BY_NAME[step]
        form = taken.form(request.POST)
        try:
            if not form.is_valid():
                # whose right it is not is told that, and not what was left out
                drafting.check_right(request.user, f"{taken.right}_consentformversion")
                raise ValidationError([f"{form[name].label}: {e}" for name in form.errors for e in form.errors[name]])
            version = taken.act(version=version, by=request.user, **form.arguments())
        except ValidationError as error:
            for sentence in error.messages:
                messages.error(request, sentence)
        else:
            messages.success(request, gettext("Now: %(state)s.") % {"state": state_of(version)[1]})
        return redirect("admin:consent_consentformversion_change", pk)
