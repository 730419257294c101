"""The officers' pages about people: by reference, masked; a value opens one at a time, with a reason (DESIGN 4)."""

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.admin import HistoryAdmin, HouseAdmin, KeysetAdmin, ReadOnlyAdmin
from audit.changelist import KeysetChangeList
from audit.names import actor_name
from subjects import addresses, rules, search, services, sign_in, subject_page, vault
from subjects.admin import person
from subjects.admin.file import file_view
from subjects.admin.values import record_view
from subjects.enums import IndexKind
from subjects.forms import EmailForm, RevealForm
from subjects.models import (
    CabinetEvent,
    DataCategory,
    DataSubject,
    PersonalData,
    SearchKey,
)

HINTS = (IndexKind.IIN, IndexKind.PHONE, IndexKind.OTHER_PHONE, IndexKind.EMAIL)


def located(rows: models.QuerySet, pk: int | str) -> models.Model:
    """The row with this key. Raises Http404 for anything that is no key of a row."""
    if not str(pk).isdecimal():
        raise Http404
    return get_object_or_404(rows, pk=pk)


class PeopleList(KeysetChangeList):
    """What was searched for stands in no link: an IIN in an address is in logs and in the browser's history."""

    is_cut = False

    def get_query_string(self, new_params: dict | None = None, remove: list[str] | None = None) -> str:
        return super().get_query_string(new_params, [*(remove or []), SEARCH_VAR])

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if self.query:
            self.is_cut, self.older = self.older is not None, None


@admin.register(DataSubject)
class DataSubjectAdmin(ReadOnlyAdmin, KeysetAdmin, HistoryAdmin):
    list_display = ("reference", "iin_hint", "phone_hint", "email_hint", "kind", "standing", "language")
    list_filter = ("standing", "kind", "language")
    search_fields = ("reference",)
    search_help_text = _(
        "Exactly: reference, IIN, phone, e-mail, client or contract number, or whole words of the name"
    )
    preserve_filters = False
    change_list_template = "admin/subjects/list.html"
    change_form_template = "admin/subjects/subject.html"

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        hints = SearchKey.objects.filter(kind__in=HINTS)
        return super().get_queryset(request).prefetch_related(Prefetch("search_keys", hints, to_attr="hints"))

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(pk__in=search.people(term, most=self.list_per_page + 1)), False

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[PeopleList]:
        return PeopleList

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        if request.method == "POST":
            request.GET = request.GET.copy()
            request.GET[SEARCH_VAR] = request.POST.get(SEARCH_VAR, "")
        extra = {"may_import": request.user.has_perm("subjects.import_subjects")}
        return super().changelist_view(request, extra | (extra_context or {}))

    @staticmethod
    def _hint(subject: DataSubject, kind: str) -> str:
        return next((key.hint for key in subject.hints if key.kind == kind), "")

    @admin.display(description=_("IIN"), empty_value="—")
    def iin_hint(self, subject: DataSubject) -> str:
        return self._hint(subject, IndexKind.IIN)

    @admin.display(description=_("phone"), empty_value="—")
    def phone_hint(self, subject: DataSubject) -> str:
        return self._hint(subject, IndexKind.PHONE)

    @admin.display(description=_("e-mail"), empty_value="—")
    def email_hint(self, subject: DataSubject) -> str:
        return self._hint(subject, IndexKind.EMAIL)

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/reveal/<int:value_pk>/", wrap(self.reveal_view), name="subjects_reveal"),
            path("<int:pk>/file/", wrap(file_view), name="subjects_file"),
            path("<int:pk>/paper-code/", wrap(self.paper_code_view), name="subjects_paper_code"),
            path("<int:pk>/value/<slug:category>/", wrap(record_view), name="subjects_record"),
            path("<int:pk>/of-age/", wrap(self.majority_view), name="subjects_of_age"),
            path("<int:pk>/email/", wrap(self.email_view), name="subjects_email_add"),
            path("<int:pk>/email/<int:value_pk>/", wrap(self.email_view), name="subjects_email"),
            *super().get_urls(),
        ]

    def _locate(self, request: HttpRequest, pk: int | str) -> DataSubject:
        subject = located(self.get_queryset(request), pk)
        if not self.has_view_permission(request, subject):
            raise PermissionDenied
        return subject

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """One person without opening a value, as things stand or as they stood at the end of the day `?at=`."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        subject = self._locate(request, object_id)
        text, wrong = request.GET.get("at", "").strip(), ""
        try:
            at = subject_page.moment(text)
        except ValidationError as error:
            at, wrong = None, error.messages[0]
        context = {
            **self.admin_site.each_context(request),
            "title": str(subject),
            "opts": self.opts,
            "original": subject,
            "at": at,
            "day": text if at else "",
            "wrong": wrong,
            **person.context(request, subject, at),
        }
        return render(request, self.change_form_template, context)

    def reveal_view(self, request: HttpRequest, pk: int, value_pk: int) -> HttpResponse:
        """Ask why, then show one value once, as it was held on the day `?at=`; the record stands before it does."""
        subject = self._locate(request, pk)
        value, day = self._value(request, subject, value_pk), request.GET.get("at", "")
        if not request.user.has_perm("subjects.reveal_value"):
            raise PermissionDenied
        form = RevealForm(request.POST if request.method == "POST" else None)
        opened = None
        if form.is_valid():
            try:
                opened = vault.reveal(value=value, by=request.user, reason=form.cleaned_data["reason"])
            except PermissionDenied as error:
                return render(request, "403.html", {"sentence": str(error)}, status=403)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Open a value of %(subject)s") % {"subject": subject},
            "opts": self.opts,
            "original": subject,
            "subject": subject,
            "value": value,
            "day": day,
            "form": form,
            "opened": opened,
        }
        return render(request, "admin/subjects/reveal.html", context, status=422 if form.errors else 200)

    def _value(self, request: HttpRequest, subject: DataSubject, pk: int) -> PersonalData:
        """The value as it stands, or as it stood at the end of the day `?at=`. Raises Http404."""
        try:
            at = subject_page.moment(request.GET.get("at", ""))
        except ValidationError as error:
            raise Http404 from error
        if at is None:
            rows = person.visible_values(request).select_related("subject", "category")
            return get_object_or_404(rows, pk=pk, subject=subject)
        for value in person.values(request, subject, at):
            if value.pk == pk:
                value.subject = subject
                return value
        raise Http404

    def majority_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        from subjects.admin.life import majority_view  # which stands on this file

        return majority_view(self, request, pk)

    def paper_code_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A sign-in code for somebody without e-mail, shown once to be written down or printed."""
        subject = self._locate(request, pk)
        code = None
        try:
            if request.method == "POST":
                code = sign_in.issue_on_paper(subject=subject, by=request.user)
            else:
                rules.check_may_issue_paper_code(subject, by=request.user)
        except PermissionDenied as error:
            return render(request, "403.html", {"sentence": str(error)}, status=403)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Sign-in code on paper for %(subject)s") % {"subject": subject},
            "opts": self.opts,
            "original": subject,
            "subject": subject,
            "code": code,
            "days": sign_in.PAPER_LIVES.days,
        }
        return render(request, "admin/subjects/paper_code.html", context)

    def email_view(self, request: HttpRequest, pk: int, value_pk: int | None = None) -> HttpResponse:
        """Correct a person's e-mail, take it away, or give one to who has none; with a reason, never shown."""
        subject = self._locate(request, pk)
        # a withheld one is no address of letters, and correcting it would tell of it
        emails = PersonalData.objects.told().filter(subject=pk, category__code=addresses.CATEGORY)
        value = get_object_or_404(emails.select_related("subject", "category"), pk=value_pk) if value_pk else None
        try:
            rules.check_may_correct_email(by=request.user)
        except PermissionDenied as error:
            return render(request, "403.html", {"sentence": str(error)}, status=403)
        removing = value is not None and "remove" in request.POST
        seen = {"seen": services.newest(value)} if value else {}
        form = EmailForm(request.POST if request.method == "POST" else None, removing=removing, initial=seen)
        if form.is_valid():
            given = form.cleaned_data
            try:
                if removing:
                    services.remove_email(value=value, reason=given["reason"], by=request.user, seen=given["seen"])
                elif value:
                    services.correct_email(value=value, **given, by=request.user)
                else:
                    services.add_email(subject=subject, email=given["email"], reason=given["reason"], by=request.user)
            except ValidationError as error:
                form.add_error("email", error)
            else:
                messages.success(request, gettext("The e-mail is corrected."))
                return redirect("admin:subjects_datasubject_change", pk)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("E-mail of %(subject)s") % {"subject": subject},
            "opts": self.opts,
            "original": subject,
            "subject": subject,
            "value": value,
            "form": form,
        }
        status = 409 if form.has_error("email", "changed") else 422 if form.errors else 200
        return render(request, "admin/subjects/email.html", context, status=status)


