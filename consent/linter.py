"""What a form of consent must contain before anybody is asked it (94-V art. 8(4)): every missing element by name."""

import re
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from consent import wording
from consent.enums import Ground
from consent.form_text import PLACEHOLDERS
from consent.models import ConsentFormVersion, FormItem, ItemKind
from staff.citations import cited
from staff.models import Operator

# what the law asks for, with the place of the text it stands in; each is looked for in both languages
ELEMENTS = {
    "operator": ("94-V art. 8(4)(1)", "operator", _("the operator's name")),
    "bin": ("94-V art. 8(4)(1)", "bin", _("the operator's BIN")),
    "subject": ("94-V art. 8(4)(2)", "subject", _("the data subject")),
    "term": ("94-V art. 8(4)(3)", "term", _("the term of the consent")),
    "third_parties": ("94-V art. 8(4)(4)", "third_parties", _("whether data go to third parties")),
    "cross_border": ("94-V art. 8(4)(5)", "cross_border", _("whether data go abroad")),
    "public": ("94-V art. 8(4)(6)", "public", _("whether data are made public")),
    "data": ("94-V art. 8(4)(7)", "data", _("the list of data")),
    "purposes": ("94-V art. 7", "purposes", _("the purposes")),
}
RECIPIENTS = ("94-V art. 8(4)(4)", "recipients", _("the recipients"))
LANGUAGES = ("kk", "ru")  # English is optional; a text that is there is read as strictly
# what a text leaves to the system, whole or mistyped
_BRACES = re.compile(r"\{[^{}\n]{0,60}\}?|\}")
_KNOWN = frozenset(f"{{{name}}}" for name in PLACEHOLDERS)
_ITEMS = {ItemKind.PURPOSE: "purposes", ItemKind.CATEGORY: "data", ItemKind.RECIPIENT: "recipients"}
_MOST_WORDS = 160


class Finding(NamedTuple):
    """What is wrong: a code of `sentence`, the article, the language of the text ("" when none's), the element.

    words: those it was found in, as they stand there; "" where something is missing.
    """

    code: str
    article: str
    language: str = ""
    element: str = ""
    words: str = ""

    @property
    def sentence(self) -> str:
        """In the active language."""
        sentence = str(_SENTENCES[self.code]) % {
            "element": _elements()[self.element][2] if self.element else "",
            "article": cited(self.article),
            "language": _LANGUAGES.get(self.language, ""),
        }
        return f"{sentence} {_('It says: “%(words)s”.') % {'words': self.words}}" if self.words else sentence


_LANGUAGES = {"kk": _("Kazakh"), "ru": _("Russian"), "en": _("English")}
_SENTENCES = {
    "text_missing": _("There is no text in %(language)s (%(article)s)."),
    "element_missing": _("The text in %(language)s does not say %(element)s (%(article)s)."),
    "value_missing": _("The form does not answer: %(element)s (%(article)s)."),
    "words_missing": _("An item has no words in %(language)s: %(element)s (%(article)s)."),
    "recipients_missing": _("Data go to third parties, but the form names none of them (%(article)s)."),
    "recipients_denied": _("The form says that data go to no third parties, and names recipients (%(article)s)."),
    "unconditional": _("The text in %(language)s makes the use of a service an unconditional consent (%(article)s)."),
    "everything": _("The text in %(language)s asks for consent to everything at once (%(article)s)."),
    "open_ended": _("The text in %(language)s sets no bounds (%(article)s)."),
    "item_open_ended": _("An item in %(language)s sets no bounds: %(element)s (%(article)s)."),
    "purpose_open_ended": _("A purpose of this form is too unspecific to be consented to (%(article)s)."),
    "placeholder": _("The text in %(language)s has braces that nothing is put in the place of (%(article)s)."),
    "item_placeholder": _("An item in %(language)s has braces that nothing is put in the place of: %(element)s."),
}


def _elements() -> dict[str, tuple]:
    return {**ELEMENTS, "recipients": RECIPIENTS}


