"""The room personal data lives in: how values get in, and the three doors out (DESIGN 4; policy 4.1, 5.3, 5.5).

Nobody else imports the cipher. A value leaves by `reveal` (an officer, with a reason), `own_values` (the person, in
their cabinet) or `open_for` (a named job); every door writes its `AccessRecord` before it hands anything over.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _
from simple_history.utils import get_history_manager_for_model

from audit.models import AccessRecord
from staff.models import StaffUser
from staff.rules import check_has_accepted_undertaking
from subjects import cipher, duplicates
from subjects.disclosure import told
from subjects.enums import LEAVES, Disclosure, RetentionClass, RevealReason
from subjects.keyring import IndexKeys, KeyRing
from subjects.models import DataCategory, DataSubject, PersonalData, SubjectKey

# the field named in the additional data of every seal of a value
FIELD = "subjects.PersonalData.sealed"
FILE = "subjects.SubjectImport.sealed_file"
NOBODY = UUID(int=0)
ANY = "*"
# the jobs that may open values in bulk, and the categories each may open
JOBS: dict[str, frozenset[str]] = {
    "letters": frozenset({"email"}),
    "addresses": frozenset({"email", "mobile_phone"}),
    "codes": frozenset({"mobile_phone"}),
    "import": frozenset({"full_name", "iin", "email", "mobile_phone"}),
    "api": frozenset({"full_name", "iin", "email", "mobile_phone"}),
    "of-age": frozenset({"iin"}),
    "import-values": frozenset({ANY}),
    # of one person, to see which of the values that were told are new, and by what they are found
    "record": frozenset({ANY}),
    # what a granted request for access is answered with: sealed before the officer who answers could read it
    "answer": frozenset({ANY}),
    # what a batch of authorised transfers hands to a recipient: exactly the categories the gate allowed
    "transfers": frozenset({ANY}),
}

Parts = dict[str, str]


class Value(NamedTuple):
    """An opened value: its category's code, its parts, where it came from."""

    id: int
    category: str
    parts: Parts
    source: str


class NewKey(NamedTuple):
    """A key made for a person and class, not stored yet."""

    subject_id: int
    retention_class: str
    kek_version: int
    wrapped: bytes
    data_key: bytes


@lru_cache(maxsize=1)
def ring() -> KeyRing:
    """The key-encryption keys of the environment."""
    return KeyRing.parse(settings.KEY_ENCRYPTION_KEYS)


@lru_cache(maxsize=1)
def index_keys() -> IndexKeys:
    """The keys of the search index, one per kind."""
    return IndexKeys.parse(settings.INDEX_KEY)


def make_key(subject_id: int, retention_class: str) -> NewKey:
    """A fresh random key for one person's retention class, wrapped by the active key-encryption key."""
    data_key = cipher.new_key()
    version, wrapped = ring().wrap(data_key)
    return NewKey(subject_id, retention_class, version, wrapped, data_key)


def prepared(new: NewKey) -> cipher.Key:
    """A new key made ready once, for the many values it seals in a row."""
    return cipher.prepare(new.data_key)


def seal(key: cipher.Key, parts: Mapping[str, str], *, subject: UUID, retention_class: str, category: str) -> bytes:
    """The ciphertext of a value; it opens only for this person, class and category."""
    return cipher.seal_parts(key, dict(parts), subject=subject, class_=retention_class, category=category, field=FIELD)


def keys_of(subject_ids: Iterable[int], classes: Iterable[str]) -> dict[tuple[int, str], bytes]:
    """{(subject id, class): key} of those that are not destroyed; for the vault's own files alone."""
    rows = SubjectKey.objects.filter(subject__in=subject_ids, retention_class__in=classes)
    return {(row.subject_id, row.retention_class): ring().unwrap(row.kek_version, bytes(row.wrapped)) for row in rows}


