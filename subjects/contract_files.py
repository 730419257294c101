"""Contracts from a CSV file, a line a contract: for the first day, and where the loan system has no connection.

Columns: `client_number`, `number`, `opened_on`, `state`, `since`. The same line again changes nothing.
"""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import BinaryIO, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from subjects import free_text, loans
from subjects.csv_file import File, Headers, WholeFile
from subjects.csv_problems import REASONS, RowProblem
from subjects.csv_rows import Checked
from subjects.importing import Progress, known_people
from subjects.models import Contract
from subjects.obligations import ContractState

BATCH = 2000
HEADERS: Headers = {
    "client_number": {
        "en": ("client number", "client no", "client id"),
        "ru": ("номер клиента", "№ клиента", "код клиента"),
        "kk": ("клиент нөмірі", "клиенттің нөмірі", "клиент коды"),
    },
    "number": {"en": ("contract number",), "ru": ("номер договора",), "kk": ("шарт нөмірі",)},
    "opened_on": {"en": ("opened on",), "ru": ("дата выдачи", "открыт"), "kk": ("берілген күні", "ашылған күні")},
    "state": {"en": ("state",), "ru": ("состояние",), "kk": ("күйі",)},
    "since": {"en": ("since",), "ru": ("с даты",), "kk": ("қай күннен",)},
}
REQUIRED = ("client_number", "number", "opened_on")
REASONS.update(free_text.MESSAGES)
REASONS.update(
    {
        "contract_number": _("A number of a contract has at most 40 characters, none invisible. Mend the cell."),
        "contract_since": _("A contract that is not just open says since when it stands so. Fill in the day."),
        "contract_order": _("The day it stands so since is before the day it was opened. Check both."),
        "contract_same": _("Row %(row)s has the same number. Keep one of the two."),
        "contract_taken": _("Another data subject has the contract with this number."),
        "contract_later": _("This contract changed later than that already."),
    }
)


class ContractRow(NamedTuple):
    """A row that may be imported; number: of the contract."""

    row: int
    client_number: str
    number: str
    opened_at: datetime
    state: str
    since: datetime


class Outcome(NamedTuple):
    """How many contracts are new, stand otherwise now, stood so already."""

    added: int
    changed: int
    unchanged: int


def template(language: str) -> bytes:
    """An empty file with the headers of `language` (kk, ru, en), as Excel opens it: UTF-8 with a byte order mark."""
    return ("\ufeff" + ";".join(names[language][0] for names in HEADERS.values()) + "\r\n").encode()


def examine(stream: BinaryIO) -> Checked:
    """Check a whole file against itself and the contracts we have; nothing is written. No exception for a bad file."""
    checked = Checked()
    try:
        _examine(File(stream, HEADERS, REQUIRED), checked)
    except WholeFile as error:
        checked.rows = ()
        checked.problems.insert(0, error.problem)
    checked.problems.sort(key=lambda problem: problem.row)
    return checked


def _examine(file: File, checked: Checked) -> None:
    for problem in file.problems:
        checked.add_problem(problem)
    good: list[ContractRow] = []
    seen: dict[str, int] = {}
    for number, cells, malformed in file.rows():
        checked.total += 1
        row, problems = (None, [malformed]) if malformed else _read(number, cells, file.labels)
        if row and (other := seen.setdefault(row.number, number)) != number:
            problems.append(RowProblem(number, file.labels["number"], "contract_same", {"row": other}))
        for problem in problems:
            checked.add_problem(problem)
        if row and not problems and not file.problems:
            good.append(row)
    kept: list[ContractRow] = []
    for start in range(0, len(good), BATCH):
        batch = good[start : start + BATCH]
        bad = set()
        for problem in _conflicts(batch, file.labels):
            checked.add_problem(problem)
            bad.add(problem.row)
        kept += [row for row in batch if row.row not in bad]
    checked.rows = kept


def _conflicts(batch: Sequence[ContractRow], labels: dict[str, str]) -> list[RowProblem]:
    people = known_people([row.client_number for row in batch])
    there = {row.number: row for row in Contract.objects.filter(number__in=[row.number for row in batch])}
    problems = []
    for row in batch:
        person, contract = people.get(row.client_number), there.get(row.number)
        if person is None:
            problems.append(RowProblem(row.row, labels["client_number"], "client_unknown", {}))
        elif contract and contract.subject_id != person.pk:
            problems.append(RowProblem(row.row, labels["number"], "contract_taken", {}))
        elif contract and contract.state != row.state and row.since < contract.state_since:
            problems.append(RowProblem(row.row, labels.get("since", ""), "contract_later", {}))
    return problems


def _read(number: int, cells: dict[str, str], labels: dict[str, str]) -> tuple[ContractRow | None, list[RowProblem]]:
    problems: list[RowProblem] = []

    def refuse(column: str, code: str, **params: object) -> None:
        problems.append(RowProblem(number, labels.get(column, column), code, params))

    values = {column: cells.get(column, "").strip() for column in HEADERS}
    for column in REQUIRED:
        if not values[column]:
            refuse(column, "cell_empty")
    contract = values["number"]
    if len(contract) > 40 or not contract.isprintable():
        refuse("number", "contract_number")
    for found in free_text.find_personal_data(contract):
        refuse("number", found.code, position=found.position)
    state = values["state"].casefold() or ContractState.OPENED.value
    if state not in ContractState.values:
        refuse("state", "not_allowed", allowed=", ".join(ContractState.values))
    elif state != ContractState.OPENED and not values["since"]:
        refuse("since", "contract_since")
    days = {column: _day(values[column], column, refuse) for column in ("opened_on", "since")}
    opened, since = days["opened_on"], days["since"] or days["opened_on"]
    if opened and since and since < opened:
        refuse("since", "contract_order")
    if problems or opened is None or since is None:
        return None, problems
    return ContractRow(number, values["client_number"], contract, opened, state, since), problems


def _day(text: str, column: str, refuse) -> datetime | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if "." not in text else date(*map(int, reversed(text.split("."))))
    except (ValueError, TypeError):
        refuse(column, "birth_date_format")
        return None
    if day > timezone.localdate():
        refuse(column, "day_future")
        return None
    if day.year < 1900:
        refuse(column, "birth_date_format")
        return None
    return timezone.make_aware(datetime.combine(day, time.min))


@transaction.atomic
def load(rows: Sequence[ContractRow], *, progress: Progress = lambda done, total: None) -> Outcome:
    """Write checked rows, all or none, by the service of the API, so that an obligation that ended releases what waits.

    Raises ValidationError when somebody changed a contract meanwhile. Cost: two to eight statements a contract.
    """
    added = changed = 0
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        people = known_people([row.client_number for row in batch])
        there = dict(Contract.objects.filter(number__in=[row.number for row in batch]).values_list("number", "state"))
        for row in batch:
            if row.client_number not in people:
                raise ValidationError(REASONS["client_unknown"])
            person, stood = people[row.client_number], there.get(row.number)
            if stood is None:
                loans.record_contract(subject=person, number=row.number, at=row.opened_at)
                added += 1
            elif stood != row.state:
                changed += 1
            if row.state != (stood or ContractState.OPENED):
                loans.record_contract(subject=person, number=row.number, state=row.state, at=row.since)
        progress(start + len(batch), len(rows))
    return Outcome(added, changed, len(rows) - added - changed)
