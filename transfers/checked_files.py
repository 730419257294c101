"""What a file of rows holds once it was checked whole, as a run of it keeps it (subjects.runs)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import Any, TypeVar

from subjects.csv_problems import RowProblem

MOST_PROBLEMS = 1000
BATCH = 1000
Item = TypeVar("Item")


def in_batches(items: Iterable[Item], size: int = BATCH) -> Iterator[list[Item]]:
    """The items, `size` at a time."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


@dataclass(slots=True)
class Checked:
    """Good rows, faults in the order of the file (at most MOST_PROBLEMS), rows in all; nothing is worth a warning."""

    # a list, or what reads them from the file again
    rows: Any = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    warnings: list[RowProblem] = field(default_factory=list)
    more_problems: int = 0
    more_warnings: int = 0
    total: int = 0

    def refuse(self, problem: RowProblem) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        else:
            self.more_problems += 1


def template(headers: dict[str, dict[str, tuple[str, ...]]], language: str) -> bytes:
    """An empty file with the headers of `language` (kk, ru, en), as Excel opens it: UTF-8 with a byte order mark."""
    return ("\ufeff" + ";".join(names[language][0] for names in headers.values()) + "\r\n").encode()


def day_of(text: str) -> date | None:
    """A day as 2026-03-06 or 06.03.2026; None for anything else."""
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007
        except ValueError:
            continue
    return None
