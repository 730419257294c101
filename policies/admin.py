"""The officers' pages about policies: import, the version on its way, what changed, who approved."""

from collections.abc import Callable
from typing import NamedTuple

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from audit.admin import HouseAdmin
from notifications.models import Campaign
from policies import letters, rules, services
from policies.enums import State
from policies.forms import ChangesForm, DraftForm, ImportForm, PublishForm
from policies.models import Policy, PolicySource, PolicyVersion
from policies.reading import changes, predecessor


class Step(NamedTuple):
    """A step a version may take next: its name in addresses, its button, who may, and what it asks first."""

    name: str
    label: Promise
    may: Callable[..., bool]
    primary: bool = True


STEPS = (
    Step("submit", _("Submit for approval"), rules.may_submit),
    Step("approve", _("Approve"), rules.may_approve),
    Step("publish", _("Publish"), rules.may_publish),
    Step("request-changes", _("Ask for changes"), rules.may_request_changes, primary=False),
    Step("archive", _("Give this draft up"), rules.may_archive, primary=False),
)
TABS = (
    ("text", _("Text")),
    ("findings", _("Findings")),
    ("changes", _("What changed")),
    ("people", _("Who and when")),
    ("letters", _("Letters")),
)


@admin.register(Policy)
class PolicyAdmin(HouseAdmin):
    list_display = ("code", "title")
    fields = ("code", "title_kk", "title_ru", "title_en")

    def get_readonly_fields(self, request: HttpRequest, obj: Policy | None = None) -> tuple[str, ...]:
        # addresses, letters and keys name the code
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(PolicyVersion)
class PolicyVersionAdmin(HouseAdmin):
    list_display = ("__str__", "state_now", "significant", "in_force_during", "submitted_by", "approved_by")
    list_filter = ("policy", "state")
    list_select_related = ("policy", "submitted_by", "approved_by")
    ordering = ("policy", "-number")
    change_form_template = "admin/policies/version.html"
    change_list_template = "admin/policies/versions.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        # a version comes from files, by the import page
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.display(description=_("state"))
    def state_now(self, version: PolicyVersion) -> str:
        if version.is_scheduled:
            return gettext("scheduled")
        if version.is_in_force:
            return gettext("in force")
        if version.is_superseded:
            return gettext("superseded")
        return version.get_state_display()

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("import/", wrap(self.import_view), name="policies_import"),
            path("<int:pk>/steps/<slug:step>/", wrap(self.step_view), name="policies_step"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        extra = {"may_import": request.user.has_perm("policies.add_policyversion")}
        return super().changelist_view(request, extra | (extra_context or {}))

    def _locate(self, request: HttpRequest, pk: int | str) -> PolicyVersion:
        found = PolicyVersion.objects.select_related(
            "policy", "created_by", "submitted_by", "approved_by", "published_by", "changes_requested_by"
        )
        version = get_object_or_404(found, pk=pk)
        if not self.has_view_permission(request, version):
            raise PermissionDenied
        return version

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """One version: its text side by side, its findings, what changed, who signed, its letters."""
        version = self._locate(request, object_id)
        editable = rules.may_edit(version, by=request.user)
        tab = request.GET.get("tab") if request.GET.get("tab") in dict(TABS) else TABS[0][0]
        form = DraftForm(request.POST or None, instance=version) if editable else None
        if request.method == "POST":
            if form is None:
                raise PermissionDenied
            if form.is_valid():
                form.save()
                messages.success(request, gettext("The draft was saved."))
                return redirect(request.get_full_path())
        context = {
            **self.admin_site.each_context(request),
            "title": str(version),
            "opts": self.opts,
            "original": version,
            "version": version,
            "state_now": self.state_now(version),
            "form": form,
            "tab": tab,
            "tabs": TABS,
            "steps": [step for step in STEPS if step.may(version, by=request.user)],
            "missing": self._missing(version),
            "progress": self._progress(version),
            **self._tab(version, tab),
        }
        return render(request, self.change_form_template, context)

    @staticmethod
    def _missing(version: PolicyVersion) -> list[str]:
        if version.state != State.DRAFT:
            return []
        return [rules.field_name(name) for name in rules.missing_before_review(version)]

    @staticmethod
    def _progress(version: PolicyVersion) -> list[dict]:
        order = [State.DRAFT, State.IN_REVIEW, State.APPROVED, State.PUBLISHED]
        reached = order.index(version.state) if version.state in order else -1
        last = len(order) - 1
        return [
            {
                "label": state.label,
                "state": "done" if i < reached or (i == reached == last) else "now" if i == reached else "next",
            }
            for i, state in enumerate(order)
        ]

    @staticmethod
    def _tab(version: PolicyVersion, tab: str) -> dict:
        match tab:
            case "text":
                return {"clauses": version.clauses.all()}
            case "findings":
                return {"findings": version.findings.all()}
            case "changes":
                since = predecessor(version)
                language = get_language() if get_language() in ("kk", "ru") else "ru"
                return {
                    "since": since,
                    "changes": changes(version, since=since, language=language) if since else [],
                    "reading": language,
                }
            case "people":
                return {"sources": PolicySource.objects.filter(version=version).defer("content").order_by("language")}
            case _:
                return {"campaign": Campaign.objects.filter(cause=letters.cause_of(version)).first()}

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Upload the files of the next version; everything wrong with them is said at once."""
        if not request.user.has_perm("policies.add_policyversion"):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                version = services.import_version(
                    policy=form.cleaned_data["policy"],
                    files=form.files(),
                    by=request.user,
                    note=form.cleaned_data["note"],
                    replace_draft=form.cleaned_data["replace_draft"],
                )
            except ValidationError as error:
                form.add_error(None, error)
            else:
                found = version.findings.count()
                messages.success(
                    request,
                    gettext("%(version)s was imported. Findings: %(found)s.") % {"version": version, "found": found},
                )
                url = reverse("admin:policies_policyversion_change", args=[version.pk])
                return redirect(f"{url}?tab=findings" if found else url)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Import a policy"),
            "opts": self.opts,
            "form": form,
        }
        return render(request, "admin/policies/import.html", context)

    def step_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """Ask once more, with the consequences, then act."""
        version = self._locate(request, pk)
        known = {item.name: item for item in STEPS}
        if step not in known:
            return redirect("admin:policies_policyversion_change", pk)
        form = self._step_form(request, version, step)
        if request.method == "POST" and (form is None or form.is_valid()):
            try:
                self._act(version, step, by=request.user, data=form.cleaned_data if form else {})
            except ValidationError as error:
                messages.error(request, " ".join(error.messages))
            else:
                messages.success(request, gettext("%(version)s: done.") % {"version": version})
            return redirect("admin:policies_policyversion_change", pk)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{known[step].label}: {version}",
            "opts": self.opts,
            "version": version,
            "original": version,
            "step": known[step],
            "form": form,
            "allowed": known[step].may(version, by=request.user),
            "audience": letters.audience_size() if step == "publish" and version.significant else None,
        }
        return render(request, "admin/policies/step.html", context)

    @staticmethod
    def _step_form(request: HttpRequest, version: PolicyVersion, step: str) -> ChangesForm | PublishForm | None:
        if step == "request-changes":
            return ChangesForm(request.POST or None)
        if step == "publish":
            return PublishForm(request.POST or None, version=version)
        return None

    @staticmethod
    def _act(version: PolicyVersion, step: str, *, by, data: dict) -> None:
        match step:
            case "submit":
                services.submit(version, by=by)
            case "approve":
                services.approve(version, by=by)
            case "request-changes":
                services.request_changes(version, by=by, what=data["what"])
            case "publish":
                services.publish(version, by=by, at=data["at"])
            case "archive":
                services.archive(version, by=by)
