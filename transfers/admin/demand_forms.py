"""What officers type about a demand from outside."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.models import Purpose
from consent.paper import MOST_BYTES as LARGEST
from subjects.clock_models import DutyRule
from subjects.free_text import refuse_personal_data
from subjects.models import DataSubject
from transfers.admin.fields import CategoriesField
from transfers.models import Recipient
from transfers.models.demands import DemandBody, DemandLanguage, DemandRefusal
from transfers.package_files import Format


def _text(label: object, length: int, **kwargs: Any) -> forms.CharField:
    return forms.CharField(label=label, max_length=length, validators=[refuse_personal_data], **kwargs)


def _day(label: object, **kwargs: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **kwargs)


class FoundForm(forms.Form):
    """What the gate is asked with; it may be filled in later."""

    recipient = forms.ModelChoiceField(
        Recipient.objects.order_by("code"), label=_("Recipient in the register"), required=False,
        help_text=_("Empty while it is not in the register of recipients."),
    )  # fmt: skip
    subject = forms.CharField(
        label=_("Data subject"), max_length=20, required=False,
        help_text=_("The reference: S-000481. Empty while it is not established, or when we hold nothing."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    purpose = forms.ModelChoiceField(Purpose.objects.order_by("order"), label=_("Purpose"), required=False)
    categories = CategoriesField(required=False)
    article = _text(_("The article"), 120, required=False)
    sanction = _text(_("The sanction"), 120, required=False)

    def clean_subject(self) -> DataSubject | None:
        reference = self.cleaned_data["subject"].strip().upper()
        if not reference:
            return None
        found = DataSubject.objects.filter(reference=reference).first()
        if found is None:
            raise ValidationError(gettext("No person has this reference. Check it in the register of data subjects."))
        return found


class DemandForm(FoundForm):
    """A demand as it came."""

    kind = forms.ChoiceField(label=_("Who asks"), choices=[("", "—"), *DemandBody.choices])
    body = _text(_("Name of the body"), 120)
    letter_number = _text(_("Number of the letter"), 60)
    letter_date = _day(_("Date of the letter"))
    received_at = forms.DateTimeField(
        label=_("Received at"), help_text=_("Time of Kazakhstan."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip
    rule_code = forms.ModelChoiceField(
        DutyRule.objects.none(), to_field_name="code", label=_("Term of the law"), required=False,
        help_text=_("Its last day is counted by the law clock. Or write the last day yourself."),
    )  # fmt: skip
    due_on = _day(_("To be answered until"), required=False)
    language = forms.ChoiceField(label=_("Language of the answer"), choices=DemandLanguage)
    may_tell = forms.ChoiceField(
        label=_("May the person be told?"), choices=[("", "—"), ("yes", _("yes")), ("no", _("no, it is withheld"))],
        help_text=_("If not, only who has the right to withheld transfers sees it, and the cabinet tells nothing."),
    )  # fmt: skip
    content = forms.FileField(
        label=_("The letter"), required=False, help_text=_("PDF, JPEG or PNG, at most 10 MB."),
    )  # fmt: skip

    field_order = (
        "kind", "body", "recipient", "letter_number", "letter_date", "received_at", "rule_code", "due_on", "article",
        "sanction", "subject", "purpose", "categories", "may_tell", "language", "content",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"received_at": timezone.localtime(), **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)
        self.fields["rule_code"].queryset = DutyRule.objects.in_force().order_by("code")
        self.fields["rule_code"].label_from_instance = lambda row: f"{row.code}: {row.title}"

    def clean_content(self) -> bytes | None:
        given = self.cleaned_data["content"]
        # a byte too many is enough to refuse it
        return given.read(LARGEST + 1) if given else None

    def clean_may_tell(self) -> bool:
        return self.cleaned_data["may_tell"] == "yes"

    def clean_rule_code(self) -> str:
        rule = self.cleaned_data["rule_code"]
        return rule.code if rule else ""


class AmendForm(FoundForm):
    """What was found out about a demand."""

    withhold = forms.BooleanField(
        label=_("The person may not be told of it"), required=False, help_text=_("There is no way back.")
    )


class RefusalForm(forms.Form):
    refusal = forms.ChoiceField(label=_("Ground of the refusal"), choices=[("", "—"), *DemandRefusal.choices])


class FormatForm(forms.Form):
    format = forms.ChoiceField(label=_("File"), choices=Format)
