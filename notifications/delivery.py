"""The sender: takes due letters, reads addresses at the last moment, hands them to the mail server, writes down what
became of each (DESIGN 6; policy 9.2)."""

import time
from collections.abc import Iterator
from email.utils import formataddr

import structlog
from django.conf import settings
from django.core import signing
from django.db import transaction
from django.template import TemplateDoesNotExist
from django.urls import reverse
from django.utils import timezone

from notifications import outbox
from notifications.enums import Priority, SkipReason
from notifications.mime import Compiled, compose, message_id, render
from notifications.models import Letter
from notifications.ports import KINDS
from notifications.smtp import Outgoing, Result, Sender
from staff.models import Operator

log = structlog.get_logger("kelisim.letters")

CHUNK = 200
# Letters made `sending` together: what a killed worker can leave uncertain.
WINDOW = 20
# A task ends after this and rings again, so that a campaign never holds a worker that others wait for.
SHIFT_SECONDS = 2.0
_NOT_MINE = signing.Signer(salt="notifications.not_mine")


def not_mine_link(letter: Letter) -> str:
    """The link by which the reader says that the letter reached a stranger; it holds a signed number only."""
    return settings.SITE_URL + reverse("cabinet:not-mine", args=[_NOT_MINE.sign(str(letter.pk))])


def letter_of(token: str) -> int:
    """The letter's id behind a `not_mine_link` token. Raises signing.BadSignature."""
    return int(_NOT_MINE.unsign(token))


