"""What was written stays: no statement, setting or search path changes it or goes around the writer."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pgtrigger
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F

import conftest
from audit.triggers import NoTruncate
from staff.models import StaffUser
from subjects.models import DataCategory
from tests.audit.conftest import both, every_trigger, query

ROOT = Path(__file__).resolve().parents[2]
HISTORY = "subjects_historicaldatacategory"
TABLE = "subjects_datacategory"

FORBIDDEN = {
    "update of history": f"UPDATE {HISTORY} SET actor = 'officer:1'",
    "update of history that finds nothing": f"UPDATE {HISTORY} SET actor = 'officer:1' WHERE false",
    "insert of what never happened": (
        f"INSERT INTO {HISTORY} (id, code, title, retention_class, access, biometric, \"order\", history_date, history_type,"
        " actor, request_id, txid, db_user)"
        " VALUES (1, 'a', 'a', 'identity', 'public', false, 0, now(), '~', 'officer:1', '', 0, '')"
    ),
    "delete of history": f"DELETE FROM {HISTORY}",
    "truncate of history": f"TRUNCATE {HISTORY}",
    "truncate of a live table": f"TRUNCATE {TABLE} CASCADE",
    "truncate of a table that a tracked one points at": "TRUNCATE staff_staffuser CASCADE",
    "change of a primary key": f"UPDATE {TABLE} SET id = id + 1000 WHERE code = 'a'",
    "swap of primary keys": f"UPDATE {TABLE} SET id = (SELECT sum(id) FROM {TABLE}) - id WHERE code IN ('a', 'b')",
    "upsert that changes history": (
        f"INSERT INTO {HISTORY} SELECT * FROM {HISTORY} ON CONFLICT (history_id) DO UPDATE SET actor = 'officer:1'"
    ),
    "merge that deletes history": (
        f"MERGE INTO {HISTORY} h USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE"
    ),
}  # fmt: skip


@pytest.mark.parametrize("sql", FORBIDDEN.values(), ids=FORBIDDEN)
@both
def test_the_database_refuses(sql, three, attack):
    was = query(f"SELECT * FROM {HISTORY} ORDER BY history_id"), query(f"SELECT * FROM {TABLE} ORDER BY id")
    with (
        pytest.raises(IntegrityError, match=r"append-only|truncated|primary key|by triggers only"),
        attack(),
        transaction.atomic(),
    ):
        query(sql)
    now = query(f"SELECT * FROM {HISTORY} ORDER BY history_id"), query(f"SELECT * FROM {TABLE} ORDER BY id")
    assert now == was


@both
def test_the_orm_is_refused_like_anybody(three, attack):
    row = DataCategory.history.first()
    row.actor = "officer:1"
    for act in (row.save, row.delete, lambda: DataCategory.history.update(actor=F("db_user"))):
        with pytest.raises(IntegrityError, match="append-only"), attack(), transaction.atomic():
            act()


@pytest.mark.django_db
def test_the_attack_is_a_real_one(three):
    """A trigger of pgtrigger's own making is skipped by the same setting: or these tests would prove nothing."""
    stock = pgtrigger.Protect(name="stock", operation=pgtrigger.Delete)
    stock.install(DataCategory)
    with pytest.raises(DatabaseError), transaction.atomic():
        query(f"DELETE FROM {TABLE} WHERE code = 'a'")
    for local in (True, False):
        query(
            "SELECT set_config('pgtrigger.ignore', %s, %s)",
            every_trigger()[:-1] + f",{stock.get_pgid(DataCategory)}}}",
            local,
        )
        query(f"DELETE FROM {TABLE} WHERE code = 'a'")
    assert not DataCategory.objects.filter(code="a").exists()


@pytest.mark.django_db
def test_every_trigger_of_the_house_stands_in_the_database_as_it_is_written():
    installed = {
        name: (enabled, body, comment)
        for name, enabled, body, comment in query(
            "SELECT t.tgname, t.tgenabled::text, pg_get_functiondef(t.tgfoid), obj_description(t.oid, 'pg_trigger')"
            " FROM pg_trigger t WHERE NOT t.tgisinternal"
        )
    }
    registered = {trigger.get_pgid(model): trigger.compile(model).hash for model, trigger in pgtrigger.registered()}
    assert set(installed) == set(registered)
    for name, (enabled, body, comment) in installed.items():
        assert enabled == "O", f"{name} is switched off"
        assert comment == registered[name], f"{name} is not what the code says: makemigrations"
        assert "ignore" not in body.lower(), f"{name} can be skipped"
        assert "SET search_path TO 'pg_catalog', 'public', 'pg_temp'" in body, name


