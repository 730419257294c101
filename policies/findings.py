"""What the pairing of languages found; kept as code and parameters, told in the language of whoever reads it."""

from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

MESSAGES: dict[str, Promise] = {
    "PAIR_MISSING": _("There is no such text in: %(names)s. Nobody who reads that language is told this."),
    "NUMBER_MISSING": _("Clause %(number)s is missing in: %(names)s."),
    "PAIR_DUPLICATE": _("This repeats “%(other)s” in other words, so it stands here without a twin (%(names)s)."),
    "KIND_DIFFERS": _("In one language this is %(expected)s, but %(found)s in: %(names)s."),
    "STRUCTURE": _("“%(place)s” has %(expected)s parts in Russian and %(found)s in: %(names)s."),
}
KINDS: dict[str, Promise] = {
    "heading": _("a heading"),
    "clause": _("a numbered clause"),
    "bullet": _("a list item"),
    "paragraph": _("a paragraph"),
}
NAMES: dict[str, Promise] = {"kk": _("Kazakh"), "ru": _("Russian"), "en": _("English")}


@dataclass(frozen=True)
class Finding:
    """Something an officer should look at. severity: error, warning, info; clause: its key; params: plain JSON."""

    code: str
    severity: str
    clause: str | None
    languages: list[str]
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """The sentence in the active language."""
        params = dict(self.params)
        for name in ("expected", "found"):
            if params.get(name) in KINDS:
                params[name] = str(KINDS[params[name]])
        params["names"] = ", ".join(str(NAMES[code]) for code in self.languages)
        sentence = MESSAGES.get(self.code)
        return str(sentence) % params if sentence else gettext("An unknown finding: %(code)s") % {"code": self.code}
