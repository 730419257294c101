"""migrate that renders the models once for a row of operations, and not once for each of them.

After every operation Django renders anew all models that are related to the changed one. Here all are related: whoever
acted is a foreign key of each table and of its history. That was two thirds of every first start and of every test
run's beginning. The statements that reach the database are the same, in the same order.
"""

from collections.abc import Iterator
from copy import copy
from typing import Any

from django.core.management.commands import migrate
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration
from django.db.migrations.operations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    AlterModelManagers,
    AlterModelOptions,
    CreateModel,
)
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from pgtrigger.migrations import AddTrigger, RemoveTrigger

# each only adds to the state, or changes what can be told apart
ADDING = (
    AddConstraint, AddField, AddIndex, AddTrigger, AlterField, AlterModelManagers, AlterModelOptions, CreateModel,
    RemoveTrigger,
)  # fmt: skip


class Together(Operation):
    """Operations that follow one another, none of which needs to see what another one did."""

    def __init__(self, operations: list[Operation]) -> None:
        self.operations = operations

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        state.__dict__.pop("apps", None)  # rendered when it is asked for next
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for operation in self.operations:
            operation.database_forwards(app_label, schema_editor, from_state, to_state)


def together(operations: list[Operation]) -> list[Operation]:
    """The same operations, rows of them joined where that changes no statement."""
    return [row[0] if len(row) == 1 else Together(row) for row in _rows(operations)]


def _rows(operations: list[Operation]) -> Iterator[list[Operation]]:
    row: list[Operation] = []
    made: set[tuple[str, ...]] = set()
    for operation in operations:
        alone = type(operation) not in ADDING or (isinstance(operation, AlterField) and operation.field.primary_key)
        if row and (alone or _needs(operation) & made):
            yield row
            row, made = [], set()
        if alone:
            yield [operation]
        else:
            row.append(operation)
            made |= _makes(operation)
    if row:
        yield row


def _needs(operation: Operation) -> set[tuple[str, ...]]:
    """What must be in the database as the state before the row has it."""
    match operation:
        case AddConstraint() | AddIndex() | AddTrigger() | AddField():
            return {("model", operation.model_name.lower())}
        case AlterField():
            model = operation.model_name.lower()
            return {("model", model), ("field", model, operation.name_lower)}
        case RemoveTrigger():
            model = operation.model_name.lower()
            return {("model", model), ("trigger", model, operation.name)}
    return set()  # a new table needs nothing of its row but tables, options are not in the database


def _makes(operation: Operation) -> set[tuple[str, ...]]:
    """What operations after it in the row may not need."""
    match operation:
        case CreateModel():
            return {("model", operation.name_lower)}
        case AddField() | AlterField():
            return {("field", operation.model_name.lower(), operation.name_lower)}
        case AddTrigger():
            return {("trigger", operation.model_name.lower(), str(operation.trigger.name))}
    return set()


class Executor(MigrationExecutor):
    def apply_migration(self, state: ProjectState, migration: Migration, *args: Any, **kwargs: Any) -> ProjectState:
        joined = copy(migration)
        joined.operations = together(migration.operations)
        return super().apply_migration(state, joined, *args, **kwargs)


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        migrate.MigrationExecutor = Executor  # type: ignore[attr-defined] # Django has no other place to name it
        return super().handle(*args, **options)
