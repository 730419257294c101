"""The cabinet's door and its home (policy 7.1). Views start from the session's person; no address names one."""

from collections.abc import Callable
from functools import wraps
from time import time
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from notifications.delivery import letter_of
from staff.enums import Language
from staff.models import Operator
from subjects import addresses, services, sign_in
from subjects.cabinet import LINKS, PARTS, SUBJECT_KEY
from subjects.enums import LEAVES
from subjects.forms import CodeForm, IdentifierForm
from subjects.models import DataSubject

HANDLE_KEY = "sign_in_handle"
BEGAN_KEY = "began"
# whoever works on without a pause signs in again after this (ASVS 7.3.2)
LONGEST_SECONDS = 8 * 60 * 60


def _person_of(session: SessionBase) -> DataSubject | None:
    """The person whose session it is, while the cabinet is open to them, the session is not too old and no officer has
    found since that the address its code went to was wrong."""
    public_id = session.get(SUBJECT_KEY)
    began = session.setdefault(BEGAN_KEY, int(time()))
    if not public_id or time() - began > LONGEST_SECONDS:
        return None
    subject = addresses.with_last_correction(DataSubject.objects.filter(public_id=public_id)).first()
    if subject is None or not LEAVES[subject.standing].cabinet:
        return None
    corrected = subject.address_corrected_at
    return None if corrected and began <= corrected.timestamp() else subject


def subject_required(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Give the view the person whose session it is as `request.subject`; send everybody else to the door."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        subject = _person_of(request.session)
        if subject is None:
            if SUBJECT_KEY in request.session:
                request.session.flush()
            return redirect("cabinet:sign-in")
        request.subject = subject
        request.session.set_expiry(settings.CABINET_IDLE_SECONDS)
        return view(request, *args, **kwargs)

    return wrapper


def _address(request: HttpRequest) -> str:
    return request.META.get("REMOTE_ADDR", "")


@sensitive_post_parameters("identifier")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_page(request: HttpRequest) -> HttpResponse:
    """Who are you: an IIN or a phone number. The answer is the same whether we know the person or not."""
    if request.session.get(SUBJECT_KEY):
        return redirect("cabinet:home")
    form = IdentifierForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                asked = sign_in.ask(identifier=form.cleaned_data["identifier"], address=_address(request))
            except sign_in.Limited as error:
                form.add_error(None, error)
                response = render(request, "cabinet/sign_in.html", {"form": form}, status=429)
                response["Retry-After"] = str(error.seconds)
                return response
            else:
                request.session[HANDLE_KEY] = str(asked.handle)
                request.session.set_expiry(settings.CABINET_IDLE_SECONDS)
                return redirect("cabinet:code")
        else:
            status = 422
    return render(request, "cabinet/sign_in.html", {"form": form}, status=status)


@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def code_page(request: HttpRequest) -> HttpResponse:
    """The six digits of the letter, or the code on paper."""
    handle = request.session.get(HANDLE_KEY)
    if not handle:
        return redirect("cabinet:sign-in")
    form = CodeForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            subject = sign_in.verify(handle=UUID(handle), code=form.cleaned_data["code"])
            if subject is not None:
                request.session.flush()  # a session known before the door is never the one behind it
                request.session[SUBJECT_KEY] = str(subject.public_id)
                request.session[BEGAN_KEY] = int(time())
                request.session.set_expiry(settings.CABINET_IDLE_SECONDS)
                request.lazy_actor.renew()
                response = redirect("cabinet:home")
                response.set_cookie(
                    settings.LANGUAGE_COOKIE_NAME,
                    request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, subject.language),
                    httponly=True,
                    samesite="Lax",
                    secure=settings.SECURE,
                )
                return response
            form.add_error("code", _("This code is wrong or too old. Check the newest letter, or ask for another."))
    return render(request, "cabinet/code.html", {"form": form}, status=status)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Leave; nothing of the session stays."""
    services.note_sign_out(public_id=request.session.get(SUBJECT_KEY))
    request.session.flush()
    response = redirect("cabinet:sign-in")
    response["Clear-Site-Data"] = '"cache"'
    return response


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The cabinet's one address to remember: the door for who is outside, what needs me for who is in."""
    return _inside(request) if request.session.get(SUBJECT_KEY) else sign_in_page(request)


@subject_required
def _inside(request: HttpRequest) -> HttpResponse:
    """What needs me first, then plain links."""
    parts = []
    for part in sorted(PARTS):
        context = part.context(request, request.subject)
        if context is not None:
            parts.append({"template": part.template, **context})
    links = [(reverse(link.url_name), link.title) for link in sorted(LINKS, key=lambda link: link.order)]
    return render(request, "cabinet/home.html", _signed_in(request, parts=parts, links=links))


def _signed_in(request: HttpRequest, **context: object) -> dict:
    return {"cabinet_subject": request.subject, **context}


@subject_required
@require_http_methods(["GET", "HEAD", "POST"])
def language(request: HttpRequest) -> HttpResponse:
    """The language of my letters."""
    if request.method == "POST":
        wanted = request.POST.get("language", "")
        if wanted not in Language.values:
            return render(request, "400.html", status=400)
        services.choose_language(subject=request.subject, language=wanted)
        return redirect(reverse("cabinet:language") + "?saved=1")
    context = _signed_in(request, languages=Language.choices, saved="saved" in request.GET)
    return render(request, "cabinet/language.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def not_mine(request: HttpRequest, token: str) -> HttpResponse:
    """“This letter is not mine”: asked once more, because mail scanners open links."""
    try:
        said = letter_of(token)
    except signing.SignatureExpired:
        return render(request, "cabinet/not_mine_expired.html", {"operator": Operator.current()}, status=410)
    except signing.BadSignature as error:
        raise Http404 from error
    if request.method == "POST":
        services.dispute_address(letter_id=said.letter_id, mark=said.mark)
        return render(request, "cabinet/not_mine_done.html")
    return render(request, "cabinet/not_mine.html")
