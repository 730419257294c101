"""Who the people are and what we hold on them (DESIGN 4, 5). Values are ciphertext; the vault alone opens them."""

import uuid

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from notifications.models import Letter
from staff.enums import Language
from subjects.enums import IndexKind, RetentionClass, Standing, SubjectKind
from subjects.runs import ImportRun, ImportState


class DataSubject(models.Model):
    """A person we hold data on: a reference and what the law lets us do; no value of theirs."""

    # S-000481; the number is the primary key's, so it says nothing of the person
    reference = models.GeneratedField(
        expression=models.functions.Concat(
            models.Value("S-"),
            models.Func(
                models.functions.Cast("id", models.TextField()),
                models.functions.Greatest(
                    models.Value(6), models.functions.Length(models.functions.Cast("id", models.TextField()))
                ),
                models.Value("0"),
                function="LPAD",
                output_field=models.TextField(),
            ),
            output_field=models.TextField(),
        ),
        output_field=models.CharField(max_length=20),
        db_persist=True,
        verbose_name=_("reference"),
    )
    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=20, choices=SubjectKind, default=SubjectKind.CUSTOMER)
    standing = models.CharField(_("standing"), max_length=20, choices=Standing, default=Standing.ORDINARY)
    language = models.CharField(_("language of letters"), max_length=2, choices=Language, default=Language.KK)
    # when they asked for destruction: that use is stopped outlives every standing, a blocking too (ADR 21)
    use_stopped_at = models.DateTimeField(_("use stopped at"), null=True, editable=False)
    # beneath a standing that is not to change: of a child, an incapable person, a dead one (ADR 21)
    blocked_at = models.DateTimeField(_("blocked at"), null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("data subject")
        verbose_name_plural = _("data subjects")
        permissions = [
            ("reveal_value", _("Can open a value, with a reason")),
            ("import_subjects", _("Can import data subjects")),
            ("issue_paper_code", _("Can issue a sign-in code on paper")),
            ("correct_email", _("Can correct a person's e-mail")),
            ("note_majority", _("Can note that a minor came of age")),
        ]
        constraints = [models.UniqueConstraint(fields=["reference"], name="subjects_reference_once")]

    def __str__(self) -> str:
        # not the column: a history row or an unsaved instance has none
        return f"S-{self.pk:06d}" if self.pk else "S-"

    @classmethod
    def addresses(cls, ids: list[int], *, notices: bool = True) -> dict[int, tuple[str, str]]:
        """{id: (e-mail, language)} of those who may be written to; a constant number of queries."""
        from subjects.addresses import email_addresses  # the vault stands on these models

        return email_addresses(ids, notices=notices)


class SubjectKey(models.Model):
    """The key of one person's one retention class, wrapped; destroying it destroys the class's data for good.

    Not tracked: a history of keys would undo their destruction (DESIGN 4).
    """

    subject = models.ForeignKey(DataSubject, models.PROTECT, related_name="keys", db_index=False)
    retention_class = models.CharField(max_length=20, choices=RetentionClass)
    kek_version = models.PositiveIntegerField()
    wrapped = models.BinaryField(max_length=40)

    class Meta:
        verbose_name = _("subject key")
        verbose_name_plural = _("subject keys")
        constraints = [
            models.UniqueConstraint(fields=["subject", "retention_class"], name="subjects_key_once"),
        ]
        indexes = [models.Index(fields=["kek_version", "id"], name="subjects_key_by_version")]

    def __str__(self) -> str:
        return f"{self.subject_id} {self.retention_class} v{self.kek_version}"


class SearchKeyQuerySet(models.QuerySet):
    def usable_emails(self):
        """The e-mail addresses that letters may go to: those that nobody disputes."""
        return self._undisputed(IndexKind.EMAIL)

    def usable_phones(self):
        """The phones that codes may go to: those that nobody disputes."""
        return self._undisputed(IndexKind.PHONE)

    def _undisputed(self, kind):
        return self.filter(~Exists(DisputedAddress.objects.filter(digest=OuterRef("digest"))), kind=kind)

    def disputed(self):
        """The e-mail addresses and phones that nothing goes to until an officer has settled it."""
        return self.filter(Exists(DisputedAddress.objects.filter(digest=OuterRef("digest"))))


class SearchKey(models.Model):
    """A keyed digest a person is found by, with a masked hint for lists; deleted with its class (DESIGN 4)."""

    subject = models.ForeignKey(DataSubject, models.PROTECT, related_name="search_keys", db_index=False)
    kind = models.CharField(max_length=20, choices=IndexKind)
    digest = models.BinaryField(max_length=16)
    hint = models.CharField(max_length=60, blank=True)

    objects = SearchKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("search key")
        verbose_name_plural = _("search keys")
        indexes = [
            models.Index(fields=["kind", "digest"], name="subjects_search"),
            models.Index(fields=["subject", "kind"], name="subjects_search_by_subject"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "digest"],
                condition=Q(kind__in=["iin", "client_number"]),
                name="subjects_search_once",
                violation_error_message=_("Another data subject has this IIN or client number."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject_id} {self.kind}"


class SubjectImport(ImportRun):
    """A file of data subjects on its way in."""

    default_language = models.CharField(
        _("language where a row names none"), max_length=2, choices=Language, default=Language.KK
    )
    # the file is right where an officer or the person has corrected a value
    overrule = models.BooleanField(_("puts corrected values back"), default=False)
    created = models.PositiveIntegerField(_("added"), default=0)
    updated = models.PositiveIntegerField(_("updated"), default=0)

    class Meta(ImportRun.Meta):
        abstract = False
        verbose_name = _("import of data subjects")
        verbose_name_plural = _("imports of data subjects")


class RecordImport(ImportRun):
    """A file of values or of contracts of people on its way in."""

    class What(models.TextChoices):
        VALUES = "values", _("values")
        CONTRACTS = "contracts", _("contracts")

    what = models.CharField(_("what the file holds"), max_length=10, choices=What)
    # the file is right where an officer or the person has corrected a value
    overrule = models.BooleanField(_("puts corrected values back"), default=False)
    added = models.PositiveIntegerField(_("added"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)

    class Meta(ImportRun.Meta):
        abstract = False
        verbose_name = _("import of values or contracts")
        verbose_name_plural = _("imports of values and contracts")


class Task(models.Model):
    """Something an officer must look at about a person: a disputed address now, requests later."""

    class Kind(models.TextChoices):
        DISPUTED_ADDRESS = "disputed_address", _("a letter reached a stranger: find the right e-mail")
        DISPUTED_PHONE = "disputed_phone", _("a code reached a stranger: find the right phone")
        NOT_ME = "not_me", _("a stranger was let into the cabinet: find out whose phone and e-mail these are")

    kind = models.CharField(_("what to do"), max_length=20, choices=Kind)
    subject = models.ForeignKey(DataSubject, models.PROTECT, related_name="tasks", verbose_name=_("data subject"))
    letter = models.ForeignKey(Letter, models.PROTECT, null=True, related_name="+", verbose_name=_("letter"))
    opened_at = models.DateTimeField(_("opened at"), db_default=Now(), editable=False)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed_by = models.ForeignKey(
        "staff.StaffUser",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("closed by"),
    )

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_at=None, closed_by=None) | Q(closed_at__isnull=False, closed_by__isnull=False),
                name="subjects_task_closed_at_and_by",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} № {self.pk}"


# Django looks for models here; they lie in files of their own
from subjects.automated import AutomatedDecision  # noqa: E402
from subjects.clock_models import CalendarDay, Deadline, DutyRule  # noqa: E402
from subjects.disputes import DisputedAddress  # noqa: E402
from subjects.door import CabinetEvent, CodeChannel, CodeUse, SignInCode  # noqa: E402
from subjects.handover_models import HandoverKey, HandoverUse  # noqa: E402
from subjects.life_models import Death, IinCorrection  # noqa: E402
from subjects.obligations import Application, Contract  # noqa: E402
from subjects.persons import DocumentSeen, PersonLink, Representative  # noqa: E402
from subjects.request_parts import PlannedDestruction, RequestFile, RequestItem, RequestNote  # noqa: E402
from subjects.requests import SubjectRequest  # noqa: E402
from subjects.restraints import AmlEntry, DenialDispute, DenylistEntry, LegalHold, Suppression  # noqa: E402
from subjects.session_models import CabinetSession  # noqa: E402
from subjects.systems import SourceSystem, SystemCategory, TechnicalHolding  # noqa: E402
from subjects.text_models import TextMessage  # noqa: E402
from subjects.values import DataCategory, PersonalData, Verification  # noqa: E402

__all__ = [
    "AmlEntry",
    "Application",
    "AutomatedDecision",
    "CabinetEvent",
    "CabinetSession",
    "CalendarDay",
    "CodeChannel",
    "CodeUse",
    "Contract",
    "DataCategory",
    "DataSubject",
    "Deadline",
    "Death",
    "DenialDispute",
    "DenylistEntry",
    "DisputedAddress",
    "DocumentSeen",
    "DutyRule",
    "HandoverKey",
    "HandoverUse",
    "IinCorrection",
    "ImportState",
    "LegalHold",
    "PersonLink",
    "PersonalData",
    "PlannedDestruction",
    "RecordImport",
    "Representative",
    "RequestFile",
    "RequestItem",
    "RequestNote",
    "SearchKey",
    "SignInCode",
    "SourceSystem",
    "SubjectImport",
    "SubjectKey",
    "SubjectRequest",
    "Suppression",
    "SystemCategory",
    "Task",
    "TechnicalHolding",
    "TextMessage",
    "Verification",
]
