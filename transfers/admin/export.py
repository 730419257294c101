"""The pages that take the register out as a file and show why transfers were refused."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from audit.spreadsheet import CONTENT_TYPE
from transfers import exporting
from transfers.admin.fields import categories
from transfers.admin.reasons import bars
from transfers.enums import Verdict
from transfers.models import Recipient, Transfer

DAYS = 30
FORMATS = [("xlsx", "XLSX"), ("pdf", "PDF"), ("json", "JSON")]
TOO_MANY = {
    "pdf": _("So many rows are too many for paper: choose XLSX or fewer days."),
    "xlsx": _("So many rows are too many for a spreadsheet: choose JSON or fewer days."),
}


def _day(label: object) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))


class PeriodForm(forms.Form):
    since = _day(pgettext_lazy("period", "From"))
    until = _day(pgettext_lazy("period", "To"))
    recipient = forms.ModelChoiceField(
        Recipient.objects.order_by("code"), to_field_name="code", required=False, label=_("Recipient")
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        today = timezone.localdate()
        super().__init__(*args, **{"initial": {"since": today - timedelta(days=DAYS), "until": today}, **kwargs})

    def clean(self) -> dict:
        found = super().clean()
        since, until = found.get("since"), found.get("until")
        if since and until and since > until:
            self.add_error("until", gettext("The last day is before the first."))
        return found

    @property
    def given(self) -> dict[str, Any]:
        """What was chosen, or what stands in the form at first."""
        return self.cleaned_data if self.is_bound and self.is_valid() else self.initial

    def rows(self, queryset: QuerySet[Transfer]) -> QuerySet[Transfer]:
        """Of the days and the recipient that were chosen."""
        rows = exporting.of_days(queryset, self.given["since"], self.given["until"])
        return rows.filter(recipient=self.given["recipient"]) if self.given.get("recipient") else rows


class ExportForm(PeriodForm):
    format = forms.ChoiceField(choices=FORMATS, label=_("File"))


class ExportPages:
    """Mixed into the admin of the register."""

    def export_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("export/", wrap(self.export_view), name="transfers_export"),
            path("refusals/", wrap(self.refusals_view), name="transfers_refusals"),
        ]

    def _may_look(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """Choose days and kind of file; the file says when it was made and by whom."""
        self._may_look(request)
        form = ExportForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            rows = form.rows(self.get_queryset(request))
            kind = form.cleaned_data["format"]
            if exporting.fits(rows, kind):
                return self._file(request, rows, kind, form.cleaned_data["since"], form.cleaned_data["until"])
            form.add_error("format", TOO_MANY[kind])
        title = gettext("Take the register out")
        return self._page(request, "export", title, 422 if form.errors else 200, form=form)

    def _file(
        self, request: HttpRequest, rows: QuerySet[Transfer], kind: str, since: date, until: date
    ) -> HttpResponse | StreamingHttpResponse:
        about = exporting.head(since=since, until=until, by=request.user)
        headers = {
            "Content-Disposition": f'attachment; filename="transfers-{since}-{until}.{kind}"',
            "X-Content-Type-Options": "nosniff",
        }
        if kind == "json":
            return StreamingHttpResponse(
                exporting.as_json(rows, about), content_type="application/json", headers=headers
            )
        titles = dict(categories())
        if kind == "xlsx":
            content, media_type = exporting.as_xlsx(rows, about, titles), CONTENT_TYPE
        else:
            content, media_type = exporting.as_pdf(rows, about, titles), "application/pdf"
        return HttpResponse(content, content_type=media_type, headers=headers)

    def refusals_view(self, request: HttpRequest) -> HttpResponse:
        """How many transfers each check stopped, what is not set up apart, as bars that are tables."""
        self._may_look(request)
        form = PeriodForm(request.GET if "since" in request.GET else None)
        rows = form.rows(self.get_queryset(request)).select_related(None).defer(None).order_by()
        shown = [
            (gettext("Transfers that a check stopped"), {"decision": Verdict.DENY, "shadow": False}, "refused"),
            (gettext("What is not set up"), {"decision": Verdict.GAP, "shadow": False}, "waiting"),
            (gettext("What would have stopped those let through in shadow mode"), {"shadow": True}, "neutral"),
        ]
        charts = [(caption, bars(rows.filter(**which), state=state)) for caption, which, state in shown]
        return self._page(
            request,
            "refusals",
            gettext("Why transfers were refused"),
            422 if form.errors else 200,
            form=form,
            charts=[(caption, found) for caption, found in charts if found],
            most=max((bar["value"] for _caption, found in charts for bar in found), default=1),
            totals=_totals(rows, form.given),
        )


def _totals(rows: QuerySet[Transfer], given: dict[str, Any]) -> list[tuple[object, str, str]]:
    """(word, how many, the list of just these): what shadow mode let through is neither refused nor allowed."""
    asked = {lookup: moment.isoformat() for lookup, moment in exporting.between(given["since"], given["until"]).items()}
    if given.get("recipient"):
        asked["recipient__id__exact"] = given["recipient"].pk
    kinds = [(verdict.label, {"decision__exact": verdict.value, "shadow__exact": 0}) for verdict in Verdict]
    kinds.append((Transfer._meta.get_field("shadow").verbose_name, {"shadow__exact": 1}))
    counts = rows.aggregate(**{str(place): Count("pk", filter=Q(**of)) for place, (_word, of) in enumerate(kinds)})
    address = reverse("admin:transfers_transfer_changelist")
    return [
        (word, str(counts[str(place)]), f"{address}?{urlencode(asked | of)}") for place, (word, of) in enumerate(kinds)
    ]
