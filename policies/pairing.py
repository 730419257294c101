"""Putting the languages of a policy side by side, and its clauses beside those of the version before.

Languages are paired by structure: headings and clauses by number, list items and paragraphs of paired parents in
order. What repeats a sibling is not taken for the translation of its neighbour (law.md 5.1: counts are equal, contents
are not). Everything that does not pair stays, in its one language, and is a finding. Keys are for life: `title`, `s1`,
`1.1`, `1.1.b2` (second list item of 1.1), `1.1.p1` (a paragraph) tell where a clause first stood.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from policies.markdown import Document, Item
from policies.similarity import folded, overlap, ratio, stems

LANGUAGES = ("ru", "kk", "en")
# two siblings that share this much of their stems say the same thing twice
REPEATED = 0.56
# texts of fewer words are alike by chance
SHORT = 4
# a clause that kept this much of its words was reworded, not replaced
REWORDED = 0.5

MESSAGES = {
    "PAIR_MISSING": _("There is no such text in: %(names)s. Nobody who reads that language is told this."),
    "NUMBER_MISSING": _("Clause %(number)s is missing in: %(names)s."),
    "PAIR_DUPLICATE": _("This repeats “%(other)s” in other words, so it stands here without a twin (%(names)s)."),
    "KIND_DIFFERS": _("In one language this is %(expected)s, but %(found)s in: %(names)s."),
    "STRUCTURE": _("“%(place)s” has %(expected)s parts in Russian and %(found)s in: %(names)s."),
}
KINDS = {
    "heading": _("a heading"),
    "clause": _("a numbered clause"),
    "bullet": _("a list item"),
    "paragraph": _("a paragraph"),
}
NAMES = {"kk": _("Kazakh"), "ru": _("Russian"), "en": _("English")}


@dataclass(frozen=True)
class Finding:
    """Something an officer should look at; the sentence is made from code and parameters in any language."""

    code: str
    severity: str
    clause: str | None
    languages: list[str]
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """The sentence in the active language."""
        params = dict(self.params)
        for name in ("expected", "found"):
            if params.get(name) in KINDS:
                params[name] = str(KINDS[params[name]])
        params["names"] = ", ".join(str(NAMES[code]) for code in self.languages)
        sentence = MESSAGES.get(self.code)
        return str(sentence) % params if sentence else gettext("An unknown finding: %(code)s") % {"code": self.code}


@dataclass(frozen=True)
class KnownClause:
    """A clause of the version before."""

    key: str
    number: str
    kind: str
    parent_key: str | None
    texts: Mapping[str, str]


@dataclass(frozen=True)
class PairedClause:
    """A clause of the new version, in the languages that have it."""

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


@dataclass(eq=False)
class _Row:
    """One clause on its way: its item in each language, its children, and the key it will get."""

    items: dict[str, int]
    parent: "_Row | None"
    children: list["_Row"] = field(default_factory=list)
    repeats: dict[str, "_Row"] = field(default_factory=dict)
    key: str = ""


class _Pairer:
    def __init__(self, documents: Mapping[str, Document]) -> None:
        self.languages = [code for code in LANGUAGES if code in documents]
        self.items = {code: documents[code].items for code in self.languages}
        self.children: dict[str, dict[int | None, list[int]]] = {}
        self.stems = {code: [stems(item.text) for item in self.items[code]] for code in self.languages}
        for code in self.languages:
            below: dict[int | None, list[int]] = {}
            for index, item in enumerate(self.items[code]):
                below.setdefault(item.parent, []).append(index)
            self.children[code] = below

    def first(self, row: _Row) -> Item:
        """The item that decides number and kind: the Russian one, else the first there is."""
        code = next(code for code in self.languages if code in row.items)
        return self.items[code][row.items[code]]

    def pair(self, parent: _Row | None, below: Mapping[str, Sequence[int]]) -> list[_Row]:
        """The rows of one parent's children, in the order of the first language with the others' own put between."""
        codes = [code for code in self.languages if below.get(code)]
        if not codes:
            return []
        base = codes[0]
        rows = [_Row({base: index}, parent) for index in below[base]]
        for code in codes[1:]:
            rows = self._merge(parent, rows, base, code, list(below[code]))
        for code in codes:
            row_of = {row.items[code]: row for row in rows if code in row.items}
            for i, j in self._alike(code, list(below[code])):
                lone, other = sorted((row_of[i], row_of[j]), key=lambda row: len(row.items))
                if len(lone.items) == 1 < len(other.items):
                    lone.repeats[code] = other
        for row in rows:
            row.children = self.pair(
                row, {code: self.children[code].get(index, []) for code, index in row.items.items()}
            )
        return rows

    def _merge(self, parent: _Row | None, rows: list[_Row], base: str, code: str, theirs: list[int]) -> list[_Row]:
        twins = self._align(base, [row.items.get(base) for row in rows], code, theirs)
        paired = {id(rows[position]) for position in twins.values()}
        merged = list(rows)
        last: _Row | None = None
        for index in theirs:
            position = twins.get(index)
            if position is not None:
                last = rows[position]
                last.items[code] = index
                continue
            row = _Row({code: index}, parent)
            place = merged.index(last) + 1 if last is not None else 0
            while place < len(merged) and base in merged[place].items and id(merged[place]) not in paired:
                place += 1  # behind what stands alone in the other language at the same place
            merged.insert(place, row)
            last = row
        return merged

    def _align(self, base: str, ours: list[int | None], code: str, theirs: list[int]) -> dict[int, int]:
        """{index of their item: position among ours}; numbers first, the rest in order between them."""
        number = {self.items[base][i].number: at for at, i in enumerate(ours) if i is not None}
        twins: dict[int, int] = {}
        for index in theirs:
            theirs_number = self.items[code][index].number
            if theirs_number and theirs_number in number:
                twins[index] = number[theirs_number]
        free_ours: list[tuple[int, int]] = []
        free_theirs: list[int] = []
        taken = set(twins.values())
        at = 0
        for index in [*theirs, None]:
            stop = len(ours) if index is None else twins.get(index)
            if stop is None:
                free_theirs.append(index)  # type: ignore[arg-type]
                continue
            while at < stop:
                i = ours[at]
                if i is not None and at not in taken and not self.items[base][i].number:
                    free_ours.append((at, i))
                at += 1
            twins |= self._in_order(base, free_ours, code, free_theirs)
            free_ours, free_theirs, at = [], [], max(at, stop + 1)
        return twins

    def _in_order(self, base: str, ours: list[tuple[int, int]], code: str, theirs: list[int]) -> dict[int, int]:
        """Pair two runs without numbers. Equal counts go one by one; else the best fit that keeps the order."""
        odd_theirs = self._repeated(code, theirs, base, [i for _at, i in ours])
        odd_ours = self._repeated(base, [i for _at, i in ours], code, theirs)
        if len(ours) == len(theirs):
            skipped = {theirs.index(i) for i in odd_theirs} | {[i for _at, i in ours].index(i) for i in odd_ours}
            return {
                index: at
                for place, ((at, _i), index) in enumerate(zip(ours, theirs, strict=True))
                if place not in skipped
            }
        ours = [(at, i) for at, i in ours if i not in odd_ours]
        theirs = [i for i in theirs if i not in odd_theirs]
        best = [[0.0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
        for a in range(len(ours) - 1, -1, -1):
            for b in range(len(theirs) - 1, -1, -1):
                fit = self._fit(base, ours[a][1], code, theirs[b])
                best[a][b] = max(best[a + 1][b], best[a][b + 1], best[a + 1][b + 1] + fit)
        twins, a, b = {}, 0, 0
        while a < len(ours) and b < len(theirs):
            fit = self._fit(base, ours[a][1], code, theirs[b])
            if best[a][b] == best[a + 1][b + 1] + fit:
                twins[theirs[b]] = ours[a][0]
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
        return (
            (a.kind == b.kind)
            + shorter / max(longer, 1)
            + 2 * overlap(self.stems[base][ours], self.stems[code][theirs])
        )

    def _alike(self, code: str, run: Sequence[int]) -> list[tuple[int, int]]:
        """Pairs of siblings that say the same thing in other words."""
        said = self.stems[code]
        return [
            (i, j)
            for place, i in enumerate(run)
            for j in run[place + 1 :]
            if min(len(said[i]), len(said[j])) >= SHORT and overlap(said[i], said[j]) >= REPEATED
        ]

    def _repeated(self, code: str, run: list[int], other: str, twins: list[int]) -> set[int]:
        """Those of a run that repeat a sibling and so translate nobody.

        With equal counts the other language tells which of the two it is: the one whose place there looks less like
        it. What is repeated in both languages pairs.
        """
        repeated = set()
        for i, j in self._alike(code, run):
            if len(twins) != len(run):
                repeated.add(j)
                continue
            at_i, at_j = (self.stems[other][twins[run.index(index)]] for index in (i, j))
            if overlap(at_i, at_j) < REPEATED:
                both = self.stems[code][i] | self.stems[code][j]
                repeated.add(i if overlap(both, at_i) < overlap(both, at_j) else j)
        return repeated


def _walk(rows: Iterable[_Row]) -> Iterable[_Row]:
    for row in rows:
        yield row
        yield from _walk(row.children)


class _Keys:
    """Gives every row its key: the one it had, or a fresh one that no clause of this policy ever had."""

    def __init__(self, pairer: _Pairer, previous: Sequence[KnownClause], used: set[str]) -> None:
        self.pairer, self.previous = pairer, list(previous)
        self.left = {clause.key: clause for clause in previous}
        self.taken = set(used) | set(self.left)

    def texts(self, row: _Row) -> dict[str, str]:
        return {code: self.pairer.items[code][index].text for code, index in row.items.items()}

    def assign(self, rows: list[_Row]) -> None:
        every = list(_walk(rows))
        self._unchanged(every)
        self._same_number(every)
        for row in every:  # parents come first, so a parent's key is known
            if not row.key:
                row.key = self._reworded(row) or self._fresh(row, rows)

    def _take(self, row: _Row, key: str) -> None:
        row.key = key
        del self.left[key]

    def _unchanged(self, rows: list[_Row]) -> None:
        by_text: dict[tuple[str, str], list[str]] = {}
        for clause in self.previous:
            for code, text in clause.texts.items():
                by_text.setdefault((code, folded(text)), []).append(clause.key)
        for row in rows:
            item = self.pairer.first(row)
            candidates = [
                key
                for code, text in self.texts(row).items()
                for key in by_text.get((code, folded(text)), [])
                if key in self.left and self.left[key].kind == item.kind
            ]
            if candidates:
                same = [key for key in candidates if self.left[key].number == item.number]
                self._take(row, (same or candidates)[0])

    def _same_number(self, rows: list[_Row]) -> None:
        numbered = {(c.kind, c.number): c.key for c in self.left.values() if c.number}
        title = next((c.key for c in self.left.values() if c.kind == "heading" and not c.number), None)
        for row in rows:
            item = self.pairer.first(row)
            if row.key:
                continue
            key = numbered.get((item.kind, item.number)) if item.number else None
            if item.kind == "heading" and not item.number and row.parent is None:
                key = title
            if key in self.left:
                self._take(row, key)

    def _reworded(self, row: _Row) -> str | None:
        item, parent = self.pairer.first(row), row.parent.key if row.parent else None
        texts = self.texts(row)
        if item.number:
            return None
        best, key = REWORDED, None
        for clause in self.left.values():
            if clause.number or clause.parent_key != parent:
                continue
            alike = max(
                (ratio(clause.texts[code], text) for code, text in texts.items() if code in clause.texts), default=0
            )
            if alike > best:
                best, key = alike, clause.key
        if key:
            del self.left[key]
        return key

    def _fresh(self, row: _Row, roots: list[_Row]) -> str:
        item, alone = self.pairer.first(row), next(iter(row.items))
        if item.kind == "heading" and not item.number and row.parent is None:
            name = "title"
        elif item.kind == "heading":
            name = f"s{item.number}" if item.number else f"{self._prefix(row)}h{self._place(row, roots)}"
        elif item.kind == "clause":
            name = item.number
        else:
            name = f"{self._prefix(row)}{item.kind[0]}{self._place(row, roots)}"
            if len(row.items) == 1 and alone != self.pairer.languages[0]:
                name += f"-{alone}"  # its place is counted in its own language
        key, n = name, 1
        while key in self.taken:
            n += 1
            key = f"{name}-{n}"
        self.taken.add(key)
        return key

    def _prefix(self, row: _Row) -> str:
        return f"{row.parent.key}." if row.parent and row.parent.key != "title" else ""

    def _place(self, row: _Row, roots: list[_Row]) -> int:
        """Which one of its kind it is among its siblings, counted in the first language it has."""
        code = next(code for code in self.pairer.languages if code in row.items)
        kind = self.pairer.first(row).kind
        siblings = row.parent.children if row.parent else roots
        same = [o for o in siblings if code in o.items and self.pairer.first(o).kind == kind]
        return same.index(row) + 1


def _findings(pairer: _Pairer, rows: list[_Row]) -> Iterable[Finding]:
    required = [code for code in ("ru", "kk") if code in pairer.languages]
    for row in _walk(rows):
        item = pairer.first(row)
        have = set(row.items)
        for code, other in row.repeats.items():
            yield Finding("PAIR_DUPLICATE", "warning", row.key, [code], {"other": other.key})
        lacking = [code for code in required if code not in have]
        if lacking and not row.repeats and (row.parent is None or set(row.parent.items) >= set(required)):
            if item.number:
                yield Finding("NUMBER_MISSING", "error", row.key, lacking, {"number": item.number})
            else:
                yield Finding("PAIR_MISSING", "warning", row.key, lacking)
        if "en" in pairer.languages and "en" not in have and not lacking and not row.repeats:
            yield Finding("PAIR_MISSING", "info", row.key, ["en"])
        for code, index in row.items.items():
            found = pairer.items[code][index].kind
            if found != item.kind:
                yield Finding("KIND_DIFFERS", "warning", row.key, [code], {"expected": item.kind, "found": found})
        if set(required) <= have:
            counts = {code: len(pairer.children[code].get(row.items[code], [])) for code in required}
            if counts["kk"] != counts["ru"]:
                yield Finding(
                    "STRUCTURE",
                    "warning",
                    row.key,
                    ["kk"],
                    {"place": row.key, "expected": counts["ru"], "found": counts["kk"]},
                )


def pair(
    documents: Mapping[str, Document], previous: Sequence[KnownClause] | None = None, used_keys: Iterable[str] = ()
) -> Pairing:
    """The clauses of a version in all its languages, with keys for life, and what did not pair.

    documents: {language: document}, Russian and Kazakh among them. previous: the clauses of the version before.
    used_keys: every key this policy ever used; none of them is given to a new clause.
    """
    pairer = _Pairer(documents)
    roots = pairer.pair(None, {code: pairer.children[code].get(None, []) for code in pairer.languages})
    keys = _Keys(pairer, previous or [], set(used_keys))
    keys.assign(roots)
    clauses = [
        PairedClause(
            key=row.key,
            number=pairer.first(row).number,
            kind=pairer.first(row).kind,
            parent_key=row.parent.key if row.parent else None,
            order=order,
            texts=keys.texts(row),
        )
        for order, row in enumerate(_walk(roots), start=1)
    ]
    return Pairing(clauses, list(_findings(pairer, roots)))
