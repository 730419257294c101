"""What officers type about a request: registering one, and what each step asks for."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from staff.enums import Language
from staff.models import StaffUser
from subjects import formats, search
from subjects.clock_models import PauseReason
from subjects.enums import Disclosure
from subjects.files import MOST_BYTES, media_type
from subjects.free_text import refuse_personal_data
from subjects.models import DataCategory, DataSubject, Representative
from subjects.request_parts import RequestFile
from subjects.request_states import GROUNDS_OF_A_PART
from subjects.requests import Closing, Identity, Refusal, RequestChannel, RequestKind, SubjectRequest

NOT_CABINET = [choice for choice in RequestChannel.choices if choice[0] not in ("cabinet", "api")]
# who comes to the office, writes or calls; only the cabinet itself establishes the rest
BY_OFFICER = [choice for choice in Identity.choices if choice[0] != Identity.CABINET]


GRANT = "grant"


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


def _chosen(choices: list) -> list:
    return [("", "—"), *choices]


def person_of(text: str) -> DataSubject | None:
    """The person with this reference; None for an empty text. Raises ValidationError."""
    if not text.strip():
        return None
    try:
        return search.by_reference(text.strip())
    except DataSubject.DoesNotExist:
        raise ValidationError(_("There is no such data subject. Check the reference."), code="unknown") from None


def content_of(upload: Any) -> bytes:
    """What was uploaded, looked at by its content. Raises ValidationError."""
    content = upload.read(MOST_BYTES + 1)
    media_type(content)
    return content


def correctable() -> list[DataCategory]:
    """The categories whose values we hold ourselves; technical data is corrected where it lies."""
    return list(DataCategory.objects.exclude(code__in=formats.TECHNICAL))


class FileField(forms.FileField):
    """A PDF, JPEG or PNG; cleaned to its bytes."""

    def clean(self, data: Any, initial: Any = None) -> bytes | None:
        upload = super().clean(data, initial)
        return content_of(upload) if upload else None


class RegisterForm(forms.Form):
    """A request that came by any way but the cabinet."""

    channel = forms.ChoiceField(label=_("How it came in"), choices=_chosen(NOT_CABINET))
    received_at = forms.DateTimeField(
        label=_("Received at"),
        help_text=_("When it reached us, in Almaty time: the clock runs from then, not from now."),
        widget=forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
    )
    subject = forms.CharField(
        label=_("Data subject"),
        required=False,
        max_length=36,
        help_text=_("The reference, for example S-000481. Empty when it is not known who asks."),
        validators=[refuse_personal_data],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    representative = forms.CharField(
        label=_("Who asks for them"),
        required=False,
        max_length=36,
        help_text=_("The reference of a representative whose power of attorney was seen."),
        validators=[refuse_personal_data],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    kinds = forms.MultipleChoiceField(
        label=_("What is asked"), choices=RequestKind.choices, widget=forms.CheckboxSelectMultiple
    )
    language = forms.ChoiceField(label=_("Language of the answer"), choices=Language.choices)
    target = forms.CharField(
        label=_("About"),
        required=False,
        max_length=1000,
        help_text=_("Codes, apart by spaces: forms (C8), purposes (marketing), numbers of decisions."),
        validators=[refuse_personal_data],
    )
    category = forms.ModelChoiceField(
        label=_("Data category"), queryset=DataCategory.objects.none(), required=False, empty_label="—"
    )
    value = forms.CharField(
        label=_("The right value"), required=False, max_length=300, help_text=_("For a correction. It is sealed.")
    )
    text = forms.CharField(
        label=_("What the person says"),
        required=False,
        max_length=4000,
        help_text=_("It is sealed. Of somebody we do not know nothing is kept: write it when you know who asks."),
        widget=_area(5),
    )
    withheld = forms.BooleanField(
        label=_("Withheld: leaves no trace for the person, nor for colleagues without the right"), required=False
    )

    def __init__(self, *args: Any, by: StaffUser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["category"].queryset = DataCategory.objects.exclude(code__in=formats.TECHNICAL)
        self.fields["received_at"].initial = timezone.localtime()
        self.fields["language"].initial = Language.KK
        if not by.has_perm("subjects.view_withheld"):
            del self.fields["withheld"]

    def clean_subject(self) -> DataSubject | None:
        return person_of(self.cleaned_data["subject"])

    def clean_representative(self) -> DataSubject | None:
        return person_of(self.cleaned_data["representative"])

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        who, subject = given.get("representative"), given.get("subject")
        if who is not None:
            rows = Representative.objects.in_force(given.get("received_at"))
            found = rows.filter(subject=subject, representative=who).order_by("-pk").first() if subject else None
            if found is None:
                self.add_error(
                    "representative", _("No power of attorney of theirs is in force: record the document seen first.")
                )
            given["representative"] = found
        given["disclosure"] = Disclosure.WITHHELD if given.pop("withheld", False) else Disclosure.SUBJECT
        return given


class StepForm(forms.Form):
    """What a step asks for; `row` is the request, `by` the officer."""

    def __init__(self, *args: Any, row: SubjectRequest, by: StaffUser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row, self.by = row, by


class IdentifyForm(StepForm):
    identity = forms.ChoiceField(label=_("How it was established who asks"), choices=_chosen(BY_OFFICER))
    subject = forms.CharField(
        label=_("Data subject"),
        required=False,
        max_length=36,
        help_text=_("The reference. Empty when we hold nothing on the person."),
        validators=[refuse_personal_data],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    text = forms.CharField(
        label=_("What the person says"),
        required=False,
        max_length=4000,
        help_text=_("It is sealed."),
        widget=_area(4),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.row.subject_id is not None:
            del self.fields["subject"]
        if self.row.sealed_text is not None:
            del self.fields["text"]

    def clean_subject(self) -> DataSubject | None:
        return person_of(self.cleaned_data["subject"])


class AssignForm(StepForm):
    to = forms.ModelChoiceField(label=_("Assignee"), queryset=StaffUser.objects.none(), empty_label="—")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = StaffUser.objects.with_perm(
            "subjects.handle_subjectrequest", backend="django.contrib.auth.backends.ModelBackend"
        )
        self.fields["to"].queryset = people.order_by("username")


class PauseForm(StepForm):
    reason = forms.ChoiceField(label=_("Reason of the pause"), choices=())

    def __init__(self, *args: Any, reasons: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].choices = _chosen([(code, PauseReason(code).label) for code in reasons])


class GrantForm(StepForm):
    target = forms.CharField(
        label=_("About"),
        required=False,
        max_length=1000,
        help_text=_("Codes, apart by spaces: forms (C8), purposes (marketing), numbers of decisions."),
        validators=[refuse_personal_data],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"].initial = self.row.target
        if not {RequestKind.WITHDRAW, RequestKind.OBJECT, RequestKind.HUMAN_REVIEW} & set(self.row.kinds):
            del self.fields["target"]


class DecideApartForm(GrantForm):
    """A choice for each thing that is asked; cleaned to `refusals`, {RequestKind: Refusal}."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        grounds = [choice for choice in Refusal.choices if choice[0] in GROUNDS_OF_A_PART]
        choices = _chosen([(GRANT, _("Grant")), (_("Refuse"), grounds)])
        for kind, what in zip(self.row.kinds, self.row.asked, strict=True):
            self.fields[f"kind_{kind}"] = forms.ChoiceField(label=capfirst(what), choices=choices)
        self.order_fields([*(name for name in self.fields if name != "target"), "target"])

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        chosen = {kind: given.pop(f"kind_{kind}", "") for kind in self.row.kinds}
        given["refusals"] = {kind: ground for kind, ground in chosen.items() if ground not in ("", GRANT)}
        if all(chosen.values()) and not given["refusals"]:
            raise ValidationError(_("Nothing is refused here: go back and press “Grant”."))
        return given


