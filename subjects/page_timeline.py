"""What happened about a person, for the timeline of the officers' page: who, when, what, why; a query a kind of row."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext
from simple_history.utils import get_history_manager_for_model

from audit.models import AccessRecord
from audit.names import actor_name, reason_name
from audit.timeline import KINDS
from notifications.models import Letter
from notifications.ports import title_of
from subjects import looks, subject_page
from subjects.enums import Disclosure
from subjects.models import (
    Application,
    AutomatedDecision,
    CabinetEvent,
    Contract,
    DataCategory,
    DataSubject,
    DenylistEntry,
    LegalHold,
    PersonalData,
    PersonLink,
    Representative,
    SubjectRequest,
    Task,
    TechnicalHolding,
)
from subjects.requests import state_words
from subjects.subject_page import SHOWN, Happening


class _Told(NamedTuple):
    """A tracked model whose changes are told: what of a row says how it stands then ("" for nothing more)."""

    model: type[models.Model]
    field: str = ""


TOLD = (
    _Told(DataSubject, "standing"),
    _Told(PersonalData),
    _Told(Application, "state"),
    _Told(Contract, "state"),
    _Told(SubjectRequest, "state"),
    _Told(AutomatedDecision, "outcome"),
    _Told(LegalHold, "kind"),
    _Told(DenylistEntry, "kind"),
    _Told(Representative, "basis"),
    _Told(PersonLink, "kind"),
    _Told(TechnicalHolding),
    _Told(Task, "kind"),
)


def _newest(rows: models.QuerySet, at: datetime | None, field: str) -> models.QuerySet:
    return (rows.filter(**{f"{field}__lte": at}) if at else rows).order_by("-pk")[:SHOWN]


def _titles() -> dict[int, DataCategory]:
    return DataCategory.objects.in_bulk()


def changes(request: HttpRequest, subject: DataSubject, at: datetime | None) -> Iterator[Happening]:
    """Changes of the rows about the person, as history has them, of models the officer may view."""
    withheld, titles = request.user.has_perm("subjects.view_withheld"), _titles()
    for told in TOLD:
        meta = told.model._meta
        if not request.user.has_perm(f"subjects.view_{meta.model_name}"):
            continue
        key = "id" if told.model is DataSubject else "subject"
        rows = get_history_manager_for_model(told.model).filter(**{key: subject.pk}).select_related("history_user")
        if not withheld and told.model in (PersonalData, SubjectRequest):
            secret = told.model.objects.filter(subject=subject.pk, disclosure=Disclosure.WITHHELD)
            rows = rows.exclude(disclosure=Disclosure.WITHHELD).exclude(id__in=secret.values("pk"))
        if not withheld and told.model is LegalHold:
            rows = rows.exclude(kind=LegalHold.Kind.AUTHORITY)
        there = _pages(told.model)
        for row in _newest(rows, at, "history_date"):
            yield Happening(
                row.history_date,
                _words(told, row, titles),
                actor_name(row.actor, row.history_user),
                reason_name(row.history_change_reason),
                there(row.id),
            )


def _pages(model: type[models.Model]) -> Callable[[int], str]:
    """{id: where the history of the row is read}."""
    name = f"admin:subjects_{model._meta.model_name}_history"
    if not admin.site.is_registered(model):
        return lambda pk: ""
    return lambda pk: reverse(name, args=[pk])


def _words(told: _Told, row: Any, titles: dict[int, DataCategory]) -> str:
    """Contract: changed (overdue)."""
    name = capfirst(str(told.model._meta.verbose_name))
    detail = str(getattr(row, f"get_{told.field}_display")()) if told.field else ""
    if told.model is SubjectRequest:
        detail = state_words(row)
    if category := titles.get(getattr(row, "category_id", None) or 0):
        detail = f"{category}"
    said = f"{name}: {KINDS[row.history_type]}"
    return f"{said} ({detail})" if detail else said


def letters(request: HttpRequest, subject: DataSubject, at: datetime | None) -> Iterator[Happening]:
    """Letters that were written to the person."""
    seen = request.user.has_perm("notifications.view_letter")
    for letter in _newest(Letter.objects.filter(subject=subject), at, "created_at"):
        url = reverse("admin:notifications_letter_change", args=[letter.pk]) if seen else ""
        what = gettext("Letter: %(title)s") % {"title": title_of(letter.kind)}
        yield Happening(letter.created_at, what, gettext("Kelisim"), "", url)


def cabinet(request: HttpRequest, subject: DataSubject, at: datetime | None) -> Iterator[Happening]:
    """What happened at the cabinet's door."""
    rows = CabinetEvent.objects.filter(subject=subject).select_related("user")
    for event in _newest(rows, at, "at"):
        what = gettext("Cabinet: %(what)s") % {"what": event.get_kind_display()}
        yield Happening(event.at, what, actor_name(event.actor, event.user))


def looked(request: HttpRequest, subject: DataSubject, at: datetime | None) -> Iterator[Happening]:
    """Who saw values of the person."""
    titles = {row.code: str(row) for row in _titles().values()}
    rows = AccessRecord.objects.filter(reference=str(subject)).select_related("user")
    for record in _newest(rows, at, "at"):
        what = gettext("Looked at: %(what)s") % {"what": looks.at_what(record.category, titles)}
        why = reason_name(record.reason) if record.door == AccessRecord.Door.REVEAL else ""
        yield Happening(record.at, what, actor_name(record.actor, record.user), why)


subject_page.HAPPENINGS += [changes, letters, cabinet, looked]
