"""The subject file: everything we hold on a person, on paper and for programs (policy 7.1; 94-V art. 24).

It is made of sections: an app has a `subject_file.py` that adds its own, found by name (DESIGN 1). A section reads rows
as they stood at the file's moment and never opens a value or names what is withheld; values come opened, by the door
that the reader came through, or not at all.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import typst
from django.conf import settings
from django.http import Http404, HttpResponse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from audit import past
from audit.models import AccessRecord
from audit.spreadsheet import Sheet, workbook
from staff.enums import Language
from staff.models import Operator
from subjects import duplicates
from subjects.models import DataCategory, DataSubject
from subjects.vault import Value

SCHEMA = "kelisim.subject-file/1"
# what an AccessRecord calls the file
WHAT = "subjects.file"
TEMPLATES = Path(settings.BASE_DIR) / "templates" / "registers"
NOTHING = "—"
_UNBROKEN = re.compile(r"[!-~]{13,}")


class Cell(NamedTuple):
    """A field of a row: in words, in the reader's language, and as a program reads it (None: the words are all)."""

    text: str
    value: Any = None


class Table(NamedTuple):
    """What a section tells: {code of a column: its heading}, and rows of as many cells. words: sentences above it."""

    columns: dict[str, str | Promise]
    rows: Sequence[Sequence[Cell]] = ()
    words: tuple[str, ...] = ()


class Section(NamedTuple):
    """A part of the file. covers: labels of the models whose rows about a person it tells of."""

    order: int
    code: str
    title: str | Promise
    covers: tuple[str, ...]
    content: "Callable[[Reading], Table]"


class Part(NamedTuple):
    """A section of one person's file."""

    code: str
    title: str
    table: Table

    @property
    def rows(self) -> list[list[tuple[object, Cell]]]:
        """Every row as pairs of a heading and its cell."""
        labels = self.table.columns.values()
        return [list(zip(labels, row, strict=True)) for row in self.table.rows]


SECTIONS: list[Section] = []
# models with rows about a person that the file does not tell of, and why; an app adds its own
LEFT_OUT: dict[str, str] = {}


@dataclass(frozen=True)
class Reading:
    """Whose file it is, as they stood, of which moment (None: as things stand); their values, if a door opened them."""

    subject: DataSubject
    at: datetime | None
    values: dict[int, Value] | None
    # whether the person stood in our records then; what was written down later about earlier days is told all the same
    known: bool = True

    @cached_property
    def categories(self) -> dict[str, DataCategory]:
        """{code: entry of the approved list} as it stood; read once for the whole file."""
        return {row.code: row for row in past.by_id(DataCategory, self.at).values()}

    def category(self, code: str) -> str:
        """A category in words; its code where the list does not have it."""
        row = self.categories.get(code)
        return str(row) if row else code

    def until(self, field: str = "at") -> dict[str, datetime]:
        """The condition that events have happened by the file's moment."""
        return {f"{field}__lte": self.at} if self.at else {}


@dataclass(frozen=True)
class File:
    """A person's file, ready to be printed: in one language, of one moment."""

    reference: str
    language: str
    at: datetime | None
    made_at: datetime
    operator: str
    opened: bool
    parts: list[Part]
    # of a person known twice: the files that follow this one
    linked: "Sequence[File]" = ()

    @property
    def all_parts(self) -> list[Part]:
        """The sections of this file, and of those that follow it under their reference."""
        return [
            *self.parts,
            *(
                Part(f"{one.reference}-{part.code}", f"{one.reference}. {part.title}", part.table)
                for one in self.linked
                for part in one.parts
            ),
        ]


# cells


def text(words: object) -> Cell:
    return Cell(str(words) if words not in (None, "") else NOTHING, None if words in (None, "") else str(words))


def choice(row: Any, field: str) -> Cell:
    """A field with choices: in words, and its code."""
    code = getattr(row, field)
    return Cell(str(getattr(row, f"get_{field}_display")() or NOTHING), code or None)


def day(moment: date | datetime | None) -> Cell:
    """A day in Asia/Almaty."""
    if moment is None:
        return Cell(NOTHING)
    local = timezone.localtime(moment).date() if isinstance(moment, datetime) else moment
    return Cell(date_format(local, "DATE_FORMAT"), local.isoformat())


def when(moment: datetime | None) -> Cell:
    """A moment, in Asia/Almaty."""
    if moment is None:
        return Cell(NOTHING)
    local = timezone.localtime(moment)
    return Cell(date_format(local, "DATETIME_FORMAT"), local.isoformat(timespec="seconds"))


# making it


def read(
    subject: DataSubject, language: str, *, at: datetime | None = None, values: Iterable[Value] | None = None
) -> File:
    """Everything we hold on the person, in `language` (kk, ru, en), as it stood at `at` (aware; None: as it stands).

    values: opened by `vault.own_values` or `vault_out.reveal_for_answer` for the same moment; None: none is shown. The
    number of queries depends only on how many files the person has: one, unless they were known twice. Raises
    ValueError for another language.
    """
    language = Language(language).value
    made_at = timezone.now()
    if at is not None and at >= made_at:
        at = None
    opened = None if values is None else {value.id: value for value in values}
    file, *linked = (_read(one, language, at, made_at, opened) for one in duplicates.files_at(subject, at))
    return replace(file, linked=linked)


def _read(
    subject: DataSubject, language: str, at: datetime | None, made_at: datetime, opened: dict[int, Value] | None
) -> File:
    then = past.one(subject, at)
    reading = Reading(then or past.first(subject), at, opened, known=then is not None)
    with translation.override(language):
        operator = next(iter(past.rows(Operator, at)), None)
        parts = [
            Part(section.code, str(section.title), _said(section.content(reading)))
            for section in sorted(SECTIONS, key=lambda section: (section.order, section.code))
        ]
    name = operator.name(language) if operator else ""
    return File(str(subject), language, at, made_at, name, opened is not None, parts)


