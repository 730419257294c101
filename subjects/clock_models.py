"""The law clock's tables: terms the law sets, the calendar they are counted by, and what runs (law.md 1.6, 4)."""

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from staff.opened import Opened


class Unit(models.TextChoices):
    WORKING_DAY = "working_day", pgettext_lazy("term", "working days")
    CALENDAR_DAY = "calendar_day", pgettext_lazy("term", "calendar days")
    HOUR = "hour", pgettext_lazy("term", "hours")


class Trigger(models.TextChoices):
    REQUEST = "request", pgettext_lazy("trigger", "a request was received")
    DOCUMENTS = "documents", pgettext_lazy("trigger", "documents that show what is wrong were received")
    VIOLATION = "violation", pgettext_lazy("trigger", "a violation is suspected")
    VIOLATION_CONFIRMED = (
        "violation_confirmed",
        pgettext_lazy("trigger", "a violation was confirmed, or the term of storage or the relations ended"),
    )
    VIOLATION_DISPROVED = "violation_disproved", pgettext_lazy("trigger", "a violation was not confirmed")
    TRANSFER = "transfer", pgettext_lazy("trigger", "data were transferred to a third party")
    BREACH = "breach", pgettext_lazy("trigger", "a breach of data security was detected")
    DISPUTE = "dispute", pgettext_lazy("trigger", "a credit report was disputed")
    CORRECTION = "correction", pgettext_lazy("trigger", "a credit report was corrected")
    ASSIGNMENT = "assignment", pgettext_lazy("trigger", "the claim was assigned")


class PauseReason(models.TextChoices):
    IDENTITY = "identity", pgettext_lazy("pause", "it is not established who asks")
    AUTHORITY = "authority", pgettext_lazy("pause", "the power of attorney is being checked")
    UNCLEAR = "unclear", pgettext_lazy("pause", "the applicant was asked what is meant")
    ANOTHER_BODY = "another_body", pgettext_lazy("pause", "another organisation has to answer first")


class DayKind(models.TextChoices):
    OFF = "off", pgettext_lazy("day", "day off")
    WORKING = "working", pgettext_lazy("day", "working day")


class DutyRule(Opened):
    """A term the law sets for a duty; a change is a new row that two people open (DESIGN 5)."""

    identity = ("code",)

    code = models.CharField(_("code"), max_length=30)
    title = models.CharField(_("title"), max_length=200)
    article = models.CharField(_("legal reference"), max_length=200, blank=True)
    amount = models.PositiveSmallIntegerField(_("term"), validators=[MinValueValidator(1)])
    unit = models.CharField(_("unit"), max_length=15, choices=Unit)
    trigger = models.CharField(_("runs from"), max_length=20, choices=Trigger)
    may_pause_for = ArrayField(
        models.CharField(max_length=20, choices=PauseReason), verbose_name=_("may pause for"), default=list, blank=True
    )
    confirmed_by_counsel = models.BooleanField(_("confirmed by counsel"), default=False)

    class Meta(Opened.Meta):
        abstract = False
        verbose_name = _("term of the law")
        verbose_name_plural = _("terms of the law")
        ordering = ["code", "-pk"]
        constraints = [
            *Opened.Meta.constraints,
            models.CheckConstraint(
                condition=Q(code__regex=r"^[A-Z][A-Z_]*$"),
                name="subjects_duty_code",
                violation_error_message=_("Write the code in capital Latin letters: TRANSFER_NOTICE."),
            ),
            models.CheckConstraint(
                condition=Q(amount__range=(1, 1000)),
                name="subjects_duty_amount",
                violation_error_message=_("A term is from 1 to 1000."),
            ),
            models.CheckConstraint(
                condition=~Q(unit="hour") | Q(may_pause_for=[]),
                name="subjects_duty_hours_run_on",
                violation_error_message=_("A term in hours cannot be paused."),
            ),
            models.UniqueConstraint(
                fields=["code"],
                condition=Q(in_force_during__upper_inf=True),
                name="subjects_duty_once_in_force",
                violation_error_message=_("A term with this code is in force already."),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class CalendarDay(models.Model):
    """A day that is not what its weekday says: a holiday, a day off or a working day moved by the Government.

    Rows are never deleted: a day is told to be working or off. A year is covered when it has rows at all.
    """

    day = models.DateField(_("day"), unique=True)
    kind = models.CharField(_("kind"), max_length=10, choices=DayKind)
    title = models.CharField(_("name"), max_length=200)
    source = models.CharField(_("source"), max_length=200)
    estimated = models.BooleanField(_("estimated"), default=False)

    class Meta:
        verbose_name = _("day of the calendar")
        verbose_name_plural = _("days of the calendar")
        ordering = ["day"]

    def __str__(self) -> str:
        return self.day.isoformat() if self.day else ""


class DeadlineQuerySet(models.QuerySet):
    def open(self):
        """Not met yet, paused ones too."""
        return self.filter(met_at=None)

    def running(self):
        """Not met and not paused."""
        return self.filter(met_at=None, paused_at=None)


class Deadline(models.Model):
    """A term that runs for something: when it began, when it ends, and by which rule and calendar that was counted.

    The calendar of then is the history of `CalendarDay` as of `reckoned_at`.
    """

    # "subjects.SubjectRequest:17", as the cause of a letter: higher apps have clocks too
    about = models.CharField(_("about"), max_length=100)
    rule = models.ForeignKey(DutyRule, models.PROTECT, related_name="deadlines", verbose_name=_("term of the law"))
    started_at = models.DateTimeField(_("started at"))
    # what `due_at` is counted from: started_at and the rule's amount, after a pause its end and what was left
    counted_from = models.DateTimeField(_("counted from"))
    amount = models.PositiveSmallIntegerField(_("counted"))
    # the last moment that is still in time: the last second of the day, in Asia/Almaty, for a term in days
    due_at = models.DateTimeField(pgettext_lazy("deadline", "due at"))
    reckoned_at = models.DateTimeField(_("counted at"))
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    pause_reason = models.CharField(_("reason of the pause"), max_length=20, choices=PauseReason, blank=True)
    met_at = models.DateTimeField(_("met at"), null=True, blank=True)

    objects = DeadlineQuerySet.as_manager()

    class Meta:
        verbose_name = _("deadline")
        verbose_name_plural = _("deadlines")
        ordering = ["due_at", "pk"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(met_at=None, paused_at=None), name="subjects_deadline_running"),
            models.Index(fields=["about"], name="subjects_deadline_about"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(about__regex=r"^[a-z_]+\.[A-Za-z]+:[0-9]+$"), name="subjects_deadline_about_what"
            ),
            models.CheckConstraint(
                condition=Q(paused_at=None, pause_reason="") | Q(paused_at__isnull=False) & ~Q(pause_reason=""),
                name="subjects_deadline_paused_why",
            ),
            models.CheckConstraint(
                condition=Q(met_at=None) | Q(paused_at=None), name="subjects_deadline_met_is_not_paused"
            ),
            models.UniqueConstraint(
                fields=["about", "rule"],
                condition=Q(met_at=None),
                name="subjects_deadline_once",
                violation_error_message=_("A clock of this rule runs for it already."),
            ),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"

    def is_overdue(self, at: datetime | None = None) -> bool:
        """Whether it runs and its last moment is past at the moment `at` (aware, now by default)."""
        return self.met_at is None and self.paused_at is None and self.due_at < (at or timezone.now())
