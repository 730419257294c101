"""The keys of the environment: those that wrap persons' keys, and those of the search index (DESIGN 4).

Neither ever leaves this module: no error, repr or log line holds a key. `mask` makes the hints of lists.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from django.core.exceptions import ImproperlyConfigured

from subjects.cipher import CannotOpen

RING = "KELISIM_KEY_ENCRYPTION_KEYS"
INDEX = "KELISIM_INDEX_KEY"
KEY_BYTES = 32
DIGEST_BYTES = 16
# what PositiveIntegerField of SubjectKey.kek_version holds
LAST_VERSION = 2**31 - 1
INDEX_KINDS = ("iin", "phone", "email", "client_number", "contract", "name", "evidence_iin", "device")


class UnknownKeyVersion(LookupError):
    """A data key was wrapped by a key-encryption key that the environment does not hold any more."""

    def __init__(self, version: int) -> None:
        super().__init__(f"Key-encryption key {version} is not in {RING}. Add it back, the active one stays first.")


def _key(text: str, what: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ImproperlyConfigured(f"{what} is not base64.") from None
    if len(key) != KEY_BYTES:
        raise ImproperlyConfigured(f"{what} has {len(key)} bytes, it must have {KEY_BYTES}.")
    return key


class KeyRing:
    """Key-encryption keys by version. The first of the setting is active: it wraps; the others only unwrap."""

    def __init__(self, keys: Mapping[int, bytes], *, active_version: int) -> None:
        self._keys = dict(keys)
        self.active_version = active_version

    def __repr__(self) -> str:
        return f"<KeyRing {sorted(self._keys)} active {self.active_version}>"

    @classmethod
    def parse(cls, text: str) -> "KeyRing":
        """Read `3:base64,2:base64`: version and 32 bytes, the active one first.

        Raises ImproperlyConfigured, which names the variable and the entry, never what stands in it.
        """
        if not text.strip():
            raise ImproperlyConfigured(f"{RING} is empty. Write version:base64 of 32 bytes, the active key first.")
        keys: dict[int, bytes] = {}
        for number, entry in enumerate(text.split(","), start=1):
            what = f"{RING}: entry {number}"
            version_text, colon, key_text = entry.strip().partition(":")
            if not colon or not re.fullmatch(r"[0-9]{1,10}", version_text):
                raise ImproperlyConfigured(f"{what} is not version:base64, where the version is a whole number.")
            version = int(version_text)
            if not 1 <= version <= LAST_VERSION:
                raise ImproperlyConfigured(f"{what} has a version outside 1 to {LAST_VERSION}.")
            if version in keys:
                raise ImproperlyConfigured(f"{what} repeats version {version}. Each version stands once.")
            key = _key(key_text, f"{what} (version {version})")
            if key in keys.values():
                raise ImproperlyConfigured(f"{what} repeats the key of another version. Make a new random key.")
            keys[version] = key
        return cls(keys, active_version=next(iter(keys)))

    def wrap(self, data_key: bytes) -> tuple[int, bytes]:
        """(version of the active key, the data key wrapped by it), AES key wrap, RFC 3394: 40 bytes for 32."""
        return self.active_version, aes_key_wrap(self._keys[self.active_version], data_key)

    def unwrap(self, version: int, wrapped: bytes) -> bytes:
        """The data key. Raises UnknownKeyVersion, or CannotOpen when the wrapping is altered or another key's."""
        if version not in self._keys:
            raise UnknownKeyVersion(version)
        try:
            return aes_key_unwrap(self._keys[version], wrapped)
        except InvalidUnwrap:
            raise CannotOpen from None

    def rewrap(self, version: int, wrapped: bytes) -> tuple[int, bytes]:
        """The same data key under the active key: what rotation does, and all it does. Raises as `unwrap`."""
        return self.wrap(self.unwrap(version, wrapped))


class IndexKeys:
    """A key per kind of search, derived from one (HKDF-SHA-256, RFC 5869): digests of two kinds never meet."""

    def __init__(self, key: bytes) -> None:
        self._keys = {
            kind: _begun(HKDF(hashes.SHA256(), 32, salt=None, info=f"kelisim search {kind}".encode()).derive(key))
            for kind in INDEX_KINDS
        }

    def __repr__(self) -> str:
        return "<IndexKeys>"

    @classmethod
    def parse(cls, text: str) -> "IndexKeys":
        """Read base64 of 32 bytes. Raises ImproperlyConfigured, which never holds the value."""
        if not text.strip():
            raise ImproperlyConfigured(f"{INDEX} is empty. Write base64 of 32 random bytes.")
        return cls(_key(text.strip(), INDEX))

    def digest(self, kind: str, normalised: str) -> bytes:
        """HMAC-SHA-256 (RFC 2104) of a value in its one normal form, the first 16 bytes.

        An IIN has only some 7 × 10^8 values, so nothing without a key would hide it (security.md 3.1).
        `kind`: of INDEX_KINDS, else ValueError.
        """
        begun = self._keys.get(str(kind))
        if begun is None:
            raise ValueError(f"{kind} is no kind of search: {', '.join(INDEX_KINDS)}")
        inner, outer = begun[0].copy(), begun[1].copy()
        inner.update(normalised.encode())
        outer.update(inner.digest())
        return outer.digest()[:DIGEST_BYTES]


def _begun(key: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """HMAC's two hashes (RFC 2104) with the padded key in: a million digests begin there, and not at the key."""
    block = key.ljust(64, b"\0")
    return hashlib.sha256(bytes(b ^ 0x36 for b in block)), hashlib.sha256(bytes(b ^ 0x5C for b in block))


HIDDEN = "•••"


def mask(kind: str, value: str) -> str:
    """A hint that tells two people of a list apart and names neither; the dots do not tell lengths.

    IIN: the last four digits. Phone: the country and the last four digits. E-mail: the first letter of either
    side, when there are others, and the top-level domain. Name: the first letter, when there are others. Client
    and contract number: the last three characters of six or more. `value` in its normal form; anything
    else gives dots alone. At most 30 characters.
    """
    match str(kind):
        case "iin" | "evidence_iin":
            return "••••••••" + (value[-4:] if re.fullmatch("[0-9]{12}", value) else "••••")
        case "phone" | "other_phone":
            if not re.fullmatch(r"\+[0-9]{8,15}", value):
                return HIDDEN
            country = "+7" if value[1] == "7" else value[:3]
            return f"{country} {HIDDEN} {HIDDEN} {value[-4:-2]} {value[-2:]}"
        case "email":
            local, at, domain = value.partition("@")
            name, dot, top = domain.rpartition(".")
            if not (at and dot):
                return HIDDEN
            return f"{_first(local)}{HIDDEN}@{_first(name)}{HIDDEN}.{top if len(top) <= 12 else HIDDEN}"
        case "name":
            return _first(value).upper() + "•••••"
        case _:
            return HIDDEN + (value[-3:] if len(value) >= 6 else "")


def _first(text: str) -> str:
    return text[0] if len(text) > 1 else ""
