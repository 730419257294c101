"""What the cabinet's home says of requests: those that wait for the person, those under way, fresh answers."""

from datetime import timedelta

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from subjects import cabinet, duplicates, request_queues
from subjects.models import DataSubject, SubjectRequest
from subjects.own_requests import WORDS
from subjects.requests import OPEN

FRESH = timedelta(days=14)
SHOWN = 3


def requests(request: HttpRequest, subject: DataSubject) -> dict | None:
    """The newest three of them, or None when nothing is under way; four queries."""
    mine = SubjectRequest.objects.of_person(duplicates.files_at(subject, None))
    rows = mine.filter(Q(state__in=OPEN) | Q(answered_at__gt=timezone.now() - FRESH))
    found = list(rows.defer("sealed_text", "sealed_value", "sealed_answer")[:SHOWN])
    due = request_queues.due_of(found) if found else {}
    told = [(row, [str(WORDS[kind][0]) for kind in row.kinds], due.get(row.pk)) for row in found]
    return {"requests": told} if told else None


cabinet.PARTS.append(cabinet.Part(20, "cabinet/_requests.html", requests))
cabinet.LINKS.append(cabinet.Link(12, "cabinet:requests", _("My requests")))
