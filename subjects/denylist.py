"""The list of persons denied a microcredit (policy 1.1): put on it by two officers, reviewed, disputed, asked by API.

Financial monitoring is a list of its own, with rights of its own, and no word of it stands in what this file answers
about the other one.
"""

from datetime import date, datetime

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.models import Letter
from notifications.services import write
from staff import opening
from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import deadlines, duplicates, evidence, vault
from subjects.enums import RetentionClass, RevealReason
from subjects.life_letters import ANSWER_WAITS
from subjects.models import AmlEntry, DataSubject, DenialDispute, DenylistEntry
from subjects.vault import Parts

# the term of an answer with reasons, law.md 1.6
TERM = "REFUSE"
NOTE, AML_NOTE, STATEMENT = "subjects.denial", "subjects.aml", "subjects.dispute"


@transaction.atomic
def propose(
    *,
    subject: DataSubject,
    kind: str,
    reason: str,
    origin: str,
    review_on: date,
    by: StaffUser,
    note: str = "",
) -> DenylistEntry:
    """Propose that a person stands on the denylist; it counts when a second officer approved it (staff.opening).

    note: sealed. Raises NotAllowed, ValidationError.
    """
    _check_review(review_on)
    opening.alone(DenylistEntry)
    row = DenylistEntry(subject=subject, kind=kind, reason=reason, origin=origin, review_on=review_on)
    if note.strip():
        row.sealed_note = evidence.seal(subject=subject, what=NOTE, parts={"value": note.strip()})
    elif reason == DenylistEntry.Reason.OTHER:
        raise ValidationError({"note": _("Another reason is written in the note.")})
    if opening.standing(row) is not None:
        # it would be put in the place of one that the person may dispute
        raise ValidationError({"kind": _("The person stands on the list for this already: review that entry.")})
    return opening.propose(row, by=by)


@transaction.atomic
def propose_aml(*, subject: DataSubject, reason: str, review_on: date, by: StaffUser, note: str = "") -> AmlEntry:
    """Propose an entry of financial monitoring; nobody without its right learns of it. Raises as `propose`."""
    _check_review(review_on)
    row = AmlEntry(subject=subject, reason=reason, review_on=review_on)
    if note.strip():
        row.sealed_note = evidence.seal(
            subject=subject, what=AML_NOTE, parts={"value": note.strip()}, retention_class=RetentionClass.AML
        )
    return opening.propose(row, by=by)


def _check_review(review_on: date) -> None:
    if review_on <= timezone.localdate():
        raise ValidationError({"review_on": _("The day of the review is past: write a day to come.")})


def read_note(*, entry: DenylistEntry | AmlEntry, by: StaffUser, reason: str) -> Parts:
    """The note of an entry, for an officer with a reason; a look at a note of monitoring does not name the person.

    Raises PermissionDenied.
    """
    if not by.has_perm("subjects.reveal_value") or not by.has_perm(f"subjects.view_{entry._meta.model_name}"):
        raise PermissionDenied(_("Your role does not open values."))
    if entry.sealed_note is None:
        raise PermissionDenied(_("There is no note."))
    quiet = isinstance(entry, AmlEntry)
    return vault.reveal_proof(
        subject=entry.subject,
        what=AML_NOTE if quiet else NOTE,
        sealed=bytes(entry.sealed_note),
        by=by,
        reason=RevealReason(reason).value,
        retention_class=RetentionClass.AML if quiet else RetentionClass.EVIDENCE,
        withheld=quiet,
    )


@transaction.atomic
def dispute(*, entry: DenylistEntry, statement: str = "", received_at: datetime | None = None) -> DenialDispute:
    """The person says that they do not belong on the list; the entry counts until somebody decided.

    It is answered with reasons, whatever the answer is: the term of that runs from receipt (94-V art. 25).
    statement: their words, sealed. received_at: aware, now by default. Raises ValidationError for an entry that is not
    in force, is disputed already or is on its way off the list.
    """
    now = timezone.now()
    if received_at is not None and received_at > now:
        raise ValidationError({"received_at": _("This moment is yet to come.")})
    # of two at once the second sees the first
    entry = DenylistEntry.objects.select_for_update().get(pk=entry.pk)
    if not entry.is_in_force:
        raise ValidationError(_("Only an entry in force is disputed."))
    last = entry.disputes.select_related("entry").defer("sealed_statement").order_by("pk").last()
    if last is not None and last.is_being_heeded:
        raise ValidationError(_("It is decided already that this entry is closed: a second officer confirms it."))
    row = DenialDispute(entry=entry)
    if statement.strip():
        row.sealed_statement = evidence.seal(subject=entry.subject, what=STATEMENT, parts={"value": statement.strip()})
    row.full_clean(exclude={"entry"})
    row.validate_constraints()
    row.save()
    deadlines.start(rule_code=TERM, about=row.about, at=received_at or now)
    return row


def is_judge(dispute: DenialDispute, *, by: StaffUser) -> bool:
    """Whether the dispute is theirs to decide: with the right to, and not of those who put the person there."""
    parties = (dispute.entry.proposed_by_id, dispute.entry.approved_by_id)
    return by.has_perm("subjects.decide_denialdispute") and by.pk not in parties


