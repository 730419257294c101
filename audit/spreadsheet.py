"""A workbook (ECMA-376, .xlsx) or a CSV file of plain tables: text stays text, whatever it begins with.

A cell is never a formula: what begins with = + - @, a tab or a return is marked as quoted text, so that a program that
opens the file computes nothing, also after somebody has edited the cell (OWASP, CSV injection).
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from django.utils import timezone

Value = str | int | float | Decimal | date | datetime | bool | None

# of the format: rows of a sheet, characters of a cell and of a sheet's name
ROWS, CHARACTERS, NAME = 1_048_576, 32_767, 31
WIDEST, NARROWEST, LOOKED_AT = 60, 8, 200
# beyond fifteen digits a number of the format is rounded
EXACT = 10**15
# bytes of a long file that are handed on at once
PIECE = 1 << 20

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
CONTENT_TYPE = f"{_SHEET_TYPE}.sheet"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_IN_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
# characters that XML 1.0 cannot hold
_UNHEARD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# some programs read the full-width forms too
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_ZERO = date(1899, 12, 30).toordinal()

# places in cellXfs below
_TEXT, _HEADING, _QUOTED, _DAY, _MOMENT = range(5)
# of each of them: format of numbers (49 is text), font, and the mark of quoted text
_SHAPES = ((49, 0, ""), (49, 1, ""), (49, 0, ' quotePrefix="1"'), (164, 0, ""), (165, 0, ""))
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    f'<cellXfs count="{len(_SHAPES)}">'
    + "".join(
        f'<xf numFmtId="{number}" fontId="{font}" fillId="0" borderId="0" xfId="0"{quoted} applyNumberFormat="1"'
        ' applyFont="1" applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf>'
        for number, font, quoted in _SHAPES
    )
    + '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


class Sheet(NamedTuple):
    """A table. rows: the first one is its heading; they may come from a generator, each is read once."""

    name: str
    rows: Iterable[Sequence[Value]]


class _Outlet:
    """A file that can only be written on: what was written since is taken out of it, so that nothing piles up."""

    def __init__(self) -> None:
        self.held = bytearray()

    def write(self, some: bytes) -> int:
        self.held += some
        return len(some)

    def flush(self) -> None:
        """There is nothing behind it."""

    def take(self) -> bytes:
        some, self.held = bytes(self.held), bytearray()
        return some


def workbook(sheets: Iterable[Sheet]) -> bytes:
    """The file: a sheet a table, its heading in bold and always in view.

    An aware datetime is written as local time (Asia/Almaty), a number beyond fifteen digits as text. The same sheets
    give the same bytes. Raises ValueError when a sheet or a cell is longer than the format allows, or there is none.
    """
    return b"".join(workbook_pieces(sheets))


def workbook_pieces(sheets: Iterable[Sheet]) -> Iterator[bytes]:
    """`workbook` piece by piece, each of about PIECE bytes, for tables of any length: none is ever held whole.

    sheets: the next one is asked for when the rows of the last were read. Raises as `workbook`.
    """
    out, wanted = _Outlet(), list[str]()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, sheet in enumerate(sheets, start=1):
            wanted.append(sheet.name)
            with archive.open(_entry(f"xl/worksheets/sheet{number}.xml"), "w") as part:
                for text in _sheet(sheet, chosen=number == 1):
                    part.write(text.encode())
                    if len(out.held) >= PIECE:
                        yield out.take()
        if not wanted:
            raise ValueError("A workbook has at least one sheet.")
        # last, for only now it is known how many sheets there are; readers go by the directory at the end
        for path, text in _fixed_parts(_names(wanted)).items():
            archive.writestr(_entry(path), text)
    yield out.take()


def sheets_of(name: str, heading: Sequence[Value], rows: Iterable[Sequence[Value]]) -> Iterator[Sheet]:
    """A table in as many sheets as the format needs for it, each with the heading; an empty one is its heading.

    rows: read once, in order, by `workbook`, which takes the sheets one after the other; may come from a generator.
    """
    rest, begun = iter(rows), list[Sequence[Value]]()
    while True:
        yield Sheet(name, chain([heading], begun, islice(rest, ROWS - 1 - len(begun))))
        begun = list(islice(rest, 1))
        if not begun:
            return


def _is_formula(text: str) -> bool:
    """Whether a program may take it for one, white space before its sign left aside."""
    return text.lstrip(" \n\u00a0").startswith(_FORMULA)


def safe_text(text: str) -> str:
    """A cell of CSV that no program takes for a formula: what would be one is led by an apostrophe (OWASP)."""
    return f"'{text}" if _is_formula(text) else text


def csv_file(rows: Iterable[Sequence[Value]]) -> bytes:
    """The table as CSV (RFC 4180), semicolons, in UTF-8 with a byte order mark, as Excel opens it here."""
    return b"".join(csv_pieces(rows))


def csv_pieces(rows: Iterable[Sequence[Value]]) -> Iterator[bytes]:
    """`csv_file` piece by piece, each of about PIECE characters."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    yield b"\xef\xbb\xbf"
    for row in rows:
        writer.writerow([safe_text("" if value is None else str(value)) for value in row])
        if out.tell() >= PIECE:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def _entry(path: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _names(wanted: list[str]) -> list[str]:
    """Names the format takes: without its signs, 31 characters, no two alike."""
    taken: list[str] = []
    for number, name in enumerate(wanted, start=1):
        clean = _IN_NAMES.sub(" ", name).strip(" '")[:NAME].strip(" '") or str(number)
        if clean.casefold() in {name.casefold() for name in taken}:
            mark = f" ({number})"
            clean = clean[: NAME - len(mark)] + mark
        taken.append(clean)
    return taken


def _fixed_parts(names: list[str]) -> dict[str, str]:
    numbers = range(1, len(names) + 1)
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_SHEET_TYPE}.worksheet+xml"/>' for n in numbers
    )
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>' for n, name in zip(numbers, names, strict=True)
    )
    related = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    styles = f'<Relationship Id="rId{len(names) + 1}" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    return {
        "[Content_Types].xml": f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_SHEET_TYPE}.styles+xml"/>{overrides}</Types>',
        "_rels/.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{related}{styles}'
        "</Relationships>",
        "xl/styles.xml": _STYLES,
    }


