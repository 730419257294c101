"""Where else data on people lies: the organisation's systems, and what of it is only listed here (DESIGN 5).

IP addresses, cookies, browsers and pages stay in the system that sees them: a second web log would be a second leak.
"""

from datetime import date, timedelta

from django.contrib.postgres.fields import DateRangeField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from subjects.formats import TECHNICAL
from subjects.values import DataCategory, PersonalData


class SourceSystemQuerySet(models.QuerySet):
    def that_may_hold(self, files, category=None):
        """Systems that hold data on the person, or may: those asked when the person asks (94-V art. 24).

        files: those of the person (DataSubject). category: the DataCategory that is put right; None for all. By the
        categories a system is named to hold, of which we know a value the person may be told of, and by what it told
        of the person. What it never said is unknown, not nothing: a system in use without categories, and one of
        technical data that tells of nobody, are asked too. One out of use is asked while something says that it holds
        data still.
        """
        named = SystemCategory.objects.filter(system=OuterRef("pk"))
        mine = TechnicalHolding.objects.filter(system=OuterRef("pk"), subject__in=files)
        unknown = Q(retired_on=None) & ~Exists(named)
        if category is not None:
            return self.filter(
                unknown | Exists(named.filter(category=category)) | Exists(mine.filter(category=category))
            )
        # the same for whom something is withheld of and whom not: the work must not tell (DESIGN 4)
        values = PersonalData.objects.told().filter(subject__in=files).values("category")
        silent = Exists(named.filter(category__code__in=TECHNICAL)) & ~Exists(
            TechnicalHolding.objects.filter(system=OuterRef("pk"))
        )
        return self.filter(unknown | Exists(named.filter(category__in=values)) | Exists(mine) | silent)


class SourceSystem(models.Model):
    """A system of the organisation that holds data on people: it is asked when they ask (94-V art. 24)."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    title = models.CharField(_("title"), max_length=200)
    # who answers for the system in our organisation: a unit, not a person
    unit = models.CharField(_("unit that answers for it"), max_length=200, blank=True)
    email = models.EmailField(_("e-mail of the unit"), blank=True)
    retired_on = models.DateField(_("out of use since"), null=True, blank=True)

    objects = SourceSystemQuerySet.as_manager()

    class Meta:
        verbose_name = _("system that holds data")
        verbose_name_plural = _("systems that hold data")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.title or self.code


class SystemCategory(models.Model):
    """A category of data that a system holds."""

    system = models.ForeignKey(
        SourceSystem, models.PROTECT, related_name="categories", verbose_name=_("system"), db_index=False
    )
    category = models.ForeignKey(DataCategory, models.PROTECT, related_name="systems", verbose_name=_("data category"))

    class Meta:
        verbose_name = _("category in a system")
        verbose_name_plural = _("categories in systems")
        constraints = [
            models.UniqueConstraint(
                fields=["system", "category"],
                name="subjects_system_category_once",
                violation_error_message=_("This system has the category already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.system_id} × {self.category_id}"


class TechnicalHolding(models.Model):
    """That a system holds technical data on a person: where, of what days, how many; never the data (policy 2.1)."""

    subject = models.ForeignKey(
        "subjects.DataSubject",
        models.PROTECT,
        related_name="holdings",
        verbose_name=_("data subject"),
        db_index=False,
    )
    category = models.ForeignKey(DataCategory, models.PROTECT, related_name="+", verbose_name=_("data category"))
    system = models.ForeignKey(SourceSystem, models.PROTECT, related_name="holdings", verbose_name=_("system"))
    during = DateRangeField(_("of the days"))
    count = models.PositiveBigIntegerField(_("records"))

    class Meta:
        verbose_name = _("technical data in a system")
        verbose_name_plural = _("technical data in systems")
        constraints = [
            models.UniqueConstraint(fields=["subject", "category", "system"], name="subjects_holding_once"),
            models.CheckConstraint(
                condition=Q(during__startswith__isnull=False, during__endswith__isnull=False),
                name="subjects_holding_has_days",
                violation_error_message=_("Say of which days the records are: the first and the last."),
            ),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"

    @property
    def last_day(self) -> date:
        return self.during.upper - timedelta(days=1)
