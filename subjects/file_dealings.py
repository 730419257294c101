"""What the subject file says of our dealings with the person: loans, requests, decisions, letters, looks."""

from datetime import datetime

from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from audit import past
from notifications.enums import Delivery
from notifications.models import DeliveryEvent, Letter
from notifications.ports import title_of
from subjects import looks
from subjects.disclosure import told
from subjects.file_data import joined
from subjects.models import (
    Application,
    AutomatedDecision,
    CabinetEvent,
    CabinetSession,
    Contract,
    Deadline,
    DenialDispute,
    DenylistEntry,
    LegalHold,
    PlannedDestruction,
    RequestFile,
    SubjectRequest,
    TextMessage,
)
from subjects.subject_file import LEFT_OUT, SECTIONS, Cell, Reading, Section, Table, choice, day, text, when


def applications(reading: Reading) -> Table:
    columns = {"number": _("number"), "state": _("state"), "applied": _("applied at"), "since": _("since")}
    rows = past.rows(Application, reading.at, subject=reading.subject)
    return Table(columns, [[text(r.number), choice(r, "state"), day(r.applied_at), day(r.state_since)] for r in rows])


def contracts(reading: Reading) -> Table:
    columns = {
        "number": _("number"), "state": _("state"), "opened": _("opened at"),
        "overdue": _("overdue since"), "performed": _("performed at"),
    }  # fmt: skip
    rows = past.rows(Contract, reading.at, subject=reading.subject)
    return Table(
        columns,
        [
            [text(r.number), choice(r, "state"), day(r.opened_at), day(r.overdue_since), day(r.performed_at)]
            for r in rows
        ],
    )


def requests(reading: Reading) -> Table:
    """What the person asked, until when it was to be answered, and how it ended."""
    rows = told(SubjectRequest, reading.subject, reading.at)
    due: dict[str, datetime] = {}
    for deadline in past.rows(Deadline, reading.at, about__in=[row.about for row in rows]):
        due[deadline.about] = min(due.get(deadline.about, deadline.due_at), deadline.due_at)
    columns = {
        "number": _("number"), "asked": _("what is asked"), "channel": _("channel"),
        "received": _("received at"), "due": pgettext_lazy("deadline", "due at"), "state": _("state"),
        "answered": _("answered at"), "refusal": _("ground of the refusal"),
    }  # fmt: skip
    return Table(
        columns,
        [
            [
                text(row), Cell(joined(row.asked), list(row.kinds)), choice(row, "channel"), when(row.received_at),
                day(due.get(row.about)), Cell(row.state_words, row.state), when(row.answered_at),
                Cell(row.refused_words, row.refused) if row.refusal_told else text(None),
            ]
            for row in rows
        ],
    )  # fmt: skip


def destruction(reading: Reading) -> Table:
    """What a granted request to destroy leaves for later, and until when a law or rule keeps it."""
    known = {row.pk: row for row in told(SubjectRequest, reading.subject, reading.at)}
    rows = PlannedDestruction.objects.filter(subject_request__in=list(known), **reading.until())
    titles = {row.pk: row for row in reading.categories.values()}
    columns = {
        "request": pgettext_lazy("of a person", "request"), "category": _("Data category"), "count": _("values"),
        "until": _("Kept until"),
    }  # fmt: skip
    return Table(
        columns,
        [
            [
                text(known[row.subject_request_id]),
                Cell(str(titles[row.category_id]), titles[row.category_id].code),
                Cell(number_format(row.count), row.count), day(row.until),
            ]
            for row in rows.order_by("pk")
        ],
    )  # fmt: skip


def request_files(reading: Reading) -> Table:
    """Papers of requests, handed in and given back; what only shows our own work is none of the person's."""
    known = {row.pk: row for row in told(SubjectRequest, reading.subject, reading.at)}
    rows = RequestFile.objects.filter(subject_request__in=list(known), **reading.until())
    rows = rows.exclude(kind=RequestFile.Kind.WORK).defer("sealed").order_by("pk")
    columns = {
        "request": pgettext_lazy("of a person", "request"), "kind": _("kind"), "at": _("kept since"), "type": _("type"),
        "size": _("size in bytes"), "sha256": _("SHA-256"),
    }  # fmt: skip
    return Table(
        columns,
        [
            [
                text(known[row.subject_request_id]), choice(row, "kind"), when(row.at), text(row.media_type),
                Cell(number_format(row.size), row.size), text(row.sha256),
            ]
            for row in rows
        ],
    )  # fmt: skip


