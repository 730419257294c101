"""Editions of the approved list of personal data: what an order put on it and took off it (94-V art. 25)."""

from collections.abc import Iterable
from typing import NamedTuple

from django.db import transaction

from consent.models import DataList, DataListEntry
from staff import opening
from staff.models import StaffUser
from subjects.models import DataCategory


class Differences(NamedTuple):
    """What an edition does to the one before, entries in the order of the list."""

    added: list[DataListEntry]
    removed: list[DataListEntry]
    # (as it was, as it is)
    renamed: list[tuple[DataListEntry, DataListEntry]]


def _titles(row: DataListEntry | DataCategory) -> tuple[str, str]:
    return row.title_kk, row.title_ru


def differs(categories: Iterable[DataCategory]) -> bool:
    """Whether a list of these categories, with the titles they have today, is another one than that in force."""
    standing = DataList.objects.filter(in_force_during__upper_inf=True).first()
    now = {entry.category_id: _titles(entry) for entry in standing.entries.all()} if standing else {}
    return now != {category.pk: _titles(category) for category in categories}


def differences(before: DataList, after: DataList) -> Differences:
    """What `after` adds to, takes off and calls otherwise than `before`; two queries."""
    old, new = (
        {entry.category_id: entry for entry in edition.entries.order_by("category__order", "pk")}
        for edition in (before, after)
    )
    return Differences(
        [entry for key, entry in new.items() if key not in old],
        [entry for key, entry in old.items() if key not in new],
        [(old[key], entry) for key, entry in new.items() if key in old and _titles(old[key]) != _titles(entry)],
    )


@transaction.atomic
def propose(edition: DataList, *, categories: Iterable[DataCategory], by: StaffUser) -> DataList:
    """Put an edition before a second person, with the titles of today. Raises NotAllowed, ValidationError."""
    edition = opening.propose(edition, by=by)
    DataListEntry.objects.bulk_create(
        DataListEntry(data_list=edition, category=row, title_kk=row.title_kk, title_ru=row.title_ru)
        for row in categories
    )
    return edition