def test_no_two_triggers_have_one_name_in_the_database():
    names = [trigger.get_pgid(model) for model, trigger in pgtrigger.registered()]
    assert len(set(names)) == len(names)
    with pytest.raises(KeyError, match="registered already"):
        NoTruncate().register(DataCategory)
    mine = next(one for model, one in pgtrigger.registered() if (model, one.name) == (DataCategory, "no_truncate"))
    mine.register(DataCategory)  # the same again is no harm
    assert [trigger.get_pgid(model) for model, trigger in pgtrigger.registered()] == names


@both
def test_a_search_path_cannot_divert_history(three):
    """Shadow tables and functions, found first by the attacker's search path, receive nothing and answer nothing."""
    known = DataCategory.history.count()
    try:
        query("CREATE SCHEMA evil")
        query(f"CREATE TABLE evil.{HISTORY} (LIKE public.{HISTORY})")
        query(f"CREATE TEMP TABLE {HISTORY} (LIKE public.{HISTORY})")
        query("CREATE FUNCTION evil.current_setting(text, boolean) RETURNS text LANGUAGE sql AS $$SELECT 'officer:1'$$")
        query(
            "CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$SELECT timestamptz '1999-01-01 00:00Z'$$"
        )
        query("SET search_path = evil, pg_temp, pg_catalog, public")
        assert query("SELECT current_setting('kelisim.actor', true), clock_timestamp()::date::text") == [
            ("officer:1", "1999-01-01")
        ], "the shadows must be found first, or nothing is tested"
        query(f"UPDATE public.{TABLE} SET title_kk = 'diverted' WHERE code = 'a'")
        assert query(f"SELECT count(*) FROM pg_temp.{HISTORY}") == [(0,)]
        assert query(f"SELECT count(*) FROM evil.{HISTORY}") == [(0,)]
    finally:
        query("SET search_path = DEFAULT")
        query(f"DROP TABLE IF EXISTS pg_temp.{HISTORY}")
        query("DROP SCHEMA IF EXISTS evil CASCADE")
    assert DataCategory.history.count() == known + 1
    row = DataCategory.history.latest("history_id")
    assert (row.title_kk, row.actor, row.history_user_id) == ("diverted", "job:test", None)
    assert row.history_date.year > 1999


@both
def test_an_actor_that_names_no_possible_officer_is_refused(three):
    query("SELECT set_config('kelisim.actor', 'officer:99999999999999999999', false)")
    with pytest.raises(DatabaseError), transaction.atomic():
        DataCategory.objects.update(order=3)


@pytest.mark.django_db
def test_the_refusals_can_be_read_by_a_person():
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        StaffUser.history.all()._raw_delete("default")
    assert "nothing in it is changed or deleted" in str(refusal.value)
    assert refusal.value.__cause__.sqlstate == "23514"


NEW_FIELD = """

DataCategory.add_to_class("shelf", models.CharField("shelf", max_length=20, blank=True, default=""))
"""
BEFORE = f"""
import django; django.setup()
from audit.actor import acting_as
from django.db import connection
with acting_as("job:proof"), connection.cursor() as cursor:
    cursor.execute(
        "INSERT INTO {TABLE} (code, title, retention_class, access, biometric, \\"order\\")"
        " VALUES ('before', '', 'identity', 'restricted', false, 0)"
    )
"""
AFTER = """
import django; django.setup()
from audit.actor import acting_as
from subjects.models import DataCategory
with acting_as("job:proof"):
    old = DataCategory.objects.get(code="before")
    old.shelf = "B2"
    old.save()
    DataCategory.objects.create(code="after", retention_class="identity", shelf="A1")
    DataCategory.objects.filter(code="after").delete()
for row in DataCategory.history.order_by("history_id"):
    print(row.history_type, row.code, row.shelf, row.actor)
"""


@pytest.mark.django_db
def test_a_column_that_a_migration_adds_appears_in_history(tmp_path):
    """The real thing: a field is added, makemigrations writes it down, migrate runs it where rows are, rows change."""
    shutil.copytree(ROOT / "subjects", tmp_path / "subjects", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "subjects" / "models.py").open("a") as models:
        models.write(NEW_FIELD)
    template, name = f"test_{conftest._fingerprint()}_done", f"{connection.settings_dict['NAME']}_column"
    run = Outside(tmp_path, name)
    try:
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        run("-c", BEFORE)
        run("-m", "django", "makemigrations", "subjects", "-n", "shelf", "-v", "0")
        (written,) = (tmp_path / "subjects" / "migrations").glob("*_shelf.py")
        assert written.read_text().count("AddField(") == 2, "the live table and its history"
        assert written.read_text().count("AddTrigger(") == 3, "one writer an operation"
        run("-m", "django", "migrate", "-v", "0")
        assert run("-c", AFTER).splitlines() == [
            "+ before  job:proof",
            "~ before B2 job:proof",
            "+ after A1 job:proof",
            "- after A1 job:proof",
        ]
    finally:
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


class Outside:
    """Python in a process of its own, on the database `name`, with the apps in `folder` before the house's."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "DATABASE_URL": urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}")),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
