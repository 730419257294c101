"""The officers' pages about people."""

from subjects.admin import imports, people, tasks

__all__ = ["imports", "people", "tasks"]
