"""What restrains us about a person: data that may not be destroyed, credits that are not given (policy 1.1).

A person under financial monitoring is not told, and nobody who need not know is: such rows have a table of their own,
so that no list, count or number of the other can hint at them (DESIGN 4, ADR 11).
"""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from audit.models import Event
from audit.triggers import ACT, OFFICER, HouseTrigger
from staff.models import StaffUser
from staff.opened import Opened
from subjects.enums import IndexKind


def _staff(verbose_name: object) -> models.ForeignKey:
    return models.ForeignKey(
        "staff.StaffUser", models.PROTECT, null=True, related_name="+", verbose_name=verbose_name, editable=False
    )


class LegalHoldQuerySet(models.QuerySet):
    def in_force(self, at=None):
        """Holds in force at the moment `at` (aware datetime, now by default)."""
        at = at or timezone.now()
        return self.filter(
            Q(until=None) | Q(until__gte=timezone.localdate(at)), Q(lifted_at=None) | Q(lifted_at__gt=at), since__lte=at
        )

    def told(self):
        """Those the person may know of: a check by a state body may be one of secrecy (DESIGN 4)."""
        return self.exclude(kind=LegalHold.Kind.AUTHORITY)

    def seen_by(self, officer: StaffUser):
        """Those this officer may know of: what the person may not is not for the counter either."""
        return self if officer.has_perm("subjects.view_withheld") else self.told()


