"""What we hold on a person, where it came from, and whether it was checked (DESIGN 4; policy 2.1, 2.2)."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from subjects.enums import Access, Disclosure, Origin, RetentionClass, Source


class DataCategory(models.Model):
    """An entry of the approved list of personal data (перечень; 94-V art. 25, policy 2.1)."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    title = models.CharField(_("title"), max_length=200)
    retention_class = models.CharField(_("retention class"), max_length=20, choices=RetentionClass)
    access = models.CharField(_("access"), max_length=12, choices=Access, default=Access.RESTRICTED)
    biometric = models.BooleanField(_("biometric"), default=False)
    order = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("data category")
        verbose_name_plural = _("data categories")
        ordering = ["order", "code"]

    def __str__(self) -> str:
        return self.title or self.code


class PersonalDataQuerySet(models.QuerySet):
    def told(self):
        """Those the person may see; what came in secret stands apart from them (DESIGN 4)."""
        return self.filter(disclosure=Disclosure.SUBJECT)

    def newest(self, subject, category):
        """The person's newest value of the category (a code) among those they may see; None without one."""
        rows = self.told().filter(subject=subject, category__code=category)
        return rows.select_related("subject", "category").order_by("pk").last()


class PersonalData(models.Model):
    """One value of one category, sealed with the person's key of the category's retention class.

    A better value takes the place of the row's; the history keeps the old one as ciphertext, with who replaced it,
    when and why (ADR 11). A second row of a category is a second value: another phone, another address.
    """

    subject = models.ForeignKey(
        "subjects.DataSubject",
        models.PROTECT,
        related_name="values",
        verbose_name=_("data subject"),
        db_index=False,
    )
    category = models.ForeignKey(DataCategory, models.PROTECT, related_name="+", verbose_name=_("data category"))
    # what the additional data of the seal names; the category's class may change later, the seal's may not
    retention_class = models.CharField(_("retention class"), max_length=20, choices=RetentionClass)
    sealed = models.BinaryField(_("sealed value"))
    # whose words they are; empty where nobody noted it, as for old imports
    origin = models.CharField(_("source"), max_length=20, choices=Origin, blank=True, db_default="", default="")
    # the transfer that brought a third party's value, as "transfers.Transfer:7": that app lies above this one
    transfer = models.CharField(_("transfer"), max_length=60, blank=True, db_default="", default="")
    source = models.CharField(_("method"), max_length=40, choices=Source, default=Source.IMPORT)
    collected_at = models.DateTimeField(_("collected at"), null=True, blank=True)
    disclosure = models.CharField(_("disclosure"), max_length=10, choices=Disclosure, default=Disclosure.SUBJECT)

    objects = PersonalDataQuerySet.as_manager()

    class Meta:
        verbose_name = _("value")
        verbose_name_plural = _("values")
        permissions = [
            ("record_value", _("Can write down a value of a person")),
            ("view_withheld", _("Can see that withheld values are held")),
        ]
        indexes = [models.Index(fields=["subject", "category"], name="subjects_value_by_subject")]
        constraints = [
            models.CheckConstraint(
                condition=Q(transfer="") | Q(origin=Origin.THIRD_PARTY),
                name="subjects_value_transfer_of_third_party",
                violation_error_message=_("A transfer brings data of a third party: name that as the source."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject_id} {self.category_id}"


class Verification(models.Model):
    """A value was checked against something (policy 2.2). A mismatch waits for an officer and changes nothing."""

    class Against(models.TextChoices):
        DOCUMENT = "document", pgettext_lazy("verification", "a document that was seen")
        STATE_DATABASE = "state_database", pgettext_lazy("verification", "a state database")
        CREDIT_BUREAU = "credit_bureau", pgettext_lazy("verification", "a credit bureau")
        PENSION_FUND = "pension_fund", pgettext_lazy("verification", "the pension fund")
        BANK = "bank", pgettext_lazy("verification", "a bank")
        CALL = "call", pgettext_lazy("verification", "a call to the person")
        EMPLOYER = "employer", pgettext_lazy("verification", "the employer")

    class Result(models.TextChoices):
        MATCH = "match", pgettext_lazy("verification", "it is the same")
        MISMATCH = "mismatch", pgettext_lazy("verification", "it differs")
        NOT_CHECKED = "not_checked", pgettext_lazy("verification", "it could not be checked")

    class Decision(models.TextChoices):
        CORRECTED = "corrected", pgettext_lazy("verification", "our value was corrected")
        KEPT = "kept", pgettext_lazy("verification", "our value stays")

    value = models.ForeignKey(
        PersonalData, models.CASCADE, related_name="verifications", verbose_name=_("value"), editable=False
    )
    against = models.CharField(_("checked against"), max_length=20, choices=Against)
    result = models.CharField(_("result"), max_length=12, choices=Result)
    # what the other side has, while somebody has to decide; sealed as the value is
    sealed_found = models.BinaryField(_("what the other side has"), null=True, editable=False)
    checked_at = models.DateTimeField(_("checked at"), db_default=Now())
    decision = models.CharField(_("decision"), max_length=10, choices=Decision, blank=True, default="")
    decided_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, editable=False)

    class Meta:
        verbose_name = _("verification")
        verbose_name_plural = _("verifications")
        permissions = [("decide_verification", _("Can decide about a value that differs"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by=None, decided_at=None) | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="subjects_verification_decided_at_and_by",
            ),
            models.CheckConstraint(
                condition=Q(decision="", decided_at=None) | Q(result="mismatch", decided_at__isnull=False),
                name="subjects_verification_decides_mismatch",
                violation_error_message=_("Only a value that differs is decided about."),
            ),
        ]
        indexes = [
            models.Index(
                fields=["-id"], condition=Q(result="mismatch", decided_at=None), name="subjects_verification_open"
            )
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.result == self.Result.MISMATCH and self.decided_at is None
