"""Codes: to sign in (an identifier, then six digits by e-mail, SMS or on paper), to confirm an act, and to a new phone
or e-mail (policy 7.1; ASVS 6.5, 6.3.8).

Known and unknown people cause the same statements, the same rows and the same answer; what differs happens later,
in the worker. The code is made by the sender while it renders the letter and exists here only as a keyed digest.
"""

import math
import secrets
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext_lazy, ngettext

from audit.actor import acting_as
from notifications import sms
from notifications.doorbell import ring
from notifications.enums import Priority
from notifications.models import Letter
from notifications.ports import LetterKind
from notifications.services import write
from staff.models import StaffUser
from subjects import duplicates, search, texts
from subjects.codes import LIVES, code_of, digest_of, is_current, make_code, newer
from subjects.enums import LEAVES, IndexKind
from subjects.models import CabinetEvent, CodeChannel, CodeUse, DataSubject, SignInCode, TextMessage
from subjects.rules import check_may_issue_paper_code

KIND = "sign_in_code"
# the letter that carries a code of each use
LETTERS = {CodeUse.SIGN_IN: KIND, CodeUse.STEP_UP: "confirm_code", CodeUse.CONTACT: "new_address_code"}
PAPER_LIVES = timedelta(days=3)
TRIES = 5
# asks: (how many, in what time); 10 a day × 5 tries leave a guesser 1 in 20,000 a day
PER_PERSON = ((3, timedelta(minutes=15)), (10, timedelta(days=1)))
PER_ADDRESS = ((100, timedelta(hours=1)),)
# SMS cost money: when so many went out in an hour, further codes go by e-mail where there is one (S14, SMS pumping)
MOST_SMS = (500, timedelta(hours=1))


Limits = tuple[tuple[int, timedelta], ...]


class Limited(ValidationError):
    """Too many codes were asked for; the message and `seconds` say when one may ask again."""

    def __init__(self, until: datetime) -> None:
        self.seconds = max(1, math.ceil((until - timezone.now()).total_seconds()))
        minutes, hours = math.ceil(self.seconds / 60), math.ceil(self.seconds / 3600)
        if minutes <= 60:
            message = ngettext(
                "Too many codes were asked for. Try again in %(n)s minute.",
                "Too many codes were asked for. Try again in %(n)s minutes.",
                minutes,
            )
            super().__init__(message, code="limited", params={"n": minutes})
        else:
            message = ngettext(
                "Too many codes were asked for. Try again in %(n)s hour.",
                "Too many codes were asked for. Try again in %(n)s hours.",
                hours,
            )
            super().__init__(message, code="limited", params={"n": hours})


class Asked(NamedTuple):
    """What the visitor's session keeps between the two pages."""

    handle: UUID


def _digest_of_address(address: str) -> bytes:
    return salted_hmac("subjects.sign_in.address", address, algorithm="sha256").digest()[:16]


def _digest_of_person(person: int, identifier: bytes) -> bytes:
    """What asks for one person wait under; for an unknown one, the identifier stands for the person."""
    return salted_hmac("subjects.sign_in.person", str(person) if person else identifier, algorithm="sha256").digest()


def identifier_kind(text: str) -> IndexKind:
    """An IIN has twelve digits; anything else, and whatever begins with +, is taken for a phone number."""
    if text.lstrip().startswith("+"):
        return IndexKind.PHONE
    return IndexKind.IIN if sum(character.isalnum() for character in text) == 12 else IndexKind.PHONE


def _queue_up(*digests: bytes) -> None:
    """Asks under one identifier, for one person or from one address wait for each other, or many would count alike.

    In one order, so that no two wait for each other for ever.
    """
    keys = sorted({int.from_bytes(digest[:8], "big", signed=True) for digest in digests})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key", [keys])


def _full_until(asks: QuerySet[SignInCode], limits: Limits) -> datetime | None:
    """When every limit has room again; None when all have now. One statement."""
    now = timezone.now()
    most, longest = max(limit for limit, _window in limits), max(window for _limit, window in limits)
    asks = asks.exclude(channel=CodeChannel.PAPER).filter(created_at__gt=now - longest).order_by("-created_at")
    times = list(asks.values_list("created_at", flat=True)[:most])
    ends = [times[limit - 1] + window for limit, window in limits if len(times) >= limit]
    return max((end for end in ends if end > now), default=None)


def _asked_to_sign_in(**conditions: object) -> QuerySet[SignInCode]:
    return SignInCode.objects.filter(use=CodeUse.SIGN_IN, **conditions)


