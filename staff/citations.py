"""A law as people cite it. The registers keep one notation, which programs read: `94-V art. 8(2); 56-V art. 7, 8`."""

import re

from django.utils.translation import gettext, ngettext

_ONE = r"\d+(?:-\d+)?(?:\(\d+\)){0,2}"
# a list goes on only with another article: not with another act (`, 56-V art. 7`) nor with anything else (`, 3 days`)
_CITATION = re.compile(rf"(?P<act>[\w-]+) art\. (?P<articles>{_ONE}(?:, {_ONE}(?=$|[,;.)\]]))*)(?![\w(-])")
_PARTS = re.compile(r"(\d+(?:-\d+)?)(?:\((\d+)\))?(?:\((\d+)\))?")


def cited(text: str) -> str:
    """A text with its citations in words of the active language; everything else stays as it was written."""
    return _CITATION.sub(_words, text)


def _words(found: re.Match) -> str:
    act, articles = found.groups()
    listed = articles.split(", ")
    if "(" not in articles:
        many = len(listed)
        said = ngettext("%(act)s art. %(articles)s", "%(act)s art. %(articles)s", many)
        return said % {"act": act, "articles": articles}
    return ", ".join(_part(act, one) for one in listed)


def _part(act: str, one: str) -> str:
    """An article with its paragraph and subparagraph."""
    article, paragraph, sub = _PARTS.fullmatch(one).groups()
    told = {"act": act, "article": article, "paragraph": paragraph, "sub": sub}
    if sub:
        return gettext("%(act)s art. %(article)s(%(paragraph)s)(%(sub)s)") % told
    if paragraph:
        return gettext("%(act)s art. %(article)s(%(paragraph)s)") % told
    return ngettext("%(act)s art. %(articles)s", "%(act)s art. %(articles)s", 1) % {"act": act, "articles": article}
