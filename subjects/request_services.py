"""The verbs of a request: from its receipt to the answer that is kept (94-V art. 24, 25; policy 7.1).

Every verb locks the row; its clocks run from receipt in Asia/Almaty, whoever registers it later.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import (
    deadlines,
    duplicates,
    evidence,
    ports,
    request_answers,
    request_files,
    request_letters,
    request_targets,
)
from subjects import request_rules as rules
from subjects.models import DataCategory, DataSubject, Representative, SourceSystem
from subjects.request_parts import RequestItem, RequestNote
from subjects.request_states import GROUNDS_OF_A_PART
from subjects.request_words import ANSWER, COMMENT, NOTE, TEXT, VALUE
from subjects.requests import Closing, Identity, RequestChannel, RequestKind, RequestState, SubjectRequest


@transaction.atomic
def register(
    *,
    kinds: Sequence[str],
    channel: str,
    language: str,
    received_at: datetime | None = None,
    subject: DataSubject | None = None,
    by: StaffUser | None = None,
    text: str = "",
    representative: Representative | None = None,
    target: str = "",
    category: DataCategory | None = None,
    value: str = "",
    disclosure: str = "subject",
) -> SubjectRequest:
    """Write a request down and start its clocks from `received_at` (aware, now by default).

    by: the officer; None when the person makes it in the cabinet, which establishes who asks, or a system of ours tells
    of it, which does not. text, value: the person's words, sealed; only with a subject, since nobody else has a key.
    Raises NotAllowed, ValidationError.
    """
    now = timezone.now()
    if by is not None:
        rules.check_may_register(by=by)
    elif subject is None or channel not in (RequestChannel.CABINET, RequestChannel.API):
        raise NotAllowed(_("Without an officer a request is made by a person in the cabinet."), code="actor")
    if received_at is not None and received_at > now:
        raise ValidationError({"received_at": _("This moment is yet to come.")})
    if not kinds:
        raise ValidationError({"kinds": _("Say what is asked.")})
    if subject is None and (text or value):
        raise ValidationError(
            {"text": _("Words of somebody we do not know are not kept here: write them in when you know who asks.")}
        )
    _check_representative(representative, subject, kinds, received_at or now)
    row = SubjectRequest(
        subject=subject,
        kinds=[RequestKind(kind).value for kind in dict.fromkeys(kinds)],
        channel=RequestChannel(channel).value,
        language=language,
        received_at=received_at or now,
        representative=representative,
        target=target,
        category=category,
        disclosure=disclosure,
    )
    if channel == RequestChannel.CABINET:
        if by is not None:
            raise ValidationError({"channel": _("Only the person makes a request in the cabinet.")})
        row.identity, row.identified_at = Identity.CABINET, now
    _seal(row, text=text, value=value)
    row.full_clean()
    request_targets.check(row)
    row.save()
    for code in sorted({rules.RULE_OF[kind] for kind in row.kinds}):
        deadlines.start(rule_code=code, about=row.about, at=row.received_at)
    request_letters.tell(row)
    return row


def _check_representative(
    who: Representative | None, subject: DataSubject | None, kinds: Sequence[str], at: datetime
) -> None:
    if who is None:
        return
    known = Representative.objects.in_force(at).filter(pk=who.pk, subject=subject).first() if subject else None
    if known is None or Representative.Act.ASK not in known.acts:
        raise ValidationError({"representative": _("This representative may not make requests for the person.")})
    if RequestKind.WITHDRAW in kinds and Representative.Act.CONSENT not in known.acts:
        raise ValidationError({"representative": _("This representative may not withdraw consents for the person.")})


def _seal(row: SubjectRequest, *, text: str = "", value: str = "") -> None:
    if row.subject is None:
        return
    if text.strip():
        row.sealed_text = evidence.seal(subject=row.subject, what=TEXT, parts={"value": text.strip()})
    if value.strip():
        row.sealed_value = evidence.seal(subject=row.subject, what=VALUE, parts={"value": value.strip()})


def _locked(request: SubjectRequest) -> SubjectRequest:
    return (
        SubjectRequest.objects.select_for_update(of=("self",)).select_related("subject", "category").get(pk=request.pk)
    )


def _save(row: SubjectRequest, **fields: Any) -> SubjectRequest:
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=list(fields))
    return row


def _step(row: SubjectRequest, state: str, **fields: Any) -> SubjectRequest:
    """Into the next state; every state has its letter (issue 5)."""
    _save(row, state=state, **fields)
    request_letters.tell(row)
    return row


@transaction.atomic
def identify(
    *, request: SubjectRequest, identity: str, by: StaffUser, subject: DataSubject | None = None, text: str = ""
) -> SubjectRequest:
    """Record how it was established who asks; subject: who it is, None when we hold nothing on them.

    Nothing leaves before (issue 5). text: the person's words, when they could not be kept before. Raises NotAllowed.
    """
    row = _locked(request)
    rules.check_may_identify(row, by=by)
    if identity == Identity.CABINET:
        raise ValidationError({"identity": _("Only the cabinet itself establishes that.")})
    if row.subject_id and subject is not None and subject.pk != row.subject_id:
        raise ValidationError({"subject": _("The request names another person: register a new one.")})
    row.subject = subject or row.subject
    _seal(row, text=text)
    _save(
        row,
        subject=row.subject,
        sealed_text=row.sealed_text,
        identity=Identity(identity).value,
        identified_by=by,
        identified_at=timezone.now(),
    )
    request_letters.tell(row, request_letters.RECEIVED)
    return row


@transaction.atomic
def assign(*, request: SubjectRequest, to: StaffUser, by: StaffUser) -> SubjectRequest:
    """Give it to a colleague who may work on it. Raises NotAllowed."""
    row = _locked(request)
    rules.check_may_assign(row, by=by)
    if not to.is_active or not to.has_perm("subjects.handle_subjectrequest"):
        raise ValidationError({"assignee": _("This colleague does not work on requests.")})
    return _save(row, assignee=to)


@transaction.atomic
def take_up(*, request: SubjectRequest, by: StaffUser) -> SubjectRequest:
    """Begin to work on it; who begins is the assignee when there is none. Raises NotAllowed."""
    row = _locked(request)
    rules.check_may_take_up(row, by=by)
    return _step(row, RequestState.ACKNOWLEDGED, assignee=row.assignee or by)


@transaction.atomic
def pause(*, request: SubjectRequest, reason: str, by: StaffUser) -> SubjectRequest:
    """Stop the clocks that may stop for this reason (PauseReason), and tell the person. Raises NotAllowed.

    Those whose rule does not allow it run on; when none allows it, nothing is paused.
    """
    row = _locked(request)
    rules.check_may_pause(row, by=by)
    running = list(deadlines.of(row.about).running().select_related("rule"))
    allowed = [one for one in running if reason in one.rule.may_pause_for]
    if not allowed:
        raise NotAllowed(_("The law does not let this term be paused for that reason."), code="reason")
    for deadline in allowed:
        deadlines.pause(deadline=deadline, reason=reason)
    return _step(row, RequestState.REQUIRES_ACTION)


@transaction.atomic
def resume(*, request: SubjectRequest, by: StaffUser) -> SubjectRequest:
    """Go on; the days that were left are counted from tomorrow. Raises NotAllowed."""
    row = _locked(request)
    rules.check_may_resume(row, by=by)
    for deadline in deadlines.of(row.about).filter(paused_at__isnull=False):
        deadlines.resume(deadline=deadline)
    return _step(row, RequestState.ACKNOWLEDGED)


@transaction.atomic
def decide(
    *,
    request: SubjectRequest,
    by: StaffUser,
    refusal: str = "",
    refusals: Mapping[str, str] | None = None,
    target: str = "",
) -> SubjectRequest:
    """Grant it, or propose to refuse it; a destruction is proposed too, the rest is granted now.

    refusal: the ground (Refusal) on which all of it is refused. refusals: {RequestKind: Refusal} when one thing is
    granted and another refused, or each on its own ground: the second person approves both at once. target: what it is
    about, when the person did not say it by a code. Raises NotAllowed, ValidationError.
    """
    row, apart = _locked(request), dict(refusals or {})
    rules.check_may_decide(row, by=by, refusal=refusal)
    if apart:
        rules.check_may_decide_apart(row, by=by)
        if refusal or not apart.keys() <= set(row.kinds) or not set(apart.values()) <= set(GROUNDS_OF_A_PART):
            raise ValidationError(_("Only what is asked is refused, on a ground there is."), code="kinds")
        if len(apart) == len(row.kinds):
            refusal = apart[row.kinds[0]]
    _save(
        row,
        target=target or row.target,
        refusing=bool(refusal),
        refusal=refusal,
        refusals=apart,
        decided_by=by,
        decided_at=timezone.now(),
    )
    if not refusal:
        _check_named(row)
    return row if row.needs_second else _grant(row, by=by)


def _check_named(row: SubjectRequest) -> None:
    """Before anything is done: what is asked to act on codes names no unknown one."""
    if row.subject is not None and not request_targets.ACTS.isdisjoint(row.granted):
        request_targets.check(row)


@transaction.atomic
def approve(*, request: SubjectRequest, by: StaffUser) -> SubjectRequest:
    """Let a proposed refusal, destruction or closing take effect: the second person. Raises NotAllowed."""
    row = _locked(request)
    rules.check_may_approve(row, by=by)
    now = timezone.now()
    if row.closing:
        _meet(row, at=now)
        return _step(row, RequestState.UNFULFILLED, approved_by=by, approved_at=now)
    if not row.refusing:
        _check_named(row)  # a purpose may have ended since it was proposed
        _save(row, approved_by=by, approved_at=now)
        return _grant(row, by=by)
    kept = _keep_answer(row, request_answers.refusal_text(row), at=now)
    return _step(row, RequestState.REJECTED, approved_by=by, approved_at=now, **kept)


@transaction.atomic
def send_back(*, request: SubjectRequest, by: StaffUser) -> SubjectRequest:
    """The proposed decision is not approved, or taken back: it is to be decided again. Raises NotAllowed."""
    row = _locked(request)
    rules.check_may_send_back(row, by=by)
    return _save(row, refusing=False, refusal="", refusals={}, closing="", decided_by=None, decided_at=None)


def _grant(row: SubjectRequest, *, by: StaffUser) -> SubjectRequest:
    """Do what is granted, in this transaction: each kind by the app that owns the act."""
    _step(row, RequestState.ACCEPTED)
    if row.subject is None:
        return row
    for kind in row.granted:
        ports.execute_request[kind](row, by)
        if kind in rules.IN_SYSTEMS:
            correct = kind == RequestKind.CORRECT  # in the file that was named, the rest of the person (ADR 17)
            files = [row.subject] if correct else duplicates.every_file(row.subject)
            for system in SourceSystem.objects.that_may_hold(files, row.category if correct else None):
                need(request=row, kind=kind, system=system)
    return row


def need(*, request: SubjectRequest, kind: str, system: SourceSystem | None = None) -> RequestItem:
    """Work that has to be done before the answer; the same twice is one."""
    return RequestItem.objects.get_or_create(subject_request=request, kind=kind, system=system)[0]


@transaction.atomic
def finish_item(*, item: RequestItem, by: StaffUser, comment: str = "") -> RequestItem:
    """The work is done; comment: sealed with the person's key. Raises NotAllowed."""
    row = _locked(item.subject_request)
    item = RequestItem.objects.select_for_update(of=("self",)).get(pk=item.pk)
    rules.check_may_finish(item, row, by=by)
    if comment.strip() and row.subject is not None:
        item.sealed_comment = evidence.seal(subject=row.subject, what=COMMENT, parts={"value": comment.strip()})
    item.done_by, item.done_at = by, timezone.now()
    item.save(update_fields=["sealed_comment", "done_by", "done_at"])
    return item