def ask(*, identifier: str, address: str, channel: str = CodeChannel.EMAIL) -> Asked:
    """Note that a code is wanted; the worker sends it if the person is known.

    identifier: an IIN or a phone number as typed. address: the visitor's network address. channel: what the visitor
    would like; a person who has no such address gets it the other way. Raises ValidationError for something that is
    neither, Limited for too many under this identifier or from this address. Too many for the person, by IIN and phone
    together, are held back in silence: a refusal would tell that both are one person's.
    """
    kind = identifier_kind(identifier)
    digest = search.digest(kind, identifier)
    address_digest = _digest_of_address(address)
    with acting_as("sign-in"), transaction.atomic():
        subject = duplicates.whose(kind, digest)
        person = subject.pk if subject else 0  # 0 is nobody's id
        _queue_up(digest, address_digest, _digest_of_person(person, digest))
        until = (
            _full_until(_asked_to_sign_in(identifier_digest=digest), PER_PERSON),
            _full_until(_asked_to_sign_in(address_digest=address_digest), PER_ADDRESS),
        )
        if over := [moment for moment in until if moment]:
            raise Limited(max(over))
        code = SignInCode.objects.create(
            subject=subject,
            channel=CodeChannel(channel).value,
            identifier_digest=digest,
            address_digest=address_digest,
            expires_at=timezone.now() + LIVES,
            held_back=_full_until(_asked_to_sign_in(subject=person, held_back=False), PER_PERSON) is not None,
        )
        CabinetEvent.objects.create(
            kind=CabinetEvent.Kind.CODE_ASKED, subject=code.subject, address_digest=address_digest
        )
        ring("subjects.send_code", code.pk)
    return Asked(code.handle)


@transaction.atomic
def ask_known(
    *, subject: DataSubject, use: str, channel: str, address: str, sealed_address: bytes | None = None
) -> SignInCode:
    """A code for somebody who is signed in: to confirm an act, or to the new phone or e-mail they named.

    sealed_address: where a code of the use `contact` goes. Raises Limited: each use has the limits of a sign-in.
    """
    digest = _digest_of_person(subject.pk, b"")
    _queue_up(digest)
    asked = SignInCode.objects.filter(use=use, subject=subject)
    if until := _full_until(asked, PER_PERSON):
        raise Limited(until)
    code = SignInCode.objects.create(
        subject=subject,
        use=CodeUse(use).value,
        channel=CodeChannel(channel).value,
        sealed_address=sealed_address,
        identifier_digest=digest[:16],
        address_digest=_digest_of_address(address),
        expires_at=timezone.now() + LIVES,
    )
    kinds = CabinetEvent.Kind
    kind = kinds.CONTACT_ASKED if use == CodeUse.CONTACT else kinds.CODE_ASKED
    CabinetEvent.objects.create(kind=kind, subject=subject, address_digest=code.address_digest)
    ring("subjects.send_code", code.pk)
    return code


def channels_of(subject: DataSubject) -> list[str]:
    """How a code reaches the person now, the quickest first; nothing for somebody without phone and e-mail."""
    found = [CodeChannel.SMS.value] if subject.search_keys.usable_phones().exists() and sms.channel() else []
    return [*found, CodeChannel.EMAIL.value] if subject.search_keys.usable_emails().exists() else found


def _way(code: SignInCode, subject: DataSubject) -> str:
    """By which channel the code goes: the one that was wished, else the one there is."""
    if code.use == CodeUse.CONTACT:
        return code.channel
    ways = channels_of(subject)
    most, window = MOST_SMS
    if CodeChannel.SMS in ways and CodeChannel.EMAIL in ways and texts.codes_since(timezone.now() - window) >= most:
        ways.remove(CodeChannel.SMS)
    return code.channel if code.channel in ways or not ways else ways[0]


def send(code_id: int) -> None:
    """Put the letter or SMS with the code into its outbox, before all others; nothing for an unknown person."""
    code = SignInCode.objects.select_related("subject").filter(pk=code_id, used_at=None, held_back=False).first()
    if code is None or code.subject is None or code.expires_at < timezone.now():
        return
    way, kind = _way(code, code.subject), LETTERS[CodeUse(code.use)]
    if way != code.channel:
        SignInCode.objects.filter(pk=code.pk).update(channel=way)
    if way == CodeChannel.SMS:
        texts.write(
            kind=TextMessage.Kind.CODE,
            cause=f"subjects.SignInCode:{code.pk}#{kind}",
            language=code.subject.language,
            subject_id=code.subject.pk,
        )
        return
    write(
        kind=kind,
        cause=f"subjects.SignInCode:{code.pk}#{kind}",
        language=code.subject.language,
        subject_id=code.subject_id,
        priority=Priority.CODE,
    )


def send_forgotten() -> None:
    """Send the codes whose bell did not ring (Redis was down)."""
    since = timezone.now() - LIVES
    # by priority: letters have a partial index of such
    told = Letter.objects.filter(kind__in=LETTERS.values(), priority=Priority.CODE, created_at__gt=since)
    known = {code_of(cause) for cause in told.values_list("cause", flat=True)} | texts.codes_told(since)
    waiting = (
        SignInCode.objects.exclude(channel=CodeChannel.PAPER)
        .filter(
            used_at=None,
            digest=None,
            held_back=False,
            subject__isnull=False,
            expires_at__gt=timezone.now(),
        )
        .values_list("pk", flat=True)
    )
    for pk in waiting:
        if pk not in known:
            send(pk)


def _make_codes(letters: list[Letter]) -> dict[int, dict[str, str]]:
    """Placeholder values at rendering: a fresh code, stored as its digest in the transaction that allows sending."""
    rows = SignInCode.objects.in_bulk([code_of(letter.cause) for letter in letters])
    return {letter.pk: {"code": make_code(rows[code_of(letter.cause)])} for letter in letters}


