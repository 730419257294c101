"""Tries to sign in as staff: each is a row, and the rows are what limits them (ASVS 6.3.1, 6.3.8).

A name and the network address are counted apart. While a limit is reached no password is looked at, so that even
the right one is not found by trying. An unknown name costs the same work as a known one.
"""

import math
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import NamedTuple

from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import ngettext

from audit.actor import acting_as
from staff.enums import SignInOutcome
from staff.models import SignIn, StaffUser

WINDOW = timedelta(minutes=15)
PER_NAME = 5
PER_ADDRESS = 30


class TooManyTries(ValidationError):
    """A limit is reached; the message says when to try again."""


class Visitor(NamedTuple):
    """Where a try comes from. Behind a proxy the address is the proxy's: X-Forwarded-For is anybody's to write."""

    address: str | None = None
    agent: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> "Visitor":
        """From REMOTE_ADDR, which is empty on a unix socket."""
        try:
            address = str(ip_address(request.META.get("REMOTE_ADDR", "")))
        except ValueError:
            address = None
        return cls(address, request.headers.get("User-Agent", "").replace("\x00", "")[:200])


NOWHERE = Visitor()


def digest_of_name(name: str) -> bytes:
    """16 bytes by which tries under one name are found; people also type passwords there, so the name is not kept."""
    return salted_hmac("staff.sign_in.name", name.casefold(), algorithm="sha256").digest()[:16]


def _full_until(refused: QuerySet[SignIn], limit: int) -> datetime | None:
    """When the limit has room again; None when it has now."""
    times = list(refused.order_by("-at").values_list("at", flat=True)[:limit])
    return times[-1] + WINDOW if len(times) == limit else None


def check_may_try(*, name: str, address: str | None, at: datetime | None = None) -> None:
    """Raise TooManyTries when the name or the network address was refused too often before `at` (now by default)."""
    at = at or timezone.now()
    refused = SignIn.objects.filter(outcome=SignInOutcome.REFUSED, at__gt=at - WINDOW, at__lte=at)
    full = [_full_until(refused.filter(name_digest=digest_of_name(name)), PER_NAME)]
    if address:
        full.append(_full_until(refused.filter(address=address), PER_ADDRESS))
    until = max((moment for moment in full if moment), default=None)
    if until:
        minutes = max(1, math.ceil((until - at).total_seconds() / 60))
        message = ngettext(
            "Too many tries. Try again in %(minutes)s minute.",
            "Too many tries. Try again in %(minutes)s minutes.",
            minutes,
        )
        raise TooManyTries(message, code="limited", params={"minutes": minutes})


def record(outcome: SignInOutcome, *, name: str, who: StaffUser | None, visitor: Visitor) -> SignIn:
    """Write down what happened; the name typed is kept as a digest only."""
    return SignIn.objects.create(
        outcome=outcome, who=who, name_digest=digest_of_name(name), address=visitor.address, agent=visitor.agent
    )


def attempt(*, request: HttpRequest, name: str, password: str) -> StaffUser | None:
    """The active member of staff with this name and password, else None; the try is committed either way.

    Raises TooManyTries without having looked at the password.
    """
    visitor = Visitor.of(request)
    user: StaffUser | None = None
    limited: TooManyTries | None = None
    with acting_as("sign-in"), transaction.atomic():
        _queue_up(name)
        named = StaffUser.objects.filter(username=name).first()
        try:
            check_may_try(name=name, address=visitor.address)
        except TooManyTries as error:
            limited, outcome = error, SignInOutcome.LIMITED
        else:
            found = authenticate(request, username=name, password=password)
            user = found if isinstance(found, StaffUser) and found.is_staff else None
            outcome = SignInOutcome.SIGNED_IN if user else SignInOutcome.REFUSED
        record(outcome, name=name, who=named, visitor=visitor)
    if limited:
        raise limited
    return user


def _queue_up(name: str) -> None:
    """Tries under one name wait for each other, or a hundred at once would all count the same few rows."""
    key = int.from_bytes(digest_of_name(name)[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
