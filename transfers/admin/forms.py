"""What an officer asks the gate."""

from datetime import datetime

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.models import Purpose
from subjects.free_text import refuse_personal_data
from subjects.models import DataSubject
from transfers.admin.fields import CategoriesField
from transfers.decisions import Context, Question
from transfers.enums import Direction
from transfers.models import Recipient


def _prose(label: object, longest: int) -> forms.CharField:
    """What a demand says of itself: it is kept in clear, so it names no person."""
    return forms.CharField(label=label, max_length=longest, required=False, validators=[refuse_personal_data])


class QuestionForm(forms.Form):
    """A question to the gate, about now or a past moment; the gate itself says what is not in order."""

    subject = forms.CharField(
        label=_("person"), max_length=20, validators=[refuse_personal_data], help_text=_("The reference: S-000481."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    recipient = forms.ModelChoiceField(Recipient.objects.order_by("code"), to_field_name="code", label=_("recipient"))
    purpose = forms.ModelChoiceField(Purpose.objects.order_by("order"), to_field_name="code", label=_("purpose"))
    direction = forms.ChoiceField(choices=Direction.choices, initial=Direction.OUTGOING, label=_("direction"))
    categories = CategoriesField()
    at = forms.DateTimeField(
        label=_("at the moment"), required=False, help_text=_("Empty: now. Time of Kazakhstan."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip
    scope = forms.CharField(
        label=_("which consent"), max_length=80, required=False, validators=[refuse_personal_data],
        help_text=_("The report or the request that the consent C4 or C5 is for: report:…, token:…."),
    )  # fmt: skip
    body = _prose(_("the body that asks"), 120)
    article = _prose(_("the article"), 120)
    request_number = _prose(_("the number of the letter"), 60)
    request_date = forms.DateField(
        label=_("the date of the letter"), required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )  # fmt: skip
    sanction = _prose(_("the sanction"), 120)

    OF_A_DEMAND = ("body", "article", "request_number", "request_date", "sanction")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.label = capfirst(field.label)

    def clean_subject(self) -> str:
        reference = self.cleaned_data["subject"].strip().upper()
        if not DataSubject.objects.filter(reference=reference).exists():
            raise ValidationError(gettext("No person has this reference. Check it in the register of data subjects."))
        return reference

    def clean_at(self) -> datetime | None:
        at = self.cleaned_data["at"]
        if at is not None and at > timezone.now():
            raise ValidationError(gettext("The gate answers about now and the past: choose an earlier moment."))
        return at

    def demanded(self) -> list[forms.BoundField]:
        """The fields that only a demand by law fills in."""
        return [self[name] for name in self.OF_A_DEMAND]

    def question(self) -> Question:
        """What was asked; of a valid form."""
        given = self.cleaned_data
        return Question(
            subject=given["subject"],
            recipient=given["recipient"].code,
            purpose=given["purpose"].code,
            categories=tuple(given["categories"]),
            direction=given["direction"],
            at=given["at"],
            context=Context(scope=given["scope"], **{name: given[name] for name in self.OF_A_DEMAND}),
        )
