"""What changed, said to a person: history rows as changes with the old and the new value side by side.

The number of queries does not depend on the number of rows: one for the rows with their officers, one for every
foreign key that has values among them.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any, NamedTuple

from django.db import models
from django.utils import formats, timezone
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from psycopg.types.range import Range

from audit.names import actor_name, reason_name

NOTHING = "—"
KINDS = {
    "+": pgettext_lazy("history", "created"),
    "~": pgettext_lazy("history", "changed"),
    "-": pgettext_lazy("history", "deleted"),
}
LANGUAGES = {
    "kk": gettext_lazy("Kazakh"),
    "ru": gettext_lazy("Russian"),
    "en": gettext_lazy("English"),
}
LONG = 120  # characters: from here on a value is a text, compared word by word
WORDS = 60  # of a text shown whole
AROUND = 8  # words kept on either side of a change


class Piece(NamedTuple):
    """A run of words; `mark` is "" (the same on both sides), "del" or "ins"."""

    text: str
    mark: str = ""


class Change(NamedTuple):
    """One field: what it is called, and its old and new value as pieces of plain text."""

    label: str
    old: list[Piece]
    new: list[Piece]


@dataclass
class Entry:
    """One history row, ready to be shown."""

    id: int
    at: datetime
    kind: str
    kind_name: str
    who: str
    why: str
    request_id: str
    changes: list[Change]
    url: str = ""


def timeline(
    model: type[models.Model], rows: models.QuerySet, *, before: int | None, limit: int
) -> tuple[list[Entry], int | None]:
    """(`limit` entries newest first, the id to ask the older ones with or None) out of one object's history rows."""
    if before is not None:
        rows = rows.filter(history_id__lt=before)
    # one more than shown: the oldest of the page is compared with it
    records = list(rows.select_related("history_user").order_by("-history_id")[: limit + 1])
    shown = Values(model, records)
    entries = [shown.entry(new, old) for new, old in pairwise([*records, None])][:limit]
    return entries, entries[-1].id if len(records) > limit else None


def version(model: type[models.Model], rows: models.QuerySet, *, version_id: int) -> Entry | None:
    """The row as it was after the change `version_id`, every field of it; None when there is no such change."""
    record = rows.select_related("history_user").filter(history_id=version_id).first()
    return Values(model, [record]).entry(record, None, whole=True) if record else None


class Values:
    """Turns the values of some history rows of one model into words."""

    def __init__(self, model: type[models.Model], records: list) -> None:
        self.fields = [field for field in model.history.model.tracked_fields if not field.primary_key]
        self.originals = _translated(self.fields)
        self.related = {}
        for field in self.fields:
            if field.is_relation:
                ids = {getattr(record, field.attname) for record in records} - {None}
                self.related[field.name] = _by_key(field, ids) if ids else {}

    def entry(self, record: Any, previous: Any, *, whole: bool = False) -> Entry:
        kind = record.history_type
        return Entry(
            id=record.history_id,
            at=record.history_date,
            kind=kind,
            kind_name=str(KINDS[kind]),
            who=actor_name(record.actor, record.history_user),
            why=reason_name(record.history_change_reason),
            request_id=record.request_id,
            changes=list(self.row(record)) if whole else list(self.changes(record, previous)),
        )

    def row(self, record: Any) -> Iterable[Change]:
        """Every field of one row, in `new`."""
        for field in self.fields:
            if not self._repeats(field, record):
                yield Change(label(field), [], [Piece(self.words(field, record))])

    def changes(self, record: Any, previous: Any) -> Iterable[Change]:
        """What the row's change did: all values when it was created or deleted, else the fields that differ."""
        for field in self.fields:
            if self._repeats(field, record) and (previous is None or self._repeats(field, previous)):
                continue
            if record.history_type == "-" or previous is None or previous.history_type == "-":
                words = self.words(field, record)
                if words != NOTHING:
                    pieces = [Piece(Truncator(words).words(WORDS))]
                    yield Change(label(field), *((pieces, []) if record.history_type == "-" else ([], pieces)))
            elif _raw(field, record) != _raw(field, previous):
                old, new = self.words(field, previous), self.words(field, record)
                yield Change(label(field), *compare(old, new))

    def _repeats(self, field: models.Field, record: Any) -> bool:
        """Whether the field is modeltranslation's untranslated column, saying what the translated ones say."""
        translations = self.originals.get(field.name, ())
        return any(_raw(other, record) == _raw(field, record) for other in translations)

    def words(self, field: models.Field, record: Any) -> str:
        value = getattr(record, field.attname)
        if field.is_relation and value is not None:
            related = self.related[field.name].get(value)
            return (
                str(related)
                if related is not None
                else _("%(kind)s %(number)s, deleted")
                % {
                    "kind": field.related_model._meta.verbose_name,
                    "number": value,
                }
            )
        if in_words := getattr(field, "in_words", None):
            return in_words(value) or NOTHING
        # a list has the choices of what it is a list of
        return words(value, dict(field.flatchoices or getattr(getattr(field, "base_field", None), "flatchoices", ())))


