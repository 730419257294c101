"""What a machine decided about a person alone, and the human who looked again (Digital Code; law.md 1.5)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class AutomatedDecision(models.Model):
    """A decision a system of ours made without a human, as it tells it: what, when, on which data, how it ended."""

    class Kind(models.TextChoices):
        SCORING = "scoring", pgettext_lazy("automated decision", "score of solvency")
        CREDIT = "credit", pgettext_lazy("automated decision", "whether a microcredit is given")
        LIMIT = "limit", pgettext_lazy("automated decision", "amount or term")
        FRAUD = "fraud", pgettext_lazy("automated decision", "check for fraud")
        MARKETING = "marketing", pgettext_lazy("automated decision", "choice of an offer")

    class Outcome(models.TextChoices):
        GRANTED = "granted", pgettext_lazy("automated decision", "for the person")
        LIMITED = "limited", pgettext_lazy("automated decision", "for the person, with limits")
        REFUSED = "refused", pgettext_lazy("automated decision", "against the person")
        REFERRED = "referred", pgettext_lazy("automated decision", "passed on to a human")

    class Review(models.TextChoices):
        UPHELD = "upheld", pgettext_lazy("review", "the decision stays")
        CHANGED = "changed", pgettext_lazy("review", "the decision was changed")

    subject = models.ForeignKey(
        "subjects.DataSubject", models.PROTECT, related_name="automated_decisions", verbose_name=_("data subject")
    )
    # of the system that decided; unique in it
    client = models.SlugField(_("system"), max_length=40, db_index=False, editable=False)
    number = models.CharField(_("number"), max_length=40)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome)
    occurred_at = models.DateTimeField(_("made at"))
    # codes of DataCategory: what the person is told it was decided on
    categories = ArrayField(models.SlugField(max_length=40), verbose_name=_("data categories"))
    review_asked_at = models.DateTimeField(_("human review asked at"), null=True, blank=True)
    review = models.CharField(_("outcome of the review"), max_length=10, choices=Review, blank=True, default="")
    reviewed_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, null=True, related_name="+", verbose_name=_("reviewed by"), editable=False
    )
    reviewed_at = models.DateTimeField(_("reviewed at"), null=True, editable=False)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("automated decision")
        verbose_name_plural = _("automated decisions")
        permissions = [("review_automateddecision", _("Can look again at an automated decision"))]
        constraints = [
            models.UniqueConstraint(fields=["client", "number"], name="subjects_decision_once"),
            models.CheckConstraint(
                condition=Q(reviewed_by=None, reviewed_at=None)
                | Q(reviewed_by__isnull=False, reviewed_at__isnull=False),
                name="subjects_decision_reviewed_at_and_by",
            ),
            models.CheckConstraint(
                condition=Q(review="", reviewed_at=None)
                | ~Q(review="") & Q(reviewed_at__isnull=False, review_asked_at__isnull=False),
                name="subjects_decision_review_was_asked",
                violation_error_message=_("A review is recorded after somebody asked for it."),
            ),
        ]
        indexes = [
            models.Index(
                fields=["review_asked_at"],
                condition=Q(review_asked_at__isnull=False, reviewed_at=None),
                name="subjects_decision_to_review",
            )
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"
