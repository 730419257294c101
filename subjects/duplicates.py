"""A person known twice: two files linked, one leads. Nothing is moved: what was proved of a file stays that file's.

A search finds both, a letter to many goes once, the cabinet opens by the file that leads and shows the data of both.
A no reaches every file, a yes counts in the one where it was said (ADR 17).
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import BigIntegerField, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from notifications.services import write
from subjects.enums import LEAVES, Standing
from subjects.models import DataSubject, PersonLink, SearchKey

SAME = PersonLink.Kind.SAME_PERSON
LINKED = "files_linked"


def _links() -> QuerySet[PersonLink]:
    return PersonLink.objects.filter(kind=SAME, ended_at=None)


@transaction.atomic
def unite(*, leading: DataSubject, following: DataSubject) -> PersonLink:
    """Link two files of one person; the person is told by the file that leads.

    One level only: a file that follows leads none, and one that leads follows none. Nobody is dead in one file and
    alive in another. Raises ValidationError.
    """
    # in one order, so that no two wait for each other for ever
    files = DataSubject.objects.select_for_update().filter(pk__in=[leading.pk, following.pk]).order_by("pk")
    standings = {file.standing for file in files} - {Standing.ERASED}
    if Standing.DECEASED in standings and len(standings) > 1:
        raise ValidationError(
            _("One of the two files is of somebody who died: record the death in the other one first, or undo it.")
        )
    if _links().filter(other=leading).exists():
        raise ValidationError(_("The file that shall lead follows another one: link to that one instead."))
    if _links().filter(subject=following).exists():
        raise ValidationError(_("The file that shall follow leads another one: end that link first."))
    row = PersonLink(kind=SAME, subject=leading, other=following)
    row.full_clean()
    row.save()
    cause = f"subjects.PersonLink:{row.pk}#{LINKED}"
    write(kind=LINKED, cause=cause, language=leading.language, subject_id=leading.pk)
    return row


def hold_links(leading: int) -> None:
    """Keep the links of a file that leads, by its id, from being ended until the transaction ends."""
    list(_links().select_for_update().filter(subject=leading).order_by("pk"))


def leading_of(subject: DataSubject) -> DataSubject:
    """The file by which the person is told and comes in: the one that leads, or their only one; one query."""
    link = _links().filter(other=subject).select_related("subject").first()
    return link.subject if link is not None else subject


def files_at(subject: DataSubject, at: datetime | None) -> list[DataSubject]:
    """The person's file and those that followed it at the moment (aware; None: now), it first; one query."""
    links = PersonLink.objects.filter(kind=SAME, subject=subject)
    stood = links.filter(ended_at=None)
    if at is not None:
        stood = links.filter(Q(ended_at=None) | Q(ended_at__gt=at), created_at__lte=at)
    return [subject, *(link.other for link in stood.select_related("other").order_by("other"))]


def every_file(subject: DataSubject) -> list[DataSubject]:
    """Every file of the person, whichever of them leads, in the order of their ids: all lock them in it.

    What a person says no to they say no to in each. One query for a person known once, else three.
    """
    known = {subject.pk}
    known |= other_files(known)
    if len(known) == 1:
        return [subject]
    found = DataSubject.objects.in_bulk(known | other_files(known))
    return [found[pk] for pk in sorted(found)]


def lock_files(subject: DataSubject) -> list[DataSubject]:
    """`every_file`, read anew and locked until the transaction ends; one query more."""
    ids = [one.pk for one in every_file(subject)]
    return list(DataSubject.objects.select_for_update().filter(pk__in=ids).order_by("pk"))


def other_files(ids: Collection[int]) -> set[int]:
    """The files linked with these as the same person; one query."""
    pairs = _links().filter(Q(subject__in=list(ids)) | Q(other__in=list(ids))).values_list("subject", "other")
    return {pk for pair in pairs for pk in pair}


def all_files(ids: Collection[int]) -> set[int]:
    """These files and all others of the same people; two queries."""
    known = set(ids)
    known |= other_files(known)
    return known | other_files(known)


def leading_files(keys: QuerySet[SearchKey]) -> QuerySet[Any, Any]:
    """Ids of the people these search keys stand for, of a file that follows the one that leads; for a condition."""
    leads = _links().filter(other=OuterRef("subject")).values("subject")[:1]
    return keys.annotate(who=Coalesce(Subquery(leads), F("subject"), output_field=BigIntegerField())).values("who")


def whose(kind: str, digest: bytes) -> DataSubject | None:
    """Whose cabinet opens to who is indexed under this (IndexKind, digest); nobody's when it is several people's or
    closed. A person known twice comes in by the file that leads, whichever of the two the number stands in."""
    files = SearchKey.objects.filter(kind=kind, digest=digest)
    found = list(DataSubject.objects.filter(pk__in=leading_files(files))[:2])
    if len(found) != 1 or not LEAVES[found[0].standing].cabinet:
        return None
    return found[0]