@transaction.atomic
def answer(*, request: SubjectRequest, by: StaffUser, text: str = "") -> SubjectRequest:
    """Answer what was granted: the text is kept, sealed and hashed, and the person is told that it waits.

    Somebody on whom nothing is held gets the standard answer, without a text. Raises NotAllowed, ValidationError.
    """
    row = _locked(request)
    rules.check_may_answer(row, by=by)
    nothing = row.subject is None
    if not nothing and not text.strip():
        raise ValidationError({"text": _("Write the answer.")})
    now = timezone.now()
    if not nothing and RequestKind.ACCESS in row.granted:
        request_files.attach_subject_file(row)
    said = request_answers.said(row, text) + request_answers.enclosed(row)
    return _step(row, RequestState.FULFILLED, nothing_held=nothing, **_keep_answer(row, said, at=now))


def _keep_answer(row: SubjectRequest, text: str, *, at: datetime) -> dict[str, Any]:
    """What is written down of it: sealed with the person's key; of somebody without one, the standard text as it is."""
    _meet(row, at=at)
    kept: dict[str, Any] = {"answered_at": at, "answer_sha256": hashlib.sha256(text.encode()).hexdigest()}
    if row.subject is None:
        return {**kept, "standard_answer": text}
    return {**kept, "sealed_answer": evidence.seal(subject=row.subject, what=ANSWER, parts={"value": text})}