@transaction.atomic
def keys_for(places: Collection[tuple[int, str]]) -> dict[tuple[int, str], cipher.Key]:
    """{(person, retention class): key made ready} for values that come in bulk; a class's first key is made.

    The people are locked by the caller, so that nobody makes the same key at once. Two statements.
    """
    keys = keys_of({pk for pk, _name in places}, {name for _pk, name in places})
    made = [make_key(pk, name) for pk, name in sorted(places) if (pk, name) not in keys]
    SubjectKey.objects.bulk_create(
        SubjectKey(subject_id=new.subject_id, retention_class=new.retention_class, kek_version=new.kek_version,
                   wrapped=new.wrapped)
        for new in made
    )  # fmt: skip
    keys |= {(new.subject_id, new.retention_class): new.data_key for new in made}
    return {place: cipher.prepare(keys[place]) for place in places}


def _open(values: Sequence[PersonalData]) -> list[Value]:
    """Open rows that came with `subject` and `category`; a value whose key was destroyed is not there any more."""
    keys = keys_of({v.subject_id for v in values}, {v.retention_class for v in values})
    opened = []
    for value in values:
        key = keys.get((value.subject_id, value.retention_class))
        if key is None:
            continue
        parts = cipher.open_parts(
            key,
            bytes(value.sealed),
            subject=value.subject.public_id,
            class_=value.retention_class,
            category=value.category.code,
            field=FIELD,
        )
        opened.append(Value(value.pk, value.category.code, parts, value.source))
    return opened


def _rows(**conditions: object) -> list[PersonalData]:
    return list(
        PersonalData.objects.filter(**conditions).select_related("subject", "category").order_by("category", "pk")
    )


def _rows_at(subject: DataSubject, at: datetime | None) -> list[PersonalData]:
    """The values that the person may see, of all their files, as held at `at`; two queries and one a file."""
    if at is None:
        return _rows(subject__in=duplicates.files_at(subject, None), disclosure=Disclosure.SUBJECT)
    files = {one.pk: one for one in duplicates.files_at(subject, at)}
    rows = [row for one in files.values() for row in told(PersonalData, one, at)]
    categories = DataCategory.objects.in_bulk({row.category_id for row in rows})
    for row in rows:
        row.subject, row.category = files[row.subject_id], categories[row.category_id]
    return sorted(rows, key=lambda row: (row.category_id, row.pk))


def named(value: PersonalData) -> str:
    """The person as an access record names them; not for a withheld value: they would read of it in their cabinet."""
    return "" if value.disclosure == Disclosure.WITHHELD else str(value.subject)


@transaction.atomic
def store(
    *,
    subject: DataSubject,
    category: str,
    parts: Mapping[str, str],
    source: str,
    origin: str = "",
    transfer: str = "",
    collected_at: datetime | None = None,
    disclosure: str = Disclosure.SUBJECT,
) -> PersonalData:
    """Seal a value of `category` (code) for the person and keep it; makes the class's key when it is the first.

    source: the method; origin: whose words (`enums.Origin`); transfer: `app.Model:pk`; disclosure: who may see it.
    """
    row = DataCategory.objects.get(code=category)
    keys = keys_of([subject.pk], [row.retention_class])
    key = keys.get((subject.pk, row.retention_class))
    if key is None:
        new = make_key(subject.pk, row.retention_class)
        SubjectKey.objects.create(
            subject=subject, retention_class=new.retention_class, kek_version=new.kek_version, wrapped=new.wrapped
        )
        key = new.data_key
    sealed = seal(key, parts, subject=subject.public_id, retention_class=row.retention_class, category=category)
    return PersonalData.objects.create(
        subject=subject,
        category=row,
        retention_class=row.retention_class,
        sealed=sealed,
        source=source,
        origin=origin,
        transfer=transfer,
        collected_at=collected_at,
        disclosure=disclosure,
    )


@transaction.atomic
def replace(*, subject: DataSubject, category: str, parts: Mapping[str, str], source: str) -> PersonalData:
    """Put a value in the place of the one the person has in `category`; history keeps the old one as ciphertext."""
    old = PersonalData.objects.newest(subject, category)
    if old is None:
        return store(subject=subject, category=category, parts=parts, source=source)
    return change(value=old, parts=parts, source=source)


