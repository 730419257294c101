"""Telling people: the outbox of letters, what became of each, and campaigns (DESIGN 5, 6; policy 9.2)."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from audit.models import Event
from notifications.enums import TERMINAL, CampaignState, Delivery, LetterState, Priority, SkipReason
from notifications.ports import title_of
from notifications.triggers import LetterIsItself, LetterStateGuard, NeverDeleted
from staff.enums import Language


class Campaign(models.Model):
    """One letter to many people, with its audience frozen when it is made."""

    kind = models.CharField(_("kind"), max_length=40)
    cause = models.CharField(_("cause"), max_length=120, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=CampaignState, default=CampaignState.RUNNING)
    # Frozen with the audience: {"queued": 480, "no_address": 12, "left_out": {"deceased": 3, …}}
    audience = models.JSONField(_("audience"), default=dict)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    paused_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, verbose_name=_("paused by"), null=True, blank=True, related_name="+"
    )
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    cancelled_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, verbose_name=_("cancelled by"), null=True, blank=True, related_name="+"
    )
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ["-pk"]
        permissions = [("run_campaign", _("Can pause, resume and cancel a campaign"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(paused_at=None, paused_by=None) | Q(paused_at__isnull=False, paused_by__isnull=False),
                name="notifications_campaign_paused_at_and_by",
            ),
            models.CheckConstraint(
                condition=Q(cancelled_at=None, cancelled_by=None)
                | Q(cancelled_at__isnull=False, cancelled_by__isnull=False),
                name="notifications_campaign_cancelled_at_and_by",
            ),
        ]

    def __str__(self) -> str:
        return f"{title_of(self.kind)} № {self.pk}"


class Letter(models.Model):
    """A row of the outbox: to whom, of what kind, because of what; never the text and never the address."""

    subject = models.ForeignKey(
        "subjects.DataSubject",
        models.PROTECT,
        null=True,
        related_name="letters",
        verbose_name=_("data subject"),
    )
    staff = models.ForeignKey(
        "staff.StaffUser",
        models.PROTECT,
        null=True,
        related_name="letters",
        verbose_name=_("member of staff"),
    )
    kind = models.CharField(_("kind"), max_length=40)
    # app.Model:pk#kind, unique with the addressee: nothing is ever told twice by a retry or a second click
    cause = models.CharField(_("cause"), max_length=120)
    campaign = models.ForeignKey(
        Campaign,
        models.PROTECT,
        null=True,
        related_name="letters",
        verbose_name=_("campaign"),
        db_index=False,
    )
    language = models.CharField(_("language"), max_length=2, choices=Language)
    priority = models.SmallIntegerField(_("priority"), choices=Priority, default=Priority.ORDINARY)
    state = models.CharField(_("state"), max_length=10, choices=LetterState, default=LetterState.QUEUED)
    skip_reason = models.CharField(_("why skipped"), max_length=20, choices=SkipReason, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due at"), db_default=Now())
    claimed_at = models.DateTimeField(_("claimed at"), null=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    done_at = models.DateTimeField(_("done at"), null=True)

    TERMINAL: ClassVar = TERMINAL

    class Meta:
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        permissions = [("requeue_letter", _("Can queue an uncertain letter again"))]
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "cause"],
                condition=Q(subject__isnull=False),
                name="notifications_subject_cause",
            ),
            models.UniqueConstraint(
                fields=["staff", "cause"], condition=Q(staff__isnull=False), name="notifications_staff_cause"
            ),
            models.CheckConstraint(
                condition=Q(subject=None, staff__isnull=False) | Q(subject__isnull=False, staff=None),
                name="notifications_one_addressee",
            ),
            models.CheckConstraint(
                condition=(Q(state="skipped") & ~Q(skip_reason="")) | (~Q(state="skipped") & Q(skip_reason="")),
                name="notifications_skip_has_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["priority", "due_at", "id"],
                condition=Q(state__in=["queued", "deferred"]),
                name="notifications_due",
            ),
            models.Index(fields=["claimed_at"], condition=Q(state="sending"), name="notifications_claimed"),
            models.Index(fields=["campaign", "state", "language"], name="notifications_by_campaign"),
            # the sweep looks for codes that nobody was told of among the letters of the last minutes
            models.Index(fields=["created_at"], condition=Q(priority=Priority.CODE), name="notifications_codes"),
        ]
        triggers = [LetterStateGuard(), LetterIsItself(), NeverDeleted()]

    def __str__(self) -> str:
        return f"{title_of(self.kind)} № {self.pk}"


class DeliveryEvent(Event):
    """What happened to a letter, with the mail server's answer (addresses cut out) and the digest of what went."""

    letter = models.ForeignKey(Letter, models.PROTECT, related_name="events", verbose_name=_("letter"), db_index=False)
    kind = models.CharField(_("what happened"), max_length=10, choices=Delivery)
    code = models.PositiveSmallIntegerField(_("answer code"), null=True)
    answer = models.CharField(_("answer"), max_length=200, blank=True)
    sha256 = models.CharField(_("SHA-256 of the message"), max_length=64, blank=True)

    class Meta(Event.Meta):
        verbose_name = _("delivery event")
        verbose_name_plural = _("delivery events")
        indexes = [models.Index(fields=["letter", "at"], name="notifications_event_by_letter")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} № {self.pk}"


class Heartbeat(models.Model):
    """When a process last said that it lives; `/readyz` reads the age."""

    name = models.CharField(max_length=10, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
