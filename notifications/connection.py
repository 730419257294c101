"""One SMTP connection: where it goes, its handshake, and replies against a deadline."""

import re
import smtplib
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

_PORTS = {"none": 25, "starttls": 587, "ssl": 465}
_SCHEMES = {"smtp": "none", "smtp+tls": "starttls", "smtps": "ssl"}
_MAX_REPLY = 64 * 1024
_REPLY = re.compile(rb"[2-5][0-9][0-9](?:[ -]|$)")
# What one write hands over: a TLS record goes whole or not at all, so `written` is true inside TLS as well.
_TLS_RECORD = 16 * 1024


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where letters are handed over. Timeouts in seconds; `ca_file` trusts a private certificate authority.

    RFC 5321 4.5.3.2.6 lets a server take ten minutes to answer a letter. A relay of ours answers at once; for
    one that scans before answering raise `answer_timeout`, for whatever is later becomes `uncertain`.
    """

    host: str
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    security: Literal["none", "starttls", "ssl"] = "none"
    connect_timeout: float = 10
    answer_timeout: float = 30
    ehlo_name: str | None = None
    ca_file: str | None = None

    @classmethod
    def from_url(cls, url: str, **options: Any) -> "Server":
        """From `user:password@host:port` after `smtp://`, `smtp+tls://` or `smtps://` (TLS at once).

        Raises ValueError, which does not show the URL because it may hold a password.
        """
        parts = urlsplit(url)
        try:
            host, port = parts.hostname, parts.port or 0
        except ValueError:  # its text may quote a piece of the password
            host = None
        if parts.scheme not in _SCHEMES or not host:
            raise ValueError(f"A mail URL is one of {', '.join(_SCHEMES)}, then ://user:password@host:port.")
        return cls(
            host=host,
            port=port,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            security=_SCHEMES[parts.scheme],  # type: ignore[arg-type]
            **options,
        )


class Lost(smtplib.SMTPException):
    """The connection broke, was silent for too long, or can no longer be understood."""


class Connection(smtplib.SMTP):
    """smtplib's greeting, EHLO, STARTTLS and AUTH, with replies read against one deadline.

    smtplib's own timeout starts anew with every byte, so a trickling server could hold a worker for hours;
    here a whole reply takes at most twice `patience` seconds.
    """

    def __init__(self, server: Server, context: ssl.SSLContext | None) -> None:
        self.patience = server.answer_timeout
        self.buffer = b""
        self.written = 0
        extra: dict[str, Any] = {"context": context} if isinstance(self, smtplib.SMTP_SSL) else {}
        super().__init__(
            server.host,
            server.port or _PORTS[server.security],
            local_hostname=server.ehlo_name,
            timeout=server.connect_timeout,
            **extra,
        )

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        sock.settimeout(self.patience)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def write(self, data: bytes) -> None:
        """Send all of it; `written` counts what the kernel took, also when that fails."""
        self.written = 0
        if self.sock is None:
            raise Lost("the connection is closed")
        deadline = time.monotonic() + self.patience
        while self.written < len(data):
            if time.monotonic() > deadline:
                raise Lost("the server stopped reading")
            self.written += self.sock.send(data[self.written : self.written + _TLS_RECORD])

    def answer(self) -> tuple[int, str]:
        """One reply as (code, text); raises Lost for what is no reply."""
        code, text = self.getreply()
        return code, text.decode("utf-8", "replace")

    def getreply(self) -> tuple[int, bytes]:
        """As smtplib's, but leaves early answers in `buffer` and keeps one deadline for all lines."""
        deadline = time.monotonic() + self.patience
        lines, size = [], 0
        while True:
            end = self.buffer.find(b"\n")
            if end < 0:
                received = self._receive()
                self.buffer += received
                size += len(received)
                if time.monotonic() > deadline or size > _MAX_REPLY:
                    self.close()
                    raise Lost("the server's answer took too long")
                continue
            line, self.buffer = self.buffer[:end].rstrip(b"\r"), self.buffer[end + 1 :]
            if not _REPLY.match(line):
                self.close()
                raise Lost("the server's answer is not SMTP")
            lines.append(line[4:].strip())
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)

    def leave(self) -> None:
        """Say QUIT, without long waiting for the farewell, and close."""
        with suppress(OSError):
            if self.sock:
                self.sock.settimeout(1)
            self.docmd("QUIT")
        self.close()

    def _receive(self) -> bytes:
        received = b""
        try:
            received = self.sock.recv(_TLS_RECORD) if self.sock else b""
        finally:
            if not received:
                self.close()
        if not received:
            raise Lost("the server closed the connection")
        return received


class TlsConnection(Connection, smtplib.SMTP_SSL):
    """The same inside TLS from the first byte (RFC 8314)."""


def open_connection(server: Server) -> Connection:
    """Connect, greet, start TLS, sign in. Raises an OSError, as all of smtplib's errors are."""
    context = ssl.create_default_context(cafile=server.ca_file) if server.security != "none" else None
    connection = (TlsConnection if server.security == "ssl" else Connection)(server, context)
    try:
        connection.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            connection.starttls(context=context)
            if connection.buffer:
                raise Lost("the server sent plain text after STARTTLS")
            connection.ehlo_or_helo_if_needed()
        if server.user:
            connection.login(server.user, server.password)
    except OSError:
        connection.close()
        raise
    return connection
