"""The matrix purpose × category as one page, with what is wrong with it said in words (law.md 5.2; policy 3.2).

A category no purpose needs is excess; a purpose without a category collects what nobody declared; an open-ended
purpose is none; a purpose that no clause in force declares was never told to anybody.
"""

from collections import defaultdict
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from django.utils.translation import gettext as _

from audit.spreadsheet import Sheet
from consent.enums import Necessity
from consent.models import ClauseLink, Purpose, PurposeCategory
from policies.models import Clause, PolicyVersion
from subjects.models import DataCategory

# the texts a purpose must be declared in
LANGUAGES = ("kk", "ru")


class Gap(StrEnum):
    EXCESS = "excess"
    UNDECLARED_COLLECTION = "undeclared_collection"
    OPEN_ENDED = "open_ended"
    NO_CLAUSE = "no_clause"


class Cell(NamedTuple):
    """One crossing. now: what is in force. waiting: a proposal. ending: whether what is in force is to end."""

    purpose: Purpose
    category: DataCategory
    now: PurposeCategory | None = None
    waiting: PurposeCategory | None = None
    ending: bool = False

    @property
    def name(self) -> str:
        """Of its field in the form."""
        return f"{self.purpose.pk}x{self.category.pk}"

    @property
    def value(self) -> str:
        """What is in force: required, optional, or "" for neither."""
        return self.now.necessity if self.now else ""

    @property
    def proposed(self) -> str | None:
        """What waits for a second person, "" for an end; None when nothing waits."""
        if self.waiting:
            return self.waiting.necessity
        return "" if self.ending else None

    @property
    def mark(self) -> str:
        """What a page carries to know later whether the cell is still as it showed it; begins with its value."""
        rows = ".".join(str(row.pk) if row else "" for row in (self.now, self.waiting))
        return f"{self.value}:{rows}{'e' if self.ending else ''}"


# the mark of a cell that nothing is in and nothing is proposed for
EMPTY = ":."


class Row(NamedTuple):
    """A purpose with its cells. unsaid: languages in which no clause in force declares it."""

    purpose: Purpose
    cells: list[Cell]
    gaps: list[Gap]
    unsaid: list[str]


class Matrix(NamedTuple):
    rows: list[Row]
    categories: list[DataCategory]
    excess: set[int]

    def cells(self) -> dict[str, Cell]:
        """{name of the field: cell}."""
        return {cell.name: cell for row in self.rows for cell in row.cells}

    def waiting(self) -> list[Cell]:
        """The changes that a second person has to decide on."""
        return [cell for row in self.rows for cell in row.cells if cell.proposed is not None]


def sentence(gap: Gap, unsaid: list[str] | None = None) -> str:
    """A gap in words, in the active language."""
    match gap:
        case Gap.EXCESS:
            return _("Excess: no purpose needs it")
        case Gap.UNDECLARED_COLLECTION:
            return _("No data: what it collects is declared nowhere")
        case Gap.OPEN_ENDED:
            return _("Open-ended: nothing may be done for it")
    if unsaid and len(unsaid) < len(LANGUAGES):
        return _("No clause in force declares it in: %(languages)s") % {"languages": ", ".join(unsaid)}
    return _("No clause in force declares it")


def _declared(at: datetime | None) -> dict[int, set[str]]:
    """{purpose id: languages in which a clause in force declares it}; three queries."""
    links = list(ClauseLink.objects.filter(purpose__isnull=False).values_list("purpose", "policy", "clause_key"))
    versions = dict(PolicyVersion.objects.in_force(at).values_list("pk", "policy"))
    said: dict[tuple[int, str], set[str]] = {}
    clauses = Clause.objects.filter(version__in=versions, key__in={key for _purpose, _policy, key in links})
    for version, key, *texts in clauses.values_list("version", "key", *(f"text_{code}" for code in LANGUAGES)):
        said[versions[version], key] = {code for code, text in zip(LANGUAGES, texts, strict=True) if text}
    found: dict[int, set[str]] = defaultdict(set)
    for purpose, policy, key in links:
        found[purpose] |= said.get((policy, key), set())
    return found


