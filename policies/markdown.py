"""Numbered Markdown as a policy: headings, clauses such as `1.1.`, list items, paragraphs, each with its own words.

markdown-it-py says where blocks begin and end; the text of an item is a slice of the file itself (after NFC and line
ends), so that what was approved is what was written, to the letter.
"""

import re
import unicodedata
from typing import NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from markdown_it import MarkdownIt
from markdown_it.token import Token

MOST_BYTES = 1_000_000
NUMBER = re.compile(r"(\d+(?:\.\d+)*)\.?[ \t]+(?=\S)")
CLAUSE = re.compile(r"(\d+(?:\.\d+)+)\.?[ \t]+(?=\S)")
BULLET = re.compile(r"[ \t]*[-*+][ \t]+")
HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]+")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")

_REFUSED = {
    "html_block": _("HTML has no place in a policy. Write it as plain text."),
    "html_inline": _("HTML has no place in a policy. Write it as plain text."),
    "fence": _("A code block has no place in a policy. Write it as a paragraph."),
    "code_block": _("This line is indented like code. Take the spaces at its beginning away."),
    "blockquote_open": _("A quotation has no place in a policy. Write it as a paragraph."),
    "image": _("A picture has no place in a policy: it could not be read aloud or compared."),
}


class Problem(NamedTuple):
    """What is wrong with a file, and in which line (1 is the first; 0: the file as a whole)."""

    line: int
    message: str

    def __str__(self) -> str:
        if not self.line:
            return self.message
        return gettext("Line %(line)s: %(message)s") % {"line": self.line, "message": self.message}


