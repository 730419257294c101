"""What follows a transfer: the person told, recipients told, what came without a rule (94-V art. 19; policy 7.1)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from audit.models import Event
from subjects.enums import Disclosure
from subjects.models import DataSubject
from transfers.enums import Fate, NoticeReason, SentBy
from transfers.models.register import Recipient
from transfers.models.transfers import Transfer
from transfers.triggers import NeverReopened


class TransferNotice(Event):
    """The person is told, by one letter, of the transfers of a day that the agreement or the law has us tell of.

    Its clock is `Deadline` about "transfers.TransferNotice:pk", from the first sending of that day.
    """

    subject = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="+", verbose_name=_("data subject"), db_index=False
    )
    day = models.DateField(_("day of the transfers"))
    transfers = models.PositiveIntegerField(_("transfers"))

    class Meta(Event.Meta):
        abstract = False
        verbose_name = _("notice of transfers")
        verbose_name_plural = _("notices of transfers")
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "day"],
                name="transfers_notice_once_a_day",
                violation_error_message=_("The person was told of this day already."),
            ),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"

    @property
    def about(self) -> str:
        """The name of its clock and the cause of its letter."""
        return f"transfers.TransferNotice:{self.pk}"


class RecipientNotice(models.Model):
    """Whoever got the data must learn that they were corrected, that the consent ended or that they were destroyed.

    An officer sends the prepared letter and writes down the confirmation; it names our transfers and no person.
    """

    recipient = models.ForeignKey(
        Recipient, models.PROTECT, related_name="notices", verbose_name=_("recipient"), db_index=False
    )
    subject = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="+", verbose_name=_("data subject"), db_index=False
    )
    reason = models.CharField(_("what happened"), max_length=10, choices=NoticeReason)
    # "consent.ConsentEvent:5", "subjects.PersonalData:7": the same is told once
    cause = models.CharField(_("cause"), max_length=140)
    categories = ArrayField(models.SlugField(max_length=40), verbose_name=_("data categories"))
    # keys of Transfer, an append-only table
    transfers = ArrayField(models.BigIntegerField(), verbose_name=_("transfers"))
    disclosure = models.CharField(_("who may see it"), max_length=10, choices=Disclosure, default=Disclosure.SUBJECT)
    opened_at = models.DateTimeField(_("opened at"), db_default=Now(), editable=False)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    sent_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("sent by")
    )
    channel = models.CharField(_("how it was sent"), max_length=10, choices=SentBy, blank=True)
    letter_sha256 = models.CharField(_("SHA-256 of the letter"), max_length=64, blank=True)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)
    confirmed_by = models.ForeignKey(
        "staff.StaffUser",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("confirmation recorded by"),
    )
    confirmation = models.CharField(_("number or date of their answer"), max_length=120, blank=True)

    class Meta:
        verbose_name = _("task to tell a recipient")
        verbose_name_plural = _("tasks to tell recipients")
        triggers = [NeverReopened()]
        permissions = [("tell_recipient", _("Can tell recipients and record their confirmation"))]
        constraints = [
            models.UniqueConstraint(fields=["recipient", "subject", "cause"], name="transfers_told_once"),
            models.CheckConstraint(
                condition=Q(sent_at=None, sent_by=None) | Q(sent_at__isnull=False, sent_by__isnull=False),
                name="transfers_told_at_and_by",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at=None, confirmed_by=None)
                | Q(confirmed_at__isnull=False, confirmed_by__isnull=False),
                name="transfers_confirmed_at_and_by",
            ),
            models.CheckConstraint(
                condition=Q(sent_at=None, channel="", letter_sha256="")
                | Q(sent_at__isnull=False, letter_sha256__regex=r"^[0-9a-f]{64}$") & ~Q(channel=""),
                name="transfers_told_how",
                violation_error_message=_("Say when, by whom and how the letter was sent."),
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at=None, confirmation="")
                | Q(confirmed_at__isnull=False, sent_at__isnull=False) & ~Q(confirmation=""),
                name="transfers_confirmed_after_sent",
                violation_error_message=_("What was never sent cannot be confirmed."),
            ),
        ]
        indexes = [
            models.Index(fields=["-id"], condition=Q(confirmed_at=None), name="transfers_told_open"),
            models.Index(fields=["subject"], name="transfers_told_subject"),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"

    @property
    def state(self) -> str:
        """open, sent or confirmed."""
        if self.confirmed_at:
            return "confirmed"
        return "sent" if self.sent_at else "open"


class Quarantined(models.Model):
    """What a third party sent and no rule covers: sealed, used for nothing, until an officer decides (94-V art. 7, 14).

    Its history does not copy the ciphertext, so what was destroyed is gone.
    """

    transfer = models.ForeignKey(Transfer, models.PROTECT, related_name="quarantined", verbose_name=_("transfer"))
    subject = models.ForeignKey(DataSubject, models.PROTECT, related_name="+", verbose_name=_("data subject"))
    # a code of the list of personal data, or what the other side calls it
    category = models.CharField(_("data category"), max_length=40)
    sealed = models.BinaryField(_("sealed value"), null=True, editable=False)
    came_at = models.DateTimeField(_("came at"), db_default=Now(), editable=False)
    fate = models.CharField(_("what became of it"), max_length=10, choices=Fate, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decided by")
    )

    class Meta:
        verbose_name = _("value in quarantine")
        verbose_name_plural = _("values in quarantine")
        permissions = [("decide_quarantined", _("Can decide about values in quarantine"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_at=None, decided_by=None) | Q(decided_at__isnull=False, decided_by__isnull=False),
                name="transfers_quarantine_decided_at_and_by",
            ),
            models.CheckConstraint(
                condition=Q(fate="", decided_at=None, sealed__isnull=False)
                | Q(decided_at__isnull=False, sealed=None) & ~Q(fate=""),
                name="transfers_quarantine_decided",
                violation_error_message=_("Who decided and when stands with the decision, and the value is gone."),
            ),
            models.CheckConstraint(
                condition=Q(category__regex=r"^[a-z0-9_-]{1,40}$"),
                name="transfers_quarantine_category",
                violation_error_message=_("Write the code of the category in small Latin letters."),
            ),
        ]
        indexes = [models.Index(fields=["-id"], condition=Q(fate=""), name="transfers_quarantine_open")]

    def __str__(self) -> str:
        return f"№ {self.pk}"