class RefuseForm(StepForm):
    refusal = forms.ChoiceField(label=_("Ground of the refusal"), choices=_chosen(Refusal.choices))


class AnswerForm(StepForm):
    text = forms.CharField(
        label=_("The answer"),
        max_length=20_000,
        help_text=_(
            "In the language of the request. It is kept sealed, with its SHA-256; the letter only says it waits."
        ),
        widget=_area(18),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.row.subject_id is None:
            del self.fields["text"]


class CloseForm(StepForm):
    reason = forms.ChoiceField(
        label=_("Why it is closed"),
        choices=_chosen(Closing.choices),
        help_text=_("That it asks nothing about personal data takes effect when a second person approves it."),
    )
    duplicate_of = forms.CharField(
        label=_("It repeats the request"),
        required=False,
        max_length=20,
        help_text=_("Its number, for example R-000012. Only when it repeats another request."),
        validators=[refuse_personal_data],
    )

    def clean_duplicate_of(self) -> SubjectRequest | None:
        text = self.cleaned_data["duplicate_of"].strip().upper().removeprefix("R-")
        if not text:
            return None
        rows = SubjectRequest.objects.seen_by(self.by)
        found = rows.filter(pk=int(text)).first() if text.isdecimal() and len(text) < 16 else None
        if found is None:
            raise ValidationError(_("There is no such request. Check the number."))
        return found


class NoteForm(StepForm):
    text = forms.CharField(
        label=_("Comment"),
        max_length=4000,
        help_text=_("For colleagues. It is sealed; the person never sees it."),
        widget=_area(4),
    )


class AttachForm(StepForm):
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=_chosen(RequestFile.Kind.choices),
        help_text=_("There is none for a copy of an identity document: that it was seen is recorded instead."),
    )
    file = FileField(label=_("File"), help_text=_("PDF, JPEG or PNG, up to 10 MB. It is sealed."))


class ItemForm(StepForm):
    comment = forms.CharField(
        label=_("What was done"), required=False, max_length=4000, help_text=_("It is sealed."), widget=_area(3)
    )
    file = FileField(label=_("What shows it"), required=False, help_text=_("PDF, JPEG or PNG, up to 10 MB."))
