"""Reading a file of data subjects: everything is checked and every fault is told before anything is written.

The file: CSV in UTF-8 (with a byte order mark or without), separated by comma, semicolon or tab, one line a person,
the first line names the columns in any of three languages (`csv_file.HEADERS`). Only `client_number` must be there
and must be filled; an empty cell elsewhere means "unknown". `iin`, names, `phone`, `email` go by `identifiers`;
`birth_date` (2001-02-28 or 28.02.2001) is checked against the IIN; `language` is kk, ru, en; `kind` of SubjectKind.

A fault names the line, the column and the reason, never the value: it is kept and shown (DESIGN 8).
"""

import codecs
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import BinaryIO, NamedTuple, TypeVar

from django.core.exceptions import ValidationError

from staff.enums import Language
from subjects import identifiers
from subjects.csv_file import HEADERS, File, WholeFile
from subjects.csv_problems import RowProblem
from subjects.csv_seen import Seen, unique
from subjects.enums import Standing, SubjectKind

BATCH = 2000
MOST_CELL = 300
MOST_PROBLEMS = 1_000
OLDEST_BIRTH = date(1880, 1, 1)
CLIENT_NUMBER_LENGTH = 40

LANGUAGES = tuple(Language.values)
KINDS = tuple(SubjectKind.values)
CUSTOMER, MINOR, ORDINARY = SubjectKind.CUSTOMER.value, Standing.MINOR.value, Standing.ORDINARY.value
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


class Looked(NamedTuple):
    """What is known of some good rows beyond the file: problems, {number: the row as it may come in}, warnings."""

    problems: list[RowProblem] = []
    changed: dict[int, SubjectRow] = {}
    warnings: list[RowProblem] = []


Look = Callable[[Sequence[SubjectRow]], Looked]


@dataclass(slots=True)
class Checked:
    """What a file holds: the good rows, and what is wrong, in the order of the file.

    No row of a file that fails as a whole (not UTF-8, a wrong header) is good. Of problems and of warnings at most
    MOST_PROBLEMS are kept each; `more_problems`, `more_warnings` count the rest. `total`: rows read, good and bad.
    The rows of a file are read from it anew whenever they are gone through: its stream stays open until then.
    """

    rows: Sequence[SubjectRow] = ()
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


def check(stream: BinaryIO, *, today: date, language: str = "kk", look: Look | None = None) -> Checked:
    """Check a whole file and tell every fault in one go; nothing is written anywhere.

    `stream`: seekable, read from its beginning, left open. `today`: the day ages and future dates are reckoned by.
    `language`: of people whose row names none. `look`: asked about every BATCH of good rows what is known of them
    beyond the file. Two rows with one client number or one IIN are both bad, since nobody can tell which is right.
    Memory: 17 bytes a row and what is wrong. No exception for a bad file.
    """
    checked = Checked()
    try:
        _check(File(stream), checked, today, language, look)
    except WholeFile as error:
        checked.rows = ()
        checked.problems.insert(0, error.problem)
    checked.problems.sort(key=lambda problem: problem.row)
    return checked


def check_one(cells: Mapping[str, str], *, today: date, language: str = "kk") -> Checked:
    """Check one person told otherwise than in a file, by the same rules; columns are called as in HEADERS.

    `cells`: {column: text}, with `client_number`. `rows` of the answer holds the person unless there are `problems`.
    """
    reading = _Reading(0, {name: name for name in HEADERS}, dict(cells), today)
    row = reading.row(language)
    good = () if reading.problems else (row,)
    return Checked(rows=good, problems=reading.problems, warnings=reading.warnings, total=1)


def _check(file: File, checked: Checked, today: date, language: str, look: Look | None) -> None:
    for problem in file.problems:
        checked.add_problem(problem)
    seen, good = Seen(), GoodRows(file, today, language)
    batch: list[SubjectRow] = []
    for number, cells, malformed in file.rows():
        checked.total += 1
        if malformed:
            checked.add_problem(malformed)
            good.bad.add(number)
            good.normal.append(False)
            continue
        reading = _Reading(number, file.labels, cells, today)
        row = reading.row(language)
        good.normal.append(_is_normal(row, cells))
        seen.add(row)
        for problem in reading.problems:
            checked.add_problem(problem)
        for warning in reading.warnings:
            checked.add_warning(warning)
        if reading.problems or file.problems:
            good.bad.add(number)
        elif look is not None:
            batch.append(row)
            if len(batch) == BATCH:
                _look(batch, look, good, checked)
                batch = []
    if batch and look is not None:
        _look(batch, look, good, checked)
    if doubled := seen.doubled():
        _refuse_doubled(file, doubled, good, checked, today, language)
    good.count = checked.total - len(good.bad)
    checked.rows = good if good.count else ()