def _context(_cause: str, _language: str) -> dict:
    return {"minutes": int(LIVES.total_seconds() // 60), "site": settings.SITE_URL}


def _new_addresses(letters: list[Letter]) -> dict[int, str]:
    """{letter id: the new e-mail that its code goes to}."""
    rows = SignInCode.objects.select_related("subject").in_bulk([code_of(letter.cause) for letter in letters])
    found = {letter.pk: rows[code_of(letter.cause)] for letter in letters}
    return {pk: texts.new_address(row) for pk, row in found.items() if row.sealed_address}


SIGN_IN_CODE = LetterKind(KIND, _context, is_current, _make_codes, notice=False, title=gettext_lazy("code to sign in"))
KINDS = (
    SIGN_IN_CODE,
    LetterKind(
        LETTERS[CodeUse.STEP_UP], _context, is_current, _make_codes, notice=False,
        title=gettext_lazy("code to confirm an act"),
    ),
    LetterKind(
        LETTERS[CodeUse.CONTACT], _context, is_current, _make_codes, notice=False,
        title=gettext_lazy("code to a new e-mail"), addresses=_new_addresses,
    ),
)  # fmt: skip
# what a code that was right leaves behind; a change of contacts tells of itself
_DONE = {CodeUse.SIGN_IN: CabinetEvent.Kind.SIGNED_IN, CodeUse.STEP_UP: CabinetEvent.Kind.CONFIRMED}


def verify(*, handle: UUID, code: str) -> SignInCode | None:
    """The row whose code to sign in this is, with its person, or None; every try is counted, five close the code.

    A code on paper, issued by an officer, opens the same door; it is looked for only under the same person.
    """
    return redeem(handle=handle, code=code, use=CodeUse.SIGN_IN)


def redeem(*, handle: UUID, code: str, use: str, subject: DataSubject | None = None) -> SignInCode | None:
    """The row whose code this is, now used up, with the channel it came by, or None; as `verify`, for any use.

    subject: of a person signed in, whose code it must be. A code on paper confirms an act too, never a new address.
    """
    typed = "".join(character for character in code if character in "0123456789")
    conditions: dict[str, object] = {"handle": handle, "use": use}
    if subject is not None:
        conditions["subject"] = subject
    with acting_as("sign-in") if subject is None else nullcontext(), transaction.atomic():
        rows = SignInCode.objects.select_for_update(of=("self",)).select_related("subject")
        row = rows.filter(**conditions).first()
        if row is None:
            return None
        alive = row.used_at is None and row.tries < TRIES and row.expires_at > timezone.now()
        SignInCode.objects.filter(pk=row.pk).update(tries=F("tries") + 1)
        candidates = [row]
        if use != CodeUse.CONTACT:
            # the same questions for a person we do not know: 0 is nobody's id
            candidates += SignInCode.objects.select_for_update().filter(
                subject=row.subject_id or 0, channel=CodeChannel.PAPER, used_at=None, expires_at__gt=Now()
            )
        newest = not newer(row).exists()
        match = None
        for candidate in candidates:
            expected = bytes(candidate.digest) if candidate.digest else b"\0" * 32
            same = constant_time_compare(digest_of(candidate.handle, typed), expected)
            if same and candidate.digest and (candidate is not row or newest):
                match = candidate
        person = row.subject
        if not (alive and match and person and LEAVES[person.standing].cabinet):
            limited = row.tries + 1 >= TRIES
            kind = CabinetEvent.Kind.CODE_LIMITED if limited else CabinetEvent.Kind.CODE_REFUSED
            CabinetEvent.objects.create(kind=kind, subject=person, address_digest=row.address_digest)
            return None
        # the new address goes with the code: what was confirmed is stored where values are
        SignInCode.objects.filter(pk__in={row.pk, match.pk}).update(used_at=Now(), sealed_address=None)
        if done := _DONE.get(CodeUse(use)):
            CabinetEvent.objects.create(kind=done, subject=person, address_digest=row.address_digest)
        row.channel = match.channel
        return row


@transaction.atomic
def issue_on_paper(*, subject: DataSubject, by: StaffUser) -> str:
    """A code for a person without e-mail, seen by the officer once; an earlier unused one stops working.

    Valid three days. Raises PermissionDenied without the right, the undertaking or an open cabinet.
    """
    check_may_issue_paper_code(subject, by=by)
    SignInCode.objects.filter(subject=subject, channel=CodeChannel.PAPER, used_at=None).update(used_at=Now())
    code = f"{secrets.randbelow(10**8):08d}"
    row = SignInCode(
        subject=subject,
        channel=CodeChannel.PAPER,
        identifier_digest=b"",
        address_digest=b"",
        expires_at=timezone.now() + PAPER_LIVES,
    )
    row.digest = digest_of(row.handle, code)
    row.save()
    CabinetEvent.objects.create(kind=CabinetEvent.Kind.PAPER_CODE, subject=subject)
    return code
