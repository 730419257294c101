"""The API about who the people are: they are told of by client number, asked for by reference, never named in a URL."""

import re
from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Path, Router, Schema, Status
from pydantic import AwareDatetime

from staff.api import ApiKey
from staff.enums import Language, Scope
from staff.problems import FieldProblem, Problem, refusals
from staff.shapes import Line, Moment, Number, Strict
from subjects import csv_rows, importing, loans, search
from subjects.csv_problems import RowProblem
from subjects.enums import IndexKind, Standing, SubjectKind, stands
from subjects.identifiers import normalise_iin
from subjects.models import Application, Contract, DataSubject
from subjects.obligations import ApplicationState, ContractState

router = Router(tags=["Data subjects"])
JOB = "api"
# clocks of two systems differ; a state of tomorrow is a mistake
SKEW = timedelta(minutes=5)
# the first number of the advisory lock that keeps two systems from adding one person twice
_LOCKS = 0x4B5355
_REFERENCE = re.compile(r"[Ss]-([0-9]{6,15})")

Ref = Annotated[str, Path(description="The public id of the data subject (UUID) or the reference, S-000481.")]


class SubjectIn(Strict):
    """What a system knows of a person; a field that is absent or empty says nothing and changes nothing."""

    kind: Literal[*SubjectKind.values] | None = None
    language: Literal[*Language.values] | None = None
    iin: Line = ""
    last_name: Line = ""
    first_name: Line = ""
    patronymic: Line = ""
    phone: Line = ""
    email: Line = ""
    birth_date: Line = ""


class Remark(Schema):
    field: str
    code: str
    detail: str


class SubjectOut(Schema):
    id: UUID
    reference: str
    kind: Literal[*SubjectKind.values]
    standing: Literal[*Standing.values]
    language: Literal[*Language.values]


class UpsertedOut(SubjectOut):
    """`warnings` were no reason to refuse: a landline, a person under 18."""

    warnings: list[Remark]


class LookupIn(Strict):
    kind: Literal["iin", "phone", "email", "client_number", "contract"]
    value: Line


class FoundOut(Schema):
    found: list[SubjectOut]


class ApplicationIn(Strict):
    state: Literal[*ApplicationState.values]
    at: Moment | None = None


class ContractIn(Strict):
    state: Literal[*ContractState.values]
    at: Moment | None = None
    application: Number | None = None


class ObligationOut(Schema):
    """`open`: whether the contract holds back withdrawals bound to the loan (94-V art. 8(2))."""

    number: str
    state: str
    since: AwareDatetime
    open: bool


def find(ref: str) -> DataSubject:
    """The person with this public id or reference. Raises Problem."""
    subject = None
    if match := _REFERENCE.fullmatch(ref):
        subject = DataSubject.objects.filter(pk=int(match[1])).first()
    else:
        try:
            subject = DataSubject.objects.filter(public_id=UUID(ref)).first()
        except ValueError:
            pass
    if subject is None:
        raise Problem("subject_not_found")
    return subject


def subject_out(subject: DataSubject) -> dict[str, object]:
    """A person as the API names them: no value of theirs."""
    return {
        "id": subject.public_id,
        "reference": str(subject),
        "kind": subject.kind,
        "standing": stands(subject),
        "language": subject.language,
    }


def refuse_iin(field: str, *, text: str) -> None:
    """Refuse an IIN where it would stand in an address, which is logged. Raises Problem."""
    try:
        normalise_iin(text)
    except ValidationError:
        return
    sentence = _("This is an IIN. Addresses are written into logs: use the number your system gave the person.")
    raise Problem("invalid", errors=[FieldProblem(field, "iin_in_address", sentence)])


def not_ahead(at: Moment | None, *, field: str = "at") -> None:
    """Refuse a moment that is yet to come by more than clocks differ. Raises Problem."""
    if at is not None and at > timezone.now() + SKEW:
        raise Problem("invalid", errors=[FieldProblem(field, "future", _("This moment is in the future."))])


