"""What people said and how it stands: events that are never changed, and one derived row per consent (DESIGN 5)."""

import uuid
from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from audit.models import Event
from consent.enums import LIVE, Channel, EventKind, State, Trust, Withdrawal
from consent.models.forms import ConsentForm, ConsentFormVersion
from consent.triggers import ConfirmedByTwo
from policies.models import PolicyVersion
from staff.enums import Language
from subjects.models import Contract, DataSubject

CONSENTING = (EventKind.GIVEN, EventKind.RENEWED)


class ClockTimestamp(models.Func):
    """The database's clock inside a transaction: `now()` would stand still and the order of events with it."""

    function = "clock_timestamp"
    output_field = models.DateTimeField()


class FormServed(Event):
    """The exact text of a form that a person was shown before they answered (94-V art. 8; product.md 4.2)."""

    subject = models.ForeignKey(
        DataSubject,
        models.PROTECT,
        null=True,
        related_name="forms_served",
        verbose_name=_("data subject"),
        db_index=False,
    )
    device_digest = models.BinaryField(_("device"), max_length=16, null=True)
    version = models.ForeignKey(ConsentFormVersion, models.PROTECT, related_name="served", verbose_name=_("version"))
    policy_version = models.ForeignKey(
        PolicyVersion, models.PROTECT, null=True, related_name="+", verbose_name=_("policy in force")
    )
    scope = models.CharField(_("about"), max_length=80, blank=True)
    language = models.CharField(_("language"), max_length=2, choices=Language)
    sha256 = models.CharField(_("SHA-256 of the text shown"), max_length=64)

    class Meta(Event.Meta):
        abstract = False
        verbose_name = _("form shown")
        verbose_name_plural = _("forms shown")
        indexes = [models.Index(fields=["subject", "version"], name="consent_served_form")]

    def __str__(self) -> str:
        return f"{self.subject_id} {self.version_id}"


class Scan(Event):
    """A signed paper, sealed with the person's evidence key; stored once by the digest of its content."""

    subject = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="scans", verbose_name=_("data subject"), db_index=False
    )
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    media_type = models.CharField(_("type"), max_length=40)
    size = models.PositiveIntegerField(_("size in bytes"))
    sealed = models.BinaryField(_("sealed content"))

    class Meta(Event.Meta):
        abstract = False
        verbose_name = _("scan")
        verbose_name_plural = _("scans")
        constraints = [models.UniqueConstraint(fields=["subject", "sha256"], name="consent_scan_once")]

    def __str__(self) -> str:
        return f"{self.subject_id} {self.media_type} {self.sha256[:12]}"


