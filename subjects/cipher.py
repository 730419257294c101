"""Sealing one value: AES-256-GCM (NIST SP 800-38D), bound to its person, retention class, category and field.

A token is 0x01, a random 96-bit nonce, the ciphertext and its 128-bit tag. The additional data name the place the
value belongs to and never a row id: history copies the column, and the copy still opens (DESIGN 4), while a token
pasted into another person's record does not. Only `subjects.vault` imports this module.
"""

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from json.encoder import encode_basestring
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = b"\x01"
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16

Key = bytes | AESGCM


class CannotOpen(Exception):
    """Another key, another place or an altered token; which of them cannot be known, and nothing of it is told."""

    def __init__(self) -> None:
        super().__init__("A sealed value does not open: another key, another place, or it was altered.")


def new_key() -> bytes:
    """A random 256-bit key."""
    return AESGCM.generate_key(bit_length=KEY_BYTES * 8)


def prepare(key: bytes) -> AESGCM:
    """The key made ready once, for many values in a row. Raises ValueError unless it has 32 bytes."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"a data key has {KEY_BYTES} bytes, this has {len(key)}")
    return AESGCM(key)


def _prepared(key: Key) -> AESGCM:
    return key if isinstance(key, AESGCM) else prepare(key)


def _place(subject: UUID, class_: str, category: str, field: str) -> bytes:
    """Each part behind its length, so that no two places are written alike."""
    return _BEFORE + subject.bytes + _after(class_, category, field)


def _measured(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


# what stands before the 16 bytes of the person, their length included
_BEFORE = _measured(VERSION) + (16).to_bytes(4, "big")


@lru_cache(maxsize=1024)
def _after(class_: str, category: str, field: str) -> bytes:
    return _measured(class_.encode(), category.encode(), field.encode())


def seal(key: Key, plaintext: bytes, *, subject: UUID, class_: str, category: str, field: str) -> bytes:
    """The token of `plaintext` for this place; sealing twice gives two different tokens.

    `key`: 32 bytes, or what `prepare` made of them. `subject`: the person's public id.
    """
    nonce = os.urandom(NONCE_BYTES)
    return VERSION + nonce + _prepared(key).encrypt(nonce, plaintext, _place(subject, class_, category, field))


def open_(key: Key, token: bytes, *, subject: UUID, class_: str, category: str, field: str) -> bytes:
    """What was sealed for exactly this place with this key. Raises CannotOpen."""
    if token[:1] != VERSION or len(token) < len(VERSION) + NONCE_BYTES + TAG_BYTES:
        raise CannotOpen
    nonce, sealed = token[1 : 1 + NONCE_BYTES], token[1 + NONCE_BYTES :]
    try:
        return _prepared(key).decrypt(nonce, sealed, _place(subject, class_, category, field))
    except InvalidTag:
        raise CannotOpen from None


def seal_parts(key: Key, parts: Mapping[str, str], *, subject: UUID, class_: str, category: str, field: str) -> bytes:
    """`seal` of a structured value, `{"last_name": …, "first_name": …}`: a JSON object, keys in order, UTF-8."""
    members = ",".join(f"{encode_basestring(name)}:{encode_basestring(parts[name])}" for name in sorted(parts))
    plaintext = f"{{{members}}}".encode()
    return seal(key, plaintext, subject=subject, class_=class_, category=category, field=field)


def open_parts(key: Key, token: bytes, *, subject: UUID, class_: str, category: str, field: str) -> dict[str, str]:
    """The parts that `seal_parts` sealed. Raises CannotOpen, also for a value that was sealed without parts."""
    plaintext = open_(key, token, subject=subject, class_=class_, category=category, field=field)
    try:
        parts = json.loads(plaintext)
    except ValueError:
        raise CannotOpen from None
    if not isinstance(parts, dict):
        raise CannotOpen
    return parts
