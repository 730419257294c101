"""The register of transfers: every answer of the gate and what became of it, append-only (94-V art. 15, 22)."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit.models import Event
from consent.models import ConsentEvent, ConsentState, Purpose
from policies.models import PolicyVersion
from subjects.enums import Disclosure
from subjects.models import DataSubject
from transfers.enums import Direction, TransferGround, Verdict
from transfers.models.register import Agreement, Recipient, TransferRule
from transfers.triggers import ConsentStillStands, ReleasedInTime


class Transfer(Event):
    """One answer of the gate that counts: asked to authorise, it decided; the token, if any, lets the data go once.

    `inputs` holds question and facts (codes and ids alone): with them the decision is made again, the same.
    """

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    subject = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="transfers", verbose_name=_("data subject"), db_index=False
    )
    recipient = models.ForeignKey(
        Recipient, models.PROTECT, related_name="transfers", verbose_name=_("recipient"), db_index=False
    )
    purpose = models.ForeignKey(
        Purpose, models.PROTECT, related_name="transfers", verbose_name=_("purpose"), db_index=False
    )
    direction = models.CharField(_("direction"), max_length=10, choices=Direction)
    categories = ArrayField(models.SlugField(max_length=40), verbose_name=_("data categories"))
    decision = models.CharField(_("decision"), max_length=5, choices=Verdict)
    # it was refused or not set up, and let through because shadow mode was on
    shadow = models.BooleanField(_("let through in shadow mode"), default=False)
    # why not, shortly: the codes of the checks that did not pass
    failed = ArrayField(models.CharField(max_length=12), verbose_name=_("checks not passed"), default=list)
    inputs = models.JSONField(_("question and facts"))
    inputs_sha256 = models.CharField(_("SHA-256 of question and facts"), max_length=64)
    ground = models.CharField(_("legal ground"), max_length=10, choices=TransferGround, blank=True)
    rule = models.ForeignKey(
        TransferRule, models.PROTECT, null=True, related_name="transfers", verbose_name=_("transfer rule")
    )
    agreement = models.ForeignKey(
        Agreement, models.PROTECT, null=True, related_name="transfers", verbose_name=_("agreement")
    )
    consent = models.ForeignKey(ConsentEvent, models.PROTECT, null=True, related_name="+", verbose_name=_("consent"))
    consent_state = models.ForeignKey(
        ConsentState, models.PROTECT, null=True, related_name="+", verbose_name=_("state of the consent")
    )
    # what opened the country, beside the ground; looked for by the person, so it needs no index
    abroad_state = models.ForeignKey(
        ConsentState,
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="+",
        verbose_name=_("state of the consent to the transfer abroad"),
    )
    policy_version = models.ForeignKey(
        PolicyVersion, models.PROTECT, null=True, related_name="+", verbose_name=_("policy in force")
    )
    disclosure = models.CharField(_("who may see it"), max_length=10, choices=Disclosure, default=Disclosure.SUBJECT)
    # the asker's own: asked again with the same key, the same answer
    idempotency_key = models.CharField(_("key of the request"), max_length=100, blank=True)
    token_digest = models.BinaryField(_("token"), max_length=32, null=True)
    token_expires_at = models.DateTimeField(_("valid until"), null=True)

    class Meta(Event.Meta):
        abstract = False
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")
        triggers = [*Event.Meta.triggers, ConsentStillStands()]
        permissions = [
            ("ask_transfer", _("Can ask the gate")),
            ("authorise_transfer", _("Can have data transferred")),
            ("prepare_package", _("Can take data out for a recipient")),
            ("view_withheld_transfer", _("Can see withheld transfers")),
        ]
        constraints = [
            # only what is allowed, or let through in shadow mode, has a token
            models.CheckConstraint(
                condition=Q(token_digest=None, token_expires_at=None)
                | Q(token_digest__isnull=False, token_expires_at__isnull=False)
                & (Q(decision="allow", shadow=False) | ~Q(decision="allow") & Q(shadow=True)),
                name="transfers_token_of_the_allowed",
            ),
            models.CheckConstraint(
                condition=~Q(decision="allow") | ~Q(ground="") & Q(rule__isnull=False),
                name="transfers_allowed_on_a_ground",
            ),
            models.CheckConstraint(
                condition=~Q(decision="allow", ground="consent")
                | Q(consent__isnull=False, consent_state__isnull=False),
                name="transfers_consent_named",
            ),
            models.UniqueConstraint(
                fields=["actor", "idempotency_key"], condition=~Q(idempotency_key=""), name="transfers_once_a_key"
            ),
            models.UniqueConstraint(
                fields=["token_digest"], condition=Q(token_digest__isnull=False), name="transfers_token_once"
            ),
        ]
        indexes = [
            models.Index(fields=["subject", "-at"], name="transfers_by_subject"),
            models.Index(fields=["recipient", "-id"], name="transfers_by_recipient"),
            models.Index(fields=["purpose", "-id"], name="transfers_by_purpose"),
            models.Index(fields=["decision", "-id"], name="transfers_by_decision"),
            models.Index(fields=["at"], name="transfers_by_time"),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"

    @property
    def decision_in_words(self) -> str:
        """What the gate said, and that the data could go in spite of it, in the reader's language."""
        word = self.get_decision_display()
        return str(_("%(decision)s, let through in shadow mode")) % {"decision": word} if self.shadow else word


class Release(Event):
    """The data of an authorised transfer were sent, or received: once, within the token's life, re-checked."""

    transfer = models.OneToOneField(Transfer, models.PROTECT, related_name="release", verbose_name=_("transfer"))
    payload_sha256 = models.CharField(_("SHA-256 of what was sent"), max_length=64)
    size = models.PositiveBigIntegerField(_("size in bytes"), null=True)
    # what the other side calls it; never a person's number
    reference = models.CharField(_("reference of the recipient"), max_length=80, blank=True)

    class Meta(Event.Meta):
        abstract = False
        verbose_name = _("release of a transfer")
        verbose_name_plural = _("releases of transfers")
        triggers = [*Event.Meta.triggers, ReleasedInTime()]
        indexes = [models.Index(fields=["at"], name="transfers_release_by_time")]
        constraints = [
            models.CheckConstraint(
                condition=Q(payload_sha256__regex=r"^[0-9a-f]{64}$"),
                name="transfers_release_sha256",
                violation_error_message=_("Write the SHA-256 as 64 hexadecimal digits."),
            ),
        ]

    def __str__(self) -> str:
        return f"№ {self.transfer_id}"
