"""The API of transfers: may this person's data go to that recipient now? A refusal is an answer, not an error."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from ninja import Router
from ninja.responses import NinjaJSONEncoder

from staff.api import REPEATABLE, REPEATED, ApiKey, key_of
from staff.enums import Scope
from staff.problems import FieldProblem, Problem, refusals
from subjects.api import find, not_ahead
from subjects.free_text import refuse_personal_data
from transfers import gate, intake, services
from transfers.decisions import Context, Decision, Question
from transfers.models import Transfer
from transfers.shapes import (
    AskedIn,
    AskedManyIn,
    GateAnswerOut,
    GateAnswersOut,
    ItemIn,
    ItemsIn,
    QuestionIn,
    ReceivedOut,
    ReceiveIn,
    ReleasedOut,
    ReleaseIn,
    TransferOut,
    TransfersOut,
)

router = Router(tags=["Transfers"])
_JSON = NinjaJSONEncoder(ensure_ascii=False, separators=(",", ":"))
# the refusals of a release: {NotReleased.code: problem}
_NOT_RELEASED = {
    "unknown_token": "transfer_not_found",
    "released": "transfer_released",
    "lapsed": "transfer_lapsed",
    "withdrawn": "consent_ended",
    "stopped": "transfer_stopped",
    "not_allowed_now": "transfer_refused",
    "outgoing": "transfer_outgoing",
    "incoming": "transfer_incoming",
}
_PLAIN = ("body", "article", "request_number", "sanction")


def _question(asked: QuestionIn) -> Question:
    """The gate's question. Raises Problem when a text of the demand names a person: it is kept in clear."""
    found = []
    for name in _PLAIN:
        try:
            refuse_personal_data(getattr(asked.context, name))
        except ValidationError as error:
            found.append(FieldProblem(f"context.{name}", "personal_data", " ".join(error.messages)))
    if found:
        raise Problem("invalid", errors=found)
    reference = asked.subject
    if not reference.startswith("S-"):
        reference = str(find(reference))
    return Question(
        subject=reference,
        recipient=asked.recipient,
        purpose=asked.purpose,
        categories=tuple(asked.categories),
        direction=asked.direction,
        at=getattr(asked, "at", None),
        context=Context(**asked.context.dict()),
    )


def _told(answer: dict[str, Any]) -> HttpResponse:
    """The answer as JSON. It is made here and nowhere else, so its form is a test's to check and not each request's."""
    return HttpResponse(_JSON.encode(answer), content_type="application/json; charset=utf-8")


def _authorised(question: Question, key: str) -> services.Authorised:
    try:
        return services.authorise(question=question, idempotency_key=key)
    except services.UnknownParty as error:
        what = str(error.code).partition(".")[0]
        if what == "subject":
            raise Problem("subject_not_found") from None
        raise Problem("invalid", errors=[FieldProblem(what, "unknown", " ".join(error.messages))]) from None
    except services.KeyReused:
        raise Problem("idempotency_key_reused") from None


def _transfer_out(done: services.Authorised) -> dict[str, Any]:
    transfer = done.transfer
    return {
        "id": transfer.public_id,
        "at": transfer.at,
        "shadow": transfer.shadow,
        "token": done.token,
        "token_expires_at": transfer.token_expires_at if done.token else None,
    }


def _brief(decision: Decision) -> dict[str, Any]:
    told = gate.as_json(decision)
    return {
        "decision": told["decision"],
        "failed": decision.failed,
        "counterfactual": told["counterfactual"],
        "inputs_sha256": told["inputs_sha256"],
        "error": None,
    }


def _fault(problem: Problem) -> dict[str, Any]:
    """One item of many that could not be answered; the others are."""
    first = problem.errors[0] if problem.errors else FieldProblem("subject", problem.code, str(problem.title))
    told = {"decision": None, "failed": [], "counterfactual": None, "inputs_sha256": None}
    return {**told, "error": first._asdict()}


@router.post(
    "/transfers/decisions",
    auth=ApiKey(Scope.TRANSFERS_ASK),
    response={200: GateAnswerOut, **refusals(404)},
    summary="Ask whether data may be transferred",
)
def decide(request: HttpRequest, payload: AskedIn) -> HttpResponse:
    """Nothing is written and nothing may be sent on this answer. What is unknown is refused and the trace says so."""
    not_ahead(payload.at)
    return _told(gate.as_json(gate.ask(_question(payload))))


