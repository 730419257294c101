"""Putting the languages of a policy side by side, and its clauses beside those of the version before.

Languages are paired by structure: headings and clauses by number, list items and paragraphs of paired parents in
order. What repeats a sibling is not taken for the translation of its neighbour (law.md 5.1: counts are equal, contents
are not). Everything that does not pair stays, in its one language, and is a finding. Keys: see policies/keys.py.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from policies.findings import Finding
from policies.keys import LANGUAGES, KnownClause, Row, assign_keys, walk
from policies.markdown import Document, Item
from policies.similarity import overlap, stems

__all__ = ["Finding", "KnownClause", "PairedClause", "Pairing", "pair"]

REQUIRED = ("ru", "kk")
# two siblings that share this much of their stems say the same thing twice: in the real policy 0.61, the next is 0.50
REPEATED = 0.55
# texts of fewer words are alike by chance
SHORT = 4
# longer runs of unequal length pair by place alone: a table of fits would be larger than the file
MOST_FITS = 250_000


@dataclass(frozen=True)
class PairedClause:
    """A clause of the new version, in the languages that have it. order: 1 for the first."""

    key: str
    number: str
    kind: str
    parent_key: str | None
    order: int
    texts: Mapping[str, str]


@dataclass(frozen=True)
class Pairing:
    clauses: list[PairedClause]
    findings: list[Finding]


class _Pairer:
    def __init__(self, documents: Mapping[str, Document]) -> None:
        self.languages = [code for code in LANGUAGES if code in documents]
        self.items: dict[str, list[Item]] = {code: documents[code].items for code in self.languages}
        self.stems = {code: [stems(item.text) for item in self.items[code]] for code in self.languages}
        self.below: dict[tuple[str, int | None], list[int]] = {}
        self.rows: dict[tuple[str, int], Row] = {}
        self.places: dict[Row, dict[str, int]] = {}
        numbered: dict[str, Row] = {}
        for code in self.languages:
            for index, item in enumerate(self.items[code]):
                self.below.setdefault((code, item.parent), []).append(index)
                if item.number:
                    self._join(numbered.setdefault(item.number, Row()), code, index)

    def _join(self, row: Row, code: str, index: int) -> None:
        row.items[code] = self.items[code][index]
        self.rows[code, index] = row
        self.places.setdefault(row, {})[code] = index

    def under(self, parent: Row | None) -> list[Row]:
        """The rows of a parent's children, in the order of the first language with the others' own put between."""
        places: Mapping[str, int | None] = self.places[parent] if parent else dict.fromkeys(self.languages)
        below = {code: self.below.get((code, places[code]), []) for code in self.languages if code in places}
        for headings in (True, False):
            run = {
                code: [i for i in indexes if self._pairs_by_order(code, i, headings)] for code, indexes in below.items()
            }
            self._pair_in_order({code: indexes for code, indexes in run.items() if indexes})
        rows: list[Row] = []
        for code, indexes in below.items():
            last: Row | None = None
            for index in indexes:
                row = self.rows[code, index]
                if row.language == code:
                    row.parent = parent
                    rows.insert(self._place(rows, last, code), row)
                last = row if row.parent is parent else last
        for row in rows:
            row.children = self.under(row)
        return rows

    def _pairs_by_order(self, code: str, index: int, headings: bool) -> bool:
        item = self.items[code][index]
        return not item.number and (item.kind == "heading") == headings

    def _place(self, rows: list[Row], last: Row | None, code: str) -> int:
        place = rows.index(last) + 1 if last in rows else 0
        # behind what stands alone in another language at the same place
        while place < len(rows) and code not in rows[place].items and not rows[place].first.number:
            place += 1
        return place

    def _pair_in_order(self, runs: Mapping[str, list[int]]) -> None:
        alike = {code: self._alike(code, run) for code, run in runs.items()}
        base = next(iter(runs), "")
        for code, run in runs.items():
            twins = {} if code == base else self._twins(base, runs[base], code, run, alike)
            for index in run:
                row = self.rows[base, twins[index]] if index in twins else Row()
                self._join(row, code, index)
        for code, pairs in alike.items():
            for i, j in pairs:
                lone, other = sorted((self.rows[code, i], self.rows[code, j]), key=lambda row: len(row.items))
                if len(lone.items) == 1 < len(other.items):
                    lone.repeats[code] = other

    def _twins(
        self, base: str, ours: list[int], code: str, theirs: list[int], alike: Mapping[str, list[tuple[int, int]]]
    ) -> dict[int, int]:
        """{index of their item: index of ours}. Equal counts pair one by one; else the best fit that keeps the order.

        What repeats a sibling pairs with nobody, nor does what stands at its place in the other language.
        """
        odd_theirs = self._repeated(code, theirs, base, ours, alike[code])
        odd_ours = self._repeated(base, ours, code, theirs, alike[base])
        kinds = [[self.items[c][i].kind for i in run] for c, run in ((base, ours), (code, theirs))]
        if len(ours) == len(theirs) and (odd_ours or odd_theirs or sorted(kinds[0]) != sorted(kinds[1])):
            return {b: a for a, b in zip(ours, theirs, strict=True) if a not in odd_ours and b not in odd_theirs}
        if kinds[0] == kinds[1]:
            return dict(zip(theirs, ours, strict=True))
        ours = [index for index in ours if index not in odd_ours]
        theirs = [index for index in theirs if index not in odd_theirs]
        if len(ours) * len(theirs) > MOST_FITS:
            return dict(zip(theirs, ours, strict=False))
        return self._best_fit(base, ours, code, theirs)

    def _best_fit(self, base: str, ours: list[int], code: str, theirs: list[int]) -> dict[int, int]:
        fits = [[self._fit(base, a, code, b) for b in theirs] for a in ours]
        best = [[0.0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
        for a in range(len(ours) - 1, -1, -1):
            for b in range(len(theirs) - 1, -1, -1):
                best[a][b] = max(best[a + 1][b], best[a][b + 1], best[a + 1][b + 1] + fits[a][b])
        twins, a, b = {}, 0, 0
        while a < len(ours) and b < len(theirs):
            if best[a][b] == best[a + 1][b + 1] + fits[a][b]:
                twins[theirs[b]] = ours[a]
                a, b = a + 1, b + 1
            elif best[a][b] == best[a + 1][b]:
                a += 1
            else:
                b += 1
        return twins

    def _fit(self, base: str, ours: int, code: str, theirs: int) -> float:
        """How well two items of two languages fit: kind, length, and the words that both share letter by letter."""
        a, b = self.items[base][ours], self.items[code][theirs]
        shorter, longer = sorted((len(a.text), len(b.text)))
        same = overlap(self.stems[base][ours], self.stems[code][theirs])
        return (a.kind == b.kind) + shorter / longer + 2 * same

    def _alike(self, code: str, run: Sequence[int]) -> list[tuple[int, int]]:
        """Pairs of siblings that say the same thing in other words."""
        said = [(index, self.stems[code][index]) for index in run if len(self.stems[code][index]) >= SHORT]
        return [
            (i, j)
            for place, (i, one) in enumerate(said)
            for j, other in said[place + 1 :]
            if REPEATED * len(one) <= len(other) <= len(one) / REPEATED and overlap(one, other) >= REPEATED
        ]

    def _repeated(
        self, code: str, run: list[int], other: str, twins: list[int], alike: Iterable[tuple[int, int]]
    ) -> set[int]:
        """Those of a run that repeat a sibling and so translate nobody.

        The other language tells which of the two it is: the one whose place there has less of their words. What is
        repeated in both languages pairs.
        """
        repeated: set[int] = set()
        slack = abs(len(run) - len(twins))
        for i, j in alike:
            both = self.stems[code][i] | self.stems[code][j]
            best = []
            for index in (i, j):
                at = run.index(index)
                near = [self.stems[other][twin] for twin in twins[max(0, at - slack) : at + slack + 1]]
                best.append(max(near, key=lambda said: overlap(both, said), default=frozenset()))
            if best[0] is best[1] or overlap(best[0], best[1]) < REPEATED:
                repeated.add(i if overlap(both, best[0]) < overlap(both, best[1]) else j)
        return repeated


def _missing(row: Row, languages: Sequence[str]) -> Iterator[Finding]:
    code, params = ("NUMBER_MISSING", {"number": row.first.number}) if row.first.number else ("PAIR_MISSING", {})
    required = [language for language in languages if language in REQUIRED and language not in row.items]
    if required:
        yield Finding(code, "error" if row.first.number else "warning", row.key, required, params)
    elif lacking := [language for language in languages if language not in row.items]:
        yield Finding(code, "info", row.key, lacking, params)


def _findings(rows: Iterable[Row], languages: Sequence[str]) -> Iterator[Finding]:
    for row in walk(rows):
        for code, other in row.repeats.items():
            yield Finding("PAIR_DUPLICATE", "warning", row.key, [code], {"other": other.key})
        if not row.repeats:
            yield from _missing(row, languages)
        for code, item in row.items.items():
            if item.kind != row.first.kind:
                kinds = {"expected": row.first.kind, "found": item.kind}
                yield Finding("KIND_DIFFERS", "warning", row.key, [code], kinds)
        counts = {code: sum(code in child.items for child in row.children) for code in row.items}
        for code, count in counts.items():
            if count != counts.get("ru", count):
                params = {"place": row.key, "expected": counts["ru"], "found": count}
                yield Finding("STRUCTURE", "warning" if code in REQUIRED else "info", row.key, [code], params)


def pair(
    documents: Mapping[str, Document], previous: Sequence[KnownClause] | None = None, used_keys: Iterable[str] = ()
) -> Pairing:
    """The clauses of a version in all its languages, with keys for life, and what did not pair.

    documents: {language: document}, Russian and Kazakh among them. previous: the clauses of the version before.
    used_keys: every key this policy ever used; none of them is given to a new clause.
    """
    pairer = _Pairer(documents)
    roots = pairer.under(None)
    assign_keys(roots, previous=previous or [], used=used_keys)
    clauses = [
        PairedClause(
            key=row.key,
            number=row.first.number,
            kind=row.first.kind,
            parent_key=row.parent_key,
            order=order,
            texts=row.texts,
        )
        for order, row in enumerate(walk(roots), start=1)
    ]
    return Pairing(clauses, list(_findings(roots, pairer.languages)))
