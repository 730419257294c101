"""What other systems must obey, in the order they are told, and who follows it (94-V art. 8(2))."""

import secrets

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from audit.triggers import NoTruncate
from consent.models.events import ConsentEvent
from consent.models.forms import ConsentForm
from consent.triggers import NumberedOnce
from staff.models import ApiClient
from subjects.models import DataSubject


class ChangeKind(models.TextChoices):
    CONSENT = "consent", pgettext_lazy("change", "a consent")
    STANDING = "standing", pgettext_lazy("change", "the standing of the person")


class Covers(models.TextChoices):
    """What the consent is a ground for after the change."""

    EVERYTHING = "everything", pgettext_lazy("consent covers", "every use the form names")
    REQUIRED = "required", pgettext_lazy("consent covers", "uses required for the loan only")
    NOTHING = "nothing", pgettext_lazy("consent covers", "nothing")


class Change(models.Model):
    """One thing that outside systems must obey: ids and states, never a value of the person.

    Written in the transaction of what it tells of, without a number; `consent.feed.number` gives numbers to what has
    been committed, so that no number appears behind one that somebody has read already.
    """

    position = models.BigIntegerField(_("number"), null=True, unique=True, editable=False)
    subject = models.ForeignKey(DataSubject, models.PROTECT, related_name="+", verbose_name=_("data subject"))
    kind = models.CharField(_("what changed"), max_length=10, choices=ChangeKind)
    event = models.ForeignKey(ConsentEvent, models.PROTECT, null=True, related_name="+", verbose_name=_("event"))
    form = models.ForeignKey(ConsentForm, models.PROTECT, null=True, related_name="+", verbose_name=_("form"))
    scope = models.CharField(_("about"), max_length=80, blank=True)
    # a consent.enums.State or a subjects.enums.Standing
    state = models.CharField(_("state"), max_length=20)
    covers = models.CharField(_("covers"), max_length=10, choices=Covers, blank=True)
    until = models.DateTimeField(_("until"), null=True)
    at = models.DateTimeField(_("happened at"), db_default=Now())
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("change to obey")
        verbose_name_plural = _("changes to obey")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="consent", form__isnull=False, event__isnull=False)
                | Q(kind="standing", form=None, event=None),
                name="consent_change_of_its_kind",
            )
        ]
        indexes = [models.Index(fields=["id"], condition=Q(position=None), name="consent_change_unnumbered")]
        triggers = [NumberedOnce(), NoTruncate()]

    def __str__(self) -> str:
        return f"{self.position or '—'}"


def new_nonce() -> str:
    return secrets.token_hex(16)


class Subscriber(models.Model):
    """A system that must obey the changes: it reads them or has them posted, and says how far it has obeyed."""

    client = models.OneToOneField(ApiClient, models.PROTECT, related_name="+", verbose_name=_("system"))
    url = models.URLField(_("address changes are posted to"), max_length=300, blank=True)
    # what the secret of the signatures is made of, together with SECRET_KEY (consent.webhooks)
    nonce = models.CharField(_("number the secret is made from"), max_length=32, default=new_nonce, editable=False)
    secret_made_at = models.DateTimeField(_("secret made at"), db_default=Now(), editable=False)
    acknowledged = models.BigIntegerField(_("obeyed up to number"), default=0, editable=False)
    acknowledged_at = models.DateTimeField(_("last word from it"), null=True, editable=False)
    sent = models.BigIntegerField(_("posted up to number"), default=0, editable=False)
    sent_at = models.DateTimeField(_("last posted"), null=True, editable=False)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0, editable=False)
    due_at = models.DateTimeField(_("next try"), db_default=Now(), editable=False)
    error = models.CharField(_("last error"), max_length=40, blank=True, editable=False)

    class Meta:
        verbose_name = _("system that follows the changes")
        verbose_name_plural = _("who obeys: systems that follow the changes")
        ordering = ["client"]

    def __str__(self) -> str:
        return str(self.client)
