"""The cabinet's "My consents": read, give, refuse, put off, withdraw; each by itself, none in advance (policy 7.1).

A representative whose document lets them does it for the person: the event names who acted, and the code is theirs.
"""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language, gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consent import ledger, my_consents
from consent.enums import Channel, EventKind, State, Trust
from consent.ledger import Changed, Proof
from consent.models import FormServed
from consent.my_consents import Mine
from subjects.enums import Standing
from subjects.models import Representative
from subjects.step_up import fresh_code_required
from subjects.views import signed_in, subject_required

CONSENT = Representative.Act.CONSENT
ANSWERS = {"give": ledger.give, "refuse": ledger.refuse, "later": ledger.postpone}
DONE = {
    "given": gettext_lazy("Your consent is recorded."),
    "refused": gettext_lazy("Your refusal is recorded. You may change your mind at any time."),
    "later": gettext_lazy("Nothing is given. We will ask you again later."),
    "withdrawn": gettext_lazy("The consent is withdrawn, from now on."),
    "withdrawal_deferred": gettext_lazy(
        "The withdrawal is recorded. It takes effect by itself when your obligation is performed."
    ),
}
SAID = {
    EventKind.GIVEN: "given",
    EventKind.RENEWED: "given",
    EventKind.REFUSED: "refused",
    EventKind.REQUEST_DEFERRED: "later",
}
WANTS = {"give": "given", "refuse": "refused", "later": "later"}
LONGEST_AGENT = 300
WHY = gettext_lazy("What you say about a consent has legal force, so we make sure that it is you.")


def _proof(request: HttpRequest) -> Proof:
    """Signed in with a code, from this address, with this program, for another by this document; sealed."""
    agent = request.headers.get("User-Agent", "")[:LONGEST_AGENT]
    sealed = {"address": request.META.get("REMOTE_ADDR", ""), "agent": agent}
    if request.acting is None:
        return Proof(Channel.WEB, Trust.SUBJECT_CODE, sealed)
    by = {"representative": f"subjects.Representative:{request.acting.pk}"}
    return Proof(Channel.WEB, Trust.REPRESENTATIVE_CODE, sealed | by)


def _receipts(request: HttpRequest) -> frozenset[str]:
    """Which events have a receipt to take: it is a file with the person's data, and theirs alone."""
    return my_consents.RECEIPTS if request.acting is None else frozenset()


def _wanted() -> str:
    return get_language() or "ru"


def _find(request: HttpRequest, code: str, scope: str) -> Mine:
    """The person's consent of this form about this; a form or a scope that is not theirs to answer is not there."""
    for mine in my_consents.of(request.subject, code):
        if mine.scope == scope:
            return mine
    raise Http404


def _done(what: str) -> HttpResponse:
    return redirect(f"{reverse('consent:consents')}?{urlencode({'done': what})}")


@subject_required(act=CONSENT)
@require_safe
def consents(request: HttpRequest) -> HttpResponse:
    """Every form in plain words, how each consent stands, and what happened."""
    rows = my_consents.of(request.subject)
    context = {
        "rows": [(mine, mine.version and my_consents.plain(mine.version, _wanted())) for mine in rows],
        "history": my_consents.history(request.subject),
        "receipts": _receipts(request),
        "restricted": request.subject.standing == Standing.RESTRICTED,
        "done": DONE.get(request.GET.get("done", "")),
    }
    return render(request, "cabinet/consents.html", signed_in(request, **context))


def _page(request: HttpRequest, mine: Mine, *, error: str = "", status: int = 200) -> HttpResponse:
    served = text = None
    # HEAD shows nobody anything
    if mine.may_answer and request.method != "HEAD":
        served, text = ledger.serve(subject=request.subject, version=mine.version, language=_wanted(), scope=mine.scope)
    context = {
        "mine": mine,
        "plain": mine.version and my_consents.plain(mine.version, _wanted()),
        "served": served,
        "text": text,
        "wanted": _wanted(),
        "history": my_consents.history(request.subject, mine.form),
        "receipts": _receipts(request),
        "error": error,
    }
    return render(request, "cabinet/consent.html", signed_in(request, **context), status=status)


@subject_required(act=CONSENT)
@require_safe
def form(request: HttpRequest, code: str) -> HttpResponse:
    """One form: the exact text, which is recorded as shown when there is something to answer; what the person said."""
    return _page(request, _find(request, code, request.GET.get("about", "")))


@subject_required(act=CONSENT)
@require_POST
@fresh_code_required(WHY)
def answer(request: HttpRequest, code: str) -> HttpResponse:
    """Consent, refuse or later. 409 and the new text when the form changed meanwhile."""
    try:
        served_id, number = int(request.POST["served"]), int(request.POST["version"])
        act = ANSWERS[request.POST["answer"]]
    except (KeyError, ValueError):
        return render(request, "400.html", status=400)
    rows = FormServed.objects.select_related("version__form", "subject", "policy_version")
    served = rows.filter(pk=served_id, subject=request.subject, version__form__code=code).first()
    if served is None:
        raise Http404
    mine = _find(request, code, served.scope)
    last = mine.standing.last
    if last and last.served_id == served.pk and SAID.get(last.kind) == WANTS[request.POST["answer"]]:
        return _done(WANTS[request.POST["answer"]])  # the same button pressed twice
    try:
        event = act(served=served, expected_version=number, proof=_proof(request))
    except Changed as error:
        return _page(request, mine, error=error.messages[0], status=409)
    return _done(SAID[event.kind])


@subject_required(act=CONSENT)
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, code: str) -> HttpResponse:
    """Before the click: what stops, what goes on and why. The click withdraws, always and at once."""
    return _withdraw(request, code) if request.method == "POST" else _withdrawing(request, code)


@fresh_code_required(WHY)
def _withdraw(request: HttpRequest, code: str) -> HttpResponse:
    return _withdrawing(request, code)


def _withdrawing(request: HttpRequest, code: str) -> HttpResponse:
    mine = _find(request, code, (request.POST if request.method == "POST" else request.GET).get("about", ""))
    if request.method == "POST" and (mine.stands or mine.state == State.WITHDRAWN):
        event = ledger.withdraw(subject=request.subject, form=mine.form, scope=mine.scope, proof=_proof(request))
        return _done(event.kind)
    if not mine.may_withdraw:
        query = f"?{urlencode({'about': mine.scope})}" if mine.scope else ""
        return redirect(reverse("consent:form", args=[code]) + query)
    context = {
        "mine": mine,
        "effect": my_consents.withdrawing(request.subject, mine),
    }
    return render(request, "cabinet/consent_withdraw.html", signed_in(request, **context))
