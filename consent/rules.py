"""When a person is asked to look at a policy, and against which text it is compared for them; who may record what."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _

from consent.enums import EventKind
from consent.models import Acknowledgement, ConsentEvent
from policies.models import PolicyVersion
from staff.models import StaffUser
from staff.rules import check_has_accepted_undertaking
from subjects.models import DataSubject


def _published_at(version: PolicyVersion) -> datetime:
    assert version.published_at is not None  # a constraint: published means when and by whom
    return version.published_at


class News(NamedTuple):
    """What a policy has for one person: the version to read, what they knew before, the significant ones since then.

    waits: whether an answer is asked for.
    """

    version: PolicyVersion
    since: PolicyVersion | None
    told: list[PolicyVersion]
    waits: bool


def news(subject: DataSubject, versions: Sequence[PolicyVersion], answered: set[int]) -> News:
    """What `versions`, all published ones of one policy by number, are for the person. answered: ids of versions.

    A significant change that nobody answered is not lost when a lesser one follows it: the person is shown the newest
    text and everything that changed since what they knew. Whoever came later is shown the last change only.
    """
    newest = versions[-1]
    last = max((v.number for v in versions[:-1] if v.pk in answered), default=0)
    unanswered = [
        version
        for version in versions
        if version.significant
        and version.number > last
        and (version is newest or _published_at(version) >= subject.created_at)
    ]
    # the first text of all changed nothing; compared with it, later ones did
    first = next((index for index, v in enumerate(versions) if index and v in unanswered), len(versions) - 1)
    since = versions[first - 1] if first else None
    told = [version for version in unanswered if not since or version.number > since.number]
    return News(newest, since, told, bool(unanswered) and newest.pk not in answered)


def pending(subject: DataSubject) -> list[News]:
    """The policies that wait for the person's answer; two queries.

    A version that will come into force later is among them: the person learns of it in advance (policy 9.2).
    """
    published = PolicyVersion.objects.published().select_related("policy").order_by("policy", "number")
    answered = set(Acknowledgement.objects.filter(subject=subject).values_list("version", flat=True))
    found = [news(subject, list(versions), answered) for _policy, versions in groupby(published, lambda v: v.policy_id)]
    return sorted((n for n in found if n.waits), key=lambda n: _published_at(n.version))


def check_may_record(by: StaffUser) -> None:
    """Who may type what a person said on paper or by phone. Raises PermissionDenied."""
    if not by.has_perm("consent.record_consentevent"):
        raise PermissionDenied(_("Recording consents is not among your rights."))


def may_record(by: StaffUser) -> bool:
    """Whether `check_may_record` passes."""
    return _passes(lambda: check_may_record(by))


def check_may_open_scan(*, by: StaffUser) -> None:
    """Who may see a signed paper: whoever compares papers with what was typed. Raises PermissionDenied."""
    if not by.has_perm("consent.confirm_consentevent"):
        raise PermissionDenied(_("Your role does not open scans."))
    check_has_accepted_undertaking(by)


def may_open_scan(*, by: StaffUser) -> bool:
    """Whether `check_may_open_scan` passes."""
    return _passes(lambda: check_may_open_scan(by=by))


def check_may_confirm(event: ConsentEvent, *, by: StaffUser) -> None:
    """Who may confirm what a colleague typed: a second person, once (DESIGN 5).

    Raises ValidationError, PermissionDenied.
    """
    if not by.has_perm("consent.confirm_consentevent"):
        raise PermissionDenied(_("Confirming consents is not among your rights."))
    if event.kind != EventKind.PENDING_CONFIRMATION:
        raise ValidationError(_("This consent waits for nobody."))
    if event.user_id == by.pk:
        raise ValidationError(_("You typed this consent: somebody else compares it with the paper."))


def may_confirm(event: ConsentEvent, *, by: StaffUser) -> bool:
    """Whether `check_may_confirm` passes."""
    return _passes(lambda: check_may_confirm(event, by=by))


def _passes(check: Callable[[], None]) -> bool:
    try:
        check()
    except (PermissionDenied, ValidationError):
        return False
    return True
