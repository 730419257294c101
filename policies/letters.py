"""The letter that tells everybody of a significant change (policy 9.2)."""

import re
from datetime import UTC, datetime

from django.conf import settings
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notifications.models import Campaign
from notifications.ports import TEST, LetterKind
from policies.enums import State
from policies.models import PolicyVersion
from staff.models import Operator
from subjects import audience

KIND = "policy_changed"
PLANNED = re.compile(r"@(\d+)")


def cause_of(version: PolicyVersion, *, at: datetime | None = None) -> str:
    """What a letter about this version is caused by; unique with its addressee.

    at: the moment planned for a version that is not published, for a letter that only shows what would be written.
    """
    return f"policies.PolicyVersion:{version.pk}#{KIND}" + (f"@{int(at.timestamp())}" if at else "")


def _version_of(cause: str) -> PolicyVersion:
    pk = int(cause.partition(":")[2].partition("#")[0])
    return PolicyVersion.objects.select_related("policy").get(pk=pk)


def announce(version: PolicyVersion) -> Campaign:
    """Make the campaign and its letters in the transaction that publishes; everyone left out is counted apart."""
    return audience.write(kind=KIND, cause=cause_of(version))


def context(cause: str, language: str) -> dict:
    """What the texts of the letter say; no name, no loan, no amount, no recipient of data.

    Of a version that is not published, what they would say: with the moment its cause names, else with this one.
    """
    version = _version_of(cause)
    operator = Operator.current()
    return {
        "policy_title": getattr(version.policy, f"title_{language}") or version.policy.title_ru,
        "number": version.number,
        "in_force_from": version.in_force_during.lower if version.in_force_during else _planned(cause),
        "summary": getattr(version, f"change_summary_{language}") or version.change_summary_ru,
        "operator_name": operator.name(language) if operator else "",
        "operator_email": operator.email if operator else "",
        "version_link": settings.SITE_URL + reverse("policies:version", args=[version.policy.code, version.number]),
        "changes_link": settings.SITE_URL + reverse("policies:changes", args=[version.policy.code, version.number]),
    }


def _planned(cause: str) -> datetime:
    planned = PLANNED.search(cause)
    return datetime.fromtimestamp(int(planned[1]), UTC) if planned else timezone.now()


def is_current(cause: str) -> bool:
    """A version is announced until a later significant one, announced itself, has replaced it.

    A small correction that follows does not take from anybody the news of the significant change before it. Before
    that, only an officer's test of it is sent.
    """
    version = _version_of(cause)
    if version.state == State.APPROVED:
        return TEST in cause
    later = PolicyVersion.objects.published().filter(
        policy=version.policy_id, number__gt=version.number, significant=True, in_force_during__startswith__lte=Now()
    )
    return version.state == State.PUBLISHED and not later.exists()


POLICY_CHANGED = LetterKind(KIND, context, is_current, title=_("a policy has changed"))
