"""Reading a file of data subjects: everything is checked and every fault is told before anything is written.

The file: CSV in UTF-8 (with a byte order mark or without), separated by comma, semicolon or tab, one line a person,
the first line names the columns in any of three languages (`csv_file.HEADERS`). Only `client_number` must be there
and must be filled; an empty cell elsewhere means "unknown". `iin`, names, `phone`, `email` go by `identifiers`;
`birth_date` (2001-02-28 or 28.02.2001) is checked against the IIN; `language` is kk, ru, en; `kind` of SubjectKind.

A fault names the line, the column and the reason, never the value: it is kept and shown (DESIGN 8).
"""

import codecs
import sys
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import BinaryIO, NamedTuple, TypeVar

from django.core.exceptions import ValidationError

from staff.enums import Language
from subjects import identifiers
from subjects.csv_file import HEADERS, File, WholeFile
from subjects.csv_problems import RowProblem
from subjects.enums import Standing, SubjectKind

MOST_CELL = 300
MOST_PROBLEMS = 1_000
OLDEST_BIRTH = date(1880, 1, 1)
CLIENT_NUMBER_LENGTH = 40

LANGUAGES = tuple(Language.values)
KINDS = tuple(SubjectKind.values)
# one tuple of each serves two million rows
STATED = {
    (True, True): ("language", "kind"),
    (True, False): ("language",),
    (False, True): ("kind",),
    (False, False): (),
}

Read = TypeVar("Read")


class SubjectRow(NamedTuple):
    """A row that may be imported; `number` is its line. Empty text and None mean "unknown".

    `stated`: which of language and kind the row itself names. The others are defaults for a new person, and no reason
    to change one we know.
    """

    number: int
    client_number: str
    iin: str
    born: date | None
    last_name: str
    first_name: str
    patronymic: str
    phone: str
    email: str
    language: str
    kind: str
    standing: str
    stated: tuple[str, ...] = ()


@dataclass(slots=True)
class Checked:
    """What a file holds: the good rows, and what is wrong, in the order of the file.

    No row of a file that fails as a whole (not UTF-8, a wrong header) is good. Of problems and of warnings at most
    MOST_PROBLEMS are kept each; `more_problems`, `more_warnings` count the rest. `total`: rows read, good and bad.
    """

    rows: list[SubjectRow] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    warnings: list[RowProblem] = field(default_factory=list)
    more_problems: int = 0
    more_warnings: int = 0
    total: int = 0

    def add_problem(self, problem: RowProblem) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        else:
            self.more_problems += 1

    def add_warning(self, warning: RowProblem) -> None:
        if len(self.warnings) < MOST_PROBLEMS:
            self.warnings.append(warning)
        else:
            self.more_warnings += 1


def template(language: str) -> bytes:
    """An empty file with the headers of `language` (kk, ru, en), as Excel opens it: UTF-8 with a byte order mark."""
    names = [names[language][0] for names in HEADERS.values()]
    return codecs.BOM_UTF8 + (";".join(names) + "\r\n").encode()


def check(stream: BinaryIO, *, today: date, language: str = "kk") -> Checked:
    """Check a whole file and tell every fault in one go; nothing is written anywhere.

    `stream`: seekable, read from its beginning, left open. `today`: the day ages and future dates are reckoned by.
    `language`: of people whose row names none. Two rows with one client number or one IIN are both bad, since
    nobody can tell which is right. Memory: about 0.6 kB a good row. No exception for a bad file.
    """
    checked = Checked()
    try:
        _check(File(stream), checked, today, language)
    except WholeFile as error:
        checked.rows = []
        checked.problems.insert(0, error.problem)
    checked.problems.sort(key=lambda problem: problem.row)
    return checked


def check_one(cells: Mapping[str, str], *, today: date, language: str = "kk") -> Checked:
    """Check one person told otherwise than in a file, by the same rules; columns are called as in HEADERS.

    `cells`: {column: text}, with `client_number`. `rows` of the answer holds the person unless there are `problems`.
    """
    reading = _Reading(0, {name: name for name in HEADERS}, dict(cells), today)
    row = reading.row(language)
    good = [] if reading.problems else [row]
    return Checked(rows=good, problems=reading.problems, warnings=reading.warnings, total=1)


