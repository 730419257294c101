"""What a request is answered with: the words an officer begins from, the standard ones, the PDF of the kept answer.

Everything is in the language of the request. The kept text is the answer; the PDF is printed from it whenever asked.
"""

import json
from datetime import UTC
from pathlib import Path

import typst
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from staff.models import Operator
from subjects import duplicates, ports, request_targets
from subjects.models import PersonalData
from subjects.request_parts import RequestFile
from subjects.requests import Refusal, RequestKind, SubjectRequest

TEMPLATES = Path(settings.BASE_DIR) / "templates" / "answers"


def refusal_text(request: SubjectRequest) -> str:
    """The refusal with its reason; it is kept as the answer (94-V art. 25)."""
    with translation.override(request.language):
        if request.refusals:
            reasons = _refused(request)
        else:
            reasons = [_("The reason: %(reason)s.") % {"reason": Refusal(request.refusal).label}]
        return "\n\n".join(
            (
                _("We have looked at your request %(number)s and cannot grant it.") % {"number": request},
                *reasons,
                _appeal(),
            )
        )


def _appeal() -> str:
    return _("You may complain about this to the authorised body for personal data protection, or to a court.")


def _complain() -> str:
    return _("If you do not agree, you may complain to us, to the authorised body, or to a court.")


def _refused(request: SubjectRequest) -> list[str]:
    """Each thing that is refused, with its reason (94-V art. 25)."""
    return [
        _("We cannot grant this: %(what)s. The reason: %(reason)s.")
        % {"what": RequestKind(kind).label, "reason": Refusal(ground).label}
        for kind, ground in request.refusals.items()
    ]


def said(request: SubjectRequest, text: str) -> str:
    """The answer as it is kept: the officer's text, and what is refused with its reasons, which nobody edits away.

    To somebody on whom nothing is held, the standard answer.
    """
    if request.subject_id is None:
        return nothing_held_text(request)
    if not request.refusals:
        return text.strip()
    with translation.override(request.language):
        return "\n\n".join((text.strip(), *_refused(request), _complain()))


def nothing_held_text(request: SubjectRequest) -> str:
    """The standard answer to somebody on whom we hold nothing."""
    with translation.override(request.language):
        return _("We have looked at your request %(number)s. We hold no personal data on you.") % {"number": request}


def proposed(request: SubjectRequest) -> str:
    """The answer an officer begins from: what was asked, what was done about each kind, where to complain.

    Nothing of it depends on what is withheld from the person.
    """
    with translation.override(request.language):
        if request.subject_id is None:
            return nothing_held_text(request)
        day = date_format(timezone.localdate(request.received_at), "DATE_FORMAT")
        words = [_("We have looked at your request %(number)s, received: %(day)s.") % {"number": request, "day": day}]
        for kind in request.granted:
            words += ports.answer_words.get(kind, _WORDS.get(kind, _nothing))(request)
        if not request.refusals:  # with a refusal it is said anyway
            words.append(_complain())
        return "\n\n".join(words)


def enclosed(request: SubjectRequest) -> str:
    """The files that come with the answer, told at its end with their digests: so its own digest covers them."""
    files = request.files.filter(kind=RequestFile.Kind.ANSWER).defer("sealed").order_by("pk")
    lines = [f"– {request}-{file.pk}: {file.sha256}" for file in files]
    if not lines:
        return ""
    with translation.override(request.language):
        return "\n\n" + _("Files that come with this answer, with their SHA-256:") + "\n" + "\n".join(lines)


def _nothing(request: SubjectRequest) -> list[str]:
    return []


def _values(request: SubjectRequest) -> QuerySet[PersonalData]:
    """What the person may know of, in whichever file of theirs."""
    assert request.subject is not None  # somebody on whom nothing is held gets the standard answer
    return PersonalData.objects.told().filter(subject__in=duplicates.every_file(request.subject))


