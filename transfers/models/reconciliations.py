"""What a recipient says it got from us, laid beside what our register says we sent (94-V art. 15; policy 4.2)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from audit.models import Event
from subjects.enums import Disclosure
from subjects.runs import ImportRun
from transfers.models.register import Recipient
from transfers.models.transfers import Transfer


class Reconciliation(ImportRun):
    """A recipient's statement of what it got from us, laid beside our register; kept with its counts and its rows."""

    recipient = models.ForeignKey(
        Recipient, models.PROTECT, related_name="reconciliations", verbose_name=_("recipient")
    )
    since = models.DateField(pgettext_lazy("period", "from"))
    until = models.DateField(pgettext_lazy("period", "to"))
    matched = models.PositiveIntegerField(_("the same"), default=0)
    differing = models.PositiveIntegerField(_("other categories"), default=0)
    theirs_only = models.PositiveIntegerField(_("in the statement only"), default=0)
    ours_only = models.PositiveIntegerField(_("in our register only"), default=0)
    # withheld when one of the transfers it speaks of is
    disclosure = models.CharField(_("who may see it"), max_length=10, choices=Disclosure, default=Disclosure.SUBJECT)

    class Meta(ImportRun.Meta):
        abstract = False
        verbose_name = _("reconciliation with a recipient")
        verbose_name_plural = _("reconciliations with recipients")
        constraints = [
            models.CheckConstraint(
                condition=Q(until__gte=F("since")),
                name="transfers_reconciliation_days",
                violation_error_message=_("The last day is before the first."),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class ReconciliationRow(Event):
    """A transfer of the register, a row of the statement, or both that belong together."""

    class Outcome(models.TextChoices):
        MATCHED = "matched", pgettext_lazy("reconciliation", "the same")
        DIFFERING = "differing", pgettext_lazy("reconciliation", "other categories")
        THEIRS_ONLY = "theirs_only", pgettext_lazy("reconciliation", "in the statement only")
        OURS_ONLY = "ours_only", pgettext_lazy("reconciliation", "in our register only")

    reconciliation = models.ForeignKey(
        Reconciliation,
        models.PROTECT,
        related_name="rows",
        verbose_name=_("reconciliation with a recipient"),
        db_index=False,
    )
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome)
    # the line of the statement
    number = models.PositiveIntegerField(_("row"), null=True)
    day = models.DateField(_("day"), null=True)
    categories = ArrayField(models.SlugField(max_length=40), verbose_name=_("data categories"), default=list)
    transfer = models.ForeignKey(Transfer, models.PROTECT, null=True, related_name="+", verbose_name=_("transfer"))

    class Meta(Event.Meta):
        abstract = False
        default_permissions = ()
        verbose_name = _("row of a reconciliation")
        verbose_name_plural = _("rows of reconciliations")
        indexes = [models.Index(fields=["reconciliation", "id"], name="transfers_reconciled_rows")]
        constraints = [
            models.CheckConstraint(
                condition=Q(number__isnull=False) | Q(transfer__isnull=False), name="transfers_reconciled_something"
            ),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"
