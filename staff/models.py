"""Who works here: the operator, its staff, their roles, undertakings and sign-ins (DESIGN 5; policy 4.3, 5.4)."""

from typing import Self

from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.models import Event
from audit.triggers import AppendOnly
from staff.enums import Language, Role, SignInOutcome


class Operator(models.Model):
    """Our organisation, the operator of the database (94-V art. 1, 8(4)(1)). There is one row."""

    name_kk = models.CharField(_("name in Kazakh"), max_length=300)
    name_ru = models.CharField(_("name in Russian"), max_length=300)
    name_en = models.CharField(_("name in English"), max_length=300, blank=True)
    bin = models.CharField(_("BIN"), max_length=12, blank=True)
    address_kk = models.CharField(_("address in Kazakh"), max_length=300, blank=True)
    address_ru = models.CharField(_("address in Russian"), max_length=300, blank=True)
    address_en = models.CharField(_("address in English"), max_length=300, blank=True)
    email = models.EmailField(_("e-mail for customers"))
    phone = models.CharField(_("phone for customers"), max_length=30, blank=True)
    responsible_person = models.CharField(_("responsible person"), max_length=200, blank=True)
    responsible_order = models.CharField(_("order appointing the responsible person"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("operator")
        verbose_name_plural = _("operator")
        constraints = [
            models.CheckConstraint(
                condition=Q(pk=1),
                name="staff_operator_is_one",
                violation_error_message=_("There is one operator: change it instead of adding another."),
            )
        ]

    def __str__(self) -> str:
        return self.name_ru

    def save(self, *args, **kwargs):
        self.pk = 1
        super().save(*args, **kwargs)

    @classmethod
    def current(cls) -> Self | None:
        return cls.objects.first()

    def name(self, language: str) -> str:
        """The operator's name in `language`, in Russian where it has none."""
        return getattr(self, f"name_{language}", "") or self.name_ru


class StaffUserManager(UserManager):
    def create_superuser(self, *args, **kwargs):
        raise ValueError("Kelisim has no superusers: manage.py create_staff USERNAME --role administrator")


class StaffUser(AbstractUser):
    """A member of staff. Customers are not Django users."""

    # Django would write it before anybody is known to be the actor; `SignIn` says more.
    last_login = None
    position = models.CharField(_("position"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=2, choices=Language, default=Language.RU)

    objects = StaffUserManager()

    class Meta(AbstractUser.Meta):
        verbose_name = _("member of staff")
        verbose_name_plural = _("staff")
        constraints = [
            models.CheckConstraint(condition=Q(is_superuser=False), name="staff_no_superusers"),
            models.UniqueConstraint(
                models.functions.Lower("email"),
                condition=~Q(email=""),
                name="staff_email_once",
                violation_error_message=_("Another member of staff has this e-mail."),
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @classmethod
    def addresses(cls, ids: list[int], *, notices: bool = True) -> dict[int, tuple[str, str]]:
        """{id: (e-mail, language)} of those who can be written to; one query."""
        people = cls.objects.filter(pk__in=ids, is_active=True).exclude(email="")
        return {pk: (email, language) for pk, email, language in people.values_list("pk", "email", "language")}


class RoleGrantQuerySet(models.QuerySet):
    def in_force(self, at=None):
        """Grants valid at the moment `at` (aware datetime, now by default)."""
        return self.filter(during__contains=at or timezone.now())


class RoleGrant(models.Model):
    """Who has which role, given by whom, from when to when; Django's groups are derived from these rows."""

    user = models.ForeignKey(StaffUser, models.PROTECT, related_name="role_grants", verbose_name=_("member of staff"))
    role = models.CharField(_("role"), max_length=20, choices=Role)
    during = DateTimeRangeField(_("in force"))
    granted_by = models.ForeignKey(
        StaffUser, models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("granted by")
    )
    revoked_by = models.ForeignKey(
        StaffUser, models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("revoked by")
    )

    objects = RoleGrantQuerySet.as_manager()

    class Meta:
        verbose_name = _("role grant")
        verbose_name_plural = _("role grants")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "role"],
                condition=Q(during__endswith=None),
                name="staff_role_once",
                violation_error_message=_("This member of staff has this role already."),
            ),
            models.CheckConstraint(
                condition=Q(granted_by=None) | ~Q(granted_by=F("user")),
                name="staff_role_not_from_oneself",
                violation_error_message=_("Nobody gives a role to themselves."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} № {self.pk}"


class UndertakingQuerySet(models.QuerySet):
    def current(self):
        """The newest text, the one everybody must have accepted; None before the first."""
        return self.order_by("-version").first()


class Undertaking(models.Model):
    """A version of the confidentiality undertaking that staff accept before they see anything (policy 4.3)."""

    version = models.PositiveIntegerField(_("version"), unique=True)
    text_kk = models.TextField(_("text in Kazakh"))
    text_ru = models.TextField(_("text in Russian"))
    text_en = models.TextField(_("text in English"), blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = UndertakingQuerySet.as_manager()

    class Meta:
        verbose_name = _("undertaking")
        verbose_name_plural = _("undertakings")
        ordering = ["-version"]
        # Somebody accepted this very text: a new wording is a new version.
        triggers = [AppendOnly()]

    def __str__(self) -> str:
        return f"v{self.version}"

    def text(self, language: str) -> tuple[str, str]:
        """(text, language it is in): Russian where the text lacks `language`."""
        text = getattr(self, f"text_{language}", "")
        return (text, language) if text else (self.text_ru, "ru")


class UndertakingAcceptance(Event):
    """This officer accepted this text in this language."""

    undertaking = models.ForeignKey(Undertaking, models.PROTECT, verbose_name=_("undertaking"))
    language = models.CharField(_("language"), max_length=2, choices=Language)
    sha256 = models.CharField(_("SHA-256 of the text shown"), max_length=64)

    class Meta(Event.Meta):
        verbose_name = _("accepted undertaking")
        verbose_name_plural = _("accepted undertakings")
        indexes = [models.Index(fields=["user", "undertaking"], name="staff_acceptance_by_user")]

    def __str__(self) -> str:
        return f"{self.user_id} v{self.undertaking_id}"


class SignIn(Event):
    """A try to sign in as staff, whatever came of it; limits count these rows (ASVS 6.3)."""

    who = models.ForeignKey(
        StaffUser, models.PROTECT, null=True, related_name="sign_ins", verbose_name=_("member of staff")
    )
    outcome = models.CharField(_("outcome"), max_length=12, choices=SignInOutcome)
    address = models.GenericIPAddressField(_("network address"), null=True)
    agent = models.CharField(_("browser"), max_length=200, blank=True)
    name_digest = models.BinaryField(_("digest of the name typed"), max_length=16)

    class Meta(Event.Meta):
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")
        indexes = [
            models.Index(fields=["name_digest", "at"], name="staff_sign_in_by_name"),
            models.Index(fields=["address", "at"], name="staff_sign_in_by_address"),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} № {self.pk}"


# Django looks for models here; they lie in a file of their own
from staff.api_clients import ApiAllowance, ApiClient, IdempotentAnswer  # noqa: E402

__all__ = [
    "ApiAllowance",
    "ApiClient",
    "IdempotentAnswer",
    "Operator",
    "RoleGrant",
    "SignIn",
    "StaffUser",
    "Undertaking",
    "UndertakingAcceptance",
]
