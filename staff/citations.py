"""A law as people cite it. The registers keep one notation, which programs read: `94-V art. 8(2); 56-V art. 7`."""

import re

from django.utils.translation import ngettext

_CITATION = re.compile(r"([^\s;,]+) art\. (\d(?:[\d(),\s-]*[\d)])?)")


def cited(text: str) -> str:
    """A text with its citations in words of the active language; everything else stays as it was written."""
    return _CITATION.sub(_words, text)


def _words(found: re.Match) -> str:
    act, articles = found.groups()
    count = articles.count(",") + 1
    return ngettext("%(act)s art. %(articles)s", "%(act)s art. %(articles)s", count) % {
        "act": act,
        "articles": articles,
    }
