"""Errors of the API as RFC 9457 has them: one shape, stable codes, a sentence in the reader's language (DESIGN 8)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy as _
from ninja import Schema

MEDIA_TYPE = "application/problem+json"
# {code: (status, title)}; a code is for programs and never changes its meaning
KNOWN = {
    "bad_request": (400, _("The request cannot be read")),
    "unauthenticated": (401, _("The key is missing, wrong, expired or revoked")),
    "scope_missing": (403, _("This key does not include that right")),
    "forbidden": (403, _("That is not allowed")),
    "not_found": (404, _("There is nothing at this address")),
    "subject_not_found": (404, _("There is no such data subject")),
    "form_not_found": (404, _("No form with this code is in force")),
    "transfer_not_found": (404, _("There is no such transfer")),
    "method_not_allowed": (405, _("This address is not asked in this way")),
    "conflict": (409, _("What we hold already contradicts this")),
    "value_stands": (409, _("The value we hold is not changed here")),
    "form_changed": (409, _("The text of the form changed meanwhile")),
    "not_a_subscriber": (409, _("This system does not follow the change feed")),
    "transfer_released": (409, _("The data of this transfer went already")),
    "transfer_lapsed": (409, _("The time of this transfer is over")),
    "transfer_outgoing": (409, _("This transfer sends data out")),
    "transfer_incoming": (409, _("The data of this transfer come to us")),
    "transfer_stopped": (409, _("The person was blocked or objected after the transfer was authorised")),
    "transfer_refused": (409, _("The gate does not allow this transfer any more")),
    "consent_ended": (409, _("The consent ended after the transfer was authorised")),
    "too_large": (413, _("The request is too large")),
    "invalid": (422, _("Some fields are not right")),
    "idempotency_key_reused": (422, _("This Idempotency-Key came with another request before")),
    "rate_limited": (429, _("Too many requests")),
    "internal": (500, _("Something went wrong on our side")),
    "unavailable": (503, _("The service is not available now")),
}
# what a status says when nobody said more
BY_STATUS = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    422: "invalid",
    429: "rate_limited",
    500: "internal",
    503: "unavailable",
}


class FieldProblem(NamedTuple):
    """What is wrong with one field: its name as the caller wrote it, a code, a sentence; never the value."""

    field: str
    code: str
    detail: str


class FieldError(Schema):
    field: str
    code: str
    detail: str


class ProblemOut(Schema):
    """RFC 9457."""

    type: str
    title: str
    status: int
    code: str
    request_id: str
    detail: str | None = None
    errors: list[FieldError] | None = None


class Problem(Exception):
    """Ends a request with an error; `code` is one of KNOWN. extra: members beside those of RFC 9457."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code)
        self.code, self.detail, self.errors = code, detail, errors
        self.headers, self.extra = headers or {}, extra or {}
        self.status, self.title = KNOWN[code]

    @classmethod
    def of(cls, error: ValidationError, *, names: Mapping[str, str] | None = None) -> "Problem":
        """What a service's ValidationError says. names: {field of the service: field of the request}."""
        if not hasattr(error, "error_dict"):
            return cls("invalid", " ".join(error.messages))
        found = []
        for field, problems in error.error_dict.items():
            name = "" if field == NON_FIELD_ERRORS else (names or {}).get(field, field)
            for problem in problems:
                found.append(FieldProblem(name, str(problem.code or "invalid"), " ".join(problem.messages)))
        return cls("invalid", errors=found)


def answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The problem as a response; nothing in it but the sentence and the request's id."""
    members: dict[str, Any] = {
        "type": f"urn:kelisim:problem:{problem.code}",
        "title": str(problem.title),
        "status": problem.status,
        "code": problem.code,
        "request_id": getattr(request, "kelisim_id", ""),
    }
    if problem.detail:
        members["detail"] = problem.detail
    if problem.errors:
        members["errors"] = [error._asdict() for error in problem.errors]
    response = JsonResponse({**members, **problem.extra}, status=problem.status, content_type=MEDIA_TYPE)
    for name, value in problem.headers.items():
        response[name] = value
    if problem.status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="kelisim"'
    return response


def refusals(*more: int) -> dict[int, Any]:
    """What every operation may refuse with, and the statuses `more`; for ninja's `response=`."""
    return dict.fromkeys(sorted({400, 401, 403, 422, 429, *more}), ProblemOut)
