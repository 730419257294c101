"""Data that come from others: what the gate allowed is taken in with its source, the rest is set aside (policy 2.1).

A value that the person told us themselves is never overwritten by somebody else's: the two are compared and a
difference waits for an officer (policy 2.2). What a withheld transfer brought is withheld too: it stands apart from
what the person may see, and is compared with nothing (DESIGN 4).
"""

import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from audit.models import AccessRecord
from consent.enums import RecipientKind
from staff.models import StaffUser
from staff.rules import NotAllowed, check_has_accepted_undertaking
from subjects import corrections, evidence, recording, vault, verification
from subjects.enums import Disclosure, Origin, Source
from subjects.models import PersonalData, Verification
from transfers import services
from transfers.decisions import Question
from transfers.enums import Direction, Fate
from transfers.models import Quarantined, Release, Transfer
from transfers.sentences import say

WHAT = "transfers.quarantine"
DECIDE = "transfers.decide_quarantined"
_CODE = re.compile(r"[a-z0-9_-]{1,40}")
# what a value of ours is compared with, by the kind of who sent the other
AGAINST = {
    RecipientKind.CREDIT_BUREAU: Verification.Against.CREDIT_BUREAU,
    RecipientKind.STATE_CREDIT_BUREAU: Verification.Against.CREDIT_BUREAU,
    RecipientKind.PENSION_CENTRE: Verification.Against.PENSION_FUND,
    RecipientKind.PAYMENT_PROVIDER: Verification.Against.BANK,
}
Values = Mapping[str, Sequence[Mapping[str, str]]]


class Received(NamedTuple):
    """What became of what came: categories taken in, compared with ours, differing from ours, set aside.

    release: None when the gate did not allow the transfer, so that all of it was set aside.
    """

    release: Release | None
    taken: list[str]
    same: list[str]
    differ: list[str]
    quarantined: list[str]


class Unfit(ValidationError):
    """Values that cannot be what they are said to be; nothing was taken in and the token is good still (422)."""

    def __init__(self, category: str, problem: recording.Unfit) -> None:
        self.category, self.problem = category, problem
        super().__init__("; ".join(remark.sentence for _number, remark in problem.problems + problem.doubts))


@transaction.atomic
def receive(
    *,
    token: str | None,
    payload_sha256: str,
    values: Values,
    size: int | None = None,
    reference: str = "",
    transfer: uuid.UUID | None = None,
) -> Received:
    """The data of an incoming transfer came; token, payload_sha256 and the rest are of `services.release`.

    values: {code of a category: [{part: text}]} as `subjects.formats` reads them. What the transfer was not authorised
    for goes into quarantine; without a token, of a transfer that the gate did not allow, all of it. Raises
    services.NotReleased, Unfit, ValidationError.
    """
    if token is None:
        release, of = None, _not_allowed(transfer)
    else:
        release = services.release(
            token=token,
            payload_sha256=payload_sha256,
            size=size,
            reference=reference,
            transfer=transfer,
            direction=Direction.INCOMING,
        )
        of = Transfer.objects.select_related("subject", "recipient").get(pk=release.transfer_id)
    told = Received(release, [], [], [], [])
    for category, rows in sorted(values.items()):
        if not _CODE.fullmatch(category):
            raise ValidationError(_("Write the code of the category in small Latin letters."), code="category")
        if release and category in of.categories:
            _take(of, category, rows, told)
        else:
            _set_aside(of, category, rows)
            told.quarantined.append(category)
    return told


def _not_allowed(transfer: uuid.UUID | None) -> Transfer:
    """The incoming transfer that was refused or not set up, of which nothing came yet. Raises services.NotReleased."""
    of = Transfer.objects.select_for_update(of=("self",)).select_related("subject", "recipient").get(public_id=transfer)
    services.check_direction(of, direction=Direction.INCOMING)
    if of.token_digest is not None:
        raise services.NotReleased(_("The gate allowed this transfer: write the token it gave."), code="unknown_token")
    if of.quarantined.exists():
        raise services.NotReleased(_("The data of this transfer came already: each comes once."), code="released")
    return of


def _take(of: Transfer, category: str, rows: Sequence[Mapping[str, str]], told: Received) -> None:
    ours = PersonalData.objects.told().filter(subject=of.subject, category__code=category)
    try:
        # of a withheld transfer a comparison would tell everybody who may read ours
        if of.disclosure == Disclosure.SUBJECT and ours.exclude(origin=Origin.THIRD_PARTY).exists():
            _compare(of, category, rows, told)
            return
        recording.record(
            subject=of.subject,
            category=category,
            values=rows,
            source=Source.API,
            origin=Origin.THIRD_PARTY,
            transfer=f"transfers.Transfer:{of.pk}",
            collected_at=timezone.now(),
            disclosure=of.disclosure,
            system=True,
        )
    except corrections.Stands:  # an officer looks at it
        _set_aside(of, category, rows)
        told.quarantined.append(category)
        return
    except recording.Unfit as problem:
        raise Unfit(category, problem) from problem
    except recording.Taken as problem:
        raise ValidationError(_("Another person has this IIN: nothing was taken in."), code="taken") from problem
    told.taken.append(category)


