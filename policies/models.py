"""What we promised: policies, their versions, clauses in both languages, publication (DESIGN 5; policy 9.2)."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from policies import pairing
from policies.enums import ClauseKind, Prevailing, Severity, State
from policies.triggers import FourEyes, FrozenClauses, FrozenVersion, NoGap, StepByStep
from staff.enums import Language


class Policy(models.Model):
    """A document the organisation publishes; its versions are the texts."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    title = models.CharField(_("title"), max_length=200)

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.title or self.code


class PolicyVersionQuerySet(models.QuerySet):
    def in_force(self, at=None):
        """Published versions in force at the moment `at` (aware datetime, now by default); one per policy."""
        return self.filter(state=State.PUBLISHED, in_force_during__contains=at or timezone.now())

    def published(self):
        """Everything the public may read: in force, superseded and scheduled."""
        return self.filter(state=State.PUBLISHED)


def _pair(who: str, when: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(**{who: None, when: None}) | Q(**{f"{who}__isnull": False, f"{when}__isnull": False}),
        name=f"policies_version_{when}_and_by",
    )


class PolicyVersion(models.Model):
    """One edition of a policy, in both languages, on its way from draft to published and ever after."""

    policy = models.ForeignKey(
        Policy, models.PROTECT, related_name="versions", verbose_name=_("policy"), db_index=False
    )
    number = models.PositiveIntegerField(_("number"))
    state = models.CharField(_("state"), max_length=20, choices=State, default=State.DRAFT)
    note = models.CharField(_("note for colleagues"), max_length=300, blank=True)

    # part of what is approved
    order_number = models.CharField(_("number of the approving order"), max_length=60, blank=True)
    order_date = models.DateField(_("date of the approving order"), null=True, blank=True)
    scope_kk = models.TextField(_("scope, in Kazakh"), blank=True)
    scope_ru = models.TextField(_("scope, in Russian"), blank=True)
    prevailing = models.CharField(_("prevailing text"), max_length=5, choices=Prevailing, default=Prevailing.EQUAL)
    significant = models.BooleanField(_("especially significant change"), null=True, blank=True)
    significance_reason_kk = models.TextField(_("why it is or is not significant, in Kazakh"), blank=True)
    significance_reason_ru = models.TextField(_("why it is or is not significant, in Russian"), blank=True)
    change_summary_kk = models.TextField(_("summary of changes, in Kazakh"), blank=True)
    change_summary_ru = models.TextField(_("summary of changes, in Russian"), blank=True)
    change_summary_en = models.TextField(_("summary of changes, in English"), blank=True)

    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    created_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, verbose_name=_("created by"), null=True, related_name="+", editable=False
    )
    submitted_at = models.DateTimeField(_("submitted at"), null=True, editable=False)
    submitted_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, verbose_name=_("submitted by"), null=True, related_name="+", editable=False
    )
    changes_requested_at = models.DateTimeField(_("changes requested at"), null=True, editable=False)
    changes_requested_by = models.ForeignKey(
        "staff.StaffUser",
        models.PROTECT,
        verbose_name=_("changes requested by"),
        null=True,
        related_name="+",
        editable=False,
    )
    changes_requested = models.TextField(_("what to change"), blank=True, editable=False)
    approved_at = models.DateTimeField(_("approved at"), null=True, editable=False)
    approved_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, verbose_name=_("approved by"), null=True, related_name="+", editable=False
    )
    published_at = models.DateTimeField(_("published at"), null=True, editable=False)
    published_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, verbose_name=_("published by"), null=True, related_name="+", editable=False
    )
    in_force_during = DateTimeRangeField(_("in force"), null=True, editable=False)

    objects = PolicyVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("policy version")
        verbose_name_plural = _("policy versions")
        ordering = ["policy", "-number"]
        permissions = [
            ("submit_policyversion", _("Can submit a version for approval")),
            ("approve_policyversion", _("Can approve a version or ask for changes")),
            ("publish_policyversion", _("Can publish a version")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["policy", "number"], name="policies_version_number_once"),
            models.UniqueConstraint(
                fields=["policy"],
                condition=Q(state__in=["draft", "in_review"]),
                name="policies_one_draft",
                violation_error_message=_("This policy has a draft already: finish it or give it up first."),
            ),
            _pair("submitted_by", "submitted_at"),
            _pair("changes_requested_by", "changes_requested_at"),
            _pair("approved_by", "approved_at"),
            _pair("published_by", "published_at"),
            models.CheckConstraint(
                condition=~Q(state__in=["in_review", "approved", "published"]) | Q(submitted_by__isnull=False),
                name="policies_review_needs_submitter",
            ),
            # who goes back to a draft leaves no signature behind for another text
            models.CheckConstraint(
                condition=(Q(state__in=["in_review", "approved", "published"]) | Q(submitted_by=None))
                & (Q(state__in=["approved", "published"]) | Q(approved_by=None)),
                name="policies_no_stale_signature",
            ),
            # four eyes; a plain <> would pass on NULL
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "published"])
                | (Q(approved_by__isnull=False) & ~Q(approved_by=F("submitted_by"))),
                name="policies_four_eyes",
                violation_error_message=_("Whoever submitted a version does not approve it."),
            ),
            models.CheckConstraint(
                condition=(Q(state="published", published_by__isnull=False, in_force_during__isnull=False))
                | (~Q(state="published") & Q(published_by=None, in_force_during=None)),
                name="policies_published_has_range",
            ),
            ExclusionConstraint(
                name="policies_one_in_force",
                expressions=[
                    ("policy", RangeOperators.EQUAL),
                    ("in_force_during", RangeOperators.OVERLAPS),
                ],
                condition=Q(state="published"),
                violation_error_message=_("Another version of this policy is in force at that time."),
            ),
        ]
        triggers = [FourEyes(), FrozenVersion(), StepByStep(), NoGap()]

    def __str__(self) -> str:
        return gettext("%(policy)s, version %(number)s") % {"policy": self.policy, "number": self.number}

    @property
    def is_scheduled(self) -> bool:
        return self.state == State.PUBLISHED and self.in_force_during.lower > timezone.now()

    @property
    def is_in_force(self) -> bool:
        return self.state == State.PUBLISHED and timezone.now() in self.in_force_during

    @property
    def is_superseded(self) -> bool:
        upper = self.in_force_during.upper if self.state == State.PUBLISHED else None
        return upper is not None and upper <= timezone.now()

    def languages(self) -> list[str]:
        """The languages its files came in, in the order kk, ru, en."""
        have = {source.language for source in self.sources.all()}
        return [code for code in ("kk", "ru", "en") if code in have]


