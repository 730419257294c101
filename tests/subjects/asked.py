"""Requests of people as rows, step by step as the database lets them be taken; their services have tests of their own."""

from django.utils import timezone

from staff.models import StaffUser
from subjects import deadlines, evidence
from subjects.models import DataSubject, SubjectRequest
from subjects.requests import RequestState
from tests.staff.factories import as_officer


def ask(person: DataSubject, *, disclosure: str = "subject") -> SubjectRequest:
    """The person asks in the cabinet what is held; the clock runs."""
    now = timezone.now()
    row = SubjectRequest.objects.create(
        subject=person, kinds=["access"], channel="cabinet", language="kk", received_at=now, identity="cabinet",
        identified_at=now, disclosure=disclosure,
    )  # fmt: skip
    deadlines.start(rule_code="ACCESS", about=row.about, at=now)
    return row


def answer(row: SubjectRequest, *, by: StaffUser) -> None:
    """An officer takes it up, grants it and answers."""
    with as_officer(by):
        row.state = RequestState.ACKNOWLEDGED
        row.save()
        row.state, row.decided_by, row.decided_at = RequestState.ACCEPTED, by, timezone.now()
        row.save()
        row.sealed_answer = evidence.seal(subject=row.subject, what="subjects.request_answer", parts={"value": "…"})
        row.state, row.answered_at, row.answer_sha256 = RequestState.FULFILLED, timezone.now(), "0" * 64
        row.save()
        deadlines.meet(deadline=deadlines.of(row.about).get())
