"""Who a person is to another person, and which documents of theirs were seen (94-V art. 24; DESIGN 5).

Nobody is merged: what was proved of one person stays theirs. No copy of an identity document is kept, on paper or as
a file: copies may not be demanded since 11.02.2024; that it was seen is enough.
"""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from audit.models import Event


class DocumentSeen(Event):
    """An officer saw a document of the person: its kind, the last four characters of its number, the day."""

    class Kind(models.TextChoices):
        ID_CARD = "id_card", pgettext_lazy("document", "identity card")
        PASSPORT = "passport", pgettext_lazy("document", "passport")
        RESIDENCE_PERMIT = "residence_permit", pgettext_lazy("document", "residence permit")
        FOREIGN_PASSPORT = "foreign_passport", pgettext_lazy("document", "passport of another state")
        BIRTH_CERTIFICATE = "birth_certificate", pgettext_lazy("document", "birth certificate")
        POWER_OF_ATTORNEY = "power_of_attorney", pgettext_lazy("document", "power of attorney")
        COURT_ACT = "court_act", pgettext_lazy("document", "act of a court")
        GUARDIANSHIP = "guardianship", pgettext_lazy("document", "decision on guardianship")
        INHERITANCE = "inheritance", pgettext_lazy("document", "certificate of inheritance")
        DEATH_CERTIFICATE = "death_certificate", pgettext_lazy("document", "death certificate")

    subject = models.ForeignKey(
        "subjects.DataSubject",
        models.PROTECT,
        related_name="documents_seen",
        verbose_name=_("data subject"),
        db_index=False,
    )
    kind = models.CharField(_("document"), max_length=20, choices=Kind)
    last_four = models.CharField(
        _("last four characters of the number"),
        max_length=4,
        validators=[
            RegexValidator(r"^[0-9A-Za-zА-Яа-я]{4}\Z", _("Write the last four letters or digits of the number."))
        ],
    )
    seen_on = models.DateField(_("seen on"))

    class Meta(Event.Meta):
        verbose_name = _("document seen")
        verbose_name_plural = _("documents seen")
        indexes = [models.Index(fields=["subject", "-id"], name="subjects_document_by_subject")]

    def __str__(self) -> str:
        return f"№ {self.pk}"


class RepresentativeQuerySet(models.QuerySet):
    def in_force(self, at=None):
        """Those who may act at the moment `at` (aware datetime, now by default)."""
        at = at or timezone.now()
        day = timezone.localdate(at)
        return self.filter(
            Q(valid_until=None) | Q(valid_until__gte=day), Q(ended_at=None) | Q(ended_at__gt=at), valid_from__lte=day
        )


