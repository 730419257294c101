"""The officers' queues of what follows a transfer: recipients to tell, people to tell, values in quarantine."""

from collections.abc import Callable
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
from django.views.decorators.http import require_POST, require_safe

from audit.admin import HistoryAdmin, KeysetAdmin, ReadOnlyAdmin
from staff.rules import NotAllowed
from subjects import deadlines
from subjects.enums import Disclosure
from subjects.free_text import refuse_personal_data
from transfers import aftermath, intake, notices, recipient_letters
from transfers.admin.fields import in_words
from transfers.enums import SentBy
from transfers.models import Quarantined, RecipientNotice, Transfer, TransferNotice

WITHHELD = "transfers.view_withheld_transfer"


def acted(request: HttpRequest, act: Callable[..., object], said: str, **told: Any) -> bool:
    """Do it and say so; what is not allowed is said instead, and what the role may not do is a 403."""
    try:
        act(by=request.user, **told)
    except NotAllowed as refused:
        if refused.code == "role":
            raise PermissionDenied(refused.message) from refused
        messages.error(request, " ".join(refused.messages))
        return False
    except ValidationError as refused:
        messages.error(request, " ".join(refused.messages))
        return False
    messages.success(request, said)
    return True


class Stand(admin.SimpleListFilter):
    """Where a task to tell a recipient stands."""

    title = pgettext_lazy("register", "state")
    parameter_name = "stand"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, object]]:
        return [
            ("waiting", _("not confirmed yet")),
            ("open", _("the letter has not gone")),
            ("sent", _("the letter went, no answer yet")),
            ("confirmed", _("confirmed")),
        ]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        match self.value():
            case "waiting":
                return queryset.filter(confirmed_at=None)
            case "open":
                return queryset.filter(sent_at=None)
            case "sent":
                return queryset.filter(sent_at__isnull=False, confirmed_at=None)
            case "confirmed":
                return queryset.filter(confirmed_at__isnull=False)
        return queryset


class SentForm(forms.Form):
    """letter_sha256: of the letter as it was shown."""

    channel = forms.ChoiceField(choices=SentBy, label=_("How it went"))
    letter_sha256 = forms.CharField(widget=forms.HiddenInput, max_length=64)


class ConfirmationForm(forms.Form):
    confirmation = forms.CharField(
        label=_("Number and date of their answer"), max_length=120, validators=[refuse_personal_data]
    )


@admin.register(RecipientNotice)
class RecipientNoticeAdmin(ReadOnlyAdmin, KeysetAdmin, HistoryAdmin):
    list_display = ("opened_at", "stands", "recipient", "reason", "subject", "sent_at", "confirmed_at")
    list_display_links = ("opened_at",)
    list_filter = (Stand, "reason", "recipient")
    list_select_related = ("recipient", "subject")
    allowed_lookups = ("subject", "subject__id")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return aftermath.visible(super().get_queryset(request), by=request.user)

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/letter/", wrap(require_safe(self.letter_view)), name="transfers_recipient_letter"),
            path("<int:pk>/sent/", wrap(require_POST(self.sent_view)), name="transfers_recipient_sent"),
            path("<int:pk>/confirmed/", wrap(require_POST(self.confirmed_view)), name="transfers_recipient_confirmed"),
            *super().get_urls(),
        ]

    @admin.display(description=pgettext_lazy("register", "state"))
    def stands(self, row: RecipientNotice) -> str:
        words = {"open": _("the letter has not gone"), "sent": _("no answer yet"), "confirmed": _("confirmed")}
        return str(words[row.state])

    def _row(self, request: HttpRequest, pk: str | int) -> RecipientNotice:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.get_queryset(request).select_related("recipient", "subject", "sent_by", "confirmed_by")
        return get_object_or_404(rows, pk=pk if str(pk).isdecimal() and len(str(pk)) < 19 else 0)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        return self._page(request, self._row(request, object_id))

    def _page(
        self, request: HttpRequest, row: RecipientNotice, *, form: forms.Form | None = None, status: int = 200
    ) -> HttpResponse:
        letter = recipient_letters.prepare(row)
        if form is None and row.state == "open":
            form = SentForm(initial={"letter_sha256": letter.sha256})
        elif form is None and row.state == "sent":
            form = ConfirmationForm()
        sent = Transfer.objects.filter(pk__in=row.transfers).select_related("release", "purpose").defer("inputs")
        context = {
            **self.admin_site.each_context(request),
            "title": row.get_reason_display(),
            "opts": self.opts,
            "original": row,
            "data": in_words(row.categories),
            "letter": letter,
            "transfers": sent.order_by("pk"),
            "form": form,
            "may": aftermath.may_tell(row, by=request.user),
        }
        return render(request, "admin/transfers/recipient_notice.html", context, status=status)

    def letter_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The prepared letter in both languages, as PDF."""
        row = self._row(request, pk)
        return HttpResponse(
            recipient_letters.prepare(row).pdf,
            content_type="application/pdf",
            headers={
                "Content-Disposition": f'attachment; filename="letter-P-{row.pk}.pdf"',
                "X-Content-Type-Options": "nosniff",
            },
        )

    def _asked(self, request: HttpRequest, pk: int) -> RecipientNotice:
        row = self._row(request, pk)
        if not request.user.has_perm(aftermath.TELL):
            raise PermissionDenied
        return row

    def sent_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Write down that exactly the letter that was shown went."""
        row = self._asked(request, pk)
        form = SentForm(request.POST)
        if not form.is_valid():
            return self._page(request, row, form=form, status=422)
        now = recipient_letters.prepare(row).sha256
        if form.cleaned_data["letter_sha256"] != now:
            fresh = SentForm({"channel": form.cleaned_data["channel"], "letter_sha256": now})
            fresh.add_error(None, gettext("The letter changed while you were reading: here is the new one."))
            return self._page(request, row, form=fresh, status=409)
        said = gettext("Written down. The task waits for the recipient's confirmation.")
        acted(request, aftermath.record_sent, said, task=row, **form.cleaned_data)
        return redirect("admin:transfers_recipientnotice_change", row.pk)

    def confirmed_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Write down the recipient's answer; the task is done."""
        row = self._asked(request, pk)
        form = ConfirmationForm(request.POST)
        if not form.is_valid():
            return self._page(request, row, form=form, status=422)
        said = gettext("The confirmation is written down; the task is done.")
        acted(request, aftermath.record_confirmation, said, task=row, **form.cleaned_data)
        return redirect("admin:transfers_recipientnotice_change", row.pk)


