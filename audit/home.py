"""The officers' home is made of parts: every app may have a `dashboard.py` that says what waits for whom (DESIGN 1)."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.utils.functional import Promise


class Need(NamedTuple):
    """Something that waits for the reader: what, how many, and the page where it is done."""

    text: str | Promise
    url: str
    count: int | None = None
    urgent: bool = False


class Fact(NamedTuple):
    """A figure of the state of the house."""

    label: str | Promise
    value: Any
    url: str = ""
    note: str | Promise = ""


NEEDS: list[Callable[[HttpRequest], list[Need]]] = []
FACTS: list[Callable[[HttpRequest], list[Fact]]] = []


def needs(request: HttpRequest) -> list[Need]:
    """Everything that waits for this officer, the urgent first."""
    found = [need for part in NEEDS for need in part(request)]
    return sorted(found, key=lambda need: not need.urgent)


def facts(request: HttpRequest) -> list[Fact]:
    """The state of the house, part by part."""
    return [fact for part in FACTS for fact in part(request)]