def _look(batch: list[SubjectRow], look: Look, good: "GoodRows", checked: Checked) -> None:
    found = look(batch)
    for problem in found.problems:
        checked.add_problem(problem)
        good.bad.add(problem.row)
    for warning in found.warnings:
        checked.add_warning(warning)
    good.changed.update(found.changed)


def _refuse_doubled(
    file: File, doubled: set[int], good: "GoodRows", checked: Checked, today: date, language: str
) -> None:
    """Read the file once more for the rows that share a value: a hash told that some do, the value tells which."""
    first: dict[tuple[str, str], int] = {}
    told: set[tuple[str, int]] = set()
    for number, cells, malformed in file.rows():
        if malformed:
            continue
        for column, value in unique(_Reading(number, file.labels, cells, today).row(language)):
            if not value or hash((column, value)) not in doubled:
                continue
            other = first.setdefault((column, value), number)
            if other == number:
                continue
            code, label = f"same_{column}", file.labels[column]
            checked.add_problem(RowProblem(number, label, code, {"row": other}))
            if (column, other) not in told:
                told.add((column, other))
                checked.add_problem(RowProblem(other, label, code, {"row": number}))
            good.bad |= {number, other}


def _is_normal(row: SubjectRow, cells: Mapping[str, str]) -> bool:
    """Whether the cells say the row as it is, so that nothing need be made of them a second time."""
    if not row.iin and cells.get("birth_date"):
        return False
    of = cells.get
    return (
        (
            of("client_number", ""), of("iin", ""), of("last_name", ""), of("first_name", ""), of("patronymic", ""),
            of("phone", ""), of("email", ""), of("language") or row.language, of("kind") or row.kind,
        )
        == (
            row.client_number, row.iin, row.last_name, row.first_name, row.patronymic, row.phone, row.email,
            row.language, row.kind,
        )
    )  # fmt: skip


class GoodRows(Sequence[SubjectRow]):
    """The good rows of a checked file, read from it anew by whoever goes through them: none is kept in memory.

    normal: of every row read, whether its cells are in their normal form; those are not normalised again.
    """

    def __init__(self, file: File, today: date, language: str) -> None:
        self.file, self.today, self.language = file, today, language
        self.count = 0
        self.bad: set[int] = set()
        self.changed: dict[int, SubjectRow] = {}
        self.normal = bytearray()

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[SubjectRow]:
        if not self.count:
            return
        read = 0
        for (number, cells, _malformed), normal in zip(self.file.rows(), self.normal, strict=False):
            if number in self.bad:
                continue
            read += 1
            if row := self.changed.get(number):
                yield row
            elif normal:
                yield self._as_it_is(number, cells)
            else:
                reading = _Reading(number, self.file.labels, cells, self.today)
                row = reading.row(self.language)
                if reading.problems:
                    raise Changed
                yield row
        if read != self.count:
            raise Changed

    def _as_it_is(self, number: int, cells: Mapping[str, str]) -> SubjectRow:
        of = cells.get
        iin, language, kind = of("iin", ""), of("language", ""), of("kind", "")
        born = identifiers.born_of(iin) if iin else None
        minor = born is not None and not identifiers.is_adult(born, self.today)
        return SubjectRow(
            number,
            cells["client_number"],
            iin,
            born,
            of("last_name", ""),
            of("first_name", ""),
            of("patronymic", ""),
            of("phone", ""),
            of("email", ""),
            language or self.language,
            kind or CUSTOMER,
            MINOR if minor else ORDINARY,
            STATED[bool(language), bool(kind)],
        )

    def __getitem__(self, index):
        if isinstance(index, slice):
            return list(self)[index]
        return next(islice(self, index, None)) if index >= 0 else list(self)[index]


class Changed(Exception):
    """The file is another than the one that was checked: nothing of it is written."""

    def __init__(self) -> None:
        super().__init__("The file changed while it was read.")


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
        stated = {
            name: text if (text := self.cells.get(name)) in allowed else self._choice(name, allowed)
            for name, allowed in (("language", LANGUAGES), ("kind", KINDS))
        }
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
        text = self.cells.get(column)
        if not text or not (text := text.strip()):
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
        return self._read(column, identifiers.normalise_name) or ""

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
