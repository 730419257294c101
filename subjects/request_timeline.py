"""What happened to a request, newest first: for officers all of it, for the person where it stood and when."""

from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.names import actor_name
from notifications.models import Letter
from notifications.ports import title_of
from subjects import request_words
from subjects.clock_models import Deadline, PauseReason
from subjects.request_parts import RequestFile, RequestNote
from subjects.requests import (
    Closing,
    Identity,
    RequestKind,
    RequestState,
    SubjectRequest,
    refused_words,
    state_words,
)

# what was written, by the place it is kept in
PLACES = {
    request_words.TEXT: gettext_lazy("What the person says"),
    request_words.VALUE: gettext_lazy("The right value"),
    request_words.COMMENT: gettext_lazy("What was done"),
    request_words.NOTE: gettext_lazy("Comment"),
    request_words.ANSWER: gettext_lazy("The answer"),
}


class Item(NamedTuple):
    """Something that happened, as `_parts/timeline_item.html` shows it."""

    when: datetime
    what: str
    who: str = ""
    why: str = ""


def _history(row: SubjectRequest) -> list[Any]:
    return list(row.history.select_related("history_user", "assignee").order_by("history_id"))


def _changes(before: Any, now: Any) -> list[tuple[str, str]]:
    """(what, why) of one change, in the order they are read."""
    said: list[tuple[str, str]] = []
    if before is None or (now.identified_at is not None and before.identified_at is None):
        if before is None:
            said.append((_("registered"), ""))
        if now.identified_at is not None:
            said.append((_("established who asks: %(how)s") % {"how": Identity(now.identity).label}, ""))
    if before is None:
        return said
    if now.assignee_id != before.assignee_id:
        said.append((_("assignee: %(who)s") % {"who": now.assignee or "—"}, ""))
    if now.decided_at is not None and before.decided_at is None:
        if now.closing:
            said.append((_("closing without an answer is proposed"), str(Closing(now.closing).label)))
        elif now.refusals and not now.refusing:
            said.append((_("granting a part is proposed"), refused_words(now)))
        elif now.refusing:
            said.append((_("a refusal is proposed"), refused_words(now)))
        else:
            said.append((_("granting is proposed") if RequestKind.DESTROY in now.kinds else _("granted"), ""))
    if now.decided_at is None and before.decided_at is not None:
        said.append((_("sent back"), ""))
    if now.approved_at is not None and before.approved_at is None:
        said.append((_("approved by a second person"), ""))
    if now.state != before.state:
        why = str(Closing(now.closing).label) if now.state == RequestState.UNFULFILLED and now.closing else ""
        said.append((state_words(now), why))
    return said


def for_officer(row: SubjectRequest) -> list[Item]:
    """Changes, letters with how they went, work, files and comments; nothing of it is opened; six queries."""
    found = [
        Item(now.history_date, what, actor_name(now.actor, now.history_user), why)
        for before, now in pairwise([None, *_history(row)])
        for what, why in _changes(before, now)
    ]
    people = [row.subject_id, row.representative.representative_id if row.representative_id else None]
    for letter in Letter.objects.filter(subject__in=filter(None, people), cause__startswith=f"{row.about}#"):
        state = letter.get_state_display()
        why = f" ({letter.get_skip_reason_display()})" if letter.skip_reason else ""
        what = _("letter “%(title)s”: %(state)s") % {"title": title_of(letter.kind), "state": f"{state}{why}"}
        found.append(Item(letter.done_at or letter.created_at, what))
    pauses = Deadline.history.filter(about=row.about, paused_at__isnull=False).values_list("paused_at", "pause_reason")
    for at, reason in pauses.distinct():
        found.append(Item(at, _("the clock is paused"), "", str(PauseReason(reason).label)))
    for item in row.items.filter(done_at__isnull=False).select_related("system", "done_by"):
        what = _("work done: %(what)s") % {"what": item.get_kind_display()}
        found.append(Item(item.done_at, f"{what}, {item.system}" if item.system_id else what, str(item.done_by)))
    for file in RequestFile.objects.filter(subject_request=row).select_related("user").defer("sealed"):
        what = _("file: %(kind)s") % {"kind": file.get_kind_display()}
        found.append(Item(file.at, what, actor_name(file.actor, file.user)))
    for note in RequestNote.objects.filter(subject_request=row).select_related("user").defer("sealed"):
        found.append(Item(note.at, _("comment"), actor_name(note.actor, note.user)))
    return sorted(found, key=lambda item: item.when)[::-1]


def for_person(row: SubjectRequest) -> list[Item]:
    """Where it stood and when; no names of staff, nothing of what was proposed; one query."""
    found = [
        Item(now.history_date, state_words(now))
        for before, now in pairwise([None, *_history(row)])
        if before is None or now.state != before.state
    ]
    return sorted(found, key=lambda item: item.when)[::-1]