def _remark(problem: RowProblem) -> FieldProblem:
    return FieldProblem(problem.column, problem.code, problem.reason)


@router.post(
    "/subjects/lookup",
    auth=ApiKey(Scope.SUBJECTS_READ),
    response={200: FoundOut, **refusals()},
    summary="Find people by an identifier",
)
def lookup(request: HttpRequest, payload: LookupIn) -> dict[str, object]:
    """The identifier stands in the body, since addresses are logged. Nobody found is an empty list, not an error."""
    if payload.kind == "contract":
        people = DataSubject.objects.filter(contracts__number=payload.value)
    else:
        people = search.find(IndexKind(payload.kind), payload.value)
    return {"found": [subject_out(subject) for subject in people.order_by("pk")[:50]]}


@router.put(
    "/subjects/{client_number}",
    auth=ApiKey(Scope.SUBJECTS_WRITE),
    response={200: UpsertedOut, 201: UpsertedOut, **refusals(409)},
    summary="Add a person or bring them up to date",
)
def upsert_subject(request: HttpRequest, client_number: Number, payload: SubjectIn) -> Status:
    """By the client number of your system. The same again changes nothing; every wrong field is named at once."""
    refuse_iin("client_number", text=client_number)
    cells = {name: value or "" for name, value in payload.dict().items()}
    checked = csv_rows.check_one({**cells, "client_number": client_number}, today=timezone.localdate())
    if checked.problems:
        raise Problem("invalid", errors=[_remark(problem) for problem in checked.problems])
    (row,) = checked.rows
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCKS, row.client_number.casefold()])
        if taken := importing.conflicts([row]):
            raise Problem("conflict", errors=[_remark(problem) for problem in taken])
        rows, kept = importing.keep_corrections([row], job=JOB)
        outcome = importing.load(rows, job=JOB)
        subject = search.find(IndexKind.CLIENT_NUMBER, row.client_number).get()
    warnings = [_remark(warning)._asdict() for warning in [*checked.warnings, *kept]]
    return Status(201 if outcome.created else 200, {**subject_out(subject), "warnings": warnings})


@router.put(
    "/subjects/{ref}/applications/{path:number}",
    auth=ApiKey(Scope.LOANS_WRITE),
    response={200: ObligationOut, **refusals(404, 409)},
    summary="Tell how an application stands",
)
def put_application(request: HttpRequest, ref: Ref, number: Number, payload: ApplicationIn) -> dict[str, object]:
    """`at`: since when, by the clock of your system; now by default."""
    refuse_iin("number", text=number)
    not_ahead(payload.at)
    row = loans.record_application(subject=find(ref), number=number, state=payload.state, at=payload.at)
    return {"number": row.number, "state": row.state, "since": row.state_since, "open": False}


@router.put(
    "/subjects/{ref}/contracts/{path:number}",
    auth=ApiKey(Scope.LOANS_WRITE),
    response={200: ObligationOut, **refusals(404, 409)},
    summary="Tell how a contract stands",
)
def put_contract(request: HttpRequest, ref: Ref, number: Number, payload: ContractIn) -> dict[str, object]:
    """When the last open contract is performed, the withdrawals that waited for it take effect in the same moment."""
    refuse_iin("number", text=number)
    not_ahead(payload.at)
    subject, application = find(ref), None
    if payload.application is not None:
        application = Application.objects.filter(subject=subject, number=payload.application).first()
        other = Contract.objects.filter(application=application).exclude(number=number) if application else None
        if application is None or (other is not None and other.exists()):
            sentence = _("This person has no such application, or another contract was made of it.")
            raise Problem("invalid", errors=[FieldProblem("application", "unknown", sentence)])
    row = loans.record_contract(
        subject=subject, number=number, state=payload.state, at=payload.at, application=application
    )
    return {"number": row.number, "state": row.state, "since": row.state_since, "open": row.is_open}