def lint(version: ConsentFormVersion, operator: Operator | None) -> list[Finding]:
    """Everything that keeps a version from being offered; empty when nothing does. version: with `items`."""
    items = list(version.items.all())
    found = [
        Finding("value_missing", article, element=element)
        for element, (article, _placeholder, _title) in ELEMENTS.items()
        if not _answered(element, version, items, operator)
    ]
    if version.to_third_parties and not any(item.kind == ItemKind.RECIPIENT for item in items):
        found.append(Finding("recipients_missing", ELEMENTS["third_parties"][0]))
    if version.to_third_parties is False and any(item.kind == ItemKind.RECIPIENT for item in items):
        found.append(Finding("recipients_denied", ELEMENTS["third_parties"][0]))
    for item in items:
        if item.purpose and (item.purpose.open_ended or item.purpose.ground == Ground.NONE):
            found.append(Finding("purpose_open_ended", ELEMENTS["purposes"][0], words=item.purpose.code))
    for language in (*LANGUAGES, *(["en"] if version.text_en.strip() else [])):
        found += _of_text(version, language)
        found += _of_items(items, language)
    return found


def _answered(element: str, version: ConsentFormVersion, items: list[FormItem], operator: Operator | None) -> bool:
    match element:
        case "operator":
            return operator is not None and bool(operator.name_kk and operator.name_ru)
        case "bin":
            return operator is not None and bool(operator.bin)
        case "term":
            return bool(version.term) or version.until_purposes_reached
        case "third_parties":
            return version.to_third_parties is not None
        case "cross_border":
            return version.cross_border is not None
        case "public":
            return version.public_distribution is not None
        case "data":
            return any(item.kind == ItemKind.CATEGORY for item in items)
        case "purposes":
            return any(item.kind == ItemKind.PURPOSE for item in items)
    return True


def _of_text(version: ConsentFormVersion, language: str) -> list[Finding]:
    """What is wrong with the text in one language."""
    text = version.text(language)
    if not text.strip():
        return [Finding("text_missing", "94-V art. 8(4)", language)]
    named = _elements() if version.to_third_parties else ELEMENTS
    found = [
        Finding("element_missing", article, language, element)
        for element, (article, placeholder, _title) in named.items()
        if f"{{{placeholder}}}" not in text
    ]
    found += [
        Finding("placeholder", "94-V art. 8(4)", language, words=match[0])
        for match in _BRACES.finditer(text)
        if match[0] not in _KNOWN
    ]
    read = wording.read(text, language)
    for code, article, patterns in (
        ("unconditional", "94-V art. 8(1)", wording.UNCONDITIONAL),
        ("everything", "94-V art. 7, 8", wording.EVERYTHING),
    ):
        found += [
            Finding(code, article, language, words=_words(text, match)) for match in patterns[language].finditer(read)
        ]
    found += [
        Finding("open_ended", "94-V art. 7, 8", language, words=_words(text, match))
        for match in wording.open_ended(text, language)
    ]
    return found


def _of_items(items: list[FormItem], language: str) -> list[Finding]:
    """What is wrong with the words of purposes, data and recipients in one language."""
    found = []
    for kind, element in _ITEMS.items():
        article = _elements()[element][0]
        texts = [item.text(language) for item in items if item.kind == kind]
        if not all(text.strip() for text in texts):
            found.append(Finding("words_missing", article, language, element))
        for text in texts:
            if braces := _BRACES.search(text):
                found.append(Finding("item_placeholder", article, language, element, braces[0]))
            everything = wording.EVERYTHING[language].finditer(wording.read(text, language))
            for match in (*wording.open_ended(text, language), *everything):
                found.append(Finding("item_open_ended", article, language, element, _words(text, match)))
    return found


def _words(text: str, match: re.Match[str]) -> str:
    """The words as the author wrote them, in one line."""
    words = " ".join(text[match.start() : match.end()].split())
    return words if len(words) <= _MOST_WORDS else f"{words[:_MOST_WORDS]}…"
