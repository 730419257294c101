"""What officers type about holds, denials, disputes, representatives, documents, links, values."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from subjects import search
from subjects.enums import Origin, OverrideReason, Source
from subjects.formats import Category
from subjects.free_text import refuse_personal_data
from subjects.models import (
    AmlEntry,
    DataSubject,
    DenylistEntry,
    DocumentSeen,
    LegalHold,
    PersonLink,
    Representative,
)


def _reference(label: object) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=_("The reference, for example S-000481."),
        max_length=36,
        validators=[refuse_personal_data],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


def _day(label: object, **kwargs: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}), **kwargs)


def _person(reference: str) -> DataSubject:
    try:
        return search.by_reference(reference.strip())
    except DataSubject.DoesNotExist:
        raise ValidationError(_("There is no such data subject. Check the reference."), code="unknown") from None


def _choices(choices: list) -> list:
    return [("", "—"), *choices]


class PersonForm(forms.Form):
    """Something about one person, named by reference."""

    subject = _reference(_("Data subject"))

    def clean_subject(self) -> DataSubject:
        return _person(self.cleaned_data["subject"])


class HoldForm(PersonForm):
    kind = forms.ChoiceField(label=_("Kind"), choices=_choices(LegalHold.Kind.choices))
    case_number = forms.CharField(label=_("Number of the case"), max_length=100, validators=[refuse_personal_data])
    body = forms.CharField(
        label=_("Who asks for it"),
        help_text=_("The court, the body or the unit; no names of people."),
        max_length=200,
        validators=[refuse_personal_data],
    )
    until = _day(_("Until"), required=False, help_text=_("Empty: until two officers lift it."))


class DenialForm(PersonForm):
    kind = forms.ChoiceField(label=_("Kind"), choices=_choices(DenylistEntry.Kind.choices))
    reason = forms.ChoiceField(label=_("Reason"), choices=_choices(DenylistEntry.Reason.choices))
    origin = forms.ChoiceField(label=_("Source"), choices=_choices(DenylistEntry.Origin.choices))
    review_on = _day(_("Review on"), help_text=_("On this day the entry stands in the review queue."))
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=2000,
        help_text=_("It is sealed: it opens for a reason, and who opened it is recorded."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class AmlForm(PersonForm):
    reason = forms.ChoiceField(label=_("Reason"), choices=_choices(AmlEntry.Reason.choices))
    review_on = _day(_("Review on"))
    note = forms.CharField(label=_("Note"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


class DisputeForm(forms.Form):
    received_at = forms.DateTimeField(
        label=_("Received at"),
        help_text=_("When it reached us, in Almaty time: the clock runs from then, not from now."),
        initial=timezone.localtime,
        widget=forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
    )
    statement = forms.CharField(
        label=_("What the person says"),
        required=False,
        max_length=4000,
        help_text=_("It is sealed."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class DocumentForm(PersonForm):
    kind = forms.ChoiceField(label=_("Document"), choices=_choices(DocumentSeen.Kind.choices))
    last_four = forms.CharField(
        label=_("Last four characters of the number"), max_length=4, validators=[refuse_personal_data]
    )
    seen_on = _day(_("Seen on"), initial=timezone.localdate)


class RepresentativeForm(PersonForm):
    representative = _reference(_("Representative"))
    basis = forms.ChoiceField(label=_("Basis"), choices=_choices(Representative.Basis.choices))
    acts = forms.MultipleChoiceField(
        label=_("What they may do"), choices=Representative.Act.choices, widget=forms.CheckboxSelectMultiple
    )
    document_kind = forms.ChoiceField(
        label=_("Document that was seen"),
        choices=_choices(DocumentSeen.Kind.choices),
        help_text=_("No copy is kept: copies of identity documents may not be demanded since 11.02.2024."),
    )
    last_four = forms.CharField(
        label=_("Last four characters of the number"), max_length=4, validators=[refuse_personal_data]
    )
    valid_from = _day(_("Valid from"), initial=timezone.localdate)
    valid_until = _day(_("Valid until"), required=False, help_text=_("A power of attorney has a last day."))

    def clean_representative(self) -> DataSubject:
        return _person(self.cleaned_data["representative"])


class LinkForm(PersonForm):
    kind = forms.ChoiceField(
        label=_("What the other person is to them"),
        choices=_choices(PersonLink.Kind.choices),
        help_text=_(
            "The same person known twice: this file leads. Letters and the cabinet go by it, and a withdrawal, an"
            " objection, a blocking or a request to destroy is done in both, whichever is named. Be sure: what was"
            " withdrawn stays withdrawn when the link is ended."
        ),
    )
    other = _reference(_("The other person"))

    def clean_other(self) -> DataSubject:
        return _person(self.cleaned_data["other"])


METHODS = [choice for choice in Source.choices if choice[0] in (Source.OFFICER, Source.FORM, Source.PHONE)]
DAYS = ("issued_on", "valid_until", "birth_date")
# how the parts of values are called on pages
PART_LABELS = {
    "value": _("Value"),
    "last": _("Last name"),
    "first": _("First name"),
    "patronymic": _("Patronymic"),
    "kind": _("Kind"),
    "iban": _("IBAN"),
    "bank": _("Bank"),
    "number": _("Number"),
    "issued_by": _("Issued by"),
    "issued_on": _("Issued on"),
    "valid_until": _("Valid until"),
    "birth_date": _("Birth date, to compare"),
    "sex": _("Sex, to compare"),
}
# what the codes of parts mean
CODE_LABELS = {
    **dict(DocumentSeen.Kind.choices),
    "home": pgettext_lazy("phone", "home"),
    "work": pgettext_lazy("phone", "work"),
    "other": pgettext_lazy("phone", "other"),
    "registered": pgettext_lazy("address", "registered"),
    "residence": pgettext_lazy("address", "of residence"),
    "male": pgettext_lazy("sex", "male"),
    "female": pgettext_lazy("sex", "female"),
    "single": pgettext_lazy("marital status", "single"),
    "married": pgettext_lazy("marital status", "married"),
    "divorced": pgettext_lazy("marital status", "divorced"),
    "widowed": pgettext_lazy("marital status", "widowed"),
}


def _part(name: str, category: Category) -> forms.Field:
    required = name in category.required
    if codes := category.chosen.get(name):
        choices = _choices([(code, CODE_LABELS[code]) for code in codes])
        return forms.ChoiceField(label=PART_LABELS[name], required=required, choices=choices)
    widget = forms.TextInput(attrs={"autocomplete": "off"})
    if name in DAYS:
        widget = forms.DateInput(attrs={"type": "date"})
    return forms.CharField(label=PART_LABELS[name], required=required, max_length=300, widget=widget)


class ValueForm(forms.Form):
    """One value of a category, its parts and where it came from."""

    method = forms.ChoiceField(label=_("How it came in"), choices=METHODS)
    origin = forms.ChoiceField(label=_("Whose words they are"), choices=Origin.choices)
    override = forms.ChoiceField(
        label=_("Why a doubtful value is right"),
        choices=_choices(OverrideReason.choices),
        required=False,
        help_text=_("Only when the page doubted what you typed; your reason stays in the history."),
    )

    def __init__(self, *args: Any, category: Category, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names = list(category.parts)
        parts = {name: _part(name, category) for name in category.parts}
        self.fields = {**{f"part_{name}": field for name, field in parts.items()}, **self.fields}

    def parts(self) -> dict[str, str]:
        """{part: text} as it was typed."""
        return {name: self.cleaned_data.get(f"part_{name}", "") for name in self.names}
