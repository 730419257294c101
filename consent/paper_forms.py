"""What officers fill in about consents on paper or by phone; nothing is chosen in advance."""

from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consent import my_consents, paper
from consent.enums import Channel, FormState, ScopeKind, State
from consent.models import ConsentFormVersion
from consent.scope_words import Scopes
from staff.enums import Language
from subjects.models import DataSubject

CHANNELS = [("", "—"), (Channel.PAPER.value, Channel.PAPER.label), (Channel.CALL.value, Channel.CALL.label)]
# what a withdrawal adds nothing to
OVER = (State.WITHDRAWN, State.WITHDRAWAL_DEFERRED)


def _when(label: Any) -> forms.DateTimeField:
    return forms.DateTimeField(
        label=label,
        help_text=_("Almaty time. It counts from then, not from the day you type it."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


def _scan(help_text: Any) -> forms.FileField:
    return forms.FileField(
        label=_("Scan"),
        help_text=help_text,
        required=False,
        widget=forms.FileInput(attrs={"accept": "application/pdf,image/jpeg,image/png"}),
    )


class OnPaperForm(forms.Form):
    """What consents and withdrawals on paper have in common."""

    channel = forms.ChoiceField(label=_("How it was said"), choices=CHANNELS)
    scan = _scan(_("PDF, JPEG or PNG, up to 10 MB. It is sealed; opening it needs a reason."))

    def __init__(self, *args: Any, scopes: Scopes, subject: DataSubject, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scopes, self.subject = scopes, subject

    def clean_occurred_at(self):
        moment = self.cleaned_data["occurred_at"]
        if moment > timezone.now():
            raise ValidationError(_("This moment lies ahead. Write when it was signed or said."))
        return moment

    def clean_scan(self) -> bytes | None:
        upload: UploadedFile | None = self.cleaned_data["scan"]
        if upload is None:
            return None
        # its size before its content: nobody has us read a gigabyte
        content = upload.read(paper.MOST_BYTES + 1)
        paper.media_type(content)
        return content


class ConsentOnPaperForm(OnPaperForm):
    """A consent that was signed on paper or given by phone."""

    version = forms.ModelChoiceField(
        label=_("Form and version"),
        queryset=ConsentFormVersion.objects.none(),
        empty_label="—",
        help_text=_("The version that the person signed, also an earlier one."),
    )
    scope = forms.ChoiceField(label=_("About"), required=False)
    language = forms.ChoiceField(label=_("Language of the text signed"), choices=[("", "—"), *Language.choices])
    occurred_at = _when(_("When it was signed or said"))

    field_order = ("version", "scope", "language", "channel", "occurred_at", "scan")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        approved = ConsentFormVersion.objects.filter(state=FormState.APPROVED).select_related("form")
        self.fields["version"].queryset = approved.order_by("form__order", "form__code", "-number")
        known = [f"application:{pk}" for pk in self.scopes.applications]
        known += [f"contract:{pk}" for pk in self.scopes.contracts]
        self.fields["scope"].choices = [("", _("everything")), *((s, self.scopes.in_words(s)) for s in known)]

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        version, scope = given.get("version"), given.get("scope")
        if version and scope and version.form.scope_kind != ScopeKind.CONTRACT:
            self.add_error("scope", _("This form is not about one application or contract: choose “everything”."))
        if version and given.get("language") and not version.text(given["language"]):
            self.add_error("language", _("This version has no text in this language."))
        if given.get("channel") == Channel.PAPER and not given.get("scan") and "scan" not in self.errors:
            self.add_error("scan", _("Add the scan: a second person compares it with what you typed."))
        return given


class WithdrawalOnPaperForm(OnPaperForm):
    """A withdrawal that was written or said."""

    consent = forms.ChoiceField(label=_("Which consent"))
    reason = forms.ChoiceField(label=_("How we know"), choices=[("", "—"), *paper.WithdrawalReason.choices])
    occurred_at = _when(_("When it was written or said"))

    field_order = ("consent", "channel", "reason", "occurred_at", "scan")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = [mine for mine in my_consents.of(self.subject) if mine.state not in OVER or mine.may_withdraw]
        self.consents = {f"{mine.form.code}|{mine.scope}": mine for mine in rows}
        named = {key: [str(m.form), m.about, str(m.state.label)] for key, m in self.consents.items()}
        self.fields["consent"].choices = [("", "—"), *((key, ", ".join(filter(None, n))) for key, n in named.items())]

    def clean_occurred_at(self):
        moment = super().clean_occurred_at()
        # a browser sends no seconds: what was said in this minute was said now, after whatever happened in it before
        return None if timezone.now() - moment < timedelta(minutes=1) else moment

    def clean_consent(self) -> my_consents.Mine:
        return self.consents[self.cleaned_data["consent"]]


class DecisionForm(forms.Form):
    """Why a paper is declined."""

    reason = forms.ChoiceField(label=_("Why it is no consent"), choices=[("", "—"), *paper.DeclineReason.choices])


class ScanForm(forms.Form):
    """Why a scan is opened."""

    reason = forms.ChoiceField(
        label=_("Why you open it"),
        choices=[("", "—"), *paper.ScanReason.choices],
        help_text=_("The reason, your name and the time are recorded, and the person can see them."),
    )
