"""A file an officer uploads is a row first: kept sealed, worked off by a worker, with progress (DESIGN 7)."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from subjects.csv_problems import RowProblem


class ImportState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    CHECKING = "checking", _("checking")
    CHECKED = "checked", _("checked")
    WRITING = "writing", _("writing")
    DONE = "done", _("done")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("stopped by an error; nothing was written")


OVER = (ImportState.DONE, ImportState.CHECKED, ImportState.REFUSED, ImportState.FAILED)


class ImportRun(models.Model):
    """A file of many rows on its way in, with its progress; the file is sealed and dropped at the end."""

    state = models.CharField(_("state"), max_length=10, choices=ImportState, default=ImportState.WAITING)
    dry_run = models.BooleanField(_("check only"), default=False)
    sealed_file = models.BinaryField(_("file"), null=True)
    sha256 = models.CharField(_("SHA-256 of the file"), max_length=64)
    rows_total = models.PositiveIntegerField(_("rows"), default=0)
    rows_good = models.PositiveIntegerField(_("good rows"), default=0)
    rows_done = models.PositiveIntegerField(_("rows done"), default=0)
    # [{"row": 7, "column": "iin", "code": …, "params": …}]: never a value of the row
    problems = models.JSONField(_("problems"), default=list)
    warnings = models.JSONField(_("warnings"), default=list)
    more_problems = models.PositiveIntegerField(_("problems not listed"), default=0)
    more_warnings = models.PositiveIntegerField(_("warnings not listed"), default=0)
    started_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, null=True, related_name="+", verbose_name=_("started by")
    )
    started_at = models.DateTimeField(_("started at"), db_default=Now(), editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        abstract = True
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def rows_refused(self) -> int:
        """Rows of the file that were not good."""
        return self.rows_total - self.rows_good

    def problem_rows(self) -> list[RowProblem]:
        """The bad rows, each with number, column and a reason in the active language."""
        return [RowProblem.from_dict(problem) for problem in self.problems]

    def warning_rows(self) -> list[RowProblem]:
        """Rows that are good but need a look, a minor for example."""
        return [RowProblem.from_dict(warning) for warning in self.warnings]
