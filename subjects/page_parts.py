"""What the officers' page about a person says of restraints, relations, checks and holdings; a query or two a part."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit import past
from subjects import subject_page
from subjects.disclosure import told
from subjects.enums import Standing
from subjects.models import (
    Application,
    AutomatedDecision,
    Contract,
    DataCategory,
    DataSubject,
    Death,
    DenylistEntry,
    DocumentSeen,
    IinCorrection,
    LegalHold,
    PersonalData,
    PersonLink,
    Representative,
    SourceSystem,
    SubjectRequest,
    TechnicalHolding,
    Verification,
)

Rows = Callable[[HttpRequest, DataSubject, datetime | None], Iterable[models.Model]]
Cells = Callable[[Any, datetime], Iterable[object]]


class _Kind(NamedTuple):
    """A table of the page: rows of one model, newest first, whose first cell leads to the row."""

    title: Promise
    head: tuple[Promise, ...]
    model: type[models.Model]
    rows: Rows
    cells: Cells
    # whether a first row is added from here; otherwise the part that says what may happen does
    begins_here: bool = True


def _day(moment: Any) -> str:
    if moment is None:
        return "—"
    local = timezone.localtime(moment) if isinstance(moment, datetime) else moment
    return date_format(local, "SHORT_DATE_FORMAT")


def _of(model: type[models.Model], field: str = "subject") -> Rows:
    return lambda request, subject, at: past.rows(model, at, **{field: subject})


def _part(order: int, kind: _Kind) -> None:
    """Add a table to the page: of who may view the rows; left out where there are none and none may be added."""

    def context(request: HttpRequest, subject: DataSubject, at: datetime | None) -> dict | None:
        name = kind.model._meta.model_name
        if not request.user.has_perm(f"subjects.view_{name}"):
            return None
        found = sorted(kind.rows(request, subject, at), key=lambda row: -row.pk)
        pages = admin.site.is_registered(kind.model)
        may_add = at is None and pages and kind.begins_here and _has_add(request, kind.model)
        if not found and not may_add:
            return None
        now, change = at or timezone.now(), f"admin:subjects_{name}_change"
        return {
            "title": kind.title,
            "head": kind.head,
            "rows": [
                (reverse(change, args=[row.pk]) if pages else "", list(kind.cells(row, now)))
                for row in found[: subject_page.SHOWN]
            ],
            "more": max(0, len(found) - subject_page.SHOWN),
            "add": may_add and f"{reverse(f'admin:subjects_{name}_add')}?subject={subject}",
        }

    subject_page.PARTS.append(subject_page.Part(order, "admin/subjects/_part.html", context))


def _has_add(request: HttpRequest, model: type[models.Model]) -> bool:
    return admin.site.get_model_admin(model).has_add_permission(request)


def _may_know(request: HttpRequest) -> bool:
    return request.user.has_perm("subjects.view_withheld")


def _holds(request: HttpRequest, subject: DataSubject, at: datetime | None) -> list[LegalHold]:
    rows = past.rows(LegalHold, at, subject=subject)
    return rows if _may_know(request) else [row for row in rows if row.kind != LegalHold.Kind.AUTHORITY]


def _checks(request: HttpRequest, subject: DataSubject, at: datetime | None) -> list[Verification]:
    """Checks of the values the officer may know of, with the category each value has."""
    values = {row.pk: row for row in told(PersonalData, subject, at, withheld=_may_know(request))}
    categories = past.by_id(DataCategory, at)
    found = past.rows(Verification, at, value__in=list(values))
    for row in found:
        row.category = categories[values[row.value_id].category_id]
    return found


def _holdings(request: HttpRequest, subject: DataSubject, at: datetime | None) -> list[TechnicalHolding]:
    categories, systems = past.by_id(DataCategory, at), past.by_id(SourceSystem, at)
    found = past.rows(TechnicalHolding, at, subject=subject)
    for row in found:
        row.category, row.system = categories[row.category_id], systems[row.system_id]
    return found


def _requests(request: HttpRequest, subject: DataSubject, at: datetime | None) -> list[SubjectRequest]:
    return told(SubjectRequest, subject, at, withheld=_may_know(request))


def _people(field: str, model: type[models.Model]) -> Rows:
    """Rows that name another person in `field`, whose reference is read with them."""

    def rows(request: HttpRequest, subject: DataSubject, at: datetime | None) -> list[models.Model]:
        found = past.rows(model, at, subject=subject)
        others = DataSubject.objects.in_bulk({getattr(row, f"{field}_id") for row in found})
        for row in found:
            setattr(row, field, others[getattr(row, f"{field}_id")])
        return found

    return rows


def _linked(request: HttpRequest, subject: DataSubject, at: datetime | None) -> list[PersonLink]:
    """Links of the person, and the file that leads theirs."""
    found = past.rows(PersonLink, at, subject=subject) + past.rows(PersonLink, at, other=subject, kind="same_person")
    people = DataSubject.objects.in_bulk({pk for row in found for pk in (row.subject_id, row.other_id)})
    for row in found:
        row.subject, row.other = people[row.subject_id], people[row.other_id]
    return found


def _denial_state(row: DenylistEntry, now: datetime) -> Promise:
    if row.in_force_during is None:
        return _("waits for a second person")
    return _("in force") if now in row.in_force_during else _("closed")


def _may_act(row: Representative, now: datetime) -> bool:
    day = timezone.localdate(now)
    ended = row.ended_at is not None and row.ended_at <= now
    return not ended and row.valid_from <= day and (row.valid_until is None or row.valid_until >= day)


_part(
    2,
    _Kind(
        _("Values that differ"),
        (_("Data category"), _("checked against"), _("result"), _("checked at"), _("decision")),
        Verification,
        _checks,
        lambda row, now: (
            row.category, row.get_against_display(), row.get_result_display(), _day(row.checked_at),
            row.get_decision_display() or "—",
        ),
    ),
)  # fmt: skip
_part(
    3,
    _Kind(
        _("Requests of the person"),
        (_("number"), _("what is asked"), _("channel"), _("received at"), _("state"), _("answered at")),
        SubjectRequest,
        _requests,
        lambda row, now: (
            str(row), ", ".join(row.asked), row.get_channel_display(), _day(row.received_at), row.state_words,
            _day(row.answered_at),
        ),
    ),
)  # fmt: skip
_part(
    4,
    _Kind(
        _("Contracts"),
        (_("contract"), _("state"), _("since"), _("overdue since")),
        Contract,
        _of(Contract),
        lambda row, now: (row.number, row.get_state_display(), _day(row.state_since), _day(row.overdue_since)),
    ),
)
_part(
    4,
    _Kind(
        _("Applications"),
        (_("application"), _("state"), _("since"), _("applied at")),
        Application,
        _of(Application),
        lambda row, now: (row.number, row.get_state_display(), _day(row.state_since), _day(row.applied_at)),
    ),
)
_part(
    30,
    _Kind(
        _("Legal holds: nothing is destroyed"),
        (_("kind"), _("number of the case"), _("who asks for it"), _("since"), _("until"), _("lifted at")),
        LegalHold,
        _holds,
        lambda row, now: (
            row.get_kind_display(), row.case_number, row.body, _day(row.since), _day(row.until), _day(row.lifted_at)
        ),
    ),
)  # fmt: skip
_part(
    32,
    _Kind(
        _("Denylist"),
        (_("kind"), _("reason"), _("source"), _("state"), _("review on")),
        DenylistEntry,
        _of(DenylistEntry),
        lambda row, now: (
            row.get_kind_display(), row.get_reason_display(), row.get_origin_display(), _denial_state(row, now),
            _day(row.review_on),
        ),
    ),
)  # fmt: skip
_part(
    34,
    _Kind(
        _("Decisions made without a human"),
        (_("decision"), _("outcome"), _("made at"), _("human review")),
        AutomatedDecision,
        _of(AutomatedDecision),
        lambda row, now: (
            row.get_kind_display(), row.get_outcome_display(), _day(row.occurred_at),
            row.get_review_display() or (_("asked for") if row.review_asked_at else "—"),
        ),
    ),
)  # fmt: skip
_part(
    36,
    _Kind(
        _("Who acts for the person"),
        (_("representative"), _("basis"), _("valid from"), _("valid until"), _("state")),
        Representative,
        _people("representative", Representative),
        lambda row, now: (
            row.representative, row.get_basis_display(), _day(row.valid_from), _day(row.valid_until),
            _("may act") if _may_act(row, now) else _("may not act"),
        ),
    ),
)  # fmt: skip
_part(
    38,
    _Kind(
        _("Linked people"),
        (_("linked person"), _("kind"), _("ended at")),
        PersonLink,
        _linked,
        lambda row, now: (f"{row.subject} → {row.other}", row.get_kind_display(), _day(row.ended_at)),
    ),
)
_part(
    44,
    _Kind(
        _("Corrections of the IIN"),
        (_("proposed at"), _("approved at"), _("declined at")),
        IinCorrection,
        _of(IinCorrection),
        lambda row, now: (_day(row.proposed_at), _day(row.approved_at), _day(row.declined_at)),
        begins_here=False,
    ),
)
_part(
    46,
    _Kind(
        _("Death"),
        (_("died on"), _("recorded at"), _("undone at")),
        Death,
        _of(Death),
        lambda row, now: (_day(row.died_on), _day(row.recorded_at), _day(row.undone_at)),
        begins_here=False,
    ),
)
_part(
    40,
    _Kind(
        _("Documents seen"),
        (_("document"), _("last four characters of the number"), _("seen on")),
        DocumentSeen,
        lambda request, subject, at: DocumentSeen.objects.filter(subject=subject, **({"at__lte": at} if at else {})),
        lambda row, now: (row.get_kind_display(), row.last_four, _day(row.seen_on)),
    ),
)
_part(
    42,
    _Kind(
        _("Technical data in other systems"),
        (_("system"), _("data category"), _("first day"), _("last day"), _("records")),
        TechnicalHolding,
        _holdings,
        lambda row, now: (
            row.system, row.category, _day(row.during.lower), _day(row.last_day), number_format(row.count)
        ),
    ),
)  # fmt: skip


def _add(model: str, subject: DataSubject) -> str:
    return f"{reverse(f'admin:subjects_{model}_add')}?subject={subject}"


def _life(request: HttpRequest, subject: DataSubject, at: datetime | None) -> dict | None:
    """What an officer may do when something changes in the person's life, and which file leads; one query."""
    living = subject.standing not in (Standing.DECEASED, Standing.ERASED)
    of_age = reverse("admin:subjects_of_age", args=[subject.pk])
    steps = (
        ("add_personlink", True, _("Link another file of the same person"), _add("personlink", subject)),
        ("add_iincorrection", living, _("Correct the IIN"), _add("iincorrection", subject)),
        ("note_majority", subject.standing == Standing.MINOR, _("They came of age"), of_age),
        ("add_death", living, _("Record the death"), _add("death", subject)),
    )
    may = request.user.has_perm
    actions = [
        (label, address) for right, there, label, address in steps if at is None and there and may(f"subjects.{right}")
    ]
    leading = past.rows(PersonLink, at, other=subject, kind="same_person")
    now = at or timezone.now()
    leads = [row.subject_id for row in leading if row.ended_at is None or row.ended_at > now]
    follows = DataSubject.objects.filter(pk__in=leads).first() if leads else None
    return {"actions": actions, "follows": follows} if actions or follows else None


subject_page.PARTS.append(subject_page.Part(50, "admin/subjects/_life.html", _life))
