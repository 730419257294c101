"""Whose word our cabinet takes for who somebody is: keys of our own sites (security.md 3.4)."""

from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from staff.opened import Opened
from subjects import signed_tokens


def validate_public_key(text: str) -> None:
    """A raw Ed25519 public key in base64url. Raises ValidationError."""
    try:
        signed_tokens.public_key(text)
    except ValueError as error:
        raise ValidationError(
            _("Write the Ed25519 public key: 43 letters, digits, - and _ (base64url, 32 bytes)."), code="key"
        ) from error


def validate_origin(text: str) -> None:
    """The address of a site and nothing after it. Raises ValidationError."""
    parts = urlsplit(text)
    local = parts.hostname in ("localhost", "127.0.0.1")
    if not parts.hostname or text != f"{parts.scheme}://{parts.netloc}" or parts.username or parts.password:
        raise ValidationError(_("Write the address of the site alone: https://my.example.kz"), code="origin")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValidationError(_("The site must have https://."), code="origin")


class HandoverKey(Opened):
    """A site that may hand its signed-in customers over to the cabinet; two people open it, two close it."""

    identity = ("issuer", "key_id")

    issuer = models.CharField(_("code of the site"), max_length=30, help_text=_("It stands in the token as iss."))
    key_id = models.CharField(_("name of the key"), max_length=30, help_text=_("It stands in the token as kid."))
    public_key = models.CharField(
        _("public key"),
        max_length=43,
        validators=[validate_public_key],
        help_text=_("Ed25519, base64url. The private half never leaves the site."),
    )
    origin = models.CharField(
        _("address of the site"),
        max_length=200,
        validators=[validate_origin],
        help_text=_("Browsers say where a form comes from: from elsewhere nothing is taken."),
    )

    class Meta(Opened.Meta):
        abstract = False
        verbose_name = _("site that hands customers over")
        verbose_name_plural = _("sites that hand customers over")
        ordering = ["issuer", "-pk"]
        constraints = [
            *Opened.Meta.constraints,
            models.CheckConstraint(
                condition=Q(issuer__regex=r"^[a-z][a-z0-9-]*$", key_id__regex=r"^[A-Za-z0-9_-]+$"),
                name="subjects_handover_codes",
                violation_error_message=_("Write codes in small Latin letters, digits and hyphens."),
            ),
            models.UniqueConstraint(
                fields=["issuer", "key_id"],
                condition=Q(in_force_during__upper_inf=True),
                name="subjects_handover_once_in_force",
                violation_error_message=_("A key of this name is in force already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.issuer}/{self.key_id}"


class HandoverUse(models.Model):
    """A token that was used: the database takes each once. It goes when it could not be used anyhow."""

    issuer = models.CharField(max_length=30)
    # SHA-256 of the token's number (jti)
    digest = models.BinaryField(max_length=32)
    at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name = _("used token")
        verbose_name_plural = _("used tokens")
        constraints = [models.UniqueConstraint(fields=["issuer", "digest"], name="subjects_handover_single_use")]
        indexes = [models.Index(fields=["expires_at"], name="subjects_handover_expired")]

    def __str__(self) -> str:
        return f"№ {self.pk}"
