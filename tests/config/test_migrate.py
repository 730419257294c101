"""Operations of a migration that are joined reach the database as the same statements (config/management/commands/migrate.py)."""

import re

import pgtrigger
import pytest
from django.apps.registry import Apps
from django.core.management import get_commands
from django.db import connection, migrations, models, transaction
from django.db.migrations.operations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    AlterModelOptions,
    CreateModel,
    RemoveField,
    RunSQL,
)
from django.db.migrations.state import ProjectState
from django.test.utils import CaptureQueriesContext
from pgtrigger.migrations import AddTrigger, RemoveTrigger

from config.management.commands import migrate


def key() -> tuple[str, models.Field]:
    return "id", models.BigAutoField(primary_key=True)


def short(length: int = 20) -> models.CharField:
    return models.CharField(max_length=length, default="")


def kept(sql: str):
    """A trigger as migrations hold it: compiled."""
    return pgtrigger.Protect(name="kept", operation=pgtrigger.Delete, condition=pgtrigger.Condition(sql)).compile(Buyer)


class Buyer(models.Model):  # noqa: DJ008 -- never a row
    class Meta:
        app_label = "shop"
        apps = Apps()  # of its own, so that nobody else meets it


BUYER, ORDER = (
    CreateModel("Buyer", [key(), ("name", short())]),
    CreateModel("Order", [key(), ("buyer", models.ForeignKey("shop.buyer", models.PROTECT))]),
)
OPERATIONS = [
    [BUYER, ORDER, AlterModelOptions("order", {"ordering": ["id"]})],
    [  # needs the tables of the row before
        AddIndex("order", models.Index(fields=["buyer", "id"], name="by_buyer")),
        AddConstraint("buyer", models.CheckConstraint(condition=~models.Q(name="x"), name="no_x")),
        AddField("buyer", "note", short()),
        AddField("buyer", "friend", models.ForeignKey("shop.buyer", models.SET_NULL, null=True)),
        AlterField("buyer", "name", short(40)),
        AddTrigger("buyer", kept("OLD.id = 1")),
    ],
    [AlterField("buyer", "note", short(50)), RemoveTrigger("buyer", "kept"), AddTrigger("buyer", kept("OLD.id = 2"))],
    [RunSQL("SELECT 1", migrations.RunSQL.noop)],
    [RemoveField("buyer", "note")],
    [CreateModel("Shelf", [key()]), AddIndex("order", models.Index(fields=["id"], name="by_id"))],
    [AlterField("shelf", "id", models.AutoField(primary_key=True))],
]  # fmt: skip


def flat() -> list:
    return [operation for row in OPERATIONS for operation in row]


def test_rows_end_where_an_operation_needs_what_the_row_made_or_stands_alone():
    joined = migrate.together(flat())
    rows = [one.operations if isinstance(one, migrate.Together) else [one] for one in joined]
    assert rows == OPERATIONS


def statements(operations: list) -> tuple[list[str], list[tuple]]:
    """What reaches the database, and what is there afterwards; rolled back."""
    migration = migrations.Migration("0001", "shop")
    migration.operations = operations
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        with connection.schema_editor(atomic=False) as editor:
            migration.apply(ProjectState(), editor)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable"
                " FROM information_schema.columns WHERE table_name LIKE 'shop%%' UNION ALL"
                " SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), 0, '' FROM pg_constraint"
                " WHERE conrelid::regclass::text LIKE 'shop%%' UNION ALL"
                " SELECT tablename, indexname, indexdef, 0, '' FROM pg_indexes WHERE tablename LIKE 'shop%%' UNION ALL"
                " SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), 0, '' FROM pg_trigger"
                " WHERE tgrelid::regclass::text LIKE 'shop%%' AND NOT tgisinternal ORDER BY 1, 2, 3",
                [],
            )
            there = cursor.fetchall()
        transaction.set_rollback(True)
    return [re.sub(r'"s\d+_x\d+"', "a savepoint", query["sql"]) for query in queries], there


@pytest.mark.django_db
def test_joined_or_one_by_one_the_database_hears_the_same_and_is_the_same():
    one_by_one, joined = statements(flat()), statements(migrate.together(flat()))
    for heard, hears in zip(one_by_one[0], joined[0], strict=True):
        assert hears == heard
    assert joined[1] == one_by_one[1]
    assert {row[1] for row in joined[1]} >= {"by_buyer", "no_x", "friend_id", "by_id"}
    assert any("OLD.id = 2" in str(row) or "pgtrigger_kept" in str(row[1]) for row in joined[1])


def test_it_is_the_command_that_everybody_gets():
    assert get_commands()["migrate"] == "config"
