"""The officers' pages about notices and answers: who was shown what, and what they said; to be read only."""

from django.contrib import admin

from audit.admin import KeysetAdmin, ReadOnlyAdmin
from consent.models import Acknowledgement, NoticeServed


@admin.register(NoticeServed)
class NoticeServedAdmin(ReadOnlyAdmin, KeysetAdmin):
    list_display = ("at", "subject", "version", "language")
    list_display_links = ("at",)
    list_filter = ("language",)
    list_select_related = ("subject", "version__policy")
    allowed_lookups = ("subject", "subject__id", "version", "version__id")
    fields = ("at", "subject", "version", "language", "sha256", "actor", "request_id")


@admin.register(Acknowledgement)
class AcknowledgementAdmin(ReadOnlyAdmin, KeysetAdmin):
    list_display = ("at", "subject", "version", "answer", "language")
    list_display_links = ("at",)
    list_filter = ("answer", "language")
    list_select_related = ("subject", "version__policy")
    allowed_lookups = ("subject", "subject__id", "version", "version__id")
    fields = ("at", "subject", "version", "answer", "language", "sha256", "served", "actor", "request_id")
