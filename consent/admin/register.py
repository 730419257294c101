"""The officers' page of the matrix of purposes and data."""

from django.contrib import admin

from audit.admin import HistoryAdmin, ReadOnlyAdmin
from consent.admin.matrix import MatrixPages
from consent.models import PurposeCategory


@admin.register(PurposeCategory)
class PurposeCategoryAdmin(MatrixPages, ReadOnlyAdmin, HistoryAdmin):
    change_list_template = "admin/consent/cells_list.html"
    list_display = ("purpose", "category", "necessity", "loaded")
    list_filter = ("purpose", "necessity")
    list_select_related = ("purpose", "category")
    fields = ("purpose", "category", "necessity", "note", "loaded", "proposed_by", "approved_by")
