"""The officers' page of legal acts: what we rest on, and whether it still binds (policy 3.1)."""

from django import forms
from django.contrib import admin
from django.db.models import Field
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from audit.admin import HouseAdmin
from policies.legal_acts import ActStatus, LegalAct


class LegalActForm(forms.ModelForm):
    """An act; a repealed one says since when, and no act takes its own place."""

    def clean(self) -> dict:
        found = super().clean()
        repealed, day = found.get("status") == ActStatus.REPEALED, found.get("repealed_on")
        if repealed and day is None and "repealed_on" not in self.errors:
            self.add_error("repealed_on", gettext("Say since when the act is repealed."))
        if not repealed and (day or found.get("successor")):
            self.add_error(
                "status", gettext("An act in force has no day of repeal: choose “repealed” or clear the day.")
            )
        if self.instance.pk and found.get("successor") == self.instance:
            self.add_error("successor", gettext("An act does not take its own place."))
        return found


@admin.register(LegalAct)
class LegalActAdmin(HouseAdmin):
    form = LegalActForm
    list_display = ("number", "binding", "date", "official_title", "confirmed_by_counsel")
    list_display_links = ("number",)
    list_filter = ("status", "confirmed_by_counsel")
    list_select_related = ("successor",)
    fields = (
        "code", "number", "date", ("title_kk", "title_ru"), "title_en", "status", "repealed_on", "successor",
        "confirmed_by_counsel",
    )  # fmt: skip

    @admin.display(description=_("does it bind"), ordering="repealed_on")
    def binding(self, act: LegalAct) -> str:
        if act.repealed_on is None:
            return gettext("in force")
        day = date_format(act.repealed_on, "DATE_FORMAT")
        if act.repealed_on > timezone.localdate():
            said = gettext("in force until %(day)s") % {"day": day}
        else:
            said = gettext("repealed since %(day)s") % {"day": day}
        return (
            gettext("%(said)s; in its place: %(act)s") % {"said": said, "act": act.successor} if act.successor else said
        )

    @admin.display(description=_("official title"), ordering="title_ru")
    def official_title(self, act: LegalAct) -> str:
        return act.title_kk if get_language() == "kk" else act.title_ru

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: object) -> forms.Field:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "successor":  # acts are few; another one is added on its own page
            for act in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{act}_related", False)
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: LegalAct | None = None) -> tuple[str, ...]:
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: LegalAct | None = None) -> bool:
        return False  # what was cited stays known
