"""The officers' pages about letters and campaigns: how far, who did not get it, pause, resume, cancel, preview."""

from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template import TemplateDoesNotExist
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.clickjacking import xframe_options_sameorigin

from audit.admin import HistoryAdmin, KeysetAdmin, ReadOnlyAdmin
from notifications import preview, reports, services
from notifications.enums import CampaignState, LetterState, SkipReason
from notifications.models import Campaign, DeliveryEvent, Letter
from notifications.ports import KINDS, title_of
from notifications.rules import may_requeue, may_run
from staff.enums import Language

RUN, REQUEUE = "notifications.run_campaign", "notifications.requeue_letter"
ACTS = {
    "pause": (_("Pause"), {CampaignState.RUNNING}),
    "resume": (_("Resume"), {CampaignState.PAUSED}),
    "cancel": (_("Cancel"), {CampaignState.RUNNING, CampaignState.PAUSED}),
}
# a kind that is not known any more, a cause that is gone, a text that nobody wrote
NO_TEXT = (LookupError, ObjectDoesNotExist, TemplateDoesNotExist)


def found(rows: QuerySet, pk: int | str) -> Campaign | Letter:
    """The row with this key. Raises Http404 for anything that is no key of a row."""
    if not str(pk).isdecimal():
        raise Http404
    return get_object_or_404(rows, pk=pk)


def subject_of(row: Campaign | Letter, language: str) -> str:
    """The subject line its readers see, where it can still be written."""
    try:
        return preview.subject(kind=row.kind, cause=row.cause, language=language)
    except NO_TEXT:
        return ""


