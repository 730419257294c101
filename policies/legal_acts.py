"""The acts we rest on: number, date, official titles in both languages, and whether they still bind (policy 3.1)."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class ActStatus(models.TextChoices):
    IN_FORCE = "in_force", pgettext_lazy("legal act", "in force")
    REPEALED = "repealed", pgettext_lazy("legal act", "repealed")


class LegalActQuerySet(models.QuerySet):
    def in_force(self, at=None):
        """Acts that bind on the day of the moment `at` (aware datetime, now by default), in Asia/Almaty."""
        day = timezone.localdate(at)
        return self.filter(date__lte=day).filter(Q(repealed_on=None) | Q(repealed_on__gt=day))


class LegalAct(models.Model):
    """A legal act. Its official titles are plain fields: they are quoted, never translated by us."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    number = models.CharField(_("number"), max_length=40)
    date = models.DateField(_("date"))
    title_kk = models.CharField(_("official title in Kazakh"), max_length=300)
    title_ru = models.CharField(_("official title in Russian"), max_length=300)
    title_en = models.CharField(_("title in English"), max_length=300, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=ActStatus, default=ActStatus.IN_FORCE)
    repealed_on = models.DateField(_("repealed on"), null=True, blank=True)
    # `by` is said of people here, so the act that came after is named for what it is
    successor = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="predecessors",
        verbose_name=_("repealed by the act"),
    )
    confirmed_by_counsel = models.BooleanField(_("confirmed by counsel"), default=False)

    objects = LegalActQuerySet.as_manager()

    class Meta:
        verbose_name = _("legal act")
        verbose_name_plural = _("legal acts")
        ordering = ["date", "number"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="in_force", repealed_on=None, successor=None)
                | Q(status="repealed", repealed_on__isnull=False),
                name="policies_act_repealed_on",
                violation_error_message=_("A repealed act says since when; an act in force does not."),
            ),
            models.CheckConstraint(
                condition=Q(repealed_on=None) | Q(repealed_on__gte=models.F("date")),
                name="policies_act_dates",
                violation_error_message=_("The act is repealed before its date."),
            ),
        ]

    def __str__(self) -> str:
        return f"№ {self.number}"
