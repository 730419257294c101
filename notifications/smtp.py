"""Letters over one kept SMTP connection, with an honest outcome for each.

RFC 5321 cannot give exactly-once: when the connection breaks after the end of a letter was written and before
the answer came, nobody knows. Such a letter is `uncertain` and is never sent again by this module. A letter
whose end was certainly not written is `deferred`: trying it again cannot make a second copy.

The caller must have `sending` on disk before a letter's bytes leave: for the whole chunk before it calls
`send`, or letter by letter in `on_transmit`. Results come as they are known, and at every yield no letter is
on its way without its result, so the caller may stop between any two of them.
"""

import re
import smtplib
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal, NamedTuple

from notifications.connection import Connection, Lost, Server, open_connection
from notifications.mime import check_address

Outcome = Literal["sent", "deferred", "failed", "uncertain"]
_OUTCOMES: dict[int, Outcome] = {2: "sent", 4: "deferred", 5: "failed"}

# RFC 4954 6: the relay wants *us* to sign in; no letter is to blame, so none may fail for good.
_SIGN_IN_CODES = {530, 534, 535, 538}
_CLOSING = 421
_MAX_ANSWER = 200
_CODE = re.compile(r"[2-5][0-9][0-9]")
# A third connection that answers nothing would only make more uncertain letters.
_MAX_FRUITLESS = 2
_LOST_AGAIN = "the connection was lost twice in a row"
_OUT_OF_STEP = "the server answered out of step"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One letter. `key` is the caller's, `data` what `Compiled.fill` made, `sender` may be empty (`<>`)."""

    key: Any
    sender: str = field(repr=False)
    recipient: str = field(repr=False)
    data: bytes = field(repr=False)


class Result(NamedTuple):
    """What became of one letter; `code` is None when no server answered, `answer` holds no address."""

    key: Any
    outcome: Outcome
    code: int | None
    answer: str


