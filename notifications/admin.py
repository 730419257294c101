"""The officers' pages about letters and campaigns: how far, who did not get it, pause, resume, cancel, preview."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template import TemplateDoesNotExist
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.clickjacking import xframe_options_sameorigin

from audit.admin import HistoryAdmin, KeysetAdmin, ReadOnlyAdmin
from notifications import preview, reports, services
from notifications.enums import CampaignState, LetterState, SkipReason
from notifications.models import Campaign, DeliveryEvent, Letter
from notifications.rules import may_requeue, may_run
from staff.enums import Language

ACTS = {
    "pause": (_("Pause"), {CampaignState.RUNNING}),
    "resume": (_("Resume"), {CampaignState.PAUSED}),
    "cancel": (_("Cancel"), {CampaignState.RUNNING, CampaignState.PAUSED}),
}


@admin.register(Campaign)
class CampaignAdmin(ReadOnlyAdmin, HistoryAdmin):
    list_display = ("__str__", "state", "created_at", "finished_at")
    list_filter = ("state",)
    ordering = ("-pk",)
    change_form_template = "admin/notifications/campaign.html"

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/<slug:act>/act/", wrap(self.act_view), name="notifications_campaign_act"),
            path("<int:pk>/test/", wrap(self.test_view), name="notifications_campaign_test"),
            path(
                "<int:pk>/preview/<str:language>/",
                wrap(xframe_options_sameorigin(self.preview_view)),
                name="notifications_campaign_preview",
            ),
            *super().get_urls(),
        ]

    def _locate(self, request: HttpRequest, pk: int | str) -> Campaign:
        campaign = get_object_or_404(Campaign.objects.select_related("paused_by", "cancelled_by"), pk=pk)
        if not self.has_view_permission(request, campaign):
            raise PermissionDenied
        return campaign

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """One campaign: one large progress, counts that lead to lists, what may be done."""
        campaign = self._locate(request, object_id)
        progress = reports.progress(campaign)
        left_out = campaign.audience.get("left_out", {})
        context = {
            **self.admin_site.each_context(request),
            "title": str(campaign),
            "opts": self.opts,
            "original": campaign,
            "campaign": campaign,
            "progress": progress,
            "states": [(state, label, progress.by_state[state]) for state, label in LetterState.choices],
            "languages": [(code, name, progress.by_language[code]) for code, name in Language.choices],
            "left_out_names": self._standings(left_out),
            "left_out_total": sum(left_out.values()),
            "acts": [(n, label) for n, (label, states) in ACTS.items() if self._may(campaign, request, states)],
            "may_test": request.user.has_perm("notifications.run_campaign"),
            "not_reached": reports.not_reached(campaign)[:50],
            "uncertain": LetterState.UNCERTAIN,
        }
        response = render(request, self.change_form_template, context)
        if campaign.state == CampaignState.RUNNING and progress.done < progress.total:
            response["Refresh"] = "3"
        return response

    @staticmethod
    def _standings(left_out: dict[str, int]) -> list[tuple[str, int]]:
        """The names of standings belong to a higher app, reached through the letter's own key."""
        labels = dict(Letter._meta.get_field("subject").related_model._meta.get_field("standing").choices)
        return [(labels.get(standing, standing), count) for standing, count in left_out.items()]

    @staticmethod
    def _may(campaign: Campaign, request: HttpRequest, states: set) -> bool:
        return may_run(campaign, by=request.user, from_states=states)

    def act_view(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        """Pause and resume at once; cancelling is asked once more, with its consequences."""
        campaign = self._locate(request, pk)
        if act not in ACTS:
            raise Http404
        if act == "cancel" and request.method != "POST":
            progress = reports.progress(campaign)
            context = {
                **self.admin_site.each_context(request),
                "title": gettext("Cancel the campaign"),
                "opts": self.opts,
                "original": campaign,
                "campaign": campaign,
                "waiting": progress.total - progress.done,
                "sent": progress.by_state[LetterState.SENT],
            }
            return render(request, "admin/notifications/cancel.html", context)
        if request.method != "POST":
            return redirect("admin:notifications_campaign_change", pk)
        try:
            getattr(services, act)(campaign=campaign, by=request.user)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        return redirect("admin:notifications_campaign_change", pk)

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send me the letter as a customer would get it."""
        campaign = self._locate(request, pk)
        if request.method != "POST" or not request.user.has_perm("notifications.run_campaign"):
            raise PermissionDenied
        language = request.POST.get("language")
        if language not in Language.values:
            raise Http404
        try:
            services.send_test(campaign=campaign, by=request.user, language=language)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, gettext("The test letter is on its way to your e-mail."))
        return redirect("admin:notifications_campaign_change", pk)

    def preview_view(self, request: HttpRequest, pk: int, language: str) -> HttpResponse:
        """The letter as it looks, for the frame on the campaign's page."""
        campaign = self._locate(request, pk)
        if language not in Language.values:
            raise Http404
        try:
            html = preview.html(kind=campaign.kind, cause=campaign.cause, language=language)
        except TemplateDoesNotExist as error:
            raise Http404 from error
        response = HttpResponse(html)
        response._csp_update = {"frame-ancestors": ["'self'"]}
        return response


@admin.register(Letter)
class LetterAdmin(ReadOnlyAdmin, KeysetAdmin):
    list_display = ("__str__", "addressee", "state", "why", "language", "attempts", "created_at", "done_at")
    list_filter = ("state", "kind", "language", "skip_reason")
    list_select_related = ("subject", "staff")
    allowed_lookups = ("campaign", "campaign__id", "subject", "subject__id")
    change_form_template = "admin/notifications/letter.html"

    @admin.display(description=_("to"))
    def addressee(self, letter: Letter) -> str:
        return str(letter.subject or letter.staff)

    @admin.display(description=_("why skipped"), empty_value="—")
    def why(self, letter: Letter) -> str:
        return SkipReason(letter.skip_reason).label if letter.skip_reason else ""

    def get_urls(self) -> list:
        return [
            path("<int:pk>/requeue/", self.admin_site.admin_view(self.requeue_view), name="notifications_requeue"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """One letter: to whom by reference, what became of it, step by step."""
        letter = get_object_or_404(Letter.objects.select_related("subject", "staff", "campaign"), pk=object_id)
        if not self.has_view_permission(request, letter):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": str(letter),
            "opts": self.opts,
            "original": letter,
            "letter": letter,
            "events": DeliveryEvent.objects.filter(letter=letter).select_related("user").order_by("-pk"),
            "may_requeue": may_requeue(letter, by=request.user),
        }
        return render(request, self.change_form_template, context)

    def requeue_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        letter = get_object_or_404(Letter, pk=pk)
        if request.method != "POST":
            raise PermissionDenied
        try:
            services.requeue(letter=letter, by=request.user)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, gettext("The letter is queued again."))
        return redirect("admin:notifications_letter_change", pk)
