"""What we sent to a person: letters and SMS, kind and day; not their words, but what they came for (policy 9.2)."""

from datetime import datetime
from typing import NamedTuple

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from notifications.enums import LetterState, SkipReason
from notifications.models import Letter
from notifications.ports import KINDS, title_of
from subjects import duplicates
from subjects.models import DataSubject, TextMessage

SHOWN = 50
WAITING = {LetterState.QUEUED, LetterState.SENDING, LetterState.DEFERRED}


class Sent(NamedTuple):
    """One letter or SMS, what became of it, and the message it came for, in words."""

    at: datetime
    by: str
    what: str
    state: str
    says: str = ""


def sent(subject: DataSubject, *, before: datetime | None = None) -> list[Sent]:
    """Newest first, of every file of theirs; three queries. What was not sent to them in the end is not told of, but
    a message that waits here is, to who has no e-mail too.

    before: the moment of the last one of the page before. One more than SHOWN says that there are more.
    """
    files = duplicates.files_at(subject, None)
    waits = Q(skip_reason=SkipReason.NO_ADDRESS, kind__in=[kind.kind for kind in KINDS.values() if kind.says])
    letters = Letter.objects.filter(~Q(state=LetterState.SKIPPED) | waits, subject__in=files)
    texts = TextMessage.objects.filter(subject__in=files).exclude(state=TextMessage.State.SKIPPED)
    if before is not None:
        letters, texts = letters.filter(created_at__lt=before), texts.filter(created_at__lt=before)
    rows = [
        Sent(
            row.done_at or row.created_at,
            pgettext("sent by", "e-mail"),
            title_of(row.kind),
            _letter_state(row.state),
            str(KINDS[row.kind].says) if row.kind in KINDS else "",
        )
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
