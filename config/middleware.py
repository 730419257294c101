"""What every request passes through."""

import uuid
from collections.abc import Callable
from http.cookies import SimpleCookie

import structlog
from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import IntegrityError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

from audit.actor import LazyActor
from staff import problems
from subjects.cabinet import SUBJECT_KEY

Handler = Callable[[HttpRequest], HttpResponse]
log = structlog.get_logger("kelisim.requests")
API = "/api/"


class RequestId:
    """Names the request; the same name stands in logs, in history and on the error page."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.kelisim_id = uuid.uuid4().hex[:16]
        if settings.BEHIND_PROXY:
            # the last entry is the proxy's own; those before it are anybody's to write
            request.META["REMOTE_ADDR"] = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=request.kelisim_id)
        response = self.get_response(request)
        response["X-Request-Id"] = request.kelisim_id
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        response["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"
        return response


class ApiProblems:
    """Whatever refuses a request to the API, it never answers with a page (RFC 9457)."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path_info.startswith(API) or response.status_code < 400 or "json" in response["Content-Type"]:
            return response
        problem = problems.Problem(problems.BY_STATUS.get(response.status_code, "bad_request"))
        answer = problems.answer(request, problem)
        if allow := response.get("Allow"):
            answer["Allow"] = allow
        return answer


class TwoSessions(SessionMiddleware):
    """Staff and customers never share a session: the cabinet has a cookie of its own.

    Django's middleware reads one cookie name from the settings, so under `/cabinet/` the cabinet's cookie is
    shown to it under that name, and what it answers is renamed back.
    """

    def process_request(self, request: HttpRequest) -> None:
        request.is_cabinet = request.path_info.startswith("/cabinet/")
        if request.is_cabinet:
            cookies = dict(request.COOKIES)
            cookies.pop(settings.SESSION_COOKIE_NAME, None)
            if settings.CABINET_COOKIE_NAME in cookies:
                cookies[settings.SESSION_COOKIE_NAME] = cookies[settings.CABINET_COOKIE_NAME]
            request.COOKIES = cookies
        super().process_request(request)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response = super().process_response(request, response)
        if getattr(request, "is_cabinet", False) and settings.SESSION_COOKIE_NAME in response.cookies:
            theirs = response.cookies.pop(settings.SESSION_COOKIE_NAME)
            ours = SimpleCookie({settings.CABINET_COOKIE_NAME: theirs.value})[settings.CABINET_COOKIE_NAME]
            ours.update(dict(theirs))
            response.cookies[settings.CABINET_COOKIE_NAME] = ours
        return response


class Actor:
    """Every write of a request is done by the officer or the data subject whose session it is (DESIGN 3)."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        def who() -> str:
            if request.path_info.startswith(API):
                client = getattr(request, "api_client", None)  # since its key was looked at (staff.api)
                return f"api:{client.code}" if client else ""
            if request.is_cabinet:
                subject = request.session.get(SUBJECT_KEY)
                return f"subject:{subject}" if subject else ""
            return f"officer:{request.user.pk}" if request.user.is_authenticated else ""

        request.lazy_actor = LazyActor(who, request.kelisim_id)
        try:
            with connection.execute_wrapper(request.lazy_actor):
                return self.get_response(request)
        finally:
            request.lazy_actor.reset()

    def process_view(self, request: HttpRequest, view: object, args: tuple, kwargs: dict) -> None:
        """Pages of a session read it at once: asked for by its own first statement, it would be read twice."""
        if request.path_info.startswith(("/admin/", "/cabinet/")):
            with request.lazy_actor.unnamed():
                request.lazy_actor.who()


class PrivatePages:
    """Nothing that a signed-in person sees stays in a cache (ASVS 14.3.2)."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path_info.startswith(("/admin/", "/cabinet/", API)):
            add_never_cache_headers(response)
        return response


class RefusedByTheDatabase:
    """A constraint or trigger that refused a write is a sentence for the reader, never a 500 (DESIGN 8)."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, IntegrityError):
            return None
        cause = exception.__cause__
        constraint = getattr(getattr(cause, "diag", None), "constraint_name", None)
        log.warning("refused by the database", constraint=constraint, path=request.resolver_match.view_name)
        return render(request, "409.html", status=409)
