"""Automated decisions as systems tell them, and the human review a person asked for (law.md 1.5)."""

from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects.models import AutomatedDecision, DataCategory, DataSubject


@transaction.atomic
def tell(
    *,
    subject: DataSubject,
    client: str,
    number: str,
    kind: str,
    outcome: str,
    occurred_at: datetime,
    categories: Sequence[str],
) -> AutomatedDecision:
    """Write down a decision of a system, by its number there; the same again changes nothing.

    client: the system's code. categories: codes of the data it was made on. Raises ValidationError when the number is
    another decision's, or a category is not on the approved list.
    """
    known = set(DataCategory.objects.filter(code__in=categories).values_list("code", flat=True))
    if unknown := set(categories) - known:
        sentence = _("The approved list has no such category: %(codes)s.") % {"codes": ", ".join(sorted(unknown))}
        raise ValidationError({"categories": sentence})
    told = {
        "subject": subject,
        "kind": kind,
        "outcome": outcome,
        "occurred_at": occurred_at,
        "categories": sorted(known),
    }
    row, new = AutomatedDecision.objects.get_or_create(client=client, number=number, defaults=told)
    if not new and any(getattr(row, name) != value for name, value in told.items()):
        raise ValidationError({"number": _("Another decision has this number: a decision that was made stays.")})
    return row


@transaction.atomic
def ask_review(*, decision: AutomatedDecision, at: datetime | None = None) -> AutomatedDecision:
    """The person wants a human to look again; asked twice, the first moment counts. at: aware, now by default."""
    row = AutomatedDecision.objects.select_for_update().get(pk=decision.pk)
    if row.review_asked_at is None:
        row.review_asked_at = at or timezone.now()
        row.save(update_fields=["review_asked_at"])
    return row


@transaction.atomic
def review(*, decision: AutomatedDecision, outcome: str, by: StaffUser) -> AutomatedDecision:
    """A human looked again, as was asked: the decision stays or was changed. Raises NotAllowed."""
    if not by.has_perm("subjects.review_automateddecision"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    row = AutomatedDecision.objects.select_for_update().get(pk=decision.pk)
    if row.review_asked_at is None:
        raise NotAllowed(_("Nobody asked for a review of this decision."), code="state")
    if row.reviewed_at is not None:
        raise NotAllowed(_("This is decided already. Reload the page to see where it stands."), code="overtaken")
    row.review, row.reviewed_by, row.reviewed_at = AutomatedDecision.Review(outcome).value, by, timezone.now()
    row.save(update_fields=["review", "reviewed_by", "reviewed_at"])
    return row
