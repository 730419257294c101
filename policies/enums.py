from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class State(models.TextChoices):
    """Stored states; scheduled, in force and superseded are read from `in_force_during` and the clock."""

    DRAFT = "draft", pgettext_lazy("version", "draft")
    IN_REVIEW = "in_review", pgettext_lazy("version", "in review")
    APPROVED = "approved", pgettext_lazy("version", "approved")
    PUBLISHED = "published", pgettext_lazy("version", "published")
    ARCHIVED = "archived", pgettext_lazy("version", "given up")


TRANSITIONS: dict[str, set[str]] = {
    State.DRAFT: {State.IN_REVIEW, State.ARCHIVED},
    State.IN_REVIEW: {State.DRAFT, State.APPROVED},
    State.APPROVED: {State.DRAFT, State.PUBLISHED},
    State.PUBLISHED: set(),
    State.ARCHIVED: set(),
}


class Prevailing(models.TextChoices):
    """Which text decides when the two differ (law on languages; product.md 3.3 row 40)."""

    EQUAL = "equal", _("both texts are equal")
    KK = "kk", _("the Kazakh text")
    RU = "ru", _("the Russian text")


class ClauseKind(models.TextChoices):
    HEADING = "heading", pgettext_lazy("clause", "heading")
    CLAUSE = "clause", pgettext_lazy("clause", "clause")
    BULLET = "bullet", pgettext_lazy("clause", "list item")
    PARAGRAPH = "paragraph", pgettext_lazy("clause", "paragraph")


class Severity(models.TextChoices):
    ERROR = "error", pgettext_lazy("finding", "error")
    WARNING = "warning", pgettext_lazy("finding", "warning")
    INFO = "info", pgettext_lazy("finding", "note")
