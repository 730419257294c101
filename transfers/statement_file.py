"""A recipient's statement: what it says it got from us, a line a transfer, named by our number, its own, or the IIN."""

from collections.abc import Collection, Iterator
from datetime import date
from typing import BinaryIO, NamedTuple
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from subjects import search
from subjects.csv_file import File, Headers, WholeFile
from subjects.csv_problems import REASONS, RowProblem
from subjects.enums import IndexKind
from subjects.models import DataCategory
from transfers.checked_files import Checked, day_of, template
from transfers.models import Reconciliation

HEADERS: Headers = {
    "transfer": {
        "en": ("transfer", "transfer id"),
        "ru": ("передача", "номер передачи"),
        "kk": ("беру", "беру нөмірі"),
    },
    "reference": {
        "en": ("their reference", "reference"),
        "ru": ("номер получателя", "ваш номер"),
        "kk": ("алушының нөмірі",),
    },
    "iin": {"en": ("IIN",), "ru": ("ИИН",), "kk": ("ЖСН",)},
    "date": {"en": ("date",), "ru": ("дата",), "kk": ("күні",)},
    "categories": {
        "en": ("categories", "data"),
        "ru": ("категории", "данные"),
        "kk": ("санаттар", "деректер"),
    },
}
REQUIRED = ("date",)
REASONS.update(
    {
        "statement_unnamed": _("The row names no transfer: fill in our number, the recipient's own, or the IIN."),
        "statement_transfer": _("This is no number of a transfer of ours. Copy it from the register, or leave it out."),
        "statement_date_empty": _("The date is empty. Fill it in."),
        "statement_outside": _("The day lies outside the period of the reconciliation."),
        "statement_category": _("Not on the list of personal data. Write codes or names, with commas between them."),
    }
)


class StatementRow(NamedTuple):
    """A line. iin: its digest; former: the one of a number that was corrected; categories: None when none are named."""

    number: int
    transfer: UUID | None
    reference: str
    iin: bytes | None
    day: date
    categories: frozenset[str] | None
    former: bytes | None = None


def empty_file(language: str) -> bytes:
    """The file to fill in."""
    return template(HEADERS, language)


def examine(stream: BinaryIO, run: Reconciliation) -> Checked:
    """Check a whole file; good rows are laid beside the register, bad ones are told. Nothing is written.

    The good rows are read from the file again when they are asked for: two million of them are never in memory.
    """
    checked = Checked()
    try:
        file = File(stream, HEADERS, REQUIRED)
        for problem in file.problems:
            checked.refuse(problem)
        reader, good = _Reader(file.labels, run), 0
        for number, cells, malformed in file.rows():
            checked.total += 1
            row, problems = (None, [malformed]) if malformed else reader.read(number, cells)
            for problem in problems:
                checked.refuse(problem)
            good += row is not None
        if not file.problems:
            checked.rows = _Good(file, reader, good)
    except WholeFile as error:
        checked.problems.insert(0, error.problem)
    checked.problems.sort(key=lambda problem: problem.row)
    return checked


class _Good(Collection[StatementRow]):
    """The good rows of a file that was read to its end before, in its order."""

    def __init__(self, file: File, reader: "_Reader", count: int) -> None:
        self.file, self.reader, self.count = file, reader, count

    def __len__(self) -> int:
        return self.count

    def __contains__(self, row: object) -> bool:
        return any(row == one for one in self)

    def __iter__(self) -> Iterator[StatementRow]:
        for number, cells, malformed in self.file.rows():
            row = None if malformed else self.reader.read(number, cells)[0]
            if row is not None:
                yield row


class _Reader:
    """Reads rows; the list of categories is short and loaded once."""

    def __init__(self, labels: dict[str, str], run: Reconciliation) -> None:
        self.labels, self.run = labels, run
        self.categories: dict[str, str] = {}
        for row in DataCategory.objects.all():
            for name in (row.code, row.title_kk, row.title_ru, row.title_en):
                if name:
                    self.categories[name.casefold()] = row.code

    def read(self, number: int, cells: dict[str, str]) -> tuple[StatementRow | None, list[RowProblem]]:
        """The row, or what is wrong with it."""
        problems: list[RowProblem] = []

        def refuse(column: str, code: str, **params: str | int) -> None:
            problems.append(RowProblem(number, self.labels.get(column, ""), code, params))

        told = {column: cells.get(column, "").strip() for column in HEADERS}
        transfer, iin, former = None, None, None
        if told["transfer"]:
            try:
                transfer = UUID(told["transfer"])
            except ValueError:
                refuse("transfer", "statement_transfer")
        if told["iin"]:
            try:
                normal = search.normalise(IndexKind.IIN, told["iin"])
            except ValidationError as error:
                refuse("iin", str(error.code), **dict(error.params or {}))
            else:
                iin, former = (search.digest_of_normal(k, normal) for k in (IndexKind.IIN, IndexKind.EVIDENCE_IIN))
        if not (told["transfer"] or told["reference"] or told["iin"]):
            refuse("", "statement_unnamed")
        day = day_of(told["date"])
        if not told["date"]:
            if "date" in self.labels:
                refuse("date", "statement_date_empty")
        elif day is None:
            refuse("date", "birth_date_format")
        elif not self.run.since <= day <= self.run.until:
            refuse("date", "statement_outside")
        categories = None
        if told["categories"]:
            names = [name.strip().casefold() for name in told["categories"].split(",") if name.strip()]
            if [name for name in names if name not in self.categories]:
                refuse("categories", "statement_category")
            categories = frozenset(self.categories[name] for name in names if name in self.categories)
        if problems or day is None:
            return None, problems
        return StatementRow(number, transfer, told["reference"], iin, day, categories, former), []
