"""Asking again: when a form names more than a person consented to, they are asked; nothing is widened.

A unilateral change cannot widen a consent already given (law.md 5.3, preamble 2). Who is asked: people whose live
consent rests on a text that lacks something the form names now, was imported without its text, or is in a language
that named less. Only the version in force is ever offered. A campaign writes the letters; a worker then writes down,
consent by consent, that the person was asked, which is what their cabinet shows them. Whoever comes later (a file of
older consents, an e-mail that was not known) is asked by another campaign; nobody gets the same question twice.
"""

from collections.abc import Iterable
from typing import NamedTuple

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from consent import coverage, derivation, ledger
from consent.coverage import Gap
from consent.enums import ASKED, LIVE, Channel, EventKind, Trust
from consent.letters import CONSENT_ASKED, version_of
from consent.models import ConsentEvent, ConsentForm, ConsentFormVersion, ConsentState
from consent.models.events import CONSENTING
from notifications.doorbell import ring
from notifications.enums import CampaignState, LetterState
from notifications.models import Campaign, Letter
from staff.models import StaffUser
from subjects import audience
from subjects.models import DataSubject

BATCH = 1000


class Asked(NamedTuple):
    """Whom an asking concerns: consents whose text lacks something, and consents whose text nobody knows."""

    lacking: int
    unknown: int


class Progress(NamedTuple):
    """How an asking goes, in people: written to, consented to the text they were asked about, refused it."""

    asked: int
    consented: int
    refused: int

    @property
    def waiting(self) -> int:
        return max(self.asked - self.consented - self.refused, 0)


def outgrown(form: ConsentForm, gaps: Iterable[Gap] | None = None) -> QuerySet[ConsentState]:
    """The live consents of the form that cover less than it names now, or nobody knows what.

    gaps: of the form, where the caller knows them already.
    """
    texts = Q(given__version=None) | Q(given__language="")
    for gap in coverage.gaps(form) if gaps is None else gaps:
        texts |= Q(given__version=gap.version_id, given__language=gap.language)
    return ConsentState.objects.filter(texts, form=form, state__in=LIVE, subject__isnull=False)


def count(form: ConsentForm) -> Asked:
    """How many consents an asking would be about; two aggregates."""
    unknown = coverage.unknown_grounds().get(form.code, 0)
    return Asked(outgrown(form).count() - unknown, unknown)


def campaigns(version: ConsentFormVersion) -> QuerySet[Campaign]:
    """The campaigns that asked about this version, reminders not among them, oldest first."""
    cause = f"consent.ConsentFormVersion:{version.pk}#{CONSENT_ASKED}"
    return Campaign.objects.filter(Q(cause=cause) | Q(cause__startswith=f"{cause}."), kind=CONSENT_ASKED).order_by("pk")


def _reached(version: ConsentFormVersion) -> QuerySet[Letter]:
    """The letters that asked about this version and were not left out."""
    return Letter.objects.filter(campaign__in=list(campaigns(version))).exclude(state=LetterState.SKIPPED)


def to_ask(version: ConsentFormVersion, gaps: Iterable[Gap] | None = None) -> QuerySet[ConsentState]:
    """The outgrown consents of the version's form whose person was not asked about it yet and has not refused it.

    Once people were asked, only those whom a letter would reach now are left to ask. gaps: as for `outgrown`.
    """
    refused = ConsentEvent.objects.filter(
        subject=OuterRef("subject"), form=version.form_id, scope=OuterRef("scope"), version=version, kind="refused"
    )
    found = outgrown(version.form, gaps).filter(~Exists(refused))
    if not campaigns(version).exists():
        return found
    asked = _reached(version).filter(subject=OuterRef("subject"))
    return found.filter(~Exists(asked), subject__in=audience.reachable())


def progress(version: ConsentFormVersion) -> Progress:
    """How the asking about a version goes; three aggregates."""
    people = _reached(version)
    said = ConsentEvent.objects.filter(version=version, subject__in=people.values("subject"))
    told = said.aggregate(
        consented=Count("subject", distinct=True, filter=Q(kind__in=CONSENTING)),
        refused=Count("subject", distinct=True, filter=Q(kind=EventKind.REFUSED)),
    )
    return Progress(people.aggregate(n=Count("subject", distinct=True))["n"], **told)


