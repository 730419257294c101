"""The file of a batch: one contract a line, checked whole against what we hold; one bad row stops the file."""

from typing import BinaryIO, NamedTuple

from django.utils.translation import gettext_lazy as _

from subjects import search
from subjects.csv_file import File, Headers, WholeFile
from subjects.csv_problems import REASONS, RowProblem
from subjects.enums import IndexKind
from subjects.models import Contract
from transfers.checked_files import Checked, in_batches, template
from transfers.models.batches import STANDS, TransferBatch

HEADERS: Headers = {
    "contract": {
        "en": ("contract", "contract number", "contract no"),
        "ru": ("договор", "номер договора", "№ договора"),
        "kk": ("шарт", "шарт нөмірі", "шарттың нөмірі"),
    },
    "client_number": {
        "en": ("client number", "client no", "client id"),
        "ru": ("номер клиента", "№ клиента", "код клиента"),
        "kk": ("клиент нөмірі", "клиенттің нөмірі", "клиент коды"),
    },
}
REQUIRED = ("contract",)
# of one act: its rows are held at once while they are checked
MOST_ROWS = 100_000
REASONS.update(
    {
        "batch_contract_empty": _("The number of the contract is empty. Fill it in."),
        "batch_contract_unknown": _("We have no contract with this number. Check it."),
        "batch_contract_twice": _("Row %(row)s names the same contract. Keep one of the two."),
        "batch_contract_stands": _("The contract stands otherwise than this act needs. It may be: %(allowed)s."),
        "batch_other_client": _("The contract is not this client's. Check which of the two is right."),
    }
)


class ContractRow(NamedTuple):
    """A contract to ask the gate about, by keys alone: a file has many. number: its line. reference: the person's."""

    number: int
    contract_id: int
    subject_id: int
    reference: str


class _Told(NamedTuple):
    number: int
    contract: str
    client_number: str


def empty_file(language: str) -> bytes:
    """The file to fill in."""
    return template(HEADERS, language)


def examine(stream: BinaryIO, run: TransferBatch) -> Checked:
    """Check a whole file; rows only when none is bad: an act is of all its rows or of none. Nothing is written."""
    checked = Checked()
    try:
        _examine(File(stream, HEADERS, REQUIRED, most_rows=MOST_ROWS), checked, run)
    except WholeFile as error:
        checked.problems.insert(0, error.problem)
    checked.problems.sort(key=lambda problem: problem.row)
    if checked.problems:
        checked.rows = []
    return checked


def _examine(file: File, checked: Checked, run: TransferBatch) -> None:
    for problem in file.problems:
        checked.refuse(problem)
    label, seen, rows = file.labels.get("contract", ""), dict[str, int](), list[_Told]()
    for number, cells, malformed in file.rows():
        checked.total += 1
        contract = cells.get("contract", "").strip()
        if malformed:
            checked.refuse(malformed)
        elif not contract:
            if "contract" in file.labels:
                checked.refuse(RowProblem(number, label, "batch_contract_empty", {}))
        elif (other := seen.setdefault(contract, number)) != number:
            checked.refuse(RowProblem(number, label, "batch_contract_twice", {"row": other}))
        else:
            rows.append(_Told(number, contract, cells.get("client_number", "").strip()))
    for batch in in_batches(rows):
        _look_up(batch, checked, run, file.labels)


def _look_up(batch: list[_Told], checked: Checked, run: TransferBatch, labels: dict[str, str]) -> None:
    """Three statements a batch at most: contracts with their people, and whose the client numbers are."""
    rows = Contract.objects.filter(number__in=[told.contract for told in batch])
    found = {
        number: rest for number, *rest in rows.values_list("number", "state", "pk", "subject_id", "subject__reference")
    }
    digests = {told.number: search.digest(IndexKind.CLIENT_NUMBER, told.client_number) for told in batch if told[2]}
    keys = search.among(IndexKind.CLIENT_NUMBER, set(digests.values()))
    owners = {bytes(key.digest): key.subject_id for key in keys} if digests else {}
    stands = STANDS[run.kind]
    words = ", ".join(str(label) for value, label in Contract._meta.get_field("state").choices if value in stands)
    for told in batch:
        if told.contract not in found:
            checked.refuse(RowProblem(told.number, labels["contract"], "batch_contract_unknown", {}))
            continue
        state, pk, subject_id, reference = found[told.contract]
        if told.client_number and owners.get(digests[told.number]) != subject_id:
            checked.refuse(RowProblem(told.number, labels["client_number"], "batch_other_client", {}))
        elif state not in stands:
            checked.refuse(RowProblem(told.number, labels["contract"], "batch_contract_stands", {"allowed": words}))
        else:
            checked.rows.append(ContractRow(told.number, pk, subject_id, reference))
