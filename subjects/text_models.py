"""The outbox of SMS: a row before anything is sent, never the number and never the words (DESIGN 7)."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from staff.enums import Language


class TextMessage(models.Model):
    """An SMS to a person: a code, or that something waits; what it says is made while it is sent."""

    class Kind(models.TextChoices):
        CODE = "code", pgettext_lazy("SMS", "code")
        PHONE_CHANGED = "phone_changed", pgettext_lazy("SMS", "the phone was changed")

    class State(models.TextChoices):
        QUEUED = "queued", pgettext_lazy("SMS", "queued")
        SENDING = "sending", pgettext_lazy("SMS", "being sent")
        SENT = "sent", pgettext_lazy("SMS", "sent")
        FAILED = "failed", pgettext_lazy("SMS", "failed")
        UNCERTAIN = "uncertain", pgettext_lazy("SMS", "uncertain")
        SKIPPED = "skipped", pgettext_lazy("SMS", "skipped")

    subject = models.ForeignKey(
        "subjects.DataSubject",
        models.PROTECT,
        related_name="text_messages",
        verbose_name=_("data subject"),
        db_index=False,
    )
    kind = models.CharField(max_length=20, choices=Kind)
    # app.Model:pk#kind; nothing is told twice by a lost bell or a second click
    cause = models.CharField(max_length=120, unique=True)
    language = models.CharField(max_length=2, choices=Language)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("SMS")
        verbose_name_plural = _("SMS")
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state__in=["queued", "sending"]), name="subjects_text_due"),
            models.Index(fields=["subject", "-id"], name="subjects_text_by_subject"),
            models.Index(fields=["created_at"], condition=Q(kind="code"), name="subjects_text_codes"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} № {self.pk}"
