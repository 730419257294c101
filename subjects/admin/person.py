"""What the page about one person shows: everything on one screen without opening a value, of now or of a past day."""

from datetime import datetime

from django.db import models
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext

from audit import past
from audit.models import AccessRecord
from audit.names import actor_name, reason_name
from notifications.enums import Delivery
from notifications.models import DeliveryEvent, Letter
from notifications.ports import title_of
from subjects import addresses, file_rules, formats, looks, rules
from subjects.disclosure import told
from subjects.enums import Disclosure, IndexKind, Standing
from subjects.models import CabinetEvent, DataCategory, DataSubject, PersonalData, Task
from subjects.subject_page import PARTS, SHOWN, timeline


def visible_values(request: HttpRequest) -> models.QuerySet:
    """The values an officer may know to be held: what is withheld leaves no trace for anybody else (DESIGN 4)."""
    rows = PersonalData.objects.all()
    if request.user.has_perm("subjects.view_withheld"):
        return rows
    return rows.exclude(disclosure=Disclosure.WITHHELD)


def values(request: HttpRequest, subject: DataSubject, at: datetime | None) -> list[PersonalData]:
    """The same of one person, as held at the moment, in the order of the approved list; nothing is opened."""
    categories = past.by_id(DataCategory, at)
    rows = told(PersonalData, subject, at, withheld=request.user.has_perm("subjects.view_withheld"))
    for row in rows:
        row.category = categories[row.category_id]
    return sorted(rows, key=lambda row: (row.category.order, row.category.code, row.pk))


def recordable(request: HttpRequest) -> list[DataCategory]:
    """The categories an officer may type a value of: none without the right; an e-mail has a page of its own."""
    if not request.user.has_perm("subjects.record_value"):
        return []
    return list(DataCategory.objects.exclude(code__in=[*formats.TECHNICAL, addresses.CATEGORY]))


def _until(at: datetime | None, field: str) -> dict[str, datetime]:
    return {f"{field}__lte": at} if at else {}


def _looks(subject: DataSubject, at: datetime | None) -> list[dict]:
    """Who saw the person's values last: what, when, who and why in words."""
    titles = {category.code: str(category) for category in DataCategory.objects.all()}
    rows = AccessRecord.objects.filter(reference=str(subject), **_until(at, "at"))
    return [
        {
            "what": looks.at_what(record.category, titles),
            "when": record.at,
            "who": actor_name(record.actor, record.user),
            "why": reason_name(record.reason) if record.door == AccessRecord.Door.REVEAL else "",
        }
        for record in rows.select_related("user").order_by("-pk")[:SHOWN]
    ]


def _letters(subject: DataSubject, at: datetime | None) -> list[tuple[Letter, str, str]]:
    """(letter, what it is called, how it stands): for a past day, by what had happened to it."""
    last = DeliveryEvent.objects.filter(letter=OuterRef("pk"), **_until(at, "at")).order_by("-at", "-pk")
    rows = Letter.objects.filter(subject=subject, **_until(at, "created_at"))
    rows = rows.annotate(last=Subquery(last.values("kind")[:1])).order_by("-pk")[:SHOWN]

    def state(letter: Letter) -> str:
        if at is None:
            reason = f": {letter.get_skip_reason_display()}" if letter.skip_reason else ""
            return f"{letter.get_state_display()}{reason}"
        return str(Delivery(letter.last).label) if letter.last else gettext("waits to be sent")

    return [(letter, title_of(letter.kind), state(letter)) for letter in rows]


def context(request: HttpRequest, subject: DataSubject, at: datetime | None) -> dict:
    """The page's context. subject: with `hints`; at: the moment (None: now). Constant in queries."""
    known = past.one(subject, at)
    then = known or past.first(subject)
    disputed = set() if at else set(subject.search_keys.disputed().values_list("pk", flat=True))
    emails = {key.pk for key in subject.hints if key.kind == IndexKind.EMAIL}
    found = {
        "subject": then,
        "unknown": known is None,
        # what people are found by is kept for now alone
        "hints": [] if at else [(IndexKind(key.kind).label, key.hint, key.pk in disputed) for key in subject.hints],
        # nothing is left to write to: what DESIGN calls this standing, stored for nobody (ADR 7)
        "address_disputed": Standing.DISPUTED_ADDRESS.label if not at and emails and emails <= disputed else "",
        "has_email": bool(emails),
        "values": values(request, then, at),
        "letters": _letters(then, at),
        "looks": _looks(then, at),
        "events": [
            (event, actor_name(event.actor, event.user))
            for event in CabinetEvent.objects.filter(subject=then, **_until(at, "at"))
            .select_related("user")
            .order_by("-pk")[:SHOWN]
        ],
        "tasks": [task for task in past.rows(Task, at, subject=then) if task.closed_at is None],
        "timeline": timeline(request, then, at),
        "parts": [
            {"template": part.template, **shown}
            for part in sorted(PARTS, key=lambda part: part.order)
            if (shown := part.context(request, then, at)) is not None
        ],
        "may_see_history": request.user.has_perm("subjects.view_personaldata"),
        "may_see_letters": request.user.has_perm("notifications.view_letter"),
        "may_reveal": request.user.has_perm("subjects.reveal_value"),
        "may_make_file": file_rules.may_make_file(by=request.user),
    }
    if at is None:  # the past is only looked at
        found |= {
            "may_correct": rules.may_correct_email(by=request.user),
            "may_issue": rules.may_issue_paper_code(subject, by=request.user),
            "recordable": recordable(request),
        }
    return found
