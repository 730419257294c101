"""Hand-written statements of hot paths, which the server prepares; everything else is the ORM's (DESIGN 6)."""

from functools import partial
from typing import Any

import psycopg
from django.db import connection


def one(sql: str, params: dict[str, Any]) -> tuple[Any, ...] | None:
    """The first row of one statement, None without one; psycopg itself, because Django's cursor binds in the client.

    Django's wrappers see it all the same: the request's actor is set by one of them.
    """
    connection.ensure_connection()

    def execute(sql: str, params: Any, many: bool, context: dict[str, Any]) -> tuple[Any, ...] | None:
        connection.validate_no_broken_transaction()
        with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
            return cursor.execute(sql, params, prepare=True).fetchone()

    run = execute
    for wrapper in reversed(connection.execute_wrappers):
        run = partial(wrapper, run)
    return run(sql, params, False, {"connection": connection, "cursor": None})
