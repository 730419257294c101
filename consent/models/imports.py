"""Older consents on their way in from a file (issue 3, day one)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from subjects.runs import ImportRun


class ConsentImport(ImportRun):
    """A file of older consents on its way in."""

    added = models.PositiveIntegerField(_("added"), default=0)
    unchanged = models.PositiveIntegerField(_("there already"), default=0)

    class Meta(ImportRun.Meta):
        abstract = False
        verbose_name = _("import of older consents")
        verbose_name_plural = _("imports of older consents")

    def __str__(self) -> str:
        return f"#{self.pk}"
