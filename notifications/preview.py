"""A letter as its reader would see it, with sample links and no person."""

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from notifications.ports import KINDS


def html(*, kind: str, cause: str, language: str) -> str:
    """The HTML part of the letter; its links lead to the cabinet's door and nowhere else.

    Raises LookupError for a kind that is not known any more, ObjectDoesNotExist for a cause that is gone.
    """
    door = settings.SITE_URL + reverse("cabinet:home")
    samples = {"cabinet_link": door, "not_mine_link": door, "code": "000000"}
    return _rendered(kind, cause, language, "html", samples)


def subject(*, kind: str, cause: str, language: str) -> str:
    """The letter's subject line. Raises as `html`."""
    return " ".join(_rendered(kind, cause, language, "subject.txt", {}).split())


def _rendered(kind: str, cause: str, language: str, suffix: str, samples: dict[str, str]) -> str:
    context = KINDS[kind].context(cause, language)
    with translation.override(language):
        return render_to_string(f"letters/{kind}/{language}.{suffix}", {**context, **samples})
