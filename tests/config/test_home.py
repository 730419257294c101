"""The officers' home says what waits for whom."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.actor import acting_as
from policies import services
from staff import opening
from staff.enums import Role
from staff.models import StaffUser
from subjects import denylist, registers
from subjects import services as people
from subjects.models import AmlEntry, DataSubject, DenylistEntry, Task
from tests.policies.factories import approver, author, draft
from tests.staff.conftest import member  # noqa: F401
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects import restraints
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


def test_what_strangers_came_by_is_told_apart(client):
    person, officer = DataSubjectFactory(), permit(StaffUserFactory(), "subjects.change_task", "subjects.view_task")
    for kind in Task.Kind:
        Task.objects.create(kind=kind, subject=person)
    page = home(client, officer)
    for label in ("Letters reached strangers", "Codes reached strangers", "Strangers were let into cabinets"):
        assert page.count(label) == 1
    link = re.search(r'href="([^"]*kind__exact=not_me)"', page)[1].replace("&amp;", "&")
    listed = client.get(link).content.decode()
    assert "a stranger was let into the cabinet" in listed
    with as_officer(officer):
        closed = people.settle_disputed_address(task=Task.objects.get(kind="not_me"), by=officer)
    assert closed.history.first().history_change_reason in ("", None), "it says nothing of an address that is right"


def test_nothing_waiting_says_so_and_shows_no_figures_without_rights(client):
    page = home(client, StaffUserFactory())
    assert "Nothing waits for you" in page
    assert "nothing your role may see" in page


def test_the_state_of_the_house_is_for_those_who_may_see_it(client):
    DataSubjectFactory()
    assert "People we hold data on" in home(client, permit(StaffUserFactory(), "subjects.view_datasubject"))


# financial monitoring (191-IV; DESIGN 4)

WAITS, DUE = "Financial monitoring: approve or decline", "Financial monitoring: review entries"


def monitored_today(by: StaffUser, then: StaffUser) -> DataSubject:
    """A person on the list whose entry is to be reviewed today."""
    row = AmlEntry(subject=DataSubjectFactory(), reason="sanctions", review_on=timezone.localdate())
    with as_officer(by):
        opening.propose(row, by=by)
    with as_officer(then):
        return opening.approve(row, by=then).subject


def propose(by: StaffUser) -> None:
    with as_officer(by):
        denylist.propose_aml(
            subject=DataSubjectFactory(), reason="suspicious", review_on=restraints.soon(), by=by, note="дело 5"
        )


def count_of(page: str, query: str) -> str:
    """The figure beside the link to this queue; nothing where the row is not there."""
    row = page.partition(f"/admin/subjects/amlentry/?review={query}")[2].partition("</li>")[0]
    return (re.findall(r">\s*(\d+)\s*<", row) or [""])[0]


def test_monitoring_waits_for_who_may_approve_it_and_comes_up_for_review(client, member):  # noqa: F811
    officer, dpo = member(Role.OFFICER), member(Role.DPO)
    assert WAITS not in home(client, dpo)
    propose(officer)
    propose(officer)
    monitored_today(officer, dpo)
    page = home(client, dpo)
    assert (WAITS in page, DUE in page) == (True, True)
    assert (count_of(page, "waiting"), count_of(page, "due")) == ("2", "1")
    page = home(client, officer)
    assert (WAITS in page, DUE in page) == (False, True), "one's own proposals wait for somebody else"


def test_a_dispute_waits_for_who_may_decide_it_and_not_for_those_who_put_the_person_there(client, member):  # noqa: F811
    with acting_as("command:load_registers@test"):
        registers.load_clock()
    officer, dpo = member(Role.OFFICER), member(Role.DPO)
    entry = restraints.deny(DataSubjectFactory(), by=officer, then=dpo)
    denylist.dispute(entry=entry)
    disputed = "People dispute that they are on the denylist"
    assert [disputed in home(client, one) for one in (officer, dpo)] == [False, False]
    assert disputed in home(client, member(Role.OFFICER, username="another"))


def test_ones_own_proposal_waits_for_somebody_else_whatever_one_may(client):
    both = permit(restraints.author(), "subjects.approve_amlentry")
    propose(both)
    assert WAITS not in home(client, both)
    assert count_of(home(client, restraints.second()), "waiting") == "1"


def test_an_end_that_a_colleague_proposes_waits_for_who_proposed_the_beginning(client):
    both = permit(restraints.author(), "subjects.approve_denylistentry", "subjects.approve_amlentry")
    by, then = restraints.author(), restraints.second()
    entries = [
        restraints.deny(DataSubjectFactory(), by=both, then=then),
        restraints.monitor(DataSubjectFactory(), by=both, then=then),
    ]
    page = home(client, both)
    assert "Financial monitoring: approve" not in page and "The denylist: approve" not in page
    with as_officer(by):
        for entry in entries:
            opening.propose_closing(entry, by=by)
    page = home(client, both)
    assert "Financial monitoring: approve" in page and "The denylist: approve" in page
    assert DenylistEntry.objects.in_force().count() == 1
    # whoever proposed the end does not end it
    page = home(client, permit(by, "subjects.approve_denylistentry", "subjects.approve_amlentry"))
    assert "Financial monitoring: approve" not in page and "The denylist: approve" not in page


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR, Role.ADMINISTRATOR, None])
def test_nobody_else_sees_a_row_a_count_or_a_query_of_monitoring(client, member, role):  # noqa: F811
    reader, by, then = member(role) if role else StaffUserFactory(), restraints.author(), restraints.second()
    reader = permit(reader, "subjects.approve_denylistentry", "subjects.add_denylistentry")
    [DataSubjectFactory() for _ in range(2)]
    home(client, reader)

    def seen() -> tuple[str, list[str]]:
        with CaptureQueriesContext(connection) as queries:
            page = home(client, reader)
        page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"|<code>\w+</code>', "", page)
        return page, [query["sql"] for query in queries if "amlentry" in query["sql"]]

    # people are counted on this page: those the entries are about stand in both
    people = [DataSubjectFactory() for _ in range(2)]
    before = seen()
    with as_officer(by):
        told = {"reason": "sanctions", "review_on": restraints.soon(), "by": by}
        denylist.propose_aml(subject=people[0], **told)
        row = opening.propose(AmlEntry(subject=people[1], reason="sanctions", review_on=timezone.localdate()), by=by)
    with as_officer(then):
        opening.approve(row, by=then)
    assert seen() == before
    assert before[1] == []
