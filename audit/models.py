"""What was done and who looked."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from audit.triggers import AppendOnly, EventStamp, NoTruncate


class Event(models.Model):
    """A fact that happened: written once, by somebody, at the database's own time; never changed (DESIGN 3).

    A subclass's Meta inherits `Event.Meta` and with it the triggers that fill the stamp and refuse change.
    """

    at = models.DateTimeField(_("at"), db_default=Now(), editable=False)
    actor = models.TextField(_("actor"), db_default="", editable=False)
    user = models.ForeignKey(
        "staff.StaffUser",
        models.DO_NOTHING,
        verbose_name=_("officer"),
        null=True,
        editable=False,
        db_constraint=False,
        related_name="+",
    )
    request_id = models.TextField(_("request"), db_default="", editable=False)
    db_user = models.TextField(_("database user"), db_default="", editable=False)

    class Meta:
        abstract = True
        triggers = [EventStamp(), AppendOnly(), NoTruncate()]


class AccessRecord(Event):
    """Somebody saw personal data: written before the value is sent, in the same transaction (DESIGN 4; policy 5.5)."""

    class Door(models.TextChoices):
        REVEAL = "reveal", _("an officer, with a reason")
        OWN = "own", _("the person, in the cabinet")
        JOB = "job", _("a named job, in bulk")

    door = models.CharField(_("door"), max_length=10, choices=Door)
    reference = models.CharField(_("data subject"), max_length=20, blank=True)
    category = models.CharField(_("data category"), max_length=40)
    reason = models.CharField(_("reason"), max_length=40)
    count = models.PositiveIntegerField(_("values"), default=1)

    class Meta(Event.Meta):
        abstract = False
        verbose_name = _("access record")
        verbose_name_plural = _("access records")
        indexes = [
            models.Index(fields=["reference", "at"], name="access_by_reference"),
            models.Index(fields=["user", "at"], name="access_by_user"),
        ]

    def __str__(self) -> str:
        return f"{self.get_door_display()} № {self.pk}"
