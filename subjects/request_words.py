"""What is kept of a request in words, sealed: opened for the officer who works on it, the answer for the person."""

from typing import Any, NamedTuple

from django.db import models

from audit.models import AccessRecord
from staff.models import StaffUser
from subjects import request_rules as rules
from subjects import vault
from subjects.enums import Disclosure
from subjects.requests import SubjectRequest

TEXT, VALUE, ANSWER, COMMENT, NOTE = (
    "subjects.request", "subjects.request_value", "subjects.request_answer", "subjects.request_comment",
    "subjects.request_note",
)  # fmt: skip


class Words(NamedTuple):
    """Something that was written of a request, opened: in which place (TEXT …), the text, and the row it is of."""

    what: str
    text: str
    row: models.Model


def read(*, request: SubjectRequest, by: StaffUser) -> list[Words]:
    """What is kept of it in words, for the officer who works on it; each look is recorded. Raises NotAllowed."""
    rules.check_may_read(request, by=by)
    if request.subject is None:  # then there is a standard answer or nothing, and nobody's data to look at
        return [Words(ANSWER, request.standard_answer, request)] if request.standard_answer else []
    kept: list[tuple[str, Any, models.Model]] = [
        (TEXT, request.sealed_text, request),
        (VALUE, request.sealed_value, request),
        *((COMMENT, item.sealed_comment, item) for item in request.items.order_by("pk")),
        *((NOTE, row.sealed, row) for row in request.notes.select_related("user").order_by("pk")),
        (ANSWER, request.sealed_answer, request),
    ]
    withheld = request.disclosure != Disclosure.SUBJECT
    return [
        Words(
            what,
            vault.reveal_proof(
                subject=request.subject, what=what, sealed=bytes(sealed), by=by, reason="request", withheld=withheld
            )["value"],
            row,
        )
        for what, sealed, row in kept
        if sealed is not None
    ]


def own_answer(*, request: SubjectRequest) -> str:
    """The answer for the person's own page; "" while there is none."""
    if request.subject is None or request.sealed_answer is None:
        return ""
    return vault.open_proof(
        subject=request.subject,
        what=ANSWER,
        sealed=bytes(request.sealed_answer),
        door=AccessRecord.Door.OWN,
        reason="request",
    )["value"]
