"""The people, consents and questions that bench/gate.py measures with, made in the server."""

import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

# form, recipient, purpose of the six consents that everybody has
WORLDS = [(form, f"collector-{n}", f"purpose-{n}") for n, form in enumerate(("C2", "C3", "C4", "C6", "C8", "C9"))]
CATEGORIES = ("full_name", "iin", "mobile_phone")
# one consent in so many was withdrawn, one question in so many asks for too much
WITHDRAWN, EXCESS = 10, 10
QUESTIONS = 20_000
ACTOR = "command:bench@bench"


def prepare(subjects: int) -> str:
    """The registers, the people and their consents, unless they are there; the key of a system that may ask."""
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from audit.actor import acting_as
    from staff.enums import Scope
    from staff.models import ApiClient
    from staff.services import api_clients
    from subjects.models import DataSubject

    call_command("migrate", verbosity=0, interactive=False)
    with acting_as(ACTOR):
        _registers()
        have = DataSubject.objects.count()
        if have < subjects:
            began = time.monotonic()
            _people(subjects - have)
            print(f"{subjects:,} people, {6 * subjects:,} consents made in {time.monotonic() - began:.0f} s")
        elif have > subjects:
            sys.exit(f"{os.environ['KELISIM_VAR']} holds {have:,} people: take another KELISIM_VAR for fewer.")
        client, key = api_clients.make_client(
            code=f"bench-{int(time.time())}",
            name="bench",
            scopes=[Scope.TRANSFERS_ASK, Scope.TRANSFERS_WRITE],
            expires_at=timezone.now() + timedelta(days=1),
            per_minute=10_000,
            by=None,
        )
        ApiClient.objects.filter(pk=client.pk).update(per_minute=10_000_000)
    connection.close()
    return key


def _registers() -> None:
    from django.db import transaction

    from tests.transfers.factories import declare, world
    from transfers.models import Recipient

    there = set(Recipient.objects.values_list("code", flat=True))
    if there >= {recipient for _form, recipient, _purpose in WORLDS}:
        return
    if there:
        sys.exit(f"{os.environ['KELISIM_VAR']} holds data of an older version of this program: remove the folder.")
    with transaction.atomic():
        for number, (form, recipient, purpose) in enumerate(WORLDS):
            made = world(kind="collector", form=form, code=recipient, purpose=purpose, declared=number == 0)
            if number:  # the kind of all of them is declared once
                declare(made.version, made.purpose)


@contextmanager
def _bare(*tables: str) -> Iterator[None]:
    """Load without secondary indexes, foreign keys and row triggers: they come back before anything is measured."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'; SET synchronous_commit = off")
        indexes, keys = [], []
        for table in tables:
            cursor.execute(
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE conrelid = %s::regclass AND contype IN ('f', 'u')",
                [table],
            )
            for name, definition in cursor.fetchall():
                keys.append((table, name, definition))
            cursor.execute(
                "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
                " WHERE i.indrelid = %s::regclass AND NOT i.indisprimary"
                " AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)",
                [table],
            )
            indexes += cursor.fetchall()
        for table, name, _definition in keys:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{name}" CASCADE')
        for name, _definition in indexes:
            cursor.execute(f"DROP INDEX IF EXISTS {name}")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for _name, definition in indexes:
            cursor.execute(definition)
        for table, name, definition in keys:
            late = " NOT VALID" if definition.startswith("FOREIGN KEY") else ""
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}{late}')
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            cursor.execute(f"VACUUM (ANALYZE) {table}")


def _people(more: int) -> None:
    from django.db import connection

    from consent.models import ConsentFormVersion

    texts = {row.form.code: row for row in ConsentFormVersion.objects.select_related("form")}
    with _bare("consent_consentevent", "consent_consentstate"), connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM subjects_datasubject")
        (last,) = cursor.fetchone()
        cursor.execute(
            "INSERT INTO subjects_datasubject (public_id, kind, standing, language)"
            " SELECT gen_random_uuid(), 'customer', 'ordinary', CASE WHEN n %% 2 = 0 THEN 'kk' ELSE 'ru' END"
            " FROM generate_series(1, %s) n",
            [more],
        )
        for number, (form, recipient, _purpose) in enumerate(WORLDS):
            scope = f"recipient:{recipient}"
            cursor.execute(
                "INSERT INTO consent_consentevent (public_id, subject_id, form_id, scope, kind, occurred_at,"
                " version_id, language, sha256, channel, trust, reason, blocking, at, actor, request_id, db_user)"
                " SELECT gen_random_uuid(), s.id, %(form)s, %(scope)s, 'given', now() - interval '30 days',"
                " %(version)s, s.language, repeat('0', 64), 'eds', 'subject_signed', '', '{}', now(), 'job:bench', '',"
                " 'bench'"
                " FROM subjects_datasubject s WHERE s.id > %(last)s ORDER BY s.id",
                {"form": texts[form].form_id, "scope": scope, "version": texts[form].pk, "last": last},
            )
            cursor.execute(
                "INSERT INTO consent_consentstate"
                " (subject_id, form_id, scope, state, since, given_id, last_id, postponed)"
                " SELECT e.subject_id, e.form_id, e.scope, CASE WHEN (e.subject_id + %(number)s) %% %(withdrawn)s = 0"
                " THEN 'withdrawn' ELSE 'given' END, e.occurred_at, e.id, e.id, 0"
                " FROM consent_consentevent e WHERE e.form_id = %(form)s AND e.subject_id > %(last)s ORDER BY e.id",
                {"form": texts[form].form_id, "number": number, "withdrawn": WITHDRAWN, "last": last},
            )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def questions(subjects: int) -> list[dict[str, object]]:
    """Of random people to random recipients, some for too much; the same every time."""
    from subjects.models import DataSubject

    first = DataSubject.objects.order_by("pk").values_list("pk", flat=True)[0]
    dice = random.Random(7)
    found = []
    for n in range(QUESTIONS):
        _form, recipient, purpose = dice.choice(WORLDS)
        categories = [*CATEGORIES[: dice.randint(1, 3)], *(["salary_amount"] if n % EXCESS == 0 else [])]
        person = f"S-{first + dice.randrange(subjects - 10):06d}"
        found.append({"subject": person, "recipient": recipient, "purpose": purpose, "categories": categories})
    return found