@admin.register(DataCategory)
class DataCategoryAdmin(HouseAdmin):
    list_display = ("code", "title", "retention_class", "access", "biometric")
    list_filter = ("retention_class", "access")
    fields = ("code", "title_kk", "title_ru", "title_en", "retention_class", "access", "biometric", "order")

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: object) -> forms.Field:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in ("title_kk", "title_ru"):  # English is optional everywhere
            field.required = True
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: DataCategory | None = None) -> tuple[str, ...]:
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(PersonalData)
class PersonalDataAdmin(ReadOnlyAdmin, KeysetAdmin, HistoryAdmin):
    """Which values are held, and when each was changed and by whom; a value is ciphertext here and in its history."""

    list_display = ("__str__", "subject", "category", "origin", "source", "disclosure")
    list_filter = ("retention_class", "disclosure")
    list_select_related = ("subject", "category")
    allowed_lookups = ("subject", "subject__id")
    fields = (
        "subject", "category", "retention_class", "origin", "transfer", "source", "collected_at", "disclosure",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        shown = person.visible_values(request).values("pk")
        return super().get_queryset(request).filter(pk__in=shown).defer("sealed")


@admin.register(CabinetEvent)
class CabinetEventAdmin(ReadOnlyAdmin, KeysetAdmin):
    list_display = ("at", "kind", "subject", "who")
    list_display_links = ("at",)
    list_filter = ("kind",)
    list_select_related = ("subject", "user")
    fields = ("at", "kind", "subject", "who", "request_id")

    @admin.display(description=_("who"))
    def who(self, event: CabinetEvent) -> str:
        return actor_name(event.actor, event.user)
