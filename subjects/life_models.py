"""What happens to a person in their life that changes whom we deal with: an IIN that was wrong, a death (94-V art. 24).

Coming of age and a person known twice need no table of their own: the standing's history and `PersonLink` tell them.
"""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from subjects.requests import at_moment, by_staff


def _pair(name: str, prefix: str) -> models.CheckConstraint:
    by, at = f"{name}_by", f"{name}_at"
    return models.CheckConstraint(
        condition=Q(**{by: None, at: None}) | Q(**{f"{by}__isnull": False, f"{at}__isnull": False}),
        name=f"subjects_{prefix}_{name}_at_and_by",
    )


class IinCorrection(models.Model):
    """Another IIN for a person, from a document one officer saw; it counts when a second one has approved it."""

    subject = models.ForeignKey(
        "subjects.DataSubject", models.PROTECT, related_name="iin_corrections", verbose_name=_("data subject")
    )
    document = models.ForeignKey(
        "subjects.DocumentSeen", models.PROTECT, related_name="+", verbose_name=_("document seen"), editable=False
    )
    # until it is decided; then the value itself holds it, or nothing does
    sealed_iin = models.BinaryField(_("proposed IIN"), null=True, editable=False)
    proposed_by, proposed_at = by_staff(_("proposed by")), at_moment(_("proposed at"))
    approved_by, approved_at = by_staff(_("approved by")), at_moment(_("approved at"))
    declined_by, declined_at = by_staff(_("declined by")), at_moment(_("declined at"))

    class Meta:
        verbose_name = _("correction of an IIN")
        verbose_name_plural = _("corrections of IINs")
        permissions = [("approve_iincorrection", _("Can approve another IIN that somebody else proposed"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(proposed_by__isnull=False, proposed_at__isnull=False),
                name="subjects_iin_proposed_at_and_by",
            ),
            _pair("approved", "iin"),
            _pair("declined", "iin"),
            models.CheckConstraint(
                condition=Q(approved_at=None) | Q(declined_at=None), name="subjects_iin_decided_once"
            ),
            models.CheckConstraint(
                condition=Q(approved_at=None, declined_at=None, sealed_iin__isnull=False)
                | Q(sealed_iin=None) & (Q(approved_at__isnull=False) | Q(declined_at__isnull=False)),
                name="subjects_iin_sealed_until_decided",
            ),
            # a plain <> would pass on NULL; the proposer is never NULL
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("proposed_by")),
                name="subjects_iin_approved_by_another",
                violation_error_message=_("Whoever proposed the IIN does not approve it."),
            ),
            models.UniqueConstraint(
                fields=["subject"],
                condition=Q(approved_at=None, declined_at=None),
                name="subjects_iin_once_open",
                violation_error_message=_("Another IIN of this person waits for a second officer already."),
            ),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.approved_at is None and self.declined_at is None


class Death(models.Model):
    """A person died, by a document an officer saw. It counts at once: letters to the dead hurt. Two people undo it."""

    subject = models.ForeignKey(
        "subjects.DataSubject", models.PROTECT, related_name="deaths", verbose_name=_("data subject")
    )
    document = models.ForeignKey(
        "subjects.DocumentSeen", models.PROTECT, related_name="+", verbose_name=_("document seen"), editable=False
    )
    died_on = models.DateField(_("died on"))
    # what is put back when it was a mistake
    stood = models.CharField(_("standing before"), max_length=20, editable=False)
    recorded_by, recorded_at = by_staff(_("recorded by")), at_moment(_("recorded at"))
    undo_proposed_by, undo_proposed_at = by_staff(_("undoing proposed by")), at_moment(_("undoing proposed at"))
    undone_by, undone_at = by_staff(_("undone by")), at_moment(_("undone at"))

    class Meta:
        verbose_name = _("death of a person")
        verbose_name_plural = _("deaths of people")
        permissions = [("undo_death", _("Can undo a death that was recorded by mistake"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(recorded_by__isnull=False, recorded_at__isnull=False),
                name="subjects_death_recorded_at_and_by",
            ),
            _pair("undo_proposed", "death"),
            _pair("undone", "death"),
            models.CheckConstraint(
                condition=Q(undone_by=None)
                | Q(undo_proposed_by__isnull=False, undone_by__isnull=False) & ~Q(undone_by=F("undo_proposed_by")),
                name="subjects_death_undone_by_two",
                violation_error_message=_("Whoever proposed to undo it does not undo it."),
            ),
            models.UniqueConstraint(
                fields=["subject"],
                condition=Q(undone_at=None),
                name="subjects_death_once",
                violation_error_message=_("This death is recorded already."),
            ),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"

    @property
    def stands(self) -> bool:
        """Whether it is not undone."""
        return self.undone_at is None