def decisions(reading: Reading) -> Table:
    """What machines decided alone, on which data, and the human who looked again (Digital Code)."""
    columns = {
        "kind": _("decision"), "outcome": _("outcome"), "made": _("made at"),
        "categories": _("data categories"), "asked": _("human review asked at"),
        "review": _("outcome of the review"),
    }  # fmt: skip
    return Table(
        columns,
        [
            [
                choice(row, "kind"), choice(row, "outcome"), when(row.occurred_at),
                Cell(joined(map(reading.category, row.categories)), list(row.categories)),
                when(row.review_asked_at), choice(row, "review"),
            ]
            for row in past.rows(AutomatedDecision, reading.at, subject=reading.subject)
        ],
    )  # fmt: skip


def denials(reading: Reading) -> Table:
    """The list of persons denied a microcredit (policy 1.1), and what became of a dispute about it."""
    now = reading.at or timezone.now()
    rows = [
        row
        for row in past.rows(DenylistEntry, reading.at, subject=reading.subject)
        if row.in_force_during is not None and row.in_force_during.lower <= now
    ]
    disputes = {d.entry_id: d for d in past.rows(DenialDispute, reading.at, entry__in=[row.pk for row in rows])}
    columns = {
        "kind": _("kind"), "reason": _("reason"), "origin": _("source"), "since": _("since"),
        "until": _("until"), "dispute": _("dispute"),
    }  # fmt: skip
    found = []
    for row in rows:
        ended = row.in_force_during.upper if row.in_force_during.upper and row.in_force_during.upper <= now else None
        dispute = disputes.get(row.pk)
        found.append(
            [
                choice(row, "kind"), choice(row, "reason"), choice(row, "origin"), day(row.in_force_during.lower),
                day(ended),
                text(None) if dispute is None else _outcome(row, dispute, ended=ended is not None),
            ]
        )  # fmt: skip
    return Table(columns, found)


def _outcome(entry: DenylistEntry, dispute: DenialDispute, *, ended: bool) -> Cell:
    if not dispute.outcome:
        return Cell(gettext("not decided yet"), "open")
    outcome = dispute.outcome_of(entry, ended=ended)
    return Cell(str(outcome.label), outcome.value)


def holds(reading: Reading) -> Table:
    """Why data may not be destroyed for now; a check by a state body is not told of: it may be one of secrecy."""
    columns = {
        "kind": _("kind"), "number": _("number of the case"), "since": _("since"), "until": _("until"),
        "lifted": _("lifted at"),
    }  # fmt: skip
    rows = past.rows(LegalHold, reading.at, subject=reading.subject)
    return Table(
        columns,
        [
            [choice(r, "kind"), text(r.case_number), day(r.since), day(r.until), day(r.lifted_at)]
            for r in rows
            if r.kind != LegalHold.Kind.AUTHORITY
        ],
    )


def letters(reading: Reading) -> Table:
    """Which letters were written to the person and what became of them; their texts are in the cabinet and the mail."""
    last = DeliveryEvent.objects.filter(letter=OuterRef("pk"), **reading.until()).order_by("-at", "-pk")
    rows = Letter.objects.filter(subject=reading.subject, **reading.until("created_at"))
    rows = rows.annotate(last_kind=Subquery(last.values("kind")[:1]), last_at=Subquery(last.values("at")[:1]))
    columns = {
        "letter": _("Letter"), "language": _("language"), "written": _("written at"), "state": _("state"),
        "state_at": _("since"),
    }  # fmt: skip
    return Table(
        columns,
        [
            [
                Cell(title_of(row.kind), row.kind), choice(row, "language"), when(row.created_at),
                Cell(str(Delivery(row.last_kind).label), row.last_kind) if row.last_kind
                else Cell(gettext("waits to be sent"), "queued"),
                when(row.last_at),
            ]
            for row in rows.order_by("pk")
        ],
    )  # fmt: skip


def text_messages(reading: Reading) -> Table:
    """Which SMS went to the person; neither the number nor the words are kept."""
    rows = TextMessage.objects.filter(subject=reading.subject, **reading.until("created_at")).order_by("pk")
    columns = {
        "kind": _("SMS"), "language": _("language"), "written": _("written at"), "state": _("state"),
        "state_at": _("since"),
    }  # fmt: skip
    return Table(
        columns,
        [
            [
                choice(row, "kind"), choice(row, "language"), when(row.created_at),
                choice(row, "state") if _by(reading, row.done_at) else Cell(gettext("waits to be sent"), "queued"),
                when(_by(reading, row.done_at)),
            ]
            for row in rows
        ],
    )  # fmt: skip


