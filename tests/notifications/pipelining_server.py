"""A real SMTP server on a real socket that can be told to misbehave at any stage.

It announces PIPELINING (or not), notes what arrived together, and keeps to the letter of RFC 2920: bytes that
came behind a DATA command before its answer, or behind anything when pipelining was not offered, are noted in
`violations`.
"""

import asyncio
import re
import threading
import time
from dataclasses import dataclass

ANSWERS = {
    "greeting": "220 test.local ESMTP",
    "mail": "250 2.1.0 Ok",
    "rcpt": "250 2.1.5 Ok",
    "data": "354 End data with <CR><LF>.<CR><LF>",
    "payload": "250 2.0.0 Ok: queued",
    "rset": "250 2.0.0 Ok",
    "noop": "250 2.0.0 Ok",
    "quit": "221 2.0.0 Bye",
}


@dataclass(frozen=True)
class Say:
    """One answer; `after` seconds first, `gap` seconds between its bytes, then perhaps the end."""

    text: str | None = None
    after: float = 0
    gap: float = 0
    cut: bool = False


CUT = Say(cut=True)


class PipeliningServer:
    """`script[stage]` is a list of answers for the 1st, 2nd, ... time of that stage; None is the usual one.

    With `forever={stage: answer}` a stage always answers so. Stages: greeting, ehlo, mail, rcpt, data, payload,
    rset, quit.
    """

    def __init__(self, *, offers=("PIPELINING", "ENHANCEDSTATUSCODES"), script=None, forever=None, delay=0.0):
        self.offers = offers
        self.script = {stage: list(answers) for stage, answers in (script or {}).items()}
        self.forever = forever or {}
        self.delay = delay
        self.messages = []  # (sender, recipients, data) of every payload whose end arrived
        self.accepted = []  # the same, answered 250 as far as this server knows
        self.commands = []
        self.groups = []  # what arrived in one read
        self.violations = []
        self.connections = 0
        self.open = 0

    def __enter__(self):
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(5)
        return self

    def __exit__(self, *exc_info):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.port}"

    def recipients(self):
        return [recipient for _, recipients, _ in self.accepted for recipient in recipients]

    def settle(self, condition, seconds=3):
        """Wait until the server's thread has noticed."""
        end = time.monotonic() + seconds
        while not condition(self) and time.monotonic() < end:
            time.sleep(0.005)
        assert condition(self)

    def _run(self, ready):
        asyncio.run(self._serve(ready))

    async def _serve(self, ready):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _talk(self, reader, writer):
        self.connections += 1
        self.open += 1
        try:
            await _Session(self, reader, writer).run()
        except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort() if writer.transport.is_closing() else writer.close()


class _Session:
    def __init__(self, server, reader, writer):
        self.server, self.reader, self.writer = server, reader, writer
        self.buffer = b""
        self.reset()

    def reset(self):
        self.sender, self.recipients = None, []

    async def run(self):
        if not await self.say("greeting"):
            return
        while True:
            line = await self.until(b"\r\n")
            verb = re.match(rb"[A-Za-z]*", line).group().decode().lower()
            self.server.commands.append(line.decode("latin-1"))
            if verb == "ehlo":
                lines = ["test.local", *self.server.offers]
                usual = "\r\n".join(f"250-{text}" for text in lines[:-1]) + f"\r\n250 {lines[-1]}"
                if not await self.say("ehlo", usual):
                    return
                continue
            if (self.buffer or verb == "data") and not self.alone(verb):
                self.server.violations.append(line)
            if verb == "data":
                if not await self.take_data():
                    return
                continue
            usual = None
            if verb == "mail":
                self.sender = re.search(rb"<(.*?)>", line).group(1).decode()
            elif verb == "rcpt" and self.sender is None:
                usual = "503 5.5.1 Need MAIL first"
            code = await self.say(verb, usual)
            if not code or verb == "quit":
                return
            if verb == "mail" and code != 250:
                self.sender = None
            if verb == "rcpt" and code == 250:
                self.recipients.append(re.search(rb"<(.*?)>", line).group(1).decode())
            if verb == "rset":
                self.reset()

    def alone(self, verb):
        return not self.buffer if verb == "data" or "PIPELINING" not in self.server.offers else True

    async def take_data(self):
        usual = None if self.recipients else "554 5.5.1 No valid recipients"
        code = await self.say("data", usual)
        if code != 354:
            return bool(code)
        data = b"\r\n" + await self.until_dot()
        data = data.replace(b"\r\n..", b"\r\n.")[2:]
        letter = (self.sender, tuple(self.recipients), data)
        self.server.messages.append(letter)
        self.reset()
        answer = self.plan("payload")
        if (answer.text or "").startswith("250"):
            self.server.accepted.append(letter)
        return bool(await self.speak(answer))

    async def until(self, mark):
        while mark not in self.buffer:
            await self.more()
        line, self.buffer = self.buffer.split(mark, 1)
        return line

    async def until_dot(self):
        while not self.buffer.startswith(b".\r\n") and b"\r\n.\r\n" not in self.buffer:
            await self.more()
        if self.buffer.startswith(b".\r\n"):
            self.buffer = self.buffer[3:]
            return b""
        data, self.buffer = self.buffer.split(b"\r\n.\r\n", 1)
        return data + b"\r\n"

    async def more(self):
        data = await self.reader.read(65536)
        if not data:
            raise ConnectionError
        self.server.groups.append(data)
        self.buffer += data

    async def say(self, stage, usual=None):
        """Answer; the code, or None when the connection is to end."""
        return await self.speak(self.plan(stage, usual))

    def plan(self, stage, usual=None):
        planned = self.server.script.get(stage)
        answer = planned.pop(0) if planned else None
        answer = answer or self.server.forever.get(stage) or usual or ANSWERS[stage]
        return Say(answer) if isinstance(answer, str) else answer

    async def speak(self, answer):
        if answer.after or self.server.delay:
            await asyncio.sleep(answer.after or self.server.delay)
        if answer.text:
            reply = answer.text.encode() + b"\r\n"
            for piece in [reply[i : i + 1] for i in range(len(reply))] if answer.gap else [reply]:
                self.writer.write(piece)
                await self.writer.drain()
                await asyncio.sleep(answer.gap) if answer.gap else None
        if answer.cut:
            self.writer.close()
            return None
        text = answer.text or ""
        return int(text[:3]) if text[:3].isdigit() else -1
