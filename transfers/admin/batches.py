"""The officers' pages of batches: upload, preview, a second person, progress, what became of every row (policy 2.3)."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from audit.spreadsheet import CONTENT_TYPE
from consent.models import Purpose
from staff.models import StaffUser
from subjects import deadlines
from subjects.admin.imports import ImportRunAdmin
from subjects.csv_problems import REASONS
from subjects.free_text import refuse_personal_data
from subjects.runs import ImportState
from transfers import assignments, batch_file, batch_results, batches, registry_files
from transfers import batch_rules as rules
from transfers.admin.aftermath import Told, acted
from transfers.admin.fields import CategoriesField, in_words
from transfers.admin.packages import handed_out, no_trace
from transfers.admin.reasons import bars
from transfers.batch_rules import may
from transfers.enums import Verdict
from transfers.file_runs import BATCHES
from transfers.models import BatchOutcome, BatchRow, Recipient, RegistryFile, TransferBatch
from transfers.models.batches import AT_WORK, GOES_TO, Act, BatchKind
from transfers.package_files import MEDIA_TYPES, File, Format
from transfers.packages import PackageReason

# persons listed on a page; the file of decisions has all
SHOWN = 100
MOST_BYTES = 20 * 1024 * 1024


def clean_size(upload: Any) -> Any:
    """The upload, if it is no larger than a file of an officer may be. Raises ValidationError."""
    if upload.size > MOST_BYTES:
        raise ValidationError(REASONS["file_size"] % {"megabytes": MOST_BYTES // 1024 // 1024})
    return upload


class ToldOfAssignment(Told):
    """Assignments of which a person's letter will not go."""

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        if self.value() != "no":
            return queryset
        return queryset.filter(pk__in=assignments.with_untold())


class BatchForm(forms.Form):
    """A CSV file of contracts, to whom it goes and with which data."""

    kind = forms.ChoiceField(label=_("What is done"), choices=[("", "—"), *BatchKind.choices])
    recipient = forms.ModelChoiceField(Recipient.objects.none(), label=_("Recipient"))
    purpose = forms.ModelChoiceField(Purpose.objects.order_by("order"), label=_("Purpose"))
    categories = CategoriesField()
    file = forms.FileField(label=_("File"), help_text=_("CSV, UTF-8, up to 20 MB; headers in any of the languages."))
    # the file is only looked at until somebody confirms it: that is what a check only would be for
    dry_run = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # not in the class: a filter asked before history copies the fields would lend its columns to them
        kinds = frozenset[str]().union(*GOES_TO.values())
        self.fields["recipient"].queryset = Recipient.objects.filter(kind__in=kinds).order_by("code")

    def clean_file(self) -> Any:
        return clean_size(self.cleaned_data["file"])

    def clean(self) -> dict[str, Any]:
        found = {**super().clean(), "dry_run": False}
        told = {name: found.get(name) for name in ("kind", "recipient", "purpose")}
        if all(told.values()):
            batches.check_fits(**told)
        return found


