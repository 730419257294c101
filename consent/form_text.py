"""What exactly a person is asked: a form's text in one language, with everything art. 8(4) of 94-V wants in it.

The page, its digest and the receipt are made of this alone. The person stands in it by reference: a receipt may be
shown to anybody, and a name is personal data (DESIGN 4).
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from consent.models import ConsentEvent, ConsentFormVersion, FormItem, FormServed, ItemKind
from staff.models import Operator

# what a text may leave to the system, and which element of art. 8(4) it is
PLACEHOLDERS = (
    "operator",
    "bin",
    "subject",
    "term",
    "third_parties",
    "cross_border",
    "public",
    "data",
    "purposes",
    "recipients",
)
_PLACEHOLDER = re.compile(rf"\{{({'|'.join(PLACEHOLDERS)})\}}")
_DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?")


class FormText(NamedTuple):
    """A form as it stands on the page. language: of the text, which is Russian where the wanted one is lacking."""

    title: str
    text: str
    language: str

    @property
    def sha256(self) -> str:
        """In hex, of title, an empty line and text, in UTF-8."""
        return hashlib.sha256(f"{self.title}\n\n{self.text}".encode()).hexdigest()


def offered_language(version: ConsentFormVersion, wanted: str) -> str:
    """The language the form is read in by somebody who wants `wanted`: that one if it has it, else Russian, Kazakh."""
    return next((code for code in (wanted, "ru", "kk") if version.text(code)), "ru")


# Frozen: a text that was shown is made again from these in years to come, whatever the catalogues say by then. A word
# is never changed here; a new one needs a new version of the texts that use it.
_YES = {"kk": ("жоқ", "иә"), "ru": ("нет", "да"), "en": ("no", "yes")}
_UNITS = {
    "kk": (("жыл",), ("ай",), ("күн",)),
    "ru": (("год", "года", "лет"), ("месяц", "месяца", "месяцев"), ("день", "дня", "дней")),
    "en": (("year", "years"), ("month", "months"), ("day", "days")),
}
_REACHED = {
    "kk": ("мақсаттарға қол жеткенге дейін", "мақсаттарға қол жеткенге дейін, ең көбі {length}"),
    "ru": ("до достижения целей", "до достижения целей, но не дольше чем {length}"),
    "en": ("until the purposes are reached", "until the purposes are reached, but not longer than {length}"),
}


def _counted(number: int, forms: tuple[str, ...]) -> str:
    """The number with the form of the word that its language uses with it."""
    if len(forms) == 1:
        return f"{number} {forms[0]}"
    if len(forms) == 2:
        return f"{number} {forms[number != 1]}"
    few = number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14)
    one = number % 10 == 1 and number % 100 != 11
    return f"{number} {forms[0 if one else 1 if few else 2]}"


def length_in_words(duration: str, language: str) -> str:
    """An ISO 8601 duration of years, months and days in `language`; nothing for `P0D` and for what is none."""
    match = _DURATION.fullmatch(duration)
    numbers = [int(n or 0) for n in match.groups()] if match else []
    counted = zip(numbers, _UNITS[language], strict=False)
    return " ".join(_counted(number, forms) for number, forms in counted if number)


def term_in_words(version: ConsentFormVersion, language: str) -> str:
    """The term, in `language`."""
    length = length_in_words(version.term, language)
    reached, at_most = _REACHED[language]
    if not version.until_purposes_reached:
        return length
    return at_most.format(length=length) if length else reached


def _yes_no(answer: bool | None, language: str) -> str:
    return "" if answer is None else _YES[language][answer]


def _lines(items: Sequence[FormItem], kind: str, language: str) -> str:
    words = [item.text(language) for item in items if item.kind == kind]
    return "\n".join(f"- {text}" for text in words if text)


def compose(
    version: ConsentFormVersion, *, wanted: str, reference: str, operator: Operator | None, title: str | None = None
) -> FormText:
    """The form in the language the reader wants. reference: of the data subject, as `S-000481`.

    version: with `form` and, for more than one, prefetched `items`. An item without words in the language is not in
    the text, and so not in the consent.
    """
    language = offered_language(version, wanted)
    items = list(version.items.all())
    values: dict[str, Callable[[], str]] = {
        "operator": lambda: operator.name(language) if operator else "",
        "bin": lambda: operator.bin if operator else "",
        "subject": lambda: reference,
        "term": lambda: term_in_words(version, language),
        "third_parties": lambda: _yes_no(version.to_third_parties, language),
        "cross_border": lambda: _yes_no(version.cross_border, language),
        "public": lambda: _yes_no(version.public_distribution, language),
        "data": lambda: _lines(items, ItemKind.CATEGORY, language),
        "purposes": lambda: _lines(items, ItemKind.PURPOSE, language),
        "recipients": lambda: _lines(items, ItemKind.RECIPIENT, language),
    }
    text = _PLACEHOLDER.sub(lambda match: values[match[1]](), version.text(language))
    heading = title if title is not None else (getattr(version.form, f"title_{language}") or version.form.title_ru)
    return FormText(heading or "", text.strip(), language)


def operator_at(at: datetime) -> Operator | None:
    """The operator's data as they stood at the moment `at`: a receipt of last year bears last year's name."""
    row = Operator.history.filter(history_date__lte=at).order_by("-history_date", "-history_id").first()
    return row.instance if row else Operator.current()


def recompose(event: ConsentEvent) -> FormText | None:
    """The text that was shown before this event, made again from what is stored; None where none was shown.

    Its digest equals the event's `sha256` as long as nobody changed what is stored.
    """
    served: FormServed | None = event.served
    if served is None:
        return None
    form = served.version.form
    titles = form.history.filter(history_date__lte=served.at).order_by("-history_date", "-history_id").first() or form
    title = getattr(titles, f"title_{served.language}") or titles.title_ru
    reference = str(served.subject) if served.subject else ""
    return compose(
        served.version, wanted=served.language, reference=reference, operator=operator_at(served.at), title=title
    )
