"""Many people at once, the way they come to the house: by an import."""

import io

from subjects import importing, registers
from subjects.models import DataCategory

LANGUAGES = ("kk", "ru", "en")


def language_of(number: int) -> str:
    return LANGUAGES[number % 3]


def address_of(number: int) -> str:
    return f"person{number}@example.kz"


def import_people(count: int, *, first: int = 0, phones: bool = False) -> None:
    """`count` customers with an address each, in Kazakh, Russian and English in turn."""
    if not DataCategory.objects.exists():
        registers.load()
    rows = [
        f"K-{n};{address_of(n)};{language_of(n)};{f'+7701{n:07d}' if phones else ''}"
        for n in range(first, first + count)
    ]
    checked = importing.examine(
        io.BytesIO("\n".join(["client_number;email;language;phone", *rows]).encode()), language="kk"
    )
    assert not checked.problems, checked.problems[:3]
    importing.load(checked.rows)