class AssignmentForm(forms.Form):
    act_number = forms.CharField(
        label=_("Number of the act of assignment"), max_length=60, validators=[refuse_personal_data]
    )
    act_date = forms.DateField(
        label=_("Date of the act of assignment"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


class OutForm(forms.Form):
    format = forms.ChoiceField(label=_("File"), choices=Format)
    reason = forms.ChoiceField(label=_("Reason"), choices=[("", "—"), *PackageReason.choices])


@admin.register(TransferBatch)
class TransferBatchAdmin(ImportRunAdmin):
    list_display = ("__str__", "kind", "recipient", "where", "allowed", "refused", "gaps", "started_by", "started_at")
    list_filter = ("kind", "act", "recipient", ToldOfAssignment)
    list_select_related = ("started_by", "recipient", "purpose", "confirmed_by")
    change_list_template = "admin/transfers/batches.html"
    change_form_template = "admin/transfers/batch.html"
    kind, form_class, right = BATCHES, BatchForm, "transfers.add_transferbatch"
    url_name, start_title = "transfers_batch", _("Transfer many at once")
    start_template, template_file = "admin/transfers/batch_start.html", "contracts.csv"

    def template(self, language: str) -> bytes:
        return batch_file.empty_file(language)

    def chosen(self, given: dict) -> dict[str, object]:
        return {name: given[name] for name in ("kind", "recipient", "purpose", "categories")}

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/confirm/", wrap(require_POST(self.confirm_view)), name="transfers_batch_confirm"),
            path("<int:pk>/assign/", wrap(require_POST(self.assign_view)), name="transfers_batch_assign"),
            path("<int:pk>/told/", wrap(require_POST(self.told_view)), name="transfers_batch_told"),
            path("<int:pk>/give-up/", wrap(require_POST(self.give_up_view)), name="transfers_batch_give_up"),
            path("<int:pk>/result/", wrap(self.result_view), name="transfers_batch_result"),
            path("<int:pk>/registry/", wrap(require_POST(self.registry_view)), name="transfers_batch_registry"),
            path("<int:pk>/registry/<int:file>/", wrap(require_POST(self.file_view)), name="transfers_batch_file"),
            *super().get_urls(),
        ]

    @admin.display(description=_("state"))
    def where(self, row: TransferBatch) -> str:
        return row.get_act_display() if row.state == ImportState.DONE else row.get_state_display()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """The preview and what may be done; while a worker is at it, the page reloads itself."""
        response = super().change_view(request, object_id, form_url, extra_context)
        found = TransferBatch.objects.filter(pk=int(object_id))
        making = Q(files__started_by=request.user, files__state__in=registry_files.BEGUN)
        if found.filter(Q(act__in=AT_WORK) | making).exists():
            response["Refresh"] = "2"
        return response

    def more(self, request: HttpRequest, run: TransferBatch) -> dict[str, Any]:
        by = request.user
        may_confirm = may(rules.check_may_confirm, run, by=by)
        return {
            "title": gettext("Batch %(run)s") % {"run": run},
            "data": in_words(run.categories),
            "reasons": _reasons(run),
            "done": BatchOutcome.objects.filter(row__batch=run).count(),
            "at_work": run.act in AT_WORK,
            "checked": run.state == ImportState.DONE,
            "confirm_url": reverse("admin:transfers_batch_confirm", args=[run.pk]) if may_confirm else "",
            "consequences": _consequences(run) if may_confirm else [],
            "assignment": AssignmentForm() if may(rules.check_may_assign, run, by=by) else None,
            "may_give_up": may(rules.check_may_give_up, run, by=by),
            **_untold(run, by),
            "out": OutForm() if may(rules.check_may_take_out, run, by=by) else None,
            "files": registry_files.mine(run, by=by),
        }

    def _row(self, request: HttpRequest, pk: int) -> TransferBatch:
        rows = self.get_queryset(request).select_related("recipient", "purpose", "started_by", "confirmed_by")
        row = get_object_or_404(rows, pk=pk)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row

    def _acted(self, request: HttpRequest, pk: int, act: Any) -> HttpResponse:
        try:
            act()
        except ValidationError as error:
            if getattr(error, "code", "") == "permission":
                raise PermissionDenied from error
            messages.error(request, error.messages[0])
        else:
            messages.success(request, gettext("Done."))
        return redirect("admin:transfers_transferbatch_change", pk)

    def confirm_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The second person types how many go."""
        row = self._row(request, pk)
        if not request.user.has_perm("transfers.approve_transferbatch"):
            raise PermissionDenied
        if request.POST.get("typed", "").strip() != str(row.allowed):
            messages.error(request, gettext("This is not the number. Look at the counts again."))
            return redirect("admin:transfers_transferbatch_change", pk)
        return self._acted(request, pk, lambda: batches.confirm(batch=row, by=request.user))

    def assign_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The act of assignment was signed."""
        row = self._row(request, pk)
        if not request.user.has_perm("transfers.add_transferbatch"):
            raise PermissionDenied
        form = AssignmentForm(request.POST)
        if not form.is_valid():
            field, problems = next(iter(form.errors.items()))
            messages.error(request, f"{form.fields[field].label}: {problems[0]}")
            return redirect("admin:transfers_transferbatch_change", pk)
        return self._acted(request, pk, lambda: batches.assign(batch=row, by=request.user, **form.cleaned_data))

    def told_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Whom no letter reached was told by post, telephone or in person."""
        row = self._row(request, pk)
        acted(request, assignments.told_otherwise, gettext("Written down: the persons were told."), batch=row)
        return redirect("admin:transfers_transferbatch_change", pk)

    def give_up_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Nothing of it leaves."""
        row = self._row(request, pk)
        return self._acted(request, pk, lambda: batches.give_up(batch=row, by=request.user))

    def result_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The decision of every row, as XLSX without anybody's data."""
        row = self._row(request, pk)
        return handed_out(File(batch_results.decisions(row), CONTENT_TYPE, "", 0), f"decisions-{row}.xlsx")

    def registry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The file for the recipient; who takes it is recorded for every person in it."""
        row = self._row(request, pk)
        if not request.user.has_perm("transfers.prepare_package"):
            raise PermissionDenied
        form = OutForm(request.POST)
        if not form.is_valid():
            field, problems = next(iter(form.errors.items()))
            messages.error(request, f"{form.fields[field].label}: {problems[0]}")
            return redirect("admin:transfers_transferbatch_change", pk)
        try:
            file = registry_files.ask(batch=row, language=request.LANGUAGE_CODE, by=request.user, **form.cleaned_data)
        except ValidationError as error:
            messages.error(request, error.messages[0])
            return redirect("admin:transfers_transferbatch_change", pk)
        if file.under_way:
            return redirect("admin:transfers_transferbatch_change", pk)
        return self._file(request, file)

    def file_view(self, request: HttpRequest, pk: int, file: int) -> HttpResponse:
        """A file that was made, to who asked for it."""
        row = self._row(request, pk)
        if not request.user.has_perm("transfers.prepare_package"):
            raise PermissionDenied
        return self._file(request, get_object_or_404(row.files, pk=file))

    def _file(self, request: HttpRequest, file: RegistryFile) -> HttpResponse:
        try:
            pieces = registry_files.hand_out(file=file, by=request.user)
        except ValidationError as error:
            messages.error(request, error.messages[0])
            return redirect("admin:transfers_transferbatch_change", file.batch_id)
        batch = file.batch
        headers = no_trace(f"{batch.kind}-{batch}.{file.format}")
        # by its length the browser knows a file that broke off
        headers["Content-Length"] = str(file.size)
        return StreamingHttpResponse(pieces, content_type=MEDIA_TYPES[Format(file.format)], headers=headers)


def _reasons(run: TransferBatch) -> list[tuple[str, list[dict[str, Any]]]]:
    """How many rows each check stopped in the preview, and what is not set up apart from it, as bars."""
    rows = BatchRow.objects.filter(batch=run)
    charts = [
        (gettext("Why rows stay here"), bars(rows.filter(decision=Verdict.DENY), state="refused")),
        (gettext("What is not set up"), bars(rows.filter(decision=Verdict.GAP), state="waiting")),
    ]
    return [(caption, found) for caption, found in charts if found]


def _untold(run: TransferBatch, by: StaffUser) -> dict[str, Any]:
    """Whom no letter of the assignment reached: before its act is entered, and while its clock runs."""
    if run.act == Act.ANNOUNCED:
        written = assignments.planned(run.pk)
        found, more = assignments.will_not_go(written), {"on_their_way": assignments.on_their_way(written).count()}
    elif deadlines.of(run.about).open().exists():
        found, more = assignments.untold(run.pk), {"may_tell": may(assignments.check_may_tell, run, by=by)}
    else:
        return {}
    return {
        "untold": [letter.subject for letter in found[:SHOWN]],
        "more_untold": max(0, found.count() - SHOWN),
        **more,
    }


def _consequences(run: TransferBatch) -> list[str]:
    told = [
        ngettext(
            "The data of %(count)s contract go to %(recipient)s.",
            "The data of %(count)s contracts go to %(recipient)s.",
            run.allowed,
        )
        % {"count": run.allowed, "recipient": run.recipient}
    ]
    if left := run.refused + run.gaps:
        told.append(
            ngettext(
                "%(count)s row stays here: refused or not set up.",
                "%(count)s rows stay here: refused or not set up.",
                left,
            )
            % {"count": left}
        )
    if run.kind == BatchKind.CESSION:
        told.append(gettext("First the persons get a letter that their claim is going to be assigned."))
    return told
