"""A change as other systems are told it, read or posted: ids and states alone."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime

from consent import scope_numbers
from consent.models import Change, ChangeKind, Covers


class ChangeOut(Schema):
    """`kind` consent: how the consent `form`, `scope` of the person stands from `at` on. `kind` standing: how the
    person themselves stand. `covers`: what the consent is a ground for now."""

    position: int
    subject: UUID
    kind: Literal[*ChangeKind.values]
    event: UUID | None
    form: str | None
    scope: str
    state: str
    covers: Literal[*Covers.values] | None
    until: AwareDatetime | None
    at: AwareDatetime


def change_out(changes: Sequence[Change]) -> list[dict]:
    """Changes (with subject, form, event) as JSON-ready dicts."""
    names = scope_numbers.outside(change.scope for change in changes)
    told = [
        ChangeOut(
            position=change.position or 0,
            subject=change.subject.public_id,
            kind=change.kind,
            event=change.event.public_id if change.event else None,
            form=change.form.code if change.form else None,
            scope=names[change.scope],
            state=change.state,
            covers=change.covers or None,
            until=change.until,
            at=change.at,
        )
        for change in changes
    ]
    return [change.model_dump(mode="json") for change in told]