def _meet(row: SubjectRequest, *, at: datetime) -> None:
    for deadline in deadlines.of(row.about).open():
        deadlines.meet(deadline=deadline, at=at)


@transaction.atomic
def close(
    *, request: SubjectRequest, by: StaffUser, reason: str, duplicate_of: SubjectRequest | None = None
) -> SubjectRequest:
    """Without an answer: the person took it back, it repeats another one, or, when a second person agrees, it is none.

    reason: Closing. duplicate_of: for what repeats it and nothing else; of the same known person, open or answered, and
    not withheld when this one is told.
    Raises NotAllowed, ValidationError.
    """
    pair = [one.pk for one in (request, duplicate_of) if one is not None]
    # in one order, so that two who close each of a pair as the other's do not wait for each other for ever
    list(SubjectRequest.objects.select_for_update(of=("self",)).filter(pk__in=pair).order_by("pk"))
    row = _locked(request)
    reason = Closing(reason)
    rules.check_may_close(row, by=by, reason=reason)
    if duplicate_of is not None or reason == Closing.REPEATS:
        rules.check_repeats(row, reason, duplicate_of)
    if reason == Closing.NO_REQUEST:
        return _save(row, closing=reason.value, decided_by=by, decided_at=timezone.now())
    _meet(row, at=timezone.now())
    return _step(row, RequestState.UNFULFILLED, closing=reason.value, duplicate_of=duplicate_of)


@transaction.atomic
def note(*, request: SubjectRequest, text: str, by: StaffUser) -> RequestNote:
    """Tell colleagues something about the request; sealed, never for the person. Raises NotAllowed, ValidationError."""
    row = _locked(request)
    rules.check_may_note(row, by=by)
    if not text.strip():
        raise ValidationError({"text": _("Write the comment.")})
    assert row.subject is not None  # as the rule asked
    sealed = evidence.seal(subject=row.subject, what=NOTE, parts={"value": text.strip()})
    return RequestNote.objects.create(subject_request=row, sealed=sealed)
