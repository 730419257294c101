"""E-mails and phones that nothing goes to until an officer has settled whose they are (ADR 7)."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class DisputedAddress(models.Model):
    """An e-mail or phone of which a reader said that it reaches a stranger; the row goes when its task is settled.

    It stops the address for everybody who has it. Who said so, who settled it and how is in the letter's events or
    the cabinet's, and in the task's history; a digest has no place there, since it must go with the value (DESIGN 4).
    """

    task = models.OneToOneField("subjects.Task", models.PROTECT, related_name="address")
    value = models.OneToOneField("subjects.PersonalData", models.CASCADE, related_name="dispute")
    digest = models.BinaryField(max_length=16)
    since = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("disputed address")
        verbose_name_plural = _("disputed addresses")
        indexes = [models.Index(fields=["digest"], name="subjects_disputed")]

    def __str__(self) -> str:
        return f"№ {self.pk}"
