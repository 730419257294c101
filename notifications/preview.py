"""A letter as its reader would see it, with sample links and no person, from the very renderer that sends it."""

from collections.abc import Callable
from typing import NamedTuple

from django.conf import settings
from django.urls import reverse

from notifications.mime import Rendered, render
from notifications.ports import KINDS
from staff.enums import Language


class Specimen(NamedTuple):
    """One language of a letter on a page that shows it: the language's code and name, its subject line, the address
    of the frame with its text."""

    code: str
    name: str
    subject: str
    url: str


def specimens(*, kind: str, cause: str, url: Callable[[str], str]) -> list[Specimen]:
    """The letter in every language; `url`: language → address of its frame. Raises as `html`."""
    return [
        Specimen(code, name, subject(kind=kind, cause=cause, language=code), url(code))
        for code, name in Language.choices
    ]


def html(*, kind: str, cause: str, language: str) -> str:
    """The HTML part of the letter; its links lead to the cabinet's door and nowhere else.

    Raises LookupError for a kind that is not known any more, ObjectDoesNotExist for a cause that is gone.
    """
    door = settings.SITE_URL + reverse("cabinet:home")
    samples = {"cabinet_link": door, "not_mine_link": door, "code": "000000"}
    return _rendered(kind, cause, language).html_with(samples)


def subject(*, kind: str, cause: str, language: str) -> str:
    """The letter's subject line. Raises as `html`."""
    return _rendered(kind, cause, language).subject


def _rendered(kind: str, cause: str, language: str) -> Rendered:
    return render(kind, language, KINDS[kind].context(cause, language))
