"""The cabinet's door and its home (policy 7.1). Views start from the session's person; no address names one."""

from collections.abc import Callable
from functools import partial, wraps
from time import time
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.core import signing
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from notifications import sms
from notifications.delivery import letter_of
from staff.enums import Language
from staff.models import Operator
from subjects import addresses, relations, services, sessions, sign_in, step_up
from subjects.cabinet import LINKS, PARTS, SUBJECT_KEY
from subjects.enums import LEAVES
from subjects.forms import CodeForm, IdentifierForm
from subjects.models import CabinetSession, CodeChannel, DataSubject

HANDLE_KEY = "sign_in_handle"
BEGAN_KEY = "began"
# by which channel the code came that let the person in; nothing for a session handed over by our site
CAME_BY_KEY = "came_by"
# a page that is the person's own, also while they act for somebody else
OWN = "own"
# plain links at the top of the home page; the others stand below (ui.md)
MOST_LINKS = 6
# whoever works on without a pause signs in again after this (ASVS 7.3.2)
LONGEST_SECONDS = 8 * 60 * 60


def _person_of(session: SessionBase) -> DataSubject | None:
    """The person whose session it is, while the cabinet is open to them, the session is not too old, nobody has ended
    it, and no officer has found since that the address its code went to was wrong. One query."""
    public_id, mine = session.get(SUBJECT_KEY), session.get(sessions.KEY)
    began = session.setdefault(BEGAN_KEY, int(time()))
    if not public_id or not mine or time() - began > LONGEST_SECONDS:
        return None
    people = DataSubject.objects.filter(
        public_id=public_id, cabinet_sessions__public_id=mine, cabinet_sessions__ended_at=None
    ).annotate(session_seen_at=F("cabinet_sessions__seen_at"))
    subject = addresses.with_last_correction(people).first()
    if subject is None or not LEAVES[subject.standing].cabinet:
        return None
    corrected = subject.address_corrected_at
    return None if corrected and began <= corrected.timestamp() else subject


def subject_required(view: Callable[..., HttpResponse] | None = None, *, act: str = "") -> Callable[..., HttpResponse]:
    """Give the view the person whose session it is (`request.person`) and whom the page is about (`request.subject`).

    They are the same, unless the person acts for somebody else (`request.acting`, a Representative): then only pages
    that name the act it takes are open (`persons.Representative.Act`), and those that are the person's own even then
    (OWN). Everybody without a session is sent to the door.
    """
    if view is None:
        return partial(subject_required, act=act)

    @wraps(view)
    def wrapper(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        person = _person_of(request.session)
        if person is None:
            if SUBJECT_KEY in request.session:
                request.session.flush()
            return redirect("cabinet:sign-in")
        request.person = request.subject = person
        request.acting = None
        request.session.set_expiry(settings.CABINET_IDLE_SECONDS)
        sessions.seen(public_id=request.session[sessions.KEY], last=person.session_seen_at)
        chosen = request.session.get(relations.ACTING_KEY)
        if chosen and act != OWN:
            request.acting = relations.acting(representative=person, row_id=chosen, act=act) if act else None
            if request.acting is None:
                return redirect(reverse("cabinet:represent") + "?elsewhere=1")
            request.subject = request.acting.subject
        return view(request, *args, **kwargs)

    return wrapper


def visitor(request: HttpRequest) -> str:
    """The visitor's network address."""
    return request.META.get("REMOTE_ADDR", "")


def enter(
    request: HttpRequest,
    subject: DataSubject,
    *,
    how: str = CabinetSession.How.CODE,
    issuer: str = "",
    came_by: str = "",
) -> HttpResponse:
    """Let the person in and lead them home; a session known before the door is never the one behind it.

    came_by: the `CodeChannel` of the code that let them in.
    """
    language = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, subject.language)
    request.session.flush()
    row = sessions.begin(subject=subject, how=how, issuer=issuer, agent=request.headers.get("User-Agent", ""))
    request.session[SUBJECT_KEY] = str(subject.public_id)
    request.session[sessions.KEY] = str(row.public_id)
    request.session[BEGAN_KEY] = int(time())
    request.session[CAME_BY_KEY] = came_by
    if how == CabinetSession.How.CODE:
        step_up.note(request.session, signing_in=True)
    request.session.set_expiry(settings.CABINET_IDLE_SECONDS)
    request.lazy_actor.renew()
    response = redirect("cabinet:home")
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, httponly=True, samesite="Lax", secure=settings.SECURE)
    return response


@sensitive_post_parameters("identifier")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_page(request: HttpRequest) -> HttpResponse:
    """Who are you: an IIN or a phone number. The answer is the same whether we know the person or not."""
    if request.session.get(SUBJECT_KEY):
        return redirect("cabinet:home")
    form = IdentifierForm(request.POST if request.method == "POST" else None, has_sms=sms.channel() is not None)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                asked = sign_in.ask(
                    identifier=form.cleaned_data["identifier"],
                    address=visitor(request),
                    channel=form.cleaned_data.get("channel") or CodeChannel.EMAIL,
                )
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
            row = sign_in.verify(handle=UUID(handle), code=form.cleaned_data["code"])
            if row is not None and row.subject is not None:
                return enter(request, row.subject, came_by=row.channel)
            form.add_error("code", _("This code is wrong or too old. Check the newest letter, or ask for another."))
    return render(request, "cabinet/code.html", {"form": form, "has_sms": sms.channel() is not None}, status=status)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Leave; nothing of the session stays."""
    services.note_sign_out(public_id=request.session.get(SUBJECT_KEY), session_id=request.session.get(sessions.KEY))
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
    links = sorted(LINKS, key=lambda link: (link.more, link.order))
    shown = [(reverse(link.url_name), link.title) for link in links]
    first = min(MOST_LINKS, sum(not link.more for link in links))
    context = signed_in(request, parts=parts, links=shown[:first], more=shown[first:])
    return render(request, "cabinet/home.html", context)


def signed_in(request: HttpRequest, **context: object) -> dict:
    """What every page behind the door shows: whom it is about, and whether somebody acts for them."""
    return {"cabinet_subject": request.subject, "acting": request.acting, **context}


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
    context = signed_in(request, languages=Language.choices, saved="saved" in request.GET)
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
