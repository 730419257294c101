"""The officers' pages of purposes: what is in force, and the editions by which two people change it (policy 1.1)."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.admin import HistoryAdmin, ReadOnlyAdmin
from consent import purposes
from consent.models import SAID, ClauseLink, Purpose, PurposeEdition
from staff import citations, opening
from staff.models import StaffUser
from staff.opened_admin import OF, STEPS, OpenedAdmin, ProposalForm


@admin.register(Purpose)
class PurposeAdmin(ReadOnlyAdmin, HistoryAdmin):
    change_form_template = "admin/consent/purpose.html"
    change_list_template = "admin/consent/purposes_list.html"
    list_display = ("code", "title", "ground", "reference", "required", "open_ended", "valid_from", "valid_to")
    list_filter = ("ground", "required")
    fields = ("code", *SAID, "order")

    @admin.display(description=_("article"))
    def reference(self, row: Purpose) -> str:
        return citations.cited(row.article) or "—"

    def render_change_form(self, request: HttpRequest, context: dict, **kwargs: Any) -> HttpResponse:
        purpose = context.get("original")
        if purpose is not None:
            waiting = PurposeEdition.objects.filter(code=purpose.code, in_force_during=None).first()
            may = request.user.has_perm("consent.add_purposeedition") and waiting is None
            context.update(
                waiting=waiting,
                change_url=f"{reverse('admin:consent_purposeedition_add')}?{OF}={purpose.code}" if may else "",
                clauses=ClauseLink.objects.filter(purpose=purpose).count(),
                needs=purpose.cells.in_force().select_related("category"),
            )
        return super().render_change_form(request, context, **kwargs)


class EditionForm(ProposalForm):
    def clean_article(self) -> str:
        article = self.cleaned_data["article"].strip()
        if not article:
            raise ValidationError(gettext("Name the article of the law that the ground rests on: 94-V art. 7, 8."))
        return article

    def clean_code(self) -> str:
        code = self.cleaned_data["code"]
        if self.source is None and Purpose.objects.filter(code=code).exists():
            raise ValidationError(gettext("A purpose has this code already: open it and propose a change of it."))
        return code

    @staticmethod
    def check_may_propose(edition: PurposeEdition, *, by: StaffUser) -> None:
        purposes.check_dates(edition)
        opening.check_may_propose(edition, by=by)


@admin.register(PurposeEdition)
class PurposeEditionAdmin(OpenedAdmin):
    form = EditionForm
    list_display = ("code", "title", "ground", "state_now", "proposed_by", "approved_by")
    list_select_related = ("proposed_by", "approved_by")
    proposed = ("code", *SAID)
    # a purpose ends on the last day that an edition gives it
    without = frozenset({"end", "approve-end", "keep"})
    empty = _("No purpose was changed yet. Open a purpose and propose a change of it, or propose a new one.")

    def source(self, request: HttpRequest) -> models.Model | None:
        code = request.GET.get(OF, "")
        purpose = Purpose.objects.filter(code=code).first() if code else None
        if code and purpose is None:
            raise Http404
        return purposes.edition_of(purpose) if purpose else None

    def standing(self, row: PurposeEdition) -> models.Model | None:
        return Purpose.objects.filter(code=row.code).first()

    def change_url(self, row: PurposeEdition) -> str:
        return f"{reverse('admin:consent_purposeedition_add')}?{OF}={row.code}"

    def propose(self, row: PurposeEdition, *, by: StaffUser) -> PurposeEdition:
        return purposes.propose(row, by=by)

    def steps(self) -> tuple:
        mine = {"approve": purposes.approve}
        return tuple(
            step._replace(act=mine.get(step.name, step.act)) for step in STEPS if step.name not in self.without
        )
