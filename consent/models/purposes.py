"""Why we process: purposes, and the editions by which two people change them (94-V art. 7; policy 1.1)."""

from datetime import date, datetime

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consent.enums import Ground
from consent.triggers import SaidByTwo
from staff.opened import Opened

DPV_TERMS = RegexValidator(
    r"^[a-z][a-z0-9-]*:[A-Za-z][A-Za-z0-9]*( [a-z][a-z0-9-]*:[A-Za-z][A-Za-z0-9]*)*$",
    _("Write terms with their prefix, a space between them: dpv:Marketing fin:CreditChecking."),
)


def _checks(dates: str, open_ended: str) -> list[models.CheckConstraint]:
    return [
        models.CheckConstraint(
            condition=Q(valid_to=None) | Q(valid_to__gte=models.F("valid_from")),
            name=dates,
            violation_error_message=_("The last day is before the first."),
        ),
        # 94-V art. 7: specific and predetermined
        models.CheckConstraint(
            condition=Q(open_ended=False) | Q(ground="none", required=False),
            name=open_ended,
            violation_error_message=_("An open-ended purpose has no legal ground and is required for nothing."),
        ),
    ]


class Said(models.Model):
    """What is said of a purpose."""

    title = models.CharField(_("title"), max_length=300)
    # several terms, separated by spaces: dpv:EstablishContractualAgreement fin:LoanServiceProvision
    dpv_term = models.CharField(_("DPV terms"), max_length=300, blank=True, validators=[DPV_TERMS])
    ground = models.CharField(_("legal ground"), max_length=20, choices=Ground)
    article = models.CharField(_("article"), max_length=120, blank=True)
    confirmed_by_counsel = models.BooleanField(_("confirmed by counsel"), default=False)
    required = models.BooleanField(_("required for the loan"), default=False)
    open_ended = models.BooleanField(_("open-ended"), default=False)
    valid_from = models.DateField(_("valid from"), default=timezone.localdate)
    valid_to = models.DateField(_("valid to"), null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title or self.code


def _valid(said: Said, day: date) -> bool:
    return said.valid_from <= day and (said.valid_to is None or said.valid_to >= day)


class PurposeQuerySet(models.QuerySet):
    def in_force(self, at: datetime | None = None):
        """Purposes valid on the day of the moment `at` (aware datetime, now by default), in Asia/Almaty.

        The rows say what is said of them today; `as_of` says what was said then.
        """
        if at is not None and at < timezone.now():
            return self.filter(pk__in=[purpose.pk for purpose in self.as_of(at)])
        day = timezone.localdate(at)
        return self.filter(valid_from__lte=day).filter(Q(valid_to=None) | Q(valid_to__gte=day))

    def as_of(self, at: datetime | None = None) -> list["Purpose"]:
        """Purposes in force at the moment `at` (aware datetime, now by default), each as it was then; one query.

        Of a day before a purpose was written down, what was first written about that day is told.
        """
        if at is None:
            return list(self.in_force())
        day, then = timezone.localdate(at), {}
        rows = self.model.history.filter(id__in=self.order_by().values("pk"))
        for row in rows.order_by("history_date", "history_id"):
            if row.history_date <= at or (row.id not in then and _valid(row, day)):
                then[row.id] = row
        valid = [row.instance for row in then.values() if _valid(row, day)]
        return sorted(valid, key=lambda purpose: (purpose.order, purpose.code))


class Purpose(Said):
    """A specific, predetermined purpose of processing, as the edition in force says it (94-V art. 7; policy 1.1)."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    order = models.PositiveSmallIntegerField(_("order"), default=0)

    objects = PurposeQuerySet.as_manager()

    class Meta:
        verbose_name = _("purpose")
        verbose_name_plural = _("purposes")
        ordering = ["order", "code"]
        constraints = _checks("consent_purpose_dates", "consent_open_ended_has_no_ground")
        triggers = [SaidByTwo()]


class PurposeEdition(Opened, Said):
    """A change of a purpose, or a new one, that one officer proposes and another approves (DESIGN 5).

    When approved, it is written over the purpose of the same code, which every other table points at; what was said
    before stays in that purpose's history.
    """

    identity = ("code",)

    code = models.SlugField(_("code"), max_length=40)

    class Meta(Opened.Meta):
        abstract = False
        verbose_name = _("edition of a purpose")
        verbose_name_plural = _("editions of purposes")
        ordering = ["-pk"]
        constraints = [
            *Opened.Meta.constraints,
            *_checks("consent_edition_dates", "consent_edition_open_ended_has_no_ground"),
            models.UniqueConstraint(
                fields=["code"],
                condition=Q(in_force_during__upper_inf=True),
                name="consent_edition_once_in_force",
                violation_error_message=_("Another edition of this purpose is in force already."),
            ),
            models.UniqueConstraint(
                fields=["code"],
                condition=Q(in_force_during=None),
                name="consent_edition_once_proposed",
                violation_error_message=_("A change of this purpose is proposed already."),
            ),
        ]


# what an edition says and a purpose repeats
SAID = (
    "title_kk",
    "title_ru",
    "title_en",
    "dpv_term",
    "ground",
    "article",
    "confirmed_by_counsel",
    "required",
    "open_ended",
    "valid_from",
    "valid_to",
)
