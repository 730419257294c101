"""The doors of the vault for what leaves the house: by an authorised transfer, or as an answer to the person.

Like the rest of the room it opens the cipher; whether an officer may take something out, the app that asks has asked.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from audit.models import AccessRecord
from staff.models import StaffUser
from staff.rules import check_has_accepted_undertaking
from subjects import cipher, vault
from subjects.enums import Disclosure, RevealReason
from subjects.models import DataSubject


@transaction.atomic
def take_out(
    *, subject: DataSubject, categories: Sequence[str], by: StaffUser, reason: str, withheld: bool = False
) -> list[vault.Value]:
    """The first door for what leaves by an authorised transfer: every value of these categories, a record a value.

    Whether `by` may take it out, and which categories were allowed, its app has asked. reason: a code. withheld: of a
    transfer the person may not know of: the records do not name them, and values they may not see go too. Raises
    PermissionDenied without the undertaking (policy 4.3).
    """
    check_has_accepted_undertaking(by)
    told = {} if withheld else {"disclosure": Disclosure.SUBJECT}
    rows = vault._rows(subject=subject, category__code__in=list(categories), **told)
    AccessRecord.objects.bulk_create(
        AccessRecord(
            door=AccessRecord.Door.REVEAL,
            reference="" if withheld else str(subject),
            category=row.category.code,
            reason=reason,
        )
        for row in rows
    )
    return vault._open(rows)


@transaction.atomic
def open_proofs(
    job: str, *, items: Sequence[tuple[DataSubject, bytes, int]], what: str, retention_class: str
) -> list[vault.Parts | None]:
    """The third door for what `subjects.evidence` sealed: (person, sealed, how many values it holds), in this order.

    None where the key was destroyed. One record a call; two statements. Raises PermissionDenied.
    """
    vault.check_job(job, vault.ANY)
    count = sum(count for _subject, _sealed, count in items)
    AccessRecord.objects.create(door=AccessRecord.Door.JOB, category=what, reason=job, count=count)
    keys = vault.keys_of({subject.pk for subject, _sealed, _count in items}, [retention_class])
    opened: list[vault.Parts | None] = []
    for subject, sealed, _count in items:
        key = keys.get((subject.pk, retention_class))
        opened.append(
            None
            if key is None
            else cipher.open_parts(
                key, sealed, subject=subject.public_id, class_=retention_class, category=what, field=vault.FIELD
            )
        )
    return opened


@transaction.atomic
def reveal_pieces(
    *, pieces: Iterable[tuple[bytes, str]], people: QuerySet[Any, Any], what: str, by: StaffUser, reason: str
) -> tuple[int, Iterator[bytes]]:
    """The first door for a long file of many people: (how many are recorded, its pieces, opened one by one when read).

    people: (reference, how many values of them it holds), a record each, in one statement. pieces: (sealed, field), as
    `seal_file` sealed them; none is read before the records are written. Whether `by` may, its app has asked. Raises
    PermissionDenied without the undertaking (policy 4.3).
    """
    check_has_accepted_undertaking(by)
    seen, params = people.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {AccessRecord._meta.db_table} (door, category, reason, reference, count)"  # noqa: S608
            f" SELECT %s, %s, %s, seen.* FROM ({seen}) AS seen",
            [AccessRecord.Door.REVEAL.value, what, reason, *params],
        )
        recorded = cursor.rowcount
    return recorded, (vault.opened_file(sealed, field) for sealed, field in pieces)


@transaction.atomic
def reveal_file(*, sealed: bytes, field: str, reference: str, by: StaffUser, reason: str) -> bytes:
    """The first door for a kept file that `seal_file` sealed as `field`; whether `by` may, its app has asked.

    reference: whom the record names, "" for nobody. Raises PermissionDenied without the undertaking (policy 4.3).
    """
    check_has_accepted_undertaking(by)
    AccessRecord.objects.create(door=AccessRecord.Door.REVEAL, reference=reference, category="file", reason=reason)
    return vault.opened_file(sealed, field)


@transaction.atomic
def reveal_for_answer(
    *, subject: DataSubject, by: StaffUser, reason: str, at: datetime | None = None
) -> list[vault.Value]:
    """The same door for what a person is answered: everything they may see, as held at `at` (None: now).

    A record a value, written before any leaves, in one statement. Raises as `reveal`.
    """
    if not by.has_perm("subjects.reveal_value"):
        raise PermissionDenied(_("Your role does not open values."))
    check_has_accepted_undertaking(by)
    reason = RevealReason(reason).value
    rows = vault._rows_at(subject, at)
    AccessRecord.objects.bulk_create(
        AccessRecord(
            door=AccessRecord.Door.REVEAL, reference=str(row.subject), category=row.category.code, reason=reason
        )
        for row in rows
    )
    return vault._open(rows)


@transaction.atomic
def open_whole(job: str, *, subject: DataSubject) -> list[vault.Value]:
    """The third door: everything on one person that they may see; one record. Raises as `open_for`."""
    vault.check_job(job, vault.ANY)
    rows = vault._rows_at(subject, None)
    AccessRecord.objects.create(
        door=AccessRecord.Door.JOB, reference=str(subject), category="*", reason=job, count=len(rows)
    )
    return vault._open(rows)
