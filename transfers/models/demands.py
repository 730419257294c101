"""Demands for somebody's data that come from outside: a court, the police, a bureau, a collector (94-V art. 15).

The term is a `Deadline` about the row, or typed. What the person may not be told of is withheld from the first moment.
"""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from audit.models import Event
from consent.models import Purpose
from subjects.clock_models import Deadline
from subjects.enums import Disclosure
from subjects.models import DataSubject
from transfers.models.register import Recipient
from transfers.models.transfers import Transfer
from transfers.triggers import DemandSteps

ABOUT = "transfers.InboundDemand:"


class DemandBody(models.TextChoices):
    """Who asks, as it calls itself; the recipient of the register is chosen beside it."""

    COURT = "court", pgettext_lazy("demand", "court")
    PROSECUTION = "prosecution", pgettext_lazy("demand", "body of criminal prosecution")
    EXECUTOR = "executor", pgettext_lazy("demand", "state court executor")
    BAILIFF = "bailiff", pgettext_lazy("demand", "private court executor")
    NOTARY = "notary", pgettext_lazy("demand", "notary")
    STATE_BODY = "state_body", pgettext_lazy("demand", "state body")
    BUREAU = "bureau", pgettext_lazy("demand", "credit bureau")
    COLLECTOR = "collector", pgettext_lazy("demand", "collection agency")
    OTHER = "other", pgettext_lazy("demand", "other")


class DemandLanguage(models.TextChoices):
    """The language of our letter: one of the two of the state."""

    KK = "kk", "Қазақша"
    RU = "ru", "Русский"


class DemandState(models.TextChoices):
    RECEIVED = "received", pgettext_lazy("demand state", "received")
    PROPOSED = "proposed", pgettext_lazy("demand state", "a decision waits for a second person")
    GRANTED = "granted", pgettext_lazy("demand state", "to be answered with data")
    ANSWERED = "answered", pgettext_lazy("demand state", "answered with data")
    REFUSED = "refused", pgettext_lazy("demand state", "refused")
    CLOSED = "closed", pgettext_lazy("demand state", "taken back by who asked")


class DemandRefusal(models.TextChoices):
    """Why data are not given. The first two are the gate's to say; the last two are ours to know."""

    NO_GROUND = "no_ground", pgettext_lazy("refusal of a demand", "the law does not let us give the data")
    INCOMPLETE = "incomplete", pgettext_lazy("refusal of a demand", "the demand lacks what the law asks of it")
    UNKNOWN_PERSON = "unknown_person", pgettext_lazy("refusal of a demand", "we hold nothing on the person")
    NOTHING_HELD = "nothing_held", pgettext_lazy("refusal of a demand", "we hold none of the data that are asked for")


OF_THE_GATE = (DemandRefusal.NO_GROUND, DemandRefusal.INCOMPLETE)
S = DemandState
TRANSITIONS: dict[str, frozenset[str]] = {
    S.RECEIVED: frozenset({S.PROPOSED, S.CLOSED}),
    S.PROPOSED: frozenset({S.RECEIVED, S.GRANTED, S.REFUSED}),
    S.GRANTED: frozenset({S.RECEIVED, S.ANSWERED}),
    S.ANSWERED: frozenset(),
    S.REFUSED: frozenset(),
    S.CLOSED: frozenset(),
}
OPEN = (S.RECEIVED, S.PROPOSED, S.GRANTED)
DECIDED = (S.GRANTED, S.ANSWERED, S.REFUSED)
ANSWERED = (S.ANSWERED, S.REFUSED)


class DemandFile(Event):
    """The letter as it came, sealed with a key of its own: it may speak of several people, or of one we do not know."""

    sha256 = models.CharField(_("SHA-256 of the file"), max_length=64)
    media_type = models.CharField(_("type of the file"), max_length=40)
    size = models.PositiveIntegerField(_("size in bytes"))
    sealed = models.BinaryField()

    class Meta(Event.Meta):
        abstract = False
        default_permissions = ()
        verbose_name = _("file of a demand")
        verbose_name_plural = _("files of demands")
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="transfers_demand_file_sha256"),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"


class DemandQuerySet(models.QuerySet):
    def open(self) -> Self:
        """Not answered, refused or taken back yet."""
        return self.filter(state__in=OPEN)

    def with_term(self) -> Self:
        """With `term`, the last moment that is in time: of its clock, else as it was typed."""
        about = Concat(Value(ABOUT), Cast(OuterRef("pk"), models.TextField()))
        clock = Deadline.objects.filter(about=about).order_by("-pk").values("due_at")[:1]
        return self.annotate(term=Coalesce(Subquery(clock), F("due_at")))

    def hidden_clocks(self) -> models.QuerySet:
        """What the clocks of the withheld are about: of those that were withheld after they began."""
        about = Concat(Value(ABOUT), Cast("pk", models.TextField()), output_field=models.TextField())
        return self.filter(disclosure=Disclosure.WITHHELD).annotate(clock=about).values("clock").order_by()

    def told(self, withheld: bool) -> Self:
        """Without what is withheld, unless the reader must know of it (DESIGN 4)."""
        return self if withheld else self.filter(disclosure=Disclosure.SUBJECT)