def _said(table: Table) -> Table:
    """The same with its headings in the language that is active now: a file has one, whoever prints it later."""
    return table._replace(columns={code: str(label) for code, label in table.columns.items()})


def note(file: File, *, door: str, reason: str) -> None:
    """Record that the file leaves, before it does (policy 5.5). door: `AccessRecord.Door`; reason: a code."""
    AccessRecord.objects.bulk_create(
        AccessRecord(door=door, reference=one.reference, category=WHAT, reason=reason) for one in (file, *file.linked)
    )


def as_data(file: File) -> dict[str, Any]:
    """The file for programs: codes of sections and columns are names others may rely on."""
    return {
        "schema": SCHEMA,
        "subject": file.reference,
        "language": file.language,
        "as_of": timezone.localtime(file.at).isoformat(timespec="seconds") if file.at else None,
        "made_at": timezone.localtime(file.made_at).isoformat(timespec="seconds"),
        "operator": file.operator,
        "values_shown": file.opened,
        "sections": {
            part.code: {
                "title": part.title,
                "words": list(part.table.words),
                "columns": part.table.columns,
                "rows": [
                    {code: _plain(cell) for code, cell in zip(part.table.columns, row, strict=True)}
                    for row in part.table.rows
                ],
            }
            for part in file.parts
        },
        "linked": [as_data(one) for one in file.linked],
    }


def _plain(cell: Cell) -> Any:
    if cell.value is None:
        return None if cell.text == NOTHING else cell.text
    return cell.text if cell.value == cell.text else {"value": cell.value, "text": cell.text}


def as_json(file: File) -> str:
    """A JSON object, indented, in UTF-8."""
    return json.dumps(as_data(file), ensure_ascii=False, indent=2) + "\n"


def as_pdf(file: File) -> bytes:
    """The file on paper: PDF/A-2a, an A4 page; the same file gives the same bytes."""
    with translation.override(file.language):
        told = {
            "language": file.language,
            "title": _("What we hold on you"),
            "operator": file.operator,
            "reference": file.reference,
            "moment": moment_in_words(file),
            "closed": "" if file.opened else _("The values themselves are not opened in this file."),
            "page": _("page"),
            "nothing": _("Nothing."),
            "date": [file.made_at.year, file.made_at.month, file.made_at.day],
            "parts": [
                {
                    "title": part.title,
                    "words": list(part.table.words),
                    "columns": [_initial(label) for label in part.table.columns.values()],
                    "rows": [[_breakable(cell.text) for cell in row] for row in part.table.rows],
                }
                for part in file.all_parts
            ],
        }
    return typst.compile(
        str(TEMPLATES / "subject_file.typ"),
        root=str(TEMPLATES),
        ignore_system_fonts=True,
        sys_inputs={"file": json.dumps(told, ensure_ascii=False)},
        timestamp=file.made_at.astimezone(UTC).replace(microsecond=0),
        pdf_standards=["a-2a"],
    )


def _breakable(words: str) -> str:
    """What has no spaces, such as an address or a digest, with places where a narrow column may break it."""
    return _UNBROKEN.sub(lambda run: "\u200b".join(re.findall(r".{1,12}?[@._/-]|.{1,12}", run[0])), words)


def _initial(label: object) -> str:
    words = str(label)
    return words[:1].upper() + words[1:]


def moment_in_words(file: File) -> str:
    """Of which moment the file is, in the language that is active."""
    moment = timezone.localtime(file.at or file.made_at)
    words = date_format(moment, "DATETIME_FORMAT")
    if file.at:
        return _("As it stood in our records: %(moment)s (time of Almaty)") % {"moment": words}
    return _("As it stands in our records: %(moment)s (time of Almaty)") % {"moment": words}


def as_xlsx(file: File) -> bytes:
    """A workbook with a sheet a section."""
    return workbook(
        Sheet(
            part.title,
            [
                [_initial(label) for label in part.table.columns.values()],
                *([cell.text for cell in row] for row in part.table.rows),
            ],
        )
        for part in file.all_parts
    )


def as_zip(file: File) -> bytes:
    """PDF, JSON and workbook in one; the same file gives the same bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for ending, content in (("pdf", as_pdf(file)), ("json", as_json(file).encode()), ("xlsx", as_xlsx(file))):
            entry = zipfile.ZipInfo(file_name(file, ending), (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, content)
    return archive.getvalue()


# {ending: (media type, how it is made)}
FORMATS: dict[str, tuple[str, Callable[[File], bytes]]] = {
    "pdf": ("application/pdf", as_pdf),
    "json": ("application/json", lambda file: as_json(file).encode()),
    "zip": ("application/zip", as_zip),
}


def download(file: File, ending: str) -> HttpResponse:
    """The file as a download that no cache keeps. Raises Http404 for a format there is none of."""
    if ending not in FORMATS:
        raise Http404
    media_type, made = FORMATS[ending]
    response = HttpResponse(made(file), content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{file_name(file, ending)}"'
    response["Cache-Control"] = "no-store"
    return response


def file_name(file: File, ending: str) -> str:
    """`subject-file-S-000481-20261130-kk.pdf`: names nobody."""
    moment = timezone.localtime(file.at or file.made_at)
    return f"subject-file-{file.reference}-{moment:%Y%m%d}-{file.language}.{ending}"


def build(
    subject: DataSubject, language: str, *, at: datetime | None = None, values: Iterable[Value] | None = None
) -> bytes:
    """The PDF of `read`, for an answer to a request of access. Whoever hands it on has recorded that (`note`)."""
    return as_pdf(read(subject, language, at=at, values=values))
