"""Sending an SMS: one small interface, a folder for the demo and a gateway over HTTPS for production (issue 5).

What an SMS says is never more than a code, or that a message waits. Nothing of it is logged.
"""

import http.client
import json
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

from django.conf import settings

TIMEOUT = 10.0


class NotSent(Exception):
    """The SMS was not taken. again: whether trying once more can help and cannot make a second copy.

    `code` names no number and no word of the SMS. unknown: nobody knows whether it was taken.
    """

    def __init__(self, code: str, *, again: bool = False, unknown: bool = False) -> None:
        super().__init__(code)
        self.code, self.again, self.unknown = code, again, unknown


class Channel(Protocol):
    """What carries an SMS away."""

    def send(self, *, number: str, text: str, reference: str) -> None:
        """Hand one SMS over. number: E.164; reference: the same for every copy of it. Raises NotSent."""


class Folder(NamedTuple):
    """The demo's telephone: a file an SMS, shown at /demo/mail/."""

    path: Path

    def send(self, *, number: str, text: str, reference: str) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        at = datetime.now(UTC)
        told = {"to": number, "text": text, "reference": reference, "at": at.isoformat()}
        name = f"{at:%Y%m%dT%H%M%S.%f}Z-{uuid4().hex[:6]}.json"
        (self.path / name).write_text(json.dumps(told, ensure_ascii=False))


class Gateway(NamedTuple):
    """A provider, or our own adapter to one, that takes `POST {"to", "text", "sender", "reference"}` with a bearer key.

    2xx: taken; 429 and 5xx: later; anything else: never. docs/operations.md says how to set one up.
    """

    scheme: str
    host: str
    port: int | None
    path: str
    key: str
    sender: str

    def send(self, *, number: str, text: str, reference: str) -> None:
        body = json.dumps(
            {"to": number, "text": text, "sender": self.sender, "reference": reference}, ensure_ascii=False
        ).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", "Connection": "close"}
        if self.scheme == "https":
            context = ssl.create_default_context()
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self.host, self.port, timeout=TIMEOUT, context=context
            )
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise NotSent("unreachable", again=True) from error
            try:
                connection.request("POST", self.path, body=body, headers=headers)
                status = connection.getresponse().status
            except (OSError, http.client.HTTPException) as error:
                raise NotSent("no_answer", unknown=True) from error
        finally:
            connection.close()
        if not 200 <= status < 300:
            raise NotSent(f"status_{status}", again=status == 429 or status >= 500)


def channel_of(url: str) -> Channel | None:
    """What `KELISIM_SMS_URL` names; None for an empty one. Raises ValueError with a sentence for what is neither.

    `https://KEY@host/path?sender=NAME` is a gateway, `file:///folder` a demo's telephone.
    """
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path:
        return Folder(Path(unquote(parts.path)))
    local = parts.hostname in ("localhost", "127.0.0.1")
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and local)):
        raise ValueError("an address that begins with https://, with the provider's key before the @")
    if not parts.username:
        raise ValueError("the provider's key before the @: https://KEY@host/path?sender=NAME")
    sender = parse_qs(parts.query).get("sender", [""])[0]
    return Gateway(parts.scheme, parts.hostname, parts.port, parts.path or "/", unquote(parts.username), sender)


def channel() -> Channel | None:
    """What this house sends SMS with; None when it sends none."""
    return channel_of(settings.SMS_URL)
