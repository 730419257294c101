"""What a person is shown about a changed policy: the page and the digest of what was shown are made of this alone."""

import hashlib
from typing import NamedTuple

from consent.rules import News
from policies.differences import Change
from policies.models import PolicyVersion
from policies.reading import changes, reading_language


class Words(NamedTuple):
    """A text and the language it is in."""

    text: str
    language: str


class Notice(NamedTuple):
    """A notice as it stands on the page, in one language; a summary nobody wrote in it stands in Russian."""

    version: PolicyVersion
    since: PolicyVersion | None
    language: str
    title: Words
    summaries: list[Words]
    changes: list[Change]

    @property
    def text(self) -> str:
        """Every word about the policy that the page shows, in its order."""
        lines = [self.title.text, str(self.version.number), self.version.in_force_during.lower.isoformat()]
        lines += [summary.text for summary in self.summaries]
        for change in self.changes:
            lines.append(f"{change.kind} {change.number}".strip())
            lines.extend(text for text in (change.old_text, change.new_text) if text)
        return "\n".join(lines)

    @property
    def sha256(self) -> str:
        """In hex, of `text` in UTF-8."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def _in(row: object, field: str, language: str) -> Words:
    text = getattr(row, f"{field}_{language}")
    return Words(text, language) if text else Words(getattr(row, f"{field}_ru"), "ru")


def compose(news: News, *, wanted: str) -> Notice:
    """The notice in the language the reader wants, or in Russian where a version lacks it.

    Two texts are compared in a language that both have; the versions come with their sources.
    """
    language = reading_language(news.version, wanted)
    if news.since:
        language = reading_language(news.since, language)
    told = news.told or [news.version]
    summaries = [_in(version, "change_summary", language) for version in told]
    return Notice(
        version=news.version,
        since=news.since,
        language=language,
        title=_in(news.version.policy, "title", language),
        summaries=[summary for summary in summaries if summary.text],
        changes=changes(news.version, since=news.since, language=language) if news.since else [],
    )
