"""Who has not obeyed yet: systems that follow the change feed, how far each is behind and since when."""

from datetime import datetime

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from audit.admin import HouseAdmin
from consent import feed, outgoing, webhooks
from consent.models import Subscriber


class SubscriberForm(forms.ModelForm):
    url = forms.URLField(
        label=_("Address changes are posted to"),
        required=False,
        assume_scheme="https",
        max_length=300,
        help_text=_("Empty: the system reads them itself. Posts are signed; the secret is shown once."),
    )

    class Meta:
        model = Subscriber
        fields = ("client", "url")

    def clean_url(self) -> str:
        url = self.cleaned_data["url"]
        if url:
            outgoing.check_address(url)
        return url


@admin.register(Subscriber)
class SubscriberAdmin(HouseAdmin):
    form = SubscriberForm
    list_display = ("client", "behind", "since", "acknowledged_at", "sent_at", "failing")
    list_select_related = ("client",)
    fields = ("client", "url")
    readonly_fields = ("behind", "since", "acknowledged", "acknowledged_at", "sent", "sent_at", "failing", "due_at")
    sortable_by = ()
    change_form_template = "admin/consent/subscriber.html"

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.secret_view)
        return [path("<int:pk>/secret/", view, name="consent_subscriber_secret"), *super().get_urls()]

    def get_fields(self, request: HttpRequest, obj: Subscriber | None = None) -> tuple:
        return (*self.fields, *self.readonly_fields) if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Subscriber | None = None) -> tuple:
        return ("client", *self.readonly_fields) if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Subscriber, form: ModelForm, change: bool) -> None:
        obj.save(update_fields=["url"] if change else None)

    def _behind(self, subscriber: Subscriber) -> feed.Behind:
        # two columns of one row ask for the same
        if not hasattr(subscriber, "kept_behind"):
            subscriber.kept_behind = feed.behind(subscriber)
        return subscriber.kept_behind

    @admin.display(description=_("changes not obeyed yet"))
    def behind(self, subscriber: Subscriber) -> int:
        return self._behind(subscriber).count

    @admin.display(description=pgettext_lazy("not obeyed", "since"))
    def since(self, subscriber: Subscriber) -> datetime | None:
        return self._behind(subscriber).since

    @admin.display(description=_("posting fails"), empty_value="—")
    def failing(self, subscriber: Subscriber) -> str | None:
        if not subscriber.error:
            return None
        words = gettext("%(error)s, tries: %(n)s")
        return words % {"error": REFUSALS.get(subscriber.error, subscriber.error), "n": subscriber.failures}

    def secret_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what follows, then show another secret, once."""
        subscriber = get_object_or_404(Subscriber.objects.select_related("client"), pk=pk)
        if not self.has_change_permission(request, subscriber):
            raise PermissionDenied
        secret = webhooks.renew_secret(subscriber=subscriber) if request.method == "POST" else ""
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("The secret of %(system)s") % {"system": subscriber},
            "opts": self.opts,
            "original": subscriber,
            "secret": secret,
        }
        return render(request, "admin/consent/subscriber_secret.html", context)


REFUSALS = {
    "unknown_host": _("there is no such host"),
    "address_refused": _("the host is within the walls or on this machine"),
    "tls": _("its certificate does not hold"),
    "no_answer": _("no answer within ten seconds"),
}
