"""The form of a file of rows: its encoding, separator, header and lines; what cells mean is their owner's matter."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from typing import BinaryIO

from subjects.csv_problems import RowProblem

MOST_BYTES = 200 * 1024 * 1024
MOST_ROWS = 2_000_000
MOST_LINE = 10_000
BLANK = ',;\t\r " \u00a0'
NOT_UTF8 = re.compile("[\udc80-\udcff]")

# {column: {language: names it is known by}}; the first of each language stands in the template
Headers = dict[str, dict[str, tuple[str, ...]]]
HEADERS: Headers = {
    "client_number": {
        "en": ("client number", "client no", "client id", "customer number"),
        "ru": ("номер клиента", "№ клиента", "код клиента"),
        "kk": ("клиент нөмірі", "клиенттің нөмірі", "клиент коды"),
    },
    "iin": {"en": ("IIN",), "ru": ("ИИН",), "kk": ("ЖСН",)},
    "last_name": {"en": ("last name", "surname"), "ru": ("фамилия",), "kk": ("тегі",)},
    "first_name": {"en": ("first name", "given name"), "ru": ("имя",), "kk": ("аты",)},
    "patronymic": {"en": ("patronymic", "middle name"), "ru": ("отчество",), "kk": ("әкесінің аты",)},
    "phone": {
        "en": ("phone", "mobile phone", "phone number"),
        "ru": ("телефон", "мобильный телефон", "номер телефона"),
        "kk": ("телефон", "ұялы телефон", "телефон нөмірі"),
    },
    "email": {
        "en": ("e-mail", "e-mail address"),
        "ru": ("электронная почта", "эл. почта", "почта", "адрес электронной почты"),
        "kk": ("электрондық пошта", "пошта", "электрондық пошта мекенжайы"),
    },
    "language": {"en": ("language",), "ru": ("язык", "язык писем"), "kk": ("тіл", "тілі", "хат тілі")},
    "kind": {"en": ("kind", "kind of subject"), "ru": ("вид", "вид субъекта"), "kk": ("түрі", "субъект түрі")},
    "birth_date": {
        "en": ("birth date", "date of birth"),
        "ru": ("дата рождения",),
        "kk": ("туған күні", "туған күн"),
    },
}


class WholeFile(Exception):
    """The file as a whole cannot be read on."""

    def __init__(self, row: int, code: str, **params: str | int) -> None:
        self.problem = RowProblem(row, "", code, params)


class File:
    """A file whose header was read: its columns, and the cells of its rows."""

    def __init__(
        self,
        stream: BinaryIO,
        headers: Headers = HEADERS,
        required: tuple[str, ...] = ("client_number",),
        *,
        most_rows: int | None = None,
    ) -> None:
        self.stream, self.most_rows = stream, most_rows or MOST_ROWS
        self.headers, self.names = headers, _names(headers)
        self.columns: list[str | None] = []
        # {column: as it stands in the file}
        self.labels: dict[str, str] = {}
        self.problems: list[RowProblem] = []
        if stream.seek(0, io.SEEK_END) > MOST_BYTES:
            raise WholeFile(1, "file_size", megabytes=MOST_BYTES // 1024 // 1024)
        _number, header = next(self._lines(), (1, ""))
        if not header.strip(BLANK):
            raise WholeFile(1, "file_empty")
        self.delimiter = max(",;\t", key=lambda sign: len(self._known(_header_cells(header, sign))))
        cells = _header_cells(header, self.delimiter)
        if not self._known(cells):
            raise WholeFile(1, "header_unnamed")
        for index, cell in enumerate(cells, start=1):
            self._add_column(cell, index)
        for name in required:
            if name not in self.labels:
                self.problems.append(RowProblem(1, "", "header_missing", {"name": name}))

    def _known(self, cells: list[str]) -> list[str]:
        return [cell for cell in cells if _simple(cell) in self.names]

    def _add_column(self, cell: str, index: int) -> None:
        column = self.names.get(_simple(cell))
        if column is None:
            # where the header is missing in part, its cell may be somebody's value: then its place is told
            label = cell.strip() if re.fullmatch(r"\s*[^\W\d_][^@0-9]{0,39}", cell) else f"#{index}"
            self.problems.append(RowProblem(1, label, "header_unknown", {"allowed": ", ".join(self.headers)}))
        elif column in self.labels:
            self.problems.append(RowProblem(1, cell.strip(), "header_twice", {}))
            column = None
        else:
            self.labels[column] = cell.strip()
        self.columns.append(column)

    def _lines(self) -> Iterator[tuple[int, str]]:
        """(number, line) of every line; of one that is too long, its beginning. Raises WholeFile where UTF-8 ends."""
        self.stream.seek(0)
        # bytes that are not UTF-8 become lone surrogates, which no UTF-8 holds: so their line is known
        text = io.TextIOWrapper(self.stream, encoding="utf-8-sig", errors="surrogateescape")
        try:
            number = 0
            while line := text.readline(MOST_LINE + 1):
                number += 1
                if not line.isascii() and NOT_UTF8.search(line):
                    raise WholeFile(number, "file_encoding")
                yield number, line.rstrip("\n")
                while len(line) > MOST_LINE and not line.endswith("\n"):
                    line = text.readline(MOST_LINE + 1)
        finally:
            text.detach()

    def rows(self) -> Iterator[tuple[int, dict[str, str], RowProblem | None]]:
        """(number, {column: cell}, what is wrong with its form) of every line with something in it."""
        lines = self._lines()
        next(lines)
        width = len(self.columns)
        count = 0
        for number, line in lines:
            if not line.strip(BLANK):
                continue
            count += 1
            if count > self.most_rows:
                raise WholeFile(number, "file_rows", count=self.most_rows)
            if len(line) > MOST_LINE:
                yield number, {}, RowProblem(number, "", "row_long", {"count": MOST_LINE})
                continue
            try:
                cells = _split(line, self.delimiter)
            except csv.Error:
                yield number, {}, RowProblem(number, "", "row_quotes", {})
                continue
            while len(cells) > width and not cells[-1].strip():
                cells.pop()
            if len(cells) != width:
                yield number, {}, RowProblem(number, "", "row_cells", {"count": len(cells), "expected": width})
                continue
            yield number, {column: cell for column, cell in zip(self.columns, cells, strict=True) if column}, None


def _split(line: str, delimiter: str) -> list[str]:
    """The cells of one line. A line at a time, so that an unclosed quotation mark spoils no other. Raises csv.Error."""
    return next(csv.reader((line,), delimiter=delimiter, strict=True))


def _header_cells(line: str, delimiter: str) -> list[str]:
    try:
        cells = _split(line, delimiter)
    except csv.Error:
        return []
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def _simple(header: str) -> str:
    """A header without case, spaces and signs: "E-Mail " is "email"."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", header).casefold())


def _names(headers: Headers) -> dict[str, str]:
    """{simplified name: column}; a column is also known by its own code."""
    return {
        _simple(name): column
        for column, by_language in headers.items()
        for name in (column, *(name for names in by_language.values() for name in names))
    }