class BadPolicyFile(Exception):
    """A file that is no policy; `problems` has everything that was found."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


class Item(NamedTuple):
    """One piece of the file. `number` is '1' for a section, '1.1' for a clause, '' for the rest; `parent` an index."""

    kind: str
    number: str
    text: str
    line: int
    parent: int | None


class Document(NamedTuple):
    """A file read: its normalised source and its items in order."""

    source: str
    items: list[Item]


def normalise(content: bytes) -> str:
    """The file as text: UTF-8 without its byte order mark, NFC, line ends as LF. Raises BadPolicyFile."""
    if len(content) > MOST_BYTES:
        raise BadPolicyFile([Problem(0, gettext("The file is larger than 1 MB."))])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadPolicyFile([Problem(line, gettext("This is not UTF-8. Save the file as UTF-8."))]) from error
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    if not text.strip():
        raise BadPolicyFile([Problem(0, gettext("The file is empty."))])
    if found := CONTROL.search(text):
        line = text[: found.start()].count("\n") + 1
        raise BadPolicyFile([Problem(line, gettext("There is an invisible control character here. Delete it."))])
    return text


class _Reader:
    """Walks the blocks of a file and collects its items and everything wrong with it."""

    def __init__(self, source: str) -> None:
        self.lines = source.split("\n")
        self.items: list[Item] = []
        self.problems: list[Problem] = []
        self.title: int | None = None
        self.heading: int | None = None
        self.clause: int | None = None
        self.numbers: dict[str, int] = {}
        # what list items we are inside of: [index of the item or None while it has no text yet, is it ordered]
        self.lists: list[list] = []
        self.ordered: list[bool] = []

    def read(self, tokens: list[Token]) -> None:
        opened: Token | None = None
        for token in tokens:
            if token.type in _REFUSED:
                self._refuse(token.map[0], str(_REFUSED[token.type]))
            elif token.type in ("bullet_list_open", "ordered_list_open"):
                self.ordered.append(token.type.startswith("ordered"))
            elif token.type in ("bullet_list_close", "ordered_list_close"):
                self.ordered.pop()
            elif token.type == "list_item_open":
                self.lists.append([None, self.ordered[-1]])
            elif token.type == "list_item_close":
                self.lists.pop()
            elif token.type in ("heading_open", "paragraph_open"):
                opened = token
            elif token.type == "inline" and opened is not None:
                for child in token.children or []:
                    if child.type in _REFUSED:
                        self._refuse(opened.map[0], str(_REFUSED[child.type]))
                self._block(opened, token)

    def _refuse(self, line: int, message: str) -> None:
        self.problems.append(Problem(line + 1, message))

    def _block(self, opened: Token, inline: Token) -> None:
        start, end = opened.map
        if opened.type == "heading_open":
            # the first line is the words, whichever way the heading is marked
            text = self.lines[start]
            text = HEADING.sub("", text, count=1).rstrip().rstrip("#").rstrip() if opened.markup[0] == "#" else text
            self._heading(text.strip(), start, int(opened.tag[1:]))
            return
        text = "\n".join(self.lines[start:end]).rstrip()
        if self.lists:
            self._list_item(text, start, inline)
        elif found := CLAUSE.match(text.lstrip()):
            self._clause(found[1], text.lstrip()[found.end() :], start)
        else:
            self._add("paragraph", "", text.strip(), start, self._home())

    def _home(self) -> int | None:
        """What an unnumbered piece belongs to: the clause it follows, else its section, else the title."""
        return next((i for i in (self.clause, self.heading, self.title) if i is not None), None)

    def _add(self, kind: str, number: str, text: str, line: int, parent: int | None) -> int:
        if number:
            if number in self.numbers:
                self._refuse(
                    line,
                    gettext("Number %(number)s stands in line %(line)s already.")
                    % {"number": number, "line": self.items[self.numbers[number]].line},
                )
            self.numbers[number] = len(self.items)
        self.items.append(Item(kind, number, text, line + 1, parent))
        return len(self.items) - 1

    def _heading(self, text: str, line: int, level: int) -> None:
        found = NUMBER.match(text)
        if not found and self.title is None and not self.items:
            self.title = self._add("heading", "", text, line, None)
            return
        number = found[1] if found else ""
        parent = self.title if "." not in number else self.numbers.get(number.rpartition(".")[0], self.title)
        self.heading = self._add("heading", number, text[found.end() :] if found else text, line, parent)
        self.clause = None

    def _clause(self, number: str, text: str, line: int) -> None:
        above = number.rpartition(".")[0]
        section = number.split(".")[0]
        current = self.items[self.heading].number.split(".")[0] if self.heading is not None else ""
        if current and current != section:
            self._refuse(
                line,
                gettext("Clause %(number)s stands in section %(section)s. Move or renumber it.")
                % {"number": number, "section": current},
            )
        parent = self.numbers.get(above, self.heading if self.heading is not None else self.title)
        self.clause = self._add("clause", number, text, line, parent)

    def _list_item(self, text: str, line: int, inline: Token) -> None:
        holder = self.lists[-1]
        if holder[0] is not None:  # a further paragraph of the same list item
            self._add("paragraph", "", text.strip(), line, holder[0])
            return
        outer = next((entry[0] for entry in reversed(self.lists[:-1]) if entry[0] is not None), None)
        # the number of an ordered list is part of the words: nothing of the file is lost
        text = text.strip() if holder[1] else BULLET.sub("", text, count=1).strip()
        holder[0] = self._add("bullet", "", text, line, outer if outer is not None else self._home())


def parse(content: bytes) -> Document:
    """Read a policy in numbered Markdown. Raises BadPolicyFile naming every line that is wrong and why."""
    source = normalise(content)
    reader = _Reader(source)
    reader.read(MarkdownIt("commonmark").parse(source))
    if not reader.problems and not any(item.kind == "clause" for item in reader.items):
        reader.problems.append(
            Problem(0, gettext("There is no numbered clause such as “1.1. Text” in this file: is it the policy?"))
        )
    if reader.problems:
        raise BadPolicyFile(sorted(reader.problems))
    return Document(source, reader.items)