class InboundDemand(models.Model):
    """Somebody outside asks for data on a person, by a letter with number and date."""

    kind = models.CharField(_("who asks"), max_length=20, choices=DemandBody)
    body = models.CharField(_("name of the body"), max_length=120)
    recipient = models.ForeignKey(
        Recipient, models.PROTECT, null=True, blank=True, related_name="demands", verbose_name=_("recipient")
    )
    letter_number = models.CharField(_("number of the letter"), max_length=60)
    letter_date = models.DateField(_("date of the letter"))
    article = models.CharField(_("article"), max_length=120, blank=True)
    sanction = models.CharField(_("sanction"), max_length=120, blank=True)
    received_at = models.DateTimeField(_("received at"))
    registered_at = models.DateTimeField(_("registered at"), db_default=Now(), editable=False)
    # of a term that no rule of the law counts
    due_at = models.DateTimeField(_("to be answered until"), null=True, blank=True)
    subject = models.ForeignKey(
        DataSubject,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="demands",
        verbose_name=_("data subject"),
        db_index=False,
    )
    purpose = models.ForeignKey(
        Purpose, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("purpose")
    )
    categories = ArrayField(
        models.SlugField(max_length=40), verbose_name=_("data categories"), default=list, blank=True
    )
    language = models.CharField(_("language of the answer"), max_length=2, choices=DemandLanguage)
    file = models.ForeignKey(DemandFile, models.PROTECT, null=True, related_name="+", verbose_name=_("file"))
    disclosure = models.CharField(_("who may see it"), max_length=10, choices=Disclosure, default=Disclosure.SUBJECT)
    state = models.CharField(_("state"), max_length=10, choices=DemandState, default=DemandState.RECEIVED)
    refusal = models.CharField(_("ground of the refusal"), max_length=20, choices=DemandRefusal, blank=True)
    decided_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, null=True, related_name="+", verbose_name=_("decision proposed by")
    )
    decided_at = models.DateTimeField(_("decision proposed at"), null=True)
    approved_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, null=True, related_name="+", verbose_name=_("decision approved by")
    )
    approved_at = models.DateTimeField(_("decision approved at"), null=True)
    transfer = models.OneToOneField(
        Transfer, models.PROTECT, null=True, related_name="demand", verbose_name=_("transfer")
    )
    answered_at = models.DateTimeField(_("answered at"), null=True)

    objects = DemandQuerySet.as_manager()

    class Meta:
        verbose_name = _("inbound demand")
        verbose_name_plural = _("inbound demands")
        ordering = ["-pk"]
        triggers = [DemandSteps()]
        permissions = [
            ("handle_inbounddemand", _("Can work on a demand and propose its answer")),
            ("approve_inbounddemand", _("Can approve the answer to a demand")),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="transfers_demand_by_state"),
            models.Index(fields=["subject"], name="transfers_demand_by_subject"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by=None, decided_at=None) | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="transfers_demand_decided_at_and_by",
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None, approved_at=None)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="transfers_demand_approved_at_and_by",
            ),
            # four eyes; a plain <> would pass on NULL
            models.CheckConstraint(
                condition=~Q(state__in=DECIDED)
                | Q(decided_by__isnull=False, approved_by__isnull=False) & ~Q(approved_by=F("decided_by")),
                name="transfers_demand_four_eyes",
                violation_error_message=_("The answer to a demand is approved by somebody else."),
            ),
            models.CheckConstraint(
                condition=Q(state__in=ANSWERED, answered_at__isnull=False)
                | ~Q(state__in=ANSWERED) & Q(answered_at=None),
                name="transfers_demand_answered_when_done",
            ),
            models.CheckConstraint(
                condition=Q(state="refused") & ~Q(refusal="")
                | Q(state="proposed")
                | ~Q(state__in=["refused", "proposed"]) & Q(refusal=""),
                name="transfers_demand_refused_why",
            ),
            models.CheckConstraint(
                condition=Q(state="answered", transfer__isnull=False) | ~Q(state="answered") & Q(transfer=None),
                name="transfers_demand_answered_by_a_transfer",
            ),
        ]

    def __str__(self) -> str:
        return f"D-{self.pk:06d}" if self.pk else "D-"

    @property
    def about(self) -> str:
        """What its clock is about."""
        return f"{ABOUT}{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def withheld(self) -> bool:
        return self.disclosure == Disclosure.WITHHELD

    @property
    def is_overdue(self) -> bool:
        """Of a row that came with `with_term`."""
        return self.is_open and self.term is not None and self.term < timezone.now()


class DemandLetter(Event):
    """Our letter to who asked, as it was made: it names their letter and no person."""

    class Kind(models.TextChoices):
        DATA = "data", pgettext_lazy("letter to a body", "answer with data")
        REFUSAL = "refusal", pgettext_lazy("letter to a body", "refusal")

    demand = models.ForeignKey(
        InboundDemand, models.PROTECT, related_name="letters", verbose_name=_("inbound demand"), db_index=False
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    language = models.CharField(_("language"), max_length=2, choices=DemandLanguage)
    sha256 = models.CharField(_("SHA-256 of the file"), max_length=64)
    content = models.BinaryField(_("content"))

    class Meta(Event.Meta):
        abstract = False
        default_permissions = ()
        verbose_name = _("letter about a demand")
        verbose_name_plural = _("letters about demands")
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="transfers_demand_letter_sha256"),
            models.UniqueConstraint(fields=["demand", "kind"], name="transfers_demand_letter_once"),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"
