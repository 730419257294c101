"""A fresh code before what cannot be undone by closing the browser: consents, contacts, values, files (ASVS 7.5.3).

`@fresh_code_required(why)` stands under `@subject_required`. The page asks in the place of what was wanted, says why,
and goes on with it: nothing that was filled in is lost, but a file. One code is enough for ten minutes; signing in with
one counts, unless the page wants one that was asked for on purpose. A session handed over by our site has proved
nothing to us, so it is asked.
"""

from collections.abc import Callable
from functools import wraps
from time import time
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from subjects import sign_in
from subjects.forms import CodeForm
from subjects.models import CodeChannel, CodeUse, DataSubject, SignInCode

FRESH_SECONDS = 10 * 60
# in the browser's session: when a code was last right, whether it was asked for on purpose, and which one is awaited
PROVED_KEY, ON_PURPOSE_KEY, HANDLE_KEY = "proved", "proved_on_purpose", "step_up"
# fields of the page itself; what was wanted goes with it in hidden ones
PREFIX = "confirm"  # the view may have a field "code" of its own
STEP, CODE, CHANNEL, WANTED = "_step", f"{PREFIX}-code", "_channel", "_wanted"
# stays with what was filled in: a file was chosen that did not come along
FILE = "_file"
OWN_FIELDS = {STEP, CODE, CHANNEL, WANTED, "csrfmiddlewaretoken"}
MOST_FIELDS = 200


def note(session: SessionBase, *, signing_in: bool = False) -> None:
    """Remember that a code was right just now."""
    session[PROVED_KEY], session[ON_PURPOSE_KEY] = int(time()), not signing_in
    session.pop(HANDLE_KEY, None)


def is_fresh(session: SessionBase, *, on_purpose: bool = False) -> bool:
    """Whether a code was right within ten minutes. on_purpose: one asked for inside, not the one of the door."""
    proved = session.get(PROVED_KEY)
    if not isinstance(proved, int) or not 0 <= time() - proved < FRESH_SECONDS:
        return False
    return bool(session.get(ON_PURPOSE_KEY)) or not on_purpose


def fresh_code_required(
    why: str | Promise, *, on_purpose: bool = False
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Ask for a fresh code before the view, in its place. why: the sentence the page says it with, lazily translated.

    Under `subject_required`: the code goes to whoever is signed in (`request.person`), also when they act for another.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @sensitive_post_parameters(CODE)
        @wraps(view)
        def wrapper(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if is_fresh(request.session, on_purpose=on_purpose):
                if request.method == "POST" and request.POST.get(STEP) and request.POST.get(WANTED) == "get":
                    return redirect(request.get_full_path())  # the same button pressed twice
                return view(request, *args, **kwargs)
            if request.method != "POST":
                return _page(request, why)
            if request.POST.get(STEP) == "check":
                return _check(request, why, view, args, kwargs)
            return _send(request, why)

        return wrapper

    return decorate


def _form(given: QueryDict | None = None) -> CodeForm:
    return CodeForm(given, prefix=PREFIX)


def _awaited(request: HttpRequest) -> SignInCode | None:
    """The code on its way to this session; None when there is none that could still be right."""
    handle = request.session.get(HANDLE_KEY)
    rows = SignInCode.objects.filter(handle=handle, subject=request.person, use=CodeUse.STEP_UP, used_at=None)
    return rows.filter(expires_at__gt=timezone.now(), tries__lt=sign_in.TRIES).first() if handle else None


def _send(request: HttpRequest, why: str | Promise) -> HttpResponse:
    """Send a code, unless one is on its way and no other was asked for, and show where to type it."""
    if request.POST.get(STEP) != "again" and _awaited(request):
        return _page(request, why, form=_form())
    ways = sign_in.channels_of(request.person)
    wanted = request.POST.get(CHANNEL, "")
    channel = wanted if wanted in ways else (ways[0] if ways else CodeChannel.EMAIL)
    address = request.META.get("REMOTE_ADDR", "")
    try:
        row = sign_in.ask_known(subject=request.person, use=CodeUse.STEP_UP, channel=channel, address=address)
    except sign_in.Limited as error:
        response = _page(request, why, form=_form(), sentence=error.messages[0], status=429)
        response["Retry-After"] = str(error.seconds)
        return response
    request.session[HANDLE_KEY] = str(row.handle)
    return _page(request, why, form=_form())


def _check(
    request: HttpRequest, why: str | Promise, view: Callable[..., HttpResponse], args: tuple, kwargs: dict
) -> HttpResponse:
    form = _form(request.POST)
    handle = request.session.get(HANDLE_KEY)
    if form.is_valid():
        code = form.cleaned_data["code"]
        if handle and redeem(request.person, UUID(handle), code):
            note(request.session)
            if request.POST.get(WANTED) == "get":
                return redirect(request.get_full_path())
            return view(request, *args, **kwargs)
        form.add_error("code", _("This code is wrong or too old. Check the newest message, or ask for another."))
    return _page(request, why, form=form, status=422)


def redeem(person: DataSubject, handle: UUID, code: str) -> bool:
    """Whether the code confirms an act of this person; it does so once."""
    return sign_in.redeem(handle=handle, code=code, use=CodeUse.STEP_UP, subject=person) is not None


def _kept(request: HttpRequest) -> list[tuple[str, str]]:
    """What was filled in, to go on with."""
    if request.method != "POST" or request.POST.get(WANTED) == "get":
        return []
    own = OWN_FIELDS | {FILE}
    pairs = [(name, value) for name, values in request.POST.lists() if name not in own for value in values]
    return [*pairs[:MOST_FIELDS], *([(FILE, "1")] if _had_file(request) else [])]


def _had_file(request: HttpRequest) -> bool:
    return bool(request.FILES) or FILE in request.POST


def lacks_file(request: HttpRequest) -> bool:
    """Whether a file was chosen that the page for the code could not carry: the view asks for it again."""
    return FILE in request.POST and not request.FILES


def _page(
    request: HttpRequest, why: str | Promise, *, form: CodeForm | None = None, sentence: str = "", status: int = 200
) -> HttpResponse:
    """The page that asks: first whether to send, then for the code. Nothing is sent by reading it."""
    wanted = "get" if request.method != "POST" else request.POST.get(WANTED) or "post"
    ways = sign_in.channels_of(request.person)
    context = {
        "cabinet_subject": request.subject,
        "acting": request.acting,
        "why": why,
        "form": form,
        "sentence": sentence,
        "kept": _kept(request),
        "has_file": _had_file(request),
        "wanted": wanted,
        "ways": [(way, CodeChannel(way).label) for way in ways],
        # a language chosen here leads to a page that may be read
        "language_next": request.get_full_path() if wanted == "get" else "/cabinet/",
    }
    return render(request, "cabinet/confirm.html", context, status=status)
