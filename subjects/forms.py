from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from staff.enums import Language
from subjects import search, sign_in
from subjects.csv_file import MOST_BYTES
from subjects.csv_problems import REASONS
from subjects.enums import CorrectionReason, RevealReason
from subjects.identifiers import normalise_email
from subjects.models import CodeChannel, RecordImport


class IdentifierForm(forms.Form):
    """Who signs in. What is refused here is malformed; nothing depends on whether we know the person."""

    identifier = forms.CharField(
        label=_("IIN or mobile phone number"),
        help_text=_("12 digits of the IIN, or a number like +7 701 234 56 78."),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "username", "inputmode": "tel"}),
    )

    # asked only where SMS are sent
    channel = forms.ChoiceField(
        label=_("Send the code by"),
        choices=[(CodeChannel.EMAIL, CodeChannel.EMAIL.label), (CodeChannel.SMS, CodeChannel.SMS.label)],
        widget=forms.RadioSelect,
        required=False,
        initial=CodeChannel.EMAIL,
        help_text=_("If we do not have the one you choose, the code comes the other way."),
    )

    def __init__(self, *args: Any, has_sms: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_sms:
            del self.fields["channel"]

    def clean_identifier(self) -> str:
        text = self.cleaned_data["identifier"]
        try:
            search.normalise(sign_in.identifier_kind(text), text)
        except ValidationError as error:
            raise ValidationError(error.messages[0], code="malformed") from error
        return text


class ContactForm(forms.Form):
    """The new phone or e-mail, as typed; which of the two, the page says."""

    text = forms.CharField(max_length=254)

    def __init__(self, *args: Any, channel: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field, is_email = self.fields["text"], channel == CodeChannel.EMAIL
        field.label = _("New e-mail") if is_email else _("New mobile phone")
        field.help_text = "" if is_email else _("A number like +7 701 234 56 78.")
        field.widget = (forms.EmailInput if is_email else forms.TextInput)(
            attrs={"autocomplete": "email" if is_email else "tel", "inputmode": "email" if is_email else "tel"}
        )


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code"),
        help_text=_("Six digits from the letter or SMS, or the code on paper from our office."),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "pattern": "[0-9 ]*"}),
    )


class RevealForm(forms.Form):
    reason = forms.ChoiceField(
        label=_("Why you open it"),
        choices=[("", "—"), *RevealReason.choices],
        help_text=_("The reason, your name and the time are recorded, and the person can see them."),
    )


class EmailForm(forms.Form):
    """The right e-mail of a person, and why the old one was wrong; to take one away only why."""

    email = forms.CharField(
        label=_("The right e-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    reason = forms.ChoiceField(
        label=_("Why you correct it"),
        choices=[("", "—"), *CorrectionReason.choices],
        help_text=_("The reason, your name and the time stay in the history."),
    )
    # what the officer saw: whoever comes second is told, and overwrites nothing
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, removing: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].required = not removing
        self.removing = removing

    def clean_email(self) -> str:
        return "" if self.removing else normalise_email(self.cleaned_data["email"])


class RecordImportForm(forms.Form):
    """A CSV file of values or contracts of people we have."""

    file = forms.FileField(label=_("File"), help_text=_("CSV, UTF-8, up to 200 MB; headers in any of the languages."))
    what = forms.ChoiceField(label=_("What the file holds"), choices=RecordImport.What.choices)
    overrule = forms.BooleanField(
        label=_("Put back values that were corrected here"),
        required=False,
        help_text=_("Otherwise a correction by an officer or the person stays, and the row gets a warning."),
    )
    dry_run = forms.BooleanField(label=_("Check only, write nothing"), required=False)

    def clean_file(self):
        return _not_too_large(self.cleaned_data["file"])


class NotTrueForm(forms.Form):
    """What the person says against an entry of the denylist; sealed by the service."""

    statement = forms.CharField(
        label=_("In your own words"),
        required=False,
        max_length=4000,
        help_text=_("What is wrong, and how we can see it. You need not write anything."),
        widget=forms.Textarea(attrs={"rows": 5}),
    )


def _not_too_large(upload):
    if upload.size > MOST_BYTES:
        raise ValidationError(REASONS["file_size"] % {"megabytes": MOST_BYTES // 1024 // 1024})
    return upload


class ImportForm(forms.Form):
    """A CSV file of data subjects."""

    file = forms.FileField(label=_("File"), help_text=_("CSV, UTF-8, up to 200 MB; headers in any of the languages."))
    language = forms.ChoiceField(label=_("Language of letters where a row names none"), choices=Language.choices)
    overrule = forms.BooleanField(
        label=_("Put back values that were corrected here"),
        required=False,
        help_text=_("Otherwise a correction by an officer or the person stays, and the row gets a warning."),
    )
    dry_run = forms.BooleanField(label=_("Check only, write nothing"), required=False)

    def clean_file(self):
        return _not_too_large(self.cleaned_data["file"])
