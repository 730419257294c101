"""The twelve forms of consent and their versions: what exactly a person is asked (94-V art. 8(4))."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from consent.enums import FormState, RecipientKind, ScopeKind, Withdrawal
from consent.models.register import Purpose
from consent.triggers import FormSteps, FrozenItems
from staff.enums import Language
from subjects.models import DataCategory

OPTIONAL_FORMS = ("C8", "C9", "C10", "C11", "C12")


class ConsentForm(models.Model):
    """A kind of consent, C1 to C12 (law.md 5.1); its versions are the texts people see."""

    code = models.CharField(_("code"), max_length=8, unique=True)
    title = models.CharField(_("title"), max_length=200)
    # never for C8-C12: own and others' advertising, cross-border, public sources, cookies
    required = models.BooleanField(_("required for the loan"), default=False)
    withdrawal = models.CharField(_("may be withdrawn"), max_length=20, choices=Withdrawal)
    scope_kind = models.CharField(_("one consent is about"), max_length=10, choices=ScopeKind, default=ScopeKind.WHOLE)
    order = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("consent form")
        verbose_name_plural = _("consent forms")
        ordering = ["order", "code"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(code__in=OPTIONAL_FORMS) | Q(required=False, withdrawal=Withdrawal.AT_ANY_TIME),
                name="consent_never_a_condition",
                violation_error_message=_(
                    "Advertising, cross-border transfer, public sources and cookies are never a condition of a loan "
                    "and may be withdrawn at any time."
                ),
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.title}".strip()

    @property
    def bound_to_the_loan(self) -> bool:
        """Whether an open obligation holds it (94-V art. 8(2))."""
        return self.withdrawal == Withdrawal.AFTER_OBLIGATIONS


class ConsentFormVersionQuerySet(models.QuerySet):
    def in_force(self, at=None):
        """Versions offered at the moment `at` (aware datetime, now by default); one per form."""
        return self.filter(state=FormState.APPROVED, in_force_during__contains=at or timezone.now())


class ConsentFormVersion(models.Model):
    """An edition of a form: its text in both languages and the answers art. 8(4) of 94-V asks for."""

    form = models.ForeignKey(
        ConsentForm, models.PROTECT, related_name="versions", verbose_name=_("form"), db_index=False
    )
    number = models.PositiveIntegerField(_("number"))
    state = models.CharField(_("state"), max_length=12, choices=FormState, default=FormState.DRAFT)
    # a text people accepted before Kelisim, or on paper: kept as it was, defects included, and never offered
    legacy = models.BooleanField(_("used before, never offered again"), default=False)
    text_kk = models.TextField(_("text in Kazakh"), blank=True)
    text_ru = models.TextField(_("text in Russian"), blank=True)
    text_en = models.TextField(_("text in English"), blank=True)
    # ISO 8601; empty: until the purposes are reached (94-V art. 8; the text says so)
    term = models.CharField(_("term"), max_length=20, blank=True)
    until_purposes_reached = models.BooleanField(_("until the purposes are reached"), default=False)
    # unanswered is not "no": the linter asks for the answer
    to_third_parties = models.BooleanField(_("transfer to third parties"), null=True, blank=True)
    cross_border = models.BooleanField(_("cross-border transfer"), null=True, blank=True)
    public_distribution = models.BooleanField(_("distribution in public sources"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    submitted_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, verbose_name=_("submitted by"), null=True, related_name="+", editable=False
    )
    submitted_at = models.DateTimeField(_("submitted at"), null=True, editable=False)
    approved_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, verbose_name=_("approved by"), null=True, related_name="+", editable=False
    )
    approved_at = models.DateTimeField(_("approved at"), null=True, editable=False)
    in_force_during = DateTimeRangeField(_("in force"), null=True, editable=False)

    objects = ConsentFormVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("version of a form")
        verbose_name_plural = _("versions of forms")
        ordering = ["form", "-number"]
        permissions = [
            ("submit_consentformversion", _("Can submit a form for approval")),
            ("approve_consentformversion", _("Can approve a form")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["form", "number"], name="consent_form_number_once"),
            models.UniqueConstraint(
                fields=["form"],
                condition=Q(state__in=["draft", "in_review"]),
                name="consent_form_one_draft",
                violation_error_message=_("This form has a draft already: finish it or give it up first."),
            ),
            models.CheckConstraint(
                condition=Q(submitted_by=None, submitted_at=None)
                | Q(submitted_by__isnull=False, submitted_at__isnull=False),
                name="consent_form_submitted_at_and_by",
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None, approved_at=None)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="consent_form_approved_at_and_by",
            ),
            models.CheckConstraint(
                condition=~Q(state="in_review") | Q(submitted_by__isnull=False),
                name="consent_form_review_needs_submitter",
            ),
            # four eyes; a plain <> would pass on NULL
            models.CheckConstraint(
                condition=~Q(state="approved") & Q(approved_by=None, in_force_during=None)
                | Q(state="approved", submitted_by__isnull=False, approved_by__isnull=False)
                & ~Q(approved_by=F("submitted_by")),
                name="consent_form_four_eyes",
                violation_error_message=_("Whoever submitted a form does not approve it."),
            ),
            models.CheckConstraint(
                condition=~Q(state="approved")
                | Q(legacy=False, in_force_during__isnull=False)
                | Q(legacy=True, in_force_during=None),
                name="consent_form_in_force_or_legacy",
            ),
            ExclusionConstraint(
                name="consent_form_one_in_force",
                expressions=[("form", RangeOperators.EQUAL), ("in_force_during", RangeOperators.OVERLAPS)],
                condition=Q(state="approved", legacy=False),
                violation_error_message=_("Another version of this form is in force at that time."),
            ),
        ]
        triggers = [FormSteps()]

    def __str__(self) -> str:
        return gettext("%(form)s, version %(number)s") % {"form": self.form.code, "number": self.number}

    def text(self, language: str) -> str:
        return getattr(self, f"text_{language}")


class ItemKind(models.TextChoices):
    PURPOSE = "purpose", pgettext_lazy("form item", "purpose")
    CATEGORY = "category", pgettext_lazy("form item", "data category")
    RECIPIENT = "recipient", pgettext_lazy("form item", "recipient")


class FormItem(models.Model):
    """One purpose, category or recipient that a form names, in its own words; empty words mean the text lacks it.

    What a person's consent covers is read from these words in the language the person saw.
    """

    version = models.ForeignKey(
        ConsentFormVersion, models.CASCADE, related_name="items", verbose_name=_("version"), db_index=False
    )
    kind = models.CharField(_("kind"), max_length=10, choices=ItemKind)
    purpose = models.ForeignKey(
        Purpose, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("purpose")
    )
    category = models.ForeignKey(
        DataCategory, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("data category")
    )
    recipient_kind = models.CharField(_("kind of recipient"), max_length=20, choices=RecipientKind, blank=True)
    text_kk = models.CharField(_("words in Kazakh"), max_length=1000, blank=True)
    text_ru = models.CharField(_("words in Russian"), max_length=1000, blank=True)
    text_en = models.CharField(_("words in English"), max_length=1000, blank=True)
    order = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("item of a form")
        verbose_name_plural = _("items of a form")
        ordering = ["kind", "order", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="purpose", purpose__isnull=False, category=None, recipient_kind="")
                | Q(kind="category", purpose=None, category__isnull=False, recipient_kind="")
                | Q(kind="recipient", purpose=None, category=None) & ~Q(recipient_kind=""),
                name="consent_item_of_its_kind",
                violation_error_message=_("An item names one purpose, one data category or one kind of recipient."),
            ),
            models.UniqueConstraint(
                fields=["version", "purpose", "category", "recipient_kind"],
                nulls_distinct=False,
                name="consent_item_once",
                violation_error_message=_("The form names this already."),
            ),
        ]
        triggers = [FrozenItems()]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.order}"

    def text(self, language: str) -> str:
        return getattr(self, f"text_{language}")

    @property
    def languages(self) -> list[str]:
        """The languages whose text names it."""
        return [code for code in Language.values if self.text(code)]
