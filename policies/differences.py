"""What changed between two versions in one language, clause by clause and word by word."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from policies.pairing import PairedClause

_TOKEN = re.compile(r"\s+|\w+|[^\w\s]")
_MOST_MATCHES = 50_000

Words = list[tuple[str, str]]


class Change(NamedTuple):
    """What became of one clause.

    kind: added, removed, moved, reworded, unchanged. number: its own or that of the clause it belongs to, now.
    moved_from: the number it had, when it moved (beside `reworded` too). words: (insert | delete | equal, text).
    """

    kind: str
    key: str
    number: str
    old_number: str
    moved_from: str
    old_text: str
    new_text: str
    words: Words


def words(old: str, new: str) -> Words:
    """Word-level marks: equal and insert join to the new text, equal and delete to the old one, to the letter."""
    if old == new:
        return [("equal", new)] if new else []
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    runs: Words = []
    # a space between two changed words says nothing; words that stand everywhere would cost minutes
    counts = Counter(after)
    matches = sum(times * counts[token] for token, times in Counter(before).items() if not token.isspace())
    marks = SequenceMatcher(str.isspace, before, after, autojunk=matches > _MOST_MATCHES)
    for op, a, b, c, d in marks.get_opcodes():
        if op == "equal":
            runs.append(("equal", "".join(before[a:b])))
            continue
        if b > a:
            runs.append(("delete", "".join(before[a:b])))
        if d > c:
            runs.append(("insert", "".join(after[c:d])))
    return runs


def _cited(clauses: Iterable[PairedClause]) -> dict[str, str]:
    """{key: the number a reader would cite}: its own, or that of the nearest numbered clause it belongs to."""
    cited: dict[str, str] = {}
    for clause in clauses:  # parents come first
        cited[clause.key] = clause.number or cited.get(clause.parent_key or "", "")
    return cited


def _kept_order(positions: Sequence[int]) -> set[int]:
    """The longest run of positions that still rise: the others are what moved."""
    tails: list[int] = []
    index_of: list[int] = []
    before: list[int] = [-1] * len(positions)
    for at, position in enumerate(positions):
        place = bisect_left(tails, position)
        before[at] = index_of[place - 1] if place else -1
        if place == len(tails):
            tails.append(position)
            index_of.append(at)
        else:
            tails[place], index_of[place] = position, at
    kept, at = set(), index_of[-1] if index_of else -1
    while at >= 0:
        kept.add(positions[at])
        at = before[at]
    return kept


def _moved(old: dict[str, PairedClause], new: list[PairedClause]) -> set[str]:
    """Keys of clauses that stand elsewhere now: another number or parent, or another order among their siblings."""
    moved = {
        clause.key
        for clause in new
        if clause.key in old
        and (clause.number, clause.parent_key) != (old[clause.key].number, old[clause.key].parent_key)
    }
    siblings: dict[str | None, list[PairedClause]] = {}
    for clause in new:
        if clause.key in old and clause.key not in moved:
            siblings.setdefault(clause.parent_key, []).append(clause)
    for run in siblings.values():
        positions = [old[clause.key].order for clause in run]
        kept = _kept_order(positions)
        moved |= {clause.key for clause, position in zip(run, positions, strict=True) if position not in kept}
    return moved


def compare(old: Sequence[PairedClause], new: Sequence[PairedClause], language: str) -> list[Change]:
    """Every clause that has text in `language` in either version, in the new order, removed ones where they stood."""
    before = {clause.key: clause for clause in old if clause.texts.get(language)}
    after = {clause.key: clause for clause in new if clause.texts.get(language)}
    old_cited, new_cited = _cited(old), _cited(new)
    moved = _moved(before, list(after.values()))

    def gone(clause: PairedClause) -> Change:
        text, number = clause.texts[language], old_cited[clause.key]
        return Change("removed", clause.key, number, number, "", text, "", [("delete", text)])

    def became(clause: PairedClause) -> Change:
        text, number = clause.texts[language], new_cited[clause.key]
        if clause.key not in before:
            return Change("added", clause.key, number, "", "", "", text, [("insert", text)])
        old_text, old_number = before[clause.key].texts[language], old_cited[clause.key]
        kind = "reworded" if old_text != text else "moved" if clause.key in moved else "unchanged"
        moved_from = old_number if clause.key in moved else ""
        return Change(kind, clause.key, number, old_number, moved_from, old_text, text, words(old_text, text))

    changes = [became(clause) for clause in after.values()]
    place = {change.key: at for at, change in enumerate(changes)}
    last = -1
    removed_after: dict[int, list[Change]] = {}
    for clause in before.values():
        if clause.key in place:
            last = place[clause.key]
        else:
            removed_after.setdefault(last, []).append(gone(clause))
    merged = list(removed_after.get(-1, []))
    for at, change in enumerate(changes):
        merged += [change, *removed_after.get(at, [])]
    return merged


def summary(changes: Iterable[Change]) -> dict[str, int]:
    """{kind: how many}."""
    return dict(Counter(change.kind for change in changes))
