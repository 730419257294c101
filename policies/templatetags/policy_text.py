"""A clause's own Markdown as safe HTML: rendered, then cleaned, and cleaned again wherever it is shown (S11)."""

import nh3
from django import template
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

register = template.Library()
# inline marks only: a clause is one paragraph or one list item
_MARKDOWN = MarkdownIt("zero").enable(["emphasis", "autolink", "link", "newline", "escape", "entity"])
_TAGS = {"strong", "em", "a", "br"}


@register.filter
def clause_html(text: str) -> SafeString:
    """Inline Markdown as HTML with `strong`, `em`, `a` and `br` only; links open nothing but http(s) and mailto."""
    return _clean(text, _TAGS)


@register.filter
def clause_words(text: str) -> SafeString:
    """The same without its links: for what is a link itself, such as a line of the contents."""
    return _clean(text, _TAGS - {"a"})


def _clean(text: str, tags: set[str]) -> SafeString:
    clean = nh3.clean(
        _MARKDOWN.renderInline(text),
        tags=tags,
        attributes={"a": {"href"}} if "a" in tags else {},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )
    return mark_safe(clean)  # noqa: S308 -- nh3 cleaned it
