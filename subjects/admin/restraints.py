"""What restrains us about a person: holds, the denylist, disputes about it, financial monitoring, suppressions."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from audit.admin import KeysetAdmin, ReadOnlyAdmin
from audit.changelist import KeysetChangeList
from staff.models import StaffUser
from subjects import denylist, holds, request_queues
from subjects.admin.requests import due_chip
from subjects.admin.steps import OPENING, Step, StepsAdmin
from subjects.forms import RevealForm
from subjects.models import AmlEntry, DenialDispute, DenylistEntry, LegalHold, Suppression
from subjects.restraint_forms import AmlForm, DenialForm, DisputeForm, HoldForm


@admin.register(LegalHold)
class LegalHoldAdmin(StepsAdmin):
    """Placed by one officer at once, lifted by two (policy 5.5)."""

    add_form, add_label = HoldForm, _("Place the hold")
    list_display = ("__str__", "subject", "kind", "case_number", "body", "since", "until", "lifted_at")
    list_filter = ("kind",)
    list_select_related = ("subject",)
    allowed_lookups = ("subject", "subject__id", "lifted_at__isnull")
    fields = (
        "subject", "kind", "case_number", "body", "since", "until", "lift_proposed_by", "lift_proposed_at",
        "lifted_by", "lifted_at",
    )  # fmt: skip
    steps = (
        Step(
            "propose-lift",
            _("Propose to lift it"),
            lambda row, by: (
                row.is_in_force and row.lift_proposed_by_id is None and by.has_perm("subjects.change_legalhold")
            ),
            lambda row, by: holds.propose_lift(hold=row, by=by),
        ),
        Step(
            "lift",
            _("Lift it: what waited may be destroyed"),
            lambda row, by: (
                row.lift_proposed_by_id not in (None, by.pk)
                and row.lifted_at is None
                and by.has_perm("subjects.lift_legalhold")
            ),
            lambda row, by: holds.lift(hold=row, by=by),
        ),
        Step(
            "keep",
            _("The hold stays"),
            lambda row, by: (
                row.lift_proposed_by_id is not None
                and row.lifted_at is None
                and (row.lift_proposed_by_id == by.pk or by.has_perm("subjects.lift_legalhold"))
            ),
            lambda row, by: holds.keep(hold=row, by=by),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).seen_by(request.user)

    def create(self, given: dict[str, Any], by: StaffUser) -> LegalHold:
        return holds.place(**given, by=by)


class DeniedAdmin(StepsAdmin):
    """Both lists of persons denied a credit: entries, their note behind a reason."""

    steps = OPENING
    readonly_fields = ("begins", "ends")

    def get_urls(self) -> list:
        name = f"{self.opts.app_label}_{self.opts.model_name}_note"
        note = self.admin_site.admin_view(self.note_view)
        return [path("<int:pk>/note/", note, name=name), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("subject")

    @admin.display(description=_("in force since"))
    def begins(self, row: DenylistEntry) -> datetime | None:
        return row.in_force_during and row.in_force_during.lower

    @admin.display(description=_("in force until"))
    def ends(self, row: DenylistEntry) -> datetime | None:
        return row.in_force_during and row.in_force_during.upper

    @admin.display(description=_("in force"), boolean=True)
    def counts(self, row: DenylistEntry) -> bool:
        return row.is_in_force

    def note_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask why, then show the note once; the record stands before the note does."""
        row = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_view_permission(request, row) or not request.user.has_perm("subjects.reveal_value"):
            raise PermissionDenied
        title = gettext("Note of %(entry)s") % {"entry": row}
        return _opened(
            self, request, row, title, lambda reason: denylist.read_note(entry=row, by=request.user, reason=reason)
        )


def _opened(
    page: admin.ModelAdmin, request: HttpRequest, row: models.Model, title: str, read: Callable[[str], dict]
) -> HttpResponse:
    form = RevealForm(request.POST if request.method == "POST" else None)
    opened = None
    if form.is_valid():
        try:
            opened = read(form.cleaned_data["reason"])
        except PermissionDenied as error:
            return render(request, "403.html", {"sentence": str(error)}, status=403)
    context = {
        **page.admin_site.each_context(request),
        "title": title,
        "opts": page.opts,
        "original": row,
        "form": form,
        "opened": opened,
    }
    return render(request, "admin/subjects/note.html", context, status=422 if form.errors else 200)


