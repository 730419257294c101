"""Posting to an address somebody typed: never to an address inside our walls, never wherever it sends us on (SSRF).

The name is resolved once, every address it has is looked at, and the connection goes to the address that was looked
at: a name that changes its mind in between (DNS rebinding) reaches nobody else.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

TIMEOUT = 10.0


class NotSent(Exception):
    """The post did not arrive; `code` says why and names no address."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def check_address(url: str) -> None:
    """Raise ValidationError for an address that is not https, or carries a name and password."""
    parts = urlsplit(url)
    schemes = ("https",) if settings.PRODUCTION else ("https", "http")
    try:
        port_is_good = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        port_is_good = False
    if parts.scheme not in schemes or not parts.hostname or not port_is_good:
        raise ValidationError(_("Write an address that begins with https://."))
    if parts.username or parts.password:
        raise ValidationError(_("Leave name and password out of the address: posts are signed."))


def _may_go_to(host: str, address: str) -> bool:
    where = ipaddress.ip_address(address)
    if settings.WEBHOOKS_ANYWHERE:
        return True
    if host.lower() in settings.WEBHOOK_INSIDE_HOSTS:
        # a system of ours within the walls; never this machine, nor a cloud's own addresses
        return not (where.is_loopback or where.is_link_local or where.is_multicast or where.is_unspecified)
    return where.is_global and not where.is_multicast


def resolve(host: str, port: int) -> str:
    """The address to connect to. Raises NotSent when the name has none, or any that we do not post to."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotSent("unknown_host") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(_may_go_to(host, address) for address in addresses):
        raise NotSent("address_refused")
    return addresses[0]


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was looked at, under the name it was asked for."""

    def __init__(self, host: str, port: int, *, address: str, secure: bool) -> None:
        super().__init__(host, port, timeout=TIMEOUT)
        self.address, self.secure = address, secure

    def connect(self) -> None:
        self.sock: Any = socket.create_connection((self.address, self.port), TIMEOUT)
        if self.secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)

    def cut(self) -> None:
        """End it from another thread: a time-out of the socket starts anew with every byte that trickles in."""
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Post once, within TIMEOUT seconds in all; the status of the answer, of which nothing else is read.

    A redirect is an answer like any other: it is not followed. Raises NotSent.
    """
    check_address(url)
    parts = urlsplit(url)
    secure, host = parts.scheme == "https", parts.hostname or ""
    port = parts.port or (443 if secure else 80)
    connection = _Pinned(host, port, address=resolve(host, port), secure=secure)
    alarm = threading.Timer(TIMEOUT, connection.cut)
    alarm.start()
    try:
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        connection.request("POST", target, body, dict(headers))
        return connection.getresponse().status
    except ssl.SSLError:
        raise NotSent("tls") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise NotSent("no_answer") from None
    finally:
        alarm.cancel()
        connection.close()
