"""Sessions that are over go every night; those somebody works in stay, whichever door they came through."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from structlog.testing import capture_logs

from staff import sessions, tasks
from staff.models import SignIn
from tests.staff.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def old_sessions(count: int) -> None:
    now = timezone.now()
    Session.objects.bulk_create(
        Session(session_key=f"old{n:037d}", session_data="x", expire_date=now - timedelta(minutes=n + 1))
        for n in range(count)
    )


@pytest.fixture
def officer_and_customer(member):
    """Two browsers with a session each: one signed in to admin, one half-way through the cabinet's door."""
    officer, customer = Client(), Client()
    user = member("dpo")
    officer.post("/admin/login/", {"username": user.username, "password": PASSWORD})
    customer.post("/cabinet/sign-in/", {"identifier": "+7 701 234 56 78"})
    assert Session.objects.count() == 2
    return officer, customer


def test_expired_sessions_of_both_doors_go_and_open_ones_stay(officer_and_customer):
    officer, customer = officer_and_customer
    old_sessions(5)
    tasks.purge_sessions()
    assert Session.objects.count() == 2
    assert officer.get("/admin/").status_code == 200
    assert customer.get("/cabinet/code/").status_code == 200
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    tasks.purge_sessions()
    assert not Session.objects.exists()
    assert officer.get("/admin/").status_code == 302
    assert SignIn.objects.exists(), "that somebody signed in is known for ever"


def test_a_full_batch_takes_the_oldest_and_rings_for_the_next(monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(sessions, "BATCH", 3)
    old_sessions(5)
    rung = []
    for _ in range(2):
        with django_capture_on_commit_callbacks() as callbacks:
            tasks.purge_sessions()
        rung.append([callback.args for callback in callbacks])
        left = set(Session.objects.values_list("session_key", flat=True))
        assert left <= {f"old{n:037d}" for n in range(2)}
    assert rung == [[("staff.purge_sessions", ())], []]
    assert not left


def test_the_log_says_how_many_and_nothing_of_whom():
    old_sessions(4)
    with capture_logs() as logged:
        tasks.purge_sessions()
    assert logged == [{"event": "expired sessions were deleted", "count": 4, "log_level": "info"}]
