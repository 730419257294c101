"""Who acts for whom, who is whose contact, which documents were seen."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.names import actor_name
from staff.models import StaffUser
from subjects import relations
from subjects.admin.steps import AddedByForm, Step, StepsAdmin
from subjects.models import DocumentSeen, PersonLink, Representative
from subjects.restraint_forms import DocumentForm, LinkForm, RepresentativeForm


@admin.register(Representative)
class RepresentativeAdmin(StepsAdmin):
    add_form, add_label = RepresentativeForm, _("Let them act")
    list_display = ("__str__", "subject", "representative", "basis", "valid_from", "valid_until", "ended_at")
    list_filter = ("basis",)
    list_select_related = ("subject", "representative")
    allowed_lookups = ("subject", "subject__id", "representative", "representative__id", "ended_at__isnull")
    fields = (
        "subject", "representative", "basis", "what", "document", "document_kind", "last_four", "seen", "valid_from",
        "valid_until", "ended_by", "ended_at",
    )  # fmt: skip
    readonly_fields = ("what", "document_kind", "last_four", "seen")
    steps = (
        Step(
            "end",
            _("Nobody acts on it any more"),
            lambda row, by: row.ended_at is None and by.has_perm("subjects.change_representative"),
            lambda row, by: relations.end_representation(row=row, by=by),
        ),
    )

    def create(self, given: dict[str, Any], by: StaffUser) -> Representative:
        return relations.authorise(**given, by=by)

    @admin.display(description=_("what they may do"))
    def what(self, row: Representative) -> str:
        return ", ".join(str(Representative.Act(act).label) for act in row.acts)

    @admin.display(description=_("document"))
    def document_kind(self, row: Representative) -> str:
        return row.document.get_kind_display()

    @admin.display(description=_("last four characters of the number"))
    def last_four(self, row: Representative) -> str:
        return row.document.last_four

    @admin.display(description=_("seen"))
    def seen(self, row: Representative) -> str:
        return f"{row.document.seen_on}, {actor_name(row.document.actor, row.document.user)}"


@admin.register(PersonLink)
class PersonLinkAdmin(StepsAdmin):
    add_form, add_label = LinkForm, _("Link them")
    list_display = ("__str__", "subject", "kind", "other", "created_at", "ended_at")
    list_filter = ("kind",)
    list_select_related = ("subject", "other")
    allowed_lookups = ("subject", "subject__id", "other", "other__id")
    fields = ("subject", "kind", "other", "created_at", "ended_by", "ended_at")
    steps = (
        Step(
            "end",
            _("End the link"),
            lambda row, by: row.ended_at is None and by.has_perm("subjects.change_personlink"),
            lambda row, by: relations.unlink(row=row, by=by),
        ),
    )

    def create(self, given: dict[str, Any], by: StaffUser) -> PersonLink:
        return relations.link(**given)


@admin.register(DocumentSeen)
class DocumentSeenAdmin(AddedByForm):
    add_form, add_label = DocumentForm, _("Record that it was seen")
    list_display = ("at", "subject", "kind", "last_four", "seen_on", "who")
    list_display_links = ("at",)
    list_filter = ("kind",)
    list_select_related = ("subject", "user")
    allowed_lookups = ("subject", "subject__id")
    fields = ("at", "subject", "kind", "last_four", "seen_on", "who")
    readonly_fields = ("who",)

    def create(self, given: dict[str, Any], by: StaffUser) -> models.Model:
        return relations.see_document(**given)

    @admin.display(description=_("who"))
    def who(self, row: DocumentSeen) -> str:
        return actor_name(row.actor, row.user)
