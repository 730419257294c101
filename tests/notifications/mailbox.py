"""Letters to send, a sender for a test's server, and aiosmtpd as a second, foreign opinion."""

import socket

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as SMTPServer

from notifications.connection import Server
from notifications.smtp import Outgoing, Sender

LOCK_STEP = ("ENHANCEDSTATUSCODES",)
PIPELINING = ("PIPELINING", "ENHANCEDSTATUSCODES")
either = pytest.mark.parametrize("offers", [PIPELINING, LOCK_STEP], ids=["pipelining", "lock-step"])


def letter(number, *, data=None, recipient=None, sender="office@mfo.kz"):
    body = data or f"Subject: {number}\r\n\r\nLetter {number}\r\n".encode()
    return Outgoing(number, sender, recipient or f"person{number}@example.kz", body)


def letters(count):
    return [letter(number) for number in range(1, count + 1)]


def outcomes(results):
    return {result.key: result.outcome for result in results}


def sender_for(server, *, seconds=5.0):
    return Sender(Server(host="127.0.0.1", port=server.port, answer_timeout=seconds, ehlo_name="mfo.kz"))


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Mailbox:
    """aiosmtpd on a free port, remembering what it took."""

    def __init__(self, *, ssl_context=None, **options):
        self.envelopes, self.sign_ins = [], []
        self.controller = _Controller(self, hostname="127.0.0.1", port=unused_port(), ssl_context=ssl_context)
        self.controller.SMTP_kwargs = options

    async def handle_DATA(self, server, session, envelope):
        self.envelopes.append(envelope)
        self.sign_ins.append((session.authenticated, session.ssl is not None))
        return "250 2.0.0 Ok"

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.controller.port}"

    def __enter__(self):
        self.controller.start()
        return self

    def __exit__(self, *exc_info):
        self.controller.stop()


class _Controller(Controller):
    def factory(self):
        return SMTPServer(self.handler, **self.SMTP_kwargs)