def sessions(reading: Reading) -> Table:
    """Who was in the cabinet, as the person may look it over: how they came in, from what kind of device."""
    rows = CabinetSession.objects.filter(subject=reading.subject, **reading.until("began_at")).order_by("pk")
    columns = {
        "how": _("how you signed in"), "device": _("device"), "browser": _("browser"), "began": _("began at"),
        "ended": _("ended at"),
    }  # fmt: skip
    return Table(
        columns,
        [
            [
                choice(row, "how"), choice(row, "device"), text(row.browser), when(row.began_at),
                when(_by(reading, row.ended_at)),
            ]
            for row in rows
        ],
    )  # fmt: skip


def _by(reading: Reading, moment: datetime | None) -> datetime | None:
    """The moment, if it had come by that of the file."""
    return moment if moment and (reading.at is None or moment <= reading.at) else None


def cabinet(reading: Reading) -> Table:
    """What happened at the door of the cabinet, day by day."""
    rows = CabinetEvent.objects.filter(subject=reading.subject, **reading.until()).order_by("pk")
    counted: dict[tuple[str, str], tuple[Cell, Cell, int]] = {}
    for row in rows:
        that_day, kind = day(row.at), choice(row, "kind")
        key = (that_day.value, row.kind)
        counted[key] = (that_day, kind, counted.get(key, (that_day, kind, 0))[2] + 1)
    columns = {"day": _("day"), "what": _("what happened"), "times": pgettext_lazy("how often", "times")}
    return Table(columns, [[that, kind, Cell(number_format(n), n)] for that, kind, n in counted.values()])


def looked(reading: Reading) -> Table:
    """Who looked at the record: role and purpose, not names."""
    titles = {code: str(row) for code, row in reading.categories.items()}
    columns = {
        "day": _("day"), "who": _("who"), "what": _("at what"), "why": _("why"),
        "times": pgettext_lazy("how often", "times"),
    }  # fmt: skip
    return Table(
        columns,
        [
            [
                day(look.day), text(look.who), Cell(look.what, look.category),
                text(look.why), Cell(number_format(look.count), look.count),
            ]
            for look in looks.of_person(reading.subject, titles, reading.at)
        ],
    )  # fmt: skip


SECTIONS += [
    Section(40, "applications", _("Applications"), ("subjects.Application",), applications),
    Section(42, "contracts", _("Contracts"), ("subjects.Contract",), contracts),
    Section(60, "requests", _("Your requests"), ("subjects.SubjectRequest",), requests),
    Section(
        61, "destruction", _("What will be destroyed at your request"), ("subjects.PlannedDestruction",), destruction
    ),
    Section(61, "request_files", _("Files of your requests"), ("subjects.RequestFile",), request_files),
    Section(62, "decisions", _("Decisions made without a human"), ("subjects.AutomatedDecision",), decisions),
    Section(
        64, "denylist", _("List of persons denied a microcredit"),
        ("subjects.DenylistEntry", "subjects.DenialDispute"), denials,
    ),
    Section(66, "holds", _("Why data may not be destroyed"), ("subjects.LegalHold",), holds),
    Section(
        80, "letters", _("Letters to you"), ("notifications.Letter", "notifications.DeliveryEvent"), letters
    ),
    Section(81, "text_messages", _("SMS to you"), ("subjects.TextMessage",), text_messages),
    Section(83, "sessions", _("Your visits to the cabinet"), ("subjects.CabinetSession",), sessions),
    Section(82, "cabinet", _("Your cabinet"), ("subjects.CabinetEvent",), cabinet),
    Section(90, "looks", _("Who looked at your record"), ("audit.AccessRecord",), looked),
]  # fmt: skip
LEFT_OUT |= {
    "subjects.SignInCode": "lives minutes; what happened at the door stands in `cabinet`",
    "subjects.AmlEntry": "withheld from the person by law (191-IV; DESIGN 4)",
    "subjects.Task": "a reminder among officers; what it leads to stands in data, letters and requests",
    "subjects.RequestNote": "what colleagues tell each other of a request, never shown; `requests` says how it ended",
    "subjects.RequestItem": "steps of our own work; how the request ended stands in `requests`",
}