def label(field: models.Field) -> str:
    """The field's name in the reader's language; of a translated field with its language, as in "Title (Kazakh)"."""
    if language := getattr(field, "language", None):
        name = field.translated_field.verbose_name
        return f"{capfirst(str(name))} ({LANGUAGES.get(language, language)})"
    return capfirst(str(field.verbose_name))


def words(value: Any, choices: dict | None = None) -> str:
    """A value as a person reads it: choices by label, yes and no, local dates; bytes are never decoded."""
    if value is None or value == "":
        return NOTHING
    if choices and isinstance(value, list):
        return "; ".join(str(choices.get(one, one)) for one in value) or NOTHING
    if choices and not isinstance(value, dict) and value in choices:
        return str(choices[value])
    match value:
        case bool():
            return _("yes") if value else _("no")
        case bytes() | memoryview() | bytearray():
            size = len(value)
            return ngettext("sealed (%(size)s byte)", "sealed (%(size)s bytes)", size) % {"size": size}
        case datetime():
            local = timezone.localtime(value) if timezone.is_aware(value) else value
            return formats.date_format(local, "DATETIME_FORMAT")
        case date():
            return formats.date_format(value, "DATE_FORMAT")
        case time():
            return formats.time_format(value)
        case int() | float() | Decimal():
            return formats.number_format(value, use_l10n=True)
        case Range():
            return _range(value)
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def compare(old: str, new: str) -> tuple[list[Piece], list[Piece]]:
    """Both values as pieces; of long texts only the words around what changed, what changed being marked."""
    if max(len(old), len(new)) < LONG or NOTHING in (old, new):
        return [Piece(Truncator(old).words(WORDS))], [Piece(Truncator(new).words(WORDS))]
    a, b = old.split(), new.split()
    if a == b:  # spaces and line ends only
        return [Piece(Truncator(old).words(WORDS))], [Piece(Truncator(new).words(WORDS))]
    before, after = [], []
    for mark, i, j, k, m in SequenceMatcher(None, a, b, autojunk=len(a) * len(b) > 4_000_000).get_opcodes():
        if mark == "equal":
            same = _middle_cut(a[i:j], starts=i == 0, ends=j == len(a))
            before.append(Piece(same))
            after.append(Piece(same))
            continue
        if j > i:
            before.append(Piece(_cut(a[i:j]), "del"))
        if m > k:
            after.append(Piece(_cut(b[k:m]), "ins"))
    return before, after


def _cut(run: list[str]) -> str:
    return " ".join(run if len(run) <= WORDS else [*run[:WORDS], "…"])


def _middle_cut(run: list[str], *, starts: bool, ends: bool) -> str:
    """An unchanged run without the words far from any change."""
    head, tail = (0 if starts else AROUND), (0 if ends else AROUND)
    if len(run) <= head + tail + 1:
        return " ".join(run)
    return " ".join([*run[:head], "…", *(run[-tail:] if tail else [])])


def _range(value: Range) -> str:
    if value.isempty:
        return NOTHING
    lower, upper = words(value.lower), words(value.upper)
    if value.upper is None:
        return _("from %(start)s") % {"start": lower}
    if value.lower is None:
        return _("until %(end)s") % {"end": upper}
    return _("from %(start)s until %(end)s") % {"start": lower, "end": upper}


def _raw(field: models.Field, record: Any) -> Any:
    value = getattr(record, field.attname)
    return bytes(value) if isinstance(value, memoryview) else value


def _translated(fields: list[models.Field]) -> dict[str, list[models.Field]]:
    """{name of modeltranslation's untranslated column: [its translated fields]}."""
    found: dict[str, list[models.Field]] = {}
    for field in fields:
        if getattr(field, "language", None) and hasattr(field, "translated_field"):
            found.setdefault(field.translated_field.name, []).append(field)
    return found


def _by_key(field: models.Field, ids: set) -> dict[Any, models.Model]:
    """{value: object} with everything a __str__ may need, in one query."""
    key = field.target_field.attname
    queryset = field.related_model._base_manager.filter(**{f"{key}__in": ids})
    if any(f.is_relation and not f.null for f in field.related_model._meta.concrete_fields):
        queryset = queryset.select_related()
    return {getattr(obj, key): obj for obj in queryset}
