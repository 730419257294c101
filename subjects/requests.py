"""What people ask of us: a request with its states, who decided, what was answered, the work it makes (94-V art. 24).

The clock is a `Deadline` about the row, from the moment of receipt. Free text of a person is sealed; states are told by
the tracked history. Names of states and refusals are those of W3C DPV.
"""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from staff.enums import Language
from staff.models import StaffUser
from subjects.enums import Disclosure
from subjects.persons import Representative
from subjects.request_states import GRANTED, OPEN, Refusal, RequestState, RequestSteps


class RequestKind(models.TextChoices):
    ACCESS = "access", pgettext_lazy("request", "learn what is held")
    CONFIRM = "confirm", pgettext_lazy("request", "confirm that data is processed")
    CORRECT = "correct", pgettext_lazy("request", "correct or complete data")
    BLOCK = "block", pgettext_lazy("request", "block the data")
    UNBLOCK = "unblock", pgettext_lazy("request", "end the blocking")
    DESTROY = "destroy", pgettext_lazy("request", "destroy the data")
    WITHDRAW = "withdraw", pgettext_lazy("request", "withdraw a consent")
    OBJECT = "object", pgettext_lazy("request", "object to a use")
    STOP_PUBLIC = "stop_public", pgettext_lazy("request", "take data out of public sources")
    COMPLAINT = "complaint", pgettext_lazy("request", "complain")
    HUMAN_REVIEW = "human_review", pgettext_lazy("request", "have a human review an automated decision")


class RequestChannel(models.TextChoices):
    CABINET = "cabinet", pgettext_lazy("request channel", "cabinet")
    OFFICE = "office", pgettext_lazy("request channel", "office")
    PHONE = "phone", pgettext_lazy("request channel", "telephone")
    POST = "post", pgettext_lazy("request channel", "post")
    EMAIL = "email", pgettext_lazy("request channel", "e-mail")
    API = "api", pgettext_lazy("request channel", "a system of ours")
    AUTHORITY = "authority", pgettext_lazy("request channel", "through a state body")


class Identity(models.TextChoices):
    """How it was established who asks."""

    CABINET = "cabinet", pgettext_lazy("identity", "signed in to the cabinet")
    DOCUMENT = "document", pgettext_lazy("identity", "a document was seen")
    SIGNATURE = "signature", pgettext_lazy("identity", "an electronic digital signature was checked")
    NOTARY = "notary", pgettext_lazy("identity", "a notary attested the signature")
    AUTHORITY = "authority", pgettext_lazy("identity", "a state body vouches for it")


class Closing(models.TextChoices):
    """Why a request is closed without an answer."""

    TAKEN_BACK = "taken_back", pgettext_lazy("closing", "the person took it back")
    REPEATS = "repeats", pgettext_lazy("closing", "it repeats another request of the person")
    NO_REQUEST = "no_request", pgettext_lazy("closing", "it asks nothing about personal data")


def by_staff(verbose_name: object, related_name: str = "+") -> models.ForeignKey:
    return models.ForeignKey(
        "staff.StaffUser",
        models.PROTECT,
        null=True,
        related_name=related_name,
        verbose_name=verbose_name,
        editable=False,
    )


def at_moment(verbose_name: object) -> models.DateTimeField:
    return models.DateTimeField(verbose_name, null=True, editable=False)


class RefusalsField(models.JSONField):
    """{RequestKind: Refusal}."""

    @staticmethod
    def in_words(value: dict[str, str]) -> str:
        words = ((RequestKind(kind).label, Refusal(ground).label) for kind, ground in value.items())
        return "; ".join(f"{kind} ({ground})" for kind, ground in words)


class SubjectRequestQuerySet(models.QuerySet):
    def open(self):
        """Not answered, refused or closed yet."""
        return self.filter(state__in=OPEN)

    def waiting(self):
        """Whose proposed decision waits for a second person."""
        return self.filter(state=RequestState.ACKNOWLEDGED, decided_by__isnull=False)

    def seen_by(self, officer: StaffUser):
        """Those an officer may know of: what is withheld leaves no trace for anybody else (DESIGN 4)."""
        return self if officer.has_perm("subjects.view_withheld") else self.filter(disclosure=Disclosure.SUBJECT)

    def of_person(self, files):
        """A person's own, and those they made for others while they may act for them; nothing withheld, nor before it
        is established who asks. files: theirs, the one that leads first."""
        powers = Representative.objects.in_force().filter(representative=files[0])
        return self.filter(
            Q(subject__in=files) | Q(representative__in=powers),
            identified_at__isnull=False,
            disclosure=Disclosure.SUBJECT,
        )


