"""The files of agreements, kept by what is in them."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit.models import Event


class AgreementFile(Event):
    """The scan of an agreement as it was uploaded; the same bytes are kept once."""

    sha256 = models.CharField(_("SHA-256 of the file"), max_length=64, unique=True)
    media_type = models.CharField(_("type of the file"), max_length=40)
    size = models.PositiveIntegerField(_("size in bytes"))
    content = models.BinaryField(_("content"))

    class Meta(Event.Meta):
        abstract = False
        default_permissions = ()
        verbose_name = _("file of an agreement")
        verbose_name_plural = _("files of agreements")
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="transfers_file_sha256"),
        ]

    def __str__(self) -> str:
        return self.sha256[:12]
