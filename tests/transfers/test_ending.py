"""Agreements about to end: officers are told once, in their language, and the home page says so."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from audit.actor import acting_as
from notifications.models import Letter
from notifications.ports import KINDS
from staff import opening
from staff.enums import Role
from tests.staff.conftest import member  # noqa: F401
from tests.transfers import factories
from transfers import letters, tasks
from transfers.models import Agreement

pytestmark = pytest.mark.django_db


@pytest.fixture
def soon() -> Agreement:
    whom, today = factories.recipient(), timezone.localdate()
    factories.agree(whom, number="far", valid_to=today + timedelta(days=31))
    return factories.agree(whom, number="near", valid_to=today + timedelta(days=30))


def test_officers_alone_are_told_and_each_once_an_agreement(member, soon):  # noqa: F811
    officer = member(Role.OFFICER, username="o", email="o@example.kz", language="kk")
    member(Role.AUDITOR, username="a", email="a@example.kz")
    tasks.tell_of_ending()
    tasks.tell_of_ending()
    (letter,) = Letter.objects.filter(kind=letters.AGREEMENT_ENDING)
    assert (letter.staff, letter.language) == (officer, "kk")
    told = KINDS[letter.kind].context(letter.cause, "ru")
    assert told["number"] == "near" and told["agreement_link"].endswith(f"/agreement/{soon.pk}/change/")


def test_it_is_not_sent_any_more_when_two_closed_the_agreement(member, soon):  # noqa: F811
    first = member(Role.OFFICER, username="o", email="o@example.kz")
    second = member(Role.DPO, username="d", email="d@example.kz")
    tasks.tell_of_ending()
    letter = Letter.objects.get(kind=letters.AGREEMENT_ENDING)
    assert KINDS[letter.kind].is_current(letter.cause)
    with acting_as(f"officer:{first.pk}"):
        opening.propose_closing(soon, by=first)
    with acting_as(f"officer:{second.pk}"):
        opening.approve_closing(soon, by=second)
    assert not KINDS[letter.kind].is_current(letter.cause)


def test_the_home_page_counts_them(member, soon):  # noqa: F811
    client = Client(headers={"accept-language": "en"})
    client.force_login(member(Role.OFFICER, username="o"))
    shown = client.get("/admin/").content.decode()
    assert "Agreements with recipients end within 30 days" in shown and "Transfers today" in shown


def test_it_is_done_daily():
    assert "transfers.tell_of_ending" in {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