def _compare(of: Transfer, category: str, rows: Sequence[Mapping[str, str]], told: Received) -> None:
    """Ours stays; each of theirs that we do not have is noted as a difference from our first value."""
    theirs = recording.fit(category, values=rows, today=timezone.localdate())
    held = vault.open_values_for(recording.JOB, subject_ids=[of.subject_id], category=category)
    against = AGAINST.get(RecipientKind(of.recipient.kind), Verification.Against.STATE_DATABASE)
    mine = {value.id: value.parts for _pk, value in held}
    first = PersonalData.objects.select_related("category", "subject").get(pk=next(iter(mine)))
    differ = False
    for parts in theirs:
        same = next((pk for pk, own in mine.items() if own == parts), None)
        if same is not None:
            value = PersonalData.objects.select_related("category", "subject").get(pk=same)
            verification.note(value=value, against=against, result=Verification.Result.MATCH)
        else:
            differ = True
            verification.note(value=first, against=against, result=Verification.Result.MISMATCH, found=parts)
    (told.differ if differ else told.same).append(category)


def _set_aside(of: Transfer, category: str, rows: Sequence[Mapping[str, str]]) -> None:
    Quarantined.objects.bulk_create(
        Quarantined(
            transfer=of,
            subject=of.subject,
            category=category,
            sealed=evidence.seal(subject=of.subject, what=WHAT, parts=parts),
        )
        for parts in rows
    )


def check_may_decide(row: Quarantined, *, by: StaffUser) -> None:
    """Raises NotAllowed: the role, the undertaking, or somebody decided already."""
    if not by.has_perm(DECIDE):
        raise NotAllowed(_("Your role does not decide about values in quarantine."), code="role")
    if row.transfer.disclosure == Disclosure.WITHHELD and not by.has_perm("transfers.view_withheld_transfer"):
        raise NotAllowed(_("Your role does not decide about values in quarantine."), code="role")
    check_has_accepted_undertaking(by)
    if row.fate:
        raise NotAllowed(_("A colleague has decided about this value already."), code="decided")


def _settle(row: Quarantined, fate: str, by: StaffUser) -> Quarantined:
    row.fate, row.decided_by, row.decided_at, row.sealed = fate, by, timezone.now(), None
    row.save(update_fields=["fate", "decided_by", "decided_at", "sealed"])
    return row


def _locked(row: Quarantined) -> Quarantined:
    rows = Quarantined.objects.select_for_update(of=("self",))
    return rows.select_related("transfer__recipient", "subject").get(pk=row.pk)


@transaction.atomic
def destroy(*, row: Quarantined, by: StaffUser) -> Quarantined:
    """What no rule covers is not kept: its ciphertext goes and no history has a copy. Raises NotAllowed."""
    row = _locked(row)
    check_may_decide(row, by=by)
    return _settle(row, Fate.DESTROYED, by)


def take(*, row: Quarantined, by: StaffUser) -> Quarantined:
    """A rule covers it by now: the gate is asked anew, as this officer, and the value taken in on that new transfer.

    A refusal stands in the register of transfers. What came withheld stays so, whatever the rules say by now. Raises
    NotAllowed with why the gate refused, Unfit.
    """
    check_may_decide(row, by=by)
    kept = Question.from_json(row.transfer.inputs["question"])
    secret = row.transfer.disclosure == Disclosure.WITHHELD
    context = replace(kept.context, withheld=kept.context.withheld or secret)
    question = Question(kept.subject, kept.recipient, kept.purpose, (row.category,), Direction.INCOMING, None, context)
    done = services.authorise(question=question)
    if done.token is None:
        why = next(step for step in done.decision.steps if not step.passed)
        raise NotAllowed(say(why.code, why.params, (get_language() or "en")[:2]), code="refused")
    with transaction.atomic():
        row = _locked(row)
        check_may_decide(row, by=by)
        assert row.sealed is not None
        parts = vault.open_proof(
            subject=row.subject,
            what=WHAT,
            sealed=bytes(row.sealed),
            door=AccessRecord.Door.JOB,
            reason="quarantine",
            withheld=done.decision.disclosure == Disclosure.WITHHELD,
        )
        payload = json.dumps({row.category: [parts]}, ensure_ascii=False, sort_keys=True)
        receive(
            token=done.token,
            payload_sha256=hashlib.sha256(payload.encode()).hexdigest(),
            values={row.category: [parts]},
        )
        return _settle(row, Fate.TAKEN, by)
