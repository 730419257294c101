"""Why we may. Here: which notice was served to whom, and what they answered (policy 9.2).

An acknowledgement is not a consent and nothing infers one from the other (94-V art. 8).
"""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from audit.models import Event
from policies.models import PolicyVersion
from staff.enums import Language
from subjects.models import DataSubject


class NoticeServed(Event):
    """What was shown to whom: the version, the language and the digest of exactly the text on the page."""

    subject = models.ForeignKey(
        DataSubject,
        models.PROTECT,
        related_name="notices_served",
        verbose_name=_("data subject"),
        db_index=False,
    )
    version = models.ForeignKey(PolicyVersion, models.PROTECT, related_name="notices_served", verbose_name=_("version"))
    language = models.CharField(_("language"), max_length=2, choices=Language)
    sha256 = models.CharField(_("SHA-256 of the text shown"), max_length=64)

    class Meta(Event.Meta):
        verbose_name = _("notice served")
        verbose_name_plural = _("notices served")
        constraints = [
            models.UniqueConstraint(fields=["subject", "version", "language", "sha256"], name="consent_served_once")
        ]

    def __str__(self) -> str:
        return f"{self.subject_id} {self.version_id}"


class Answer(models.TextChoices):
    READ = "read", pgettext_lazy("answer", "has read")
    DISAGREES = "disagrees", pgettext_lazy("answer", "does not agree")


class Acknowledgement(Event):
    """The person's answer to a notice: read, or does not agree; neither is a condition of anything."""

    subject = models.ForeignKey(
        DataSubject,
        models.PROTECT,
        related_name="acknowledgements",
        verbose_name=_("data subject"),
        db_index=False,
    )
    version = models.ForeignKey(
        PolicyVersion, models.PROTECT, related_name="acknowledgements", verbose_name=_("version")
    )
    served = models.ForeignKey(NoticeServed, models.PROTECT, related_name="answers", verbose_name=_("notice served"))
    answer = models.CharField(_("answer"), max_length=10, choices=Answer)
    language = models.CharField(_("language"), max_length=2, choices=Language)
    sha256 = models.CharField(_("SHA-256 of the text shown"), max_length=64)

    class Meta(Event.Meta):
        verbose_name = _("acknowledgement")
        verbose_name_plural = _("acknowledgements")
        constraints = [
            # whoever does not agree may say later that they have read; saying the same again is the same answer
            models.UniqueConstraint(fields=["subject", "version", "answer"], name="consent_answer_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_answer_display()} № {self.pk}"
