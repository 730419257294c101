"""Which clauses declare a purpose or a category, and which ones may: found by their words, linked by an officer.

A link holds the key of a clause, which stays the same in every later version: it follows the clause (policy 1.1, 2.1).
"""

from collections.abc import Iterable
from typing import NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from consent.models import ClauseLink, Purpose
from policies.enums import ClauseKind
from policies.models import Clause, Policy, PolicyVersion
from policies.similarity import overlap, stems
from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects.models import DataCategory

Target = Purpose | DataCategory
# (policy id, clause key)
Place = tuple[int, str]
# the share of a title's words that a clause has to have to be proposed, and how many are proposed
LIKELY, PROPOSED = 0.6, 5
LANGUAGES = ("kk", "ru")


class Candidate(NamedTuple):
    """A clause in force. likeness: the share of the title's words it has, 0 to 1. unsaid: languages it lacks."""

    policy: Policy
    clause: Clause
    linked: bool
    likeness: float
    unsaid: list[str]

    @property
    def name(self) -> str:
        """Of it in a form."""
        return f"{self.policy.pk}:{self.clause.key}"


class Found(NamedTuple):
    """What a page shows. likely: proposals, the best first. lost: links whose clause no version in force has."""

    linked: list[Candidate]
    likely: list[Candidate]
    others: list[Candidate]
    lost: list[ClauseLink]


def _of(target: Target) -> dict[str, Target]:
    return {"purpose" if isinstance(target, Purpose) else "category": target}


def links(target: Target) -> set[Place]:
    """Where the target is declared, whether or not the clause is in force."""
    return set(ClauseLink.objects.filter(**_of(target)).values_list("policy", "clause_key"))


def find(target: Target) -> Found:
    """The clauses in force as this target sees them, in the order of reading; four queries."""
    versions = PolicyVersion.objects.in_force().select_related("policy").order_by("policy__code")
    policies = {version.pk: version.policy for version in versions}
    clauses = Clause.objects.filter(version__in=policies).exclude(kind=ClauseKind.HEADING)
    words = {code: stems(getattr(target, f"title_{code}") or "") for code in LANGUAGES}
    known = {(link.policy_id, link.clause_key): link for link in ClauseLink.objects.filter(**_of(target))}
    linked, likely, others = [], [], []
    for clause in sorted(clauses, key=lambda clause: (policies[clause.version_id].code, clause.order)):
        policy = policies[clause.version_id]
        said = {code: stems(clause.text(code)) for code in LANGUAGES}
        shares = [len(words[code] & said[code]) / len(words[code]) for code in LANGUAGES if words[code]]
        unsaid = [code for code in LANGUAGES if not clause.text(code)]
        declared = known.pop((policy.pk, clause.key), None) is not None
        found = Candidate(policy, clause, declared, max(shares, default=0.0), unsaid)
        (linked if declared else likely if found.likeness >= LIKELY else others).append(found)

    def closeness(candidate: Candidate) -> tuple[float, float]:
        alike = (overlap(words[code], stems(candidate.clause.text(code))) for code in LANGUAGES)
        return -candidate.likeness, -max(alike, default=0.0)

    likely.sort(key=closeness)
    rest = sorted([*likely[PROPOSED:], *others], key=lambda c: (c.policy.code, c.clause.order))
    return Found(linked, likely[:PROPOSED], rest, list(known.values()))


def check_may_link(*, by: StaffUser) -> None:
    """Whoever may add links and take them away. Raises NotAllowed."""
    if not by.has_perms(["consent.add_clauselink", "consent.delete_clauselink"]):
        raise NotAllowed(_("Your role does not include this step."), code="permission")


@transaction.atomic
def link(target: Target, *, chosen: Iterable[Place], seen: Iterable[Place], by: StaffUser) -> tuple[int, int]:
    """Make the links an officer chose on the page they saw; (added, taken away).

    seen: what was linked on that page. What a colleague changed meanwhile stays. Raises NotAllowed: the right is
    missing, or a chosen clause is in no version in force.
    """
    check_may_link(by=by)
    chosen, seen = set(chosen), set(seen)
    added, removed = chosen - seen, seen - chosen
    versions = dict(PolicyVersion.objects.in_force().values_list("pk", "policy"))
    there = {
        (versions[version], key)
        for version, key in Clause.objects.filter(version__in=versions, key__in={key for _policy, key in added})
        .exclude(kind=ClauseKind.HEADING)
        .values_list("version", "key")
    }
    if added - there:
        raise NotAllowed(_("A chosen clause is not in force any more. Reload the page and choose again."), code="gone")
    before = links(target)
    rows = [ClauseLink(policy_id=policy, clause_key=key, **_of(target)) for policy, key in added - before]
    ClauseLink.objects.bulk_create(rows, ignore_conflicts=True)
    gone = 0
    for policy, key in removed:
        gone += ClauseLink.objects.filter(policy=policy, clause_key=key, **_of(target)).delete()[0]
    return len(rows), gone
