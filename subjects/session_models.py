"""Who is in the cabinet now, and from what kind of device: what the person may look over and end (ASVS 7.4, 7.5.2)."""

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class CabinetSession(models.Model):
    """A session behind the door. Its cookie is nowhere here: the browser's session holds this row's public id.

    Of the device only what a person tells their own apart by: no address, no program's own words.
    """

    class How(models.TextChoices):
        CODE = "code", pgettext_lazy("session", "with a code")
        HANDOVER = "handover", pgettext_lazy("session", "from our site, signed in there")

    class Device(models.TextChoices):
        PHONE = "phone", pgettext_lazy("device", "telephone")
        TABLET = "tablet", pgettext_lazy("device", "tablet")
        COMPUTER = "computer", pgettext_lazy("device", "computer")
        OTHER = "other", pgettext_lazy("device", "another device")

    subject = models.ForeignKey(
        "subjects.DataSubject",
        models.PROTECT,
        related_name="cabinet_sessions",
        verbose_name=_("data subject"),
        db_index=False,
    )
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    how = models.CharField(max_length=10, choices=How, default=How.CODE)
    # the site it came from, where it was handed over
    issuer = models.CharField(max_length=30, blank=True)
    device = models.CharField(max_length=10, choices=Device, default=Device.OTHER)
    # a name of subjects.sessions.BROWSERS, or nothing
    browser = models.CharField(max_length=20, blank=True)
    began_at = models.DateTimeField(db_default=Now(), editable=False)
    # to some minutes: it is not written at every page
    seen_at = models.DateTimeField(db_default=Now(), editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("cabinet session")
        verbose_name_plural = _("cabinet sessions")
        indexes = [models.Index(fields=["subject", "-id"], name="subjects_session_by_subject")]
        constraints = [
            models.CheckConstraint(
                condition=Q(how="handover") & ~Q(issuer="") | ~Q(how="handover") & Q(issuer=""),
                name="subjects_session_issuer_when_handed_over",
            ),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"
