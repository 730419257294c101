"""The officers' pages about people."""

from subjects.admin import (
    clock,
    contracts,
    data,
    handover,
    imports,
    life,
    people,
    relations,
    requests,
    restraints,
    tasks,
)

__all__ = [
    "clock",
    "contracts",
    "data",
    "handover",
    "imports",
    "life",
    "people",
    "relations",
    "requests",
    "restraints",
    "tasks",
]
