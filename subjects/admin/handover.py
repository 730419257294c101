"""Sites of ours that hand their signed-in customers over: opened by two, for such a key opens cabinets (DESIGN 5)."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from staff.opened_admin import OpenedAdmin
from subjects.models import HandoverKey


@admin.register(HandoverKey)
class HandoverKeyAdmin(OpenedAdmin):
    list_display = ("issuer", "key_id", "origin", "state_now")
    proposed = ("issuer", "key_id", "public_key", "origin")
    empty = _("No site hands customers over yet. docs/api.md says how one makes its key and its tokens.")
