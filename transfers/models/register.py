"""Who may get data, under which agreement, by which rule (policy 2.3, 4.2; 94-V art. 15-16)."""

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from consent.enums import Ground, RecipientKind
from consent.models import ConsentForm, Purpose
from policies.models import Policy
from staff.opened import Opened
from subjects.enums import Disclosure
from subjects.identifiers import normalise_bin
from transfers.enums import Direction, TransferGround, bureau_form, lawful_grounds, secret
from transfers.triggers import FrozenRecipient, LawfulRule

COUNTRY_CODE = RegexValidator(r"^[A-Z]{2}\Z", _("Write the two capital letters of ISO 3166-1: KZ, RU, DE."))


def _categories() -> ArrayField:
    # codes of subjects.DataCategory: names others rely on, never changed; a service checks that they exist
    return ArrayField(models.SlugField(max_length=40), verbose_name=_("data categories"))


class Recipient(models.Model):
    """A third party: somebody who gets personal data from us or gives them to us (94-V art. 1; policy 2.3)."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    kind = models.CharField(_("kind"), max_length=20, choices=RecipientKind)
    title = models.CharField(_("title"), max_length=200)
    # empty for a foreign one
    bin = models.CharField(_("BIN"), max_length=12, blank=True, validators=[normalise_bin])
    country = models.CharField(_("country"), max_length=2, default="KZ", validators=[COUNTRY_CODE])
    contact_email = models.EmailField(_("e-mail for notices"), blank=True)
    contact_phone = models.CharField(_("phone for notices"), max_length=20, blank=True)
    # of a collector: its entry in the register of collection agencies (62-VI)
    registry_number = models.CharField(_("entry in the register of collection agencies"), max_length=40, blank=True)
    registry_date = models.DateField(_("date of the entry"), null=True, blank=True)

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        ordering = ["code"]
        triggers = [FrozenRecipient()]
        constraints = [
            models.CheckConstraint(
                condition=Q(bin="") | Q(bin__regex=r"^[0-9]{12}$"),
                name="transfers_recipient_bin",
                violation_error_message=_("A BIN is 12 digits."),
            ),
            models.CheckConstraint(
                condition=~Q(kind="collector") | ~Q(registry_number="") & Q(registry_date__isnull=False),
                name="transfers_collector_registered",
                violation_error_message=_(
                    "A collector stands in the register of collection agencies: write number and date of the entry."
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.code


class RecipientClause(models.Model):
    """The clause of a policy that declares a recipient or a whole kind of them."""

    policy = models.ForeignKey(Policy, models.PROTECT, related_name="+", verbose_name=_("policy"), db_index=False)
    clause_key = models.CharField(_("clause"), max_length=60)
    recipient = models.ForeignKey(
        Recipient, models.PROTECT, null=True, blank=True, related_name="clauses", verbose_name=_("recipient")
    )
    kind = models.CharField(_("kind of recipient"), max_length=20, choices=RecipientKind, blank=True)

    class Meta:
        verbose_name = _("recipient in the policy")
        verbose_name_plural = _("recipients in the policy")
        constraints = [
            models.CheckConstraint(
                condition=Q(recipient__isnull=False, kind="") | Q(recipient=None) & ~Q(kind=""),
                name="transfers_clause_of_one",
                violation_error_message=_("A clause declares one recipient or one kind of recipients."),
            ),
            models.UniqueConstraint(
                fields=["policy", "clause_key", "recipient", "kind"],
                nulls_distinct=False,
                name="transfers_clause_once",
                violation_error_message=_("This link exists already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy_id} {self.clause_key}"


class Agreement(Opened):
    """A contract with a recipient: which data, from when to when, and the duty of confidentiality (policy 4.2)."""

    identity = ("recipient", "number")

    recipient = models.ForeignKey(Recipient, models.PROTECT, related_name="agreements", verbose_name=_("recipient"))
    number = models.CharField(_("number"), max_length=60)
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(_("valid to"), null=True, blank=True)
    confidentiality = models.CharField(_("clause on confidentiality"), max_length=40, blank=True)
    # whether it, or the law, has the person told of each transfer (94-V art. 19)
    notify_subject = models.BooleanField(_("the person is told of a transfer"), default=False)
    categories = _categories()
    file_name = models.CharField(_("file"), max_length=120, blank=True, editable=False)
    file_sha256 = models.CharField(_("SHA-256 of the file"), max_length=64, blank=True, editable=False)

    class Meta(Opened.Meta):
        abstract = False
        verbose_name = _("agreement")
        verbose_name_plural = _("agreements")
        ordering = ["recipient", "-valid_from", "-pk"]
        constraints = [
            *Opened.Meta.constraints,
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gte=F("valid_from")),
                name="transfers_agreement_dates",
                violation_error_message=_("The last day is before the first."),
            ),
            models.UniqueConstraint(
                fields=["recipient", "number"],
                condition=Q(in_force_during__upper_inf=True),
                name="transfers_agreement_once_in_force",
                violation_error_message=_("This agreement is in force already."),
            ),
        ]
        indexes = [models.Index(fields=["valid_to"], name="transfers_agreement_ending")]

    def __str__(self) -> str:
        return f"{self.recipient_id} № {self.number}"


class Country(Opened):
    """Whether a country protects personal data, and who says so (94-V art. 16)."""

    identity = ("code",)

    code = models.CharField(_("code"), max_length=2, validators=[COUNTRY_CODE])
    title = models.CharField(_("title"), max_length=100)
    adequate = models.BooleanField(_("protects personal data"))
    source = models.CharField(_("source"), max_length=200)

    class Meta(Opened.Meta):
        abstract = False
        verbose_name = _("country")
        verbose_name_plural = _("countries")
        ordering = ["code", "-pk"]
        constraints = [
            *Opened.Meta.constraints,
            models.UniqueConstraint(
                fields=["code"],
                condition=Q(in_force_during__upper_inf=True),
                name="transfers_country_once_in_force",
                violation_error_message=_("This country is in the register already."),
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.code


class TransferRule(Opened):
    """What may go to a recipient, or come from it, for which purpose and on what ground (policy 2.3)."""

    identity = ("recipient", "purpose", "direction", "ground", "form")

    recipient = models.ForeignKey(Recipient, models.PROTECT, related_name="rules", verbose_name=_("recipient"))
    purpose = models.ForeignKey(Purpose, models.PROTECT, related_name="transfer_rules", verbose_name=_("purpose"))
    direction = models.CharField(_("direction"), max_length=10, choices=Direction, default=Direction.OUTGOING)
    categories = _categories()
    ground = models.CharField(_("legal ground"), max_length=10, choices=TransferGround)
    form = models.ForeignKey(
        ConsentForm, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("form of consent")
    )
    # microcredit secrecy is disclosed on written consent alone (56-V art. 21)
    written = models.BooleanField(_("only on written consent"), default=False)
    article = models.CharField(_("article"), max_length=120, blank=True)
    # of a duty by law: it answers a demand (who, number, date, article) or stands by itself, as supply to the bureau
    on_demand = models.BooleanField(_("only on a demand"), default=False)
    sanction = models.BooleanField(_("the demand needs a sanction"), default=False)
    notify_subject = models.BooleanField(_("the person is told of a transfer"), default=False)
    disclosure = models.CharField(_("who may see it"), max_length=10, choices=Disclosure, default=Disclosure.SUBJECT)
    confirmed_by_counsel = models.BooleanField(_("confirmed by counsel"), default=False)

    class Meta(Opened.Meta):
        abstract = False
        verbose_name = _("transfer rule")
        verbose_name_plural = _("transfer rules")
        ordering = ["recipient", "purpose", "pk"]
        triggers = [*Opened.Meta.triggers, LawfulRule()]
        constraints = [
            *Opened.Meta.constraints,
            models.CheckConstraint(
                condition=Q(ground="consent", form__isnull=False) | ~Q(ground="consent") & Q(form=None, written=False),
                name="transfers_rule_names_its_form",
                violation_error_message=_("A rule on consent names the form of consent; another one names none."),
            ),
            models.CheckConstraint(
                condition=~Q(ground="law") & Q(on_demand=False, sanction=False) | Q(ground="law") & ~Q(article=""),
                name="transfers_rule_names_its_article",
                violation_error_message=_("A duty by law names its article; only such a duty answers demands."),
            ),
            models.CheckConstraint(
                condition=Q(sanction=False) | Q(on_demand=True),
                name="transfers_sanction_of_a_demand",
                violation_error_message=_("Only a demand carries a sanction."),
            ),
            models.UniqueConstraint(
                fields=["recipient", "purpose", "direction", "ground", "form"],
                condition=Q(in_force_during__upper_inf=True),
                nulls_distinct=False,
                name="transfers_rule_once_in_force",
                violation_error_message=_("Such a rule is in force already."),
            ),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"

    def clean(self) -> None:
        """The law says who gets data on what ground, whatever two officers agree on (ADR 18)."""
        super().clean()
        if not (self.recipient_id and self.purpose_id and self.direction and self.ground):
            return
        kind, direction = self.recipient.kind, self.direction
        lawful = lawful_grounds(kind, direction)
        if self.ground not in lawful:
            sentence = _("With a recipient of this kind data are passed in this direction only on: %(grounds)s.")
            words = ", ".join(str(ground.label) for ground in TransferGround if ground in lawful)
            raise ValidationError({"ground": sentence % {"grounds": words}})
        if self.ground != TransferGround.CONSENT:
            if self.purpose.ground == Ground.CONSENT and not self.purpose.required:
                raise ValidationError(
                    {"ground": _("The loan does not need this purpose: data go for it on the person's consent alone.")}
                )
            return
        form = bureau_form(kind, direction)
        if form and self.form_id and self.form.code != form:
            sentence = _("The law of credit bureaus asks for a consent of its own: choose form %(form)s.")
            raise ValidationError({"form": sentence % {"form": form}})
        if secret(kind, direction) and not self.written:
            raise ValidationError(
                {
                    "written": _(
                        "Whatever we know of a borrower is microcredit secrecy: a consent by which it goes to anybody"
                        " but a credit bureau is given in writing (56-V art. 21). Mark this field."
                    )
                }
            )


class ShadowMode(Opened):
    """While it lasts the gate decides and records and refuses nothing: the first weeks of an organisation."""

    ends_at = models.DateTimeField(_("ends at"))

    class Meta(Opened.Meta):
        abstract = False
        verbose_name = _("shadow mode")
        verbose_name_plural = _("shadow modes")
        constraints = [
            *Opened.Meta.constraints,
            models.UniqueConstraint(
                models.Value(1),
                condition=Q(in_force_during__upper_inf=True),
                name="transfers_shadow_once",
                violation_error_message=_("Shadow mode is on already."),
            ),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"
