"""What officers type about a contract: the same is checked as of what the loan system tells (docs/api.md)."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from subjects.identifiers import normalise_iin
from subjects.models import Application, Contract
from subjects.obligations import ContractState
from subjects.restraint_forms import PersonForm


def _since() -> forms.DateTimeField:
    return forms.DateTimeField(
        label=_("Since when"),
        help_text=_("In Almaty time, as the document says: not the moment you write it down."),
        widget=forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
    )


class _Standing(forms.Form):
    def clean_at(self) -> datetime:
        if self.cleaned_data["at"] > timezone.now():
            raise ValidationError(_("This moment is in the future."))
        return self.cleaned_data["at"]


class ContractForm(PersonForm, _Standing):
    number = forms.CharField(label=_("Number"), max_length=40, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    application = forms.CharField(
        label=_("Number of the application"),
        required=False,
        max_length=40,
        help_text=_("Of the one this contract was made of, when we know of it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    state = forms.ChoiceField(label=_("State"), choices=ContractState.choices, initial=ContractState.OPENED)
    at = _since()

    def clean_number(self) -> str:
        number = self.cleaned_data["number"]
        try:
            normalise_iin(number)
        except ValidationError:
            return number
        raise ValidationError(_("This is an IIN. Write the number of the contract."))

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        subject, number, application = (given.get(name) for name in ("subject", "number", "application"))
        given["application"] = None
        if subject and number and Contract.objects.filter(subject=subject, number=number).exists():
            self.add_error("number", _("This contract is known already: say on its page how it stands."))
        if subject and application:
            rows = Application.objects.filter(Q(contract=None) | Q(contract__number=number), subject=subject)
            given["application"] = rows.filter(number=application).first()
            if given["application"] is None:
                sentence = _("This person has no such application, or another contract was made of it.")
                self.add_error("application", sentence)
        return given


class ContractStateForm(_Standing):
    state = forms.ChoiceField(label=_("State"), choices=())
    at = _since()

    def __init__(self, *args: Any, state: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["state"].choices = [choice for choice in ContractState.choices if choice[0] != state]
