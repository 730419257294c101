"""Old sign-in codes go every night; the way in and what happened at the door stay."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from structlog.testing import capture_logs

from notifications import delivery
from notifications.models import Letter
from subjects import purge, sign_in, tasks
from subjects.models import CabinetEvent, CabinetSession, HandoverUse, SignInCode
from tests.notifications.conftest import operator, sink  # noqa: F401
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory
from tests.subjects.test_sign_in import KNOWN, PHONE, UNKNOWN, ask, code_from

pytestmark = pytest.mark.django_db


def test_old_sessions_and_used_tokens_go_and_living_ones_stay():
    person, long_ago = DataSubjectFactory(), timezone.now() - timedelta(days=91)
    old, young = CabinetSession.objects.create(subject=person), CabinetSession.objects.create(subject=person)
    CabinetSession.objects.filter(pk=old.pk).update(began_at=long_ago, seen_at=long_ago)
    now = timezone.now()
    HandoverUse.objects.create(issuer="site", digest=b"1" * 32, expires_at=now - timedelta(days=2))
    HandoverUse.objects.create(issuer="site", digest=b"2" * 32, expires_at=now)
    assert purge.purge_sessions() == 2
    assert CabinetSession.objects.get() == young
    assert bytes(HandoverUse.objects.get().digest) == b"2" * 32
    assert purge.purge_sessions() == 0


def aged(days: float, **kwargs) -> SignInCode:
    """A code that was asked for so many days ago."""
    asked = timezone.now() - timedelta(days=days)
    return SignInCode.objects.create(
        **{"identifier_digest": b"i" * 16, "address_digest": b"a" * 16, "expires_at": asked + sign_in.LIVES} | kwargs,
        created_at=asked,
    )


def test_codes_older_than_ninety_days_go_whosever_they_were():
    person = DataSubjectFactory()
    old = [aged(91, subject=person), aged(400), aged(91, channel="paper", subject=person)]
    young = [aged(89, subject=person), aged(0)]
    tasks.purge_codes()
    assert not SignInCode.objects.filter(pk__in=[code.pk for code in old]).exists()
    assert SignInCode.objects.filter(pk__in=[code.pk for code in young]).count() == 2


def test_a_code_that_still_opens_is_never_deleted_however_old():
    """Somebody's clock jumped, or a longer-lived kind of code came: what works is not taken away."""
    alive = aged(91, expires_at=timezone.now() + timedelta(minutes=1))
    tasks.purge_codes()
    assert SignInCode.objects.filter(pk=alive.pk).exists()


def test_what_happened_at_the_door_stays_and_the_session_goes_on(client, operator, sink):  # noqa: F811
    DataSubjectFactory(email="aigerim@example.kz", iin=KNOWN, phone=PHONE)
    ask(client)
    client.post("/cabinet/code/", {"code": code_from(sink)})
    ask(Client(), UNKNOWN)
    happened = list(CabinetEvent.objects.values())
    letters = list(Letter.objects.values())
    SignInCode.objects.update(
        created_at=timezone.now() - timedelta(days=91), expires_at=timezone.now() - timedelta(days=91)
    )
    tasks.purge_codes()
    assert not SignInCode.objects.exists()
    assert list(CabinetEvent.objects.values()) == happened
    assert list(Letter.objects.values()) == letters
    assert client.get("/cabinet/").status_code == 200


def test_a_letter_whose_code_is_gone_is_skipped_and_not_sent(operator, sink):  # noqa: F811
    person = DataSubjectFactory(email="aigerim@example.kz")
    code = aged(91, subject=person, expires_at=timezone.now() - timedelta(days=91))
    letter = sign_in.write(
        kind=sign_in.KIND, cause=f"subjects.SignInCode:{code.pk}#{sign_in.KIND}", language="kk", subject_id=person.pk
    )
    tasks.purge_codes()
    delivery.deliver_due()
    letter.refresh_from_db()
    assert (letter.state, letter.skip_reason, sink.messages()) == ("skipped", "outdated", [])


def test_a_full_batch_takes_the_oldest_and_rings_for_the_next(monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(purge, "BATCH", 3)
    for days in (95, 94, 93, 92, 91):
        aged(days)
    rung = []
    for left in (2, 0):
        with django_capture_on_commit_callbacks() as callbacks:
            tasks.purge_codes()
        assert SignInCode.objects.count() == left
        rung.append([callback.args for callback in callbacks])
    assert rung == [[("subjects.purge_codes", ())], []]


def test_a_night_without_old_codes_reads_one_batch_of_many(monkeypatch):
    monkeypatch.setattr(purge, "BATCH", 20)
    aged(1)
    SignInCode.objects.bulk_create(
        SignInCode(identifier_digest=b"", address_digest=b"", expires_at=timezone.now()) for _ in range(5000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE subjects_signincode")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert purge.purge_codes() == 0
    (statement,) = [query["sql"] for query in asked]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {statement}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Seq Scan" not in plan, plan


def test_the_log_says_how_many_and_nothing_of_whom():
    aged(91, subject=DataSubjectFactory())
    with capture_logs() as logged:
        tasks.purge_codes()
    assert logged == [{"event": "old sign-in codes were deleted", "count": 1, "log_level": "info"}]


def test_a_paper_code_issued_today_outlives_the_night():
    person = DataSubjectFactory(email=None)
    officer = permit(StaffUserFactory(), "subjects.issue_paper_code")
    with as_officer(officer):
        sign_in.issue_on_paper(subject=person, by=officer)
    tasks.purge_codes()
    assert SignInCode.objects.filter(subject=person, channel="paper").exists()
