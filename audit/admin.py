"""Admin pages every app builds on: histories with old and new side by side, lists that give nothing away."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.filters import ListFilter
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import FieldDoesNotExist, PermissionDenied, ValidationError
from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from simple_history.admin import SimpleHistoryAdmin

from audit.changelist import KeysetChangeList
from audit.models import AccessRecord
from audit.names import actor_name, reason_name
from audit.timeline import timeline, version

BEFORE = "before"


class GuardedAdmin(admin.ModelAdmin):
    """A list that cannot be asked what it does not show, and does not count what nobody needs counted.

    `?field__startswith=` is an oracle: stock Django admin answers it for every field of the model, encrypted hints
    and passwords included. Here a lookup is one of `list_filter`'s own or of `allowed_lookups`, else 400 (DESIGN 4).
    """

    #: names of fields that may be asked by exact value (`"reference"`), or whole lookups (`"at__lt"`)
    allowed_lookups: ClassVar[tuple[str, ...]] = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        allowed = {lookup for name in self.allowed_lookups for lookup in (name, f"{name}__exact")}
        for item in self.get_list_filter(request):
            allowed |= self._filter_lookups(item)
        return lookup in allowed

    def _filter_lookups(self, item: Any) -> set[str]:
        """The query parameters that a member of `list_filter` itself makes."""
        if isinstance(item, type) and issubclass(item, ListFilter):
            return {item.parameter_name}
        name = item[0] if isinstance(item, list | tuple) else item
        field, model = None, self.model
        for part in name.split(LOOKUP_SEP):
            try:
                field = model._meta.get_field(part)
            except FieldDoesNotExist:
                break
            model = field.related_model or model
        endings = {"", "__exact", "__isnull"}
        if isinstance(field, models.DateField):
            endings |= {"__gte", "__lt"}
        if field is not None and field.is_relation:
            endings.add(f"__{field.target_field.name}__exact")
        return {f"{name}{ending}" for ending in endings}

    def get_actions(self, request: HttpRequest) -> dict:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    # Django's own log repeats what history knows better, can be edited, and would hold names: none is written.
    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> None: ...

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> None: ...

    def log_deletions(self, request: HttpRequest, queryset: models.QuerySet) -> None: ...


class HistoryAdmin(SimpleHistoryAdmin):
    """Gives a tracked model its history: a timeline of changes, newest first, and every version as it was.

    Whoever may view the model may read its history, of deleted rows too. Nothing can be reverted from here.
    """

    history_per_page = 50

    def has_history_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.has_view_or_change_permission(request, obj)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict | None = None) -> HttpResponse:
        """Changes of one row, `history_per_page` at a time; `?before=<history id>` leads to older ones."""
        obj, rows = self._history_of(request, object_id)
        before = request.GET.get(BEFORE, "")
        entries, older = timeline(
            self.model, rows, before=int(before) if before.isdecimal() else None, limit=self.history_per_page
        )
        if obj is None and not entries and not before:
            raise Http404
        for entry in entries:
            entry.url = self._history_url(request, "simple_history", object_id, entry.id)
        context = {
            **self._history_context(request, object_id, obj),
            "title": _("History: %(object)s") % {"object": self._history_name(object_id, obj)},
            "entries": entries,
            "older": older and f"?{BEFORE}={older}",
            "newest": bool(before) and request.path,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/audit/history.html", context)

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: dict | None = None
    ) -> HttpResponse:
        """The row as it was after one change, to be read."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        obj, rows = self._history_of(request, object_id)
        found = version(self.model, rows, version_id=int(version_id)) if version_id.isdecimal() else None
        if found is None:
            raise Http404
        context = {
            **self._history_context(request, object_id, obj),
            "title": _("%(object)s as it was") % {"object": self._history_name(object_id, obj)},
            "entry": found,
            "history_url": self._history_url(request, "history", object_id),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/audit/version.html", context)

    def _history_of(self, request: HttpRequest, object_id: str) -> tuple[models.Model | None, models.QuerySet]:
        """(the live row or None, its history rows); refuses who may not see them."""
        if not self.has_history_permission(request):
            raise PermissionDenied
        request.current_app = self.admin_site.name
        manager = getattr(self.model, self.model._meta.simple_history_manager_attribute)
        pk = self.model._meta.pk
        try:
            value = pk.to_python(unquote(object_id))
        except ValidationError as error:
            raise Http404 from error
        obj = self.get_queryset(request).filter(pk=value).first()
        if obj is None and self.model._base_manager.filter(pk=value).exists():
            raise Http404  # there, but not for this reader
        if obj is not None and not self.has_history_permission(request, obj):
            raise PermissionDenied
        return obj, manager.filter(**{pk.attname: value})

    def _history_name(self, object_id: str, obj: models.Model | None) -> str:
        return str(obj) if obj is not None else f"{self.opts.verbose_name} {unquote(object_id)}"

    def _history_url(self, request: HttpRequest, view: str, *args: Any) -> str:
        from django.urls import reverse

        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{view}"
        return reverse(name, args=[quote(unquote(str(arg))) for arg in args])

    def _history_context(self, request: HttpRequest, object_id: str, obj: models.Model | None) -> dict:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "module_name": capfirst(self.opts.verbose_name_plural),
            "object_name": self._history_name(object_id, obj),
            "object_url": obj and self._history_url(request, "change", object_id),
        }


class HouseAdmin(GuardedAdmin, HistoryAdmin):
    """The admin of a tracked model."""


class ReadOnlyAdmin(GuardedAdmin):
    """Rows that are only looked at: events and derived rows. With `HistoryAdmin` beside it, tracked ones too."""

    change_form_template = "admin/audit/read_only.html"
    actions = None

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict | None = None) -> HttpResponse:
        if isinstance(self, HistoryAdmin):
            return super().history_view(request, object_id, extra_context)
        raise Http404  # an event has no history: it is one

    def render_change_form(self, request: HttpRequest, context: dict, **kwargs: Any) -> HttpResponse:
        context["has_history"] = isinstance(self, HistoryAdmin)
        return super().render_change_form(request, context, **kwargs)


class KeysetAdmin(GuardedAdmin):
    """A list of a table that may be very long: newest first, paged by key, nothing counted (DESIGN 6)."""

    change_list_template = "admin/audit/keyset_list.html"
    ordering = ("-pk",)
    sortable_by = ()
    list_per_page = 50

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList


@admin.register(AccessRecord)
class AccessRecordAdmin(ReadOnlyAdmin, KeysetAdmin):
    """Who saw whose data, when and why (policy 5.5, 94-V art. 22)."""

    list_display = ("at", "who", "door", "reference", "category", "why", "count")
    list_display_links = ("at",)
    list_filter = ("door",)
    list_select_related = ("user",)
    allowed_lookups = ("reference", "user", "user__id", "at__gte", "at__lt")
    search_fields = ("reference", "user__username")
    search_help_text = gettext_lazy("A whole reference (S-000481) or a whole username")
    fields = ("at", "who", "door", "reference", "category", "why", "count", "request_id", "db_user")

    @admin.display(description=gettext_lazy("who"))
    def who(self, record: AccessRecord) -> str:
        return actor_name(record.actor, record.user)

    @admin.display(description=gettext_lazy("reason"))
    def why(self, record: AccessRecord) -> str:
        return reason_name(record.reason)

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        term = search_term.strip()
        if term:
            queryset = queryset.filter(models.Q(reference=term.upper()) | models.Q(user__username=term))
        return queryset, False
