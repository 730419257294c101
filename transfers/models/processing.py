"""The register of processing as it was signed: what an inspector asks for first (94-V art. 25; order 395/НҚ)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit.models import Event


class ProcessingRegister(Event):
    """One signed state of the register: its words in Kazakh and Russian, their digest, who signed; kept for good.

    `content` is `transfers.processing.build()`; the digest is of its canonical JSON (RFC 8785).
    """

    number = models.PositiveIntegerField(_("number"), unique=True)
    content = models.JSONField(_("content"))
    sha256 = models.CharField(_("SHA-256 of the content"), max_length=64)
    signatory = models.CharField(_("signatory"), max_length=300)

    class Meta(Event.Meta):
        abstract = False
        verbose_name = _("register of processing")
        verbose_name_plural = _("registers of processing")
        permissions = [("sign_processingregister", _("Can sign the register of processing"))]
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="transfers_processing_sha256"),
            models.CheckConstraint(condition=Q(user__isnull=False), name="transfers_processing_signed"),
        ]

    def __str__(self) -> str:
        return f"№ {self.number}"
