"""The keys that receipts of consents are signed with: each signs what was recorded while it was in force."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.utils.translation import gettext_lazy as _

from consent.triggers import PublishedKey


class ReceiptKeyQuerySet(models.QuerySet):
    def in_force(self, at):
        """The key that signs what was recorded at the moment `at` (aware datetime)."""
        return self.filter(in_force_during__contains=at)


class ReceiptKey(models.Model):
    """An Ed25519 key: the public half is published for ever, the private one wrapped as persons' keys are (DESIGN 4).

    A retired key still signs the receipts of its own time, so that a receipt asked for again is the same to the byte.
    """

    # RFC 7638 thumbprint of the public half: whoever has the key can check its name
    key_id = models.CharField(_("key id"), max_length=43, unique=True)
    public_key = models.BinaryField(_("public key"), max_length=32)
    kek_version = models.PositiveIntegerField(_("version of the key-encryption key"))
    wrapped = models.BinaryField(_("wrapped private key"), max_length=40)
    in_force_during = DateTimeRangeField(_("in force"))

    objects = ReceiptKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("key of receipts")
        verbose_name_plural = _("keys of receipts")
        ordering = ["-pk"]
        constraints = [
            ExclusionConstraint(
                name="consent_receipt_key_one_in_force",
                expressions=[("in_force_during", RangeOperators.OVERLAPS)],
                violation_error_message=_("Another key of receipts is in force at that time."),
            )
        ]
        triggers = [PublishedKey()]

    def __str__(self) -> str:
        return self.key_id
