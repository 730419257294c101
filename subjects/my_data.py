"""The person's own values in the cabinet: what, from whom, what for, until when (94-V art. 24; policy 7.1)."""

from typing import NamedTuple

from django.utils.dateparse import parse_date
from django.utils.formats import date_format

from subjects import cabinet, duplicates, vault
from subjects.enums import Source
from subjects.models import DataCategory, DataSubject, PersonalData, TechnicalHolding
from subjects.restraint_forms import CODE_LABELS, PART_LABELS


class Shown(NamedTuple):
    """One value: its parts as (label, text), where it came from."""

    parts: list[tuple[str, str]]
    source: str
    origin: str


class Group(NamedTuple):
    """What we hold in one category: values, periods of technical data, and what higher apps know of it."""

    category: DataCategory
    values: list[Shown]
    holdings: list[TechnicalHolding]
    about: list[tuple[str, list[str]]]


def groups(subject: DataSubject, *, represented: bool) -> list[Group]:
    """Everything the person may see, by category in the order of the approved list; one record of the look.

    represented: somebody who may learn it looks for them. Raises PermissionDenied as `vault.own_values`.
    """
    opened = vault.own_values(subject=subject, page="data", represented=represented)
    files = duplicates.files_at(subject, None)
    rows = PersonalData.objects.told().filter(subject__in=files)
    by_id = {row.pk: row for row in rows.only("pk", "source", "origin")}
    values: dict[str, list[Shown]] = {}
    for value in opened:
        parts = [(str(PART_LABELS.get(name, name)), _text(name, text)) for name, text in value.parts.items()]
        source = dict(Source.choices).get(value.source, value.source)
        origin = by_id[value.id].get_origin_display() if value.id in by_id else ""
        values.setdefault(value.category, []).append(Shown(parts, str(source), origin))
    holdings: dict[str, list[TechnicalHolding]] = {}
    for holding in TechnicalHolding.objects.filter(subject__in=files).select_related("category", "system"):
        holdings.setdefault(holding.category.code, []).append(holding)
    about: dict[str, list[tuple[str, list[str]]]] = {}
    for tell in cabinet.ABOUT_VALUES:
        for code, lines in tell(subject).items():
            about.setdefault(code, []).extend(lines)
    return [
        Group(row, values.get(row.code, []), holdings.get(row.code, []), about.get(row.code, []))
        for row in DataCategory.objects.filter(code__in={*values, *holdings}).order_by("order", "code")
    ]


def _text(name: str, text: str) -> str:
    """A part in the reader's language: codes and days are words, the rest is as it is."""
    if name in ("kind", "sex", "value") and text in CODE_LABELS:
        return str(CODE_LABELS[text])
    if name in ("issued_on", "valid_until", "birth_date") and (day := parse_date(text)):
        return date_format(day, "DATE_FORMAT")
    return text
