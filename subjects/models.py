"""Who the people are and what we hold on them (DESIGN 4, 5). Values are ciphertext; the vault alone opens them."""

import uuid

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from audit.models import Event
from notifications.models import Letter
from staff.enums import Language
from subjects.csv_rows import RowProblem
from subjects.enums import Access, Disclosure, IndexKind, RetentionClass, Source, Standing, SubjectKind


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
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("data subject")
        verbose_name_plural = _("data subjects")
        permissions = [
            ("reveal_value", _("Can open a value, with a reason")),
            ("import_subjects", _("Can import data subjects")),
            ("issue_paper_code", _("Can issue a sign-in code on paper")),
            ("correct_email", _("Can correct a person's e-mail")),
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

    subject = models.ForeignKey(DataSubject, models.PROTECT, related_name="keys")
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


class PersonalData(models.Model):
    """One value of one category, sealed with the person's key of the category's retention class."""

    subject = models.ForeignKey(DataSubject, models.PROTECT, related_name="values", verbose_name=_("data subject"))
    category = models.ForeignKey(DataCategory, models.PROTECT, related_name="+", verbose_name=_("data category"))
    # what the additional data of the seal names; the category's class may change later, the seal's may not
    retention_class = models.CharField(_("retention class"), max_length=20, choices=RetentionClass)
    sealed = models.BinaryField(_("sealed value"))
    source = models.CharField(_("source"), max_length=40, choices=Source, default=Source.IMPORT)
    collected_at = models.DateTimeField(_("collected at"), null=True, blank=True)
    disclosure = models.CharField(_("disclosure"), max_length=10, choices=Disclosure, default=Disclosure.SUBJECT)

    class Meta:
        verbose_name = _("value")
        verbose_name_plural = _("values")
        indexes = [models.Index(fields=["subject", "category"], name="subjects_value_by_subject")]

    def __str__(self) -> str:
        return f"{self.subject_id} {self.category_id}"


class SearchKeyQuerySet(models.QuerySet):
    def usable_emails(self):
        """The e-mail addresses that letters may go to: those that nobody disputes."""
        return self.filter(~Exists(DisputedAddress.objects.filter(digest=OuterRef("digest"))), kind=IndexKind.EMAIL)

    def disputed_emails(self):
        """The e-mail addresses that no letter goes to until an officer has settled it."""
        return self.filter(Exists(DisputedAddress.objects.filter(digest=OuterRef("digest"))), kind=IndexKind.EMAIL)


class SearchKey(models.Model):
    """A keyed digest a person is found by, with a masked hint for lists; deleted with its class (DESIGN 4)."""

    subject = models.ForeignKey(DataSubject, models.PROTECT, related_name="search_keys")
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


class ImportState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    CHECKING = "checking", _("checking")
    CHECKED = "checked", _("checked")
    WRITING = "writing", _("writing")
    DONE = "done", _("done")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("stopped by an error; nothing was written")


class SubjectImport(models.Model):
    """A file of data subjects on its way in, with its progress; the file is sealed and dropped at the end."""

    state = models.CharField(_("state"), max_length=10, choices=ImportState, default=ImportState.WAITING)
    dry_run = models.BooleanField(_("check only"), default=False)
    sealed_file = models.BinaryField(null=True)
    sha256 = models.CharField(_("SHA-256 of the file"), max_length=64)
    default_language = models.CharField(
        _("language where a row names none"), max_length=2, choices=Language, default=Language.KK
    )
    rows_total = models.PositiveIntegerField(_("rows"), default=0)
    rows_good = models.PositiveIntegerField(_("good rows"), default=0)
    rows_done = models.PositiveIntegerField(_("rows done"), default=0)
    created = models.PositiveIntegerField(_("added"), default=0)
    updated = models.PositiveIntegerField(_("updated"), default=0)
    # [{"row": 7, "column": "iin", "code": …, "params": …}]: never a value of the row
    problems = models.JSONField(_("problems"), default=list)
    warnings = models.JSONField(_("warnings"), default=list)
    more_problems = models.PositiveIntegerField(_("problems not listed"), default=0)
    more_warnings = models.PositiveIntegerField(_("warnings not listed"), default=0)
    started_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, null=True, related_name="+", verbose_name=_("started by")
    )
    started_at = models.DateTimeField(_("started at"), db_default=Now(), editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("import of data subjects")
        verbose_name_plural = _("imports of data subjects")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"#{self.pk}"

    def problem_rows(self) -> list[RowProblem]:
        """The bad rows, each with number, column and a reason in the active language."""
        return [RowProblem.from_dict(problem) for problem in self.problems]

    def warning_rows(self) -> list[RowProblem]:
        """Rows that are good but need a look, a minor for example."""
        return [RowProblem.from_dict(warning) for warning in self.warnings]


class CodeChannel(models.TextChoices):
    EMAIL = "email", _("e-mail")
    PAPER = "paper", _("paper")


class SignInCode(models.Model):
    """A try to sign in to the cabinet. For an unknown person the same row is written, with no subject.

    The code is made by the sender while it renders the letter and kept here only as a keyed digest.
    """

    subject = models.ForeignKey(DataSubject, models.PROTECT, null=True, related_name="sign_in_codes")
    # what the visitor's session holds; the code is bound to it
    handle = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    channel = models.CharField(max_length=10, choices=CodeChannel, default=CodeChannel.EMAIL)
    identifier_digest = models.BinaryField(max_length=16)
    address_digest = models.BinaryField(max_length=16)
    digest = models.BinaryField(max_length=32, null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    # the person has had enough letters with codes for now: nothing is sent, and the visitor is not told
    held_back = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("sign-in code")
        verbose_name_plural = _("sign-in codes")
        indexes = [
            models.Index(fields=["identifier_digest", "created_at"], name="subjects_code_by_identifier"),
            models.Index(fields=["address_digest", "created_at"], name="subjects_code_by_address"),
            models.Index(fields=["subject", "-id"], name="subjects_code_by_subject"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class CabinetEvent(Event):
    """What happened at the cabinet's door, and what the person did there that no other row tells."""

    class Kind(models.TextChoices):
        CODE_ASKED = "code_asked", _("a code was asked for")
        CODE_REFUSED = "code_refused", _("a wrong or old code")
        CODE_LIMITED = "code_limited", _("too many tries")
        PAPER_CODE = "paper_code", _("a code on paper was issued")
        SIGNED_IN = "signed_in", _("signed in")
        SIGNED_OUT = "signed_out", _("signed out")
        NOT_MINE = "not_mine", _("a letter reached a stranger")
        LANGUAGE = "language", _("the language of letters was chosen")

    kind = models.CharField(_("what happened"), max_length=20, choices=Kind)
    subject = models.ForeignKey(
        DataSubject, models.PROTECT, null=True, related_name="cabinet_events", verbose_name=_("data subject")
    )
    address_digest = models.BinaryField(max_length=16, null=True)

    class Meta(Event.Meta):
        verbose_name = _("cabinet event")
        verbose_name_plural = _("cabinet events")
        indexes = [models.Index(fields=["subject", "at"], name="subjects_cabinet_by_subject")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} № {self.pk}"


class Task(models.Model):
    """Something an officer must look at about a person: a disputed address now, requests later."""

    class Kind(models.TextChoices):
        DISPUTED_ADDRESS = "disputed_address", _("a letter reached a stranger: find the right e-mail")

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
from subjects.disputes import DisputedAddress  # noqa: E402
from subjects.obligations import Application, Contract  # noqa: E402

__all__ = [
    "Application",
    "CabinetEvent",
    "CodeChannel",
    "Contract",
    "DataCategory",
    "DataSubject",
    "DisputedAddress",
    "ImportState",
    "PersonalData",
    "SearchKey",
    "SignInCode",
    "SubjectImport",
    "SubjectKey",
    "Task",
]
