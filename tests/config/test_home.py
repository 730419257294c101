"""The officers' home says what waits for whom."""

import pytest

from policies import services
from subjects.models import Task
from tests.policies.factories import approver, author, draft
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db


def home(client, user) -> str:
    client.force_login(user)
    client.cookies["django_language"] = "en"
    response = client.get("/admin/")
    assert response.status_code == 200
    return response.content.decode()


def test_a_version_in_review_waits_for_whoever_may_approve_it_and_not_for_its_author(client):
    first, second = author(), approver()
    version = draft(by=first)
    assert "is a draft" in home(client, first)
    with as_officer(first):
        services.submit(version, by=first)
    assert "waits for approval" in home(client, second)
    assert "waits for approval" not in home(client, first)


def test_an_open_task_is_counted_for_whoever_may_close_it(client):
    Task.objects.create(kind=Task.Kind.DISPUTED_ADDRESS, subject=DataSubjectFactory())
    assert "Letters reached strangers" in home(client, permit(StaffUserFactory(), "subjects.change_task"))
    assert "Letters reached strangers" not in home(client, StaffUserFactory())


def test_nothing_waiting_says_so_and_shows_no_figures_without_rights(client):
    page = home(client, StaffUserFactory())
    assert "Nothing waits for you" in page
    assert "nothing your role may see" in page


def test_the_state_of_the_house_is_for_those_who_may_see_it(client):
    DataSubjectFactory()
    assert "People we hold data on" in home(client, permit(StaffUserFactory(), "subjects.view_datasubject"))
