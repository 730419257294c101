"""The officers' pages that say which clauses declare a purpose or a category: the mending of the matrix's gaps."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.translation import get_language, gettext

from audit.admin import HistoryAdmin, ReadOnlyAdmin
from consent import clause_links
from consent.clause_links import Candidate, Place
from consent.models import ClauseLink, Purpose
from subjects.models import DataCategory


def _places(names: list[str]) -> set[Place]:
    """What a form's names say; what is no name is left out."""
    parts = (name.partition(":") for name in names)
    return {(int(policy), key) for policy, sign, key in parts if sign and key and policy.isdecimal()}


def _read(candidate: Candidate) -> tuple[str, str]:
    """(the language, the text) of a clause in the reader's language, else in the first it has."""
    wanted = get_language() or "ru"
    for code in (wanted, "ru", "kk", "en"):
        if text := candidate.clause.text(code):
            return code, text
    return wanted, ""


@admin.register(ClauseLink)
class ClauseLinkAdmin(ReadOnlyAdmin, HistoryAdmin):
    change_list_template = "admin/consent/clause_list.html"
    list_display = ("clause_key", "policy", "purpose", "category")
    list_select_related = ("policy", "purpose", "category")
    list_filter = ("policy",)
    fields = ("policy", "clause_key", "purpose", "category")

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("purpose/<int:pk>/", wrap(self.purpose_view), name="consent_clauses_of_purpose"),
            path("category/<int:pk>/", wrap(self.category_view), name="consent_clauses_of_category"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        targets = {"purposes": Purpose.objects.in_force(), "categories": DataCategory.objects.all()}
        return super().changelist_view(request, {**targets, **(extra_context or {})})

    def purpose_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The clauses that declare a purpose: look at them, link them, take links away."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._page(request, get_object_or_404(Purpose, pk=pk), "admin:consent_clauses_of_purpose")

    def category_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The clauses that declare a category of data."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._page(request, get_object_or_404(DataCategory, pk=pk), "admin:consent_clauses_of_category")

    def _page(self, request: HttpRequest, target: clause_links.Target, address: str) -> HttpResponse:
        may_link = request.user.has_perms(["consent.add_clauselink", "consent.delete_clauselink"])
        errors: list[str] = []
        if request.method == "POST":
            if not may_link:
                raise PermissionDenied
            chosen, seen = (_places(request.POST.getlist(name)) for name in ("clause", "seen"))
            try:
                added, gone = clause_links.link(target, chosen=chosen, seen=seen, by=request.user)
            except ValidationError as error:
                errors = error.messages
            else:
                said = gettext("Linked: %(added)s, taken away: %(gone)s.") % {"added": added, "gone": gone}
                messages.success(request, said if added or gone else gettext("Nothing was changed."))
                return redirect(address, target.pk)
        found = clause_links.find(target)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Clauses that declare: %(what)s") % {"what": target},
            "opts": self.opts,
            "target": target,
            "groups": [
                (gettext("Linked"), [(candidate, *_read(candidate)) for candidate in found.linked], True),
                (gettext("Likely: most of its words are the same"), [(c, *_read(c)) for c in found.likely], True),
                (
                    gettext("Other clauses in force"),
                    [(c, *_read(c)) for c in found.others],
                    not (found.linked or found.likely),
                ),
            ],
            "lost": found.lost,
            "unlinked": not (found.linked or found.lost),
            "nothing": not (found.linked or found.likely or found.others),
            "may_link": may_link,
            "errors": errors,
        }
        return render(request, "admin/consent/clause.html", context, status=409 if errors else 200)
