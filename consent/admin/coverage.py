"""Whose consent lacks what others' text names, and asking them (issue 3)."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_POST

from consent import asking, coverage, reminding
from consent.coverage import Gap, Words
from consent.enums import LADDER, LIVE, RecipientKind
from consent.models import ConsentForm, ConsentFormVersion, ItemKind, Purpose
from subjects.models import DataCategory

ASKS_MORE = {
    "to_third_parties": gettext_lazy("passing data to third parties"),
    "cross_border": gettext_lazy("passing data abroad"),
    "public_distribution": gettext_lazy("making data public"),
}


def titles() -> dict[Words, str]:
    """{what a form names: its title in the active language}; two queries."""
    named = {Words(ItemKind.PURPOSE, row.code): str(row) for row in Purpose.objects.all()}
    named |= {Words(ItemKind.CATEGORY, row.code): str(row) for row in DataCategory.objects.all()}
    named |= {Words(coverage.ANSWER, name): str(ASKS_MORE[name]) for name in coverage.ANSWERS}
    return named | {Words(ItemKind.RECIPIENT, kind.value): str(kind.label) for kind in RecipientKind}


def _asking(version: ConsentFormVersion) -> dict[str, object]:
    """How the asking about a version goes, and its campaigns, reminders among them."""
    campaigns = [c for asked in asking.campaigns(version) for c in (asked, *reminding.steps(asked))]
    return {"version": version, "progress": asking.progress(version), "campaigns": campaigns}


class AcceptedText(admin.SimpleListFilter):
    """Live consents by a text that names less than it should, or that nobody knows."""

    title = gettext_lazy("text that names less")
    parameter_name = "text"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        """Every such text that somebody's consent rests on."""
        texts = [
            (f"{gap.version_id}-{gap.language}", f"{gap.form}, {gap.version}, {gap.language}")
            for gap in coverage.gaps()
        ]
        unknown = [
            (f"unknown-{code}", gettext("%(form)s, not known") % {"form": code}) for code in coverage.unknown_grounds()
        ]
        return texts + unknown

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        about, _dash, rest = (self.value() or "").partition("-")
        if not rest:
            return queryset
        if about == "unknown":
            nobody_knows = Q(given__version=None) | Q(given__language="")
            return queryset.filter(nobody_knows, state__in=LIVE, form__code=rest)
        if not (about.isascii() and about.isdigit() and len(about) < 10):
            return queryset.none()
        return queryset.filter(state__in=LIVE, given__version=int(about), given__language=rest)


class CoveragePages:
    """The addresses of these pages, for the admin of how consents stand."""

    def coverage_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("coverage/", wrap(self.coverage_view), name="consent_coverage"),
            path("coverage/<str:code>/ask/", wrap(require_POST(self.ask_view)), name="consent_ask"),
        ]

    def _rendered(self, request: HttpRequest, template: str, title: str, status: int = 200, **context: object):
        base = {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        return render(request, f"admin/consent/{template}.html", {**base, **context}, status=status)

    def coverage_view(self, request: HttpRequest) -> HttpResponse:
        """The texts whose readers were told less, how many they are, and the button that asks them."""
        if not request.user.has_perm("consent.view_consentstate"):
            raise PermissionDenied
        named, unknown = titles(), coverage.unknown_grounds()
        gaps: dict[str, list[Gap]] = {}
        for gap in coverage.gaps():
            gaps.setdefault(gap.form, []).append(gap)
        offered = {v.form.code: v for v in ConsentFormVersion.objects.in_force().select_related("form")}
        asked = {version.form.code for _campaign, version in asking.running()}
        found = [
            {
                "form": form,
                "gaps": [(g, [named.get(words, words.code) for words in g.lacks]) for g in gaps.get(form.code, [])],
                "unknown": unknown.get(form.code, 0),
                "asking": _asking(offered[form.code]) if form.code in asked else None,
                "may_ask": form.code in offered and asking.to_ask(offered[form.code], gaps.get(form.code, [])).exists(),
            }
            for form in ConsentForm.objects.all()
            if form.code in gaps or form.code in unknown or form.code in asked
        ]
        may_ask = request.user.has_perm("notifications.run_campaign")
        title = gettext("Whose consent covers less than it should")
        return self._rendered(
            request, "coverage", title, found=found, may_ask=may_ask, unasked=coverage.unasked(), ladder=LADDER
        )

    def ask_view(self, request: HttpRequest, code: str) -> HttpResponse:
        """Write to everybody whose consent of the form is outgrown."""
        form = get_object_or_404(ConsentForm, code=code)
        try:
            campaign = asking.ask(form=form, by=request.user)
        except ValidationError as error:
            messages.error(request, error.messages[0])
            return redirect("admin:consent_coverage")
        messages.success(request, gettext("The letters are on their way. Here is how far they are."))
        return redirect("admin:notifications_campaign_change", campaign.pk)
