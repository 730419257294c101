"""The API about what is held on a person and what restrains us: values, checks, denylist, decisions."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Path, Router, Schema
from pydantic import AwareDatetime, Field

from staff.api import ApiKey
from staff.enums import Scope
from staff.problems import FieldProblem, Problem, refusals
from staff.shapes import Code, Line, Moment, Number, Strict
from subjects import corrections, decisions, duplicates, formats, recording, relations, suppression, verification
from subjects.api import Ref, find, not_ahead, refuse_iin
from subjects.enums import Origin, OverrideReason, Source
from subjects.formats import Remark
from subjects.models import (
    AmlEntry,
    AutomatedDecision,
    DataCategory,
    DenialDispute,
    DenylistEntry,
    PersonalData,
    PersonLink,
    SourceSystem,
    TechnicalHolding,
    Verification,
)

router = Router(tags=["Data and restraints"])
Category = Annotated[
    str, Path(description="A code of the approved list, as bank_account.", max_length=40, pattern=r"^[A-Za-z0-9_-]+$")
]
METHODS = ("api", "form", "cabinet", "phone")
Parts = dict[Code, Line]


class ValuesIn(Strict):
    """All values of the category that the person has; which parts a value has is in docs/api.md."""

    values: list[Parts] = Field(min_length=1, max_length=20)
    origin: Literal[*Origin.values] = Origin.SUBJECT.value
    method: Literal[*METHODS] = Source.API.value
    transfer: Annotated[str, Field(max_length=60, pattern=r"^([a-z]+\.[A-Za-z]+:[0-9]+)?$")] = ""
    collected_at: Moment | None = None
    override: Literal[*OverrideReason.values] | None = None


class RemarkOut(Schema):
    field: str
    code: str
    detail: str


class ValuesOut(Schema):
    added: int
    changed: int
    removed: int
    warnings: list[RemarkOut]


class VerificationIn(Strict):
    """`found`: what the other side has, of a mismatch; an officer decides, nothing is overwritten."""

    against: Literal[*Verification.Against.values]
    result: Literal[*Verification.Result.values]
    found: Parts | None = None
    at: Moment | None = None


class VerificationOut(Schema):
    id: int
    result: str
    open: bool


class HoldingIn(Strict):
    system: Code
    first_day: date
    last_day: date
    count: int = Field(ge=0, le=10**15)


class HoldingOut(Schema):
    category: str
    system: str
    first_day: date
    last_day: date
    count: int


class DenialOut(Schema):
    kind: str
    reason: str
    source: str
    since: AwareDatetime
    review_on: date
    disputed: bool


class DenylistOut(Schema):
    denied: bool
    entries: list[DenialOut]


class MonitoringOut(Schema):
    monitored: bool
    reason: str | None
    since: AwareDatetime | None


class DecisionIn(Strict):
    kind: Literal[*AutomatedDecision.Kind.values]
    outcome: Literal[*AutomatedDecision.Outcome.values]
    at: Moment
    categories: list[Code] = Field(min_length=1, max_length=60)


class ReviewIn(Strict):
    at: Moment | None = None


class DecisionOut(Schema):
    number: str
    kind: str
    outcome: str
    review_asked: bool
    review: str


class SuppressionIn(Strict):
    kind: Literal["phone", "email", "iin"]
    values: list[Line] = Field(min_length=1, max_length=1000)


class SuppressionOut(Schema):
    """In the order of the values that were sent: whether nobody may be reached by it for marketing."""

    suppressed: list[bool]


class LinkIn(Strict):
    other: UUID


class LinkOut(Schema):
    kind: str
    other: UUID


def _told(number: int, remark: Remark, *, before: str = "values") -> FieldProblem:
    field = f"values.{number}.{remark.part}" if before == "values" else f"{before}.{remark.part}"
    return FieldProblem(field.rstrip("."), remark.code, remark.sentence)


def _unfit(error: recording.Unfit, *, before: str = "values") -> Problem:
    """Every fault; a doubt says that `override` would let it pass."""
    found = [_told(number, remark, before=before) for number, remark in error.problems]
    for number, remark in error.doubts:
        doubt = _told(number, remark, before=before)
        sentence = _("%(sentence)s If it is right, say why in “override”.") % {"sentence": doubt.detail}
        found.append(doubt._replace(detail=sentence))
    return Problem("invalid", errors=found)


@router.put(
    "/subjects/{ref}/data/{category}",
    auth=ApiKey(Scope.DATA_WRITE),
    response={200: ValuesOut, **refusals(404, 409)},
    summary="Tell a person's values of a category",
)
def put_values(request: HttpRequest, ref: Ref, category: Category, payload: ValuesIn) -> dict[str, object]:
    """The person has exactly these afterwards. The same again changes nothing; every wrong part is named at once.

    409 `value_stands`: an officer or the person put the value right here (`corrected_here`), or it is an IIN, mobile
    phone or e-mail that is held and changed elsewhere (`own_page`). Nothing is changed.
    """
    subject = find(ref)
    not_ahead(payload.collected_at, field="collected_at")
    try:
        done = recording.record(
            subject=subject,
            category=category,
            values=payload.values,
            source=payload.method,
            origin=payload.origin,
            transfer=payload.transfer,
            collected_at=payload.collected_at,
            override=payload.override or "",
            system=True,
        )
    except corrections.Stands as error:
        raise Problem("value_stands", errors=[FieldProblem("values", str(error.code), error.messages[0])]) from None
    except recording.Unfit as error:
        raise _unfit(error) from None
    except recording.Taken:
        sentence = _("Another data subject has this IIN.")
        raise Problem("conflict", errors=[FieldProblem("values.0.value", "iin_taken", sentence)]) from None
    warnings = [_told(number, remark)._asdict() for number, remark in done.warnings]
    return {"added": done.added, "changed": done.changed, "removed": done.removed, "warnings": warnings}


@router.post(
    "/subjects/{ref}/data/{category}/verifications",
    auth=ApiKey(Scope.DATA_WRITE),
    response={200: VerificationOut, **refusals(404)},
    summary="Tell how a value came out when it was checked",
)
def verify(request: HttpRequest, ref: Ref, category: Category, payload: VerificationIn) -> dict[str, object]:
    """Of the newest value of the category. A mismatch waits for an officer."""
    not_ahead(payload.at)
    value = PersonalData.objects.newest(find(ref), category)
    if value is None:
        sentence = _("The person has no value of this category.")
        raise Problem("invalid", errors=[FieldProblem("category", "no_value", sentence)])
    try:
        row = verification.note(
            value=value, against=payload.against, result=payload.result, found=payload.found, at=payload.at
        )
    except recording.Unfit as error:
        raise _unfit(error, before="found") from None
    return {"id": row.pk, "result": row.result, "open": row.is_open}


@router.put(
    "/subjects/{ref}/holdings/{category}",
    auth=ApiKey(Scope.DATA_WRITE),
    response={200: HoldingOut, **refusals(404)},
    summary="Tell that a system holds technical data on a person",
)
def put_holding(request: HttpRequest, ref: Ref, category: Category, payload: HoldingIn) -> dict[str, object]:
    """Where, of which days and how many; the data itself stays in the system."""
    subject, wrong = find(ref), []
    row = DataCategory.objects.filter(code=category).first()
    system = SourceSystem.objects.filter(code=payload.system, retired_on=None).first()
    if row is None or category not in formats.TECHNICAL:
        wrong.append(FieldProblem("category", "not_technical", _("This is no category of technical data.")))
    if system is None:
        wrong.append(FieldProblem("system", "unknown", _("There is no such system in use.")))
    if payload.last_day < payload.first_day:
        wrong.append(FieldProblem("last_day", "order", _("The last day is before the first.")))
    if max(payload.first_day, payload.last_day) > timezone.localdate():
        wrong.append(FieldProblem("last_day", "future", _("This day is yet to come.")))
    if wrong:
        raise Problem("invalid", errors=wrong)
    days = (payload.first_day, date.fromordinal(payload.last_day.toordinal() + 1))
    TechnicalHolding.objects.update_or_create(
        subject=subject, category=row, system=system, defaults={"during": days, "count": payload.count}
    )
    return {"category": category, **payload.dict()}


@router.api_operation(
    ["GET", "HEAD"],
    "/subjects/{ref}/denylist",
    auth=ApiKey(Scope.DENYLIST_READ),
    response={200: DenylistOut, **refusals(404)},
    summary="Ask whether a microcredit is denied to a person",
)
def read_denylist(request: HttpRequest, ref: Ref) -> dict[str, object]:
    """Entries in force now in any file of the person, and whether the person disputes them."""
    files = duplicates.every_file(find(ref))
    entries = list(DenylistEntry.objects.in_force().filter(subject__in=files).order_by("pk"))
    disputed = set(DenialDispute.objects.filter(entry__in=entries, decided_at=None).values_list("entry", flat=True))
    told = [
        {
            "kind": entry.kind,
            "reason": entry.reason,
            "source": entry.origin,
            "since": entry.in_force_during.lower,
            "review_on": entry.review_on,
            "disputed": entry.pk in disputed,
        }
        for entry in entries
    ]
    return {"denied": bool(told), "entries": told}


@router.api_operation(
    ["GET", "HEAD"],
    "/subjects/{ref}/monitoring",
    auth=ApiKey(Scope.AML_READ),
    response={200: MonitoringOut, **refusals(404)},
    summary="Ask whether a person is under financial monitoring",
)
def read_monitoring(request: HttpRequest, ref: Ref) -> dict[str, object]:
    """In any file of the person. A right of its own: whoever learns of it must not tell the person."""
    entry = AmlEntry.objects.in_force().filter(subject__in=duplicates.every_file(find(ref))).order_by("pk").first()
    return {
        "monitored": entry is not None,
        "reason": entry and entry.reason,
        "since": entry and entry.in_force_during.lower,
    }


def _decision_out(row: AutomatedDecision) -> dict[str, object]:
    return {
        "number": row.number,
        "kind": row.kind,
        "outcome": row.outcome,
        "review_asked": row.review_asked_at is not None,
        "review": row.review,
    }


@router.put(
    "/subjects/{ref}/decisions/{path:number}/review",
    auth=ApiKey(Scope.DECISIONS_WRITE),
    response={200: DecisionOut, **refusals(404)},
    summary="Tell that the person asks for a human review",
)
def ask_review(request: HttpRequest, ref: Ref, number: Number, payload: ReviewIn) -> dict[str, object]:
    """The decision then stands in the officers' queue; ask again to learn how it ended."""
    not_ahead(payload.at)
    row = AutomatedDecision.objects.filter(subject=find(ref), client=request.api_client.code, number=number).first()
    if row is None:
        raise Problem("not_found")
    return _decision_out(decisions.ask_review(decision=row, at=payload.at))