class ConsentEvent(Event):
    """Something happened to a consent: who, what form and version, in which words, with what proof.

    `occurred_at` is when it happened and counts; `at`, of the base, is when it was recorded.
    """

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    subject = models.ForeignKey(
        DataSubject,
        models.PROTECT,
        null=True,
        related_name="consent_events",
        verbose_name=_("data subject"),
        db_index=False,
    )
    # C12 before anybody signed in: a keyed digest of the device's own id
    device_digest = models.BinaryField(_("device"), max_length=16, null=True)
    form = models.ForeignKey(ConsentForm, models.PROTECT, related_name="events", verbose_name=_("form"))
    scope = models.CharField(_("about"), max_length=80, blank=True)
    kind = models.CharField(_("what happened"), max_length=20, choices=EventKind)
    occurred_at = models.DateTimeField(_("happened at"), db_default=ClockTimestamp())
    valid_until = models.DateTimeField(_("valid until"), null=True)
    version = models.ForeignKey(
        ConsentFormVersion, models.PROTECT, null=True, related_name="events", verbose_name=_("version")
    )
    policy_version = models.ForeignKey(
        PolicyVersion, models.PROTECT, null=True, related_name="+", verbose_name=_("policy in force")
    )
    served = models.ForeignKey(
        FormServed, models.PROTECT, null=True, related_name="answers", verbose_name=_("form shown")
    )
    language = models.CharField(_("language"), max_length=2, choices=Language, blank=True)
    sha256 = models.CharField(_("SHA-256 of the text shown"), max_length=64, blank=True)
    channel = models.CharField(_("channel"), max_length=15, choices=Channel)
    trust = models.CharField(_("how sure"), max_length=20, choices=Trust)
    reason = models.SlugField(_("reason"), max_length=40, blank=True)
    # {"address": …, "agent": …, "representative": …, "reference": …}, sealed with the person's evidence key
    sealed_evidence = models.BinaryField(_("sealed evidence"), null=True)
    scan = models.ForeignKey(Scan, models.PROTECT, null=True, related_name="events", verbose_name=_("scan"))
    about = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="consequences", verbose_name=_("the event it is about")
    )
    # of a deferred withdrawal: the contracts that hold it
    blocking = ArrayField(models.BigIntegerField(), verbose_name=_("open contracts"), default=list)

    class Meta(Event.Meta):
        abstract = False
        verbose_name = _("consent event")
        verbose_name_plural = _("consent events")
        triggers = [*Event.Meta.triggers, ConfirmedByTwo()]
        permissions = [
            ("record_consentevent", _("Can record what a person said on paper or by phone")),
            ("confirm_consentevent", _("Can confirm what a colleague typed from paper")),
            ("import_consents", _("Can import older consents")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(subject__isnull=False, device_digest=None) | Q(subject=None, device_digest__isnull=False),
                name="consent_event_of_somebody",
            ),
            # nobody consents to no text; what was imported may not know its own
            models.CheckConstraint(
                condition=~Q(kind__in=CONSENTING) | Q(version__isnull=False) | Q(channel=Channel.IMPORTED),
                name="consent_event_names_its_text",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=CONSENTING, channel=Channel.WEB)
                | (Q(served__isnull=False) & ~Q(language="") & ~Q(sha256="")),
                name="consent_event_shown_before",
            ),
            # one officer alone records no consent
            models.CheckConstraint(
                condition=~Q(kind__in=CONSENTING) | ~Q(trust__in=[Trust.STAFF_ENTERED, Trust.RULE]),
                name="consent_event_trusted",
            ),
            models.CheckConstraint(
                condition=Q(kind="withdrawal_deferred") & ~Q(blocking=[])
                | ~Q(kind="withdrawal_deferred") & Q(blocking=[]),
                name="consent_event_blocking_contracts",
            ),
        ]
        indexes = [
            models.Index(fields=["subject", "form", "scope", "occurred_at", "id"], name="consent_event_order"),
            models.Index(fields=["device_digest", "form"], condition=Q(subject=None), name="consent_event_device"),
            # papers that wait for a second person, which are few among many events
            models.Index(fields=["id"], condition=Q(kind="pending_confirmation"), name="consent_event_paper"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} № {self.pk}"


class ConsentStateQuerySet(models.QuerySet):
    def of(self, subject: DataSubject):
        return self.filter(subject=subject)

    def overdue(self, at: datetime):
        """Live consents bound to the loan whose term passed before `at` and whose person owes nothing any more."""
        interval = models.functions.Cast("given__version__term", models.DurationField())
        return (
            self.filter(
                ~Q(given__version__term=""),
                ~Exists(Contract.objects.open().filter(subject=OuterRef("subject"))),
                state__in=LIVE,
                until=None,
                subject__isnull=False,
                form__withdrawal=Withdrawal.AFTER_OBLIGATIONS,
            )
            .annotate(term_ends=models.ExpressionWrapper(F("given__occurred_at") + interval, models.DateTimeField()))
            .filter(term_ends__lte=at)
            .order_by("term_ends", "pk")
        )


class ConsentState(models.Model):
    """How one consent stands now: derived from its events, rebuilt by `rebuild_consent_states` (DESIGN 5)."""

    subject = models.ForeignKey(
        DataSubject,
        models.PROTECT,
        null=True,
        related_name="consent_states",
        verbose_name=_("data subject"),
        db_index=False,
    )
    device_digest = models.BinaryField(_("device"), max_length=16, null=True)
    form = models.ForeignKey(ConsentForm, models.PROTECT, related_name="states", verbose_name=_("form"), db_index=False)
    scope = models.CharField(_("about"), max_length=80, blank=True)
    state = models.CharField(_("state"), max_length=20, choices=State, default=State.UNKNOWN)
    since = models.DateTimeField(_("since"), null=True)
    until = models.DateTimeField(_("until"), null=True)
    # the consent that stands or stood last: its version and language say what it covers
    given = models.ForeignKey(ConsentEvent, models.PROTECT, null=True, related_name="+", verbose_name=_("given by"))
    last = models.ForeignKey(ConsentEvent, models.PROTECT, null=True, related_name="+", verbose_name=_("last event"))
    postponed = models.PositiveSmallIntegerField(_("postponed, times"), default=0)

    objects = ConsentStateQuerySet.as_manager()

    class Meta:
        verbose_name = _("state of a consent")
        verbose_name_plural = _("states of consents")
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "device_digest", "form", "scope"], nulls_distinct=False, name="consent_state_once"
            )
        ]
        indexes = [
            models.Index(fields=["form", "state", "id"], name="consent_state_by_form"),
            models.Index(fields=["until"], condition=Q(state__in=["given", "renewed"]), name="consent_state_ending"),
        ]

    def __str__(self) -> str:
        return f"{self.subject_id} {self.form_id} {self.scope} {self.state}".strip()
