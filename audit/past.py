"""Rows as they stood at a moment, by their history: what did we hold and know on date X (DESIGN 5)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model
from simple_history.utils import get_history_manager_for_model

Row = TypeVar("Row", bound=Model)


def rows(model: type[Row], at: datetime | None, *, without: Sequence[str] = (), **conditions: Any) -> list[Row]:
    """Rows of a tracked model as they stood at the moment `at` (aware datetime; None: as they stand), oldest first.

    conditions: by fields that never change, such as `subject`; one query. What was not written down yet is not there,
    what was deleted since is. without: columns that nobody will read, left where they are as far as can be.
    """
    if at is None:
        return list(model._default_manager.filter(**conditions).defer(*without).order_by("pk"))
    manager = get_history_manager_for_model(model)
    past = manager.filter(history_date__lte=at, **conditions).order_by("id", "-history_date", "-history_id")
    return [row.instance for row in past.distinct("id") if row.history_type != "-"]


def by_id(model: type[Row], at: datetime | None) -> dict[int, Row]:
    """{id: row} of a register, to name what other rows point at; two queries at most.

    Of a row that was written down later than what points at it, what is said of it now is told.
    """
    live = {row.pk: row for row in rows(model, None)}
    return live if at is None else live | {row.pk: row for row in rows(model, at)}


def one(row: Row, at: datetime | None) -> Row | None:
    """The row as it stood at the moment `at`; None when it was not there then. One query, none for now."""
    if at is None:
        return row
    return next(iter(rows(type(row), at, id=row.pk)), None)


def first(row: Row) -> Row:
    """The row as it was first written down; the row itself when nobody knows. One query."""
    found = get_history_manager_for_model(type(row)).filter(id=row.pk).order_by("history_id").first()
    return found.instance if found else row
