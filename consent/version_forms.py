"""What officers fill in about a version of a form: its texts and answers, when it takes effect, why it goes back."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent import drafting
from consent.durations import parts
from consent.form_text import PLACEHOLDERS
from consent.models import ConsentFormVersion

TEXTS = ("text_kk", "text_ru", "text_en")


def _is_term(text: str) -> bool:
    try:
        return any(parts(text))
    except ValueError:
        return False


class VersionForm(forms.ModelForm):
    """A draft. `seen`: `drafting.mark_of` it as it was shown; another one means that somebody else wrote meanwhile."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = ConsentFormVersion
        fields = (*TEXTS, "term", "until_purposes_reached", "to_third_parties", "cross_border", "public_distribution")
        widgets = dict.fromkeys(TEXTS, forms.Textarea(attrs={"rows": 18, "cols": 60}))
        help_texts = {
            "term": _(
                "P6M is six months, P1Y a year, P30D thirty days; empty if it lasts until the purposes are reached."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.overtaken = False
        self.initial["seen"] = drafting.mark_of(self.instance)
        names = " ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        if "text_kk" in self.fields:
            self.fields["text_kk"].help_text = gettext("The system fills these in: %(names)s") % {"names": names}

    def clean_term(self) -> str:
        term = self.cleaned_data["term"].strip()
        if term and not _is_term(term):
            raise ValidationError(_("This is no term: write P6M for six months, P1Y for a year, P30D for thirty days."))
        return term

    def clean(self) -> dict:
        cleaned = super().clean()
        for name in TEXTS:  # a browser ends lines with two signs; the text and its digest have one
            if name in cleaned:
                cleaned[name] = cleaned[name].replace("\r\n", "\n").replace("\r", "\n")
        try:
            drafting.check_still(self.instance, seen=cleaned.get("seen", ""))
        except drafting.Overtaken:
            self.overtaken = True
            raise
        return cleaned


class ItemFormSet(forms.BaseInlineFormSet):
    """What a form names, each thing once: the database holds to it, and here it is said."""

    def clean(self) -> None:
        super().clean()
        seen = set()
        for form in self.forms:
            data = form.cleaned_data if hasattr(form, "cleaned_data") else {}
            if not data or data.get("DELETE"):
                continue
            what = tuple(data.get(name) or None for name in ("kind", "purpose", "category", "recipient_kind"))
            if what in seen:
                raise ValidationError(_("The form names this already."))
            seen.add(what)


class StepForm(forms.Form):
    """A step that asks nothing. `seen` as in VersionForm."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def arguments(self) -> dict[str, Any]:
        """What the service is given beside the version and who acts."""
        return {name: value for name, value in self.cleaned_data.items() if value or name != "seen"}


class ApproveForm(StepForm):
    at = forms.DateTimeField(
        label=_("In force from"),
        required=False,
        help_text=_("Almaty time; empty: from now on. The version offered until then ends at the same moment."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


class SendBackForm(StepForm):
    reason = forms.ChoiceField(
        label=_("Why"),
        choices=[("", _("Choose a reason")), *drafting.SendBackReason.choices],
        help_text=_("The author reads it on the form's page."),
    )
