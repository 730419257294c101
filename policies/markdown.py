"""Numbered Markdown as a policy: headings, clauses such as `1.1.`, list items, paragraphs, each with its own words.

markdown-it-py says where blocks begin and end; the text of an item is a slice of the file itself (after NFC and line
ends), so that what was approved is what was written, to the letter. Whatever could not be shown as it was written
(HTML, tables, code, pictures) is refused; every line that is left belongs to an item.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from markdown_it import MarkdownIt
from markdown_it.token import Token

from policies.file_text import MOST_PROBLEMS, BadPolicyFile, Problem, normalise

MOST_ITEMS = 3_000
MOST_LETTERS = 20_000  # of one item: what is longer cannot be compared or cited
DEEPEST_LIST = 5  # the parser itself silently stops at ten

# three digits a part and five parts: dates, sums and years that begin a line are no clause numbers
_PART = r"[1-9]\d{0,2}"
_DOTTED = rf"{_PART}(?:\.{_PART}){{1,4}}"
# Word puts no-break spaces behind numbers, people forget the space altogether: \s is any of them
CLAUSE = re.compile(rf"({_DOTTED})(?:\.?\s+(?=\S)|\.(?=[^\W\d_]))")
HEADING_NUMBER = re.compile(rf"({_DOTTED}|{_PART})(?:([.)]?)\s+(?=\S)|([.)])(?=[^\W\d_]))")
NEXT_LINE = re.compile(rf"[ \t]*({_DOTTED}|{_PART})\.[ \t\xa0]+(?=\S)")
ONLY_NUMBER = re.compile(r"\d+(?:\.\d+)*[.)]?")
DRESSED_NUMBER = re.compile(rf"(?:[*_]+|\\)({_DOTTED})\b|({_DOTTED})\\\.")
BULLET = re.compile(r"[ \t]*[-*+](?:[ \t]+|$)")
ORDERED = re.compile(r"[ \t]*(\d+)([.)])(?:[ \t]+|$)")
HASHES = re.compile(r"[ ]{0,3}#{1,6}(?:[ \t]+|$)")
CLOSING_HASHES = re.compile(r"(?:^|[ \t]+)#+[ \t]*$")
ONLY_MARKS = re.compile(r"[\s\-*_+#]*")

_REFUSED: dict[str, Promise] = {
    "html_block": _("HTML has no place in a policy. Write it as plain text."),
    "html_inline": _("HTML has no place in a policy. Write it as plain text."),
    "fence": _("A code block has no place in a policy. Write it as a paragraph."),
    "code_block": _("This line is indented like code. Take the spaces at its beginning away."),
    "code_inline": _("Code has no place in a policy. Take the backticks away."),
    "blockquote_open": _("A quotation has no place in a policy. Write it as a paragraph."),
    "image": _("A picture has no place in a policy: it could not be read aloud or compared."),
    "table_open": _("A table has no place in a policy: its cells cannot be cited. Write it as a list."),
}


# A link definition would vanish from the text, so it is read as the words it is. Links, pictures and emphasis decide
# nothing here and take quadratic time on brackets that never close.
_BLOCKS = MarkdownIt("commonmark").enable("table").disable(["reference", "link", "image", "emphasis"])


class Item(NamedTuple):
    """One piece of the file. kind: heading, clause, bullet, paragraph. parent: an index into the items.

    number: '1' of `## 1. Title`, '1.1' of `1.1. text`, '' of the rest; a list item keeps its own `1)` in its text.
    """

    kind: str
    number: str
    text: str
    line: int
    parent: int | None


class Document(NamedTuple):
    """A file read: its normalised source and its items in order."""

    source: str
    items: list[Item]


def _parts(number: str) -> list[int]:
    return [int(part) for part in number.split(".")]


def _lines(token: Token) -> range:
    """The lines of a block; the parser gives every block token its own."""
    return range(*(token.map or (0, 0)))


class _ListItem:
    """A list item we are inside of: where it begins, its marker if it counts, its index once it has words."""

    def __init__(self, line: int, is_clause: bool) -> None:
        self.line, self.is_clause = line, is_clause
        self.index: int | None = None


class _Reader:
    """Walks the blocks of a file and collects its items and everything wrong with it."""

    def __init__(self, source: str) -> None:
        self.lines = source.split("\n")
        self.items: list[Item] = []
        self.problems: list[Problem] = []
        self.title: int | None = None
        self.headings: list[tuple[int, int]] = []  # (level, index) of those we are under
        self.clause: int | None = None
        self.numbers: dict[str, int] = {}
        self.last: list[int] = [0]  # the parts of the last number
        self.section = ""  # the number without a dot we are under
        self.counts_alone = False  # clauses have numbers without a dot
        self.lists: list[bool] = []  # for each list we are in: do its numbers number clauses
        self.list_items: list[_ListItem] = []
        self.seen: set[int] = set()

    def read(self, tokens: Sequence[Token]) -> None:
        opened: Token | None = None
        for token in tokens:
            if token.type in _REFUSED:
                self._refuse(_lines(token).start, str(_REFUSED[token.type]))
            elif token.type in ("bullet_list_open", "ordered_list_open"):
                if len(self.lists) == DEEPEST_LIST:
                    self._refuse(
                        _lines(token).start, gettext("This list is too deep. Five lists in one another are the most.")
                    )
                self.lists.append(token.type.startswith("ordered") and self._numbers_clauses(_lines(token).start))
            elif token.type in ("bullet_list_close", "ordered_list_close"):
                self.lists.pop()
            elif token.type == "list_item_open":
                self.list_items.append(_ListItem(_lines(token).start, self.lists[-1]))
            elif token.type == "list_item_close":
                self.list_items.pop()
            elif token.type in ("heading_open", "paragraph_open"):
                opened = token
            elif token.type == "hr":
                self.seen.update(_lines(token))
            elif token.type == "inline" and opened is not None:
                inside = {child.type for child in token.children or []} | (
                    {"image"} if "![" in token.content else set()
                )
                for refused in inside & _REFUSED.keys():
                    self._refuse(_lines(opened).start, str(_REFUSED[refused]))
                self.seen.update(_lines(opened))
                if opened.type == "heading_open":
                    self._heading(opened)
                else:
                    self._paragraph(_lines(opened).start, _lines(opened).stop)
                opened = None

    def check(self) -> None:
        """What can only be said of the file as a whole."""
        if self.problems:
            return
        for line, words in enumerate(self.lines):
            if line in self.seen or ONLY_MARKS.fullmatch(words):
                continue
            if ONLY_NUMBER.fullmatch(words.strip()):
                self._refuse_number(line, words.strip())
            else:
                self._refuse(line, gettext("This line cannot be read as a part of a policy. Write it as a paragraph."))
        if len(self.items) > MOST_ITEMS:
            self._refuse(-1, gettext("The file has more than %(most)s parts: is it the policy?") % {"most": MOST_ITEMS})
        if not any(item.kind == "clause" for item in self.items):
            self._refuse(-1, gettext("There is no numbered clause such as “1.1. Text” in this file: is it the policy?"))

    def _refuse(self, line: int, message: str) -> None:
        self.problems.append(Problem(line + 1, message))

    def _refuse_number(self, line: int, number: str) -> None:
        self._refuse(line, gettext("Number %(number)s has no words after it.") % {"number": number})

    def _above(self) -> int | None:
        return self.headings[-1][1] if self.headings else self.title

    def _home(self) -> int | None:
        """What an unnumbered piece belongs to: the clause it follows, else its heading, else the title."""
        return self.clause if self.clause is not None else self._above()

    def _under_number(self) -> str:
        """The first part of the number of the headings we are under, '' if they have none."""
        numbers = (self.items[index].number for _level, index in reversed(self.headings))
        return next((number.split(".")[0] for number in numbers if number), "")

    def _numbers_clauses(self, line: int) -> bool:
        """Whether `1. text` in a list begins a clause: nothing else numbers here, and its count goes on."""
        if self.lists or self._under_number():
            return False
        found = ORDERED.match(self.lines[line])
        if not found or found[2] != "." or not re.fullmatch(_PART, found[1]):
            return False
        return self.clause is None or int(found[1]) == self.last[0] + 1

    def _goes_on(self, number: str) -> bool:
        """Whether a number may follow the last one: the next at any level, or the first one below it."""
        parts = _parts(number)
        if len(parts) == 1 and not self.counts_alone:
            return False
        next_ones = [[*self.last[:at], self.last[at] + 1] for at in range(len(self.last))]
        return parts in [*next_ones, [*self.last, 1]] or (self.last == [0] and parts == [1, 1])

    def _add(self, kind: str, number: str, text: str, line: int, parent: int | None) -> int:
        if number:
            if number in self.numbers:
                self._refuse(
                    line,
                    gettext("Number %(number)s stands in line %(line)s already.")
                    % {"number": number, "line": self.items[self.numbers[number]].line},
                )
            if "." not in number:
                self.section = number
            elif self.section not in ("", number.split(".")[0]):
                self._refuse(
                    line,
                    gettext("Clause %(number)s stands in section %(section)s. Move or renumber it.")
                    % {"number": number, "section": self.section},
                )
            self.numbers.setdefault(number, len(self.items))
            self.last = _parts(number)
        if len(text) > MOST_LETTERS:
            message = gettext("This part is longer than %(most)s characters. Divide it into clauses.")
            self._refuse(line, message % {"most": MOST_LETTERS})
        self.items.append(Item(kind, number, text, line + 1, parent))
        return len(self.items) - 1

    def _heading(self, opened: Token) -> None:
        line, level = _lines(opened).start, int(opened.tag[1:])
        if opened.markup[0] != "#":
            self._refuse(
                line,
                gettext("The line below makes this a heading. Write # before a heading, or leave an empty line below."),
            )
            return
        if self.list_items:
            self._refuse(line, gettext("A heading cannot stand inside a list item. Take the mark of the list away."))
            return
        text = CLOSING_HASHES.sub("", HASHES.sub("", self.lines[line], count=1)).strip()
        if not text or ONLY_NUMBER.fullmatch(text):
            self._refuse(line, gettext("This heading has no words."))
            return
        found = HEADING_NUMBER.match(text)
        # "24 hours" is no number of a section, unless it is its turn
        if found and not (found[2] or found[3]) and "." not in found[1] and int(found[1]) != self.last[0] + 1:
            found = None
        while self.headings and self.headings[-1][0] >= level:
            self.headings.pop()
        self.clause = None
        if not found and self.title is None and not self.headings and not self.numbers:
            self.title = self._add("heading", "", text, line, None)
            return
        number = found[1] if found else ""
        self.section = self._under_number()
        parent = self.numbers.get(number.rpartition(".")[0], self._above())
        index = self._add("heading", number, text[found.end() :] if found else text, line, parent)
        self.headings.append((level, index))

    def _paragraph(self, start: int, end: int) -> None:
        """A paragraph, or the clauses that were written into it without an empty line between them."""
        holder = self.list_items[-1] if self.list_items else None
        begins = [start, *self._clauses_between(start + 1, end, holder)]
        for begin, stop in zip(begins, [*begins[1:], end], strict=True):
            text = "\n".join(self.lines[begin:stop]).strip()
            found = (CLAUSE if begin == start else NEXT_LINE).match(text)
            if begin == start and holder and holder.index is None:
                holder.index = self._list_item(begin, stop, holder)
            elif found and (begin != start or not holder or self._goes_on(found[1])):
                self._clause(found[1], text[found.end() :], begin)
            else:
                if ONLY_NUMBER.fullmatch(text):
                    self._refuse_number(begin, text)
                elif found := DRESSED_NUMBER.match(text):
                    self._refuse(
                        begin,
                        gettext("Number %(number)s has marks around it. Write it plain.")
                        % {"number": found[1] or found[2]},
                    )
                self._add("paragraph", "", text, begin, self._home() if not holder else holder.index)

    def _clauses_between(self, start: int, end: int, holder: _ListItem | None) -> list[int]:
        """Lines inside a paragraph that begin the clause whose turn it is; other numbers there are just words."""
        last = self.last
        if first := (ORDERED if holder and holder.is_clause else CLAUSE).match(self.lines[start - 1].lstrip()):
            self.last = _parts(first[1])
        found_lines = []
        for line in range(start, end):
            found = NEXT_LINE.match(self.lines[line])
            if found and self._goes_on(found[1]):
                found_lines.append(line)
                self.last = _parts(found[1])
        self.last = last
        return found_lines

    def _clause(self, number: str, text: str, line: int) -> int:
        above = self.numbers.get(number.rpartition(".")[0], self._above())
        self.clause = self._add("clause", number, text, line, above)
        return self.clause

    def _list_item(self, start: int, end: int, holder: _ListItem) -> int:
        first = self.lines[start]
        for item in self.list_items:
            if item.line != start:
                continue
            if not (bullet := BULLET.match(first)):
                break  # the number of a list is part of the words: nothing of the file is lost
            first = first[bullet.end() :]
        text = "\n".join([first, *self.lines[start + 1 : end]]).strip()
        if holder.is_clause and holder.line == start and (found := ORDERED.match(text)):
            self.counts_alone = True
            return self._clause(found[1], text[found.end() :].strip(), start)
        outer = next((item.index for item in reversed(self.list_items[:-1]) if item.index is not None), None)
        return self._add("bullet", "", text, start, outer if outer is not None else self._home())


def parse(source: bytes) -> Document:
    """Read a policy in numbered Markdown. Raises BadPolicyFile naming every line that is wrong and why."""
    text = normalise(source)
    reader = _Reader(text)
    reader.read(_BLOCKS.parse(text))
    reader.check()
    if reader.problems:
        raise BadPolicyFile(sorted(set(reader.problems))[:MOST_PROBLEMS])
    return Document(text, reader.items)
