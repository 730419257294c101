"""The officers' pages of demands from outside: registered, filled in, decided by two, answered (94-V art. 15)."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from consent.paper import ENDINGS
from staff.models import StaffUser
from subjects import deadlines
from subjects.admin.steps import Step, StepsAdmin, known
from transfers import demand_rules as rules
from transfers import demands, gate
from transfers.admin.answer import answer
from transfers.admin.demand_forms import AmendForm, DemandForm, FormatForm, RefusalForm
from transfers.admin.fields import in_words
from transfers.admin.packages import handed_out
from transfers.demand_rules import may
from transfers.demands import SOON
from transfers.models import InboundDemand
from transfers.models.demands import OPEN

WITHHELD = "transfers.view_withheld_transfer"


class Term(admin.SimpleListFilter):
    """Open demands by how long is left."""

    title = pgettext_lazy("demand", "term")
    parameter_name = "term"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, object]]:
        return [("open", _("open")), ("overdue", _("overdue")), ("soon", _("due within three days"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        now = timezone.now()
        match self.value():
            case "open":
                return queryset.open()
            case "overdue":
                return queryset.open().filter(term__lt=now)
            case "soon":
                return queryset.open().filter(term__gte=now, term__lt=now + SOON)
        return queryset


def _step(name: str, label: object, check: Any, act: Any) -> Step:
    return Step(name, label, lambda row, by: may(check, row, by=by), lambda row, by: act(demand=row, by=by))


@admin.register(InboundDemand)
class InboundDemandAdmin(StepsAdmin):
    add_form, add_label = DemandForm, _("Register the demand")
    change_form_template = "admin/transfers/demand.html"
    list_display = ("__str__", "where", "kind", "body", "letter_number", "letter_date", "until")
    list_display_links = ("__str__",)
    list_filter = (Term, "state", "kind")
    list_select_related = ("subject", "recipient", "purpose", "transfer", "decided_by", "approved_by")
    allowed_lookups = ("subject", "subject__id")
    fields = (
        "kind", "body", "recipient", "letter_number", "letter_date", "received_at", "until", "article", "sanction",
        "subject", "purpose", "data", "language", "disclosure", "where", "refusal", "decided_by", "decided_at",
        "approved_by", "approved_at", "transfer", "answered_at",
    )  # fmt: skip
    readonly_fields = ("until", "data", "where")
    steps = (
        _step("grant", _("Propose to answer with the data"), rules.check_may_grant, demands.propose_answer),
        _step("approve", _("Approve the decision"), rules.check_may_approve, demands.approve),
        _step("send-back", _("Take the decision back"), rules.check_may_send_back, demands.send_back),
        _step("close", _("It was taken back by who asked"), rules.check_may_close, demands.close),
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        """To who may not know of them, the withheld are not there."""
        return super().get_queryset(request).told(request.user.has_perm(WITHHELD)).with_term()

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/amend/", wrap(self.amend_view), name="transfers_demand_amend"),
            path("<int:pk>/refuse/", wrap(require_POST(self.refuse_view)), name="transfers_demand_refuse"),
            path("<int:pk>/answer/", wrap(require_POST(self.answer_view)), name="transfers_demand_answer"),
            path("<int:pk>/file/", wrap(require_POST(self.file_view)), name="transfers_demand_file"),
            path("<int:pk>/letter/", wrap(self.letter_view), name="transfers_demand_letter"),
            *super().get_urls(),
        ]

    def create(self, given: dict[str, Any], by: StaffUser) -> InboundDemand:
        return demands.register(**given, by=by)

    @admin.display(description=_("data categories"))
    def data(self, row: InboundDemand) -> str:
        return in_words(row.categories) or "—"

    @admin.display(description=_("state"))
    def where(self, row: InboundDemand) -> str:
        word = row.get_state_display()
        if row.state == "proposed":
            what = gettext("refusal") if row.refusal else gettext("answer with data")
            return f"{word}: {what}"
        return word

    @admin.display(description=_("to be answered until"))
    def until(self, row: InboundDemand) -> str:
        if row.term is None:
            return "—"
        day = date_format(timezone.localtime(row.term), "DATE_FORMAT")
        return gettext("%(day)s, overdue") % {"day": day} if row.is_overdue else day

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        row, by = context["original"], request.user
        whole = row.recipient_id and row.subject_id and row.purpose_id and row.categories
        context |= {
            "days": deadlines.working_days_left(row.term, today=timezone.localdate()) if _counts(row) else None,
            "told": (
                # whether it is lawful, for the second person too: who carries it out is asked for the right then
                answer(request, gate.ask(demands.question(row)))
                if whole and row.is_open and by.has_perm("transfers.ask_transfer")
                else None
            ),
            "letters": list(row.letters.order_by("pk").defer("content")),
            "may_amend": may(rules.check_may_amend, row, by=by),
            "may_open": row.file_id is not None and may(rules.check_may_open_file, row, by=by),
            "refuse": RefusalForm() if may(rules.check_may_refuse, row, by=by) else None,
            "answering": FormatForm() if may(rules.check_may_answer, row, by=by) else None,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def _row(self, request: HttpRequest, pk: int) -> InboundDemand:
        row = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row

    def _back(self, pk: int) -> HttpResponse:
        return redirect("admin:transfers_inbounddemand_change", pk)

    def amend_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Fill in whom and what it is about, while nothing is proposed."""
        row = self._row(request, pk)
        if not request.user.has_perm("transfers.handle_inbounddemand"):
            raise PermissionDenied
        initial = {name: getattr(row, name) for name in demands.AMENDED} | {"subject": row.subject or ""}
        form = AmendForm(request.POST if request.method == "POST" else None, initial=initial)
        if row.withheld:
            del form.fields["withhold"]
        if form.is_valid():
            try:
                demands.amend(demand=row, by=request.user, **form.cleaned_data)
            except ValidationError as error:
                form.add_error(None, error if not hasattr(error, "error_dict") else known(form, error=error))
            else:
                messages.success(request, gettext("Saved."))
                return self._back(pk)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Fill in %(demand)s") % {"demand": row},
            "opts": self.opts,
            "original": row,
            "form": form,
            "label": gettext("Save"),
            "back": "../change/",
        }
        return render(request, "admin/subjects/add.html", context, status=422 if form.errors else 200)

    def _acted(self, request: HttpRequest, form: forms.Form, act: Any) -> None:
        """Do what a form of one field asks; what is wrong is told on the page of the row."""
        if not form.is_valid():
            messages.error(request, next(iter(form.errors.values()))[0])
            return
        try:
            act(**form.cleaned_data)
        except ValidationError as error:
            messages.error(request, error.messages[0])
        else:
            messages.success(request, gettext("Done."))

    def refuse_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Propose to refuse, on a ground."""
        row = self._row(request, pk)
        if not request.user.has_perm("transfers.handle_inbounddemand"):
            raise PermissionDenied
        self._acted(
            request,
            RefusalForm(request.POST),
            lambda refusal: demands.propose_refusal(demand=row, refusal=refusal, by=request.user),
        )
        return self._back(pk)

    def answer_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take the data out: the file, or back to the page with what the gate says."""
        row = self._row(request, pk)
        if not request.user.has_perm("transfers.prepare_package"):
            raise PermissionDenied
        form = FormatForm(request.POST)
        if form.is_valid():
            try:
                given = demands.answer(demand=row, by=request.user, **form.cleaned_data)
            except ValidationError as error:
                messages.error(request, error.messages[0])
                return self._back(pk)
            if given.file is not None:
                return handed_out(given.file, f"demand-{row}.{form.cleaned_data['format']}")
            why = answer(request, given.decision).why
            messages.error(request, gettext("The gate does not allow it: %(why)s") % {"why": why})
        else:
            messages.error(request, form.errors["format"][0])
        return self._back(pk)

    def file_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The letter as it came; the look is recorded."""
        row = self._row(request, pk)
        try:
            content = demands.open_file(demand=row, by=request.user)
        except ValidationError as error:
            if getattr(error, "code", "") == "permission":
                raise PermissionDenied from error
            raise Http404 from error
        name = f"demand-{row}.{ENDINGS[row.file.media_type]}"
        return _download(content, row.file.media_type, name)

    def letter_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Our letter, as it was made."""
        row = self._row(request, pk)
        letter = row.letters.order_by("pk").last()
        if letter is None:
            raise Http404
        return _download(bytes(letter.content), "application/pdf", f"letter-{row}.pdf")


def _counts(row: InboundDemand) -> bool:
    """Whether how many days are left is told: of an open one with a term that the calendar covers."""
    if row.state not in OPEN or row.term is None:
        return False
    try:
        deadlines.working_days_left(row.term, today=timezone.localdate())
    except ValidationError:
        return False
    return True


def _download(content: bytes, kind: str, name: str) -> HttpResponse:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return HttpResponse(content, content_type=kind, headers=headers)