class ToReview(admin.SimpleListFilter):
    """The review queue: entries in force whose day has come."""

    title, parameter_name = _("review"), "review"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return [("due", _("due")), ("waiting", _("waits for a second person"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        if self.value() == "due":
            return queryset.in_force().filter(review_on__lte=timezone.localdate())
        return queryset.waiting() if self.value() == "waiting" else queryset


# what a person was told of their dispute depends on these
ENDINGS = {
    "approve-closing": lambda row, by: denylist.close(entry=row, by=by),
    "keep": lambda row, by: denylist.keep(entry=row, by=by),
}


@admin.register(DenylistEntry)
class DenylistEntryAdmin(DeniedAdmin):
    """The list of persons denied a microcredit (policy 1.1)."""

    change_form_template = "admin/subjects/denial.html"
    add_form, add_label = DenialForm, _("Propose the entry")
    steps = tuple(step._replace(act=ENDINGS[step.name]) if step.name in ENDINGS else step for step in OPENING)
    list_display = ("__str__", "subject", "kind", "reason", "origin", "review_on", "counts")
    list_filter = (ToReview, "kind", "reason")
    allowed_lookups = ("subject", "subject__id")
    fields = (
        "subject", "kind", "reason", "origin", "review_on", "begins", "ends", "proposed_by", "proposed_at",
        "approved_by", "approved_at", "closing_proposed_by", "closing_approved_by",
    )  # fmt: skip

    def create(self, given: dict[str, Any], by: StaffUser) -> DenylistEntry:
        return denylist.propose(**given, by=by)

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.dispute_view)
        return [path("<int:pk>/dispute/", view, name="subjects_dispute"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        row = context["original"]
        disputes = list(row.disputes.select_related("decided_by").order_by("-pk"))
        settled = not any(one.decided_at is None or one.is_being_heeded for one in disputes[:1])
        may = request.user.has_perm("subjects.add_denialdispute") and row.is_in_force and settled
        context |= {
            "disputes": disputes if request.user.has_perm("subjects.view_denialdispute") else [],
            "may_dispute": may,
            "may_read": row.sealed_note is not None and request.user.has_perm("subjects.reveal_value"),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def dispute_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Write down that the person says they do not belong on the list."""
        row = get_object_or_404(self.get_queryset(request), pk=pk)
        if not request.user.has_perm("subjects.add_denialdispute") or not self.has_view_permission(request, row):
            raise PermissionDenied
        form = DisputeForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                denylist.dispute(entry=row, **form.cleaned_data)
            except ValidationError as error:
                form.add_error(None, error.messages[0])
            else:
                return redirect("admin:subjects_denylistentry_change", pk)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Dispute of %(entry)s") % {"entry": row},
            "opts": self.opts,
            "original": row,
            "form": form,
            "label": gettext("Open the dispute"),
            "back": "../change/",
        }
        return render(request, "admin/subjects/add.html", context, status=422 if form.errors else 200)


@admin.register(AmlEntry)
class AmlEntryAdmin(DeniedAdmin):
    """Financial monitoring: for those with its right alone, and with no link from anybody else's page."""

    change_form_template = "admin/subjects/aml.html"
    add_form, add_label = AmlForm, _("Propose the entry")
    list_display = ("__str__", "subject", "reason", "review_on", "counts")
    list_filter = (ToReview, "reason")
    allowed_lookups = ("subject", "subject__id")
    fields = (
        "subject", "reason", "review_on", "begins", "ends", "proposed_by", "proposed_at", "approved_by", "approved_at",
        "closing_proposed_by", "closing_approved_by",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        """To who may not view them, none is there: even that a number is taken would tell."""
        rows = super().get_queryset(request)
        return rows if request.user.has_perm("subjects.view_amlentry") else rows.none()

    def create(self, given: dict[str, Any], by: StaffUser) -> AmlEntry:
        return denylist.propose_aml(**given, by=by)

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        row = context["original"]
        context["may_read"] = row.sealed_note is not None and request.user.has_perm("subjects.reveal_value")
        return super().render_change_form(request, context, *args, **kwargs)


def _may_decide(row: DenialDispute, by: StaffUser) -> bool:
    return row.decided_at is None and denylist.is_judge(row, by=by)


class DisputeList(KeysetChangeList):
    """With until when each is to be answered; two queries."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        due = request_queues.due_of(self.result_list)
        for row in self.result_list:
            row.due = due.get(row.pk)


@admin.register(DenialDispute)
class DenialDisputeAdmin(StepsAdmin):
    """Disputes: what the person says is opened with a reason by who decides."""

    change_form_template = "admin/subjects/dispute.html"
    list_display = ("__str__", "due", "entry", "opened_at", "outcome", "decided_by", "decided_at")
    list_filter = ("outcome",)
    list_select_related = ("entry", "decided_by")
    allowed_lookups = ("entry", "entry__id", "decided_at__isnull")
    fields = ("entry", "opened_at", "outcome", "decided_by", "decided_at")
    steps = (
        Step(
            "uphold",
            _("The entry stays"),
            _may_decide,
            lambda row, by: denylist.decide_dispute(dispute=row, outcome="upheld", by=by),
        ),
        Step(
            "remove",
            _("The entry is to be closed"),
            _may_decide,
            lambda row, by: denylist.decide_dispute(dispute=row, outcome="removed", by=by),
        ),
    )

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.statement_view)
        return [path("<int:pk>/statement/", view, name="subjects_denialdispute_statement"), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return DisputeList

    @admin.display(description=pgettext_lazy("deadline", "due"))
    def due(self, row: DenialDispute) -> str:
        return due_chip(row.due) or "—"

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        row = context["original"]
        context["may_read"] = row.sealed_statement is not None and denylist.may_read_statement(row, by=request.user)
        context["due"] = due_chip(request_queues.due_of([row]).get(row.pk))
        return super().render_change_form(request, context, *args, **kwargs)

    def statement_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask why, then show once what the person says; the record stands before the words do."""
        row = get_object_or_404(self.get_queryset(request).select_related("entry__subject"), pk=pk)
        if not denylist.may_read_statement(row, by=request.user):
            raise PermissionDenied
        title = gettext("What the person says")
        return _opened(
            self, request, row, title, lambda why: denylist.read_statement(dispute=row, by=request.user, reason=why)
        )


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin, KeysetAdmin):
    """That somebody is on the list, since when and why; who it is, nobody can read here."""

    list_display = ("at", "kind", "reason", "ends")
    list_display_links = ("at",)
    list_filter = ("kind", "reason")
    fields = ("at", "kind", "reason", "ends")
