"""The officers' screen: whose consent covers less, and asking them."""

import pytest
from django.test import Client
from django.urls import reverse

from notifications.models import Campaign
from tests.consent.factories import given, version
from tests.staff.conftest import member  # noqa: F401
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(member):  # noqa: F811
    def at(role: str, language: str = "en") -> Client:
        client = Client(HTTP_ACCEPT_LANGUAGE=language)
        client.force_login(member(role, language=language))
        return client

    return at


def page(client, name, **files):
    response = client.post(reverse(name), files) if files else client.get(reverse(name))
    return response, " ".join(response.content.decode().split())


def test_the_screen_names_what_kazakh_readers_were_not_told_and_the_button_writes_to_them(browser):
    of = version(purposes={"contract": "kk ru", "identification": "ru"})
    given(DataSubjectFactory(), of, language="kk")
    client = browser("dpo")
    response, text = page(client, "admin:consent_coverage")
    assert response.status_code == 200
    assert "identification" in text
    assert "<td>kk</td>" in text
    response = client.post(reverse("admin:consent_ask", args=["C1"]))
    campaign = Campaign.objects.get(kind="consent_asked")
    assert response.url == reverse("admin:notifications_campaign_change", args=[campaign.pk])
    again = client.post(reverse("admin:consent_ask", args=["C1"]), follow=True)
    assert "People were asked about this version already." in again.content.decode()
    assert Campaign.objects.filter(kind="consent_asked").count() == 1


def test_with_nothing_to_tell_the_screen_says_so_and_an_auditor_has_no_button(browser):
    _response, text = page(browser("auditor"), "admin:consent_coverage")
    assert "Every consent covers what its form names" in text
    given(DataSubjectFactory(), version(purposes={"contract": "kk ru", "identification": "ru"}), language="kk")
    _response, text = page(browser("auditor"), "admin:consent_coverage")
    assert "identification" in text
    assert "Ask these people" not in text


def test_the_screen_costs_the_same_however_many_people_there_are(browser, django_assert_max_num_queries):
    of = version(purposes={"contract": "kk ru", "identification": "ru"})
    for _n in range(5):
        given(DataSubjectFactory(email=None), of, language="kk")
    client = browser("dpo")
    page(client, "admin:consent_coverage")
    with django_assert_max_num_queries(30):
        page(client, "admin:consent_coverage")