def build(at: datetime | None = None) -> Matrix:
    """The matrix at the moment `at` (aware datetime, now by default), proposals included; seven queries."""
    purposes, categories = Purpose.objects.as_of(at), list(DataCategory.objects.all())
    now = {(c.purpose_id, c.category_id): c for c in PurposeCategory.objects.in_force(at)}
    asked = PurposeCategory.objects.waiting().select_related("proposed_by", "closing_proposed_by")
    proposed, ending = {}, {}
    for cell in asked:
        (proposed if cell.in_force_during is None else ending)[cell.purpose_id, cell.category_id] = cell
    declared = _declared(at)
    rows = []
    for purpose in purposes:
        keys = [(purpose.pk, category.pk) for category in categories]
        cells = [
            Cell(purpose, category, ending.get(key) or now.get(key), proposed.get(key), key in ending)
            for key, category in zip(keys, categories, strict=True)
        ]
        unsaid = [code for code in LANGUAGES if code not in declared.get(purpose.pk, set())]
        gaps = [Gap.OPEN_ENDED] if purpose.open_ended else []
        if not any(cell.now for cell in cells):
            gaps.append(Gap.UNDECLARED_COLLECTION)
        if unsaid:
            gaps.append(Gap.NO_CLAUSE)
        rows.append(Row(purpose, cells, gaps, unsaid))
    needed = {cell.category.pk for row in rows for cell in row.cells if cell.now}
    return Matrix(rows, categories, {category.pk for category in categories} - needed)


def as_json(matrix: Matrix) -> dict:
    """What the page says, for other programs: codes, never ids; proposals are told apart from what is in force."""
    return {
        "purposes": [
            {"code": row.purpose.code, "gaps": [gap.value for gap in row.gaps], "undeclared_in": row.unsaid}
            for row in matrix.rows
        ],
        "categories": [
            {"code": category.code, "gaps": [Gap.EXCESS.value] if category.pk in matrix.excess else []}
            for category in matrix.categories
        ],
        "cells": [
            {
                "purpose": row.purpose.code,
                "category": cell.category.code,
                "necessity": cell.value,
                "note": cell.now.note,
            }
            for row in matrix.rows
            for cell in row.cells
            if cell.now
        ],
        "proposed": [
            {"purpose": c.purpose.code, "category": c.category.code, "from": c.value, "to": c.proposed}
            for c in matrix.waiting()
        ],
    }


def sheets(matrix: Matrix) -> list[Sheet]:
    """What the page says as tables, in the active language: the matrix, its gaps, the proposals."""
    crossing = [[_("Purpose"), _("Code"), *(str(category) for category in matrix.categories)]]
    crossing += [
        [
            str(row.purpose),
            row.purpose.code,
            *(cell.now.get_necessity_display() if cell.now else "" for cell in row.cells),
        ]
        for row in matrix.rows
    ]
    gaps = [[_("What"), _("Code"), _("Gap")]]
    gaps += [[str(row.purpose), row.purpose.code, sentence(gap, row.unsaid)] for row in matrix.rows for gap in row.gaps]
    gaps += [[str(c), c.code, sentence(Gap.EXCESS)] for c in matrix.categories if c.pk in matrix.excess]
    asked = [[_("Purpose"), _("Data category"), _("Now"), _("Proposed")]]
    asked += [[str(c.purpose), str(c.category), word(c.value), word(c.proposed)] for c in matrix.waiting()]
    return [Sheet(_("Matrix"), crossing), Sheet(_("Gaps"), gaps), Sheet(_("Proposed"), asked)]


def word(value: str | None) -> str:
    """A necessity in the active language."""
    return str(Necessity(value).label) if value else _("not needed")
