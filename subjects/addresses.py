"""Where letters to a person go: their newest e-mail that nobody disputes; and where they went until it was changed."""

from collections.abc import Collection, Sequence

from django.db.models import OuterRef, QuerySet, Subquery
from simple_history.utils import get_history_manager_for_model

from notifications.delivery import address_mark
from subjects import search, vault
from subjects.enums import LEAVES, CorrectionReason, IndexKind
from subjects.models import DataSubject, DisputedAddress, PersonalData, SearchKey
from subjects.vault import Value

CATEGORY = "email"
# what a person is found by at the door, and which of their values it is made of
CATEGORIES = {IndexKind.EMAIL: CATEGORY, IndexKind.PHONE: "mobile_phone"}


def digest(address: str, kind: str = IndexKind.EMAIL) -> bytes:
    """What an e-mail, or phone, is disputed and found under, whoever has it."""
    return search.digest(kind, address)


def disputed(addresses: Collection[str], kind: str = IndexKind.EMAIL) -> set[str]:
    """Those of the e-mails, or phones, that nothing goes to now; one query."""
    digests = {digest(address, kind): address for address in addresses}
    rows = DisputedAddress.objects.filter(digest__in=list(digests)).values_list("digest", flat=True)
    return {digests[bytes(row)] for row in rows}


def email_addresses(ids: Sequence[int], *, notices: bool = True) -> dict[int, tuple[str, str]]:
    """{subject id: (e-mail, language)} of those who have one and may be written to; a constant number of queries.

    `notices`: a notice is meant; otherwise a sign-in code, which some standings leave where they stop notices.
    """
    allowed = [standing for standing, leaves in LEAVES.items() if (leaves.notices if notices else leaves.cabinet)]
    people = DataSubject.objects.filter(pk__in=list(ids), standing__in=allowed)
    languages = dict(people.values_list("pk", "language"))
    opened = vault.open_for("letters", subject_ids=list(languages), category=CATEGORY)
    emails = {pk: [parts["value"] for parts in values] for pk, values in opened.items()}
    stopped = disputed({address for addresses in emails.values() for address in addresses})
    usable = {pk: [address for address in addresses if address not in stopped] for pk, addresses in emails.items()}
    return {pk: (addresses[-1], languages[pk]) for pk, addresses in usable.items() if addresses}


def former_addresses(history_ids: Sequence[int]) -> dict[int, str]:
    """{id of the history row: the e-mail it holds} of people whose cabinet is open; not to a disputed address.

    Whoever is blocked is warned too: it says that another may have got in.
    """
    allowed = [standing for standing, leaves in LEAVES.items() if leaves.cabinet]
    opened = vault.open_former_for("letters", history_ids=history_ids, category=CATEGORY, standings=allowed)
    emails = {pk: parts["value"] for pk, parts in opened.items()}
    stopped = disputed(set(emails.values()))
    return {pk: address for pk, address in emails.items() if address not in stopped}


def held_by(subject: DataSubject, category: str = CATEGORY) -> list[Value]:
    """The person's e-mail values, or mobile phones, opened, oldest first."""
    values = vault.open_values_for("addresses", subject_ids=[subject.pk], category=category)
    return [value for _subject_id, value in values]


def reached(subject: DataSubject, kind: str) -> Value | None:
    """The e-mail, or phone, that a code for the person goes to: the newest that nobody disputes."""
    held = held_by(subject, CATEGORIES[IndexKind(kind)])
    stopped = disputed({value.parts["value"] for value in held}, kind)
    return next((value for value in reversed(held) if value.parts["value"] not in stopped), None)


def marked(subject: DataSubject, *, letter_id: int, mark: str) -> Value | None:
    """The person's e-mail that the letter went to; None when they have it no more."""
    for value in held_by(subject):
        if address_mark(letter_id, value.parts["value"]) == mark:
            return value
    return None


def reindex(subject: DataSubject, kind: str = IndexKind.EMAIL) -> None:
    """Have the person found by the e-mails, or phones, they have now, and by no other."""
    held = held_by(subject, CATEGORIES[IndexKind(kind)])
    keys = dict.fromkeys(search.keys_of(kind, value.parts["value"]) for value in held)
    SearchKey.objects.filter(subject=subject, kind=kind).delete()
    SearchKey.objects.bulk_create(
        SearchKey(subject=subject, kind=kind, digest=digest, hint=hint) for kind, digest, hint in keys
    )


def with_last_correction(people: QuerySet[DataSubject]) -> QuerySet[DataSubject]:
    """The people with `address_corrected_at`: when an officer last found that an e-mail of theirs was wrong, or None.

    Whoever signed in before did so with a code that went to the wrong address, so that session is nobody's.
    """
    past = get_history_manager_for_model(PersonalData).filter(
        subject=OuterRef("pk"),
        category__code=CATEGORY,
        history_type__in=("~", "-"),
        history_change_reason__in=CorrectionReason.values,
    )
    return people.annotate(address_corrected_at=Subquery(past.order_by("-history_id").values("history_date")[:1]))
