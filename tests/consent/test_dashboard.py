"""What waits for an officer at home: a colleague's proposals, and systems that have not obeyed a change."""

from datetime import timedelta

import pytest
from django.test import RequestFactory
from django.utils import translation

from consent import dashboard, drafting, feed, ledger
from consent.models import Subscriber
from tests.consent.factories import BY_CODE, form, given, version
from tests.consent.system import client_and_key
from tests.staff.factories import StaffUserFactory, as_officer, permit

pytestmark = pytest.mark.django_db


def told(user, part) -> list[tuple[str, int]]:
    request = RequestFactory().get("/admin/")
    request.user = user
    with translation.override("en"):
        return [(str(need.text), need.count) for need in part(request)]


def test_a_form_in_review_waits_for_whoever_did_not_submit_it():
    rights = (
        "consent.add_consentformversion",
        "consent.submit_consentformversion",
        "consent.approve_consentformversion",
    )
    writer, other, nobody = permit(StaffUserFactory(), *rights), permit(StaffUserFactory(), *rights), StaffUserFactory()
    version(form("C8"))
    with as_officer(writer):
        draft = drafting.start(form=form("C8"), by=writer, beginning=drafting.Beginning.LEGACY)
        draft.text_ru = "Согласен на рекламу."
        draft.save()
        drafting.submit(version=draft, by=writer)
    assert told(other, dashboard.proposals_that_wait) == [("Consent forms wait for a second person", 1)]
    assert told(writer, dashboard.proposals_that_wait) == told(nobody, dashboard.proposals_that_wait) == []


def test_a_system_that_has_not_obeyed_for_an_hour_is_told_of_until_it_obeys(person, monkeypatch):
    watcher = permit(StaffUserFactory(), "consent.view_subscriber")
    client, _key = client_and_key("dialler")
    Subscriber.objects.create(client=client)
    given(person, version(form("C8")))
    ledger.withdraw(subject=person, form=form("C8"), proof=BY_CODE)
    assert told(watcher, dashboard.systems_that_lag) == [], "it has an hour"
    monkeypatch.setattr(dashboard, "PATIENCE", timedelta(0))
    assert told(watcher, dashboard.systems_that_lag)[0][1] == 1
    assert told(StaffUserFactory(), dashboard.systems_that_lag) == []
    feed.number()
    feed.acknowledge(client=client, up_to=feed.last())
    assert told(watcher, dashboard.systems_that_lag) == []
