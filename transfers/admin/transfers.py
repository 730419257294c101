"""The register of transfers as officers read it, and the page on which they try the gate (94-V art. 15, 22)."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from audit.admin import KeysetAdmin, ReadOnlyAdmin
from audit.names import actor_name
from subjects.enums import Disclosure
from transfers import gate
from transfers.admin.answer import answer
from transfers.admin.export import ExportPages
from transfers.admin.fields import in_words
from transfers.admin.forms import QuestionForm
from transfers.admin.packages import PackagePages, may_send
from transfers.decisions import Question
from transfers.enums import Verdict
from transfers.models import Transfer

WITHHELD = "transfers.view_withheld_transfer"


class Period(admin.SimpleListFilter):
    """Rows of the last days, or of the year."""

    title = pgettext_lazy("register", "period")
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, object]]:
        return [
            ("day", _("today")),
            ("week", _("the last 7 days")),
            ("month", _("the last 30 days")),
            ("year", _("this year")),
        ]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        match self.value():
            case "day":
                return queryset.filter(at__gte=midnight)
            case "week":
                return queryset.filter(at__gte=midnight - timedelta(days=6))
            case "month":
                return queryset.filter(at__gte=midnight - timedelta(days=29))
            case "year":
                return queryset.filter(at__gte=midnight.replace(month=1, day=1))
        return queryset


class Went(admin.SimpleListFilter):
    """Whether the data of an allowed transfer went; a token that nobody used lapses by the clock."""

    title = pgettext_lazy("transfer", "sent")
    parameter_name = "went"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, object]]:
        return [("yes", _("the data went")), ("waiting", _("not sent yet")), ("lapsed", _("not sent, lapsed"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        match self.value():
            case "yes":
                return queryset.filter(release__isnull=False)
            case "waiting":
                return queryset.filter(release=None, token_expires_at__gt=timezone.now())
            case "lapsed":
                return queryset.filter(release=None, token_expires_at__lte=timezone.now())
        return queryset


def visible(request: HttpRequest, rows: models.QuerySet) -> models.QuerySet:
    """Without what is withheld, unless this officer must know of it (DESIGN 4)."""
    return rows if request.user.has_perm(WITHHELD) else rows.filter(disclosure=Disclosure.SUBJECT)


@admin.register(Transfer)
class TransferAdmin(PackagePages, ExportPages, ReadOnlyAdmin, KeysetAdmin):
    change_list_template = "admin/transfers/transfers_list.html"
    change_form_template = "admin/transfers/transfer.html"
    list_display = ("at", "said", "subject", "recipient", "purpose", "direction", "sent")
    list_display_links = ("at",)
    list_filter = ("decision", "shadow", Period, Went, "direction", "recipient", "purpose")
    list_select_related = ("subject", "recipient", "purpose", "release", "user")
    allowed_lookups = ("subject", "subject__id", "at__gte", "at__lt", "at__lte")
    fields = (
        "public_id", "at", "subject", "recipient", "purpose", "direction", "data", "ground", "rule", "agreement",
        "consent", "policy_version", "disclosure", "shadow", "sent", "who", "request_id", "inputs_sha256",
    )  # fmt: skip
    readonly_fields = ("data", "sent", "who")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return visible(request, super().get_queryset(request))

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("try/", wrap(self.try_view), name="transfers_try"),
            path("<int:pk>/again/", wrap(self.again_view), name="transfers_again"),
            *self.package_urls(),
            *self.export_urls(),
            *super().get_urls(),
        ]

    @admin.display(description=_("decision"))
    def said(self, row: Transfer) -> str:
        return row.decision_in_words

    @admin.display(description=pgettext_lazy("transfer", "sent"))
    def sent(self, row: Transfer) -> str:
        if hasattr(row, "release"):
            return date_format(timezone.localtime(row.release.at), "DATETIME_FORMAT")
        if row.token_expires_at is None:
            return "—"
        return gettext("not sent, lapsed") if row.token_expires_at <= timezone.now() else gettext("not sent yet")

    @admin.display(description=_("who"))
    def who(self, row: Transfer) -> str:
        return actor_name(row.actor, row.user)

    @admin.display(description=_("data categories"))
    def data(self, row: Transfer) -> str:
        return in_words(row.categories)

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        extra = {"may_ask": request.user.has_perm("transfers.ask_transfer"), "may_send": may_send(request)}
        return super().changelist_view(request, extra | (extra_context or {}))

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        row = context["original"]
        context["answer"] = answer(request, self._kept(row))
        return super().render_change_form(request, context, *args, **kwargs)

    @staticmethod
    def _kept(row: Transfer) -> gate.Decision:
        """The answer as it was, made again from what is kept beside it."""
        return gate.judge(Question.from_json(row.inputs["question"]), row.inputs["facts"])

    def _page(self, request: HttpRequest, template: str, title: str, status: int = 200, **context: object):
        base = {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        return render(request, f"admin/transfers/{template}.html", {**base, **context}, status=status)

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Whether the kept facts still give the kept answer, and what the gate would say today. Writes nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = get_object_or_404(self.get_queryset(request), pk=pk)
        if not request.user.has_perm("transfers.ask_transfer"):
            raise PermissionDenied
        kept = self._kept(row)
        today = gate.ask(Question.from_json(row.inputs["question"]))
        return self._page(
            request,
            "again",
            gettext("Transfer %(transfer)s, asked again") % {"transfer": row},
            original=row,
            faithful=(str(kept.decision), kept.inputs_sha256) == (row.decision, row.inputs_sha256),
            same=str(today.decision) == row.decision,
            answer=answer(request, today),
            then=Verdict(row.decision).label,
        )

    def try_view(self, request: HttpRequest) -> HttpResponse:
        """Ask the gate, about now or any past moment, and read why; nothing is written."""
        if not request.user.has_perm("transfers.ask_transfer"):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD", "POST"):
            raise Http404
        form = QuestionForm(request.POST if request.method == "POST" else None)
        told = answer(request, gate.ask(form.question())) if form.is_valid() else None
        return self._page(request, "try", gettext("Try the gate"), 422 if form.errors else 200, form=form, answer=told)
