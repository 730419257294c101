"""Finding a person exactly: by a keyed digest, never by reading values (DESIGN 4; security.md S14)."""

import unicodedata
from collections.abc import Collection, Iterator
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from subjects import duplicates
from subjects.enums import IndexKind
from subjects.identifiers import normalise_email, normalise_iin, normalise_phone
from subjects.keyring import mask
from subjects.models import Contract, DataSubject, SearchKey
from subjects.vault import index_keys

# what one term is looked for as
EXACT = (
    IndexKind.IIN,
    IndexKind.EVIDENCE_IIN,
    IndexKind.PHONE,
    IndexKind.OTHER_PHONE,
    IndexKind.EMAIL,
    IndexKind.CLIENT_NUMBER,
)


def name_words(*names: str) -> Iterator[str]:
    """The words of a name as they are searched: NFKC, case-folded, ё as е."""
    for name in names:
        for word in unicodedata.normalize("NFKC", name).casefold().replace("ё", "е").replace("-", " ").split():
            if len(word) > 1:
                yield word


def normalise(kind: str, text: str) -> str:
    """What `text` is searched and indexed as. Raises ValidationError when it is no `kind` at all."""
    match kind:
        case IndexKind.IIN | IndexKind.EVIDENCE_IIN:
            try:
                return normalise_iin(text).number
            except ValidationError as error:
                if error.code != "century_zero":  # some foreigners' numbers, which an officer confirmed
                    raise
                return "".join(text.split())
        case IndexKind.PHONE | IndexKind.OTHER_PHONE:
            return normalise_phone(text).number
        case IndexKind.EMAIL:
            return normalise_email(text).casefold()
        case IndexKind.NAME:
            return next(name_words(text), "")
        case _:
            return unicodedata.normalize("NFKC", text).strip().casefold()


def digest(kind: str, text: str) -> bytes:
    """The 16 bytes under which `text` stands in the index. Raises ValidationError as `normalise` does."""
    return digest_of_normal(kind, normalise(kind, text))


def keys_of(kind: str, text: str) -> tuple[str, bytes, str]:
    """(kind, digest, masked hint) of a value that the index shall find."""
    return key_of_normal(str(kind), normalise(kind, text))


def digest_of_normal(kind: str, normal: str) -> bytes:
    """The same of a value in its normal form already. A number has one digest, whichever phone it is to somebody."""
    return index_keys().digest(IndexKind.PHONE if kind == IndexKind.OTHER_PHONE else kind, normal)


def key_of_normal(kind: str, normal: str) -> tuple[str, bytes, str]:
    """The same of a value in its normal form already: a million rows do not ask twice."""
    return kind, digest_of_normal(kind, normal), mask(kind, normal)


# One look into the index for each, before anything else is looked at. Joined to the list, a table that an import has
# just filled, and whose statistics are of before, would be read to its end, or the list asked anew for each of its
# rows. And in the order of the digest, which only the right index has: where an import was undone the statistics say
# that the table is empty, all indexes cost the same, and the one by subject would be read to its end for each.
_EACH = """"subjects_searchkey"."id" = ANY(ARRAY(
    SELECT one.id FROM (
        SELECT substring(%s::bytea FROM n FOR {size}) AS digest FROM generate_series(1, %s, {size}) AS n
    ) wanted CROSS JOIN LATERAL (
        SELECT k.id FROM subjects_searchkey k
        WHERE k.kind = %s AND k.digest BETWEEN wanted.digest AND wanted.digest ORDER BY k.digest LIMIT 1) one))"""


def among(kind: str, digests: Collection[bytes]) -> QuerySet[SearchKey]:
    """The keys under any of these digests, thousands at once; of a kind that two people never share.

    They travel as one value: an array of them takes the client and the server as long as the looking.
    """
    packed, size = b"".join(digests), SearchKey._meta.get_field("digest").max_length
    found = RawSQL(_EACH.format(size=size), [packed, len(packed), kind], output_field=BooleanField())  # noqa: S611
    return SearchKey.objects.filter(found)


def find(kind: str, text: str) -> QuerySet[DataSubject]:
    """The people indexed under exactly this; nobody when `text` is no such thing."""
    try:
        wanted = digest(kind, text)
    except ValidationError:
        return DataSubject.objects.none()
    return DataSubject.objects.filter(search_keys__kind=kind, search_keys__digest=wanted)


def people(term: str, *, most: int) -> list[int]:
    """Ids of the people that `term` names exactly, of many the newest `most`; five statements.

    term: a reference, IIN, also one they had until it was corrected, phone, e-mail, client number, contract number,
    or whole words of one name. Part of a word finds nobody. Whoever is known twice is found with both files.
    """
    exact = Q(pk__in=[])
    for kind in EXACT:
        try:
            exact |= Q(kind=kind, digest=digest(kind, term))
        except ValidationError:
            continue
    found = set(SearchKey.objects.filter(exact).order_by("-subject").values_list("subject", flat=True)[:most])
    found |= set(DataSubject.objects.filter(reference=term.upper()).values_list("pk", flat=True))
    if words := set(name_words(term)):
        named = DataSubject.objects.order_by("-pk")
        for word in words:
            named = named.filter(search_keys__kind=IndexKind.NAME, search_keys__digest=digest(IndexKind.NAME, word))
        found |= set(named.values_list("pk", flat=True)[:most])
    found |= set(Contract.objects.filter(number=term).values_list("subject", flat=True))
    found |= duplicates.other_files(found)
    return sorted(found, reverse=True)[:most]


def by_reference(text: str) -> DataSubject:
    """The person with this reference (`S-000481`) or public id. Raises DataSubject.DoesNotExist."""
    try:
        return DataSubject.objects.get(public_id=UUID(text))
    except ValueError:
        return DataSubject.objects.get(reference=text.upper())
