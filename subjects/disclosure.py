"""What a person may be told of, also of a past day: nothing withheld now, nothing withheld then (DESIGN 4)."""

from datetime import datetime
from typing import TypeVar

from simple_history.utils import get_history_manager_for_model

from audit import past
from subjects.enums import Disclosure
from subjects.models import DataSubject, PersonalData
from subjects.requests import SubjectRequest

Row = TypeVar("Row", PersonalData, SubjectRequest)
SEALED: dict[type, tuple[str, ...]] = {
    PersonalData: ("sealed",),
    SubjectRequest: ("sealed_text", "sealed_value", "sealed_answer"),
}


def told(model: type[Row], subject: DataSubject, at: datetime | None, *, withheld: bool = False) -> list[Row]:
    """The person's rows as they stood at the moment `at` (None: now), without those nobody may be told of.

    withheld: those too, for who has the right to know. Nothing sealed is for reading. Two queries at most.
    """
    rows = past.rows(model, at, without=SEALED[model], subject=subject)
    if withheld:
        return rows
    rows = [row for row in rows if row.disclosure == Disclosure.SUBJECT]
    if at is None or not rows:
        return rows
    # as each stands now, or stood last: a file of yesterday does not tell what is a secret since today
    last = (
        get_history_manager_for_model(model).filter(subject=subject.pk).order_by("id", "-history_date", "-history_id")
    )
    hidden = {pk for pk, how in last.distinct("id").values_list("id", "disclosure") if how == Disclosure.WITHHELD}
    return [row for row in rows if row.pk not in hidden]