@transaction.atomic
def change(
    *,
    value: PersonalData,
    parts: Mapping[str, str],
    source: str,
    origin: str = "",
    transfer: str = "",
    collected_at: datetime | None = None,
) -> PersonalData:
    """Put other parts in the place of this value's; history keeps the old ones, and where they came from."""
    subject, name = value.subject, value.retention_class
    key = keys_of([subject.pk], [name])[subject.pk, name]
    value.sealed = seal(key, parts, subject=subject.public_id, retention_class=name, category=value.category.code)
    value.source, value.origin, value.transfer, value.collected_at = source, origin, transfer, collected_at
    value.save(update_fields=["sealed", "source", "origin", "transfer", "collected_at"])
    return value


@transaction.atomic
def reveal(*, value: PersonalData, by: StaffUser, reason: str) -> Value:
    """The first door: one value for an admitted officer who says why; the record is written before the value leaves.

    Raises PermissionDenied without the right or the undertaking (policy 4.3), ValueError for an unknown reason.
    """
    if not by.has_perm("subjects.reveal_value"):
        raise PermissionDenied(_("Your role does not open values."))
    check_has_accepted_undertaking(by)
    reason = RevealReason(reason).value
    AccessRecord.objects.create(
        door=AccessRecord.Door.REVEAL,
        reference=named(value),
        category=value.category.code,
        reason=reason,
    )
    opened = _open([value])
    if not opened:
        raise PermissionDenied(_("The key of this value was destroyed: nobody can open it any more."))
    return opened[0]


@transaction.atomic
def reveal_proof(
    *,
    subject: DataSubject,
    what: str,
    sealed: bytes,
    by: StaffUser,
    reason: str,
    retention_class: str = RetentionClass.EVIDENCE,
    withheld: bool = False,
) -> Parts:
    """The same door for a proof that `subjects.evidence` sealed; whether `by` may open it, its app has asked.

    what: as it was sealed, `consent.scan`. reason: a code. withheld: the record does not name the person, who would
    read of it in their cabinet. Raises PermissionDenied without the undertaking (policy 4.3) or when the key is
    destroyed.
    """
    check_has_accepted_undertaking(by)
    reference = "" if withheld else str(subject)
    AccessRecord.objects.create(door=AccessRecord.Door.REVEAL, reference=reference, category=what, reason=reason)
    key = keys_of([subject.pk], [retention_class]).get((subject.pk, retention_class))
    if key is None:
        raise PermissionDenied(_("The key of this value was destroyed: nobody can open it any more."))
    return cipher.open_parts(key, sealed, subject=subject.public_id, class_=retention_class, category=what, field=FIELD)


@transaction.atomic
def open_proof(
    *, subject: DataSubject, what: str, sealed: bytes, door: str, reason: str, withheld: bool = False
) -> Parts:
    """What `subjects.evidence` sealed, for the person's own page or a named job; the record comes first.

    door: OWN or JOB of `AccessRecord.Door`; an officer has `reveal_proof`. withheld: as there. Raises PermissionDenied.
    """
    AccessRecord.objects.create(door=door, reference="" if withheld else str(subject), category=what, reason=reason)
    key = keys_of([subject.pk], [RetentionClass.EVIDENCE]).get((subject.pk, RetentionClass.EVIDENCE))
    if key is None:
        raise PermissionDenied(_("The key of this value was destroyed: nobody can open it any more."))
    name = RetentionClass.EVIDENCE
    return cipher.open_parts(key, sealed, subject=subject.public_id, class_=name, category=what, field=FIELD)


@transaction.atomic
def own_values(
    *, subject: DataSubject, page: str, at: datetime | None = None, represented: bool = False
) -> list[Value]:
    """The second door: everything we hold on the person, for the person's own session; one record a page.

    at: as it was held at that moment (aware; None: now), if its key is not destroyed since. represented: for whom
    `relations.acting` has let act for them; a minor has no cabinet, and a parent looks.
    """
    if not represented and not LEAVES[subject.standing].cabinet:
        raise PermissionDenied(_("The cabinet is closed for this person."))
    rows = _rows_at(subject, at)
    AccessRecord.objects.create(
        door=AccessRecord.Door.OWN, reference=str(subject), category="*", reason=page, count=len(rows)
    )
    return _open(rows)


