"""Having data transferred: the gate decides, the register keeps it, a token lets the data go once (94-V art. 15)."""

import hashlib
import json
import re
import secrets
import uuid
from datetime import timedelta
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from transfers import gate
from transfers.decisions import Decision, Question
from transfers.enums import Direction
from transfers.facts import AUTHORISE, fetch
from transfers.models import Release, Transfer
from transfers.sentences import say
from transfers.shadow import goes, lets_through

TOKEN_LIFE = timedelta(minutes=5)
_SHA256 = re.compile(r"[0-9a-f]{64}")
# how often the gate is asked again when a consent ended between its answer and the row
_TRIES = 3


class UnknownParty(ValidationError):
    """The person, the recipient or the purpose does not exist, so there is nothing to write a row about (404)."""


class KeyReused(ValidationError):
    """The same key was used for another question (409)."""


class NotReleased(ValidationError):
    """The data do not go; `code`: payload, unknown_token, outgoing, incoming, released, lapsed, withdrawn, stopped,
    not_allowed_now."""


class Authorised(NamedTuple):
    """The row, the token that releases it (None when refused or repeated), the answer; repeated: asked before."""

    transfer: Transfer
    token: str | None
    decision: Decision
    repeated: bool = False


_INSERT = """
INSERT INTO transfers_transfer (public_id, subject_id, recipient_id, purpose_id, direction, categories, decision,
    shadow, failed, inputs, inputs_sha256, ground, rule_id, agreement_id, consent_id, consent_state_id,
    abroad_state_id, policy_version_id, disclosure, idempotency_key, token_digest, token_expires_at)
VALUES (%(public_id)s, %(subject_id)s, %(recipient_id)s, %(purpose_id)s, %(direction)s, %(categories)s::text[],
    %(decision)s, %(shadow)s, %(failed)s::text[], %(inputs)s::jsonb, %(inputs_sha256)s, %(ground)s, %(rule_id)s,
    %(agreement_id)s, %(consent_id)s, %(consent_state_id)s, %(abroad_state_id)s,
    %(policy_version_id)s, %(disclosure)s, %(idempotency_key)s, %(token_digest)s::bytea,
    CASE WHEN %(token_digest)s::bytea IS NOT NULL THEN clock_timestamp() + %(life)s::interval END)
RETURNING id, at, actor, user_id, request_id, db_user, token_expires_at
"""
_FILLED = ("id", "at", "actor", "user_id", "request_id", "db_user", "token_expires_at")


def _row(question: Question, decision: Decision, key: str) -> tuple[dict[str, Any], str | None]:
    facts = decision.inputs["facts"]
    shadow = lets_through(question, decision)
    token = secrets.token_urlsafe(32) if decision.allowed or shadow else None
    return {
        "public_id": uuid.uuid4(),
        "subject_id": facts["subject"]["id"],
        "recipient_id": facts["recipient"]["id"],
        "purpose_id": facts["purpose"]["id"],
        "direction": question.direction,
        "categories": list(question.categories),
        "decision": str(decision.decision),
        "shadow": shadow,
        "failed": decision.failed,
        "inputs": decision.inputs,
        "inputs_sha256": decision.inputs_sha256,
        "ground": decision.ground,
        "rule_id": decision.rule_id,
        "agreement_id": decision.agreement_id,
        "consent_id": decision.consent_id,
        "consent_state_id": decision.consent_state_id,
        "abroad_state_id": decision.abroad_state_id,
        "policy_version_id": decision.policy_version_id,
        "disclosure": str(decision.disclosure),
        "idempotency_key": key,
        "token_digest": hashlib.sha256(token.encode()).digest() if token else None,
    }, token


def _insert(row: dict[str, Any]) -> Transfer:
    given = {**row, "inputs": json.dumps(row["inputs"], ensure_ascii=False), "life": TOKEN_LIFE}
    filled = dict(zip(_FILLED, fetch(_INSERT, given), strict=True))
    transfer = Transfer(**row | filled)
    transfer._state.adding, transfer._state.db = False, connection.alias
    return transfer


def _check_known(decision: Decision) -> None:
    for step in decision.steps:
        if step.code in ("subject.unknown", "recipient.unknown", "purpose.unknown"):
            raise UnknownParty(say(step.code, step.params, (get_language() or "en")[:2]), code=step.code)


def _constraint(error: IntegrityError) -> str:
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") or ""