def _sheet(sheet: Sheet, *, chosen: bool) -> Iterator[str]:
    rows = iter(sheet.rows)
    first = list(islice(rows, LOOKED_AT))
    yield f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0"'
    yield ' tabSelected="1">' if chosen else ">"
    yield '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
    if widths := _widths(first):
        columns = (f'<col min="{n}" max="{n}" width="{w}" customWidth="1"/>' for n, w in enumerate(widths, start=1))
        yield f"<cols>{''.join(columns)}</cols>"
    yield "<sheetData>"
    number = 0
    for part in (first, rows):
        for row in part:
            number += 1
            if number > ROWS:
                raise ValueError(f"Sheet {sheet.name!r} has more than {ROWS} rows.")
            yield f'<row r="{number}">{"".join(_cell(value, sheet, number) for value in row)}</row>'
    yield "</sheetData></worksheet>"


def _widths(rows: list[Sequence[Value]]) -> list[int]:
    columns = max((len(row) for row in rows), default=0)
    longest = [max((len(str(row[n])) for row in rows if n < len(row)), default=0) for n in range(columns)]
    return [min(max(length + 2, NARROWEST), WIDEST) for length in longest]


def _cell(value: Value, sheet: Sheet, row: int) -> str:
    heading = row == 1
    if value is None or value == "":
        return "<c/>"
    if isinstance(value, (date, datetime)) and not heading:
        style, number = _serial(value)
        return f'<c s="{style}"><v>{number}</v></c>'
    if isinstance(value, bool) and not heading:
        return f'<c t="b"><v>{value:d}</v></c>'
    if isinstance(value, (int, float, Decimal)) and not heading and -EXACT < value < EXACT:
        return f"<c><v>{value}</v></c>"
    text = _UNHEARD.sub("\ufffd", str(value))
    if len(text) > CHARACTERS:
        raise ValueError(f"Sheet {sheet.name!r}, row {row}: a text is longer than {CHARACTERS} characters.")
    style = _HEADING if heading else _QUOTED if _is_formula(text) else _TEXT
    # a bare return would be read as the end of a line
    safe = escape(text, {"\r": "&#13;"})
    return f'<c t="inlineStr" s="{style}"><is><t xml:space="preserve">{safe}</t></is></c>'


def _serial(value: date) -> tuple[int, str]:
    """Days since the format's beginning, and the style that shows them as a day or a moment."""
    day = value.toordinal() - _ZERO
    if not isinstance(value, datetime):
        return _DAY, str(day)
    local = timezone.make_naive(value) if timezone.is_aware(value) else value
    seconds = local.hour * 3600 + local.minute * 60 + local.second
    return _MOMENT, f"{local.toordinal() - _ZERO + seconds / 86400:.10f}"
