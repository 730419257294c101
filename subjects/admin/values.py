"""An officer types a value of a person; what is doubtful waits for a reason (policy 2.2)."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext

from staff.rules import check_has_accepted_undertaking
from subjects import addresses, formats, recording
from subjects.models import DataCategory, DataSubject
from subjects.restraint_forms import ValueForm


def record_view(request: HttpRequest, pk: int, category: str) -> HttpResponse:
    """An officer types a value: of a category with one value it takes the old one's place, else it stands beside."""
    if not request.user.has_perm("subjects.record_value"):
        raise PermissionDenied
    check_has_accepted_undertaking(request.user)
    subject = get_object_or_404(DataSubject, pk=pk)
    row = get_object_or_404(DataCategory, code=category)
    if category in formats.TECHNICAL or category == addresses.CATEGORY:
        raise Http404
    try:
        recording.check_may_add(subject, category)
    except ValidationError as error:
        return render(request, "403.html", {"sentence": error.messages[0]}, status=403)
    form = ValueForm(request.POST if request.method == "POST" else None, category=formats.category_of(category))
    if form.is_valid():
        try:
            done = recording.add(
                subject=subject,
                category=category,
                parts=form.parts(),
                source=form.cleaned_data["method"],
                origin=form.cleaned_data["origin"],
                override=form.cleaned_data["override"],
            )
        except recording.Unfit as error:
            for _number, remark in error.problems:
                form.add_error(f"part_{remark.part}" if remark.part else None, remark.sentence)
            for _number, remark in error.doubts:
                form.add_error(f"part_{remark.part}", remark.sentence)
            if error.doubts and not error.problems:
                form.add_error("override", gettext("If it is right, say why."))
        except recording.Taken:
            form.add_error(None, gettext("Another data subject has this IIN."))
        except ValidationError as error:
            form.add_error(None, error.messages[0])
        else:
            for _number, remark in done.warnings:
                messages.warning(request, remark.sentence)
            messages.success(request, gettext("Saved."))
            return redirect("admin:subjects_datasubject_change", pk)
    context = {
        **admin.site.each_context(request),
        "title": gettext("%(category)s of %(subject)s") % {"category": row, "subject": subject},
        "opts": DataSubject._meta,
        "original": subject,
        "form": form,
        "label": gettext("Save the value"),
        "back": "../../../change/",
    }
    return render(request, "admin/subjects/add.html", context, status=422 if form.errors else 200)
