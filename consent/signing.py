"""Signing receipts: Ed25519 (RFC 8032) over canonical JSON (RFC 8785), and the keys for it.

Which key signs follows from when an event was recorded, never from when somebody asks: the signature of a receipt is
the same today and in ten years. `consent/verify_receipt.py` checks it without us.
"""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from django.utils import timezone

from consent.models import ReceiptKey
from consent.verify_receipt import ALGORITHM
from subjects import vault

# a new key begins a moment ahead: nothing recorded before it was signed by another one meanwhile
AHEAD = timedelta(minutes=1)


class NoKey(LookupError):
    """There is no key to sign receipts with."""

    def __init__(self) -> None:
        super().__init__("There is no key of receipts. Run: manage.py load_registers")


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def key_id(public_key: bytes) -> str:
    """The name of a public key of 32 bytes: its thumbprint (RFC 7638, 8037), 43 characters."""
    return _text(hashlib.sha256(rfc8785.dumps({"crv": "Ed25519", "kty": "OKP", "x": _text(public_key)})).digest())


def written(moment: datetime) -> str:
    """A moment as receipts write it: UTC, with microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _make(since: datetime | None) -> ReceiptKey:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    version, wrapped = vault.ring().wrap(private.private_bytes_raw())
    key = ReceiptKey.objects.create(
        key_id=key_id(public),
        public_key=public,
        kek_version=version,
        wrapped=wrapped,
        in_force_during=(since, None),
    )
    key.refresh_from_db(fields=["in_force_during"])
    return key


def ensure_key() -> bool:
    """Make the first key, in force from the beginning; whether there was none. `load_registers` calls it."""
    if ReceiptKey.objects.exists():
        return False
    _make(None)
    return True


@transaction.atomic
def rotate(*, at: datetime | None = None) -> ReceiptKey:
    """Sign what is recorded from `at` on with a new key; the old ones stay published. at: ahead, by default a minute.

    Raises ValueError when `at` is not ahead, NoKey before the first key.
    """
    since = at or timezone.now() + AHEAD
    if since <= timezone.now():
        raise ValueError("a key begins in the future: what was recorded is signed already")
    old = ReceiptKey.objects.select_for_update().filter(in_force_during__endswith=None).first()
    if old is None:
        raise NoKey
    old.in_force_during = (old.in_force_during.lower, since)
    old.save(update_fields=["in_force_during"])
    return _make(since)


def rewrap() -> int:
    """Wrap the keys anew that the active key-encryption key did not wrap; how many. `rotate_keys` calls it."""
    ring = vault.ring()
    stale = ReceiptKey.objects.exclude(kek_version=ring.active_version)
    for key in stale:
        key.kek_version, key.wrapped = ring.rewrap(key.kek_version, bytes(key.wrapped))
        key.save(update_fields=["kek_version", "wrapped"])
    return len(stale)


def signed(content: dict[str, Any], *, recorded_at: datetime) -> dict[str, Any]:
    """`content` with its `proof`, by the key in force when the event was recorded. Raises NoKey."""
    key = ReceiptKey.objects.in_force(recorded_at).first()
    if key is None:
        raise NoKey
    private = Ed25519PrivateKey.from_private_bytes(vault.ring().unwrap(key.kek_version, bytes(key.wrapped)))
    proof = {"algorithm": ALGORITHM, "key_id": key.key_id}
    signature = private.sign(rfc8785.dumps({**content, "proof": proof}))
    return {**content, "proof": {**proof, "signature": _text(signature)}}


def published() -> dict[str, Any]:
    """The public keys, oldest first, as a JWK set (RFC 7517) that says what each one signed."""
    return {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "use": "sig",
                "kid": key.key_id,
                "x": _text(bytes(key.public_key)),
                "valid_from": since and written(since),
                "valid_to": until and written(until),
            }
            for key in ReceiptKey.objects.order_by("pk")
            for since, until in [(key.in_force_during.lower, key.in_force_during.upper)]
        ]
    }
