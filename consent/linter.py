"""What a form of consent must contain before anybody is asked it (94-V art. 8(4)): every missing element by name."""

import re
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from consent.models import ConsentFormVersion, FormItem, ItemKind
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
LANGUAGES = ("kk", "ru")
# whoever uses a service has consented to nothing by it, and nobody consents to everything at once (94-V art. 8(1))
UNCONDITIONAL = re.compile(
    r"(?:безусловн|безоговорочн)\w*\s+соглас|соглас\w*\s+(?:безусловн|безоговорочн)"
    r"|пользовани\w*[^.]{0,200}означает[^.]{0,60}соглас"
    r"|(?:сөзсіз|шартсыз|даусыз)\s+(?:\w+\s+)?келіс|unconditional\w*\s+consent",
    re.IGNORECASE,
)
EVERYTHING = re.compile(
    r"соглас\w*\s+(?:на|со)\s+вс[её]м?\b(?!\s+указанн)|на\s+любые\s+цели|барлығына\s+келіс\w*|кез\s+келген\s+мақсат",
    re.IGNORECASE,
)


class Finding(NamedTuple):
    """What is wrong: a code of `sentence`, the article, the language of the text ("" when none's), the element."""

    code: str
    article: str
    language: str = ""
    element: str = ""

    @property
    def sentence(self) -> str:
        """In the active language."""
        return str(_SENTENCES[self.code]) % {
            "element": ELEMENTS[self.element][2] if self.element else "",
            "article": self.article,
            "language": _LANGUAGES.get(self.language, ""),
        }


_LANGUAGES = {"kk": _("Kazakh"), "ru": _("Russian"), "en": _("English")}
_SENTENCES = {
    "text_missing": _("There is no text in %(language)s (%(article)s)."),
    "element_missing": _("The text in %(language)s does not say %(element)s (%(article)s)."),
    "value_missing": _("The form does not answer: %(element)s (%(article)s)."),
    "words_missing": _("An item has no words in %(language)s: %(element)s (%(article)s)."),
    "recipients_missing": _("Data go to third parties, but the form names none of them (%(article)s)."),
    "unconditional": _("The text in %(language)s makes the use of a service an unconditional consent (%(article)s)."),
    "everything": _("The text in %(language)s asks for consent to everything at once (%(article)s)."),
}


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
    for language in LANGUAGES:
        found += _of_text(version.text(language), language)
        for kind, element in ((ItemKind.CATEGORY, "data"), (ItemKind.PURPOSE, "purposes")):
            if any(item.kind == kind and not item.text(language) for item in items):
                found.append(Finding("words_missing", ELEMENTS[element][0], language, element))
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


def _of_text(text: str, language: str) -> list[Finding]:
    """What is wrong with the text in one language."""
    if not text.strip():
        return [Finding("text_missing", "94-V art. 8(4)", language)]
    found = [
        Finding("element_missing", article, language, element)
        for element, (article, placeholder, _title) in ELEMENTS.items()
        if f"{{{placeholder}}}" not in text
    ]
    read = text.replace("i", "і") if language == "kk" else text  # a Latin letter often stands for the Kazakh one
    if UNCONDITIONAL.search(read):
        found.append(Finding("unconditional", "94-V art. 8(1)", language))
    if EVERYTHING.search(read):
        found.append(Finding("everything", "94-V art. 7, 8", language))
    return found
