"""What an authorised transfer carries, as a file: JSON, CSV or XLSX, each with a watermark in it (policy 4.2, 5.5).

Pure: values come in opened, bytes go out. A row is one part of one value; a cell is never a formula.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.spreadsheet import CONTENT_TYPE, Sheet, csv_file, workbook
from subjects.vault import Value


class Format(models.TextChoices):
    JSON = "json", "JSON"
    CSV = "csv", "CSV"
    XLSX = "xlsx", "XLSX"


MEDIA_TYPES = {Format.JSON: "application/json", Format.CSV: "text/csv; charset=utf-8", Format.XLSX: CONTENT_TYPE}


class Watermark(NamedTuple):
    """Who took the data out, when, and by which transfer: it stands in every row, so that an excerpt has it too."""

    transfer: str
    recipient: str
    taken_by: str
    taken_at: datetime

    def __str__(self) -> str:
        return f"Kelisim · {self.transfer} · {self.recipient} · {self.taken_by} · {self.taken_at.isoformat()}"

    def as_json(self) -> dict[str, str]:
        return {**self._asdict(), "taken_at": self.taken_at.isoformat()}


class File(NamedTuple):
    """A file to hand over. sha256: of exactly these bytes; values: how many values it holds."""

    content: bytes
    media_type: str
    sha256: str
    values: int


def now() -> datetime:
    """The moment of a watermark, to the second, in the time of Kazakhstan."""
    return timezone.localtime().replace(microsecond=0)


def headings() -> list[str]:
    """Of a table of values, in the reader's language."""
    return [_("Category"), _("Name of the category"), _("Value no."), _("Part"), _("Value"), _("Watermark")]


def lines(values: Iterable[Value], titles: dict[str, str], mark: str) -> list[list[str]]:
    """A row a part of a value; values of a category are numbered from 1."""
    rows, numbers = [], dict[str, int]()
    for value in values:
        numbers[value.category] = number = numbers.get(value.category, 0) + 1
        title = titles.get(value.category, value.category)
        rows += [[value.category, title, str(number), part, text, mark] for part, text in value.parts.items()]
    return rows


def of_one(
    format: str, *, values: Sequence[Value], asked: Sequence[str], titles: dict[str, str], mark: Watermark
) -> File:
    """The file of one person's transfer. asked: every category that was authorised, also those without a value."""
    if format == Format.JSON:
        told: dict[str, Any] = {
            "watermark": mark.as_json(),
            "categories": {code: [value.parts for value in values if value.category == code] for code in sorted(asked)},
        }
        content = json.dumps(told, ensure_ascii=False, indent=1).encode()
    elif format == Format.CSV:
        content = csv_file([headings(), *lines(values, titles, str(mark))])
    else:
        facts = [
            [_("Transfer"), mark.transfer],
            [_("Recipient"), mark.recipient],
            [_("Taken out by"), mark.taken_by],
            [_("Taken out at"), mark.taken_at],
            [_("Allowed categories"), ", ".join(titles.get(code, code) for code in sorted(asked))],
        ]
        table = [headings(), *lines(values, titles, str(mark))]
        content = workbook([Sheet(_("Data"), table), Sheet(_("About"), facts)])
    return File(content, MEDIA_TYPES[Format(format)], hashlib.sha256(content).hexdigest(), len(values))
