"""A changelist paged by key: the same cost at row ten and at row ten million (DESIGN 6)."""

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

BEFORE = "before"


class KeysetChangeList(ChangeList):
    """Newest first by primary key; `?before=<pk>` shows older rows; the only thing counted is the page."""

    older: str | None = None
    newest: str | None = None

    def get_filters_params(self, params: dict | None = None) -> dict:
        lookups = super().get_filters_params(params)
        lookups.pop(BEFORE, None)
        return lookups

    def get_query_string(self, new_params: dict | None = None, remove: list[str] | None = None) -> str:
        # another filter makes another list, which begins at its newest row
        return super().get_query_string(new_params, [*(remove or []), BEFORE])

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[str]:
        return ["-pk"]

    def get_results(self, request: HttpRequest) -> None:
        queryset = self.queryset
        before = request.GET.get(BEFORE)
        if before:
            if not before.isdecimal():
                raise IncorrectLookupParameters
            queryset = queryset.filter(pk__lt=int(before))
            self.newest = self.get_query_string()
        rows = list(queryset[: self.list_per_page + 1])
        self.result_list = rows[: self.list_per_page]
        if len(rows) > self.list_per_page:
            self.older = self.get_query_string({BEFORE: self.result_list[-1].pk})
        self.result_count = len(self.result_list)
        # equal counts: the page does not offer to show "all" of a list nobody counted
        self.full_result_count, self.show_full_result_count = self.result_count, False
        self.show_admin_actions = True
        self.can_show_all = self.multi_page = False
        self.paginator = Paginator(self.result_list, self.list_per_page)
