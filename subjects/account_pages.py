"""The cabinet's pages about how one gets in: contacts, sessions, acting for somebody else, the hand-over (ASVS 7.4)."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from subjects import contacts, handover, relations, sessions, sign_in
from subjects.forms import CodeForm, ContactForm
from subjects.models import CabinetSession, CodeChannel, SignInCode
from subjects.step_up import fresh_code_required
from subjects.views import OWN, enter, signed_in, subject_required, visitor

NEW_KEY = "new_contact"
WHY_CONTACTS = gettext_lazy(
    "Codes go to your phone and e-mail: whoever changes them gets in. So we ask for a code sent to those we have now."
)


# contacts


@subject_required
@require_safe
def contacts_page(request: HttpRequest) -> HttpResponse:
    """The phone and e-mail we have, masked."""
    context = signed_in(request, contacts=contacts.of(request.subject), done=request.GET.get("done", ""))
    return render(request, "cabinet/contacts.html", context)


def _change(request: HttpRequest, channel: str) -> HttpResponse:
    form = ContactForm(request.POST if request.method == "POST" else None, channel=channel)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                row = contacts.ask(
                    subject=request.subject,
                    channel=channel,
                    text=form.cleaned_data["text"],
                    address=visitor(request),
                )
            except sign_in.Limited as error:
                form.add_error(None, error)
                status = 429
            except ValidationError as error:
                form.add_error("text", error.messages[0])
            else:
                request.session[NEW_KEY] = str(row.handle)
                return redirect("cabinet:contact-code")
    context = signed_in(request, form=form, is_email=channel == CodeChannel.EMAIL)
    return render(request, "cabinet/contact_change.html", context, status=status)


@sensitive_post_parameters("text")
@subject_required
@require_http_methods(["GET", "HEAD", "POST"])
@fresh_code_required(WHY_CONTACTS, on_purpose=True)
def change_email(request: HttpRequest) -> HttpResponse:
    """Name another e-mail: a code goes there."""
    return _change(request, CodeChannel.EMAIL)


@sensitive_post_parameters("text")
@subject_required
@require_http_methods(["GET", "HEAD", "POST"])
@fresh_code_required(WHY_CONTACTS, on_purpose=True)
def change_phone(request: HttpRequest) -> HttpResponse:
    """Name another phone: a code goes there."""
    return _change(request, CodeChannel.SMS)


@sensitive_post_parameters("code")
@subject_required
@require_http_methods(["GET", "HEAD", "POST"])
@fresh_code_required(WHY_CONTACTS, on_purpose=True)
def contact_code(request: HttpRequest) -> HttpResponse:
    """The code that went to the new phone or e-mail."""
    handle = request.session.get(NEW_KEY)
    row = SignInCode.objects.filter(handle=handle, subject=request.subject).first() if handle else None
    if row is None:
        return redirect("cabinet:contacts")
    form = CodeForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                done = contacts.confirm(
                    subject=request.subject,
                    handle=UUID(handle),
                    code=form.cleaned_data["code"],
                    session_id=request.session[sessions.KEY],
                )
            except ValidationError as error:
                form.add_error("code", error.messages[0])
            else:
                if done:
                    del request.session[NEW_KEY]
                    return redirect(f"{reverse('cabinet:contacts')}?done={done}")
                sentence = _("This code is wrong or too old. Check the newest message, or ask for another.")
                form.add_error("code", sentence)
    context = signed_in(request, form=form, is_email=row.channel == CodeChannel.EMAIL)
    return render(request, "cabinet/contact_code.html", context, status=status)


# sessions


@subject_required
@require_safe
def sessions_page(request: HttpRequest) -> HttpResponse:
    """Where the person is signed in now."""
    mine = request.session[sessions.KEY]
    rows = [(row, str(row.public_id) == mine) for row in sessions.living(request.subject)]
    return render(request, "cabinet/sessions.html", signed_in(request, rows=rows))


@subject_required
@require_POST
def end_session(request: HttpRequest) -> HttpResponse:
    """End one session, or all of them; the one that asks leads to the door."""
    wanted = request.POST.get("session", "")
    if wanted == "all":
        sessions.end_all(subject=request.subject)
    else:
        try:
            public_id = UUID(wanted)
        except ValueError:
            return render(request, "400.html", status=400)
        sessions.end(subject=request.subject, public_id=public_id)
    return redirect("cabinet:sessions")


# acting for somebody else


@subject_required(act=OWN)
@require_http_methods(["GET", "HEAD", "POST"])
def represent(request: HttpRequest) -> HttpResponse:
    """Whom the person may act for, and in what; choose one, or be oneself again."""
    rows = relations.acting_for(request.person)
    if request.method == "POST":
        wanted = request.POST.get("for", "")
        if wanted == "me":
            request.session.pop(relations.ACTING_KEY, None)
            return redirect("cabinet:home")
        chosen = next((row for row in rows if str(row.subject.public_id) == wanted), None)
        if chosen is None:
            return render(request, "404.html", status=404)
        request.session[relations.ACTING_KEY] = chosen.pk
        return redirect("cabinet:represent")
    mine = request.session.get(relations.ACTING_KEY)
    chosen = next((row for row in rows if row.pk == mine), None)
    if mine and chosen is None:  # it ended meanwhile
        request.session.pop(relations.ACTING_KEY, None)
    context = signed_in(request, rows=rows, chosen=chosen, elsewhere=chosen and "elsewhere" in request.GET)
    return render(request, "cabinet/represent.html", context)


# the hand-over


@sensitive_variables("token")
@sensitive_post_parameters("token")
@csrf_exempt  # it comes from our other site; the token is the proof, and the browser names the site (Origin)
@require_http_methods(["GET", "HEAD", "POST"])
def hand_over(request: HttpRequest) -> HttpResponse:
    """Let in who is signed in on our own site, by its token (docs/api.md). A token in an address is not taken: it names
    the customer, and addresses are logged."""
    if request.method != "POST":
        return redirect("cabinet:sign-in")
    found = handover.accept(token=request.POST.get("token", ""), origin=request.headers.get("Origin", ""))
    if found is None:
        return render(request, "cabinet/handover_refused.html", status=403)
    subject, issuer = found
    return enter(request, subject, how=CabinetSession.How.HANDOVER, issuer=issuer)