class SubjectRequest(models.Model):
    """Somebody asks something about data on a person; perhaps we do not know yet who asks."""

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    subject = models.ForeignKey(
        "subjects.DataSubject",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="requests",
        verbose_name=_("data subject"),
        db_index=False,
    )
    kinds = ArrayField(models.CharField(max_length=20, choices=RequestKind), verbose_name=_("what is asked"))
    channel = models.CharField(_("channel"), max_length=10, choices=RequestChannel)
    representative = models.ForeignKey(
        "subjects.Representative",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("representative"),
    )
    language = models.CharField(_("language of the answer"), max_length=2, choices=Language)
    received_at = models.DateTimeField(_("received at"))
    registered_at = models.DateTimeField(_("registered at"), db_default=Now(), editable=False)
    identity = models.CharField(_("how it was established who asks"), max_length=10, choices=Identity, blank=True)
    identified_by, identified_at = by_staff(_("established by")), at_moment(_("established at"))
    state = models.CharField(_("state"), max_length=25, choices=RequestState, default=RequestState.INITIATED)
    assignee = by_staff(_("assignee"), "requests_assigned")
    # codes of what it is about, apart by spaces: consent forms, purposes, numbers of decisions; empty for all
    target = models.CharField(_("about"), max_length=1000, blank=True)
    category = models.ForeignKey(
        "subjects.DataCategory",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("data category"),
    )
    sealed_text = models.BinaryField(_("What the person says"), null=True, editable=False)
    sealed_value = models.BinaryField(_("The right value"), null=True, editable=False)
    refusing = models.BooleanField(_("a refusal"), default=False)
    refusal = models.CharField(_("ground of the refusal"), max_length=30, choices=Refusal, blank=True)
    # {RequestKind: Refusal}, when not all that is asked is decided alike; `refused` reads both
    refusals = RefusalsField(_("what is refused, and why"), default=dict, db_default={}, blank=True)
    decided_by, decided_at = by_staff(_("decision proposed by")), at_moment(_("decision proposed at"))
    approved_by, approved_at = by_staff(_("decision approved by")), at_moment(_("decision approved at"))
    nothing_held = models.BooleanField(_("nothing is held"), default=False)
    sealed_answer = models.BinaryField(_("The answer"), null=True, editable=False)
    # to somebody on whom nothing is held, who has no key: a text of ours that says nothing of them
    standard_answer = models.TextField(_("The answer"), blank=True, default="", db_default="", editable=False)
    answer_sha256 = models.CharField(_("SHA-256 of the answer"), max_length=64, blank=True)
    answered_at = at_moment(_("answered at"))
    closing = models.CharField(_("why it is closed"), max_length=10, choices=Closing, blank=True, default="")
    duplicate_of = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="duplicates", verbose_name=_("repeats")
    )
    disclosure = models.CharField(_("disclosure"), max_length=10, choices=Disclosure, default=Disclosure.SUBJECT)

    objects = SubjectRequestQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("of a person", "request")
        verbose_name_plural = pgettext_lazy("of people", "requests")
        ordering = ["-pk"]
        permissions = [
            ("handle_subjectrequest", _("Can work on a request and propose its decision")),
            ("approve_subjectrequest", _("Can approve a refusal or a destruction")),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="subjects_request_by_state"),
            models.Index(fields=["subject", "-id"], name="subjects_request_by_subject"),
        ]
        triggers = [RequestSteps()]
        constraints = [
            models.CheckConstraint(condition=~Q(kinds=[]), name="subjects_request_asks_something"),
            models.CheckConstraint(
                condition=Q(decided_by=None, decided_at=None) | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="subjects_request_decided_at_and_by",
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None, approved_at=None)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="subjects_request_approved_at_and_by",
            ),
            models.CheckConstraint(
                condition=Q(identity="", identified_at=None, identified_by=None)
                | Q(identity="cabinet", identified_at__isnull=False, identified_by=None)
                | ~Q(identity="") & Q(identified_at__isnull=False, identified_by__isnull=False),
                name="subjects_request_identified_how",
            ),
            # four eyes; a plain <> would pass on NULL
            models.CheckConstraint(
                condition=~Q(state=RequestState.REJECTED)
                & ~Q(state__in=GRANTED, kinds__contains=["destroy"])
                & (~Q(state__in=GRANTED) | Q(refusals={}))
                | Q(decided_by__isnull=False, approved_by__isnull=False) & ~Q(approved_by=F("decided_by")),
                name="subjects_request_four_eyes",
                violation_error_message=_("A refusal and a destruction are approved by somebody else."),
            ),
            models.CheckConstraint(
                condition=~Q(state__in=GRANTED)
                | Q(identified_at__isnull=False, decided_by__isnull=False, refusing=False),
                name="subjects_request_granted_to_somebody",
                violation_error_message=_("Nothing is granted before it is established who asks."),
            ),
            models.CheckConstraint(
                condition=Q(refusing=False, refusal="") | Q(refusing=True) & ~Q(refusal=""),
                name="subjects_request_refusal_has_ground",
            ),
            models.CheckConstraint(
                condition=~Q(state=RequestState.REJECTED) | Q(refusing=True), name="subjects_request_rejected_refuses"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[RequestState.FULFILLED, RequestState.REJECTED], answered_at__isnull=False)
                | ~Q(state__in=[RequestState.FULFILLED, RequestState.REJECTED]) & Q(answered_at=None),
                name="subjects_request_answered_when_done",
            ),
            # what was said to a person is kept
            models.CheckConstraint(
                condition=Q(answered_at=None)
                | ~Q(answer_sha256="")
                & (Q(subject=None) & ~Q(standard_answer="") | Q(subject__isnull=False, sealed_answer__isnull=False)),
                name="subjects_request_answer_kept",
            ),
            models.CheckConstraint(
                condition=Q(duplicate_of=None) | ~Q(duplicate_of=F("id")), name="subjects_request_repeats_another"
            ),
        ]

    def __str__(self) -> str:
        return f"R-{self.pk:06d}" if self.pk else "R-"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def has_kept_answer(self) -> bool:
        return self.sealed_answer is not None or bool(self.standard_answer)

    @property
    def about(self) -> str:
        """What its clocks and letters are about."""
        return f"subjects.SubjectRequest:{self.pk}"

    @property
    def asked(self) -> list[str]:
        """What is asked, in words."""
        return [str(RequestKind(kind).label) for kind in self.kinds]

    @property
    def refused(self) -> dict[str, str]:
        """{kind: ground} of what is refused or proposed to be."""
        return self.refusals or (dict.fromkeys(self.kinds, self.refusal) if self.refusing else {})

    @property
    def granted(self) -> list[str]:
        """The kinds that are granted or proposed to be; a part of them, or all."""
        return [kind for kind in self.kinds if kind not in self.refused]

    @property
    def refusal_told(self) -> bool:
        """Whether something is refused and that has taken effect."""
        return self.state in (*GRANTED, RequestState.REJECTED) and bool(self.refused)

    def ground_of(self, kind: str) -> str:
        """Why this is refused, in words, once that has taken effect; empty for what is not."""
        return str(Refusal(self.refused[kind]).label) if self.refusal_told and kind in self.refused else ""

    @property
    def refused_words(self) -> str:
        return refused_words(self)

    @property
    def state_words(self) -> str:
        return state_words(self)

    @property
    def targets(self) -> list[str]:
        """The codes it is about."""
        return self.target.split()

    @property
    def needs_second(self) -> bool:
        """Whether the decision that is proposed takes effect only when a second person approved it."""
        return bool(self.refused) or self.closing == Closing.NO_REQUEST or RequestKind.DESTROY in self.kinds

    @property
    def waits_for_second(self) -> bool:
        return self.state == RequestState.ACKNOWLEDGED and self.decided_by_id is not None


def refused_words(row: SubjectRequest) -> str:
    """What is refused and why; only why, when it is all for one reason. row: a request or a version of its history."""
    if not row.refusals:
        return str(Refusal(row.refusal).label) if row.refusing else ""
    return RefusalsField.in_words(row.refusals)


def state_words(row: SubjectRequest) -> str:
    """Where it stands. row: a request or a version of its history."""
    if row.state == RequestState.ACCEPTED and row.refusals:
        return gettext("granted in part, the answer is being prepared")
    return str(RequestState(row.state).label)
