"""Customers who are signed in on our own site come in without a code: a signed token, short-lived, used once (issue 5).

What is wrong with a token is for the log; whoever brought it is only sent to the door.
"""

import hashlib
import time
from datetime import UTC, datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from audit.actor import acting_as
from subjects import duplicates, search
from subjects.enums import IndexKind
from subjects.models import CabinetEvent, DataSubject, HandoverKey, HandoverUse
from subjects.signed_tokens import Invalid, Token, read

log = structlog.get_logger("kelisim.handover")

# seconds: how far two clocks may be apart, and how long a token may live
SKEW = 30
LONGEST = 120
MOST_TEXT = 100


def accept(*, token: str, origin: str) -> tuple[DataSubject, str] | None:
    """(who it is, code of the site) by a token that holds; None otherwise. A token is used up by being shown.

    origin: the browser's word for where the form was (`Origin`). A frame that hides it ("null") or says nothing could
    sign somebody in as somebody else, by a token of whoever made the frame.
    """
    with acting_as("sign-in"):
        try:
            key, told = _read(token, origin=origin, now=time.time())
            return _let_in(key, told), key.issuer
        except Invalid as error:
            log.warning("a hand-over was refused", why=str(error))
            return None


def _read(token: str, *, origin: str, now: float) -> tuple[HandoverKey, dict[str, Any]]:
    """The key and claims of a token that is ours, for us, from there, and of now. Raises Invalid."""
    found: list[HandoverKey] = []

    def key_of(header: dict[str, Any], claims: dict[str, Any]) -> str:
        issuer, key_id = claims.get("iss"), header.get("kid")
        if not isinstance(issuer, str) or not isinstance(key_id, str) or not (issuer + key_id).isascii():
            raise Invalid("issuer")
        key = HandoverKey.objects.in_force().filter(issuer=issuer[:MOST_TEXT], key_id=key_id[:MOST_TEXT]).first()
        if key is None:
            raise Invalid("issuer")
        found.append(key)
        return key.public_key

    told = read(token, key_of=key_of)
    if origin != found[0].origin:
        raise Invalid("origin")
    _check_claims(told, now=now)
    return found[0], told.claims


def _check_claims(token: Token, *, now: float) -> None:
    claims = token.claims
    if claims.get("aud") != settings.HANDOVER_AUDIENCE:
        raise Invalid("audience")
    issued, expires = claims.get("iat"), claims.get("exp")
    if type(issued) is not int or type(expires) is not int:  # bool is an int too
        raise Invalid("time")
    if not 0 < expires - issued <= LONGEST:
        raise Invalid("lives too long")
    if issued > now + SKEW:
        raise Invalid("not yet")
    if expires <= now - SKEW:
        raise Invalid("expired")
    number, subject = claims.get("jti"), claims.get("sub")
    if not isinstance(number, str) or not 16 <= len(number) <= MOST_TEXT:
        raise Invalid("jti")
    if not isinstance(subject, str) or not 0 < len(subject) <= MOST_TEXT or not subject.isprintable():
        raise Invalid("sub")


def _let_in(key: HandoverKey, claims: dict[str, Any]) -> DataSubject:
    """Use the token up, whoever it speaks of, then find the person. Raises Invalid."""
    with transaction.atomic():
        _row, new = HandoverUse.objects.get_or_create(
            issuer=key.issuer,
            digest=hashlib.sha256(claims["jti"].encode("utf-8", "surrogatepass")).digest(),
            defaults={"expires_at": datetime.fromtimestamp(claims["exp"] + SKEW, tz=UTC)},
        )
    if not new:
        raise Invalid("used")
    number = IndexKind.CLIENT_NUMBER
    person = duplicates.whose(number, search.digest(number, claims["sub"]))
    if person is None:
        raise Invalid("nobody")
    CabinetEvent.objects.create(kind=CabinetEvent.Kind.HANDED_OVER, subject=person)
    return person
