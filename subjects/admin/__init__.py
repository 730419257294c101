"""The officers' pages about people."""

from subjects.admin import clock, data, handover, imports, life, people, relations, requests, restraints, tasks

__all__ = ["clock", "data", "handover", "imports", "life", "people", "relations", "requests", "restraints", "tasks"]
