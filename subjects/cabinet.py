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
    """A plain link on the cabinet's home: where, what it is called, whether it stands among the others below.

    Six stand at the top; what is asked for more rarely is `more`.
    """

    order: int
    url_name: str
    title: Promise | str
    more: bool = False


PARTS: list[Part] = []
LINKS: list[Link] = []
# what a higher app knows of the values on "My data": person → {category code: [(term, lines)]}, constant queries
ABOUT_VALUES: list[Callable[[DataSubject], dict[str, list[tuple[str, list[str]]]]]] = []
