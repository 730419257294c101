"""What a person asked us for and owes us: applications and contracts, as the loan system tells them (DESIGN 5).

No amount and no value of the person: a number and how it stands, which decides what a withdrawal stops
(94-V art. 8(2)).
"""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class ApplicationState(models.TextChoices):
    APPLIED = "applied", pgettext_lazy("application", "applied")
    OFFER_SENT = "offer_sent", pgettext_lazy("application", "offer sent")
    OFFER_AGREED = "offer_agreed", pgettext_lazy("application", "offer agreed")
    REFUSED = "refused", pgettext_lazy("application", "refused")
    ABANDONED = "abandoned", pgettext_lazy("application", "abandoned")


class ContractState(models.TextChoices):
    OPENED = "opened", pgettext_lazy("contract", "open")
    OVERDUE = "overdue", pgettext_lazy("contract", "overdue")
    PERFORMED = "performed", pgettext_lazy("contract", "performed")
    REOPENED = "reopened", pgettext_lazy("contract", "reopened")
    ASSIGNED = "assigned", pgettext_lazy("contract", "assigned")
    WRITTEN_OFF = "written_off", pgettext_lazy("contract", "written off")


# Written off is the book-keeper's word: the person still owes. Assigned: they owe somebody else.
OBLIGATION_OPEN = (
    ContractState.OPENED,
    ContractState.OVERDUE,
    ContractState.REOPENED,
    ContractState.WRITTEN_OFF,
)


class Application(models.Model):
    """An application for a microcredit, by the number the loan system gave it."""

    subject = models.ForeignKey(
        "subjects.DataSubject", models.PROTECT, related_name="applications", verbose_name=_("data subject")
    )
    number = models.CharField(_("number"), max_length=40, unique=True)
    state = models.CharField(_("state"), max_length=20, choices=ApplicationState, default=ApplicationState.APPLIED)
    applied_at = models.DateTimeField(_("applied at"), db_default=Now())
    # since when it stands as it does, by the loan system's clock
    state_since = models.DateTimeField(_("since"), db_default=Now())

    class Meta:
        verbose_name = _("application")
        verbose_name_plural = _("applications")

    def __str__(self) -> str:
        # not the number: it finds a person
        return f"№ {self.pk}"


class ContractQuerySet(models.QuerySet):
    def open(self):
        """Contracts with an obligation that is not performed yet (94-V art. 8(2))."""
        return self.filter(state__in=OBLIGATION_OPEN)


class Contract(models.Model):
    """A microcredit contract: open until the obligation is performed or is owed to somebody else."""

    subject = models.ForeignKey(
        "subjects.DataSubject", models.PROTECT, related_name="contracts", verbose_name=_("data subject")
    )
    application = models.OneToOneField(
        Application, models.PROTECT, null=True, blank=True, related_name="contract", verbose_name=_("application")
    )
    number = models.CharField(_("number"), max_length=40, unique=True)
    state = models.CharField(_("state"), max_length=20, choices=ContractState, default=ContractState.OPENED)
    opened_at = models.DateTimeField(_("opened at"), db_default=Now())
    overdue_since = models.DateTimeField(_("overdue since"), null=True, blank=True)
    performed_at = models.DateTimeField(_("performed at"), null=True, blank=True)
    state_since = models.DateTimeField(_("since"), db_default=Now())

    objects = ContractQuerySet.as_manager()

    class Meta:
        verbose_name = _("contract")
        verbose_name_plural = _("contracts")
        constraints = [
            models.CheckConstraint(
                condition=Q(state="performed", performed_at__isnull=False)
                | ~Q(state="performed") & Q(performed_at=None),
                name="subjects_contract_performed_at",
                violation_error_message=_("A performed contract says when it was performed; another one does not."),
            ),
            models.CheckConstraint(
                condition=~Q(state="overdue") | Q(overdue_since__isnull=False),
                name="subjects_contract_overdue_since",
                violation_error_message=_("An overdue contract says since when."),
            ),
        ]
        indexes = [
            models.Index(fields=["subject"], condition=Q(state__in=OBLIGATION_OPEN), name="subjects_contract_open"),
        ]

    def __str__(self) -> str:
        # not the number: it finds a person
        return f"№ {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in OBLIGATION_OPEN