class Desk:
    """One worker's desk: the connection it keeps and the letters it has compiled in this shift."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.compiled: dict[tuple[str, str, str], Compiled] = {}
        self.operator = Operator.current()
        self.from_address = settings.EMAIL_SENDER or (self.operator.email if self.operator else "")
        self.domain = self.from_address.rpartition("@")[2] or "localhost"

    def compile(self, letter: Letter) -> Compiled:
        """The letter's bytes but for what differs from person to person; rendered once per cause and language."""
        key = (letter.kind, letter.cause, letter.language)
        if key not in self.compiled:
            kind = KINDS[letter.kind]
            rendered = render(letter.kind, letter.language, kind.context(letter.cause, letter.language))
            name = self.operator.name(letter.language) if self.operator else "Kelisim"
            self.compiled[key] = compose(rendered, sender=formataddr((name, self.from_address), charset="utf-8"))
        return self.compiled[key]

    def still_due(self, letters: list[Letter]) -> list[Letter]:
        """Without those whose cause is over: a superseded version, an expired code."""
        current: dict[tuple[str, str], bool] = {}
        for letter in letters:
            key = (letter.kind, letter.cause)
            if key not in current:
                current[key] = KINDS[letter.kind].is_current(letter.cause)
                if not current[key] and letter.campaign_id:
                    outbox.skip_waiting(letter.campaign, SkipReason.OUTDATED)
        over = [letter for letter in letters if not current[letter.kind, letter.cause]]
        if over:
            outbox.skip(over, SkipReason.OUTDATED)
        return [letter for letter in letters if current[letter.kind, letter.cause]]

    def addresses(self, letters: list[Letter]) -> dict[int, str]:
        """{letter id: address}; a constant number of queries whatever the number of letters."""
        found: dict[int, str] = {}
        for attribute in ("subject", "staff"):
            model = Letter._meta.get_field(attribute).related_model
            for notice in (True, False):
                wanted = {
                    letter.pk: getattr(letter, f"{attribute}_id")
                    for letter in letters
                    if getattr(letter, f"{attribute}_id") and KINDS[letter.kind].notice is notice
                }
                if wanted:
                    known = model.addresses(list(set(wanted.values())), notices=notice)
                    found |= {pk: known[owner][0] for pk, owner in wanted.items() if owner in known}
        return found

    @transaction.atomic
    def prepare(self, window: list[Letter]) -> list[tuple[Letter, Outgoing, str]]:
        """Mark the window `sending` and make each letter's bytes; the commit at the end is what allows sending."""
        ours = outbox.mark_sending(window)
        addresses = self.addresses(ours)
        unreachable = [letter for letter in ours if letter.pk not in addresses]
        if unreachable:
            outbox.skip(unreachable, SkipReason.STANDING)
        ready = [letter for letter in ours if letter.pk in addresses]
        personal: dict[int, dict[str, str]] = {}
        for kind in {letter.kind for letter in ready}:
            personal |= KINDS[kind].personal([letter for letter in ready if letter.kind == kind])
        prepared, broken = [], []
        for letter in ready:
            try:
                prepared.append(self._outgoing(letter, addresses[letter.pk], personal.get(letter.pk, {})))
            except (ValueError, TemplateDoesNotExist) as error:
                log.error("a letter could not be written", letter=letter.pk, error=type(error).__name__)
                broken.append((letter, Result(letter.pk, "failed", None, "the letter could not be written"), ""))
        if broken:
            outbox.record(broken)
        return prepared

    def _outgoing(self, letter: Letter, address: str, personal: dict[str, str]) -> tuple[Letter, Outgoing, str]:
        compiled = self.compile(letter)
        links = {
            "cabinet_link": settings.SITE_URL + reverse("cabinet:home"),
            "not_mine_link": not_mine_link(letter),
            **personal,
        }
        data = compiled.fill(
            to=address,
            message_id=message_id(f"{letter.pk}:{letter.cause}", self.domain),
            date=timezone.localtime(),
            **{name: links[name] for name in compiled.needs},
        )
        outgoing = Outgoing(key=letter.pk, sender=self.from_address, recipient=address, data=data)
        return letter, outgoing, compiled.sha256(data)

    def deliver(self, letters: list[Letter]) -> int:
        """Send a chunk, window by window, over one connection; returns how many the server accepted.

        Between windows a more urgent letter is let through: what is left of the chunk is given back.
        """
        letters = self.still_due(letters)
        accepted = 0
        for start in range(0, len(letters), WINDOW):
            if start and outbox.is_urgent_waiting(letters[start].priority):
                outbox.release(letters[start:])
                break
            prepared = self.prepare(letters[start : start + WINDOW])
            accepted += self._send(prepared)
        return accepted

    def _send(self, prepared: list[tuple[Letter, Outgoing, str]]) -> int:
        known = {letter.pk: (letter, sha256) for letter, _outgoing, sha256 in prepared}
        results: list[tuple[Letter, Result, str]] = []
        last_sign = time.monotonic()

        def on_transmit(_keys: list[int]) -> None:
            nonlocal last_sign
            if time.monotonic() - last_sign > outbox.LEASE.total_seconds() / 8:
                outbox.still_alive(list(known))
                last_sign = time.monotonic()

        def outgoing() -> Iterator[Outgoing]:
            for _letter, message, _sha256 in prepared:
                yield message

        try:
            for result in self.sender.send(outgoing(), on_transmit=on_transmit):
                letter, sha256 = known.pop(result.key)
                results.append((letter, result, sha256))
        finally:
            if results:
                outbox.record(results)
        return sum(result.outcome == "sent" for _letter, result, _sha256 in results)


_sender: Sender | None = None


def sender() -> Sender:
    """This process's kept connection to the mail server."""
    global _sender
    if _sender is None:
        _sender = Sender(settings.EMAIL_URL)
    return _sender


def deliver_due(*, seconds: float = SHIFT_SECONDS) -> bool:
    """Send what is due for about `seconds`; returns whether more may be due."""
    desk = Desk(sender())
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        letters = outbox.claim(CHUNK)
        if not letters:
            outbox.finish_campaigns()
            return False
        desk.deliver(letters)
    return True


def deliver_urgent() -> bool:
    """Send sign-in codes only, now; returns whether other letters may be due."""
    letters = outbox.claim(WINDOW, priority=Priority.CODE)
    Desk(sender()).deliver(letters)
    return bool(letters)