class LegalHold(models.Model):
    """Nothing of the person's is destroyed while a case needs it; transfers and use go on as before.

    One officer places it at once, because waiting could destroy; two lift it.
    """

    class Kind(models.TextChoices):
        COURT = "court", pgettext_lazy("legal hold", "a court case")
        CLAIM = "claim", pgettext_lazy("legal hold", "a claim before court")
        AUTHORITY = "authority", pgettext_lazy("legal hold", "a check by a state body")
        COMPLAINT = "complaint", pgettext_lazy("legal hold", "a complaint of the person")

    subject = models.ForeignKey(
        "subjects.DataSubject", models.PROTECT, related_name="holds", verbose_name=_("data subject")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    case_number = models.CharField(_("number of the case"), max_length=100)
    body = models.CharField(_("who asks for it"), max_length=200)
    since = models.DateTimeField(_("since"), db_default=Now(), editable=False)
    until = models.DateField(_("until"), null=True, blank=True, help_text=_("Empty: until two officers lift it."))
    lift_proposed_by, lift_proposed_at = (
        _staff(_("lifting proposed by")),
        models.DateTimeField(_("lifting proposed at"), null=True, editable=False),
    )
    lifted_by, lifted_at = _staff(_("lifted by")), models.DateTimeField(_("lifted at"), null=True, editable=False)

    objects = LegalHoldQuerySet.as_manager()

    class Meta:
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        permissions = [("lift_legalhold", _("Can lift a legal hold that somebody else proposed to lift"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(lift_proposed_by=None, lift_proposed_at=None)
                | Q(lift_proposed_by__isnull=False, lift_proposed_at__isnull=False),
                name="subjects_hold_lift_proposed_at_and_by",
            ),
            models.CheckConstraint(
                condition=Q(lifted_by=None, lifted_at=None) | Q(lifted_by__isnull=False, lifted_at__isnull=False),
                name="subjects_hold_lifted_at_and_by",
            ),
            # a plain <> would pass on NULL
            models.CheckConstraint(
                condition=Q(lifted_by=None)
                | Q(lift_proposed_by__isnull=False, lifted_by__isnull=False) & ~Q(lifted_by=F("lift_proposed_by")),
                name="subjects_hold_lifted_by_two",
                violation_error_message=_("Whoever proposed to lift the hold does not lift it."),
            ),
        ]
        indexes = [models.Index(fields=["subject"], condition=Q(lifted_at=None), name="subjects_hold_open")]

    def __str__(self) -> str:
        return f"№ {self.pk}"

    @property
    def is_in_force(self) -> bool:
        return self.lifted_at is None and (self.until is None or self.until >= timezone.localdate())


class Denied(Opened):
    """The base of both lists of persons to whom no credit is given: proposed by one officer, approved by another."""

    review_on = models.DateField(_("review on"), help_text=_("On this day the entry stands in the review queue."))
    sealed_note = models.BinaryField(_("Note"), null=True, editable=False)

    class Meta(Opened.Meta):
        abstract = True

    def __str__(self) -> str:
        return f"№ {self.pk}"


class DenylistEntry(Denied):
    """A person on the list of those denied a microcredit, and why (policy 1.1)."""

    class Kind(models.TextChoices):
        REFUSED = "refused", pgettext_lazy("denylist", "a microcredit was refused")
        FRAUD = "fraud", pgettext_lazy("denylist", "fraud")
        ABUSE = "abuse", pgettext_lazy("denylist", "abuse of staff or service")

    class Reason(models.TextChoices):
        FALSE_DATA = "false_data", pgettext_lazy("denylist", "false data or documents")
        OTHERS_IDENTITY = "others_identity", pgettext_lazy("denylist", "another person's identity was used")
        OVERDUE = "overdue", pgettext_lazy("denylist", "debts overdue for long")
        SOLVENCY = "solvency", pgettext_lazy("denylist", "the debt burden is too high")
        SELF_BAN = "self_ban", pgettext_lazy("denylist", "the person forbade credits to themself")
        THREATS = "threats", pgettext_lazy("denylist", "threats or insults")
        OTHER = "other", pgettext_lazy("denylist", "another reason, in the sealed note")

    class Origin(models.TextChoices):
        OURSELVES = "ourselves", pgettext_lazy("denylist", "our own experience")
        COURT = "court", pgettext_lazy("denylist", "a court")
        BUREAU = "bureau", pgettext_lazy("denylist", "a credit bureau")
        LENDER = "lender", pgettext_lazy("denylist", "another lender")
        POLICE = "police", pgettext_lazy("denylist", "the police")

    identity = ("subject", "kind")

    subject = models.ForeignKey(
        "subjects.DataSubject", models.PROTECT, related_name="denials", verbose_name=_("data subject")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)
    origin = models.CharField(_("source"), max_length=12, choices=Origin)

    class Meta(Denied.Meta):
        abstract = False
        verbose_name = _("entry of the denylist")
        verbose_name_plural = _("denylist")
        constraints = [
            *Denied.Meta.constraints,
            models.UniqueConstraint(
                fields=["subject", "kind"],
                condition=Q(in_force_during__upper_inf=True),
                name="subjects_denial_once_in_force",
                violation_error_message=_("The person is on the list for this already."),
            ),
        ]


class AmlEntry(Denied):
    """A person of the lists of financial monitoring (policy 1.1, purpose 12): withheld, and its data is kept."""

    class Reason(models.TextChoices):
        SANCTIONS = "sanctions", pgettext_lazy("monitoring", "a list of the authority")
        SUSPICIOUS = "suspicious", pgettext_lazy("monitoring", "a suspicious operation")
        INVESTIGATION = "investigation", pgettext_lazy("monitoring", "an investigation")

    identity = ("subject",)

    subject = models.ForeignKey(
        "subjects.DataSubject", models.PROTECT, related_name="aml_entries", verbose_name=_("data subject")
    )
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)

    class Meta(Denied.Meta):
        abstract = False
        verbose_name = _("entry of financial monitoring")
        verbose_name_plural = _("financial monitoring")
        constraints = [
            *Denied.Meta.constraints,
            models.UniqueConstraint(
                fields=["subject"],
                condition=Q(in_force_during__upper_inf=True),
                name="subjects_aml_once_in_force",
                violation_error_message=_("The person is on the list already."),
            ),
        ]


class DecidedByAnother(HouseTrigger):
    """A dispute is decided by who signs for it, did not put the person on the list, and once."""

    name = "decided_by_another"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Insert | pgtrigger.Update

    def render_declare(self, model: type[models.Model]) -> str:
        return f"DECLARE {ACT} _officer bigint := {OFFICER};"

    def get_func(self, model: type[models.Model]) -> str:
        return """
            IF TG_OP = 'UPDATE' THEN
                IF OLD.decided_by_id IS NOT NULL AND (NEW.decided_by_id, NEW.decided_at, NEW.outcome, NEW.entry_id)
                    IS DISTINCT FROM (OLD.decided_by_id, OLD.decided_at, OLD.outcome, OLD.entry_id) THEN
                    RAISE EXCEPTION 'what is decided stays decided' USING ERRCODE = 'check_violation',
                    CONSTRAINT = 'subjects_dispute_frozen';
                END IF;
                IF NEW.decided_by_id IS NOT DISTINCT FROM OLD.decided_by_id THEN
                    RETURN NEW;
                END IF;
            END IF;
            IF NEW.decided_by_id IS NULL THEN
                RETURN NEW;
            END IF;
            IF NEW.decided_by_id IS DISTINCT FROM _officer THEN
                RAISE EXCEPTION 'nobody signs for somebody else' USING ERRCODE = 'check_violation',
                    CONSTRAINT = 'subjects_dispute_own_signature';
            END IF;
            IF EXISTS (
                SELECT 1 FROM subjects_denylistentry e
                WHERE e.id = NEW.entry_id AND NEW.decided_by_id IN (e.proposed_by_id, e.approved_by_id)
            ) THEN
                RAISE EXCEPTION 'whoever put the person on the list does not decide' USING ERRCODE = 'check_violation',
                    CONSTRAINT = 'subjects_dispute_four_eyes';
            END IF;
            RETURN NEW;
        """


class DenialDispute(models.Model):
    """A person disputes that they are on the denylist; somebody who did not put them there decides."""

    class Outcome(models.TextChoices):
        UPHELD = "upheld", pgettext_lazy("dispute", "the entry stays")
        REMOVED = "removed", pgettext_lazy("dispute", "the entry is to be closed")

    entry = models.ForeignKey(
        DenylistEntry, models.PROTECT, related_name="disputes", verbose_name=_("entry of the denylist"), editable=False
    )
    sealed_statement = models.BinaryField(_("What the person says"), null=True, editable=False)
    opened_at = models.DateTimeField(_("opened at"), db_default=Now(), editable=False)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True, default="")
    decided_by, decided_at = _staff(_("decided by")), models.DateTimeField(_("decided at"), null=True, editable=False)

    class Meta:
        verbose_name = _("dispute about the denylist")
        verbose_name_plural = _("disputes about the denylist")
        permissions = [("decide_denialdispute", _("Can decide a dispute about the denylist"))]
        triggers = [DecidedByAnother()]
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by=None, decided_at=None) | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="subjects_dispute_decided_at_and_by",
            ),
            models.CheckConstraint(
                condition=Q(outcome="", decided_at=None) | ~Q(outcome="") & Q(decided_at__isnull=False),
                name="subjects_dispute_has_outcome",
            ),
            models.UniqueConstraint(
                fields=["entry"],
                condition=Q(decided_at=None),
                name="subjects_dispute_once_open",
                violation_error_message=_("A dispute about this entry is open already."),
            ),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"

    @property
    def about(self) -> str:
        """What its clock and its letters are about."""
        return f"subjects.DenialDispute:{self.pk}"

    def outcome_of(self, entry: DenylistEntry, *, ended: bool) -> "DenialDispute.Outcome":
        """What became of a decided dispute; entry: as it stood then, ended: whether it was in force no more.

        An entry that a second officer did not close stays, whatever was decided.
        """
        kept = not ended and entry.closing_proposed_by_id is None
        return self.Outcome.UPHELD if kept else self.Outcome(self.outcome)

    @property
    def is_being_heeded(self) -> bool:
        """Whether the entry is on its way off the list; a second officer may still have it stay."""
        return self.outcome == self.Outcome.REMOVED and self.entry.closing_proposed_by_id is not None


class Suppression(Event):
    """Whom nobody may write or call to for marketing: a keyed digest that outlives the person's data (94-V art. 8).

    The newest event of a digest says whether it counts.
    """

    class Reason(models.TextChoices):
        OBJECTED = "objected", pgettext_lazy("suppression", "the person objected")
        ENDED = "ended", pgettext_lazy("suppression", "the consent to advertising ended")
        ERASED = "erased", pgettext_lazy("suppression", "their data was erased")
        STRANGER = "stranger", pgettext_lazy("suppression", "the address is a stranger's")
        CONSENTED = "consented", pgettext_lazy("suppression", "the person agreed anew")

    kind = models.CharField(_("kind"), max_length=20, choices=IndexKind)
    digest = models.BinaryField(max_length=16)
    ends = models.BooleanField(_("ends the suppression"), default=False)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)

    class Meta(Event.Meta):
        verbose_name = _("suppression")
        verbose_name_plural = _("suppression list")
        indexes = [models.Index(fields=["kind", "digest", "-id"], name="subjects_suppression_newest")]

    def __str__(self) -> str:
        return f"{self.kind} № {self.pk}"
