"""Signing in to the cabinet: an identifier, then a six-digit code by e-mail or on paper (policy 7.1; ASVS 6.5, 6.3.8).

Known and unknown people cause the same statements, the same rows and the same answer; what differs happens later,
in the worker. The code is made by the sender while it renders the letter and exists here only as a keyed digest.
"""

import math
import secrets
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
from notifications.doorbell import ring
from notifications.enums import Priority
from notifications.models import Letter
from notifications.ports import LetterKind
from notifications.services import write
from staff.models import StaffUser
from subjects import search
from subjects.enums import LEAVES, IndexKind
from subjects.models import CabinetEvent, CodeChannel, DataSubject, SignInCode
from subjects.rules import check_may_issue_paper_code

KIND = "sign_in_code"
LIVES = timedelta(minutes=10)
PAPER_LIVES = timedelta(days=3)
TRIES = 5
# asks: (how many, in what time); 10 a day × 5 tries leave a guesser 1 in 20,000 a day
PER_PERSON = ((3, timedelta(minutes=15)), (10, timedelta(days=1)))
PER_ADDRESS = ((100, timedelta(hours=1)),)


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


def _digest_of_code(handle: UUID, code: str) -> bytes:
    return salted_hmac(f"subjects.sign_in.code.{handle}", code, algorithm="sha256").digest()


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
    asks = asks.filter(channel=CodeChannel.EMAIL, created_at__gt=now - longest).order_by("-created_at")
    times = list(asks.values_list("created_at", flat=True)[:most])
    ends = [times[limit - 1] + window for limit, window in limits if len(times) >= limit]
    return max((end for end in ends if end > now), default=None)


def _whose(kind: str, digest: bytes) -> DataSubject | None:
    """The one person indexed under this; nobody when a phone belongs to several or the cabinet is closed."""
    people = DataSubject.objects.filter(search_keys__kind=kind, search_keys__digest=digest).distinct()[:2]
    found = list(people)
    if len(found) != 1 or not LEAVES[found[0].standing].cabinet:
        return None
    return found[0]


def ask(*, identifier: str, address: str) -> Asked:
    """Note that a code is wanted; the worker sends it if the person is known.

    identifier: an IIN or a phone number as typed. address: the visitor's network address. Raises ValidationError for
    something that is neither, Limited for too many under this identifier or from this address. Too many for the
    person, by IIN and phone together, are held back in silence: a refusal would tell that both are one person's.
    """
    kind = identifier_kind(identifier)
    digest = search.digest(kind, identifier)
    address_digest = _digest_of_address(address)
    with acting_as("sign-in"), transaction.atomic():
        subject = _whose(kind, digest)
        person = subject.pk if subject else 0  # 0 is nobody's id
        _queue_up(digest, address_digest, _digest_of_person(person, digest))
        until = (
            _full_until(SignInCode.objects.filter(identifier_digest=digest), PER_PERSON),
            _full_until(SignInCode.objects.filter(address_digest=address_digest), PER_ADDRESS),
        )
        if over := [moment for moment in until if moment]:
            raise Limited(max(over))
        code = SignInCode.objects.create(
            subject=subject,
            identifier_digest=digest,
            address_digest=address_digest,
            expires_at=timezone.now() + LIVES,
            held_back=_full_until(SignInCode.objects.filter(subject=person, held_back=False), PER_PERSON) is not None,
        )
        CabinetEvent.objects.create(
            kind=CabinetEvent.Kind.CODE_ASKED, subject=code.subject, address_digest=address_digest
        )
        ring("subjects.send_code", code.pk)
    return Asked(code.handle)


def send(code_id: int) -> None:
    """Put the letter with the code into the outbox, before all others; nothing for an unknown person."""
    code = SignInCode.objects.select_related("subject").filter(pk=code_id, used_at=None, held_back=False).first()
    if code is None or code.subject is None or code.expires_at < timezone.now():
        return
    write(
        kind=KIND,
        cause=f"subjects.SignInCode:{code.pk}#{KIND}",
        language=code.subject.language,
        subject_id=code.subject_id,
        priority=Priority.CODE,
    )


