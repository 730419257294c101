"""A real SMTP server that delivers nowhere: the mailbox of the demo, and the receiving side of the tests.

`python -m config.smtp_sink --port 2525 --folder var/mail` runs it as a process. Every accepted message becomes one
`.eml` file whose name sorts by the time it came; `Return-Path` and `Delivered-To` in front of it are the envelope.
"""

import argparse
import asyncio
import email
import email.policy
import os
import signal
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType

from aiosmtpd.smtp import SMTP, Envelope, Session

KEPT = 5_000
OK = "250 2.0.0 accepted"


def _accept(rcpt: str) -> str:
    return OK


def _never(rcpt: str) -> bool:
    return False


class Sink:
    """An SMTP server on a thread of its own: `with Sink(folder) as sink: … sink.port …`.

    What it answers can be set, and changed while it runs:
    `respond(rcpt)`, `respond_to_data(rcpt)`: the reply to RCPT and to the end of DATA, such as `"451 4.2.1 try later"`
    (of several recipients the first refusal counts);
    `drop(rcpt)`: True keeps the message and cuts the connection before the reply to DATA: the client cannot know;
    `delay`: seconds before each reply to DATA.
    Counts: `connections`, `accepted`, `refused`, `dropped`. `port=0` takes any free port.
    """

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        kept: int = KEPT,
        respond: Callable[[str], str] = _accept,
        respond_to_data: Callable[[str], str] = _accept,
        drop: Callable[[str], bool] = _never,
        delay: float = 0.0,
        pipelining: bool = False,
    ) -> None:
        self.folder, self.host, self.port, self.kept = Path(folder), host, port, kept
        self.respond, self.respond_to_data, self.drop = respond, respond_to_data, drop
        self.delay, self.pipelining = delay, pipelining
        self.connections = self.accepted = self.refused = self.dropped = 0

    def start(self) -> "Sink":
        """Listen; OSError when the port is taken."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._files = deque(sorted(path.name for path in self.folder.glob("*.eml")))
        self._loop = asyncio.new_event_loop()
        try:
            server = self._loop.create_server(self._session, self.host, self.port)
            self._server = self._loop.run_until_complete(server)
        except BaseException:
            self._loop.close()
            raise
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp-sink", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port and every connection."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def __enter__(self) -> "Sink":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def messages(self) -> list[EmailMessage]:
        """All kept messages, oldest first; the recipients are `message.get_all("Delivered-To")`."""
        return [read_message(path) for path in sorted(self.folder.glob("*.eml"))]

    def _session(self) -> SMTP:
        self.connections += 1
        return SMTP(self, enable_SMTPUTF8=True, hostname="sink.localhost", ident="Kelisim sink", loop=self._loop)

    async def _close(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]] if self.pipelining else responses

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.respond(address)
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        else:
            self.refused += 1
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.delay:
            await asyncio.sleep(self.delay)
        answers = [self.respond_to_data(rcpt) for rcpt in envelope.rcpt_tos]
        answer = next((answer for answer in answers if not answer.startswith("2")), answers[0])
        if not answer.startswith("2"):
            self.refused += 1
            return answer
        self._keep(envelope)
        if any(self.drop(rcpt) for rcpt in envelope.rcpt_tos):
            self.dropped += 1
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
            return ""
        self.accepted += 1
        return answer

    def _keep(self, envelope: Envelope) -> None:
        number = self.accepted + self.dropped + 1
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z-{number:06d}-{os.getpid()}.eml"
        front = [f"Return-Path: <{envelope.mail_from}>", *(f"Delivered-To: {rcpt}" for rcpt in envelope.rcpt_tos)]
        assert isinstance(envelope.content, bytes)
        new = self.folder / f".{name}.new"
        new.write_bytes("".join(f"{line}\r\n" for line in front).encode() + envelope.content)
        new.rename(self.folder / name)
        self._files.append(name)
        while len(self._files) > self.kept:
            (self.folder / self._files.popleft()).unlink(missing_ok=True)


def read_message(path: Path) -> EmailMessage:
    """A kept message, headers decoded."""
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.SMTPUTF8)
    assert isinstance(message, EmailMessage)
    return message


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m config.smtp_sink", description="Keeps every message as a file.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=2525)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with Sink(given.folder, host=given.host, port=given.port):
        ended.wait()


if __name__ == "__main__":
    main()
