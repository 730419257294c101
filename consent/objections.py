"""A person says no to a use, and takes it back (94-V art. 24)."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from consent import advertising
from consent.enums import Ground
from consent.models import Objection, Purpose
from staff.rules import NotAllowed
from subjects.models import DataSubject, Suppression


@transaction.atomic
def object_to(*, subject: DataSubject, purpose: Purpose) -> Objection:
    """Stop a use of the person's data from now; twice is the same. Raises NotAllowed for what a law demands."""
    if purpose.ground == Ground.LAW:
        raise NotAllowed(_("A law demands this use: it goes on, and the person is told why."), code="law")
    DataSubject.objects.select_for_update().get(pk=subject.pk)
    standing = Objection.objects.in_force().filter(subject=subject, purpose=purpose).first()
    if standing is not None:
        return standing
    row = Objection.objects.create(subject=subject, purpose=purpose, in_force_during=(timezone.now(), None))
    if advertising.is_marketing(purpose):
        advertising.weigh([subject.pk], reason=Suppression.Reason.OBJECTED)
    return row


@transaction.atomic
def lift(*, subject: DataSubject, purpose: Purpose) -> None:
    """The person does not object any more; the past stays as it was."""
    DataSubject.objects.select_for_update().get(pk=subject.pk)
    for row in Objection.objects.in_force().filter(subject=subject, purpose=purpose):
        row.in_force_during = (row.in_force_during.lower, timezone.now())
        row.save(update_fields=["in_force_during"])
    if advertising.is_marketing(purpose):
        # a consent that stands counts again
        advertising.weigh([subject.pk], reason=Suppression.Reason.CONSENTED)