def _held(request: SubjectRequest) -> list[str]:
    """By category: how many values, whose words they are, how they came in; the values are not opened."""
    rows = _values(request)
    lines: dict[tuple, int] = {}
    for row in rows.select_related("category").defer("sealed").order_by("category__order", "pk"):
        origin = row.get_origin_display() or _("not recorded")
        key = (str(row.category), origin, str(row.get_source_display()))
        lines[key] = lines.get(key, 0) + 1
    listed = [
        ngettext(
            "– %(title)s: %(count)s value; source: %(origin)s; method: %(method)s",
            "– %(title)s: %(count)s values; source: %(origin)s; method: %(method)s",
            count,
        )
        % {"title": title, "count": count, "origin": origin, "method": method}
        for (title, origin, method), count in lines.items()
    ]
    if not listed:
        return [_("We hold no values of yours.")]
    said = [_("We process your personal data. What we hold:") + "\n" + "\n".join(listed)]
    said.append(_("Everything else, the values too, is in the file that comes with this answer."))
    said.append(
        _("For which purposes, until when and who received it stands in your cabinet, on the pages about your data.")
    )
    return said


def _confirmed(request: SubjectRequest) -> list[str]:
    held = _values(request).exists()
    return [_("We confirm that we process your personal data.") if held else _("We hold no values of yours.")]


def _corrected(request: SubjectRequest) -> list[str]:
    if request.category is None:
        return [_("The data are corrected as you asked.")]
    return [_("The data are corrected: %(category)s.") % {"category": request.category}]


def _reviewed(request: SubjectRequest) -> list[str]:
    rows = request_targets.to_look_at_again(request).exclude(reviewed_at=None)
    return [
        _("A member of our staff has looked again at the decision “%(decision)s” of %(day)s: %(outcome)s.")
        % {
            "decision": row.get_kind_display(),
            "day": date_format(timezone.localdate(row.occurred_at), "DATE_FORMAT"),
            "outcome": row.get_review_display(),
        }
        for row in rows
    ] or [_("A member of our staff has looked again at the decision.")]


_WORDS = {
    RequestKind.ACCESS: _held,
    RequestKind.CONFIRM: _confirmed,
    RequestKind.CORRECT: _corrected,
    RequestKind.BLOCK: lambda request: [
        _("Your data are blocked: nothing is done with them until the question is settled, and nothing is destroyed.")
    ],
    RequestKind.UNBLOCK: lambda request: [_("The blocking of your data has ended.")],
    RequestKind.COMPLAINT: lambda request: [_("We have looked into your complaint.")],
    RequestKind.HUMAN_REVIEW: _reviewed,
}


def pdf(request: SubjectRequest, text: str) -> bytes:
    """The answer on paper: PDF/A with readable structure; the same bytes for the same answer.

    text: the kept answer, opened by who may read it.
    """
    operator = Operator.current()
    with translation.override(request.language):
        page = {
            "language": request.language,
            "title": _("Answer to request %(number)s") % {"number": request},
            "operator": operator.name(request.language) if operator else "",
            "contact": " · ".join(filter(None, (operator.email, operator.phone))) if operator else "",
            "facts": [
                [_("Received"), date_format(timezone.localtime(request.received_at), "DATETIME_FORMAT")],
                [_("Answered"), date_format(timezone.localtime(request.answered_at), "DATETIME_FORMAT")],
                [_("What was asked"), "; ".join(request.asked)],
                [_("Data subject"), str(request.subject) if request.subject_id else "—"],
            ],
            "text": text,
            "proof": _("SHA-256 of the text of the answer"),
            "sha256": request.answer_sha256,
            "date": {name: getattr(request.answered_at, name) for name in ("year", "month", "day")},
        }
    given = {
        "root": str(TEMPLATES),
        "ignore_system_fonts": True,
        "sys_inputs": {"page": json.dumps(page, ensure_ascii=False)},
        "timestamp": request.answered_at.astimezone(UTC).replace(microsecond=0),
    }
    source = str(TEMPLATES / "answer.typ")
    try:
        return typst.compile(source, pdf_standards=["a-3a", "ua-1"], **given)
    except typst.TypstError:
        # a sign that no font here has: a box on paper
        return typst.compile(source, **given)
