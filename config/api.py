"""The API of the organisation's own systems, `/api/v1/`: apps bring their operations, this file only composes."""

import re
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError
from ninja.errors import ValidationError as Malformed

from consent.api import router as consent
from consent.device_api import router as devices
from consent.feed_api import router as feed
from staff import problems
from staff.problems import FieldProblem, Problem
from subjects.api import router as subjects
from subjects.data_api import router as data
from subjects.request_api import router as requests
from transfers.api import router as transfers

DESCRIPTION = """
Systems of the organisation tell who its data subjects are, show consent forms, record answers and withdrawals, ask
what may be done with a person's data and to whom it may go, and follow changes. Errors are `application/problem+json`
(RFC 9457) with a stable `code`; sentences come in the language of `Accept-Language` (kk, ru, en).
"""


class Api(NinjaAPI):
    def get_openapi_schema(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The description as ninja makes it, with what ninja cannot say: errors are problems, HEAD is as GET."""
        schema = super().get_openapi_schema(*args, **kwargs)
        for path in schema["paths"].values():
            path.pop("head", None)
            for operation in path.values():
                for status, response in operation["responses"].items():
                    if int(status) >= 400 and "application/json" in response.get("content", {}):
                        response["content"] = {problems.MEDIA_TYPE: response["content"]["application/json"]}
        return schema


api = Api(
    title="Kelisim",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    docs_url="/docs",
    servers=[{"url": settings.SITE_URL}],
)
api.add_router("", subjects)
api.add_router("", data)
api.add_router("", requests)
api.add_router("", consent)
api.add_router("", devices)
api.add_router("", feed)
api.add_router("", transfers)


def _sentence(kind: str, context: dict[str, Any]) -> str:
    """What pydantic found, said to the reader. kind: its type of error."""
    if kind == "missing":
        return _("This field is missing.")
    if kind == "extra_forbidden":
        return _("There is no such field. Check its name.")
    if kind in ("literal_error", "enum"):
        return _("This is not one of: %(allowed)s.") % {"allowed": str(context.get("expected", "")).replace("'", "")}
    if kind in ("string_too_long", "too_long"):
        return _("Write at most %(count)s characters.") % {"count": context.get("max_length", "")}
    if kind in ("string_too_short", "too_short"):
        return _("Write at least %(count)s characters.") % {"count": context.get("min_length", "")}
    if kind.startswith(("greater_than", "less_than")):
        limit = next((context[name] for name in ("ge", "gt", "le", "lt") if name in context), "")
        return _("This number is beyond the limit %(limit)s.") % {"limit": limit}
    if kind.startswith(("date", "timezone")):
        return _("Write a moment with its time zone, as 2026-11-23T10:00:00+05:00.")
    if kind.startswith("uuid"):
        return _("Write a UUID.")
    if kind.startswith(("int", "float", "bool")):
        return _("This is not a number.") if not kind.startswith("bool") else _("Write true or false.")
    if kind == "string_pattern_mismatch":
        return _("There are characters here that do not belong.")
    return _("This is not what belongs here. Look at the description of this operation.")


def _field(place: tuple[Any, ...]) -> str:
    """`("body", "payload", "evidence", "address")` is `evidence.address`: the argument's name is ours alone."""
    kept = place[2:] if place[0] == "body" else place[1:]
    return ".".join(str(part) for part in kept)


@api.exception_handler(Problem)
def _problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    return problems.answer(request, problem)


@api.exception_handler(Malformed)
def _malformed(request: HttpRequest, error: Malformed) -> HttpResponse:
    found = [
        FieldProblem(_field(tuple(e["loc"])), re.sub(r"\W", "_", e["type"]), _sentence(e["type"], e.get("ctx") or {}))
        for e in error.errors
    ]
    return problems.answer(request, Problem("invalid", errors=found))


@api.exception_handler(ValidationError)
def _refused(request: HttpRequest, error: ValidationError) -> HttpResponse:
    return problems.answer(request, Problem.of(error))


@api.exception_handler(PermissionDenied)
def _forbidden(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
    return problems.answer(request, Problem("forbidden", str(error)))


@api.exception_handler(AuthenticationError)
def _nobody(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return problems.answer(request, Problem("unauthenticated"))


@api.exception_handler(Http404)
def _nothing(request: HttpRequest, error: Http404) -> HttpResponse:
    return problems.answer(request, Problem("not_found"))


@api.exception_handler(HttpError)
def _unreadable(request: HttpRequest, error: HttpError) -> HttpResponse:
    detail = _("The body is not JSON in UTF-8.") if error.status_code == 400 else ""
    return problems.answer(request, Problem(problems.BY_STATUS.get(error.status_code, "bad_request"), detail))
