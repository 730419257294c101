"""What happens to a person in their life: a corrected IIN, a death and heirs, coming of age."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.names import actor_name
from staff.models import StaffUser
from subjects import deaths, iin_corrections, majority
from subjects.admin.people import located
from subjects.admin.steps import Step, StepsAdmin, known
from subjects.life_forms import DeathForm, HeirForm, IinForm, MajorityForm
from subjects.models import DataSubject, Death, IinCorrection, Representative


class DocumentAdmin(StepsAdmin):
    """Rows that rest on a document somebody saw."""

    readonly_fields = ("what", "last_four", "seen")

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).select_related("subject", "document__user")

    @admin.display(description=_("document"))
    def what(self, row: IinCorrection | Death) -> str:
        return row.document.get_kind_display()

    @admin.display(description=_("last four characters of the number"))
    def last_four(self, row: IinCorrection | Death) -> str:
        return row.document.last_four

    @admin.display(description=_("seen"))
    def seen(self, row: IinCorrection | Death) -> str:
        return f"{row.document.seen_on}, {actor_name(row.document.actor, row.document.user)}"


@admin.register(IinCorrection)
class IinCorrectionAdmin(DocumentAdmin):
    add_form, add_label = IinForm, _("Propose the IIN")
    list_display = ("__str__", "subject", "proposed_by", "proposed_at", "approved_at", "declined_at")
    list_select_related = ("subject", "proposed_by")
    allowed_lookups = ("subject", "subject__id", "approved_at__isnull", "declined_at__isnull")
    fields = (
        "subject", "what", "last_four", "seen", "proposed_by", "proposed_at", "approved_by", "approved_at",
        "declined_by", "declined_at",
    )  # fmt: skip
    steps = (
        Step(
            "approve",
            _("Approve: the person has this IIN from now"),
            lambda row, by: iin_corrections.may_approve(row, by=by),
            lambda row, by: iin_corrections.approve(row=row, by=by),
        ),
        Step(
            "decline",
            _("The IIN stays as it was"),
            lambda row, by: row.is_open and (row.proposed_by_id == by.pk or iin_corrections.may_approve(row, by=by)),
            lambda row, by: iin_corrections.decline(row=row, by=by),
        ),
    )

    def create(self, given: dict[str, Any], by: StaffUser) -> IinCorrection:
        return iin_corrections.propose(**given, by=by)


@admin.register(Death)
class DeathAdmin(DocumentAdmin):
    change_form_template = "admin/subjects/death.html"
    add_form, add_label = DeathForm, _("Record the death")
    list_display = ("__str__", "subject", "died_on", "recorded_by", "recorded_at", "undone_at")
    list_select_related = ("subject", "recorded_by")
    allowed_lookups = ("subject", "subject__id", "undone_at__isnull", "undo_proposed_at__isnull")
    fields = (
        "subject", "died_on", "what", "last_four", "seen", "recorded_by", "recorded_at", "undo_proposed_by",
        "undo_proposed_at", "undone_by", "undone_at",
    )  # fmt: skip
    steps = (
        Step(
            "propose-undo",
            _("It was a mistake: propose to undo it"),
            lambda row, by: row.stands and row.undo_proposed_by_id is None and by.has_perm("subjects.change_death"),
            lambda row, by: deaths.propose_undo(row=row, by=by),
        ),
        Step(
            "undo",
            _("Undo it: the person lives"),
            lambda row, by: deaths.may_undo(row, by=by),
            lambda row, by: deaths.undo(row=row, by=by),
        ),
        Step(
            "keep",
            _("It was no mistake"),
            lambda row, by: (
                row.stands
                and row.undo_proposed_by_id is not None
                and (row.undo_proposed_by_id == by.pk or by.has_perm("subjects.undo_death"))
            ),
            lambda row, by: deaths.keep(row=row, by=by),
        ),
    )

    def create(self, given: dict[str, Any], by: StaffUser) -> Death:
        return deaths.record(**given, by=by)

    def get_urls(self) -> list:
        heir = self.admin_site.admin_view(self.heir_view)
        return [path("<int:pk>/heir/", heir, name="subjects_heir"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        row = context["original"]
        heirs = Representative.objects.filter(subject=row.subject, basis=Representative.Basis.INHERITANCE)
        context |= {
            "heirs": [
                (heir, ", ".join(str(Representative.Act(act).label) for act in heir.acts))
                for heir in heirs.select_related("representative").order_by("pk")
            ],
            "may_admit": row.stands and _may_admit(request.user),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def heir_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Link an heir by the document they show, and say what they may ask."""
        row = located(self.get_queryset(request), pk)
        if not self.has_view_permission(request, row) or not _may_admit(request.user):
            raise PermissionDenied
        form = HeirForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                deaths.admit_heir(death=row, **form.cleaned_data, by=request.user)
            except ValidationError as error:
                form.add_error(None, known(form, error=error) if hasattr(error, "error_dict") else error)
            else:
                messages.success(request, gettext("Saved."))
                return redirect("admin:subjects_death_change", pk)
        title = gettext("Heir of %(subject)s") % {"subject": row.subject}
        return _form_page(self, request, form, title=title, label=gettext("Admit the heir"), original=row)


def _may_admit(user: StaffUser) -> bool:
    return user.has_perm("subjects.add_representative") and user.has_perm("subjects.add_personlink")


def _form_page(
    page: admin.ModelAdmin, request: HttpRequest, form: forms.Form, *, title: str, label: str, original: object
) -> HttpResponse:
    context = {
        **page.admin_site.each_context(request),
        "title": title,
        "opts": page.opts,
        "original": original,
        "form": form,
        "label": label,
        "back": "../change/",
    }
    return render(request, "admin/subjects/add.html", context, status=422 if form.errors else 200)


def majority_view(page: admin.ModelAdmin, request: HttpRequest, pk: int) -> HttpResponse:
    """An officer saw that a minor is 18: from now the person acts themself."""
    subject = located(DataSubject.objects.all(), pk)
    if not request.user.has_perm("subjects.note_majority") or not page.has_view_permission(request, subject):
        raise PermissionDenied
    form = MajorityForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            majority.note(subject=subject, **form.cleaned_data, by=request.user)
        except ValidationError as error:
            form.add_error(None, known(form, error=error) if hasattr(error, "error_dict") else error)
        else:
            messages.success(request, gettext("Saved."))
            return redirect("admin:subjects_datasubject_change", pk)
    title = gettext("%(subject)s came of age") % {"subject": subject}
    label = gettext("They act themselves from now")
    return _form_page(page, request, form, title=title, label=label, original=subject)