def send_forgotten() -> None:
    """Send the codes whose bell did not ring (Redis was down)."""
    # by priority: letters have a partial index of such
    told = Letter.objects.filter(kind=KIND, priority=Priority.CODE, created_at__gt=timezone.now() - LIVES).values_list(
        "cause", flat=True
    )
    known = {int(cause.partition(":")[2].partition("#")[0]) for cause in told}
    waiting = SignInCode.objects.filter(
        channel=CodeChannel.EMAIL,
        used_at=None,
        digest=None,
        held_back=False,
        subject__isnull=False,
        expires_at__gt=timezone.now(),
    ).values_list("pk", flat=True)
    for pk in waiting:
        if pk not in known:
            send(pk)


def _code_of(cause: str) -> int:
    return int(cause.partition(":")[2].partition("#")[0])


def _make_codes(letters: list[Letter]) -> dict[int, dict[str, str]]:
    """Placeholder values at rendering: a fresh code, stored as its digest in the transaction that allows sending."""
    rows = SignInCode.objects.in_bulk([_code_of(letter.cause) for letter in letters])
    made = {}
    for letter in letters:
        row = rows[_code_of(letter.cause)]
        code = f"{secrets.randbelow(10**6):06d}"
        row.digest, row.expires_at = _digest_of_code(row.handle, code), timezone.now() + LIVES
        row.save(update_fields=["digest", "expires_at"])
        made[letter.pk] = {"code": code}
    return made


def _is_current(cause: str) -> bool:
    """Only the newest code of a person lives."""
    code = SignInCode.objects.filter(pk=_code_of(cause), used_at=None, expires_at__gt=Now()).first()
    if code is None:
        return False
    return not _newer(code).exists()


def _newer(code: SignInCode) -> QuerySet[SignInCode]:
    """Later codes by e-mail of the same person; 0 is nobody's id, so an unknown person costs the same question."""
    return SignInCode.objects.filter(
        subject=code.subject_id or 0, pk__gt=code.pk, channel=CodeChannel.EMAIL, held_back=False
    )


def _context(_cause: str, _language: str) -> dict:
    return {"minutes": int(LIVES.total_seconds() // 60), "site": settings.SITE_URL}


SIGN_IN_CODE = LetterKind(KIND, _context, _is_current, _make_codes, notice=False, title=gettext_lazy("code to sign in"))


def verify(*, handle: UUID, code: str) -> DataSubject | None:
    """The person whose code this is, or None; every try is counted, five close the code.

    A code on paper, issued by an officer, opens the same door; it is looked for only under the same person.
    """
    typed = "".join(character for character in code if character in "0123456789")
    with acting_as("sign-in"), transaction.atomic():
        row = SignInCode.objects.select_for_update(of=("self",)).select_related("subject").filter(handle=handle).first()
        if row is None:
            return None
        alive = row.used_at is None and row.tries < TRIES and row.expires_at > timezone.now()
        SignInCode.objects.filter(pk=row.pk).update(tries=F("tries") + 1)
        candidates = [row]
        # the same questions for a person we do not know: 0 is nobody's id
        candidates += SignInCode.objects.select_for_update().filter(
            subject=row.subject_id or 0, channel=CodeChannel.PAPER, used_at=None, expires_at__gt=Now()
        )
        newest = not _newer(row).exists()
        match = None
        for candidate in candidates:
            expected = bytes(candidate.digest) if candidate.digest else b"\0" * 32
            same = constant_time_compare(_digest_of_code(candidate.handle, typed), expected)
            if same and candidate.digest and (candidate is not row or newest):
                match = candidate
        subject = row.subject
        if not (alive and match and subject and LEAVES[subject.standing].cabinet):
            limited = row.tries + 1 >= TRIES
            kind = CabinetEvent.Kind.CODE_LIMITED if limited else CabinetEvent.Kind.CODE_REFUSED
            CabinetEvent.objects.create(kind=kind, subject=subject, address_digest=row.address_digest)
            return None
        SignInCode.objects.filter(pk__in={row.pk, match.pk}).update(used_at=Now())
        CabinetEvent.objects.create(
            kind=CabinetEvent.Kind.SIGNED_IN, subject=subject, address_digest=row.address_digest
        )
        return subject


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
    row.digest = _digest_of_code(row.handle, code)
    row.save()
    CabinetEvent.objects.create(kind=CabinetEvent.Kind.PAPER_CODE, subject=subject)
    return code
