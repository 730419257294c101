"""The API about requests of people: a system of ours takes one in, and learns how it stands (94-V art. 24)."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Path, Router, Schema
from pydantic import AwareDatetime, Field, StringConstraints

from staff.api import REPEATABLE, ApiKey, repeatable
from staff.enums import Language, Scope
from staff.problems import FieldProblem, Problem, refusals
from staff.shapes import Code, Line, Moment, Strict
from subjects import request_queues
from subjects import request_services as services
from subjects.api import Ref, find, not_ahead
from subjects.enums import Disclosure
from subjects.models import DataCategory, SubjectRequest
from subjects.requests import GRANTED, RequestChannel, RequestKind, RequestState

router = Router(tags=["Requests of people"])
# a number of a decision may have spaces in it; one that is nothing else would mean "all"
About = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Number = Annotated[UUID, Path(description="The id of the request, as it was answered when it was told.")]


class RequestIn(Strict):
    """What a person asked of one of our systems. An officer establishes who asks before anything leaves."""

    kinds: list[Literal[*RequestKind.values]] = Field(min_length=1, max_length=len(RequestKind.values))
    received_at: Moment | None = None
    language: Literal[*Language.values] | None = None
    about: list[About] = Field(
        default=[], max_length=40, description="Codes of forms or purposes, numbers of decisions; empty for all."
    )
    category: Code | None = None
    value: Line = ""
    text: Annotated[str, Field(max_length=4000, pattern=r"^[^\x00]*$")] = ""


class RequestOut(Schema):
    """`state` and grounds of refusal are the names of W3C DPV; `due_at`: until when it must be answered, while a clock
    runs. `refusal`: the ground when all is refused; `refused`: each kind that is, with its ground."""

    id: UUID
    number: str
    kinds: list[str]
    channel: str
    state: Literal[*RequestState.values]
    refusal: str | None
    refused: dict[str, str]
    received_at: AwareDatetime
    due_at: AwareDatetime | None
    answered_at: AwareDatetime | None


class RequestsOut(Schema):
    requests: list[RequestOut]


def _out(row: SubjectRequest, due: request_queues.Due | None) -> dict[str, object]:
    done = row.state in (*GRANTED, RequestState.REJECTED)
    return {
        "id": row.public_id,
        "number": str(row),
        "kinds": row.kinds,
        "channel": row.channel,
        "state": row.state,
        # what is proposed is nobody's business before it takes effect
        "refusal": row.refusal if done and len(set(row.refused.values())) == 1 and row.refusing else None,
        "refused": row.refused if done else {},
        "received_at": row.received_at,
        "due_at": due.until if due and not due.paused else None,
        "answered_at": row.answered_at,
    }


def _unknown(code: str) -> str:
    return _("The approved list has no such category: %(codes)s.") % {"codes": code}


def _not_after_now(at: datetime | None) -> datetime | None:
    """Clocks differ a little: what is ahead by no more than that is now."""
    return min(at, timezone.now()) if at is not None else None


def _seen() -> object:
    rows = SubjectRequest.objects.filter(disclosure=Disclosure.SUBJECT)
    return rows.defer("sealed_text", "sealed_value", "sealed_answer")


@router.post(
    "/subjects/{ref}/requests",
    auth=ApiKey(Scope.SUBJECTS_WRITE),
    response={201: RequestOut, **refusals(404)},
    summary="Tell what a person asked of us",
    openapi_extra=REPEATABLE,
)
@repeatable
def tell_request(request: HttpRequest, ref: Ref, payload: RequestIn) -> HttpResponse:
    """The clock of the law runs from `received_at`, now by default. Send an Idempotency-Key, else twice is two."""
    subject = find(ref)
    not_ahead(payload.received_at, field="received_at")
    category = None
    if payload.category is not None:
        category = DataCategory.objects.filter(code=payload.category).first()
        if category is None:
            raise Problem("invalid", errors=[FieldProblem("category", "unknown", _unknown(payload.category))])
    try:
        row = services.register(
            subject=subject,
            kinds=payload.kinds,
            channel=RequestChannel.API,
            language=payload.language or subject.language,
            received_at=_not_after_now(payload.received_at),
            target=" ".join(payload.about),
            category=category,
            value=payload.value,
            text=payload.text,
        )
    except ValidationError as error:
        raise Problem.of(error, names={"target": "about"}) from None
    out = RequestOut(**_out(row, request_queues.due_of([row]).get(row.pk)))
    return JsonResponse(out.model_dump(mode="json"), status=201)


@router.api_operation(
    ["GET", "HEAD"],
    "/subjects/{ref}/requests",
    auth=ApiKey(Scope.SUBJECTS_READ),
    response={200: RequestsOut, **refusals(404)},
    summary="Read how a person's requests stand",
)
def read_requests(request: HttpRequest, ref: Ref) -> dict[str, object]:
    """The newest hundred; the words and the answers stay here."""
    rows = list(_seen().filter(subject=find(ref))[:100])
    due = request_queues.due_of(rows)
    return {"requests": [_out(row, due.get(row.pk)) for row in rows]}


@router.api_operation(
    ["GET", "HEAD"],
    "/requests/{id}",
    auth=ApiKey(Scope.SUBJECTS_READ),
    response={200: RequestOut, **refusals(404)},
    summary="Read how one request stands",
)
def read_request(request: HttpRequest, id: Number) -> dict[str, object]:
    """By the id that was answered when the request was told."""
    row = _seen().filter(public_id=id).first()
    if row is None:
        raise Problem("not_found")
    return _out(row, request_queues.due_of([row]).get(row.pk))