@router.put(
    "/subjects/{ref}/decisions/{path:number}",
    auth=ApiKey(Scope.DECISIONS_WRITE),
    response={200: DecisionOut, **refusals(404)},
    summary="Tell of a decision made without a human",
)
def put_decision(request: HttpRequest, ref: Ref, number: Number, payload: DecisionIn) -> dict[str, object]:
    """By the number your system gave it; a decision that was made never changes."""
    refuse_iin("number", text=number)
    not_ahead(payload.at)
    row = decisions.tell(
        subject=find(ref),
        client=request.api_client.code,
        number=number,
        kind=payload.kind,
        outcome=payload.outcome,
        occurred_at=payload.at,
        categories=payload.categories,
    )
    return _decision_out(row)


@router.post(
    "/suppressions/check",
    auth=ApiKey(Scope.SUBJECTS_READ),
    response={200: SuppressionOut, **refusals()},
    summary="Ask whom nobody may write or call to for marketing",
)
def check_suppressions(request: HttpRequest, payload: SuppressionIn) -> dict[str, object]:
    """Ask before every marketing letter, message or call; the list outlives the person's data."""
    stopped = suppression.suppressed(kind=payload.kind, texts=payload.values)
    return {"suppressed": [value in stopped for value in payload.values]}


@router.put(
    "/subjects/{ref}/links/{kind}",
    auth=ApiKey(Scope.SUBJECTS_WRITE),
    response={200: LinkOut, **refusals(404)},
    summary="Tell what another person is to this one",
)
def put_link(
    request: HttpRequest, ref: Ref, kind: Literal[*PersonLink.Kind.values], payload: LinkIn
) -> dict[str, object]:
    """A contact person or guarantor is added as a data subject first; the link merges nothing."""
    subject, other = find(ref), find(str(payload.other))
    with transaction.atomic():
        if not PersonLink.objects.filter(subject=subject, other=other, kind=kind, ended_at=None).exists():
            relations.link(subject=subject, other=other, kind=kind)
    return {"kind": kind, "other": other.public_id}
