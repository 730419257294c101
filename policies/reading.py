"""How a version is read: its clauses in one language, and what changed since another (policy 9.2).

Public pages, the cabinet and admin show the same thing because they all ask here.
"""

import re

from policies.differences import Change, compare
from policies.enums import ClauseKind, State
from policies.models import Clause, PolicyVersion
from policies.pairing import PairedClause

COUNTED = re.compile(r"\d+[.)]\s")


def reading_language(version: PolicyVersion, wanted: str) -> str:
    """The language the version is read in by somebody who wants `wanted`: that one if it has it, else Russian."""
    return wanted if wanted in version.languages() else "ru"


def clauses_in(version: PolicyVersion, language: str) -> list[Clause]:
    """The clauses that have text in `language`, in order; one query.

    Each has `reading_text`; `level` of a heading, 1 being the title's; `depth` of a list item, and what stands in one,
    1 being the outermost list; `counts`: a list item that brings its own number along; `inset`: a numbered clause or
    what belongs to one.
    """
    clauses = list(version.clauses.exclude(**{f"text_{language}": ""}).order_by("order"))
    depths: dict[str, int] = {}
    insets: dict[str, bool] = {}
    for clause in clauses:
        clause.reading_text = clause.text(language)
        clause.depth = depths[clause.key] = depths.get(clause.parent_key, 0) + (clause.kind == ClauseKind.BULLET)
        clause.inset = insets[clause.key] = clause.kind == ClauseKind.CLAUSE or insets.get(clause.parent_key, False)
        clause.counts = clause.kind == ClauseKind.BULLET and bool(COUNTED.match(clause.reading_text))
        clause.level = 1 if not (clause.number or clause.parent_key) else min(2 + clause.number.count("."), 4)
    return clauses


def predecessor(version: PolicyVersion) -> PolicyVersion | None:
    """The published version before this one, if any."""
    return (
        PolicyVersion.objects.filter(policy=version.policy_id, state=State.PUBLISHED, number__lt=version.number)
        .order_by("-number")
        .first()
    )


def _paired(version: PolicyVersion | None) -> list[PairedClause]:
    if version is None:
        return []
    return [
        PairedClause(
            key=clause.key,
            number=clause.number,
            kind=clause.kind,
            parent_key=clause.parent_key or None,
            order=clause.order,
            texts={code: clause.text(code) for code in ("kk", "ru", "en") if clause.text(code)},
        )
        for clause in version.clauses.order_by("order")
    ]


def changes(version: PolicyVersion, *, since: PolicyVersion | None, language: str) -> list[Change]:
    """What differs clause by clause, unchanged clauses left out; two queries. Without `since` all is added."""
    compared = compare(_paired(since), _paired(version), language)
    return [change for change in compared if change.kind != "unchanged"]