class Sender:
    """Hands letters over; keeps its connection from one `send` to the next. One per process and thread."""

    def __init__(self, server: Server | str) -> None:
        self.server = Server.from_url(server) if isinstance(server, str) else server
        self._connection: Connection | None = None
        self._pipelining = False
        self._sizes = False
        self._dirty = False

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Take leave of the server, if there is one."""
        if self._connection is not None:
            self._connection.leave()
            self._connection = None

    def send(
        self, batch: Iterable[Outgoing], *, on_transmit: Callable[[list[Any]], None] | None = None
    ) -> Iterator[Result]:
        """Send every letter once; yield one Result a letter, in no promised order.

        `batch` is read at most one letter ahead. `on_transmit([key])` is called right before that letter's
        bytes are written; what it or `batch` raises is passed on and ends the connection, and no other letter
        is then on its way. A server that cannot be reached defers the rest of the batch. Nothing else raises.
        """
        letters = iter(batch)
        fruitless = 0  # connections in a row that answered no letter
        served = self._connection is not None  # this connection has answered one, perhaps long ago
        try:
            letter = yield from self._next(letters)
            announced = False  # its envelope already travels behind the letter before it
            while letter is not None:
                if self._connection is None and not announced:
                    problem = self._connect() if fruitless < _MAX_FRUITLESS else _LOST_AGAIN
                    if problem:
                        for left in chain([letter], letters):
                            yield Result(left.key, "deferred", *_answer(problem, left))
                        return
                    fruitless, served = fruitless + 1, False
                result = self._offer(letter, announced=announced)
                if result and result.outcome == "deferred" and self._connection is None and served:
                    # A server closes what was idle or brought enough letters: not the fault of this one.
                    announced = False
                    continue
                following, behind = None, b""
                if result is None:
                    if self._pipelining:
                        following = yield from self._next(letters)
                        behind = b"".join(self._envelope(following)) if following else b""
                    if on_transmit is not None:
                        on_transmit([letter.key])
                    result = self._transmit(letter, behind)
                announced = bool(behind)
                served = self._connection is not None
                fruitless = 0 if served else fruitless
                yield result
                letter = following or (yield from self._next(letters))
        except BaseException:
            self._drop()
            raise

    def _next(self, letters: Iterator[Outgoing]) -> Generator[Result, None, Outgoing | None]:
        """The next letter fit to be written to a socket; the others fail here."""
        for letter in letters:
            fault = _fault(letter)
            if fault is None:
                return letter
            yield Result(letter.key, "failed", None, fault)
        return None

    def _connect(self) -> str | None:
        """Open the connection; the reason why not, or None."""
        try:
            self._connection = open_connection(self.server)
        except smtplib.SMTPResponseException as error:
            text = error.smtp_error
            return f"{error.smtp_code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"
        except OSError as error:
            return str(error) or type(error).__name__
        self._pipelining = self._connection.has_extn("pipelining")
        self._sizes = self._connection.has_extn("size")
        self._dirty = False
        return None

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _envelope(self, letter: Outgoing) -> list[bytes]:
        """The commands before the letter itself; RFC 2920 3.1 lets them travel together, DATA last."""
        size = f" SIZE={len(letter.data)}" if self._sizes else ""
        mail = f"MAIL FROM:<{letter.sender}>{size}\r\n".encode("ascii")
        rcpt = f"RCPT TO:<{letter.recipient}>\r\n".encode("ascii")
        return [b"RSET\r\n"] * self._dirty + [mail, rcpt, b"DATA\r\n"]

    def _offer(self, letter: Outgoing, *, announced: bool) -> Result | None:
        """Talk the envelope through; None means that the server now waits for the letter itself."""
        refusal: tuple[int, str] | None = None
        try:
            if self._connection is None:
                raise Lost("the connection was lost before the letter was written")
            if self._connection.buffer and not announced:
                raise Lost(_OUT_OF_STEP)
            commands = self._envelope(letter)
            if self._pipelining and not announced:
                self._connection.write(b"".join(commands))
            for command in commands:
                if not self._pipelining:
                    if refusal:
                        break
                    self._connection.write(command)
                code, text = self._connection.answer()
                if command == b"DATA\r\n" and code == 354:
                    if refusal:
                        # RFC 2920 3.1: DATA may be accepted although no recipient was; end it empty.
                        self._connection.write(b".\r\n")
                        self._connection.answer()
                elif refusal is None and (code // 100 != 2 or command == b"DATA\r\n"):
                    if code // 100 not in (4, 5) or command == b"RSET\r\n":
                        raise Lost(_OUT_OF_STEP)
                    refusal = code, text
            if refusal is None and self._connection.buffer:
                raise Lost(_OUT_OF_STEP)
        except OSError as error:
            self._drop()
            refusal = refusal or (0, str(error))
        self._dirty = refusal is not None
        if refusal is None:
            return None
        code, text = refusal
        if code == _CLOSING:
            self._drop()
        outcome = "deferred" if code in _SIGN_IN_CODES else _OUTCOMES.get(code // 100, "deferred")
        return Result(letter.key, outcome, *_answer(f"{code or ''} {text}", letter))

    def _transmit(self, letter: Outgoing, behind: bytes) -> Result:
        """Write the letter, and behind it the next envelope, and wait for the letter's own answer."""
        assert self._connection is not None
        connection = self._connection
        payload = _stuffed(letter.data) + b".\r\n"
        try:
            connection.write(payload + behind)
            code, text = connection.answer()
            if code // 100 not in _OUTCOMES:
                raise Lost(_OUT_OF_STEP)
        except OSError as error:
            self._drop()
            outcome: Outcome = "uncertain" if connection.written >= len(payload) else "deferred"
            return Result(letter.key, outcome, *_answer(str(error), letter))
        if code == _CLOSING:
            self._drop()
        return Result(letter.key, _OUTCOMES[code // 100], *_answer(f"{code} {text}", letter))


def _stuffed(data: bytes) -> bytes:
    """RFC 5321 4.5.2: a line that begins with a dot gets another, and the last line ends."""
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    if data.startswith(b"."):
        data = b"." + data
    return data.replace(b"\r\n.", b"\r\n..")


def _fault(letter: Outgoing) -> str | None:
    """Why a letter cannot be written to any server. A bare CR or LF could smuggle a second letter in."""
    try:
        check_address(letter.recipient)
        if letter.sender:
            check_address(letter.sender)
    except ValueError as error:
        return str(error)
    data = letter.data
    if not data.isascii() or not data.count(b"\r\n") == data.count(b"\r") == data.count(b"\n"):
        return "The letter is not 7-bit text with CRLF line ends: make it with notifications.mime."
    return None


def _answer(text: str, letter: Outgoing) -> tuple[int | None, str]:
    """The code, and the text fit for the database: no address, nor the name before its @, 200 characters."""
    words = ["<address>" if "@" in word else word for word in text.split()]
    code = int(words.pop(0)) if words and _CODE.fullmatch(words[0]) else None
    clean = "".join(char if char.isprintable() else " " for char in " ".join(words))
    name = letter.recipient.partition("@")[0]
    if len(name) >= 3 and name.lower() in clean.lower():  # a pattern is dear: none for the many
        clean = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", "<address>", clean, flags=re.I)
    return code, clean[:_MAX_ANSWER]
