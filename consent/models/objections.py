"""A person says no to a use that needs no consent, or to one they once allowed (94-V art. 24; Digital Code)."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consent.models.register import Purpose
from subjects.models import DataSubject


class ObjectionQuerySet(models.QuerySet):
    def in_force(self, at=None):
        """Objections that stand at the moment `at` (aware datetime, now by default)."""
        return self.filter(in_force_during__contains=at or timezone.now())


class Objection(models.Model):
    """While it stands, the purpose is not pursued with this person's data, unless a law demands it."""

    subject = models.ForeignKey(DataSubject, models.PROTECT, related_name="objections", verbose_name=_("data subject"))
    purpose = models.ForeignKey(Purpose, models.PROTECT, related_name="objections", verbose_name=_("purpose"))
    in_force_during = DateTimeRangeField(_("in force"))

    objects = ObjectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("objection")
        verbose_name_plural = _("objections")
        constraints = [
            ExclusionConstraint(
                name="consent_objection_once",
                expressions=[
                    ("subject", RangeOperators.EQUAL),
                    ("purpose", RangeOperators.EQUAL),
                    ("in_force_during", RangeOperators.OVERLAPS),
                ],
                violation_error_message=_("This objection stands already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject_id} {self.purpose_id}"
