"""The organisation's own systems that speak to the API: who each is, what it may, how often (ASVS 4, 6, 13)."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from staff.enums import Scope

# `api:<code>` is the actor of everything the system writes
CODE = RegexValidator(r"^[a-z][a-z0-9-]{1,39}\Z", _("Write Latin small letters, digits and hyphens, a letter first."))


class ApiClient(models.Model):
    """A system of ours with a key of its own: the loan system, the site, the dialler.

    The key itself is shown once and never stored; `digest` is SHA-256 of its 256 random bits, so a copied database
    opens nothing.
    """

    code = models.CharField(_("code"), max_length=40, unique=True, validators=[CODE])
    name = models.CharField(_("name"), max_length=120)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope), verbose_name=_("rights"))
    per_minute = models.PositiveIntegerField(
        _("requests a minute"), default=600, validators=[MinValueValidator(1), MaxValueValidator(60_000)]
    )
    # what a key begins with: it finds the row and is no secret
    prefix = models.CharField(_("the key begins with"), max_length=16, unique=True, editable=False)
    digest = models.BinaryField(_("digest of the key"), max_length=32, editable=False)
    expires_at = models.DateTimeField(_("expires at"))
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    # to the minute: a request is not a reason to write
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)
    revoked_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, verbose_name=_("revoked by"), null=True, related_name="+", editable=False
    )

    class Meta:
        verbose_name = _("system with an API key")
        verbose_name_plural = _("systems with an API key")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoked_by=None) | Q(revoked_at__isnull=False, revoked_by__isnull=False),
                name="staff_api_client_revoked_at_and_by",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def is_live(self) -> bool:
        """Whether its key opens anything now."""
        return self.revoked_at is None and self.expires_at > timezone.now()


class ApiAllowance(models.Model):
    """How much of its minute a system has used: the moment at which it will have used nothing (GCRA)."""

    client = models.OneToOneField(ApiClient, models.CASCADE, primary_key=True, related_name="+")
    free_at = models.DateTimeField()

    class Meta:
        verbose_name = _("use of the API")
        verbose_name_plural = _("uses of the API")

    def __str__(self) -> str:
        return f"{self.client_id}"


class IdempotentAnswer(models.Model):
    """What was answered to a POST with an Idempotency-Key: the same again gets the same, for a day."""

    client = models.ForeignKey(ApiClient, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=100)
    request_digest = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    media_type = models.CharField(max_length=60)
    body = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("answer kept for repetition")
        verbose_name_plural = _("answers kept for repetition")
        constraints = [models.UniqueConstraint(fields=["client", "key"], name="staff_idempotency_once")]
        indexes = [models.Index(fields=["created_at"], name="staff_idempotency_age")]

    def __str__(self) -> str:
        return f"{self.client_id} № {self.pk}"
