"""An officer takes the subject file of a person: of which day, in which language, with or without values."""

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.models import AccessRecord
from staff.enums import Language
from subjects import file_rules, subject_file, vault_out
from subjects.enums import RevealReason
from subjects.models import DataSubject
from subjects.subject_page import moment

FORMATS = [("pdf", "PDF"), ("json", "JSON"), ("zip", "ZIP")]


class FileForm(forms.Form):
    """Of which day, in which language, for what; values are opened only where it is asked for."""

    at = forms.CharField(
        label=_("As of the end of the day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Empty: as things stand now."),
    )
    language = forms.ChoiceField(label=_("Language"), choices=Language.choices)
    format = forms.ChoiceField(label=_("File"), choices=FORMATS)
    reason = forms.ChoiceField(label=_("Why the file is made"), choices=[("", "—"), *RevealReason.choices])
    values = forms.BooleanField(
        label=_("Open the values"),
        required=False,
        help_text=_("Each value is opened and each look is recorded. Without it the file says what is held."),
    )

    def __init__(self, *args: object, may_open: bool, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if not may_open:
            del self.fields["values"]

    def clean_at(self) -> object:
        return moment(self.cleaned_data["at"])


def file_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask what is wanted and why, then hand the file over; the records stand before it leaves."""
    subject = get_object_or_404(DataSubject, pk=pk)
    if not request.user.has_perm("subjects.view_datasubject"):
        raise PermissionDenied
    try:
        file_rules.check_may_make_file(by=request.user)
    except PermissionDenied as error:
        return render(request, "403.html", {"sentence": str(error)}, status=403)
    may_open = file_rules.may_make_file(by=request.user, opening=True)
    initial = {"at": request.GET.get("at", ""), "language": subject.language, "format": "pdf"}
    form = FileForm(request.POST if request.method == "POST" else None, initial=initial, may_open=may_open)
    if form.is_valid():
        return _file(request, subject, form.cleaned_data)
    context = {
        **admin.site.each_context(request),
        "title": gettext("Subject file of %(subject)s") % {"subject": subject},
        "opts": DataSubject._meta,
        "original": subject,
        "subject": subject,
        "form": form,
    }
    return render(request, "admin/subjects/file.html", context, status=422 if form.errors else 200)


@transaction.atomic
def _file(request: HttpRequest, subject: DataSubject, wanted: dict) -> HttpResponse:
    at, reason = wanted["at"], wanted["reason"]
    opening = wanted.get("values", False)
    values = vault_out.reveal_for_answer(subject=subject, by=request.user, reason=reason, at=at) if opening else None
    file = subject_file.read(subject, wanted["language"], at=at, values=values)
    subject_file.note(file, door=AccessRecord.Door.REVEAL, reason=reason)
    return subject_file.download(file, wanted["format"])
