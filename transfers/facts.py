"""What the gate looks at, fetched in one statement and nothing decided yet (DESIGN 6)."""

import json
from collections import defaultdict
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

from django.utils import timezone

from audit import prepared
from consent import derivation
from consent.derivation import Standing
from transfers.decisions import Question
from transfers.statements import statement

ASK, AUTHORISE = "ask_transfer", "authorise_transfer"
# the scopes of the API that admit a system, by the right an officer would need
SCOPES = {ASK: ["transfers:ask", "transfers:write"], AUTHORISE: ["transfers:write"]}
_statement = cache(statement)
Facts = dict[str, Any]


def fetch(sql: str, params: dict[str, Any]) -> tuple[Any, ...]:
    """The row of a statement that always has one."""
    row = prepared.one(sql, params)
    assert row is not None
    return row


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _of_events(events: list[dict[str, Any]], at: datetime) -> list[dict[str, Any]]:
    """The consents that events up to the moment `at` add up to, by the same fold as everywhere."""
    kept: dict[tuple[str, str], list[SimpleNamespace]] = defaultdict(list)
    for row in events:
        event = SimpleNamespace(
            pk=row["id"],
            kind=row["kind"],
            occurred_at=_moment(row["occurred_at"]),
            valid_until=_moment(row["valid_until"]),
            row=row,
        )
        kept[row["form"], row["scope"]].append(event)
    found = []
    for (form, scope), of_one in sorted(kept.items()):
        standing = derivation.fold(of_one, at)  # type: ignore[arg-type]
        said = standing.given.row if standing.given else {}  # type: ignore[attr-defined]
        found.append(
            {
                "form": form,
                "scope": scope,
                "state": str(standing.state),
                "given": said.get("id"),
                "last": standing.last.pk if standing.last else None,
                **{name: said.get(name) for name in ("version", "language", "channel", "trust")},
                **{"purpose": False, "recipient": False, "categories": []},
                **{name: said[name] for name in ("purpose", "recipient", "categories") if said},
            }
        )
    return found


def _of_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The consents as their rows say, a term that has ended counted as ended."""
    now = timezone.now()
    for row in rows:
        until = _moment(row.pop("until"))
        row["state"] = str(Standing(state=row["state"], until=until).at(now).state)
        row.pop("kind")
    return rows


def load(question: Question, *, permission: str = ASK, lock: bool = False) -> Facts:
    """Everything the answer rests on, as ids, codes and truths; one statement.

    permission: what an officer must hold (ASK or AUTHORISE; a system the scope that goes with it). lock: hold the
    person's consents until the transaction ends (only for now). Raises nothing for what is unknown: its fact is None.
    """
    past = question.at is not None
    params = {
        "subject": question.subject,
        "recipient": question.recipient,
        "purpose": question.purpose,
        "categories": list(question.categories),
        "direction": question.direction,
        "at": question.at,
        "request_date": question.context.request_date,
        "permission": permission,
        "scopes": SCOPES[permission],
    }
    (facts,) = fetch(_statement(past=past, lock=lock and not past), params)
    if isinstance(facts, str):
        facts = json.loads(facts)
    rows = facts["consents"]
    facts["consents"] = _of_events(rows, question.at) if question.at else _of_rows(rows)
    return facts