def _repeated(question: Question, key: str) -> Authorised:
    """What the same actor was answered when they first used this key; no second token."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('kelisim.actor', true), '')")
        (actor,) = cursor.fetchone()
    row = Transfer.objects.get(actor=actor, idempotency_key=key)
    if row.inputs["question"] != question.as_json():
        raise KeyReused(_("This key was used for another transfer: write a new one."))
    return Authorised(row, None, gate.judge(Question.from_json(row.inputs["question"]), row.inputs["facts"]), True)


def authorise(*, question: Question, idempotency_key: str = "") -> Authorised:
    """Ask the gate and write its answer, whatever it is; one transaction, two statements (policy 2.3).

    The person's consents are locked from the reading of the facts until the row stands, and the row's trigger looks
    once more: a transfer is not authorised after a withdrawal committed. The token lives TOKEN_LIFE. The session's
    actor is who asks. Raises UnknownParty, KeyReused, and ValidationError for a moment in the past: what counts, counts
    now.
    """
    if question.at is not None:
        raise ValidationError(_("A transfer is authorised now; a past moment can only be looked at."))
    for tried in range(1, _TRIES + 1):
        try:
            with transaction.atomic():
                decision = gate.ask(question, permission=AUTHORISE, lock=True)
                _check_known(decision)
                row, token = _row(question, decision, idempotency_key)
                return Authorised(_insert(row), token, decision)
        except IntegrityError as error:
            broken = _constraint(error)
            if broken == "transfers_once_a_key":
                return _repeated(question, idempotency_key)
            if broken != "transfers_consent_stands" or tried == _TRIES:
                raise
    raise AssertionError("unreachable")


def check_direction(transfer: Transfer, *, direction: Direction) -> None:
    """Raises NotReleased, which names what is done with data that go the other way."""
    if transfer.direction == direction:
        return
    if direction == Direction.INCOMING:
        raise NotReleased(_("This transfer sends data out: nothing is received by it."), code="outgoing")
    raise NotReleased(
        _("These data come to us: hand them over by “receive”, which confirms the transfer too."), code="incoming"
    )


def _check_still_goes(transfer: Transfer) -> None:
    """The question once more, after the row: the triggers said first what they know. Raises NotReleased."""
    question = Question.from_json(transfer.inputs["question"])
    if not goes(question, gate.ask(question, permission=AUTHORISE)):
        sentence = _("The gate does not allow this transfer any more: ask it again to see why.")
        raise NotReleased(sentence, code="not_allowed_now")


def release(
    *,
    token: str,
    payload_sha256: str,
    size: int | None = None,
    reference: str = "",
    transfer: uuid.UUID | None = None,
    direction: Direction = Direction.OUTGOING,
) -> Release:
    """The data were sent, or received: once, within the token's life, while consent and gate still allow it.

    What came in is released by `intake.receive` alone, which takes the values in with it.

    payload_sha256: 64 hexadecimal digits of exactly what went; size in bytes; reference: what the other side calls it;
    transfer: the public id the token must belong to, when the asker names one. Raises NotReleased with a sentence and
    a code.
    """
    if not _SHA256.fullmatch(payload_sha256):
        raise NotReleased(_("Write the SHA-256 as 64 hexadecimal digits."), code="payload")
    digest = hashlib.sha256(token.encode()).digest()
    found = Transfer.objects.filter(token_digest=digest).select_related("release").first()
    if found is None or transfer not in (None, found.public_id):
        raise NotReleased(_("No transfer has this token. Ask the gate for a new one."), code="unknown_token")
    check_direction(found, direction=direction)
    if hasattr(found, "release"):
        raise NotReleased(_("The data of this transfer went already: each is sent once."), code="released")
    if found.token_expires_at is None or found.token_expires_at <= timezone.now():
        raise NotReleased(_("The time of this transfer is over. Ask the gate again."), code="lapsed")
    try:
        with transaction.atomic():
            done = Release.objects.create(transfer=found, payload_sha256=payload_sha256, size=size, reference=reference)
            _check_still_goes(found)
            return done
    except IntegrityError as error:
        broken = _constraint(error)
        if broken == "transfers_consent_stands":
            sentence = _("The consent ended after the transfer was authorised: nothing may be sent.")
            raise NotReleased(sentence, code="withdrawn") from error
        if broken == "transfers_person_not_stopped":
            sentence = _("The person was blocked or objected after the transfer was authorised: nothing may be sent.")
            raise NotReleased(sentence, code="stopped") from error
        if broken == "transfers_released_in_time":
            raise NotReleased(_("The time of this transfer is over. Ask the gate again."), code="lapsed") from error
        if "transfer_id" in broken:
            sentence = _("The data of this transfer went already: each is sent once.")
            raise NotReleased(sentence, code="released") from error
        raise
