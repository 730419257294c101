"""What officers type about a corrected IIN, a death, an heir, a person who came of age."""

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from subjects import deaths, iin_corrections, majority
from subjects.formats import SEXES
from subjects.free_text import refuse_personal_data
from subjects.models import DocumentSeen, Representative
from subjects.restraint_forms import CODE_LABELS, PersonForm, _choices, _day, _person, _reference

NO_COPY = _("No copy is kept: copies of identity documents may not be demanded since 11.02.2024.")


def _document(kinds: tuple) -> forms.ChoiceField:
    choices = [(kind.value, DocumentSeen.Kind(kind).label) for kind in kinds]
    return forms.ChoiceField(label=_("Document that was seen"), choices=_choices(choices), help_text=NO_COPY)


def _last_four() -> forms.CharField:
    return forms.CharField(
        label=_("Last four characters of the number"), max_length=4, validators=[refuse_personal_data]
    )


class IinForm(PersonForm):
    iin = forms.CharField(
        label=_("IIN"),
        help_text=_("As the document shows it."),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )
    birth_date = _day(_("Birth date"), help_text=_("As the document shows it: it must fit the IIN."))
    sex = forms.ChoiceField(label=_("Sex"), choices=_choices([(code, CODE_LABELS[code]) for code in SEXES]))
    document_kind = _document(iin_corrections.DOCUMENTS)
    last_four = _last_four()


class DeathForm(PersonForm):
    died_on = _day(_("Died on"), help_text=_("As the document says."))
    document_kind = _document(deaths.DOCUMENTS)
    last_four = _last_four()


class HeirForm(forms.Form):
    heir = _reference(_("The heir"))
    acts = forms.MultipleChoiceField(
        label=_("What they may do"),
        # nobody agrees to anything for the dead
        choices=[choice for choice in Representative.Act.choices if choice[0] != Representative.Act.CONSENT],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("An heir learns of the dead person's data and asks about it as the person could."),
    )
    document_kind = _document(deaths.HEIR_DOCUMENTS)
    last_four = _last_four()

    def clean_heir(self):
        return _person(self.cleaned_data["heir"])


class MajorityForm(forms.Form):
    born = _day(_("Birth date"), help_text=_("As the document shows it; it is compared and not kept."))
    document_kind = _document(majority.DOCUMENTS)
    last_four = _last_four()

    def clean_born(self):
        born = self.cleaned_data["born"]
        if born > timezone.localdate():
            raise forms.ValidationError(_("This day is yet to come."))
        return born
