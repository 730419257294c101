"""Keys to the API: made, renewed, revoked, and asked at the door (ASVS 6.2, 13.2)."""

import hashlib
import math
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from audit.actor import because
from staff.models import ApiAllowance, ApiClient, StaffUser
from staff.rules import check_may_change_client, check_may_make_client

KEY_RENEWED = "key_renewed"
_PREFIX = "klm_"
_FOUND_BY = len(_PREFIX) + 8
_KEY = re.compile(rf"{_PREFIX}[0-9a-f]{{8}}_[\w-]{{43}}", re.ASCII)
_WINDOW = timedelta(minutes=1)


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


def authenticate(key: str) -> ApiClient | None:
    """Whose key this is; None for a wrong, expired or revoked one. One statement, none for what is no key at all."""
    if not _KEY.fullmatch(key):
        return None
    client = ApiClient.objects.filter(prefix=key[:_FOUND_BY]).first()
    if client is None or not constant_time_compare(_digest(key), bytes(client.digest)):
        return None
    return client if client.is_live else None


def seconds_to_wait(client: ApiClient) -> int:
    """Count one request of the system; 0 when it has room in its minute, else in how many seconds it will.

    The generic cell rate algorithm in one statement: a row says when the system will have used nothing; each request
    moves that on by a share of the minute, and a minute's worth may come at once.
    """
    table = ApiAllowance._meta.db_table
    share = f"interval '{_WINDOW.total_seconds() / client.per_minute:.6f} s'"
    window = f"interval '{_WINDOW.total_seconds():.0f} s'"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} AS a (client_id, free_at) VALUES (%s, clock_timestamp() + {share})"  # noqa: S608
            f" ON CONFLICT (client_id) DO UPDATE SET free_at = greatest(a.free_at, clock_timestamp()) + {share}"
            f" WHERE a.free_at <= clock_timestamp() + {window} - {share} RETURNING 1",
            [client.pk],
        )
        if cursor.fetchone():
            return 0
        cursor.execute(
            f"SELECT extract(epoch FROM free_at + {share} - {window} - clock_timestamp())"  # noqa: S608
            f" FROM {table} WHERE client_id = %s",
            [client.pk],
        )
        return max(1, math.ceil(cursor.fetchone()[0]))


def note_use(client: ApiClient) -> None:
    """Write down when the system was last here, at most once a minute."""
    now = timezone.now()
    if client.last_used_at is None or client.last_used_at < now - _WINDOW:
        long_ago = Q(last_used_at=None) | Q(last_used_at__lt=now - _WINDOW)
        ApiClient.objects.filter(long_ago, pk=client.pk).update(last_used_at=Now())
