"""COPY of lines that Python makes, in PostgreSQL's text format: columns between tabs, a line a row."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from django.db import connection

LINES = 1000
_ESCAPED = {ord("\\"): r"\\", ord("\t"): r"\t", ord("\n"): r"\n", ord("\r"): r"\r"}


def copy(table: str, columns: Sequence[str], lines: Iterable[str] | Iterable[bytes]) -> None:
    """Write the lines; bytes stand in them as `as_bytes`, free text as `as_text`, everything else has no such sign.

    lines: or blocks of many lines in UTF-8.
    """
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    left = iter(lines)
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as written:
        while some := list(islice(left, LINES)):
            for block in some if isinstance(some[0], bytes) else ["".join(some)]:
                written.write(block)


@contextmanager
def checked_at_once() -> Iterator[None]:
    """Foreign keys are asked after each statement: until the commit the server would remember sixteen a person."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def as_text(text: str) -> str:
    """Text that may hold anything."""
    return text.translate(_ESCAPED)


def as_bytes(value: bytes) -> str:
    """A `bytea`."""
    return rf"\\x{value.hex()}"
