"""What a purpose needs, what declares it, the list of data and how long they are kept (policy 1.1, 2.1, 3.2)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consent.enums import Necessity, RetentionAction, StartsOn
from consent.models.purposes import Purpose
from consent.triggers import FrozenEntries
from policies.models import Policy
from staff.opened import Opened
from subjects.enums import RetentionClass
from subjects.models import DataCategory


class PurposeCategory(Opened):
    """A cell of the matrix: this purpose needs this category of data (94-V art. 7; policy 3.2)."""

    identity = ("purpose", "category")

    purpose = models.ForeignKey(Purpose, models.PROTECT, related_name="cells", verbose_name=_("purpose"))
    category = models.ForeignKey(DataCategory, models.PROTECT, related_name="cells", verbose_name=_("data category"))
    necessity = models.CharField(_("necessity"), max_length=10, choices=Necessity, default=Necessity.REQUIRED)
    note = models.CharField(_("note"), max_length=300, blank=True)

    class Meta(Opened.Meta):
        abstract = False
        verbose_name = _("cell of the matrix")
        verbose_name_plural = _("cells of the matrix")
        constraints = [
            *Opened.Meta.constraints,
            models.UniqueConstraint(
                fields=["purpose", "category"],
                condition=Q(in_force_during__upper_inf=True),
                name="consent_cell_once_in_force",
                violation_error_message=_("The matrix has this cell already."),
            ),
            models.UniqueConstraint(
                fields=["purpose", "category"],
                condition=Q(in_force_during=None),
                name="consent_cell_once_proposed",
                violation_error_message=_("This cell is proposed already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose_id} × {self.category_id}"


class ClauseLink(models.Model):
    """The clause of a policy that declares a purpose or a category; the key is the same in every version."""

    policy = models.ForeignKey(Policy, models.PROTECT, related_name="+", verbose_name=_("policy"), db_index=False)
    clause_key = models.CharField(_("clause"), max_length=60)
    purpose = models.ForeignKey(
        Purpose, models.PROTECT, null=True, blank=True, related_name="clauses", verbose_name=_("purpose")
    )
    category = models.ForeignKey(
        DataCategory, models.PROTECT, null=True, blank=True, related_name="clauses", verbose_name=_("data category")
    )

    class Meta:
        verbose_name = _("link of a clause")
        verbose_name_plural = _("links of clauses")
        constraints = [
            models.CheckConstraint(
                condition=Q(purpose__isnull=True) ^ Q(category__isnull=True),
                name="consent_clause_of_one",
                violation_error_message=_("A clause is linked with a purpose or with a data category."),
            ),
            models.UniqueConstraint(
                fields=["policy", "clause_key", "purpose", "category"],
                nulls_distinct=False,
                name="consent_clause_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy_id} {self.clause_key}"


class DataList(Opened):
    """An edition of the approved list of personal data (перечень), by order (94-V art. 25)."""

    number = models.PositiveIntegerField(_("edition"), unique=True)
    order_number = models.CharField(_("number of the approving order"), max_length=60)
    order_date = models.DateField(_("date of the approving order"))

    class Meta(Opened.Meta):
        abstract = False
        verbose_name = _("list of personal data")
        verbose_name_plural = _("lists of personal data")
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"{self.number}"


class DataListEntry(models.Model):
    """A category on one edition of the list, with the titles it had then."""

    data_list = models.ForeignKey(
        DataList, models.CASCADE, related_name="entries", verbose_name=_("list"), db_index=False
    )
    category = models.ForeignKey(DataCategory, models.PROTECT, related_name="+", verbose_name=_("data category"))
    title_kk = models.CharField(_("title in Kazakh"), max_length=200)
    title_ru = models.CharField(_("title in Russian"), max_length=200)

    class Meta:
        verbose_name = _("entry of the list")
        verbose_name_plural = _("entries of the list")
        constraints = [models.UniqueConstraint(fields=["data_list", "category"], name="consent_list_entry_once")]
        triggers = [FrozenEntries()]

    def __str__(self) -> str:
        return f"{self.data_list_id} {self.category_id}"


class RetentionRule(Opened):
    """How long data are kept and from when; the longest live rule wins (94-V art. 12, 18; policy 1.1(3))."""

    identity = ("code",)

    code = models.SlugField(_("code"), max_length=40)
    title = models.CharField(_("title"), max_length=200)
    purpose = models.ForeignKey(
        Purpose, models.PROTECT, null=True, blank=True, related_name="retention_rules", verbose_name=_("purpose")
    )
    category = models.ForeignKey(
        DataCategory,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="retention_rules",
        verbose_name=_("data category"),
    )
    retention_class = models.CharField(_("retention class"), max_length=20, choices=RetentionClass, blank=True)
    # ISO 8601: P5Y, P6M, P30D; P0D is "at once"
    duration = models.CharField(_("duration"), max_length=20)
    starts_on = models.CharField(_("runs from"), max_length=20, choices=StartsOn)
    action = models.CharField(_("then"), max_length=15, choices=RetentionAction, default=RetentionAction.DESTROY)
    reference = models.CharField(_("legal reference"), max_length=200, blank=True)
    confirmed_by_counsel = models.BooleanField(_("confirmed by counsel"), default=False)

    class Meta(Opened.Meta):
        abstract = False
        verbose_name = _("retention rule")
        verbose_name_plural = _("retention rules")
        ordering = ["code", "-pk"]
        constraints = [
            *Opened.Meta.constraints,
            models.CheckConstraint(
                condition=Q(category__isnull=False, retention_class="") | Q(category=None) & ~Q(retention_class=""),
                name="consent_rule_of_category_or_class",
                violation_error_message=_("A rule is for one data category or for one retention class."),
            ),
            models.CheckConstraint(
                condition=Q(duration__regex=r"^P(\d{1,3}Y)?(\d{1,3}M)?(\d{1,4}D)?$") & ~Q(duration="P"),
                name="consent_rule_duration",
                violation_error_message=_("Write the duration as ISO 8601 does: P5Y, P6M, P30D."),
            ),
            models.UniqueConstraint(
                fields=["code"],
                condition=Q(in_force_during__upper_inf=True),
                name="consent_rule_once_in_force",
                violation_error_message=_("A rule with this code is in force already."),
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.code
