"""The sender: takes due letters, reads addresses at the last moment, hands them to the mail server, writes down what
became of each (DESIGN 6; policy 9.2)."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from email.utils import formataddr
from functools import partial
from typing import Any, NamedTuple

import structlog
from django.conf import settings
from django.core import signing
from django.db import transaction
from django.template import TemplateDoesNotExist
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from notifications import outbox
from notifications.enums import Priority, SkipReason
from notifications.mime import Compiled, compose, message_id, render
from notifications.models import Letter
from notifications.ports import KINDS
from notifications.smtp import Outgoing, Result, Sender
from staff.models import Operator

log = structlog.get_logger("kelisim.letters")

CHUNK = 200
# Letters made `sending` together: what a killed worker can leave uncertain, and one more. The first are few; a window
# then grows as long as the server takes one in WINDOW_SECONDS, so that with a slow server nobody waits for a full one.
WINDOW, FIRST_WINDOW, WINDOW_SECONDS = 20, 5, 0.5
# A task ends after this and rings again, so that a campaign never holds a worker that others wait for.
SHIFT_SECONDS = 2.0
# So many refusals, and not one letter accepted: the mail server does not want us, and no letter is to blame.
REFUSED_ALL = 5
_NOT_MINE = signing.TimestampSigner(salt="notifications.not_mine")


class NotMine(NamedTuple):
    """What a reader's link says: which letter, and by a keyed mark which address it reached."""

    letter_id: int
    mark: str


def address_mark(letter_id: int, address: str) -> str:
    """20 hexadecimal digits by which the address of one letter is known again, and that say nothing to others."""
    return salted_hmac("notifications.not_mine", f"{letter_id}:{address.casefold()}", algorithm="sha256").hexdigest()[
        :20
    ]


def not_mine_link(letter: Letter, address: str) -> str:
    """The link by which the reader says that the letter reached a stranger: a number and a mark, signed and dated."""
    token = _NOT_MINE.sign(f"{letter.pk}.{address_mark(letter.pk, address)}")
    return settings.SITE_URL + reverse("cabinet:not-mine", args=[token])


def letter_of(token: str) -> NotMine:
    """What is behind a `not_mine_link` token. Raises signing.SignatureExpired when it is too old, else BadSignature."""
    signed = _NOT_MINE.unsign(token, max_age=timedelta(days=settings.NOT_MINE_LINK_DAYS))
    letter_id, _dot, mark = signed.partition(".")
    return NotMine(int(letter_id), mark)


def _elsewhere(
    find: Callable[[list[Letter]], dict[int, str]], letters: dict[int, Letter], ids: list[int]
) -> dict[int, str]:
    return find([letters[pk] for pk in ids])


Prepared = tuple[Letter, Outgoing, str]
Recorded = tuple[Letter, Result, str]


