"""Another IIN for a person: a document seen, a second officer, the old one findable, a letter to the old address.

An IIN is who a person is to every other system, so a wrong one that is put in hands their file to somebody else
(94-V art. 24, 25). What rests on the old number, a consent, a receipt, a transfer, stays as it was given.
"""

from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from simple_history.utils import get_history_manager_for_model

from audit.actor import because
from audit.models import AccessRecord
from notifications.services import write
from staff.models import StaffUser
from staff.rules import NotAllowed, check_has_accepted_undertaking
from subjects import (
    addresses,
    evidence,
    formats,
    identifiers,
    life_letters,
    ports,
    recording,
    relations,
    rules,
    search,
    vault,
)
from subjects.enums import IndexKind, Origin, Source, Standing
from subjects.models import DataSubject, DocumentSeen, IinCorrection, PersonalData, SearchKey

SEALED, CORRECTED = "subjects.iin", "iin_corrected"
# what shows an IIN
DOCUMENTS = (
    DocumentSeen.Kind.ID_CARD,
    DocumentSeen.Kind.PASSPORT,
    DocumentSeen.Kind.RESIDENCE_PERMIT,
    DocumentSeen.Kind.BIRTH_CERTIFICATE,
)


@transaction.atomic
def propose(
    *,
    subject: DataSubject,
    iin: str,
    birth_date: date,
    sex: str,
    document_kind: str,
    last_four: str,
    by: StaffUser,
) -> IinCorrection:
    """Propose another IIN as an officer read it from a document; nothing changes until a second one approves.

    birth_date, sex: as the same document says them; they must fit the IIN. Raises NotAllowed, ValidationError by field.
    """
    if not by.has_perm("subjects.add_iincorrection"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    check_has_accepted_undertaking(by)
    subject = DataSubject.objects.select_for_update().get(pk=subject.pk)
    rules.check_is_open(subject)
    if document_kind not in DOCUMENTS:
        raise ValidationError({"document_kind": _("This document does not show an IIN.")})
    number = _checked(iin, birth_date=birth_date, sex=sex)
    _check_is_free(subject, number)
    if _held(subject) == number:
        raise ValidationError({"iin": _("The person has this IIN already.")})
    row = IinCorrection(
        subject=subject,
        document=relations.see_document(subject=subject, kind=document_kind, last_four=last_four),
        sealed_iin=evidence.seal(subject=subject, what=SEALED, parts={"value": number}),
        proposed_by=by,
        proposed_at=timezone.now(),
    )
    row.full_clean(exclude={"document", "proposed_by"})
    row.save()
    return row


def _checked(iin: str, *, birth_date: date, sex: str) -> str:
    told = {"value": iin, "birth_date": birth_date.isoformat(), "sex": sex}
    checked = formats.check("iin", parts=told, today=timezone.localdate())
    wrong: dict[str, list[str]] = {}
    # a century of some foreigners: the document shows it so
    doubts = [doubt for doubt in checked.doubts if doubt.code != "century_zero"]
    for remark in (*checked.problems, *doubts):
        wrong.setdefault({"value": "iin"}.get(remark.part, remark.part), []).append(remark.sentence)
    if wrong:
        raise ValidationError(wrong)
    return checked.parts["value"]


def _check_is_free(subject: DataSubject, number: str) -> None:
    taken = SearchKey.objects.filter(kind=IndexKind.IIN, digest=search.digest(IndexKind.IIN, number))
    other = taken.exclude(subject=subject).select_related("subject").first()
    if other is not None:
        raise ValidationError(
            {
                "iin": _("%(person)s has this IIN. If both are one person, link them instead.")
                % {"person": other.subject}
            }
        )


def _held(subject: DataSubject) -> str:
    held = vault.open_for(recording.JOB, subject_ids=[subject.pk], category="iin").get(subject.pk, [])
    return held[-1]["value"] if held else ""


def check_may_approve(row: IinCorrection, *, by: StaffUser) -> None:
    """A second officer with the right, while it is open. Raises NotAllowed."""
    if not by.has_perm("subjects.approve_iincorrection"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    check_has_accepted_undertaking(by)
    if not row.is_open:
        raise NotAllowed(_("This is decided already. Reload the page to see where it stands."), code="overtaken")
    if row.proposed_by_id == by.pk:
        raise NotAllowed(_("You proposed this IIN, so somebody else approves it."), code="four_eyes")


def may_approve(row: IinCorrection, *, by: StaffUser) -> bool:
    """Whether `check_may_approve` would let it pass."""
    try:
        check_may_approve(row, by=by)
    except (NotAllowed, PermissionDenied):
        return False
    return True


@transaction.atomic
def approve(*, row: IinCorrection, by: StaffUser) -> IinCorrection:
    """The person has the IIN from now; the old one finds them as evidence, and their old address is told.

    The standing follows the birth date: a minor by the new number is one, and no longer one when it says so. Raises
    NotAllowed; ValidationError when another person has the IIN by now or the data was blocked meanwhile.
    """
    row = IinCorrection.objects.select_for_update(of=("self",)).select_related("document").get(pk=row.pk)
    check_may_approve(row, by=by)
    subject = DataSubject.objects.select_for_update().get(pk=row.subject_id)
    rules.check_is_open(subject)
    number = vault.open_proof(
        subject=subject, what=SEALED, sealed=bytes(row.sealed_iin or b""), door=AccessRecord.Door.JOB, reason="record"
    )["value"]
    _check_is_free(subject, number)
    old = _held(subject)
    with because(CORRECTED):
        _put(subject, number)
        if old:
            _keep_findable(subject, old)
        _follow_birth_date(subject, number)
    row.approved_by, row.approved_at, row.sealed_iin = by, timezone.now(), None
    row.save(update_fields=["approved_by", "approved_at", "sealed_iin"])
    _tell(subject, row)
    return row


@transaction.atomic
def decline(*, row: IinCorrection, by: StaffUser) -> IinCorrection:
    """The IIN stays as it is; whoever proposed it may say so too. Raises NotAllowed."""
    row = IinCorrection.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if row.proposed_by_id != by.pk:
        check_may_approve(row, by=by)
    elif not row.is_open:
        raise NotAllowed(_("This is decided already. Reload the page to see where it stands."), code="overtaken")
    row.declined_by, row.declined_at, row.sealed_iin = by, timezone.now(), None
    row.save(update_fields=["declined_by", "declined_at", "sealed_iin"])
    return row


def _put(subject: DataSubject, number: str) -> None:
    told: dict[str, Any] = {"source": Source.OFFICER, "origin": Origin.SUBJECT, "collected_at": timezone.now()}
    value = PersonalData.objects.newest(subject, "iin")
    if value is None:
        vault.store(subject=subject, category="iin", parts={"value": number}, **told)
    else:
        vault.change(value=value, parts={"value": number}, **told)
        ports.corrected(subject, "iin")
    recording.reindex(subject, category="iin")


def _keep_findable(subject: DataSubject, old: str) -> None:
    """The old number, in the index of evidence, which outlives the person's other data (DESIGN 4)."""
    kind, digest, hint = search.key_of_normal(IndexKind.EVIDENCE_IIN.value, old)
    if not SearchKey.objects.filter(subject=subject, kind=kind, digest=digest).exists():
        SearchKey.objects.create(subject=subject, kind=kind, digest=digest, hint=hint)


def _follow_birth_date(subject: DataSubject, number: str) -> None:
    if number[6] == "0":  # it says no century
        return
    adult = identifiers.is_adult(identifiers.born_of(number), timezone.localdate())
    standing = {Standing.MINOR: Standing.ORDINARY} if adult else {Standing.ORDINARY: Standing.MINOR}
    if subject.standing in standing:
        subject.standing = standing[Standing(subject.standing)]
        subject.save(update_fields=["standing"])
        for handler in ports.on_standing_changed:
            handler(subject)


def _tell(subject: DataSubject, row: IinCorrection) -> None:
    """A letter to the e-mail the person had when the IIN was proposed: whoever changed it since is not who is told."""
    past = get_history_manager_for_model(PersonalData).filter(
        subject=subject, category__code=addresses.CATEGORY, history_date__lte=row.proposed_at, history_type__in="+~"
    )
    was = past.order_by("-history_id").values_list("history_id", flat=True).first()
    if was is not None:
        cause = f"subjects.HistoricalPersonalData:{was}#{life_letters.IIN_CORRECTED}.{row.pk}"
        write(kind=life_letters.IIN_CORRECTED, cause=cause, language=subject.language, subject_id=subject.pk)