class PolicySource(models.Model):
    """The file a version came from, byte for byte, in one language."""

    version = models.ForeignKey(
        PolicyVersion, models.CASCADE, related_name="sources", verbose_name=_("version"), db_index=False
    )
    language = models.CharField(_("language"), max_length=2, choices=Language)
    filename = models.CharField(_("file"), max_length=200, blank=True)
    content = models.BinaryField(_("content"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)

    class Meta:
        verbose_name = _("source file")
        verbose_name_plural = _("source files")
        constraints = [models.UniqueConstraint(fields=["version", "language"], name="policies_source_once")]
        triggers = [FrozenClauses()]

    def __str__(self) -> str:
        return f"{self.version_id} {self.language}"


class Clause(models.Model):
    """The smallest piece of a policy that can be cited; its key stays the same in every later version."""

    version = models.ForeignKey(
        PolicyVersion, models.CASCADE, related_name="clauses", verbose_name=_("version"), db_index=False
    )
    key = models.CharField(_("key"), max_length=60)
    kind = models.CharField(_("kind"), max_length=10, choices=ClauseKind)
    number = models.CharField(_("clause number"), max_length=20, blank=True)
    parent_key = models.CharField(_("belongs to"), max_length=60, blank=True)
    order = models.PositiveIntegerField(_("order"))
    text_kk = models.TextField(_("text in Kazakh"), blank=True)
    text_ru = models.TextField(_("text in Russian"), blank=True)
    text_en = models.TextField(_("text in English"), blank=True)

    class Meta:
        verbose_name = _("clause")
        verbose_name_plural = _("clauses")
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(fields=["version", "key"], name="policies_clause_key_once"),
            models.UniqueConstraint(
                fields=["version", "order"],
                name="policies_clause_order_once",
                deferrable=models.Deferrable.DEFERRED,
            ),
        ]
        triggers = [FrozenClauses()]

    def __str__(self) -> str:
        return f"{self.version_id} {self.key}"

    def text(self, language: str) -> str:
        return getattr(self, f"text_{language}")


class Finding(models.Model):
    """What a check found wrong with a version; the sentence is made from code and parameters in any language."""

    version = models.ForeignKey(PolicyVersion, models.CASCADE, related_name="findings", verbose_name=_("version"))
    code = models.CharField(_("code"), max_length=40)
    severity = models.CharField(_("severity"), max_length=10, choices=Severity)
    clause_key = models.CharField(_("clause"), max_length=60, blank=True)
    languages = models.JSONField(_("languages"), default=list)
    params = models.JSONField(_("details"), default=dict)

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        ordering = ["pk"]
        triggers = [FrozenClauses()]

    def __str__(self) -> str:
        return f"{self.version_id} {self.code}"

    @property
    def message(self) -> str:
        """The sentence, in the active language."""
        return pairing.Finding(
            code=self.code,
            severity=self.severity,
            clause=self.clause_key or None,
            languages=list(self.languages),
            params=self.params,
        ).message


# Django looks for models here; this one lies in a file of its own
from policies.legal_acts import LegalAct  # noqa: E402

__all__ = [
    "Clause",
    "Finding",
    "LegalAct",
    "Policy",
    "PolicySource",
    "PolicyVersion",
    "PolicyVersionQuerySet",
]