def _check(file: File, checked: Checked, today: date, language: str) -> None:
    for problem in file.problems:
        checked.add_problem(problem)
    seen: dict[str, dict[str, int]] = {"client_number": {}, "iin": {}}
    doubled: set[tuple[str, int]] = set()
    for number, cells, malformed in file.rows():
        checked.total += 1
        if malformed:
            checked.add_problem(malformed)
            continue
        reading = _Reading(number, file.labels, cells, today)
        row = reading.row(language)
        for column, value in (("client_number", row.client_number.casefold()), ("iin", row.iin)):
            if value and (other := seen[column].setdefault(value, number)) != number:
                reading.refuse(column, f"same_{column}", row=other)
                if (column, other) not in doubled:
                    doubled.add((column, other))
                    label = file.labels[column]
                    checked.add_problem(RowProblem(other, label, f"same_{column}", {"row": number}))
        for problem in reading.problems:
            checked.add_problem(problem)
        for warning in reading.warnings:
            checked.add_warning(warning)
        if not reading.problems and not file.problems:
            checked.rows.append(row)
    if doubled:
        bad = {number for _column, number in doubled}
        checked.rows = [row for row in checked.rows if row.number not in bad]


class _Reading:
    """One row being read: what its cells mean, and what is wrong with them."""

    def __init__(self, number: int, labels: dict[str, str], cells: dict[str, str], today: date) -> None:
        self.number = number
        self.labels = labels
        self.cells = cells
        self.today = today
        self.problems: list[RowProblem] = []
        self.warnings: list[RowProblem] = []

    def refuse(self, column: str, code: str, **params: str | int) -> None:
        self.problems.append(RowProblem(self.number, self.labels[column], code, params))

    def warn(self, column: str, code: str) -> None:
        self.warnings.append(RowProblem(self.number, self.labels[column], code, {}))

    def row(self, language: str) -> SubjectRow:
        """The row; without `problems` it is good."""
        iin = self._read("iin", lambda text: identifiers.normalise_iin(text, on=self.today))
        phone = self._read("phone", identifiers.normalise_phone)
        for code in phone.warnings if phone else ():
            self.warn("phone", code)
        born = self._read("birth_date", self._birth_date)
        if iin and born and iin.born != born:
            self.refuse("birth_date", "birth_date_iin")
        born = iin.born if iin else born
        minor = born is not None and not identifiers.is_adult(born, self.today)
        if minor:
            self.warn("iin" if iin else "birth_date", "minor")
        client_number = self._read("client_number", _client_number) or ""
        if not self.cells.get("client_number", "x").strip():
            self.refuse("client_number", "client_number_empty")
        stated = {name: self._choice(name, allowed) for name, allowed in (("language", LANGUAGES), ("kind", KINDS))}
        return SubjectRow(
            number=self.number,
            client_number=client_number,
            iin=iin.number if iin else "",
            born=born,
            last_name=self._name("last_name"),
            first_name=self._name("first_name"),
            patronymic=self._name("patronymic"),
            phone=phone.number if phone else "",
            email=self._read("email", identifiers.normalise_email) or "",
            language=stated["language"] or language,
            kind=stated["kind"] or SubjectKind.CUSTOMER.value,
            standing=Standing.MINOR.value if minor else Standing.ORDINARY.value,
            stated=STATED[bool(stated["language"]), bool(stated["kind"])],
        )

    def _read(self, column: str, normalise: Callable[[str], Read]) -> Read | None:
        """What `normalise` makes of the cell; None for an empty, a missing and a bad one."""
        text = self.cells.get(column, "").strip()
        if not text:
            return None
        if len(text) > MOST_CELL:
            self.refuse(column, "cell_long", count=MOST_CELL)
            return None
        if "\0" in text:
            self.refuse(column, "cell_nul")
            return None
        try:
            return normalise(text)
        except ValidationError as error:
            self.refuse(column, str(error.code), **(error.params or {}))
            return None

    def _name(self, column: str) -> str:
        # names repeat: one copy of each serves two million rows
        return sys.intern(self._read(column, identifiers.normalise_name) or "")

    def _choice(self, column: str, allowed: tuple[str, ...]) -> str | None:
        def choose(text: str) -> str:
            for value in allowed:
                if text.casefold() == value:
                    return value
            raise ValidationError("", code="not_allowed", params={"allowed": ", ".join(allowed)})

        return self._read(column, choose)

    def _birth_date(self, text: str) -> date:
        for form in ("%Y-%m-%d", "%d.%m.%Y"):
            try:
                born = datetime.strptime(text, form).date()  # noqa: DTZ007
            except ValueError:
                continue
            if not OLDEST_BIRTH <= born <= self.today:
                raise ValidationError("", code="birth_date_range")
            return born
        raise ValidationError("", code="birth_date_format")


def _client_number(text: str) -> str:
    number = unicodedata.normalize("NFKC", text).strip()
    if not number.isprintable() or len(number) > CLIENT_NUMBER_LENGTH:
        raise ValidationError("", code="client_number_characters", params={"count": CLIENT_NUMBER_LENGTH})
    return number
