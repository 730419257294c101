"""A migration creates a new table in one operation (config/management/commands/makemigrations.py)."""

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import AddConstraint, AddField, AddIndex, CreateModel
from django.db.migrations.state import ProjectState
from pgtrigger.migrations import AddTrigger

from config.management.commands.makemigrations import in_one_piece

HOUSE = ("audit", "staff", "notifications", "subjects", "policies", "consent", "transfers")


def key(name: str = "id") -> tuple[str, models.Field]:
    return name, models.BigAutoField(primary_key=True)


def refer(to: str) -> models.ForeignKey:
    return models.ForeignKey(to, models.CASCADE)


def state_of(operations: list) -> ProjectState:
    state = ProjectState()
    for operation in operations:
        operation.state_forwards("shop", state)
    return state


def test_fields_indexes_and_constraints_of_a_new_model_are_created_with_it_and_referred_models_first():
    operations = [
        CreateModel("Order", [key()]),
        CreateModel("Buyer", [key()]),
        AddField("order", "buyer", refer("shop.buyer")),
        AddIndex("order", models.Index(fields=["buyer"], name="by_buyer")),
        AddConstraint("order", models.UniqueConstraint(fields=["buyer"], name="once")),
    ]
    merged = in_one_piece("shop", operations)
    assert [operation.name for operation in merged] == ["Buyer", "Order"]
    order = state_of(merged).models["shop", "order"]
    assert list(order.fields) == ["id", "buyer"]
    assert [index.name for index in order.options["indexes"]] == ["by_buyer"]
    assert [constraint.name for constraint in order.options["constraints"]] == ["once"]


def test_a_circle_of_references_is_closed_by_an_operation_of_its_own():
    operations = [
        CreateModel("Order", [key(), ("buyer", refer("shop.buyer"))]),
        CreateModel("Buyer", [key()]),
        AddField("buyer", "last", refer("shop.order")),
        AddIndex("buyer", models.Index(fields=["last"], name="by_last")),
    ]
    merged = in_one_piece("shop", operations)
    assert [type(operation) for operation in merged] == [CreateModel, CreateModel, AddField, AddIndex]
    assert [operation.name for operation in merged[:2]] == ["Buyer", "Order"]


def test_what_concerns_older_models_stays_as_it_was():
    older = AddField("shelf", "place", models.CharField(max_length=3))
    merged = in_one_piece("shop", [migrations.RunSQL("SELECT 1"), CreateModel("Buyer", [key()]), older])
    assert [type(operation) for operation in merged] == [migrations.RunSQL, CreateModel, AddField]


@pytest.mark.parametrize("app", HOUSE)
def test_every_migration_of_the_house_creates_its_tables_in_one_piece(app):
    late = []
    for (label, name), migration in MigrationLoader(None).disk_migrations.items():
        if label != app:
            continue
        created = {o.name_lower for o in migration.operations if isinstance(o, CreateModel)}
        late += [
            f"{name}: {type(operation).__name__} of {operation.model_name}"
            for operation in migration.operations
            if isinstance(operation, AddField | AddIndex | AddConstraint | AddTrigger)
            and operation.model_name_lower in created
        ]
    assert not late, "run makemigrations again: it puts these into CreateModel"