@admin.register(Campaign)
class CampaignAdmin(ReadOnlyAdmin, HistoryAdmin):
    list_display = ("number", "name", "state", "letters_made", "created_at", "finished_at")
    list_filter = ("state",)
    ordering = ("-pk",)
    sortable_by = ()
    change_form_template = "admin/notifications/campaign.html"

    @admin.display(description=_("campaign"))
    def number(self, campaign: Campaign) -> str:
        return f"№ {campaign.pk}"

    @admin.display(description=_("about"))
    def name(self, campaign: Campaign) -> str:
        return title_of(campaign.kind)

    @admin.display(description=_("letters"))
    def letters_made(self, campaign: Campaign) -> int | None:
        return campaign.audience.get("queued")

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
        if not self.has_view_permission(request):
            raise PermissionDenied
        return found(Campaign.objects.select_related("paused_by", "cancelled_by"), pk)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """One campaign: one large progress, counts that lead to lists, what may be done."""
        campaign = self._locate(request, object_id)
        progress = reports.progress(campaign)
        left_out = campaign.audience.get("left_out", {})
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Campaign № %(number)s") % {"number": campaign.pk},
            "about": subject_of(campaign, get_language() or "ru") or capfirst(title_of(campaign.kind)),
            "opts": self.opts,
            "original": campaign,
            "campaign": campaign,
            "progress": progress,
            "is_running": campaign.state == CampaignState.RUNNING and progress.done < progress.total,
            "last_answer": reports.last_refusal(campaign) if progress.stalled else "",
            "states": [(state, label, progress.by_state[state]) for state, label in LetterState.choices],
            "languages": [(code, name, progress.by_language[code].items()) for code, name in Language.choices],
            "left_out_names": self._standings(left_out),
            "left_out_total": sum(left_out.values()),
            "acts": [(n, label) for n, (label, states) in ACTS.items() if self._may(campaign, request, states)],
            "specimens": self._specimens(campaign),
            "may_test": request.user.has_perm(RUN),
            "not_reached": reports.not_reached(campaign)[: reports.SHOWN],
            "not_reached_total": sum(progress.by_state[state] for state in reports.NOT_REACHED),
        }
        return render(request, self.change_form_template, context)

    @staticmethod
    def _specimens(campaign: Campaign) -> list[preview.Specimen]:
        def url(language: str) -> str:
            return reverse("admin:notifications_campaign_preview", args=[campaign.pk, language])

        try:
            return preview.specimens(kind=campaign.kind, cause=campaign.cause, url=url)
        except NO_TEXT:
            return []

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
        if not request.user.has_perm(RUN):
            raise PermissionDenied
        if request.method == "POST":
            try:
                getattr(services, act)(campaign=campaign, by=request.user)
            except ValidationError as error:
                messages.error(request, " ".join(error.messages))
        elif act == "cancel" and self._may(campaign, request, ACTS[act][1]):
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
        return redirect("admin:notifications_campaign_change", pk)

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send me the letter as a customer would get it."""
        campaign = self._locate(request, pk)
        if not request.user.has_perm(RUN):
            raise PermissionDenied
        if request.method != "POST":
            return redirect("admin:notifications_campaign_change", pk)
        language = request.POST.get("language")
        if language not in Language.values:
            return render(request, "400.html", status=400)
        try:
            services.send_test(kind=campaign.kind, cause=campaign.cause, by=request.user, language=language)
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
            response = HttpResponse(preview.html(kind=campaign.kind, cause=campaign.cause, language=language))
        except NO_TEXT as error:
            raise Http404 from error
        response._csp_replace = {"frame-ancestors": ["'self'"]}
        return response


class KindFilter(admin.SimpleListFilter):
    """The kinds that are known, without asking a long table which ones it has."""

    title = _("about")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(kind, title_of(kind)) for kind in sorted(KINDS)]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Letter)
class LetterAdmin(ReadOnlyAdmin, KeysetAdmin):
    list_display = ("number", "name", "addressee", "what_became", "language", "ended")
    list_filter = ("state", KindFilter, "language", "skip_reason")
    list_select_related = ("subject", "staff")
    allowed_lookups = ("campaign", "campaign__id", "subject", "subject__id")
    change_form_template = "admin/notifications/letter.html"

    @admin.display(description=_("letter"))
    def number(self, letter: Letter) -> str:
        return f"№ {letter.pk}"

    @admin.display(description=_("about"))
    def name(self, letter: Letter) -> str:
        return title_of(letter.kind)

    @admin.display(description=_("to"))
    def addressee(self, letter: Letter) -> str:
        return str(letter.subject or letter.staff)

    @admin.display(description=_("state"))
    def what_became(self, letter: Letter) -> str:
        reason = SkipReason(letter.skip_reason).label if letter.skip_reason else ""
        return f"{letter.get_state_display()}: {reason}" if reason else letter.get_state_display()

    @admin.display(description=_("done at"))
    def ended(self, letter: Letter) -> str:
        return date_format(localtime(letter.done_at), "SHORT_DATETIME_FORMAT") if letter.done_at else "—"

    def get_urls(self) -> list:
        return [
            path("<int:pk>/requeue/", self.admin_site.admin_view(self.requeue_view), name="notifications_requeue"),
            *super().get_urls(),
        ]

    def _locate(self, request: HttpRequest, pk: int | str) -> Letter:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return found(Letter.objects.select_related("subject", "staff", "campaign"), pk)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """One letter: to whom by reference, what became of it, step by step."""
        letter = self._locate(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{capfirst(title_of(letter.kind))}, № {letter.pk}",
            "opts": self.opts,
            "original": letter,
            "letter": letter,
            "about": subject_of(letter, letter.language),
            "events": DeliveryEvent.objects.filter(letter=letter).select_related("user").order_by("-pk"),
            "may_requeue": may_requeue(letter, by=request.user),
        }
        return render(request, self.change_form_template, context)

    def requeue_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send an uncertain letter again."""
        letter = self._locate(request, pk)
        if not request.user.has_perm(REQUEUE):
            raise PermissionDenied
        if request.method == "POST":
            try:
                services.requeue(letter=letter, by=request.user)
            except ValidationError as error:
                messages.error(request, " ".join(error.messages))
            else:
                messages.success(request, gettext("The letter is queued again."))
        return redirect("admin:notifications_letter_change", pk)
