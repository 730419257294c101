"""What every operation of the API stands behind: a key with a right, a rate, and an answer that can be repeated."""

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja.security import HttpBearer

from staff.enums import Scope
from staff.models import ApiClient, IdempotentAnswer
from staff.problems import FieldProblem, Problem
from staff.services import api_clients

REPEATED = "Idempotency-Replayed"
KEPT = timedelta(hours=24)
# how long a key of a request may be, wherever one is kept
SHORTEST_KEY, LONGEST_KEY = 8, 100
_KEY = re.compile(rf"[\x21-\x7e]{{{SHORTEST_KEY},{LONGEST_KEY}}}")
# what the description of a repeatable operation says of the header
REPEATABLE = {
    "parameters": [
        {
            "in": "header",
            "name": "Idempotency-Key",
            "required": False,
            "description": "The same request with the same key is done once and answered alike, for a day.",
            "schema": {"type": "string", "minLength": SHORTEST_KEY, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
        }
    ]
}
# the first number of the advisory locks by which requests with one key wait for each other
_LOCKS = 0x4B4C4D


class ApiKey(HttpBearer):
    """`Authorization: Bearer klm_…` with the right that the operation needs."""

    openapi_description = "The key of a system, made by an administrator in the back office and shown once."

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> ApiClient | None:
        """The client whose key it is. Raises Problem when the right is lacking or the minute is used up."""
        with request.lazy_actor.unnamed():
            client = api_clients.authenticate(token)
        if client is None:
            return None
        request.api_client = client
        request.lazy_actor.renew()  # from here on the request acts as `api:<code>`
        if wait := api_clients.seconds_to_wait(client):
            detail = _("Try again in %(n)s s; this key has %(limit)s requests a minute.")
            raise Problem(
                "rate_limited", detail % {"n": wait, "limit": client.per_minute}, headers={"Retry-After": str(wait)}
            )
        api_clients.note_use(client)
        if self.scope not in client.scopes:
            detail = _("An administrator gives the right “%(scope)s” to this system.") % {"scope": self.scope}
            raise Problem("scope_missing", detail)
        return client


def _digest(request: HttpRequest) -> bytes:
    parts = [request.method or "", request.get_full_path(), ""]
    return hashlib.sha256("\n".join(parts).encode() + request.body).digest()


def _kept(row: IdempotentAnswer) -> HttpResponse:
    response = HttpResponse(row.body, status=row.status, content_type=row.media_type)
    response[REPEATED] = "true"
    return response


def key_of(request: HttpRequest) -> str:
    """The Idempotency-Key, "" without one. Raises Problem when it is too short, too long or not visible ASCII."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    if not _KEY.fullmatch(key):
        sentence = _("Write 8 to 100 visible ASCII characters, a UUID for example.")
        raise Problem("invalid", errors=[FieldProblem("Idempotency-Key", "format", sentence)])
    return key


def repeatable(operation: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Make a POST safe to send again: with the header Idempotency-Key the same request is done once.

    The act and its answer are one transaction, so there is no act without an answer; two at once wait for each other.
    `operation` answers with an HttpResponse; what it raises is not kept, because nothing was done.
    """

    @wraps(operation)
    def once(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        key = key_of(request)
        if not key:
            return operation(request, *args, **kwargs)
        client: ApiClient = request.api_client
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCKS, f"{client.pk} {key}"])
            row = IdempotentAnswer.objects.filter(client=client, key=key).first()
            if row is not None and row.created_at > timezone.now() - KEPT:
                if bytes(row.request_digest) != _digest(request):
                    raise Problem("idempotency_key_reused", _("Another request needs another key."))
                return _kept(row)
            response = operation(request, *args, **kwargs)
            IdempotentAnswer.objects.update_or_create(
                client=client,
                key=key,
                defaults={
                    "request_digest": _digest(request),
                    "status": response.status_code,
                    "media_type": response["Content-Type"],
                    "body": response.content.decode(),
                    "created_at": timezone.now(),
                },
            )
            return response

    return once
