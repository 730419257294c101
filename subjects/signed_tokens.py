"""Compact JWS with Ed25519, read strictly: one algorithm, one spelling, one reading (RFC 7515, 8037)."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MOST_CHARACTERS = 2000
# points of small order (the sign bit aside): under such a "key" anybody's signature may hold (RFC 8032, 5.1.7)
_WEAK = {
    (1).to_bytes(32, "little"),
    (0).to_bytes(32, "little"),
    *((2**255 - 19 + n).to_bytes(32, "little") for n in (-1, 0, 1)),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
}
_PART = re.compile(r"[A-Za-z0-9_-]+\Z")


class Invalid(Exception):
    """The token is none of ours; the reason is for logs, nobody outside is told."""


class Token(NamedTuple):
    """A token whose signature holds: its header and its claims."""

    header: dict[str, Any]
    claims: dict[str, Any]


def _bytes(part: str) -> bytes:
    """base64url without padding, in its one spelling. Raises Invalid."""
    if not _PART.match(part):
        raise Invalid("encoding")
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise Invalid("encoding") from error
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise Invalid("encoding")
    return raw


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _value in pairs]
    if len(names) != len(set(names)):
        raise Invalid("a name twice")
    return dict(pairs)


def _no_constant(_text: str) -> None:
    raise Invalid("number")


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid("JSON") from error
    if not isinstance(found, dict):
        raise Invalid("JSON")
    return found


def public_key(text: str) -> Ed25519PublicKey:
    """The key that `text` (base64url of 32 bytes) spells. Raises ValueError."""
    try:
        raw = _bytes(text)
    except Invalid as error:
        raise ValueError("not base64url") from error
    if len(raw) == 32 and raw[:-1] + bytes([raw[-1] & 0x7F]) in _WEAK:
        raise ValueError("a point of small order")
    return Ed25519PublicKey.from_public_bytes(raw)


def read(token: str, *, key_of: Callable[[dict[str, Any], dict[str, Any]], str]) -> Token:
    """The token, when its signature holds under the key that `key_of(header, claims)` names (base64url).

    Header and claims are anybody's words until then: `key_of` looks for a key by them and does nothing else. Raises
    Invalid, also when `key_of` does.
    """
    if len(token) > MOST_CHARACTERS or token.count(".") != 2:
        raise Invalid("shape")
    head, body, signature = token.split(".")
    header, claims = _object(_bytes(head)), _object(_bytes(body))
    if header.get("alg") != "EdDSA":  # never "none", never a key taken for a secret
        raise Invalid("alg")
    if header.get("typ", "JWT") != "JWT" or set(header) - {"alg", "typ", "kid"}:
        raise Invalid("header")  # crit, jwk, jku, x5u: nothing of it is ours
    try:
        public_key(key_of(header, claims)).verify(_bytes(signature), f"{head}.{body}".encode())
    except (InvalidSignature, ValueError) as error:
        raise Invalid("signature") from error
    return Token(header, claims)
