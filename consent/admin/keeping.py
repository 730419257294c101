"""The officers' pages of how long data are kept, and of the approved list of data (94-V art. 12, 18, 25)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent import data_lists
from consent.models import DataList, RetentionRule
from staff.models import StaffUser
from staff.opened_admin import OpenedAdmin, ProposalForm
from subjects.models import DataCategory


@admin.register(RetentionRule)
class RetentionRuleAdmin(OpenedAdmin):
    list_display = ("code", "title", "about", "duration", "starts_on", "action", "confirmed_by_counsel", "state_now")
    list_select_related = ("category",)
    proposed = (
        "code", "title_kk", "title_ru", "title_en", "purpose", "category", "retention_class", "duration", "starts_on",
        "action", "reference", "confirmed_by_counsel",
    )  # fmt: skip
    empty = _("No retention rule stands so. Without a rule nothing says how long data are kept.")

    @admin.display(description=_("what it keeps"))
    def about(self, rule: RetentionRule) -> str:
        return str(rule.category) if rule.category_id else rule.get_retention_class_display()


class DataListForm(ProposalForm):
    categories = forms.ModelMultipleChoiceField(
        DataCategory.objects.all(),
        label=_("data on the list"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Each is put on the list with the titles it has today."),
        error_messages={"required": _("A list of data has at least one entry.")},
    )

    class Meta:
        labels = {"order_number": _("number of the approving order"), "order_date": _("date of the approving order")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "categories" in self.fields:
            self.fields["categories"].initial = list(DataCategory.objects.values_list("pk", flat=True))

    def clean(self) -> dict:
        self.instance.number = (DataList.objects.aggregate(last=Max("number"))["last"] or 0) + 1
        found = super().clean()
        if not self.errors and not data_lists.differs(found["categories"]):
            raise ValidationError(gettext("This is the list in force: nothing differs from it."))
        return found


@admin.register(DataList)
class DataListAdmin(OpenedAdmin):
    form = DataListForm
    change_form_template = "admin/consent/datalist.html"
    list_display = ("number", "order_number", "order_date", "state_now", "proposed_by", "approved_by")
    list_select_related = ("proposed_by", "approved_by")
    proposed = ("order_number", "order_date")
    empty = _("No list of data stands so. Propose the first edition with the order that approves it.")

    def get_fields(self, request: HttpRequest, obj: DataList | None = None) -> tuple[str, ...]:
        return ("number", *self.proposed) if obj else (*self.proposed, "categories")

    def change_url(self, row: DataList) -> str:
        return ""  # another edition is proposed from the list

    def save_model(self, request: HttpRequest, obj: DataList, form: forms.ModelForm, change: bool) -> None:
        data_lists.propose(obj, categories=form.cleaned_data["categories"], by=request.user)

    def propose(self, row: DataList, *, by: StaffUser) -> DataList:
        raise NotImplementedError("a list is proposed together with its entries")

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        edition = context.get("original")
        if edition is not None:
            context["entries"] = edition.entries.select_related("category").order_by("category__order", "pk")
            before = self.standing(edition) if edition.in_force_during is None else None
            context["differences"] = data_lists.differences(before, edition) if before else None
        return super().render_change_form(request, context, *args, **kwargs)
