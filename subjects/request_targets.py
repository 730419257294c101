"""The codes a request names: read out of what was typed, each by the kind that takes it; one nobody knows is told.

A request that names nothing is about all, so a code that was not understood must never count as nothing (94-V art. 8).
"""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from subjects import ports
from subjects.enums import Disclosure
from subjects.models import AutomatedDecision, SubjectRequest
from subjects.requests import RequestKind

# what is done about these is done to what they name
ACTS: frozenset[str] = frozenset({RequestKind.WITHDRAW, RequestKind.OBJECT, RequestKind.HUMAN_REVIEW})
# whose codes are a person's own
OF_PERSON: frozenset[str] = frozenset({RequestKind.HUMAN_REVIEW, RequestKind.COMPLAINT})


def normal(code: str) -> str:
    """A number of a decision may have spaces in it: one between words, none around."""
    return " ".join(code.split())


def decisions(row: SubjectRequest) -> Collection[str]:
    """Numbers of the decisions made about the person; looked at again already or not."""
    return AutomatedDecision.objects.filter(subject=row.subject_id).values_list("number", flat=True)


def to_look_at_again(row: SubjectRequest) -> QuerySet[AutomatedDecision]:
    """The decisions that a granted request has a human look at: those it names, or all there were; not those that
    somebody had looked at before it came."""
    if RequestKind.HUMAN_REVIEW not in row.granted:
        return AutomatedDecision.objects.none()
    rows = AutomatedDecision.objects.filter(
        Q(reviewed_at=None) | Q(reviewed_at__gte=row.received_at),
        subject=row.subject_id, review_asked_at__isnull=False, recorded_at__lte=row.decided_at,
    )  # fmt: skip
    if row.targets:
        named = codes(row, RequestKind.HUMAN_REVIEW)
        rows = rows.filter(pk__in=[one.pk for one in rows if normal(one.number) in named])
    return rows.order_by("pk")


def requests(row: SubjectRequest) -> Collection[str]:
    """Numbers of earlier requests a complaint may be about: the person's, and those of who asks for them."""
    people = [row.subject_id, *([row.representative.representative_id] if row.representative else [])]
    rows = SubjectRequest.objects.filter(Q(subject__in=people) | Q(representative__representative__in=people))
    return [str(one) for one in rows.filter(disclosure=Disclosure.SUBJECT).only("pk")]


def _taken(row: SubjectRequest) -> dict[str, set[str]]:
    """{kind: codes that it takes} of what is asked; a complaint may be about anything."""
    kinds = ports.codes_of if RequestKind.COMPLAINT in row.kinds else row.kinds
    return {kind: {normal(code) for code in ports.codes_of[kind](row)} for kind in kinds if kind in ports.codes_of}


def _read(text: str, known: Collection[str]) -> tuple[list[str], list[str]]:
    """(codes, words that belong to none); of two codes that begin alike the longer one is meant."""
    words, found, unknown = text.split(), [], []
    longest = max((len(code.split()) for code in known), default=1)
    at = 0
    while at < len(words):
        for end in range(min(len(words), at + longest), at, -1):
            if (code := " ".join(words[at:end])) in known:
                found.append(code)
                at = end
                break
        else:
            unknown.append(words[at])
            at += 1
    return found, unknown


def codes(row: SubjectRequest, kind: str) -> list[str]:
    """The codes among those the request names that this kind takes, as `normal` writes them."""
    taken = _taken(row)
    found, _unknown = _read(row.target, set().union(*taken.values()))
    return [code for code in found if code in taken[kind]]


def check(row: SubjectRequest) -> None:
    """Raises ValidationError that names the codes which no kind asked for takes.

    The numbers of a person's own decisions and requests wait until it is known who the person is.
    """
    if not row.targets or (row.subject_id is None and OF_PERSON & set(row.kinds)):
        return
    _found, unknown = _read(row.target, set().union(*_taken(row).values()))
    if unknown:
        raise ValidationError(
            {
                "target": ValidationError(
                    _(
                        "There is no such code to ask about here: %(codes)s. Check it letter by letter; codes of forms"
                        " are in Latin letters, as C8."
                    )
                    % {"codes": ", ".join(dict.fromkeys(unknown))},
                    code="unknown",
                )
            }
        )