class Desk:
    """One worker's desk for one shift: the connection it keeps, the letters it has compiled, how the server does.

    seconds: when to let go of a chunk; None never.
    """

    def __init__(self, sender: Sender, *, seconds: float | None = None) -> None:
        self.sender = sender
        self.end = time.monotonic() + seconds if seconds is not None else None
        self.window = FIRST_WINDOW
        self.accepted = 0
        self.is_refused = False
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
                if not current[key] and letter.campaign:
                    outbox.skip_waiting(letter.campaign, SkipReason.OUTDATED)
        over = [letter for letter in letters if not current[letter.kind, letter.cause]]
        if over:
            outbox.skip(over, SkipReason.OUTDATED)
        return [letter for letter in letters if current[letter.kind, letter.cause]]

    def addresses(self, letters: list[Letter]) -> dict[int, str]:
        """{letter id: address}; a constant number of queries whatever the number of letters."""
        found: dict[int, str] = {}
        for kind in {letter.kind for letter in letters}:
            if elsewhere := KINDS[kind].addresses:
                theirs = {letter.pk: letter for letter in letters if letter.kind == kind}
                found |= self._known(partial(_elsewhere, elsewhere, theirs), list(theirs))
        letters = [letter for letter in letters if KINDS[letter.kind].addresses is None]
        for attribute in ("subject", "staff"):
            model: Any = Letter._meta.get_field(attribute).related_model
            for notice in (True, False):
                wanted = {
                    letter.pk: getattr(letter, f"{attribute}_id")
                    for letter in letters
                    if getattr(letter, f"{attribute}_id") and KINDS[letter.kind].notice is notice
                }
                find = partial(model.addresses, notices=notice)
                known = self._known(find, list(set(wanted.values()))) if wanted else {}
                found |= {pk: known[owner][0] for pk, owner in wanted.items() if owner in known}
                if attribute == "subject":  # the language they want now, whatever it was at publication
                    for letter in letters:
                        if letter.subject_id in known:
                            letter.language = known[letter.subject_id][1]
        return found

    @staticmethod
    def _known(find: Callable[[list[int]], dict[int, Any]], owners: list[int]) -> dict[int, Any]:
        """What `find` finds; one value that cannot be opened does not keep the others from their letters."""
        try:
            return find(owners)
        except Exception as error:
            if len(owners) == 1:
                log.error("an address could not be opened", owner=owners[0], error=type(error).__name__)
                return {}
        known: dict[int, Any] = {}
        for owner in owners:
            known |= Desk._known(find, [owner])
        return known

    @transaction.atomic
    def prepare(self, window: list[Letter]) -> list[Prepared]:
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

    def _outgoing(self, letter: Letter, address: str, personal: dict[str, str]) -> Prepared:
        compiled = self.compile(letter)
        links = {
            "cabinet_link": settings.SITE_URL + reverse("cabinet:home"),
            "not_mine_link": not_mine_link(letter, address),
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

    @property
    def is_over(self) -> bool:
        """Whether to begin nothing new: the shift is over, or the mail server takes nothing from us."""
        return self.is_refused or (self.end is not None and time.monotonic() >= self.end)

    def deliver(self, letters: Sequence[Letter]) -> None:
        """Send a chunk over one connection; each window is `sending` on disk before the sender reads its first letter.

        Between windows results are written down, and what is left is given back when the shift is over or a more
        urgent letter waits.
        """
        on_the_way: dict[int, Prepared] = {}
        results: list[Recorded] = []
        last_sign = time.monotonic()

        def on_transmit(_keys: list[int]) -> None:
            nonlocal last_sign
            if time.monotonic() - last_sign > outbox.LEASE.total_seconds() / 8:
                outbox.still_alive(list(on_the_way))
                last_sign = time.monotonic()

        def windows() -> Iterator[Outgoing]:
            left = self.still_due(list(letters))
            while left:
                began = time.monotonic()
                window, left = left[: self.window], left[self.window :]
                prepared = self.prepare(window)
                on_the_way.update((item[0].pk, item) for item in prepared)
                for _letter, outgoing, _sha256 in prepared:
                    yield outgoing
                self._write_down(results)
                self._pace(len(window), time.monotonic() - began)
                if left and (self.is_over or outbox.is_urgent_waiting(left[0].priority)):
                    outbox.release(left)
                    return

        try:
            for result in self.sender.send(windows(), on_transmit=on_transmit):
                letter, _outgoing, sha256 = on_the_way.pop(result.key)
                results.append((letter, result, sha256))
        finally:
            self._write_down(results)

    def _pace(self, letters: int, seconds: float) -> None:
        wanted = int(letters * WINDOW_SECONDS / max(seconds, 0.001))
        self.window = max(1, min(WINDOW, 2 * self.window, wanted))

    def _write_down(self, results: list[Recorded]) -> None:
        """Record results and forget them; refusals that no letter is to blame for become deferrals."""
        if not results:
            return
        self.accepted += sum(result.outcome == "sent" for _letter, result, _sha256 in results)
        unheard = all(result.outcome == "deferred" and result.code is None for _letter, result, _sha256 in results)
        refused = len(results) >= REFUSED_ALL and all(
            result.outcome == "failed" and result.code is not None for _letter, result, _sha256 in results
        )
        if not self.accepted and (unheard or refused):
            self.is_refused = True
            log.error("the mail server takes nothing from us", code=results[0][1].code, letters=len(results))
            results[:] = [(letter, result._replace(outcome="deferred"), sha) for letter, result, sha in results]
        outbox.record(results)
        results.clear()


_sender: Sender | None = None


def sender() -> Sender:
    """This process's kept connection to the mail server."""
    global _sender
    if _sender is None:
        _sender = Sender(settings.EMAIL_URL)
    return _sender


def deliver_due(*, seconds: float = SHIFT_SECONDS) -> bool:
    """Send what is due for about `seconds`; returns whether to ring again: more is due and the server takes it.

    Does nothing while another process sends; that one looks once more after it has let go of the lock.
    """
    with outbox.only_sender() as mine:
        if not mine:
            return False
        desk = Desk(sender(), seconds=seconds)
        while not desk.is_over and (letters := outbox.claim(CHUNK)):
            desk.deliver(letters)
    if outbox.is_due():
        return not desk.is_refused
    outbox.finish_campaigns()
    return False


def deliver_urgent() -> bool:
    """Send sign-in codes only, now, whoever sends a campaign; returns whether there were any."""
    letters = outbox.claim(WINDOW, priority=Priority.CODE)
    Desk(sender()).deliver(letters)
    return bool(letters)