def check_job(job: str, category: str) -> None:
    """Raises PermissionDenied for a job or category that `JOBS` does not name."""
    if not JOBS.get(job, frozenset()) & {category, ANY}:
        raise PermissionDenied(f"{job} may not open {category}")


def open_for(job: str, *, subject_ids: Sequence[int], category: str) -> dict[int, list[Parts]]:
    """The third door: {subject id: values' parts}, none withheld, for a named machine purpose; one record a batch.

    Raises PermissionDenied for a job or category that `JOBS` does not name. A constant number of queries.
    """
    opened: dict[int, list[Parts]] = {}
    for subject_id, value in open_values_for(job, subject_ids=subject_ids, category=category):
        opened.setdefault(subject_id, []).append(value.parts)
    return opened


@transaction.atomic
def open_values_for(
    job: str, *, subject_ids: Sequence[int], category: str, disclosure: str = Disclosure.SUBJECT
) -> list[tuple[int, Value]]:
    """The same door for who must know which row holds what: (subject id, value), oldest first. Raises as `open_for`.

    disclosure: the values that the person may see, or the withheld ones alone.
    """
    check_job(job, category)
    rows = _rows(subject__in=list(subject_ids), category__code=category, disclosure=disclosure)
    AccessRecord.objects.create(door=AccessRecord.Door.JOB, category=category, reason=job, count=len(rows))
    by_value = {row.pk: row.subject_id for row in rows}
    return [(by_value[value.id], value) for value in _open(rows)]


@transaction.atomic
def open_former_for(
    job: str, *, history_ids: Sequence[int], category: str, standings: Sequence[str]
) -> dict[int, Parts]:
    """The same door for values as they were: {id of the history row: parts}; none whose key was destroyed since.

    Only of people whose standing is now one of `standings`. Raises as `open_for`.
    """
    check_job(job, category)
    past = get_history_manager_for_model(PersonalData).filter(
        history_id__in=history_ids, category__code=category, subject__standing__in=standings
    )
    rows = list(past.select_related("subject", "category"))
    AccessRecord.objects.create(door=AccessRecord.Door.JOB, category=category, reason=job, count=len(rows))
    return {value.id: value.parts for value in _open(rows)}


def rotate_keys(*, batch_size: int = 1000) -> int:
    """Re-wrap one batch of keys that the active key-encryption key did not wrap; returns how many (0: done).

    Only wrappings change: no value is touched and nothing is decrypted but keys.
    """
    active = ring().active_version
    with transaction.atomic():
        stale = list(
            SubjectKey.objects.exclude(kek_version=active)
            .order_by("kek_version", "pk")
            .select_for_update(skip_locked=True)[:batch_size]
        )
        for key in stale:
            key.kek_version, key.wrapped = ring().rewrap(key.kek_version, bytes(key.wrapped))
        SubjectKey.objects.bulk_update(stale, ["kek_version", "wrapped"], batch_size=batch_size)
    return len(stale)


def seal_file(content: bytes, *, field: str = FILE) -> bytes:
    """A file of many people's data on its way in, sealed with a key of its own; layout: version, wrapped key, token."""
    key = cipher.new_key()
    version, wrapped = ring().wrap(key)
    token = cipher.seal(key, content, subject=NOBODY, class_="import", category="file", field=field)
    return version.to_bytes(4, "big") + wrapped + token


def opened_file(sealed: bytes, field: str) -> bytes:
    version, wrapped, token = int.from_bytes(sealed[:4], "big"), sealed[4:44], sealed[44:]
    key = ring().unwrap(version, wrapped)
    return cipher.open_(key, token, subject=NOBODY, class_="import", category="file", field=field)


def open_file(sealed: bytes) -> bytes:
    """What `seal_file` sealed; the import alone asks, and one record says that it did."""
    AccessRecord.objects.create(door=AccessRecord.Door.JOB, category="*", reason="import")
    return opened_file(sealed, FILE)
