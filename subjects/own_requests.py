"""What a person asks of us in the cabinet: each kind in plain words, and what is needed for it (policy 7.1)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from staff.enums import Language
from subjects import calendar_days, clock, deadlines, ports, request_files, request_rules
from subjects import request_services as services
from subjects.clock_models import PauseReason
from subjects.models import DataSubject, Representative
from subjects.request_forms import FileField, correctable
from subjects.request_parts import RequestFile
from subjects.requests import RequestChannel, RequestKind, RequestState, SubjectRequest

# why a request waits, and what is needed from the person, if anything; a letter says none of it
PAUSED: dict[str, Any] = {
    PauseReason.IDENTITY: _("We do not know for certain yet who asks. Call or write to us, or add a paper below."),
    PauseReason.AUTHORITY: _("We are checking the power of attorney. Nothing is needed from you."),
    PauseReason.UNCLEAR: _("We asked you what exactly you mean. Call or write to us, or add a paper below."),
    PauseReason.ANOTHER_BODY: _("Another organisation has to answer us first. Nothing is needed from you."),
}
# more than anybody needs, and few enough that nobody buries the officers
MOST_OPEN = 20
# {kind: what it is called for the person, and what happens}
WORDS: dict[str, tuple[Any, Any]] = {
    RequestKind.ACCESS: (
        _("Learn what you hold on me"),
        _("We tell what data we have, where from, why and until when."),
    ),
    RequestKind.CONFIRM: (_("Learn whether you process my data"), _("We say yes or no.")),
    RequestKind.CORRECT: (
        _("Correct or complete my data"),
        _("Say what is wrong and what is right. A paper that shows it helps."),
    ),
    RequestKind.BLOCK: (
        _("Block my data"),
        _("When you think that we process them against the rules. Nothing is done with them until it is settled."),
    ),
    RequestKind.UNBLOCK: (_("End the blocking"), _("We use your data again as before.")),
    RequestKind.DESTROY: (
        _("Destroy my data"),
        _("We stop using them. What a law has us keep we keep until its term ends, and tell you the day."),
    ),
    RequestKind.WITHDRAW: (
        _("Withdraw a consent"),
        _("While a loan is open, a consent that it rests on ends when the loan is repaid."),
    ),
    RequestKind.OBJECT: (_("Object to a use"), _("We stop using your data for the purpose you name.")),
    RequestKind.STOP_PUBLIC: (
        _("Take my data out of public sources"),
        _("We remove what we have published about you."),
    ),
    RequestKind.HUMAN_REVIEW: (
        _("Have a human look at a decision"),
        _("When a program decided about you without a human."),
    ),
    RequestKind.COMPLAINT: (
        _("Complain"),
        _("Tell what we did wrong. You may also complain to the state body or a court."),
    ),
}


class AskForm(forms.Form):
    """The details of the kinds a person chose; only what they need is asked."""

    def __init__(self, *args: Any, person: DataSubject, kinds: Sequence[str], about: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person, self.kinds, self.about = person, list(kinds), about
        # {key of a choice: somebody the person may ask for}
        self.others = {
            str(row.pk): row
            for row in Representative.objects.in_force()
            .filter(representative=person, acts__contains=[Representative.Act.ASK])
            .select_related("subject")
            .order_by("pk")
        }
        if self.others:
            choices = [("", _("for myself")), *((key, str(row.subject)) for key, row in self.others.items())]
            self.fields["whom"] = forms.ChoiceField(
                label=_("For whom you ask"),
                choices=choices,
                required=False,
                help_text=_("People for whom you showed us a power of attorney."),
            )
        if RequestKind.CORRECT in kinds:
            categories = [(row.code, str(row)) for row in correctable()]
            self.fields["category"] = forms.ChoiceField(label=_("What is wrong"), choices=[("", "—"), *categories])
            self.fields["value"] = forms.CharField(
                label=_("What is right"),
                required=False,
                max_length=300,
                widget=forms.TextInput(attrs={"autocomplete": "off"}),
            )
        for kind in kinds:
            if kind in ports.choices_of:
                self._choices(kind)
        self.fields["text"] = forms.CharField(
            label=_("In your own words"),
            required=RequestKind.COMPLAINT in kinds,
            max_length=4000,
            help_text=_("Only what matters for the request."),
            widget=forms.Textarea(attrs={"rows": 5}),
        )
        self.fields["file"] = FileField(
            label=_("A paper that supports it"),
            required=False,
            help_text=_("PDF, JPEG or PNG, up to 10 MB. No copy of an identity document: we may not take one."),
        )
        self.fields["language"] = forms.ChoiceField(
            label=_("Language of the answer"), choices=Language.choices, initial=person.language
        )

    def _choices(self, kind: str) -> None:
        labels = {
            RequestKind.WITHDRAW: _("Which consents"),
            RequestKind.OBJECT: _("Which uses"),
            RequestKind.HUMAN_REVIEW: _("Which decisions"),
        }
        # what a person consented to and what was decided of them is for who may learn what is held, not who only asks
        known = [row.subject for row in self.others.values() if Representative.Act.KNOW in row.acts]
        people = [self.person, *known]
        found = list(dict.fromkeys(choice for person in people for choice in ports.choices_of[kind](person)))
        if found:
            self.fields[f"about_{kind}"] = forms.MultipleChoiceField(
                label=labels[kind],
                choices=found,
                required=kind == RequestKind.OBJECT,
                help_text="" if kind == RequestKind.OBJECT else _("None marked means all of them."),
                widget=forms.CheckboxSelectMultiple,
            )

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if RequestKind.CORRECT in self.kinds and not any(given.get(name) for name in ("value", "text", "file")):
            self.add_error("value", _("Write what is right, describe it in your own words, or add a paper."))
        return given

    def targets(self, subject: DataSubject) -> str:
        """The codes of everything that was marked; empty for all. subject: about whom it is asked.

        Where one kind names something, another that was left unmarked means all of its own, so it names them too.
        """
        marked = {kind: list(self.cleaned_data.get(f"about_{kind}", [])) for kind in self.kinds}
        named = [self.about] if self.about else []
        if named or any(marked.values()):
            for kind in (kind for kind, codes in marked.items() if not codes and kind in ports.choices_of):
                marked[kind] = [code for code, _label in ports.choices_of[kind](subject)]
        return " ".join([*(code for codes in marked.values() for code in codes), *named])


@transaction.atomic
def make(form: AskForm) -> SubjectRequest:
    """Make the request of a form that was filled in well, its paper with it. Raises NotAllowed, ValidationError."""
    given = form.cleaned_data
    who = form.others.get(given.get("whom", ""))
    subject = who.subject if who is not None else form.person
    DataSubject.objects.select_for_update().get(pk=subject.pk)
    if SubjectRequest.objects.open().filter(subject=subject, channel=RequestChannel.CABINET).count() >= MOST_OPEN:
        raise ValidationError(_("You have many requests open. Wait for an answer, or add to one of them."))
    category = next((row for row in correctable() if row.code == given.get("category")), None)
    row = services.register(
        subject=subject,
        kinds=form.kinds,
        channel=RequestChannel.CABINET,
        language=given["language"],
        text=given["text"],
        representative=who,
        target=form.targets(subject),
        category=category,
        value=given.get("value", ""),
    )
    if given.get("file"):
        request_files.attach(request=row, kind=RequestFile.Kind.EVIDENCE, content=given["file"])
    return row


def answered_by(kinds: Sequence[str], *, at: datetime | None = None) -> datetime | None:
    """The first of the terms in which we would answer these kinds, asked at `at` (aware, now by default).

    None without a rule.
    """
    at, days = at or timezone.now(), calendar_days.days()
    try:
        codes = {request_rules.RULE_OF[kind] for kind in kinds}
        ends = [clock.due(deadlines.rule(code, at=at), at, days=days) for code in codes]
    except ValidationError:
        return None
    return min(ends, default=None)


class MoreForm(forms.Form):
    """A paper that is added to an open request."""

    file = FileField(label=_("A paper that supports it"), help_text=_("PDF, JPEG or PNG, up to 10 MB."))


def paused(row: SubjectRequest) -> list[Any]:
    """Why the request waits, in words for the person; [] while it does not."""
    if row.state != RequestState.REQUIRES_ACTION:
        return []
    reasons = (
        deadlines.of(row.about).filter(paused_at__isnull=False).order_by("pk").values_list("pause_reason", flat=True)
    )
    return [PAUSED[reason] for reason in dict.fromkeys(reasons)]