class Representative(models.Model):
    """Somebody acts for a person: on what basis, in what, until when; an officer saw the document."""

    class Basis(models.TextChoices):
        POWER_OF_ATTORNEY = "power_of_attorney", pgettext_lazy("representative", "power of attorney")
        PARENT = "parent", pgettext_lazy("representative", "parent or adopter")
        GUARDIAN = "guardian", pgettext_lazy("representative", "guardian or trustee")
        COURT = "court", pgettext_lazy("representative", "act of a court")
        INHERITANCE = "inheritance", pgettext_lazy("representative", "heir of a dead person")

    class Act(models.TextChoices):
        KNOW = "know", pgettext_lazy("representative", "learn what is held")
        ASK = "ask", pgettext_lazy("representative", "make requests")
        CONSENT = "consent", pgettext_lazy("representative", "give and withdraw consents")
        RECEIVE = "receive", pgettext_lazy("representative", "receive letters")

    subject = models.ForeignKey(
        "subjects.DataSubject", models.PROTECT, related_name="representatives", verbose_name=_("data subject")
    )
    representative = models.ForeignKey(
        "subjects.DataSubject", models.PROTECT, related_name="represents", verbose_name=_("representative")
    )
    basis = models.CharField(_("basis"), max_length=20, choices=Basis)
    acts = ArrayField(models.CharField(max_length=10, choices=Act), verbose_name=_("what they may do"))
    document = models.ForeignKey(
        DocumentSeen, models.PROTECT, related_name="+", verbose_name=_("document seen"), editable=False
    )
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    ended_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, null=True, related_name="+", verbose_name=_("ended by"), editable=False
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, editable=False)

    objects = RepresentativeQuerySet.as_manager()

    class Meta:
        verbose_name = _("representative")
        verbose_name_plural = _("representatives")
        constraints = [
            models.CheckConstraint(
                condition=~Q(subject=F("representative")),
                name="subjects_representative_is_another",
                violation_error_message=_("Nobody is a representative of themself."),
            ),
            models.CheckConstraint(
                condition=Q(valid_until=None) | Q(valid_until__gte=F("valid_from")),
                name="subjects_representative_days",
                violation_error_message=_("The last day is before the first."),
            ),
            models.CheckConstraint(
                condition=~Q(basis="power_of_attorney") | Q(valid_until__isnull=False),
                name="subjects_representative_power_ends",
                violation_error_message=_("A power of attorney has a last day: write it."),
            ),
            models.CheckConstraint(
                condition=Q(ended_by=None, ended_at=None) | Q(ended_by__isnull=False, ended_at__isnull=False),
                name="subjects_representative_ended_at_and_by",
            ),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"

    @property
    def opens_pages(self) -> bool:
        """Whether there is a page to see for them; requests are made by oneself, naming for whom."""
        return set(self.acts) != {self.Act.ASK}

    def get_acts_words(self) -> str:
        """What they may do, in words."""
        return ", ".join(str(self.Act(act).label) for act in self.acts)

    @property
    def is_in_force(self) -> bool:
        today = timezone.localdate()
        return (
            self.ended_at is None
            and self.valid_from <= today
            and (self.valid_until is None or self.valid_until >= today)
        )


class PersonLink(models.Model):
    """What one person is to another; two rows of one person are linked, and their evidence stays where it is."""

    class Kind(models.TextChoices):
        SAME_PERSON = "same_person", pgettext_lazy("link", "the same person, known twice")
        CONTACT_PERSON = "contact_person", pgettext_lazy("link", "contact person")
        GUARANTOR = "guarantor", pgettext_lazy("link", "guarantor")
        SPOUSE = "spouse", pgettext_lazy("link", "spouse")
        HEIR = "heir", pgettext_lazy("link", "heir")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    subject = models.ForeignKey(
        "subjects.DataSubject", models.PROTECT, related_name="links", verbose_name=_("data subject")
    )
    other = models.ForeignKey(
        "subjects.DataSubject", models.PROTECT, related_name="linked_from", verbose_name=_("linked person")
    )
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    ended_by = models.ForeignKey(
        "staff.StaffUser", models.PROTECT, null=True, related_name="+", verbose_name=_("ended by"), editable=False
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, editable=False)

    class Meta:
        verbose_name = _("link between people")
        verbose_name_plural = _("links between people")
        constraints = [
            models.CheckConstraint(
                condition=~Q(subject=F("other")),
                name="subjects_link_is_with_another",
                violation_error_message=_("A person is not linked with themself."),
            ),
            models.UniqueConstraint(
                fields=["kind", "subject", "other"],
                condition=Q(ended_at=None),
                name="subjects_link_once",
                violation_error_message=_("These two are linked so already."),
            ),
            models.UniqueConstraint(
                fields=["other"],
                condition=Q(kind="same_person", ended_at=None),
                name="subjects_link_one_leads",
                violation_error_message=_("This file follows another one already: end that link first."),
            ),
            models.CheckConstraint(
                condition=Q(ended_by=None, ended_at=None) | Q(ended_by__isnull=False, ended_at__isnull=False),
                name="subjects_link_ended_at_and_by",
            ),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"
