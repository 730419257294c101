"""A letter as its reader would see it, with sample links and no person."""

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from notifications.ports import KINDS


def html(*, kind: str, cause: str, language: str) -> str:
    """The HTML part of the letter; its links lead to the cabinet's door and nowhere else."""
    door = settings.SITE_URL + reverse("cabinet:home")
    context = KINDS[kind].context(cause, language)
    with translation.override(language):
        return render_to_string(
            f"letters/{kind}/{language}.html",
            {**context, "cabinet_link": door, "not_mine_link": door, "code": "000000"},
        )
