"""The key a clause has for life.

A fresh key tells where a clause first stood: `title`, `s1` (section 1), `1.1`, `1.1.b2` (the second list item of 1.1),
`1.1.p1` (a paragraph), `p1` and `b1` in the preamble, `1.1.b2-kk` (the second in Kazakh, with no Russian twin). It
is never given again: what later stands there is `1.1.b2-2`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from policies.markdown import Item
from policies.similarity import folded, overlap, stems

LANGUAGES = ("ru", "kk", "en")
# a clause that kept this share of its words was reworded, not replaced
REWORDED = 0.4
# a rewritten list longer than this many comparisons is a new list
MOST_COMPARED = 500_000


@dataclass(frozen=True)
class KnownClause:
    """A clause of the version before."""

    key: str
    number: str
    kind: str
    parent_key: str | None
    texts: Mapping[str, str]


@dataclass(eq=False)
class Row:
    """One clause on its way: its item in each language that has it, what it repeats, and the key it will get."""

    items: dict[str, Item] = field(default_factory=dict)
    parent: "Row | None" = None
    children: list["Row"] = field(default_factory=list)
    repeats: dict[str, "Row"] = field(default_factory=dict)
    key: str = ""

    @property
    def language(self) -> str:
        """The language that decides number, kind and place: Russian if it has it."""
        return next(code for code in LANGUAGES if code in self.items)

    @property
    def first(self) -> Item:
        return self.items[self.language]

    @property
    def texts(self) -> dict[str, str]:
        return {code: self.items[code].text for code in LANGUAGES if code in self.items}

    @property
    def parent_key(self) -> str | None:
        return self.parent.key if self.parent else None


def walk(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows with all that is below them, in the order of reading; parents come first."""
    for row in rows:
        yield row
        yield from walk(row.children)


def _sort(clause: KnownClause | Item) -> str:
    """Keys pass only between clauses of one sort: sections, numbered clauses, the rest."""
    if clause.kind == "heading":
        return "heading" if clause.number else "title"
    return "numbered" if clause.number else "piece"


class _Keys:
    def __init__(self, roots: Sequence[Row], previous: Sequence[KnownClause], used: Iterable[str]) -> None:
        self.roots, self.rows = roots, list(walk(roots))
        self.left = {clause.key: clause for clause in previous}
        self.taken = {*used, *self.left}
        self.stems = {c.key: {code: stems(text) for code, text in c.texts.items()} for c in previous}
        self.by_text: dict[tuple[str, str, str], list[str]] = {}
        for clause in previous:
            for code, text in clause.texts.items():
                self.by_text.setdefault((_sort(clause), code, folded(text)), []).append(clause.key)

    def assign(self) -> None:
        numbered = [row for row in self.rows if row.first.number or row.parent is None]
        self._unchanged(numbered, lambda row, known: row.first.number == known.number)
        self._unchanged(numbered, lambda row, known: True)
        self._reworded(numbered, list(self.left.values()))
        self._same_number(numbered)
        self._unchanged(self.rows, lambda row, known: bool(row.parent_key) and row.parent_key == known.parent_key)
        self._unchanged(self.rows, lambda row, known: True)
        self._settle(self.roots)

    def _take(self, row: Row, key: str) -> None:
        row.key = key
        del self.left[key]

    def _unchanged(self, rows: Iterable[Row], fits: Callable[[Row, KnownClause], bool]) -> None:
        """The same words in any language; two languages that agree count more than one."""
        for row in rows:
            if row.key:
                continue
            agreeing: dict[str, int] = {}
            for code, text in row.texts.items():
                for key in self.by_text.get((_sort(row.first), code, folded(text)), []):
                    if key in self.left and fits(row, self.left[key]):
                        agreeing[key] = agreeing.get(key, 0) + 1
            if agreeing:
                self._take(row, max(agreeing, key=lambda key: agreeing[key]))

    def _reworded(self, rows: Iterable[Row], known: Sequence[KnownClause]) -> None:
        """Most of the words are the same: the closest first, the same number before another."""
        pairs = []
        rows = [row for row in rows if not row.key]
        if len(rows) * len(known) > MOST_COMPARED:
            return
        for at, row in enumerate(rows):
            said = {code: stems(text) for code, text in row.texts.items()}
            for clause in known:
                if clause.key not in self.left or _sort(clause) != _sort(row.first):
                    continue
                before = self.stems[clause.key]
                alike = max((overlap(said[code], before[code]) for code in said if code in before), default=0.0)
                if alike >= REWORDED and self._may_have_been(row, clause):
                    pairs.append((-alike, row.first.number != clause.number, at, row, clause.key))
        for *_order, row, key in sorted(pairs, key=lambda pair: pair[:3]):
            if not row.key and key in self.left:
                self._take(row, key)

    def _may_have_been(self, row: Row, clause: KnownClause) -> bool:
        """The same parent, as far as its key is known yet."""
        return row.first.number == clause.number or not row.parent_key or row.parent_key == clause.parent_key

    def _same_number(self, rows: Iterable[Row]) -> None:
        numbered = {(_sort(clause), clause.number): key for key, clause in self.left.items()}
        for row in rows:
            key = numbered.get((_sort(row.first), row.first.number))
            if not row.key and _sort(row.first) != "piece" and key in self.left:
                self._take(row, key)

    def _settle(self, rows: Sequence[Row]) -> None:
        """Give the rest its keys, parents before children: a reworded piece of the same parent, else a fresh one."""
        if not rows:
            return
        siblings = [known for known in self.left.values() if (known.parent_key or None) == rows[0].parent_key]
        self._reworded([row for row in rows if not row.first.number], siblings)
        counts: dict[tuple[str, str], int] = {}
        for row in rows:
            for code, _item in row.items.items():
                place = (code, row.first.kind)
                counts[place] = counts.get(place, 0) + 1
            if not row.key:
                row.key = self._fresh(row, counts[row.language, row.first.kind])
        for row in rows:
            self._settle(row.children)

    def _fresh(self, row: Row, place: int) -> str:
        item = row.first
        above = f"{row.parent_key}." if row.parent_key not in (None, "title") else ""
        if item.kind == "heading" and not item.number and row.parent is None:
            name = "title"
        elif item.number:
            name = f"s{item.number}" if item.kind == "heading" else item.number
        else:
            name = f"{above}{item.kind[0]}{place}"
            if row.language != LANGUAGES[0]:
                name += f"-{row.language}"  # its place is counted in its own language
        key, n = name, 1
        while key in self.taken:
            n += 1
            key = f"{name}-{n}"
        self.taken.add(key)
        return key


def assign_keys(roots: Sequence[Row], *, previous: Sequence[KnownClause], used: Iterable[str]) -> None:
    """Give every row the key it had in the version before, or one that no clause of this policy ever had."""
    _Keys(roots, previous, used).assign()
