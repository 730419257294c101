"""Forms of the officers' pages about policies; they validate, services act."""

from django import forms
from django.contrib.admin.widgets import AdminDateWidget, AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from policies import rules
from policies.markdown import BadPolicyFile, parse
from policies.models import Policy, PolicyVersion
from policies.services import SourceFile
from staff.enums import Language
from staff.models import StaffUser
from subjects.free_text import refuse_personal_data

MAX_BYTES = 1_000_000


class PolicyChoice(forms.ModelChoiceField):
    def label_from_instance(self, policy: Policy) -> str:
        return f"{policy.title or policy.title_ru} ({policy.code})"


class ImportForm(forms.Form):
    """Upload of the files of the next version."""

    policy = PolicyChoice(Policy.objects.all(), label=_("Policy"), empty_label=None)
    kk = forms.FileField(label=_("Text in Kazakh"), help_text=_("Numbered Markdown, UTF-8, up to 1 MB."))
    ru = forms.FileField(label=_("Text in Russian"), help_text=_("Numbered Markdown, UTF-8, up to 1 MB."))
    en = forms.FileField(label=_("Text in English"), required=False, help_text=_("If there is one."))
    note = forms.CharField(
        label=_("Note for colleagues"), max_length=300, required=False, validators=[refuse_personal_data]
    )
    replace_draft = forms.BooleanField(
        label=_("Replace the draft that exists"),
        required=False,
        help_text=_("The text, the files and the findings of that draft are replaced; its history stays."),
    )

    def clean(self) -> dict:
        cleaned = super().clean()
        for language in Language.values:
            upload = cleaned.get(language)
            if not upload:
                continue
            if upload.size > MAX_BYTES:
                self.add_error(language, _("The file is larger than 1 MB."))
                continue
            content = upload.read()
            try:
                parse(content)
            except BadPolicyFile as error:
                for problem in error.problems:
                    self.add_error(language, str(problem))
            cleaned[language] = SourceFile(upload.name, content)
        return cleaned

    def sources(self) -> dict[str, SourceFile]:
        """{language: file} of what was uploaded."""
        return {code: self.cleaned_data[code] for code in Language.values if self.cleaned_data.get(code)}


class DraftForm(forms.ModelForm):
    """What is approved beside the text; open while the version is a draft. `seen`: `services.mark_of` it as shown."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = PolicyVersion
        fields = (
            "note",
            "order_number",
            "order_date",
            "prevailing",
            "scope_kk",
            "scope_ru",
            "significant",
            "significance_reason_kk",
            "significance_reason_ru",
            "change_summary_kk",
            "change_summary_ru",
            "change_summary_en",
        )
        widgets = {
            "order_date": AdminDateWidget,
            **{
                name: forms.Textarea(attrs={"rows": 4, "cols": 60})
                for name in fields
                if name.startswith(("scope", "significance", "change"))
            },
        }

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, forms.CharField):
                # history keeps these words for ever, and in clear
                field.validators.append(refuse_personal_data)


class ChangesForm(forms.Form):
    what = forms.CharField(
        label=_("What is to be changed"),
        max_length=2000,
        validators=[refuse_personal_data],
        widget=forms.Textarea(attrs={"rows": 5, "cols": 80}),
        help_text=_("The author reads this on the version's page."),
    )


class PublishForm(forms.Form):
    """Now, or at a moment (policy 9.2)."""

    class When(TextChoices):
        NOW = "now", _("Now")
        LATER = "later", _("At a moment")

    when = forms.ChoiceField(label=_("In force from"), choices=When.choices, initial=When.NOW, widget=forms.RadioSelect)
    at = forms.SplitDateTimeField(
        label=_("Moment, Almaty time"), required=False, widget=AdminSplitDateTime, help_text=_("Only if not now.")
    )
    number = forms.IntegerField(
        label=_("Type the number of the version to confirm"), widget=forms.NumberInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, *args: object, version: PolicyVersion, by: StaffUser, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.version, self.by = version, by

    def clean_number(self) -> int:
        if self.cleaned_data["number"] != self.version.number:
            raise ValidationError(_("This is not the number of this version."))
        return self.cleaned_data["number"]

    def is_moment_valid(self) -> bool:
        """Whether the version may be published at what is said so far; the number is asked of who publishes."""
        self.errors.pop("number", None)
        return not self.errors

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("when") == self.When.LATER and not cleaned.get("at") and "at" not in self.errors:
            self.add_error("at", _("Say the day and the time."))
        if cleaned.get("when") == self.When.NOW:
            cleaned["at"] = None
        if not self.errors.keys() & {"when", "at"}:
            try:
                rules.check_may_publish(self.version, by=self.by, at=cleaned["at"])
            except rules.NotAllowed as error:
                self.add_error("at" if cleaned["at"] else None, error)
        return cleaned
