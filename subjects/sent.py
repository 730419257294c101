"""What we sent to a person: letters and SMS, their kind and day; not their words (policy 9.2)."""

from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from notifications.enums import LetterState
from notifications.models import Letter
from notifications.ports import title_of
from subjects import duplicates
from subjects.models import DataSubject, TextMessage

SHOWN = 50
WAITING = {LetterState.QUEUED, LetterState.SENDING, LetterState.DEFERRED}


class Sent(NamedTuple):
    """One letter or SMS, and what became of it, in words."""

    at: datetime
    by: str
    what: str
    state: str


def sent(subject: DataSubject, *, before: datetime | None = None) -> list[Sent]:
    """Newest first, of every file of theirs; three queries. What was not sent to them in the end is not told of.

    before: the moment of the last one of the page before. One more than SHOWN says that there are more.
    """
    files = duplicates.files_at(subject, None)
    letters = Letter.objects.filter(subject__in=files).exclude(state=LetterState.SKIPPED)
    texts = TextMessage.objects.filter(subject__in=files).exclude(state=TextMessage.State.SKIPPED)
    if before is not None:
        letters, texts = letters.filter(created_at__lt=before), texts.filter(created_at__lt=before)
    rows = [
        Sent(row.done_at or row.created_at, pgettext("sent by", "e-mail"), title_of(row.kind), _letter_state(row.state))
        for row in letters.order_by("-created_at", "-pk")[: SHOWN + 1]
    ]
    rows += [
        Sent(row.done_at or row.created_at, pgettext("sent by", "SMS"), row.get_kind_display(), _text_state(row.state))
        for row in texts.order_by("-created_at", "-pk")[: SHOWN + 1]
    ]
    return sorted(rows, key=lambda row: row.at, reverse=True)[: SHOWN + 1]


def _letter_state(state: str) -> str:
    if state in WAITING:
        return _("on its way")
    if state == LetterState.SENT:
        return pgettext("a letter to you", "sent")
    return _("it may not have arrived")


def _text_state(state: str) -> str:
    states = TextMessage.State
    if state in (states.QUEUED, states.SENDING):
        return _("on its way")
    return pgettext("a letter to you", "sent") if state == states.SENT else _("it may not have arrived")
