"""Whom nobody writes or calls to for marketing, even after their data is gone (94-V art. 8; policy 7.1).

Only keyed digests: the list tells whether an address you have stands on it, and gives no address away.
"""

from collections.abc import Collection, Iterable

from django.core.exceptions import ValidationError

from subjects import duplicates, search
from subjects.enums import IndexKind
from subjects.models import DataSubject, SearchKey, Suppression

KINDS = (IndexKind.PHONE, IndexKind.OTHER_PHONE, IndexKind.EMAIL, IndexKind.IIN)
# a number is on the list as a phone, whichever phone it is to somebody
LISTED_AS = {IndexKind.OTHER_PHONE.value: IndexKind.PHONE.value}


def suppress(*, kind: str, text: str, reason: str) -> Suppression:
    """Put a phone, e-mail or IIN on the list. Raises ValidationError for what is none."""
    return Suppression.objects.create(
        kind=IndexKind(kind).value, digest=search.digest(kind, text), reason=Suppression.Reason(reason).value
    )


def suppress_person(*, subject: DataSubject, reason: str) -> int:
    """Put everything the person is reached by on the list, without opening a value; how many are new there.

    Called before their data is destroyed, since the search keys go with it.
    """
    return suppress_people([subject.pk], reason=reason)


def suppress_people(ids: Iterable[int], *, reason: str) -> int:
    """The same for many subjects (ids); two queries and one insert. What stands on the list already is not added."""
    keys = _keys(ids)
    new = keys - _stopped(keys)
    rows = [Suppression(kind=kind, digest=digest, reason=Suppression.Reason(reason).value) for kind, digest in new]
    return len(Suppression.objects.bulk_create(rows))


def sharing(ids: Collection[int]) -> set[int]:
    """Other people who are reached by a phone, e-mail or IIN of these subjects (ids); four queries."""
    digests = {digest for _kind, digest in _keys(ids)}
    found = SearchKey.objects.filter(kind__in=KINDS, digest__in=list(digests)).values_list("subject", flat=True)
    return set(found) - duplicates.all_files(ids)


def allow_people(ids: Iterable[int], *, but: Iterable[int] = ()) -> int:
    """These subjects (ids) agreed anew: what they are reached by comes off the list; how many. Three queries, one
    insert. but: people who still say no, so that what they are reached by too stays there."""
    reason = Suppression.Reason.CONSENTED
    stopped = _stopped(_keys(ids) - _keys(but))
    rows = [Suppression(kind=kind, digest=digest, ends=True, reason=reason) for kind, digest in stopped]
    return len(Suppression.objects.bulk_create(rows))


def allow(*, kind: str, text: str) -> Suppression:
    """The person agreed anew: the newest word counts, the older ones stay."""
    return Suppression.objects.create(
        kind=IndexKind(kind).value,
        digest=search.digest(kind, text),
        ends=True,
        reason=Suppression.Reason.CONSENTED,
    )


def suppressed(*, kind: str, texts: Iterable[str]) -> set[str]:
    """Those of the phones, e-mails or IINs that nobody may be reached by for marketing; one query.

    What is no phone, e-mail or IIN at all is not on the list.
    """
    digests: dict[bytes, list[str]] = {}
    for text in texts:
        try:
            digests.setdefault(search.digest(kind, text), []).append(text)
        except ValidationError:
            continue
    newest = (
        Suppression.objects.filter(kind=kind, digest__in=list(digests))
        .order_by("digest", "-pk")
        .distinct("digest")
        .values_list("digest", "ends")
    )
    return {text for digest, ends in newest if not ends for text in digests[bytes(digest)]}


def suppressed_people(ids: Iterable[int]) -> set[int]:
    """Those of the subjects who have a phone, e-mail or IIN on the list; two queries."""
    found = {
        (subject, LISTED_AS.get(kind, kind), bytes(digest))
        for subject, kind, digest in SearchKey.objects.filter(subject__in=list(ids), kind__in=KINDS).values_list(
            "subject", "kind", "digest"
        )
    }
    stopped = _stopped({(kind, digest) for _pk, kind, digest in found})
    return {pk for pk, kind, digest in found if (kind, digest) in stopped}


def _keys(ids: Iterable[int]) -> set[tuple[str, bytes]]:
    """(kind, digest) of everything these subjects are reached by."""
    rows = SearchKey.objects.filter(subject__in=list(ids), kind__in=KINDS).values_list("kind", "digest")
    return {(LISTED_AS.get(kind, kind), bytes(digest)) for kind, digest in rows}


def _stopped(keys: Iterable[tuple[str, bytes]]) -> set[tuple[str, bytes]]:
    """Those that stand on the list by their newest event."""
    newest = (
        Suppression.objects.filter(digest__in=[digest for _kind, digest in keys])
        .order_by("kind", "digest", "-pk")
        .distinct("kind", "digest")
        .values_list("kind", "digest", "ends")
    )
    return {(kind, bytes(digest)) for kind, digest, ends in newest if not ends}
