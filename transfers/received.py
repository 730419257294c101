"""Who received a person's data: what was really sent, with nothing of what is withheld (policy 4.2, 7.1; DESIGN 4)."""

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import QuerySet

from subjects import duplicates
from subjects.enums import Disclosure
from subjects.models import DataCategory, DataSubject
from transfers.enums import Direction
from transfers.models import Recipient, Release, Transfer

SHOWN = 50


class Sent(NamedTuple):
    """One sending: to whom, what, why, on what ground, when; `categories` in the reader's language."""

    release: Release
    transfer: Transfer
    categories: list[str]


def released(subject: DataSubject, *, withheld: bool = False, linked: bool = False) -> QuerySet[Release]:
    """What left us about the person, newest first; without `withheld`, only what the person may know of.

    linked: also of the files that follow this one, as the cabinet shows the data of both.
    """
    files = duplicates.files_at(subject, None) if linked else [subject]
    rows = Release.objects.filter(transfer__subject__in=files, transfer__direction=Direction.OUTGOING)
    if not withheld:
        rows = rows.filter(transfer__disclosure=Disclosure.SUBJECT)
    return rows.select_related("transfer__recipient", "transfer__purpose").order_by("-transfer_id")


def in_words(releases: Iterable[Release]) -> list[Sent]:
    """The same with the titles of categories; one query beside that of the releases."""
    rows = list(releases)
    codes = {code for row in rows for code in row.transfer.categories}
    titles = {row.code: row.title or row.code for row in DataCategory.objects.filter(code__in=codes)}
    return [Sent(row, row.transfer, [titles.get(code, code) for code in row.transfer.categories]) for row in rows]


def titles_of_recipients() -> dict[str, str]:
    """{code: title in the reader's language} of the whole register, which holds tens of rows; one query."""
    return {row.code: row.title for row in Recipient.objects.all()}
