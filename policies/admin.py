"""The officers' pages about policies: import, the version on its way, what changed, who approved."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Field
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from audit.admin import HouseAdmin
from audit.timeline import Entry, timeline
from notifications.models import Campaign
from policies import legal_act_admin, letters, rules, services
from policies.enums import State
from policies.forms import ChangesForm, DraftForm, ImportForm, PublishForm
from policies.letter_pages import LetterPages, moment_in, publication, with_moment
from policies.markdown import BadPolicyFile
from policies.models import Policy, PolicySource, PolicyVersion
from policies.reading import changes, predecessor, reading_language
from policies.steps import BY_NAME, STEPS, Step
from staff.enums import Language

# the admin looks for pages in this module
__all__ = ["PolicyAdmin", "PolicyVersionAdmin", "legal_act_admin"]

TABS = (
    ("text", _("Text")),
    ("terms", _("Order, scope, reasons")),
    ("findings", _("Findings")),
    ("changes", _("What changed")),
    ("people", _("Who and when")),
    ("letters", _("Letters")),
)


@admin.register(Policy)
class PolicyAdmin(HouseAdmin):
    list_display = ("code", "title")
    fields = ("code", "title_kk", "title_ru", "title_en")

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: object) -> forms.Field:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in ("title_kk", "title_ru"):  # English is optional everywhere
            field.required = True
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: Policy | None = None) -> tuple[str, ...]:
        # addresses, letters and keys name the code
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(PolicyVersion)
class PolicyVersionAdmin(LetterPages, HouseAdmin):
    list_display = ("__str__", "state_now", "weight", "in_force", "approved_by")
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

    @admin.display(description=_("significant"))
    def weight(self, version: PolicyVersion) -> str:
        return {True: gettext("yes"), False: gettext("no"), None: ""}[version.significant]

    @admin.display(description=_("in force"))
    def in_force(self, version: PolicyVersion) -> str:
        during = version.in_force_during
        if during is None:
            return ""
        ends = [date_format(localtime(end), "SHORT_DATETIME_FORMAT") for end in (during.lower, during.upper) if end]
        return " – ".join(ends) if during.upper else gettext("from %(start)s") % {"start": ends[0]}

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
        if not str(pk).isdecimal():
            raise Http404
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
        seen, overtaken, refusal = services.mark_of(version), None, ""
        form = DraftForm(instance=version, initial={"seen": seen}) if editable else None
        if request.method == "POST":
            if not request.user.has_perm("policies.change_policyversion"):
                raise PermissionDenied
            tab, form = "terms", DraftForm(request.POST, instance=self._locate(request, object_id))
            if form.is_valid():
                values = {name: form.cleaned_data[name] for name in form.Meta.fields}
                try:
                    services.save_draft(version, by=request.user, values=values, seen=form.cleaned_data["seen"])
                except rules.NotAllowed as error:
                    # what this officer typed stays in the form; saved again, it is saved on purpose
                    refusal, overtaken = " ".join(error.messages), self._meanwhile(version, form.cleaned_data["seen"])
                    form.data = form.data.copy()
                    form.data["seen"] = seen
                else:
                    messages.success(request, gettext("The draft was saved."))
                    return redirect(f"{request.path}?tab=terms")
        steps = [step for step in STEPS if not step.refusal(version, request.user)]
        context = {
            **self.admin_site.each_context(request),
            "title": str(version),
            "opts": self.opts,
            "original": version,
            "version": version,
            "state_now": self.state_now(version),
            "form": form,
            "refusal": refusal,
            "overtaken": overtaken,
            "editable": editable,
            "tab": tab,
            "tabs": TABS,
            "steps": steps,
            "may_publish": any(step.name == "publish" for step in steps),
            "missing": self._missing(version),
            "progress": self._progress(version),
            **self._tab(version, tab, request.GET.get("in") or get_language()),
        }
        return render(request, self.change_form_template, context, status=409 if refusal else 200)

    @staticmethod
    def _meanwhile(version: PolicyVersion, seen: str) -> list[Entry]:
        """What others did to the version's own row since the page that carried `seen` was shown, newest first."""
        last = seen.partition(".")[0]
        entries, _older = timeline(PolicyVersion, version.history.all(), before=None, limit=20)
        return [entry for entry in entries if last.isdecimal() and entry.id > int(last)]

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
    def _tab(version: PolicyVersion, tab: str, wanted: str) -> dict:
        match tab:
            case "text":
                return {"clauses": version.clauses.all(), "in_english": "en" in version.languages()}
            case "terms":
                return {}
            case "findings":
                return {"findings": version.findings.all()}
            case "changes":
                since = predecessor(version)
                language = reading_language(version, wanted)
                return {
                    "since": since,
                    "changes": changes(version, since=since, language=language) if since else [],
                    "reading": language,
                    "readings": [(code, Language(code).label) for code in version.languages()],
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
                    files=form.sources(),
                    by=request.user,
                    note=form.cleaned_data["note"],
                    replace_draft=form.cleaned_data["replace_draft"],
                )
            except BadPolicyFile as error:  # a policy as a whole, such as two files that do not fit
                form.add_error(None, [str(problem) for problem in error.problems])
            except ValidationError as error:
                form.add_error("replace_draft" if error.code == "draft_exists" else None, error)
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
            "policies": Policy.objects.exists(),
        }
        return render(request, "admin/policies/import.html", context)

    def step_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """Ask once more, with the consequences, then act."""
        version = self._locate(request, pk)
        if step not in BY_NAME:
            return redirect("admin:policies_policyversion_change", pk)
        step = BY_NAME[step]
        form, refusal = self._step_form(request, version, step), step.refusal(version, request.user)
        looking = "look" in request.POST and isinstance(form, PublishForm) and not refusal
        if looking and form.is_moment_valid():
            return redirect(with_moment(request.path, form.cleaned_data["at"]))
        if request.method == "POST" and (refusal or form is None or form.is_valid()):
            try:
                if refusal:
                    raise rules.NotAllowed(refusal)
                data = form.cleaned_data if form else {}
                step.take(version, by=request.user, seen=request.POST.get("seen"), data=data)
            except rules.NotAllowed as error:
                messages.error(request, " ".join(error.messages))
            else:
                messages.success(request, step.done % {"version": version})
            return redirect("admin:policies_policyversion_change", pk)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{step.label}: {version}",
            "opts": self.opts,
            "version": version,
            "original": version,
            "step": step,
            "form": form,
            "refusal": refusal,
            "seen": request.POST.get("seen") or services.mark_of(version),
            **(publication(version, at=moment_in(request.GET)) if step.name == "publish" and not refusal else {}),
        }
        return render(request, "admin/policies/step.html", context)

    @staticmethod
    def _step_form(request: HttpRequest, version: PolicyVersion, step: Step) -> ChangesForm | PublishForm | None:
        if step.name == "request-changes":
            return ChangesForm(request.POST or None)
        if step.name == "publish":
            at = moment_in(request.GET)
            planned = {"when": PublishForm.When.LATER, "at": at} if at else None
            return PublishForm(request.POST or None, initial=planned, version=version, by=request.user)
        return None
