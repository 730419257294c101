"""Days that are past: what services and triggers write inside is moved to that day afterwards, with its own clock.

Nothing is mocked and no service is told another time: everything runs now, as it does, and its marks of time are then
shifted as a whole, in live rows, histories and events alike. The database lets nobody do so but the owner of the test
database, who switches its triggers off for the moment of the shift.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.apps import apps
from django.db import connection
from psycopg import sql

MOMENT, RANGE = "timestamp with time zone", "tstzrange"


def _columns(cursor) -> dict[str, dict[str, str]]:
    """{table: {column: its type}} of the house's marks of time."""
    tables = [model._meta.db_table for model in apps.get_models(include_auto_created=True)]
    cursor.execute(
        "SELECT table_name, column_name, coalesce(nullif(data_type, 'USER-DEFINED'), udt_name)"
        " FROM information_schema.columns WHERE table_schema = 'public' AND table_name = ANY(%s)"
        " AND (data_type = %s OR udt_name = %s) AND is_generated = 'NEVER' AND table_name NOT LIKE 'django_%%'",
        [tables, MOMENT, RANGE],
    )
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in cursor.fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def _shifted(column: str, kind: str) -> sql.Composable:
    name = sql.Identifier(column)
    if kind == MOMENT:
        return sql.SQL("{c} = CASE WHEN {c} >= %(since)s THEN {c} - %(by)s ELSE {c} END").format(c=name)
    return sql.SQL(
        "{c} = CASE WHEN {c} IS NULL THEN NULL ELSE tstzrange("
        "CASE WHEN lower({c}) >= %(since)s THEN lower({c}) - %(by)s ELSE lower({c}) END,"
        " CASE WHEN upper({c}) >= %(since)s THEN upper({c}) - %(by)s ELSE upper({c}) END, '[)') END"
    ).format(c=name)


def _touched(column: str, kind: str) -> sql.Composable:
    """Whether the row bears a mark of the block: a term that ends in years, written earlier, is none."""
    name = sql.Identifier(column)
    if kind == MOMENT:
        return sql.SQL("{c} BETWEEN %(since)s AND %(until)s").format(c=name)
    return sql.SQL("(lower({c}) BETWEEN %(since)s AND %(until)s OR upper({c}) BETWEEN %(since)s AND %(until)s)").format(
        c=name
    )


@contextmanager
def on(moment: datetime) -> Iterator[None]:
    """Everything written inside happened at `moment` (aware, past) and in the seconds after it.

    Terms that end later move with it; days without an hour are the script's own.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        since = cursor.fetchone()[0]
        yield
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT clock_timestamp()")
        told = {"since": since, "until": cursor.fetchone()[0], "by": since - moment}
        for table, columns in _columns(cursor).items():
            where = sql.SQL(" OR ").join(_touched(*column) for column in columns.items())
            cursor.execute(sql.SQL("SELECT 1 FROM {} WHERE {} LIMIT 1").format(sql.Identifier(table), where), told)
            if not cursor.fetchone():
                continue
            cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(table)))
            cursor.execute(
                sql.SQL("UPDATE {} SET {} WHERE {}").format(
                    sql.Identifier(table), sql.SQL(", ").join(_shifted(*column) for column in columns.items()), where
                ),
                told,
            )
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(sql.Identifier(table)))
