"""Keys to the API: made, renewed, revoked, and asked at the door (ASVS 6.2, 13.2)."""

import hashlib
import math
import re
import secrets
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from audit import prepared
from audit.actor import because
from staff.models import ApiAllowance, ApiClient, StaffUser
from staff.rules import check_may_change_client, check_may_make_client

KEY_RENEWED = "key_renewed"
_PREFIX = "klm_"
_FOUND_BY = len(_PREFIX) + 8
_KEY = re.compile(rf"{_PREFIX}[0-9a-f]{{8}}_[\w-]{{43}}", re.ASCII)
_WINDOW = timedelta(minutes=1)
_TABLE = ApiAllowance._meta.db_table


def _digest(key: str) -> bytes:
    # 256 random bits: a slow hash would protect nothing that a fast one does not
    return hashlib.sha256(key.encode()).digest()


def _new_key(client: ApiClient) -> str:
    client.prefix = _PREFIX + secrets.token_hex(4)
    key = f"{client.prefix}_{secrets.token_urlsafe(32)}"
    client.digest = _digest(key)
    return key


def _check_end(expires_at: datetime) -> None:
    if expires_at <= timezone.now():
        raise ValidationError({"expires_at": _("The key would have expired already: choose a later moment.")})


@transaction.atomic
def make_client(
    *, code: str, name: str, scopes: Sequence[str], expires_at: datetime, per_minute: int = 600, by: StaffUser | None
) -> tuple[ApiClient, str]:
    """Let a system in: (the client, its key). The key is in nobody's hands but the caller's, who shows it once.

    scopes: of staff.enums.Scope. Raises NotAllowed, ValidationError naming each wrong field.
    """
    check_may_make_client(by=by)
    client = ApiClient(code=code, name=name, scopes=list(scopes), expires_at=expires_at, per_minute=per_minute)
    key = _new_key(client)
    client.full_clean()
    _check_end(expires_at)
    client.save()
    return client, key


@transaction.atomic
def change_client(*, client: ApiClient, fields: Sequence[str], by: StaffUser) -> ApiClient:
    """Save the named fields (name, scopes, per_minute, expires_at); they count from the next request on.

    Raises NotAllowed, ValidationError.
    """
    check_may_change_client(ApiClient.objects.select_for_update().get(pk=client.pk), by=by)
    client.full_clean()
    if "expires_at" in fields:
        _check_end(client.expires_at)
    client.save(update_fields=list(fields))
    return client


@transaction.atomic
def renew_key(*, client: ApiClient, by: StaffUser) -> str:
    """Give the system another key; the old one opens nothing from now on. Raises NotAllowed."""
    client = ApiClient.objects.select_for_update().get(pk=client.pk)
    check_may_change_client(client, by=by)
    key = _new_key(client)
    with because(KEY_RENEWED):
        client.save(update_fields=["prefix", "digest"])
    return key


@transaction.atomic
def revoke_client(*, client: ApiClient, by: StaffUser) -> ApiClient:
    """End the key for good. Raises NotAllowed."""
    client = ApiClient.objects.select_for_update().get(pk=client.pk)
    check_may_change_client(client, by=by)
    client.revoked_at, client.revoked_by = timezone.now(), by
    client.save(update_fields=["revoked_at", "revoked_by"])
    return client


@cache
def _by_prefix() -> tuple[str, list[str]]:
    """The statement that finds a key's row, and the names of its columns."""
    fields = ApiClient._meta.concrete_fields
    columns = ", ".join(f'"{field.column}"' for field in fields)
    sql = f"SELECT {columns} FROM {ApiClient._meta.db_table} WHERE prefix = %(prefix)s"  # noqa: S608
    return sql, [field.attname for field in fields]


def authenticate(key: str) -> ApiClient | None:
    """Whose key this is; None for a wrong, expired or revoked one. One statement, none for what is no key at all."""
    if not _KEY.fullmatch(key):
        return None
    sql, names = _by_prefix()
    row = prepared.one(sql, {"prefix": key[:_FOUND_BY]})
    if row is None:
        return None
    client = ApiClient.from_db(connection.alias, names, row)
    if not constant_time_compare(_digest(key), bytes(client.digest)):
        return None
    return client if client.is_live else None


class _Lease(NamedTuple):
    """Requests of a system that this process may still let in without asking the database, until a moment."""

    left: int
    until: float


# a fast system takes a tenth of a second's worth at a time, so that not each of its requests writes a row
_LEASED_FOR, _MOST_LEASED = 1.0, 100
_leases: dict[int, _Lease] = {}
_leasing = threading.Lock()


def _let_in_by_lease(client: ApiClient) -> bool:
    with _leasing:
        lease = _leases.get(client.pk)
        if lease is None or not lease.left or lease.until <= time.monotonic():
            _leases.pop(client.pk, None)
            return False
        _leases[client.pk] = lease._replace(left=lease.left - 1)
        return True


def seconds_to_wait(client: ApiClient) -> int:
    """Count one request of the system; 0 when it has room in its minute, else in how many seconds it will.

    The generic cell rate algorithm in one statement: a row says when the system will have used nothing; each request
    moves that on by a share of the minute, and a minute's worth may come at once. A system that may come more than ten
    times a second is let in several requests at a time: what is taken counts, used or not, so it never gets more.
    """
    if _let_in_by_lease(client):
        return 0
    many = max(1, min(_MOST_LEASED, client.per_minute // 600))
    if many > 1 and _take(client, many):
        with _leasing:
            _leases[client.pk] = _Lease(many - 1, time.monotonic() + _LEASED_FOR)
        return 0
    if _take(client, 1):
        return 0
    asked: list[Any] = [_WINDOW / client.per_minute, _WINDOW, client.pk]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT extract(epoch FROM free_at + %s - %s - clock_timestamp()) FROM {_TABLE} WHERE client_id = %s",  # noqa: S608
            asked,
        )
        return max(1, math.ceil(cursor.fetchone()[0]))


_TAKE = f"""
INSERT INTO {_TABLE} AS a (client_id, free_at) VALUES (%(client)s, clock_timestamp() + %(share)s)
ON CONFLICT (client_id) DO UPDATE SET free_at = greatest(a.free_at, clock_timestamp()) + %(share)s
WHERE a.free_at <= clock_timestamp() + %(window)s - %(share)s RETURNING 1
"""  # noqa: S608


def _take(client: ApiClient, many: int) -> bool:
    """Whether so many requests have room in the system's minute; then they are counted."""
    share = _WINDOW * many / client.per_minute
    return prepared.one(_TAKE, {"client": client.pk, "share": share, "window": _WINDOW}) is not None


def note_use(client: ApiClient) -> None:
    """Write down when the system was last here, at most once a minute."""
    now = timezone.now()
    if client.last_used_at is None or client.last_used_at < now - _WINDOW:
        long_ago = Q(last_used_at=None) | Q(last_used_at__lt=now - _WINDOW)
        ApiClient.objects.filter(long_ago, pk=client.pk).update(last_used_at=Now())
