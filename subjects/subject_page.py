"""The officers' page about a person is made of parts: an app may have a `subject_file.py` that adds one (DESIGN 1)."""

from collections.abc import Callable
from typing import NamedTuple

from django.http import HttpRequest

from subjects.models import DataSubject


class Part(NamedTuple):
    """A part of the page: a template and what it shows, or None for an officer who may not see it.

    Nothing of a person's values: the page is masked.
    """

    order: int
    template: str
    context: Callable[[HttpRequest, DataSubject], dict | None]


PARTS: list[Part] = []
