"""The letter that tells everybody of a significant change (policy 9.2)."""

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from notifications.doorbell import ring
from notifications.enums import LetterState, Priority, SkipReason
from notifications.models import Campaign, Letter
from notifications.ports import LetterKind
from policies.enums import State
from policies.models import PolicyVersion
from staff.models import Operator
from subjects.enums import LEAVES, IndexKind
from subjects.models import DataSubject, SearchKey

KIND = "policy_changed"

# One statement, one snapshot: the audience is whoever is in the base at this instant, former customers included.
AUDIENCE = f"""
    WITH people AS MATERIALIZED (
        SELECT s.id, s.language, s.standing, EXISTS (
            SELECT 1 FROM {SearchKey._meta.db_table} k WHERE k.subject_id = s.id AND k.kind = %(email)s
        ) AS reachable
        FROM {DataSubject._meta.db_table} s
    ), told AS (
        INSERT INTO {Letter._meta.db_table}
            (subject_id, kind, cause, campaign_id, language, priority, state, skip_reason, attempts, due_at,
             created_at, done_at)
        SELECT id, %(kind)s, %(cause)s, %(campaign)s, language, %(priority)s,
            CASE WHEN reachable THEN %(queued)s ELSE %(skipped)s END,
            CASE WHEN reachable THEN '' ELSE %(no_address)s END,
            0, now(), now(), CASE WHEN reachable THEN NULL ELSE now() END
        FROM people WHERE standing = ANY(%(standings)s)
        ORDER BY id
    )
    SELECT standing, reachable, count(*) FROM people GROUP BY standing, reachable
"""  # noqa: S608 -- table names only


def cause_of(version: PolicyVersion) -> str:
    """What a letter about this version is caused by; unique with its addressee."""
    return f"policies.PolicyVersion:{version.pk}#{KIND}"


def _version_of(cause: str) -> PolicyVersion:
    pk = int(cause.partition(":")[2].partition("#")[0])
    return PolicyVersion.objects.select_related("policy").get(pk=pk)


def announce(version: PolicyVersion) -> Campaign:
    """Make the campaign and its letters in the transaction that publishes; everyone left out is counted apart."""
    campaign = Campaign.objects.create(kind=KIND, cause=cause_of(version))
    standings = [str(standing) for standing, leaves in LEAVES.items() if leaves.notices]
    with connection.cursor() as cursor:
        cursor.execute(
            AUDIENCE,
            {
                "email": IndexKind.EMAIL.value,
                "kind": KIND,
                "cause": campaign.cause,
                "campaign": campaign.pk,
                "priority": Priority.CAMPAIGN.value,
                "queued": LetterState.QUEUED.value,
                "skipped": LetterState.SKIPPED.value,
                "no_address": SkipReason.NO_ADDRESS.value,
                "standings": standings,
            },
        )
        counts = cursor.fetchall()
    audience: dict = {"queued": 0, "no_address": 0, "left_out": {}}
    for standing, reachable, count in counts:
        if standing in standings:
            audience["queued" if reachable else "no_address"] += count
        else:
            audience["left_out"][standing] = audience["left_out"].get(standing, 0) + count
    campaign.audience = audience
    campaign.save(update_fields=["audience"])
    ring("notifications.deliver_due")
    return campaign


def audience_size() -> int:
    """How many people a campaign made now would write to; what the officer is told before publishing."""
    standings = [standing for standing, leaves in LEAVES.items() if leaves.notices]
    reachable = SearchKey.objects.filter(subject=OuterRef("pk"), kind=IndexKind.EMAIL)
    return DataSubject.objects.filter(Exists(reachable), standing__in=standings).count()


def context(cause: str, language: str) -> dict:
    """What the texts of the letter say; no name, no loan, no amount, no recipient of data."""
    version = _version_of(cause)
    operator = Operator.current()
    return {
        "policy_title": getattr(version.policy, f"title_{language}") or version.policy.title_ru,
        "number": version.number,
        "in_force_from": version.in_force_during.lower,
        "summary": getattr(version, f"change_summary_{language}") or version.change_summary_ru,
        "operator_name": operator.name(language) if operator else "",
        "operator_email": operator.email if operator else "",
        "version_link": settings.SITE_URL + reverse("policies:version", args=[version.policy.code, version.number]),
        "changes_link": settings.SITE_URL + reverse("policies:changes", args=[version.policy.code, version.number]),
    }


def is_current(cause: str) -> bool:
    """A version is announced until a later significant one, announced itself, has replaced it.

    A small correction that follows does not take from anybody the news of the significant change before it.
    """
    version = _version_of(cause)
    later = PolicyVersion.objects.published().filter(
        policy=version.policy_id, number__gt=version.number, significant=True, in_force_during__startswith__lte=Now()
    )
    return version.state == State.PUBLISHED and not later.exists()


POLICY_CHANGED = LetterKind(KIND, context, is_current, title=_("a policy has changed"))
