"""A person says no to a use, and takes it back (94-V art. 24)."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from consent import advertising
from consent.enums import Ground
from consent.models import Objection, Purpose
from staff.rules import NotAllowed
from subjects import duplicates
from subjects.models import DataSubject, Suppression


@transaction.atomic
def object_to(*, subject: DataSubject, purpose: Purpose) -> Objection:
    """Stop a use of the person's data from now, in every file of theirs; twice is the same. Gives that of `subject`.

    Raises NotAllowed for what a law demands.
    """
    if purpose.ground == Ground.LAW:
        raise NotAllowed(_("A law demands this use: it goes on, and the person is told why."), code="law")
    people = duplicates.lock_files(subject)
    objecting = {
        row.subject_id: row for row in Objection.objects.in_force().filter(subject__in=people, purpose=purpose)
    }
    fresh = [one for one in people if one.pk not in objecting]
    for one in fresh:
        objecting[one.pk] = Objection.objects.create(
            subject=one, purpose=purpose, in_force_during=(timezone.now(), None)
        )
    if fresh and advertising.is_marketing(purpose):
        advertising.weigh([one.pk for one in fresh], reason=Suppression.Reason.OBJECTED)
    return objecting[subject.pk]


@transaction.atomic
def lift(*, subject: DataSubject, purpose: Purpose) -> None:
    """The person does not object any more, in any file of theirs; the past stays as it was."""
    people = duplicates.lock_files(subject)
    for row in Objection.objects.in_force().filter(subject__in=people, purpose=purpose):
        row.in_force_during = (row.in_force_during.lower, timezone.now())
        row.save(update_fields=["in_force_during"])
    if advertising.is_marketing(purpose):
        # a consent that stands counts again
        advertising.weigh([one.pk for one in people], reason=Suppression.Reason.CONSENTED)
