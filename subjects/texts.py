"""SMS to people: a code, or that a message waits. A row first; the words and the number exist only while it is sent."""

from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from audit.models import AccessRecord
from notifications import sms
from notifications.doorbell import ring
from staff.models import Operator
from subjects import addresses, codes, evidence, vault
from subjects.enums import LEAVES, IndexKind
from subjects.models import CodeUse, DataSubject, SignInCode, TextMessage

log = structlog.get_logger("kelisim.texts")

NEW_ADDRESS = "subjects.new_address"
PHONE = "mobile_phone"
# how long one may be on its way without a sign of life from its worker, and when to try again
LEASE = timedelta(seconds=60)
BACKOFF = (timedelta(seconds=10), timedelta(minutes=1))


class Ready(NamedTuple):
    """An SMS that may leave now."""

    row: TextMessage
    number: str
    text: str


def seal_new_address(subject: DataSubject, address: str) -> bytes:
    """The new phone or e-mail that a person named, until they confirm it."""
    return evidence.seal(subject=subject, what=NEW_ADDRESS, parts={"value": address})


def new_address(code: SignInCode) -> str:
    """Where a code of the use `contact` goes; a row came with its subject."""
    parts = vault.open_proof(
        subject=code.subject,
        what=NEW_ADDRESS,
        sealed=bytes(code.sealed_address),
        door=AccessRecord.Door.JOB,
        reason="codes",
    )
    return parts["value"]


def write(*, kind: str, cause: str, language: str, subject_id: int) -> TextMessage:
    """Put one SMS into the outbox and ring; a second one of the same cause is the first. cause: `app.Model:pk#kind`."""
    row, created = TextMessage.objects.get_or_create(
        cause=cause, defaults={"kind": kind, "language": language, "subject_id": subject_id}
    )
    if created:
        ring("subjects.send_texts")
    return row


def codes_since(moment: datetime) -> int:
    """How many codes went by SMS since then."""
    return TextMessage.objects.filter(kind=TextMessage.Kind.CODE, created_at__gt=moment).count()


def codes_told(since: datetime) -> set[int]:
    """Codes' rows that an SMS is about."""
    rows = TextMessage.objects.filter(kind=TextMessage.Kind.CODE, created_at__gt=since)
    return {codes.code_of(cause) for cause in rows.values_list("cause", flat=True)}


def deliver_due() -> None:
    """Send every SMS that is due, one after the other; several workers never take the same."""
    channel = sms.channel()
    while channel and (ready := _take()):
        try:
            channel.send(number=ready.number, text=ready.text, reference=f"kelisim-{ready.row.pk}")
        except sms.NotSent as error:
            _not_sent(ready.row, error)
        else:
            _done(ready.row, TextMessage.State.SENT)


def give_up_lost() -> None:
    """An SMS whose worker was lost on the way: nobody knows, and it is not sent again."""
    lost = TextMessage.objects.filter(state=TextMessage.State.SENDING, due_at__lt=Now())
    lost.update(state=TextMessage.State.UNCERTAIN, done_at=Now())


def _take() -> Ready | None:
    """The next one with its number and words, `sending` on disk; those that make no sense any more are skipped."""
    due = TextMessage.objects.filter(state=TextMessage.State.QUEUED, due_at__lte=Now()).select_related("subject")
    while True:
        with transaction.atomic():
            row = due.select_for_update(of=("self",), skip_locked=True).order_by("due_at", "pk").first()
            if row is None:
                return None
            made = _code(row) if row.kind == TextMessage.Kind.CODE else _phone_changed(row)
            if made is None:
                _done(row, TextMessage.State.SKIPPED)
                continue
            row.state, row.attempts = TextMessage.State.SENDING, row.attempts + 1
            row.due_at = timezone.now() + LEASE
            row.save(update_fields=["state", "attempts", "due_at"])
            return Ready(row, *made)


def _code(row: TextMessage) -> tuple[str, str] | None:
    if not codes.is_current(row.cause):
        return None
    code = SignInCode.objects.select_related("subject").get(pk=codes.code_of(row.cause))
    if code.use == CodeUse.CONTACT:
        number = new_address(code)
    elif LEAVES[row.subject.standing].cabinet:
        opened = vault.open_for("codes", subject_ids=[row.subject_id], category=PHONE).get(row.subject_id, [])
        numbers = [parts["value"] for parts in opened]
        stopped = addresses.disputed(numbers, IndexKind.PHONE)
        number = next((number for number in reversed(numbers) if number not in stopped), "")
    else:
        number = ""
    if not number:
        return None
    with translation.override(row.language):
        words = {
            CodeUse.SIGN_IN: _("%(who)s: %(code)s is the code to sign in. Tell it to nobody."),
            CodeUse.STEP_UP: _("%(who)s: %(code)s is the code to confirm. Tell it to nobody."),
            CodeUse.CONTACT: _("%(who)s: %(code)s is the code for the new number. Tell it to nobody."),
        }[CodeUse(code.use)]
        return number, words % {"who": _who(row.language), "code": codes.make_code(code)}


def _phone_changed(row: TextMessage) -> tuple[str, str] | None:
    """To the number that was the person's: not what happened, only that something waits."""
    allowed = [standing for standing, leaves in LEAVES.items() if leaves.cabinet]
    opened = vault.open_former_for("codes", history_ids=[codes.code_of(row.cause)], category=PHONE, standings=allowed)
    number = opened[codes.code_of(row.cause)]["value"] if opened else ""
    if not number or addresses.disputed([number], IndexKind.PHONE):
        return None
    operator = Operator.current()
    with translation.override(row.language):
        text = _("%(who)s: a message waits for you in the cabinet, %(where)s. Was it not you? %(email)s") % {
            "who": _who(row.language),
            "where": f"{settings.SITE_URL}/cabinet/",
            "email": operator.email if operator else "",
        }
    return number, text


def _who(language: str) -> str:
    operator = Operator.current()
    return operator.name(language) if operator else "Kelisim"


def _not_sent(row: TextMessage, error: sms.NotSent) -> None:
    log.warning("an SMS was not sent", text_message=row.pk, code=error.code)
    if error.unknown:
        _done(row, TextMessage.State.UNCERTAIN)
    elif error.again and row.attempts <= len(BACKOFF):
        waiting = TextMessage.objects.filter(Q(pk=row.pk), state=TextMessage.State.SENDING)
        waiting.update(state=TextMessage.State.QUEUED, due_at=timezone.now() + BACKOFF[row.attempts - 1])
    else:
        _done(row, TextMessage.State.FAILED)


def _done(row: TextMessage, state: str) -> None:
    TextMessage.objects.filter(pk=row.pk).update(state=state, done_at=Now())
