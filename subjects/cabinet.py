"""The cabinet is a page made of parts: every app may have a `cabinet_home.py` that adds one (DESIGN 1)."""

from collections.abc import Callable
from typing import NamedTuple

from django.http import HttpRequest
from django.utils.functional import Promise

from subjects.models import DataSubject

# The key under which the cabinet's session holds the public id of the person signed in.
SUBJECT_KEY = "subject"


class Part(NamedTuple):
    """A part of the cabinet's home: a template and what it shows, or None when there is nothing to show."""

    order: int
    template: str
    context: Callable[[HttpRequest, DataSubject], dict | None]


class Link(NamedTuple):
    """A plain link on the cabinet's home: where, and what it is called."""

    order: int
    url_name: str
    title: Promise | str


PARTS: list[Part] = []
LINKS: list[Link] = []
