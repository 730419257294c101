"""Sealing proofs: where from and with what somebody acted, a scan; this class outlives the others (DESIGN 4)."""

from collections.abc import Mapping

from django.db import transaction

from subjects import vault
from subjects.enums import RetentionClass
from subjects.models import DataSubject, SubjectKey

CLASS = RetentionClass.EVIDENCE


@transaction.atomic
def _key_of(subject: DataSubject) -> bytes:
    """The person's evidence key, made when it is the first proof; two at once get the same."""
    row = SubjectKey.objects.filter(subject=subject, retention_class=CLASS).first()
    if row is None:
        new = vault.make_key(subject.pk, CLASS)
        SubjectKey.objects.bulk_create(
            [SubjectKey(subject=subject, retention_class=CLASS, kek_version=new.kek_version, wrapped=new.wrapped)],
            ignore_conflicts=True,
        )
        row = SubjectKey.objects.get(subject=subject, retention_class=CLASS)
    return vault.ring().unwrap(row.kek_version, bytes(row.wrapped))


def seal(*, subject: DataSubject, what: str, parts: Mapping[str, str]) -> bytes:
    """The ciphertext of a proof. what: the place it belongs to, as `consent.event`; it opens for that place alone."""
    return vault.seal(_key_of(subject), parts, subject=subject.public_id, retention_class=CLASS, category=what)
