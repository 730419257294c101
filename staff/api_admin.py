"""The administrators' page of systems with a key to the API; a key is shown once, on the page after it was made."""

from datetime import timedelta

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from audit.admin import HouseAdmin
from staff import rules, services
from staff.enums import Scope
from staff.models import ApiClient

TERM = timedelta(days=365)


class ClientForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(label=_("Rights"), choices=Scope, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = ApiClient
        fields = ("code", "name", "scopes", "per_minute", "expires_at")
        help_texts = {
            "code": _("It names the system in every history, and never changes: loans, site, dialler."),
            "per_minute": _("More than that is answered with 429 until there is room again."),
            "expires_at": _("A key that is not renewed by then opens nothing."),
        }
        field_classes = {"expires_at": forms.SplitDateTimeField}
        widgets = {"expires_at": admin.widgets.AdminSplitDateTime}


@admin.register(ApiClient)
class ApiClientAdmin(HouseAdmin):
    form = ClientForm
    list_display = ("code", "name", "prefix", "rights", "last_used_at", "expires_at", "live")
    fields = ("code", "name", "scopes", "per_minute", "expires_at")
    readonly_fields = ("prefix", "created_at", "last_used_at", "revoked_at", "revoked_by")
    change_form_template = "admin/staff/api_client.html"

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/renew/", wrap(self.renew_view), name="staff_api_renew"),
            path("<int:pk>/revoke/", wrap(self.revoke_view), name="staff_api_revoke"),
            *super().get_urls(),
        ]

    @admin.display(description=_("rights"))
    def rights(self, client: ApiClient) -> str:
        return ", ".join(client.scopes)

    @admin.display(description=pgettext_lazy("API key", "opens"), boolean=True)
    def live(self, client: ApiClient) -> bool:
        return client.is_live

    def get_fields(self, request: HttpRequest, obj: ApiClient | None = None) -> tuple:
        return (*self.fields, *self.readonly_fields) if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: ApiClient | None = None) -> tuple:
        return ("code", *self.readonly_fields) if obj else self.readonly_fields

    def get_changeform_initial_data(self, request: HttpRequest) -> dict:
        return {"expires_at": timezone.now().replace(second=0, microsecond=0) + TERM}

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.revoked_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiClient, form: ModelForm, change: bool) -> None:
        if change:
            services.change_client(client=obj, fields=form.changed_data or ["name"], by=request.user)
            return
        made, request.new_key = services.make_client(**form.cleaned_data, by=request.user)
        obj.pk = made.pk

    def response_add(self, request: HttpRequest, obj: ApiClient, post_url_continue: str | None = None) -> HttpResponse:
        return self._show(request, ApiClient.objects.get(pk=obj.pk), request.new_key)

    def _page(self, request: HttpRequest, client: ApiClient, template: str, **extra: object) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "original": client, **extra}
        return render(request, f"admin/staff/{template}.html", context)

    def _show(self, request: HttpRequest, client: ApiClient, key: str) -> HttpResponse:
        # not sent on: the key would have to wait somewhere
        title = gettext("The key of %(system)s") % {"system": client}
        return self._page(request, client, "api_key", title=title, key=key)

    def _step(self, request: HttpRequest, pk: int) -> ApiClient:
        client = get_object_or_404(ApiClient, pk=pk)
        if not rules.may_change_client(client, by=request.user):
            raise PermissionDenied
        return client

    def renew_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what follows, then show another key."""
        client = self._step(request, pk)
        if request.method == "POST":
            return self._show(request, client, services.renew_key(client=client, by=request.user))
        title = gettext("Another key for %(system)s") % {"system": client}
        return self._page(request, client, "api_step", title=title, step="renew")

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what follows, then end the key for good."""
        client = self._step(request, pk)
        if request.method == "POST":
            try:
                services.revoke_client(client=client, by=request.user)
            except ValidationError as error:
                messages.error(request, " ".join(error.messages))
            else:
                messages.success(request, gettext("The key of %(system)s opens nothing any more.") % {"system": client})
            return redirect("admin:staff_apiclient_change", pk)
        title = gettext("Revoke the key of %(system)s") % {"system": client}
        return self._page(request, client, "api_step", title=title, step="revoke")
