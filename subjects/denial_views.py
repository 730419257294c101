"""The cabinet's page of an entry of the denylist: what it says, "this is not true", what happens then (policy 1.1)."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from subjects import denylist, own_denials, request_queues
from subjects.forms import NotTrueForm
from subjects.step_up import fresh_code_required
from subjects.views import signed_in, subject_required

WHY = _("We make sure that it is you before we show what stands about you on this list, or take your word against it.")


@sensitive_post_parameters("statement")
@subject_required
@require_http_methods(["GET", "HEAD", "POST"])
@fresh_code_required(WHY)
def denial(request: HttpRequest, handle: UUID) -> HttpResponse:
    """Where the entry stands; by POST the person says that it is not true. Somebody else's entry is not there."""
    own = own_denials.find(request.subject, handle)
    if own is None:
        raise Http404
    sent = request.method == "POST"
    form, status, errors = NotTrueForm(request.POST if sent else None), 200, []
    if sent:
        status = 422
        if form.is_valid():
            try:
                denylist.dispute(entry=own.entry, statement=form.cleaned_data["statement"])
            except ValidationError as error:
                # it changed while the page was open
                own, status, errors = own_denials.find(request.subject, handle) or own, 409, error.messages
            else:
                return redirect(reverse("cabinet:denial", args=[handle]) + "?done=1")
    due = request_queues.due_of([own.dispute]).get(own.dispute.pk) if own.state == "open" else None
    context = signed_in(request, own=own, form=form, errors=errors, due=due, done="done" in request.GET)
    return render(request, "cabinet/denial.html", context, status=status)
