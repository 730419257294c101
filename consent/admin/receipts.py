"""The officers' pages about receipts: one receipt, with a reason; the keys they are signed with (policy 5.5)."""

from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.admin import HistoryAdmin, ReadOnlyAdmin
from audit.timeline import words
from consent import receipts, signing
from consent.models import ReceiptKey
from consent.views.receipts import TYPES, as_download, no_receipt
from subjects.enums import RevealReason


class ReceiptForm(forms.Form):
    """Why a receipt is taken, and as what."""

    reason = forms.ChoiceField(
        label=_("Why you take it"),
        choices=[("", "—"), *RevealReason.choices],
        help_text=_("The reason, your name and the time are recorded, and the person can see them."),
    )
    format = forms.ChoiceField(label=_("As"), choices=[(ending, ending.upper()) for ending in TYPES])


@admin.register(ReceiptKey)
class ReceiptKeyAdmin(ReadOnlyAdmin, HistoryAdmin):
    list_display = ("key_id", "period")
    fields = ("key_id", "period")
    ordering = ("-pk",)

    @admin.display(description=_("signs what was recorded"), ordering="in_force_during")
    def period(self, key: ReceiptKey) -> str:
        return words(key.in_force_during)

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.receipt_view)
        return [path("receipt/<uuid:public_id>/", view, name="consent_receipt"), *super().get_urls()]

    def receipt_view(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        """Ask why, then hand the receipt over; the record stands before it does."""
        if not request.user.has_perm("consent.view_consentevent"):
            raise PermissionDenied
        event = receipts.events_with_receipts().filter(public_id=public_id).first()
        if event is None:
            raise Http404
        form = ReceiptForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                receipt = receipts.hand_to_officer(event=event, by=request.user, reason=form.cleaned_data["reason"])
                return as_download(event, receipt, form.cleaned_data["format"])
            except (receipts.Unprovable, signing.NoKey) as error:
                return no_receipt(request, error)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Receipt: %(event)s") % {"event": event},
            "opts": event._meta,
            "form": form,
            "event": event,
            "original": event,
        }
        return render(request, "admin/consent/receipt.html", context, status=422 if form.errors else 200)
