"""Plain text is copied into history, lists and backups in clear, so it may not speak of a person (DESIGN 4).

The patterns find what people paste by mistake, not what somebody hides on purpose. A BIN, dates, sums, numbers of
orders and articles of laws pass. Every pattern is linear in the length of the text: 100 kB take milliseconds.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from subjects.identifiers import check_digit, normalise_iin

MESSAGES = {
    "text_iin": _(
        "Character %(position)s begins an IIN. This text is stored in clear, so it may not name a person: "
        "write the reference instead, for example S-000481."
    ),
    "text_phone": _(
        "Character %(position)s begins a phone number. This text is stored in clear, so it may not name a person: "
        "write the reference instead, for example S-000481."
    ),
    "text_email": _(
        "Character %(position)s belongs to an e-mail address. This text is stored in clear, so it may not name a "
        "person: write the reference instead, for example S-000481."
    ),
    "text_iban": _(
        "Character %(position)s begins a bank account. This text is stored in clear, so it may not name a person: "
        "write the reference instead, for example S-000481."
    ),
}

SEPARATOR = r"[ \-./\u2010-\u2015]"
# a date followed by a time or a number would read as an IIN
DATE = re.compile(
    r"(?<![0-9])(?:[0-3]?[0-9]([./-])[01]?[0-9]\1(?:1[89]|20)[0-9]{2}"
    r"|(?:1[89]|20)[0-9]{2}([./-])[01][0-9]\2[0-3][0-9])(?![0-9])"
)
# digits with at most two separators between any two
DIGIT_RUN = re.compile(rf"[0-9]+(?:{SEPARATOR}{{1,2}}[0-9]+)*")
GROUP = re.compile(r"[0-9]+")
MOST_GROUPS = 6

GAP = r"[ ().\-\u2010-\u2015]{0,3}"
# the code of three digits stands together: sums are grouped by threes from the end, "87 012 345 678"
PHONE = re.compile(
    rf"(?<![0-9])(?:\+{GAP}7|[78]){GAP}[679][0-9]{{2}}(?:{GAP}[0-9]){{7}}(?![0-9])"
    rf"|(?<![0-9])(?<![0-9] )7(?:0[0-8]|47|6[0-4]|7[15-8]|85){GAP}[0-9]{{3}}{GAP}[0-9]{{2}}{GAP}[0-9]{{2}}(?![0-9])"
    rf"|\+[1-9](?:{GAP}[0-9]){{9,14}}(?![0-9])"
)
# the last label begins with a letter: "10 @ 3.50" is a price
EMAIL = re.compile(r"[\w.+%'-] ?@ ?[\w-]{1,63}(?:\.[\w-]{1,63})*\.[^\W\d_]")
# К is Cyrillic: somebody typed it on the wrong keyboard
IBAN = re.compile(r"(?<![0-9A-Za-z])[KkКк][Zz][ -]?[0-9]{2}(?:[ -]?[0-9A-Za-zА-Яа-я]){16}(?![0-9A-Za-z])")


class Found(NamedTuple):
    """What kind of thing (a code of MESSAGES) begins at which character, counted from 1."""

    code: str
    position: int


def _plain(text: str) -> str:
    """Digits of every script as 0 to 9, every kind of space as one; as long as `text`, so positions hold."""
    if text.isascii():
        return text
    return "".join(map(_plain_letter, text))


def _plain_letter(letter: str) -> str:
    if letter.isascii():
        return letter
    if letter.isdecimal():
        return str(unicodedata.decimal(letter))
    # a zero-width character inside a number is invisible, so it counts as a gap
    return " " if letter.isspace() or unicodedata.category(letter) == "Cf" else letter


def _is_iin(digits: str) -> bool:
    # cheap questions first: a long text of numbers asks them thousands of times
    if not ("01" <= digits[2:4] <= "12" and "01" <= digits[4:6] <= "31" and digits[6] <= "6"):
        return False
    if check_digit(digits[:11]) != int(digits[11]):
        return False
    try:
        normalise_iin(digits, on=date.max)
    except ValidationError as error:
        return error.code == "century_zero"
    return True


def _iins(text: str) -> Iterator[int]:
    for run in DIGIT_RUN.finditer(text):
        if run.end() - run.start() < 12:
            continue
        groups = [(group[0], group.start() + run.start()) for group in GROUP.finditer(run[0])]
        for first in range(len(groups)):
            digits, gaps, end = "", set(), 0
            for group, start in groups[first : first + MOST_GROUPS]:
                if digits:
                    gaps.add(text[end:start])
                digits += group
                end = start + len(group)
                if len(digits) >= 12:
                    break
            # separators of two kinds stand between two numbers: "110 512-350 000"
            if len(digits) == 12 and len(gaps) <= 1 and _is_iin(digits):
                yield groups[first][1]


def find_personal_data(text: str) -> list[Found]:
    """The first of each kind in `text`: e-mail, bank account (KZ IBAN), IIN, phone; empty when there is none.

    An IIN is twelve digits whose date and check digit hold, in one piece or in up to six with one separator
    between them. An IIN counts even where its birth date lies ahead.
    """
    plain = _plain(text)
    found = []
    for code, pattern in (("text_email", EMAIL), ("text_iban", IBAN)):
        if match := pattern.search(plain):
            found.append(Found(code, match.start() + 1))
    numbers = DATE.sub(lambda match: "_" * len(match[0]), plain)
    iin = next(_iins(numbers), None)
    if iin is not None:
        found.append(Found("text_iin", iin + 1))
    if match := PHONE.search(numbers):
        found.append(Found("text_phone", match.start() + 1))
    return found


def refuse_personal_data(text: str) -> None:
    """Validator of plain text fields. Raises ValidationError with a sentence for each kind that was found."""
    if found := find_personal_data(text):
        raise ValidationError(
            [ValidationError(MESSAGES[code], code=code, params={"position": position}) for code, position in found]
        )
