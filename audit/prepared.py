"""Hand-written statements of hot paths, which the server prepares; everything else is the ORM's (DESIGN 6)."""

import re
from contextlib import ExitStack
from functools import cache, partial
from typing import Any

import psycopg
from django.db import connection

_NAMED = re.compile(r"%\((\w+)\)s")
# in the context of wrappers: called by one that sends something first, to have both go in one packet and transaction
TOGETHER = "together"
# a statement with %(actor)s takes who acts as a value, and then nobody need be set; in the context a wrapper fills it
ACTOR = "actor"


@cache
def _numbered(sql: str) -> tuple[str, list[str]]:
    """The statement with PostgreSQL's own $1 for %(name)s, and the names in their order."""
    names = list(dict.fromkeys(_NAMED.findall(sql)))
    return _NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", sql), names


def one(sql: str, params: dict[str, Any]) -> tuple[Any, ...] | None:
    """The first row of one statement, None without one; psycopg itself, because Django's cursor binds in the client.

    Django's wrappers see it all the same: the request's actor is set by one of them, on the same way to the server.
    %(actor)s, for a statement that only reads, is the name of the request's actor, and null outside a request.
    """
    assert ACTOR not in params, "who acts is not the caller's to say"
    connection.ensure_connection()
    numbered, names = _numbered(sql)

    def execute(sql: str, params: dict[str, Any], many: bool, context: dict[str, Any]) -> psycopg.Cursor:
        connection.validate_no_broken_transaction()
        given = [context[ACTOR] if name == ACTOR else params[name] for name in names]
        return psycopg.RawCursor(connection.connection).execute(sql, given, prepare=True)

    run = execute
    for wrapper in reversed(connection.execute_wrappers):
        run = partial(wrapper, run)
    with connection.wrap_database_errors:
        with ExitStack() as way:
            context = {
                "connection": connection,
                "cursor": None,
                TOGETHER: lambda: way.enter_context(connection.connection.pipeline()),
            } | ({ACTOR: None} if ACTOR in names else {})
            cursor = run(numbered, params, False, context)
        with cursor:
            return cursor.fetchone()
