"""Sealing proofs: where from and with what somebody acted, a scan; this class outlives the others (DESIGN 4)."""

from collections.abc import Mapping

from django.db import transaction

from subjects import vault
from subjects.enums import RetentionClass
from subjects.models import DataSubject, SubjectKey

CLASS = RetentionClass.EVIDENCE


@transaction.atomic
def _key_of(subject: DataSubject, retention_class: str) -> bytes:
    """The person's key of the class, made when it is the first proof; two at once get the same."""
    mine = SubjectKey.objects.filter(subject=subject, retention_class=retention_class)
    row = mine.first()
    if row is None:
        new = vault.make_key(subject.pk, retention_class)
        SubjectKey.objects.bulk_create(
            [
                SubjectKey(
                    subject=subject, retention_class=retention_class, kek_version=new.kek_version, wrapped=new.wrapped
                )
            ],
            ignore_conflicts=True,
        )
        row = mine.get()
    return vault.ring().unwrap(row.kek_version, bytes(row.wrapped))


def seal(*, subject: DataSubject, what: str, parts: Mapping[str, str], retention_class: str = CLASS) -> bytes:
    """The ciphertext of a proof. what: the place it belongs to, as `consent.event`; it opens for that place alone."""
    key = _key_of(subject, retention_class)
    return vault.seal(key, parts, subject=subject.public_id, retention_class=retention_class, category=what)