@router.post(
    "/transfers/decisions/batch",
    auth=ApiKey(Scope.TRANSFERS_ASK),
    response={200: GateAnswersOut, **refusals()},
    summary="Ask about many transfers at once",
)
def decide_many(request: HttpRequest, payload: AskedManyIn) -> dict[str, Any]:
    """Up to 1,000 questions, each answered for itself and in their order; nothing is written."""
    told = []
    for asked in payload.questions:
        try:
            told.append(_brief(gate.ask(_question(asked))))
        except Problem as problem:
            told.append(_fault(problem))
    return {"decisions": told}


@router.post(
    "/transfers",
    auth=ApiKey(Scope.TRANSFERS_WRITE),
    response={200: TransferOut, **refusals(404)},
    summary="Have data transferred",
    openapi_extra=REPEATABLE,
)
def authorise(request: HttpRequest, payload: QuestionIn) -> HttpResponse:
    """The gate decides and the register keeps the answer, yes or no. With a yes comes a token: send the data and
    confirm it by `release` before the token lapses. A repeated request gets the same answer and no second token."""
    done = _authorised(_question(payload), key_of(request))
    answer = _told(gate.as_json(done.decision) | _transfer_out(done))
    if done.repeated:
        answer[REPEATED] = "true"
    return answer


@router.post(
    "/transfers/batch",
    auth=ApiKey(Scope.TRANSFERS_WRITE),
    response={200: TransfersOut, **refusals()},
    summary="Have data of many people transferred",
)
def authorise_many(request: HttpRequest, payload: ItemsIn) -> dict[str, Any]:
    """Up to 1,000 transfers, each decided and kept for itself; one that is refused or wrong holds up no other."""
    return {"transfers": [_one_of_many(item) for item in payload.transfers]}


def _one_of_many(item: ItemIn) -> dict[str, Any]:
    try:
        done = _authorised(_question(item), item.key)
    except Problem as problem:
        return _fault(problem) | {"id": None, "shadow": False, "token": None, "token_expires_at": None}
    told = _brief(done.decision) | _transfer_out(done)
    told.pop("at")
    return told


@router.post(
    "/transfers/{uuid:public_id}/release",
    auth=ApiKey(Scope.TRANSFERS_WRITE),
    response={200: ReleasedOut, **refusals(404, 409)},
    summary="Confirm that the data were sent",
)
def release(request: HttpRequest, public_id: UUID, payload: ReleaseIn) -> dict[str, Any]:
    """Of an outgoing transfer, once, while the token lives and the consent stands. Refused with 409, the data may not
    go; ask the gate anew."""
    _check(public_id, payload)
    try:
        done = services.release(
            token=payload.token,
            payload_sha256=payload.payload_sha256,
            size=payload.size,
            reference=payload.reference,
            transfer=public_id,
        )
    except services.NotReleased as error:
        raise Problem(_NOT_RELEASED[str(error.code)], " ".join(error.messages)) from None
    return {"id": public_id, "released_at": done.at}


def _check(public_id: UUID, payload: ReleaseIn) -> None:
    if not Transfer.objects.filter(public_id=public_id).exists():
        raise Problem("transfer_not_found")
    try:
        refuse_personal_data(payload.reference)
    except ValidationError as error:
        found = FieldProblem("reference", "personal_data", " ".join(error.messages))
        raise Problem("invalid", errors=[found]) from None


@router.post(
    "/transfers/{uuid:public_id}/receive",
    auth=ApiKey(Scope.TRANSFERS_WRITE),
    response={200: ReceivedOut, **refusals(404, 409)},
    summary="Take in the data that came",
)
def receive(request: HttpRequest, public_id: UUID, payload: ReceiveIn) -> dict[str, Any]:
    """Of an incoming transfer, once, while the token lives and the consent stands: release and values in one.

    Nothing is taken in when a value is wrong, and the token is good still. What came although the gate did not allow it
    is handed over too, with `token` null: all of it goes into quarantine, once, and nothing becomes a value."""
    _check(public_id, payload)
    try:
        done = intake.receive(
            token=payload.token,
            payload_sha256=payload.payload_sha256,
            values=payload.values,
            size=payload.size,
            reference=payload.reference,
            transfer=public_id,
        )
    except services.NotReleased as error:
        raise Problem(_NOT_RELEASED[str(error.code)], " ".join(error.messages)) from None
    except intake.Unfit as error:
        wrong = error.problem
        found = [
            FieldProblem(f"values.{error.category}.{number}.{remark.part}".rstrip("."), remark.code, remark.sentence)
            for number, remark in wrong.problems + wrong.doubts
        ]
        raise Problem("invalid", errors=found) from None
    except ValidationError as error:
        raise Problem("conflict", " ".join(error.messages)) from None
    return {
        "id": public_id,
        "released_at": done.release and done.release.at,
        "taken": done.taken,
        "same": done.same,
        "differ": done.differ,
        "quarantined": done.quarantined,
    }
