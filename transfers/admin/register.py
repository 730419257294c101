"""The officers' pages of recipients, agreements, countries, rules, shadow mode (policy 2.3, 4.2; 94-V art. 15-16)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from audit.admin import HouseAdmin
from staff.opened_admin import OpenedAdmin, ProposalForm, Where
from subjects.identifiers import normalise_bin
from transfers import agreements
from transfers.admin.fields import CategoriesField, clauses, in_words
from transfers.models import Agreement, AgreementFile, Country, Recipient, RecipientClause, ShadowMode, TransferRule


class RecipientForm(forms.ModelForm):
    def clean_bin(self) -> str:
        given = self.cleaned_data["bin"].strip()
        return normalise_bin(given) if given else ""

    def clean(self) -> dict:
        found = super().clean()
        if found.get("bin") and found.get("country", "KZ") != "KZ":
            self.add_error("bin", gettext("Only an organisation of Kazakhstan has a BIN: leave it empty."))
        return found


@admin.register(Recipient)
class RecipientAdmin(HouseAdmin):
    form = RecipientForm
    list_display = ("code", "title", "kind", "country", "agreement_now")
    list_display_links = ("code", "title")
    list_filter = ("kind", "country")
    search_fields = ("code",)
    search_help_text = _("A whole code")
    fields = (
        "code", "kind", "title_kk", "title_ru", "title_en", "bin", "country", "contact_email", "contact_phone",
        "registry_number", "registry_date",
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Recipient | None = None) -> tuple[str, ...]:
        return ("code",) if obj else ()

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        today = timezone.localdate()
        valid = Agreement.objects.in_force().filter(
            models.Q(valid_to=None) | models.Q(valid_to__gte=today),
            recipient=models.OuterRef("pk"),
            valid_from__lte=today,
        )
        every = Agreement.objects.filter(recipient=models.OuterRef("pk"), in_force_during__isnull=False)
        return super().get_queryset(request).annotate(has_valid=models.Exists(valid), has_any=models.Exists(every))

    def get_search_results(self, request: HttpRequest, queryset: models.QuerySet, search_term: str) -> tuple:
        term = search_term.strip()
        return (queryset.filter(code=term.lower()) if term else queryset), False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> forms.Field:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name in ("title_kk", "title_ru"):
            field.required = True
        return field

    @admin.display(description=_("agreement"))
    def agreement_now(self, row: Recipient) -> str:
        if row.has_valid:
            return gettext("in force")
        return gettext("not in force") if row.has_any else gettext("none")


class RecipientClauseForm(forms.ModelForm):
    clause = forms.ChoiceField(choices=clauses, label=_("Clause"))

    class Meta:
        model = RecipientClause
        fields = ("recipient", "kind")

    def clean(self) -> dict:
        found = super().clean()
        policy, _sign, key = found.get("clause", "").partition(":")
        if key:
            self.instance.policy_id, self.instance.clause_key = int(policy), key
        return found


@admin.register(RecipientClause)
class RecipientClauseAdmin(HouseAdmin):
    form = RecipientClauseForm
    list_display = ("clause_key", "policy", "recipient", "kind")
    list_select_related = ("policy", "recipient")
    list_filter = ("policy", "kind")

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> tuple[str, ...]:
        return ("policy", "clause_key", "recipient", "kind") if obj else ("clause", "recipient", "kind")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class WithCategories(ProposalForm):
    categories = CategoriesField()


class AgreementForm(WithCategories):
    upload = forms.FileField(
        label=_("File of the agreement"),
        required=False,
        help_text=_("PDF, JPEG or PNG, at most 10 MB."),
    )
    file: AgreementFile | None = None

    def clean_upload(self) -> object:
        given = self.cleaned_data["upload"]
        if given:
            # a byte too many is enough to refuse it
            self.file = agreements.read_file(given.read(agreements.LARGEST + 1))
            self.instance.file_name, self.instance.file_sha256 = given.name[-120:], self.file.sha256
        elif self.source is not None:
            self.instance.file_name, self.instance.file_sha256 = self.source.file_name, self.source.file_sha256
        return given


class Ending(admin.SimpleListFilter):
    """Agreements whose last day is near."""

    title = pgettext_lazy("agreement", "end")
    parameter_name = "ending"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, object]]:
        return [("soon", _("ends within 30 days")), ("past", _("its last day has passed"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        match self.value():
            case "soon":
                return queryset.filter(pk__in=agreements.ending())
            case "past":
                return queryset.in_force().filter(valid_to__lt=timezone.localdate())
        return queryset


class CategoriesShown(OpenedAdmin):
    """A register of which each row names categories of data: boxes to tick, titles to read."""

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> forms.Field:
        if db_field.name == "categories":
            return CategoriesField()
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def shown(self, row: models.Model, field: models.Field) -> str:
        if field.name == "categories":
            return in_words(row.categories)
        return super().shown(row, field)

    @admin.display(description=_("data categories"))
    def data(self, row: models.Model) -> str:
        return in_words(row.categories)

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> tuple[str, ...]:
        if obj is None:
            return self.proposed
        return tuple("data" if name == "categories" else name for name in self.proposed)

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> tuple[str, ...]:
        return ("data",) if obj else ()


@admin.register(Agreement)
class AgreementAdmin(CategoriesShown):
    form = AgreementForm
    list_display = ("number", "state_now", "recipient", "valid_from", "valid_to", "confidentiality")
    list_select_related = ("recipient",)
    list_filter = (Where, Ending, "recipient")
    proposed = (
        "recipient", "number", "valid_from", "valid_to", "confidentiality", "notify_subject", "categories", "file_name",
    )  # fmt: skip
    empty = _("No agreement stands so. Without one data go to nobody but the authorities.")

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> tuple[str, ...]:
        fields = super().get_fields(request, obj)[:-1]
        return (*fields, "its_file") if obj else (*fields, "upload")

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> tuple[str, ...]:
        return ("data", "its_file") if obj else ()

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.file_view)
        return [path("<int:pk>/file/", view, name="transfers_agreement_file"), *super().get_urls()]

    @admin.display(description=_("file"))
    def its_file(self, row: Agreement) -> str:
        if not row.file_sha256:
            return gettext("No file was uploaded")
        address = reverse("admin:transfers_agreement_file", args=[row.pk])
        return format_html('<a href="{}">{}</a>', address, row.file_name or row.file_sha256[:12])

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Agreement, form: forms.ModelForm, change: bool) -> None:
        if form.file is not None:
            agreements.keep_file(form.file)
        super().save_model(request, obj, form, change)

    def file_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The file as it was uploaded."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = get_object_or_404(Agreement, pk=pk)
        file = AgreementFile.objects.filter(sha256=row.file_sha256).first()
        if file is None:
            raise Http404
        ending = file.media_type.rpartition("/")[2]
        return HttpResponse(
            bytes(file.content),
            content_type=file.media_type,
            headers={
                "Content-Disposition": f'attachment; filename="agreement-{row.pk}.{ending}"',
                "X-Content-Type-Options": "nosniff",
            },
        )


@admin.register(Country)
class CountryAdmin(OpenedAdmin):
    list_display = ("code", "title", "adequate", "source", "state_now")
    proposed = ("code", "title_kk", "title_ru", "title_en", "adequate", "source")
    empty = _("No country stands so. Data go abroad only on the person's own consent.")


class TransferRuleForm(WithCategories):
    def clean(self) -> dict:
        found = super().clean()
        if found.get("ground") == "consent" and not found.get("form"):
            self.add_error("form", gettext("A rule on consent names the form of consent."))
        if found.get("ground") == "law" and not found.get("article"):
            self.add_error("article", gettext("A duty by law names its article."))
        return found


@admin.register(TransferRule)
class TransferRuleAdmin(CategoriesShown):
    form = TransferRuleForm
    list_display = ("recipient", "state_now", "purpose", "direction", "ground", "form_code")
    list_select_related = ("recipient", "purpose", "form")
    list_filter = (Where, "direction", "ground", "recipient")
    proposed = (
        "recipient", "purpose", "direction", "ground", "form", "written", "article", "on_demand", "sanction",
        "categories", "notify_subject", "disclosure", "confirmed_by_counsel",
    )  # fmt: skip
    empty = _("No rule stands so. What no rule covers is not transferred.")

    @admin.display(description=_("form of consent"))
    def form_code(self, row: TransferRule) -> str:
        return row.form.code if row.form else "–"


class ShadowModeForm(ProposalForm):
    def clean_ends_at(self) -> object:
        ends_at = self.cleaned_data["ends_at"]
        if ends_at <= timezone.now():
            raise ValidationError(gettext("This moment is past: shadow mode ends later than it begins."))
        return ends_at


@admin.register(ShadowMode)
class ShadowModeAdmin(OpenedAdmin):
    form = ShadowModeForm
    list_display = ("ends_at", "state_now", "proposed_by", "approved_by")
    list_select_related = ("proposed_by", "approved_by")
    proposed = ("ends_at",)
    empty = _("Shadow mode was never on: the gate refuses what it must.")
