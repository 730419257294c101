"""The API of consents: showing a form, recording what was answered elsewhere, how it stands, withdrawing."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from ninja import Router

from consent import feed, grounds, ledger, scope_numbers
from consent.derivation import Standing
from consent.enums import Channel, Trust
from consent.form_text import compose
from consent.ledger import Changed, Proof, Shown
from consent.models import ConsentEvent, ConsentForm, ConsentFormVersion, FormServed
from consent.shapes import (
    AnswerIn,
    At,
    ConsentsOut,
    Evidence,
    FormCode,
    FormOut,
    FormsOut,
    GroundsOut,
    RecordedOut,
    ServedOut,
    ServeIn,
    Wanted,
    WithdrawalIn,
)
from staff.api import REPEATABLE, ApiKey, repeatable
from staff.enums import Scope
from staff.models import Operator
from staff.problems import FieldProblem, Problem, answer, refusals
from subjects.api import Ref, find, subject_out
from subjects.models import Contract, DataSubject

router = Router(tags=["Consents"])

# how sure each channel is, and the proof without which nothing is recorded as a consent
TRUST = {
    Channel.API: (Trust.SYSTEM_ENTERED, "reference"),
    Channel.CALL: (Trust.SYSTEM_ENTERED, "recording"),
    Channel.STATE_SERVICE: (Trust.SUBJECT_CODE, "token"),
    Channel.EDS: (Trust.SUBJECT_SIGNED, "signature"),
}


def in_force(code: str) -> ConsentFormVersion:
    """The version that is offered. Raises Problem."""
    versions = ConsentFormVersion.objects.in_force().select_related("form").prefetch_related("items")
    version = versions.filter(form__code=code).first() if code.isalnum() else None
    if version is None:
        raise Problem("form_not_found")
    return version


def language_of(wanted: str | None) -> str:
    """The language asked for, else that of `Accept-Language`."""
    return wanted or (get_language() or "ru")[:2]


def _form_out(version: ConsentFormVersion, language: str) -> dict[str, Any]:
    text = compose(version, wanted=language, reference="", operator=Operator.current())
    return _as_form(version, text.title, text.text, text.language, text.sha256)


def _as_form(version: ConsentFormVersion, title: str, text: str, language: str, sha256: str) -> dict[str, Any]:
    form = version.form
    return {
        "form": form.code,
        "version": version.number,
        "title": title,
        "text": text,
        "language": language,
        "sha256": sha256,
        "required": form.required,
        "scope_kind": form.scope_kind,
        "withdrawal": form.withdrawal,
    }


def served_out(shown: Shown, version: ConsentFormVersion) -> ServedOut:
    """A form as it was just shown, with the number of the record."""
    text = shown.text
    form = _as_form(version, text.title, text.text, text.language, text.sha256)
    (scope,) = scope_numbers.outside([shown.served.scope]).values()
    return ServedOut(**form, served=shown.served.pk, scope=scope)


def consent_out(form: str, scope: str, standing: Standing) -> dict[str, Any]:
    """How one consent stands. scope: as systems outside call it."""
    given = standing.given
    return {
        "form": form,
        "scope": scope,
        "state": standing.state,
        "covers": feed.covers(standing),
        "since": standing.since,
        "until": standing.until,
        "version": given.version.number if given and given.version else None,
        "language": given.language or None if given else None,
    }


def _proof(channel: str, evidence: Evidence, *, needed: bool) -> Proof:
    """What the channel proves. Raises Problem when the proof that makes it one is lacking."""
    trust, field = TRUST[Channel(channel)]
    told = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in evidence}
    kept = {name: value for name, value in told.items() if value}
    if needed and field not in kept:
        sentence = _("Without this proof an answer on this channel is not recorded.")
        raise Problem("invalid", errors=[FieldProblem(f"evidence.{field}", "missing", sentence)])
    return Proof(channel, trust if field in kept else Trust.SYSTEM_ENTERED, sealed=kept or None)


def _recorded(subject: DataSubject, event: ConsentEvent, status: int) -> HttpResponse:
    return recorded(event, ledger.standings(subject)[event.form.code, event.scope], status)


def recorded(event: ConsentEvent, standing: Standing, status: int) -> HttpResponse:
    """The answer to an act: what was recorded and how the consent stands after it."""
    (scope,) = scope_numbers.outside([event.scope]).values()
    numbers = Contract.objects.filter(pk__in=event.blocking).order_by("pk").values_list("number", flat=True)
    told = RecordedOut(
        **consent_out(event.form.code, scope, standing),
        event=event.public_id,
        kind=event.kind,
        at=event.occurred_at,
        blocking=list(numbers),
    )
    return HttpResponse(told.model_dump_json(), status=status, content_type="application/json")


@router.api_operation(
    ["GET", "HEAD"],
    "/forms",
    auth=ApiKey(Scope.FORMS_READ),
    response={200: FormsOut, **refusals()},
    summary="List the forms in force",
)
def forms(request: HttpRequest, language: Wanted = None) -> dict[str, Any]:
    """Each with its text as nobody in particular sees it; to ask a person, record that the form is shown to them."""
    versions = ConsentFormVersion.objects.in_force().select_related("form").prefetch_related("items")
    found = versions.order_by("form__order", "form__code")
    return {"forms": [_form_out(version, language_of(language)) for version in found]}


@router.api_operation(
    ["GET", "HEAD"],
    "/forms/{code}",
    auth=ApiKey(Scope.FORMS_READ),
    response={200: FormOut, **refusals(404)},
    summary="Read a form in force",
)
def form(request: HttpRequest, code: FormCode, language: Wanted = None) -> dict[str, Any]:
    """A form has texts in Kazakh and Russian; where English is lacking it is shown in Russian, and says so."""
    return _form_out(in_force(code), language_of(language))


@router.post(
    "/subjects/{ref}/forms/{code}/served",
    auth=ApiKey(Scope.CONSENT_WRITE),
    response={201: ServedOut, **refusals(404)},
    summary="Show a form to a person",
    openapi_extra=REPEATABLE,
)
@repeatable
def serve(request: HttpRequest, ref: Ref, code: FormCode, payload: ServeIn) -> HttpResponse:
    """Records that exactly this text is shown, and gives it with the number that the answer must name."""
    subject, version = find(ref), in_force(code)
    scope = scope_numbers.stored(subject, version.form, payload.scope)
    shown = ledger.serve(subject=subject, version=version, language=language_of(payload.language), scope=scope)
    told = served_out(shown, version)
    return HttpResponse(told.model_dump_json(), status=201, content_type="application/json")


ANSWERS = {"given": ledger.give, "refused": ledger.refuse, "postponed": ledger.postpone}


@router.post(
    "/consents",
    auth=ApiKey(Scope.CONSENT_WRITE),
    response={201: RecordedOut, **refusals(404, 409)},
    summary="Record an answer given elsewhere",
    openapi_extra=REPEATABLE,
)
@repeatable
def record(request: HttpRequest, payload: AnswerIn) -> HttpResponse:
    """The time is ours: tell us at once. When the text changed meanwhile the answer is 409 with the new form served."""
    subject = find(payload.subject)
    shown = FormServed.objects.select_related("version__form", "subject", "policy_version")
    served = shown.filter(pk=payload.served, subject=subject).first()
    if served is None:
        sentence = _("This form was not shown to this person.")
        raise Problem("invalid", errors=[FieldProblem("served", "unknown", sentence)])
    proof = _proof(payload.channel, payload.evidence, needed=payload.answer == "given")
    until: dict[str, Any] = {}
    if payload.valid_until is not None:
        _check_until(payload)
        until["valid_until"] = payload.valid_until
    try:
        act = ANSWERS[payload.answer]
        event = act(served=served, expected_version=payload.expected_version, proof=proof, **until)
    except Changed as changed:
        return shown_again(request, served, changed)
    return _recorded(subject, event, 201)


def _check_until(payload: AnswerIn) -> None:
    """An end that another service set is of a consent it gave, and still ahead. Raises Problem."""
    if payload.answer != "given" or payload.channel != Channel.STATE_SERVICE:
        sentence = _("Only a consent that the state service gave has an end of its own.")
        raise Problem("invalid", errors=[FieldProblem("valid_until", "kind", sentence)])
    if payload.valid_until is not None and payload.valid_until <= timezone.now():
        sentence = _("This end has passed already: nothing is given.")
        raise Problem("invalid", errors=[FieldProblem("valid_until", "past", sentence)])


def shown_again(request: HttpRequest, served: FormServed, changed: Changed) -> HttpResponse:
    """409 with the text that is offered now, shown to the same person or device."""
    version = in_force(served.version.form.code)
    shown = ledger.serve(
        subject=served.subject,
        device=served.device_digest,
        version=version,
        language=served.language,
        scope=served.scope,
    )
    form = served_out(shown, version).model_dump(mode="json")
    return answer(request, Problem("form_changed", " ".join(changed.messages), extra={"form": form}))


@router.api_operation(
    ["GET", "HEAD"],
    "/subjects/{ref}/consents",
    auth=ApiKey(Scope.CONSENT_READ),
    response={200: ConsentsOut, **refusals(404)},
    summary="Read how a person's consents stand",
)
def consents(request: HttpRequest, ref: Ref, at: At = None) -> dict[str, Any]:
    """A form that is not in the list was never put to the person."""
    subject = find(ref)
    found = ledger.standings(subject, at)
    names = scope_numbers.outside(scope for _code, scope in found)
    rows = [consent_out(code, names[scope], standing) for (code, scope), standing in sorted(found.items(), key=_by_key)]
    return {"subject": subject_out(subject), "at": at or timezone.now(), "consents": rows}


def _by_key(item: tuple[tuple[str, str], Standing]) -> tuple[str, str]:
    return item[0]


@router.api_operation(
    ["GET", "HEAD"],
    "/subjects/{ref}/grounds",
    auth=ApiKey(Scope.CONSENT_READ),
    response={200: GroundsOut, **refusals(404)},
    summary="Read what may be done with a person's data",
)
def read_grounds(request: HttpRequest, ref: Ref, at: At = None) -> dict[str, Any]:
    """One line for each purpose in force: whether it may be pursued, and on what ground (94-V art. 7-9)."""
    subject = find(ref)
    found = grounds.reasons(subject, at)
    names = scope_numbers.outside(reason.scope for reason in found)
    rows = [
        {
            "purpose": reason.purpose.code,
            "allowed": reason.allowed,
            "reason": reason.code,
            "form": reason.form or None,
            "scope": names[reason.scope] if reason.form else None,
        }
        for reason in found
    ]
    return {"subject": subject_out(subject), "at": at or timezone.now(), "grounds": rows}


@router.post(
    "/subjects/{ref}/withdrawals",
    auth=ApiKey(Scope.CONSENT_WRITE),
    response={201: RecordedOut, **refusals(404)},
    summary="Record a withdrawal",
    openapi_extra=REPEATABLE,
)
@repeatable
def withdraw(request: HttpRequest, ref: Ref, payload: WithdrawalIn) -> HttpResponse:
    """Always recorded at once. With an open contract a consent bound to the loan ends when the obligation does
    (94-V art. 8(2)): the answer then names the contracts in `blocking`. Of a person known twice the same consent ends
    in the other file too, which the feed of changes tells."""
    subject = find(ref)
    of = ConsentForm.objects.filter(code=payload.form).first()
    if of is None:
        raise Problem("form_not_found")
    event = ledger.withdraw(
        subject=subject,
        form=of,
        scope=scope_numbers.stored(subject, of, payload.scope),
        proof=_proof(payload.channel, payload.evidence, needed=False),
        reason=payload.reason,
        occurred_at=payload.occurred_at,
    )
    return _recorded(subject, event, 201)
