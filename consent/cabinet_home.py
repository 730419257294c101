"""What the consent app shows on the cabinet's home: policies that changed and wait for an answer."""

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from consent.rules import pending
from subjects import cabinet
from subjects.models import DataSubject


def changed_policies(request: HttpRequest, subject: DataSubject) -> dict | None:
    """The versions to answer, or None when nothing waits."""
    waiting = pending(subject)
    return {"versions": [news.version for news in waiting]} if waiting else None


cabinet.PARTS.append(cabinet.Part(10, "cabinet/_changed_policies.html", changed_policies))
cabinet.LINKS.append(cabinet.Link(20, "consent:answers", _("What I answered")))
