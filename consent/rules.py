"""When a person is asked to look at a policy, and against which text it is compared for them."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from consent.models import Acknowledgement
from policies.models import PolicyVersion
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