def disputes_for(by: StaffUser) -> QuerySet[DenialDispute]:
    """Those not decided yet that somebody with the right to may decide."""
    rows = DenialDispute.objects.filter(decided_at=None)
    return rows.exclude(entry__proposed_by=by).exclude(entry__approved_by=by)


def unanswered_for(by: StaffUser) -> QuerySet[DenialDispute]:
    """Those that this officer may bring to their answer: by deciding, or by closing or keeping the entry."""
    mine = DenialDispute.objects.none()
    if by.has_perm("subjects.decide_denialdispute"):
        mine = disputes_for(by)
    if by.has_perm("subjects.approve_denylistentry"):
        heeded = DenialDispute.objects.filter(
            outcome=DenialDispute.Outcome.REMOVED,
            entry__closing_proposed_by__isnull=False,
            entry__closing_approved_by=None,
        )
        mine |= heeded.exclude(entry__closing_proposed_by=by)
    return mine


def may_read_statement(dispute: DenialDispute, *, by: StaffUser) -> bool:
    """Whoever opens values, and whoever decides: nobody decides on words they cannot read."""
    return by.has_perm("subjects.view_denialdispute") and (
        by.has_perm("subjects.reveal_value") or is_judge(dispute, by=by)
    )


def read_statement(*, dispute: DenialDispute, by: StaffUser, reason: str) -> Parts:
    """What the person says against an entry, for an officer with a reason. Raises PermissionDenied."""
    if not may_read_statement(dispute, by=by):
        raise PermissionDenied(_("Your role does not open values."))
    if dispute.sealed_statement is None:
        raise PermissionDenied(_("There is no note."))
    return vault.reveal_proof(
        subject=dispute.entry.subject,
        what=STATEMENT,
        sealed=bytes(dispute.sealed_statement),
        by=by,
        reason=RevealReason(reason).value,
    )


@transaction.atomic
def decide_dispute(*, dispute: DenialDispute, outcome: str, by: StaffUser) -> DenialDispute:
    """Decide; not by those who put the person there. An entry that is to go waits for a second officer to close it.

    The person gets a letter that an answer waits, by the file that opens their cabinet. Raises NotAllowed.
    """
    row = DenialDispute.objects.select_for_update(of=("self",)).select_related("entry__subject").get(pk=dispute.pk)
    if not by.has_perm("subjects.decide_denialdispute"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    if row.decided_at is not None:
        raise NotAllowed(_("This is decided already. Reload the page to see where it stands."), code="overtaken")
    if by.pk in (row.entry.proposed_by_id, row.entry.approved_by_id):
        raise NotAllowed(_("You put the person on the list, so somebody else decides."), code="four_eyes")
    row.outcome, row.decided_by, row.decided_at = DenialDispute.Outcome(outcome).value, by, timezone.now()
    row.save(update_fields=["outcome", "decided_by", "decided_at"])
    if outcome == DenialDispute.Outcome.REMOVED and row.entry.is_in_force and row.entry.closing_proposed_by_id is None:
        # who decides about disputes need not be one who adds entries
        row.entry = opening.propose_closing(row.entry, by=by, right="subjects.decide_denialdispute")
    if not row.is_being_heeded:  # a second officer may still have the entry stay: that will be the answer
        _answered(row)
    _tell(row)
    return row


def _heeded(entry: DenylistEntry) -> DenialDispute | None:
    """The dispute for which the entry is to be closed; nobody else decides meanwhile."""
    opening.alone(DenylistEntry)
    last = entry.disputes.select_related("entry__subject").defer("sealed_statement").order_by("pk").last()
    return last if last is not None and last.is_being_heeded else None


@transaction.atomic
def close(*, entry: DenylistEntry, by: StaffUser) -> DenylistEntry:
    """The second officer closes the entry: a dispute that asked for it is answered. Raises NotAllowed, Overtaken."""
    heeded = _heeded(entry)
    closed = opening.approve_closing(entry, by=by)
    if heeded is not None:
        _answered(heeded)
    return closed


@transaction.atomic
def keep(*, entry: DenylistEntry, by: StaffUser) -> DenylistEntry:
    """What was to be closed stays in force; a person who was told that it goes gets another letter.

    Raises NotAllowed, Overtaken.
    """
    heeded = _heeded(entry)
    kept = opening.decline_closing(entry, by=by)
    if heeded is not None:
        _answered(heeded)
        _tell(heeded)
    return kept


def _answered(row: DenialDispute) -> None:
    for deadline in deadlines.of(row.about).open():
        deadlines.meet(deadline=deadline)


def _tell(row: DenialDispute) -> None:
    """That an answer waits, each time; by the file that opens the person's cabinet."""
    told, cause = duplicates.leading_of(row.entry.subject), f"{row.about}#{ANSWER_WAITS}"
    again = Letter.objects.filter(kind=ANSWER_WAITS, cause__startswith=f"{cause}.").count() + 1
    write(kind=ANSWER_WAITS, cause=f"{cause}.{again}", language=told.language, subject_id=told.pk)
