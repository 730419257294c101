"""Hand-written statements of hot paths, which the server prepares; everything else is the ORM's (DESIGN 6)."""

import re
from functools import cache, partial
from typing import Any

import psycopg
from django.db import connection

_NAMED = re.compile(r"%\((\w+)\)s")
# in the context of wrappers: what they send now goes with this statement, in one packet and one transaction
TOGETHER = "together"


@cache
def _numbered(sql: str) -> tuple[str, list[str]]:
    """The statement with PostgreSQL's own $1 for %(name)s, and the names in their order."""
    names = list(dict.fromkeys(_NAMED.findall(sql)))
    return _NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", sql), names


def one(sql: str, params: dict[str, Any]) -> tuple[Any, ...] | None:
    """The first row of one statement, None without one; psycopg itself, because Django's cursor binds in the client.

    Django's wrappers see it all the same: the request's actor is set by one of them, on the same way to the server.
    """
    connection.ensure_connection()

    def execute(sql: str, params: Any, many: bool, context: dict[str, Any]) -> psycopg.Cursor:
        connection.validate_no_broken_transaction()
        return psycopg.RawCursor(connection.connection).execute(sql, params, prepare=True)

    run = execute
    for wrapper in reversed(connection.execute_wrappers):
        run = partial(wrapper, run)
    numbered, names = _numbered(sql)
    context = {"connection": connection, "cursor": None, TOGETHER: True}
    with connection.wrap_database_errors:
        with connection.connection.pipeline():
            cursor = run(numbered, [params[name] for name in names], False, context)
        with cursor:
            return cursor.fetchone()
