"""makemigrations that creates each new table in one operation.

Django writes a new model as CreateModel followed by an AddField for every foreign key and an operation for every index,
constraint and trigger, and each of those has all related models rendered again when migrations run: minutes on every
first start and every test run. The schema is the same either way.
"""

from django.core.management.commands import makemigrations
from django.db.migrations.migration import Migration
from django.db.migrations.operations import AddConstraint, AddField, AddIndex, CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.utils import resolve_relation
from pgtrigger.migrations import AddTrigger

PARTS = {
    AddIndex: ("indexes", "index"),
    AddConstraint: ("constraints", "constraint"),
    AddTrigger: ("triggers", "trigger"),
}


class Command(makemigrations.Command):
    def write_migration_files(self, changes: dict[str, list[Migration]], *args: object, **kwargs: object) -> None:
        for app_label, migrations in changes.items():
            for migration in migrations:
                migration.operations = in_one_piece(app_label, migration.operations)
        super().write_migration_files(changes, *args, **kwargs)


def in_one_piece(app_label: str, operations: list[Operation]) -> list[Operation]:
    """The same operations with what belongs to a new model inside its CreateModel, referred models first.

    A field that would close a circle of references, and what comes after it for its model, stays an operation.
    """
    created = {o.name_lower: o for o in operations if isinstance(o, CreateModel)}
    if not created:
        return operations
    refers = {
        name: {target for _name, field in model.fields for target in _targets(app_label, name, field) & set(created)}
        for name, model in created.items()
    }
    left: list[Operation] = []
    kept_apart: set[str] = set()
    for operation in operations:
        if isinstance(operation, CreateModel):
            continue
        name = getattr(operation, "model_name_lower", "")
        if name not in created or name in kept_apart or not _merge(app_label, operation, created, refers):
            kept_apart.add(name)
            left.append(operation)
    first = next(i for i, operation in enumerate(operations) if isinstance(operation, CreateModel))
    before = operations[:first]
    return [*before, *_referred_first(created, refers), *(o for o in left if o not in before)]


def _merge(app_label: str, operation: Operation, created: dict[str, CreateModel], refers: dict[str, set[str]]) -> bool:
    """Put the operation into its CreateModel; False when it cannot be."""
    name = operation.model_name_lower  # type: ignore[attr-defined]
    model = created[name]
    if isinstance(operation, AddField):
        targets = _targets(app_label, name, operation.field) & set(created)
        if not operation.preserve_default or any(_reaches(target, name, refers) for target in targets):
            return False
        refers[name] |= targets
        model.fields.append((operation.name, operation.field))
        return True
    if type(operation) not in PARTS:
        return False
    option, attribute = PARTS[type(operation)]
    model.options[option] = [*model.options.get(option, []), getattr(operation, attribute)]
    return True


def _targets(app_label: str, model_name: str, field: object) -> set[str]:
    """The names of models of this app, but the model itself, that the field refers to."""
    remote = getattr(field, "remote_field", None)
    if not remote or not remote.model:
        return set()
    app, name = resolve_relation(remote.model, app_label, model_name)
    return {name} - {model_name} if app == app_label else set()


def _reaches(start: str, goal: str, refers: dict[str, set[str]]) -> bool:
    seen: set[str] = set()
    todo = [start]
    while todo:
        name = todo.pop()
        if name == goal:
            return True
        if name not in seen:
            seen.add(name)
            todo.extend(refers[name])
    return False


def _referred_first(created: dict[str, CreateModel], refers: dict[str, set[str]]) -> list[CreateModel]:
    ordered: dict[str, CreateModel] = {}

    def add(name: str) -> None:
        if name in ordered:
            return
        for target in sorted(refers[name], key=list(created).index):
            add(target)
        ordered[name] = created[name]

    for name in created:
        add(name)
    return list(ordered.values())
