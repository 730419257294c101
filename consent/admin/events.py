"""The officers' pages about consents: what happened, how it stands, papers that wait for a second person (DESIGN 5)."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.admin import KeysetAdmin, ReadOnlyAdmin
from audit.names import actor_name, reason_name
from consent import known_twice, ledger, paper, rules
from consent.admin.coverage import AcceptedText, CoveragePages
from consent.dpv import STATUS
from consent.enums import EventKind
from consent.form_text import compose
from consent.models import ConsentEvent, ConsentState, Scan
from consent.paper_forms import ConsentOnPaperForm, DecisionForm, ScanForm, WithdrawalOnPaperForm
from consent.scope_words import Scopes
from consent.subject_page import told
from staff.models import Operator
from subjects.models import DataSubject

SUBJECT = "admin:subjects_datasubject_change"


def refused(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
    """403 with the sentence of the rule."""
    return render(request, "403.html", {"sentence": str(error)}, status=403)


@admin.register(ConsentEvent)
class ConsentEventAdmin(ReadOnlyAdmin, KeysetAdmin):
    list_display = ("occurred_at", "subject", "form", "kind", "channel", "trust", "who")
    list_display_links = ("occurred_at",)
    list_filter = ("kind", "channel", "form")
    list_select_related = ("subject", "form", "user")
    allowed_lookups = ("subject", "subject__id", "form", "form__id", "version", "version__id")
    change_list_template = "admin/consent/consents_list.html"
    fields = (
        "public_id",
        "kind",
        "subject",
        "form",
        "scope",
        "occurred_at",
        "at",
        "valid_until",
        "version",
        "policy_version",
        "language",
        "sha256",
        "channel",
        "trust",
        "why",
        "about",
        "who",
        "request_id",
        "receipt",
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).defer("sealed_evidence")

    @admin.display(description=_("who"))
    def who(self, event: ConsentEvent) -> str:
        return actor_name(event.actor, event.user)

    @admin.display(description=_("receipt"))
    def receipt(self, event: ConsentEvent) -> str:
        if event.kind not in STATUS:
            return "—"
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:consent_receipt", args=[event.public_id]), gettext("Take the receipt")
        )

    @admin.display(description=_("reason"))
    def why(self, event: ConsentEvent) -> str:
        return reason_name(event.reason)

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        extra = {"may_confirm": request.user.has_perm("consent.confirm_consentevent")}
        return super().changelist_view(request, extra | (extra_context or {}))

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("waiting/", wrap(self.waiting_view), name="consent_waiting"),
            path("<int:pk>/confirm/", wrap(self.confirm_view), name="consent_confirm"),
            path("scan/<int:pk>/", wrap(self.scan_view), name="consent_scan"),
            path("record/<int:pk>/", wrap(self.record_view), name="consent_record"),
            path("record-withdrawal/<int:pk>/", wrap(self.withdrawal_view), name="consent_record_withdrawal"),
            path("known-twice/<int:pk>/", wrap(self.known_twice_view), name="consent_known_twice"),
            *super().get_urls(),
        ]

    def _page(self, request: HttpRequest, template: str, title: str, status: int = 200, **context: object):
        base = {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        return render(request, f"admin/consent/{template}.html", {**base, **context}, status=status)

    def waiting_view(self, request: HttpRequest) -> HttpResponse:
        """What colleagues typed from paper and nobody compared yet, oldest first."""
        if not request.user.has_perm("consent.confirm_consentevent"):
            raise PermissionDenied
        rows = [
            (event, actor_name(event.actor, event.user), event.user_id == request.user.pk)
            for event in paper.waiting()[: self.list_per_page]
        ]
        return self._page(request, "confirm_list", gettext("Consents that wait for a second person"), rows=rows)

    def record_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Type a consent from paper or a call; it is no ground until a second person compared it."""
        subject = get_object_or_404(DataSubject, pk=pk)
        try:
            rules.check_may_record(request.user)
        except PermissionDenied as error:
            return refused(request, error)
        posted = (request.POST, request.FILES) if request.method == "POST" else ()
        form = ConsentOnPaperForm(*posted, scopes=Scopes.of(subject), subject=subject)
        if form.is_valid():
            given = form.cleaned_data
            try:
                with transaction.atomic():
                    content = given.pop("scan")
                    scan = paper.store(subject=subject, content=content) if content else None
                    ledger.record_paper(subject=subject, scan=scan, by=request.user, **given)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                messages.success(request, gettext("Recorded. It is a ground when a second person has confirmed it."))
                return redirect(SUBJECT, pk)
        title = gettext("A consent of %(subject)s from paper or a call") % {"subject": subject}
        return self._page(
            request, "record", title, 422 if form.errors else 200, form=form, subject=subject, original=subject
        )

    def withdrawal_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Type a withdrawal; it counts at once."""
        subject = get_object_or_404(DataSubject, pk=pk)
        try:
            rules.check_may_record(request.user)
        except PermissionDenied as error:
            return refused(request, error)
        posted = (request.POST, request.FILES) if request.method == "POST" else ()
        form = WithdrawalOnPaperForm(*posted, scopes=Scopes.of(subject), subject=subject)
        if form.is_valid():
            given = form.cleaned_data
            consent = given["consent"]
            try:
                event = paper.record_withdrawal(
                    subject=subject,
                    form=consent.form,
                    scope=consent.scope,
                    channel=given["channel"],
                    occurred_at=given["occurred_at"],
                    reason=given["reason"],
                    content=given["scan"],
                    by=request.user,
                )
            except ValidationError as error:
                form.add_error(None, error)
            else:
                messages.success(request, gettext("The withdrawal is recorded. The person gets a letter."))
                standing = ledger.standings(subject)[consent.form.code, consent.scope]
                if standing.is_ground and event.kind == EventKind.WITHDRAWN:
                    messages.warning(
                        request, gettext("The person consented again after that moment: this later consent stands.")
                    )
                return redirect(SUBJECT, pk)
        title = gettext("A withdrawal of %(subject)s") % {"subject": subject}
        return self._page(
            request, "record_withdrawal", title, 422 if form.errors else 200, form=form, subject=subject,
            original=subject,
        )  # fmt: skip

    def known_twice_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the files of one person say differently; one click has every no count in all of them."""
        subject = get_object_or_404(DataSubject, pk=pk)
        if not known_twice.may_settle(request.user):
            return refused(request, PermissionDenied(gettext("Your role does not include this step.")))
        wrong, status = "", 200
        if request.method == "POST":
            try:
                done = known_twice.settle(subject=subject, by=request.user, seen=request.POST.get("seen", ""))
            except ValidationError as error:
                wrong, status = error.messages[0], 409
            else:
                if done:
                    messages.success(request, gettext("What the person said no to now counts in all their files."))
                else:
                    messages.info(request, gettext("The files say the same already: nothing was changed."))
                return redirect(SUBJECT, pk)
        found = known_twice.differences(subject)
        title = gettext("What the files of %(subject)s say differently") % {"subject": subject}
        return self._page(
            request, "known_twice", title, status, **told(found), seen=known_twice.mark(found), wrong=wrong,
            subject=subject, original=subject,
        )  # fmt: skip

    def confirm_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Compare what a colleague typed with the paper: confirm, or decline with a reason."""
        rows = ConsentEvent.objects.select_related("subject", "form", "version__form", "user", "policy_version")
        event = get_object_or_404(rows, pk=pk)
        try:
            rules.check_may_confirm(event, by=request.user)
        except PermissionDenied as error:
            return refused(request, error)
        except ValidationError as error:
            return self._page(request, "confirm", str(event), 409, event=event, wrong=error.messages[0])
        if event.consequences.exists():
            wrong = gettext("Somebody has decided on this consent already.")
            return self._page(request, "confirm", str(event), 409, event=event, wrong=wrong)
        declining = "decline" in request.POST
        form = DecisionForm(request.POST if declining else None)
        wrong, status = "", 200
        if request.method == "POST" and (not declining or form.is_valid()):
            try:
                if declining:
                    ledger.decline(event=event, by=request.user, reason=form.cleaned_data["reason"])
                    said = gettext("Declined. The paper is no consent.")
                else:
                    ledger.confirm(event=event, by=request.user)
                    said = gettext("Confirmed. The consent counts from the day it was signed.")
            except ValidationError as error:
                wrong, status = error.messages[0], 409
            else:
                messages.success(request, said)
                return redirect("admin:consent_waiting")
        version = event.version
        text = version and compose(
            version, wanted=event.language, reference=str(event.subject), operator=Operator.current()
        )
        return self._page(
            request,
            "confirm",
            gettext("Compare with the paper: %(subject)s") % {"subject": event.subject},
            422 if form.errors else status,
            event=event,
            about=Scopes.of(event.subject).in_words(event.scope),
            who=actor_name(event.actor, event.user),
            text=text,
            form=form,
            wrong=wrong,
            may_decide=not wrong,
        )

    def scan_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask why, then hand the scan over; the record stands before it does."""
        scan = get_object_or_404(Scan.objects.select_related("subject"), pk=pk)
        try:
            rules.check_may_open_scan(by=request.user)
        except PermissionDenied as error:
            return refused(request, error)
        form = ScanForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            content = paper.open_scan(scan=scan, by=request.user, reason=form.cleaned_data["reason"])
            name = f"{scan.subject}-{scan.sha256[:12]}.{paper.ENDINGS[scan.media_type]}"
            return HttpResponse(
                content,
                content_type=scan.media_type,
                headers={
                    "Content-Disposition": f'attachment; filename="{name}"',
                    "X-Content-Type-Options": "nosniff",
                },
            )
        title = gettext("Open a scan of %(subject)s") % {"subject": scan.subject}
        return self._page(
            request, "record_scan", title, 422 if form.errors else 200, form=form, scan=scan, subject=scan.subject
        )


@admin.register(ConsentState)
class ConsentStateAdmin(CoveragePages, ReadOnlyAdmin, KeysetAdmin):
    change_list_template = "admin/consent/states_list.html"
    list_display = ("subject", "form", "scope", "state", "since", "until")
    list_display_links = ("subject",)
    list_filter = ("state", "form", AcceptedText)
    list_select_related = ("subject", "form")
    allowed_lookups = ("subject", "subject__id", "form", "form__id")
    fields = ("subject", "form", "scope", "state", "since", "until", "given", "last", "postponed")

    def get_urls(self) -> list:
        return [*self.coverage_urls(), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        extra = {"may_import": request.user.has_perm("consent.import_consents")}
        return super().changelist_view(request, extra | (extra_context or {}))
