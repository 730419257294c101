"""Who is acting: every write has a named actor (DESIGN 3; policy 8.1, 94-V art. 22).

The actor lives in the PostgreSQL *session* (`set_config(..., false)`): the triggers that write history and
events read it there, so no code path can write without one and none can forget to pass it on.
"""

import getpass
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection
from psycopg.pq import TransactionStatus

from audit import prepared

# officer:7, subject:<public id>, api:<client>, job:<name>, command:<name>@<os user>, migration:<app.name>, sign-in
ACTOR = re.compile(
    r"officer:\d+|subject:[0-9a-f-]{36}|api:[\w.-]+|job:[\w.-]+|command:\w+@[\w.\\$-]+|migration:\w+\.\w+|sign-in"
)
REASON = re.compile(r"[a-z0-9_.-]*")


class Act(NamedTuple):
    """Who acts, in which request, with which reason code (never free text: it could speak of a person)."""

    actor: str = ""
    request_id: str = ""
    reason: str = ""


NOBODY = Act()


def _apply(act: Act, *, local: bool = False) -> None:
    """local: until the transaction ends, as with SET LOCAL."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('kelisim.actor', %s, %s), set_config('kelisim.request_id', %s, %s),"
            " set_config('kelisim.reason', %s, %s)",
            [part for setting in act for part in (setting, local)],
        )


def current() -> Act:
    """The act the database session has now; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(current_setting('kelisim.actor', true), ''),"
            " coalesce(current_setting('kelisim.request_id', true), ''),"
            " coalesce(current_setting('kelisim.reason', true), '')"
        )
        return Act(*cursor.fetchone())


def _can_be_restored() -> bool:
    """Not on a lost connection, nor in a transaction that Django or PostgreSQL has given up."""
    if connection.connection is None or connection.needs_rollback:
        return False
    return connection.connection.info.transaction_status not in (TransactionStatus.INERROR, TransactionStatus.UNKNOWN)


def _checked(actor: str, reason: str) -> None:
    if not ACTOR.fullmatch(actor):
        raise ValueError(f"Not the name of an actor: {actor!r}")
    if not REASON.fullmatch(reason):
        raise ValueError(f"A reason is a code of lower-case letters, digits, '.', '_' and '-', not {reason!r}")


@contextmanager
def acting_as(actor: str, *, reason: str = "", request_id: str = "") -> Iterator[None]:
    """Do what is inside as `actor` (names: `ACTOR`), then give the session back to whoever had it.

    Inside a broken transaction nothing can be restored and nothing need be: its rollback reverts the setting too,
    because the setting was made inside it. Raises ValueError for a name or reason that is not well formed.
    """
    _checked(actor, reason)
    previous = current()
    _apply(Act(actor, request_id or previous.request_id, reason))
    try:
        yield
    finally:
        if _can_be_restored():
            _apply(previous)


@contextmanager
def because(reason: str) -> Iterator[None]:
    """Give a reason code to what is inside; the actor stays."""
    previous = current()
    _checked(previous.actor or "sign-in", reason)
    _apply(previous._replace(reason=reason))
    try:
        yield
    finally:
        if _can_be_restored():
            _apply(previous)


class LazyActor:
    """Sets the actor at the first statement of a request, so that a page without queries costs none.

    `who()` may itself read the database (the session, the user): those reads run before there is an actor.
    A setting made inside a transaction is rolled back with it, so it is made again in the next one.
    """

    def __init__(self, who: Callable[[], str], request_id: str) -> None:
        self.who, self.request_id = who, request_id
        self.applied = self.settled = self.resolving = False
        self.before: Act | None = None

    def __call__(self, execute: Callable, sql: str, params: Any, many: bool, context: dict) -> Any:
        inside = connection.in_atomic_block
        # psycopg sends BEGIN together with the first statement
        begins = connection.connection.info.transaction_status == TransactionStatus.IDLE
        if not self.resolving and not self.settled and (begins or not (self.applied and inside)):
            with self.unnamed():
                if prepared.ACTOR in context:
                    context[prepared.ACTOR] = self.who()
                else:
                    self._set(begins=begins, inside=inside, together=context.get(prepared.TOGETHER))
        return execute(sql, params, many, context)

    def _set(self, *, begins: bool, inside: bool, together: Callable | None) -> None:
        actor = self.who()
        # one that goes together with its statement ends with it: there is nothing to take away afterwards
        local = begins and together is not None
        # a transaction around the whole request is a test's, with its own actor
        if self.before is None and not local:
            self.before = current() if inside and not begins else NOBODY
        if together is not None:
            together()
        _apply(Act(actor, self.request_id), local=local)
        self.applied, self.settled = inside or not local, not (inside or local)

    @contextmanager
    def unnamed(self) -> Iterator[None]:
        """What is read inside says who acts, as a key at the door does: it runs before there is an actor."""
        before, self.resolving = self.resolving, True
        try:
            yield
        finally:
            self.resolving = before

    def renew(self) -> None:
        """Somebody signed in or out in the middle of the request: ask again."""
        self.applied = self.settled = False

    def reset(self) -> None:
        """Leave no actor behind on a connection that the next request will use."""
        if self.before is None or connection.connection is None:
            return
        self.settled = True
        try:
            if not connection.needs_rollback:
                _apply(self.before)
        except Exception:
            # Whatever is wrong with the connection, nobody may inherit it.
            connection.close()


def command_actor(name: str) -> str:
    """The actor of a management command: `command:<name>@<os user>`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid())
    return f"command:{name}@{user}"
