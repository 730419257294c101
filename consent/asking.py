"""Asking again: when a form names more than a person consented to, they are asked; nothing is widened.

A unilateral change cannot widen a consent already given (law.md 5.3, preamble 2). Who is asked: people whose live
consent rests on a text that lacks something the form names now, was imported without its text, or is in a language
that named less. Only the version in force is ever offered.
"""

from typing import NamedTuple

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from consent import coverage
from consent.enums import LIVE
from consent.letters import CONSENT_ASKED
from consent.models import ConsentForm, ConsentFormVersion, ConsentState
from notifications.models import Campaign
from staff.models import StaffUser
from subjects import audience
from subjects.models import DataSubject


class Asked(NamedTuple):
    """Whom an asking concerns: consents whose text lacks something, and consents whose text nobody knows."""

    lacking: int
    unknown: int


def outgrown(form: ConsentForm) -> QuerySet[ConsentState]:
    """The live consents of the form that cover less than it names now, or nobody knows what."""
    texts = Q(given__version=None) | Q(given__language="")
    for gap in coverage.gaps(form):
        texts |= Q(given__version=gap.version_id, given__language=gap.language)
    return ConsentState.objects.filter(texts, form=form, state__in=LIVE, subject__isnull=False)


def count(form: ConsentForm) -> Asked:
    """How many consents an asking would be about; two aggregates."""
    unknown = coverage.unknown_grounds().get(form.code, 0)
    return Asked(outgrown(form).count() - unknown, unknown)


@transaction.atomic
def ask(*, form: ConsentForm, by: StaffUser) -> Campaign:
    """Write to everybody whose consent of the form is outgrown; the audience is frozen by one statement.

    Asking twice about one version is refused: who has not answered is reminded by the cabinet. Raises PermissionDenied,
    and ValidationError when nothing is offered, nobody is concerned or they were asked already.
    """
    if not by.has_perm("notifications.run_campaign"):
        raise PermissionDenied(_("Running campaigns is not among your rights."))
    version = ConsentFormVersion.objects.in_force().filter(form=form).first()
    if version is None:
        raise ValidationError(_("No version of this form is in force, so there is nothing to ask."))
    cause = f"consent.ConsentFormVersion:{version.pk}#{CONSENT_ASKED}"
    if Campaign.objects.filter(cause=cause).exists():
        raise ValidationError(_("People were asked about this version already."))
    people = DataSubject.objects.filter(pk__in=outgrown(form).values("subject"))
    if not people.exists():
        raise ValidationError(_("Everybody's consent covers what this form names now."))
    return audience.write(kind=CONSENT_ASKED, cause=cause, only=people)
