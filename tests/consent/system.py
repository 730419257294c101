"""A system of ours at the API: with a key, speaking JSON."""

import json
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from audit.actor import acting_as
from staff import services
from staff.enums import Scope
from staff.models import ApiClient

ALL = tuple(Scope.values)


def client_and_key(
    code: str = "loans", *, scopes: tuple[str, ...] = ALL, per_minute: int = 6000
) -> tuple[ApiClient, str]:
    with acting_as("job:fixture"):
        return services.make_client(
            code=code,
            name=code,
            scopes=scopes,
            expires_at=timezone.now() + timedelta(days=1),
            per_minute=per_minute,
            by=None,
        )


class System:
    """`System()` has every right; `system.post("/consents", {...})` answers with the response, `.json()` parsed."""

    def __init__(
        self, code: str = "loans", *, scopes: tuple[str, ...] = ALL, per_minute: int = 6000, language: str = "en"
    ) -> None:
        self.client, self.key = client_and_key(code, scopes=scopes, per_minute=per_minute)
        self.language = language
        self.browser = Client(raise_request_exception=False)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        extra = {"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}
        headers = {"Authorization": f"Bearer {self.key}", "Accept-Language": self.language, **headers}
        return getattr(self.browser, method)(f"/api/v1{path}", headers=headers, **extra)

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.ask("get", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> HttpResponse:
        return self.ask("post", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> HttpResponse:
        return self.ask("put", path, body, **headers)


def problem(response: HttpResponse, status: int, code: str) -> dict:
    """The body of a refusal, which must have the form of RFC 9457."""
    assert response.status_code == status, response.content.decode()
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["code"] == code, body
    assert body["status"] == status
    assert body["type"] == f"urn:kelisim:problem:{code}"
    assert body["request_id"] == response["X-Request-Id"]
    return body
