"""A file somebody uploaded as text that can be compared: UTF-8, one form for every letter, nothing invisible in it."""

import unicodedata
from typing import NamedTuple

from django.utils.translation import gettext

MOST_BYTES = 1_000_000
MOST_LINES = 20_000
MOST_PROBLEMS = 100
# control and format characters: what nobody sees, nobody can approve
INVISIBLE = ("Cc", "Cf", "Zl", "Zp", "Co", "Cs")


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
    if text.count("\n") > MOST_LINES:
        raise BadPolicyFile([Problem(0, gettext("The file has more than %(most)s lines.") % {"most": MOST_LINES})])
    message = gettext("There is an invisible control character here (%(code)s). Delete it.")
    problems = [
        Problem(line, message % {"code": f"U+{ord(found):04X}"})
        for line, words in enumerate(text.split("\n"), start=1)
        if (found := next((c for c in words if c != "\t" and unicodedata.category(c) in INVISIBLE), None))
    ]
    if problems:
        raise BadPolicyFile(problems[:MOST_PROBLEMS])
    return text
