"""The file a batch's recipient gets, while it is made and for a day after: pieces, each sealed by itself."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from staff.enums import Language
from subjects.runs import ImportState
from transfers.models.batches import TransferBatch


class RegistryFile(models.Model):
    """Who asked for the file of a batch, why and how; how far it is; the SHA-256 of what was made. Its data are parts.

    It stays when its parts are dropped; who took it out is an access record of every person in it.
    """

    class State(models.TextChoices):
        WAITING = ImportState.WAITING.value, ImportState.WAITING.label
        WRITING = ImportState.WRITING.value, pgettext_lazy("file", "being made")
        DONE = ImportState.DONE.value, pgettext_lazy("file", "ready")
        FAILED = ImportState.FAILED.value, pgettext_lazy("file", "stopped by an error; there is no file")

    batch = models.ForeignKey(TransferBatch, models.PROTECT, related_name="files", verbose_name=_("batch of transfers"))
    format = models.CharField(_("file"), max_length=4)
    reason = models.CharField(_("reason"), max_length=40)
    # of its headings
    language = models.CharField(_("language"), max_length=2, choices=Language)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    # contracts
    rows_total = models.PositiveIntegerField(_("rows"))
    rows_done = models.PositiveIntegerField(_("rows done"), default=0)
    values = models.PositiveIntegerField(_("values"), default=0)
    size = models.PositiveBigIntegerField(_("size in bytes"), default=0)
    sha256 = models.CharField(_("SHA-256 of the file"), max_length=64, blank=True)
    started_by = models.ForeignKey("staff.StaffUser", models.PROTECT, related_name="+", verbose_name=_("started by"))
    started_at = models.DateTimeField(_("started at"), db_default=Now(), editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    dropped_at = models.DateTimeField(_("dropped at"), null=True)

    class Meta:
        verbose_name = _("file of a batch")
        verbose_name_plural = _("files of batches")
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="done") | Q(sha256__regex=r"^[0-9a-f]{64}$", finished_at__isnull=False),
                name="transfers_registry_file_made",
            ),
        ]
        # what the sweep looks for: few at any time
        indexes = [
            models.Index(fields=["started_at"], condition=Q(dropped_at=None), name="transfers_registry_file_kept"),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"

    @property
    def under_way(self) -> bool:
        """Whether it is still to be made."""
        return self.state in (self.State.WAITING, self.State.WRITING)


class RegistryPart(models.Model):
    """A piece of such a file, sealed; dropped with the others (`transfers.registry_files.KEPT`)."""

    file = models.ForeignKey(RegistryFile, models.PROTECT, related_name="parts", db_index=False)
    number = models.PositiveIntegerField()
    sealed = models.BinaryField()

    class Meta:
        verbose_name = _("part of a file of a batch")
        verbose_name_plural = _("parts of files of batches")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["file", "number"], name="transfers_registry_part_once")]

    def __str__(self) -> str:
        return f"№ {self.pk}"