class Told(admin.SimpleListFilter):
    """Notices whose letter will not go."""

    title = pgettext_lazy("register", "state")
    parameter_name = "told"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, object]]:
        return [("no", _("the letter does not go: tell the person another way"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        return queryset.filter(pk__in=notices.untold()) if self.value() == "no" else queryset


@admin.register(TransferNotice)
class TransferNoticeAdmin(ReadOnlyAdmin, KeysetAdmin):
    list_display = ("day", "subject", "transfers", "at")
    list_display_links = ("day",)
    list_filter = (Told,)
    list_select_related = ("subject",)
    allowed_lookups = ("subject", "subject__id")
    change_form_template = "admin/transfers/notice.html"
    fields = ("day", "subject", "transfers", "at", "due", "told")
    readonly_fields = ("due", "told")

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(require_POST(self.told_view))
        return [path("<int:pk>/told/", view, name="transfers_told"), *super().get_urls()]

    @staticmethod
    def _clock(row: TransferNotice) -> Any:
        return deadlines.of(row.about).order_by("-pk").first()

    @admin.display(description=pgettext_lazy("deadline", "due at"))
    def due(self, row: TransferNotice) -> str:
        clock = self._clock(row)
        return date_format(timezone.localtime(clock.due_at), "DATE_FORMAT") if clock else "—"

    @admin.display(description=_("told at"))
    def told(self, row: TransferNotice) -> str:
        clock = self._clock(row)
        return date_format(timezone.localtime(clock.met_at), "DATETIME_FORMAT") if clock and clock.met_at else "—"

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        row = context["original"]
        clock = self._clock(row)
        context["may_tell"] = request.user.has_perm(aftermath.TELL) and clock is not None and clock.met_at is None
        return super().render_change_form(request, context, *args, **kwargs)

    def told_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """An officer told the person by post, telephone or in person."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = get_object_or_404(TransferNotice, pk=pk)
        acted(request, notices.told_otherwise, gettext("Written down: the person was told."), notice=row)
        return redirect("admin:transfers_transfernotice_change", row.pk)


@admin.register(Quarantined)
class QuarantinedAdmin(ReadOnlyAdmin, KeysetAdmin, HistoryAdmin):
    list_display = ("came_at", "category", "fate", "subject", "from_whom", "decided_at")
    list_display_links = ("came_at",)
    list_filter = ("fate",)
    list_select_related = ("subject", "transfer__recipient")
    allowed_lookups = ("subject", "subject__id")
    change_form_template = "admin/transfers/quarantined.html"
    fields = ("category", "subject", "from_whom", "transfer", "came_at", "fate", "decided_at", "decided_by")
    readonly_fields = ("from_whom",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = super().get_queryset(request)
        return rows if request.user.has_perm(WITHHELD) else rows.filter(transfer__disclosure=Disclosure.SUBJECT)

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(require_POST(self.decide_view))
        return [
            path("<int:pk>/decide/<slug:fate>/", view, name="transfers_quarantine"),
            *super().get_urls(),
        ]

    @admin.display(description=_("from whom"))
    def from_whom(self, row: Quarantined) -> str:
        return str(row.transfer.recipient)

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        row = context["original"]
        context["may_decide"] = not row.fate and request.user.has_perm(intake.DECIDE)
        return super().render_change_form(request, context, *args, **kwargs)

    def decide_view(self, request: HttpRequest, pk: int, fate: str) -> HttpResponse:
        """Destroy what no rule covers, or take it in when one does by now."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = get_object_or_404(self.get_queryset(request), pk=pk)
        acts: dict[str, tuple[Callable[..., object], str]] = {
            "destroy": (intake.destroy, gettext("The value is destroyed.")),
            "take": (intake.take, gettext("The value is taken in.")),
        }
        if fate not in acts:
            raise Http404
        act, said = acts[fate]
        acted(request, act, said, row=row)
        return redirect("admin:transfers_quarantined_change", row.pk)
