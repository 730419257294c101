"""Many contracts through the gate as one act: a registry to a collector, a supply to a bureau, a cession (policy 2.3).

The file is checked whole and asked about by a worker first; nothing leaves before a second person confirmed it. A row
of the file is an event, and so is what became of it; the file itself is dropped, as that of an import is.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from audit.models import Event
from consent.enums import RecipientKind
from consent.models import Purpose
from subjects.models import Contract, DataSubject
from subjects.obligations import OBLIGATION_OPEN, ContractState
from subjects.runs import ImportRun
from transfers.enums import Verdict
from transfers.models.register import Recipient
from transfers.models.transfers import Transfer
from transfers.triggers import BatchSteps


class BatchKind(models.TextChoices):
    REGISTRY = "registry", pgettext_lazy("batch", "registry to a collector")
    SUPPLY = "supply", pgettext_lazy("batch", "supply to a credit bureau")
    CESSION = "cession", pgettext_lazy("batch", "assignment of claims")


class Act(models.TextChoices):
    """Where the act is, beside the check of its file."""

    PREVIEW = "preview", pgettext_lazy("batch", "waits for a second person")
    ANNOUNCING = "announcing", pgettext_lazy("batch", "the persons are being told of it")
    ANNOUNCED = "announced", pgettext_lazy("batch", "the persons were told; waits for the act of assignment")
    RUNNING = "running", pgettext_lazy("batch", "being carried out")
    DONE = "done", pgettext_lazy("batch", "carried out")
    GIVEN_UP = "given_up", pgettext_lazy("batch", "given up")


TRANSITIONS: dict[str, frozenset[str]] = {
    Act.PREVIEW: frozenset({Act.ANNOUNCING, Act.RUNNING, Act.GIVEN_UP}),
    Act.ANNOUNCING: frozenset({Act.ANNOUNCED}),
    Act.ANNOUNCED: frozenset({Act.RUNNING, Act.GIVEN_UP}),
    Act.RUNNING: frozenset({Act.DONE}),
    Act.DONE: frozenset(),
    Act.GIVEN_UP: frozenset(),
}
AT_WORK = (Act.ANNOUNCING, Act.RUNNING)
CONFIRMED = (Act.ANNOUNCING, Act.ANNOUNCED, Act.RUNNING, Act.DONE)
# to whom each kind goes, and how its contracts stand
GOES_TO: dict[str, frozenset[str]] = {
    BatchKind.REGISTRY: frozenset({RecipientKind.COLLECTOR}),
    BatchKind.SUPPLY: frozenset({RecipientKind.CREDIT_BUREAU, RecipientKind.STATE_CREDIT_BUREAU}),
    BatchKind.CESSION: frozenset({RecipientKind.ASSIGNEE}),
}
STANDS: dict[str, frozenset[str]] = {
    BatchKind.REGISTRY: frozenset({ContractState.OVERDUE}),
    BatchKind.SUPPLY: frozenset(ContractState.values),
    BatchKind.CESSION: frozenset(OBLIGATION_OPEN),
}


class TransferBatch(ImportRun):
    """A file of contracts and what is to be done with it; once entered, only its steps change it."""

    kind = models.CharField(_("what is done"), max_length=10, choices=BatchKind)
    recipient = models.ForeignKey(Recipient, models.PROTECT, related_name="batches", verbose_name=_("recipient"))
    purpose = models.ForeignKey(Purpose, models.PROTECT, related_name="+", verbose_name=_("purpose"))
    categories = ArrayField(models.SlugField(max_length=40), verbose_name=_("data categories"))
    # what the gate said when the file was checked
    allowed = models.PositiveIntegerField(_("allowed"), default=0)
    refused = models.PositiveIntegerField(_("refused"), default=0)
    gaps = models.PositiveIntegerField(_("not set up"), default=0)
    act = models.CharField(_("act"), max_length=10, choices=Act, default=Act.PREVIEW)
    confirmed_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, null=True, related_name="+", verbose_name=_("confirmed by")
    )
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True)
    # of a cession
    act_number = models.CharField(_("number of the act of assignment"), max_length=60, blank=True)
    act_date = models.DateField(_("date of the act of assignment"), null=True, blank=True)
    acted_at = models.DateTimeField(_("carried out at"), null=True)

    class Meta(ImportRun.Meta):
        abstract = False
        verbose_name = _("batch of transfers")
        verbose_name_plural = _("batches of transfers")
        permissions = [("approve_transferbatch", _("Can confirm a batch of transfers"))]
        triggers = [BatchSteps()]
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_by=None, confirmed_at=None)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
                name="transfers_batch_confirmed_at_and_by",
            ),
            # four eyes; a plain <> would pass on NULL
            models.CheckConstraint(
                condition=~Q(act__in=CONFIRMED)
                | Q(started_by__isnull=False, confirmed_by__isnull=False) & ~Q(confirmed_by=F("started_by")),
                name="transfers_batch_four_eyes",
                violation_error_message=_("A batch is confirmed by somebody else than who uploaded it."),
            ),
            models.CheckConstraint(
                condition=~Q(act__in=CONFIRMED) | Q(state="done"), name="transfers_batch_checked_first"
            ),
            models.CheckConstraint(
                condition=~Q(kind="cession", act__in=["running", "done"])
                | ~Q(act_number="") & Q(act_date__isnull=False),
                name="transfers_batch_cession_has_its_act",
                violation_error_message=_("An assignment has the number and the date of its act."),
            ),
            models.CheckConstraint(
                condition=Q(act="done", acted_at__isnull=False) | ~Q(act="done") & Q(acted_at=None),
                name="transfers_batch_done_when",
            ),
        ]

    def __str__(self) -> str:
        return f"B-{self.pk:06d}" if self.pk else "B-"

    @property
    def about(self) -> str:
        """What its clock and its letters are about."""
        return f"transfers.TransferBatch:{self.pk}"


class BatchRow(Event):
    """A contract of the file and what the gate said of it then: ids and codes alone."""

    batch = models.ForeignKey(
        TransferBatch, models.PROTECT, related_name="rows", verbose_name=_("batch of transfers"), db_index=False
    )
    number = models.PositiveIntegerField(_("row"))
    contract = models.ForeignKey(Contract, models.PROTECT, related_name="+", verbose_name=_("contract"))
    subject = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="+", verbose_name=_("data subject"), db_index=False
    )
    decision = models.CharField(_("decision"), max_length=5, choices=Verdict)
    failed = ArrayField(models.CharField(max_length=12), verbose_name=_("checks not passed"), default=list)

    class Meta(Event.Meta):
        abstract = False
        default_permissions = ()
        verbose_name = _("row of a batch")
        verbose_name_plural = _("rows of batches")
        constraints = [
            models.UniqueConstraint(fields=["batch", "number"], name="transfers_batch_row_once"),
            models.UniqueConstraint(fields=["batch", "contract"], name="transfers_batch_contract_once"),
        ]
        indexes = [models.Index(fields=["subject"], name="transfers_batch_row_subject")]

    def __str__(self) -> str:
        return f"№ {self.pk}"


class BatchOutcome(Event):
    """What became of a row: the transfer, and what went, sealed under a key of the person's until it is destroyed."""

    row = models.OneToOneField(BatchRow, models.PROTECT, related_name="outcome", verbose_name=_("row of a batch"))
    # none: contract or rule stood otherwise by then, and the gate was not asked
    transfer = models.OneToOneField(Transfer, models.PROTECT, null=True, related_name="+", verbose_name=_("transfer"))
    sealed = models.BinaryField(null=True)
    values = models.PositiveIntegerField(_("values"), default=0)
    # the claim went to the recipient
    assigned = models.BooleanField(_("assigned"), default=False)

    class Meta(Event.Meta):
        abstract = False
        default_permissions = ()
        verbose_name = _("outcome of a row of a batch")
        verbose_name_plural = _("outcomes of rows of batches")

    def __str__(self) -> str:
        return f"№ {self.pk}"