@transaction.atomic
def ask(*, form: ConsentForm, by: StaffUser) -> Campaign:
    """Write to everybody whose consent of the form is outgrown; the audience is frozen by one statement.

    Who was asked about this version is not asked again: `reminding` reminds them. Raises PermissionDenied, and
    ValidationError when nothing is offered, nobody is concerned or everybody concerned was asked already.
    """
    if not by.has_perm("notifications.run_campaign"):
        raise PermissionDenied(_("Running campaigns is not among your rights."))
    # two officers at once: the second sees whom the first has asked
    ConsentForm.objects.select_for_update().get(pk=form.pk)
    version = ConsentFormVersion.objects.in_force().select_related("form").filter(form=form).first()
    if version is None:
        raise ValidationError(_("No version of this form is in force, so there is nothing to ask."))
    before = campaigns(version).count()
    people = DataSubject.objects.filter(pk__in=to_ask(version).values("subject"))
    if not people.exists():
        if before:
            raise ValidationError(_("People were asked about this version already."))
        raise ValidationError(_("Everybody's consent covers what this form names now."))
    cause = f"consent.ConsentFormVersion:{version.pk}#{CONSENT_ASKED}"
    campaign = audience.write(kind=CONSENT_ASKED, cause=f"{cause}.{before + 1}" if before else cause, only=people)
    ring("consent.note_asked", campaign.pk)
    return campaign


def running() -> list[tuple[Campaign, ConsentFormVersion]]:
    """The askings that go on: not stopped by an officer, about a version that is still offered."""
    found = Campaign.objects.filter(kind=CONSENT_ASKED, state__in=(CampaignState.RUNNING, CampaignState.FINISHED))
    offered = ConsentFormVersion.objects.in_force().select_related("form").in_bulk()
    named = [(campaign, version_of(campaign.cause)) for campaign in found.order_by("pk")]
    return [(campaign, offered[pk]) for campaign, pk in named if pk in offered]


def note(campaign: Campaign, version: ConsentFormVersion) -> int:
    """Write down of every consent the campaign is about that its person was asked; how many. Again is no second time.

    A thousand at a time, each in its own transaction: a withdrawal waits for nobody's campaign.
    """
    done, last, gaps = 0, 0, coverage.gaps(version.form)
    while rows := _note(campaign, version, last, gaps):
        done, last = done + len(rows), rows[-1].pk
    return done


@transaction.atomic
def _note(campaign: Campaign, version: ConsentFormVersion, after: int, gaps: list[Gap]) -> list[ConsentState]:
    known = ConsentEvent.objects.filter(
        subject=OuterRef("subject"),
        form=version.form_id,
        scope=OuterRef("scope"),
        version=version,
        kind__in=(*ASKED, EventKind.REFUSED),
    )
    told = Letter.objects.filter(campaign=campaign, subject=OuterRef("subject"))
    states = outgrown(version.form, gaps).filter(~Exists(known), Exists(told), pk__gt=after)
    rows = list(states.order_by("pk").select_related("last").select_for_update(of=("self",))[:BATCH])
    policy = ledger.policy_in_force()
    events = ConsentEvent.objects.bulk_create(
        ConsentEvent(
            subject_id=row.subject_id,
            form_id=row.form_id,
            scope=row.scope,
            kind=EventKind.REQUESTED,
            version=version,
            policy_version=policy,
            channel=Channel.SYSTEM,
            trust=Trust.RULE,
        )
        for row in rows
    )
    for row, event in zip(rows, events, strict=True):
        for name, value in derivation.after(ledger.standing_of(row), event)._asdict().items():
            setattr(row, name, value)
    ConsentState.objects.bulk_update(rows, list(derivation.Standing._fields))
    return rows


def note_running() -> int:
    """`note` of every asking that goes on, whose bell may have been lost; how many."""
    return sum(note(campaign, version) for campaign, version in running())
