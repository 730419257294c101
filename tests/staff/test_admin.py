"""The administrators' pages: who may open which, and what they do."""

from html.parser import HTMLParser

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit.actor import acting_as
from notifications.models import Letter
from staff import services, sign_in
from staff.admin import StaffUserAdmin
from staff.enums import Role
from staff.models import Operator, RoleGrant, SignIn, StaffUser
from tests.staff.conftest import PASSWORD

pytestmark = pytest.mark.django_db

READERS = {"administrator", "dpo", "auditor"}
PAGES = {
    "admin:index": set(Role.values),
    "admin:staff_staffuser_changelist": READERS,
    "admin:staff_staffuser_change": READERS,
    "admin:staff_staffuser_history": READERS,
    "admin:staff_staffuser_add": {"administrator"},
    "admin:staff_access": READERS,
    "admin:staff_rolegrant_changelist": READERS,
    "admin:staff_rolegrant_change": READERS,
    "admin:staff_rolegrant_history": READERS,
    "admin:staff_rolegrant_add": set(),
    "admin:staff_operator_change": READERS | {"officer"},
    "admin:staff_operator_history": READERS | {"officer"},
    "admin:staff_operator_add": set(),
    "admin:staff_undertaking_changelist": READERS,
    "admin:staff_undertaking_change": READERS,
    "admin:staff_undertaking_history": READERS,
    "admin:staff_undertaking_add": {"administrator", "dpo"},
    "admin:staff_undertakingacceptance_changelist": READERS,
    "admin:staff_undertakingacceptance_change": READERS,
    "admin:staff_undertakingacceptance_add": set(),
    "admin:staff_signin_changelist": READERS,
    "admin:staff_signin_change": READERS,
    "admin:staff_signin_add": set(),
}
STEPS = ("give-role", "take-role", "send-link", "deactivate", "reactivate")
WITHOUT_OBJECT = ("changelist", "add", "index", "access")


@pytest.fixture
def house(member, texts):
    """A row of everything, and a member of staff of each role who has accepted the undertaking."""
    people = {role: member(role) for role in Role.values}
    undertaking = texts()
    for user in people.values():
        acceptance = services.accept_undertaking(user=user, language="ru", version_expected=1)
    return people, {
        "staffuser": people["operator"].pk,
        "rolegrant": people["operator"].role_grants.get().pk,
        "operator": Operator.objects.create(name_kk="Айқын", name_ru="Айкын", email="office@example.kz").pk,
        "undertaking": undertaking.pk,
        "undertakingacceptance": acceptance.pk,
        "signin": sign_in.record("refused", name="x", who=None, visitor=sign_in.NOWHERE).pk,
    }


@pytest.mark.parametrize("role", Role.values)
def test_each_page_opens_to_whom_the_table_says_and_to_nobody_else(house, at_desk, role):
    people, rows = house
    browser = at_desk(people[role])
    for name, allowed in PAGES.items():
        args = [] if name.endswith(WITHOUT_OBJECT) else [rows[name.split("_")[1]]]
        assert browser.get(reverse(name, args=args)).status_code == (200 if role in allowed else 403), name
    for step in STEPS:
        url = reverse("admin:staff_step", args=[rows["staffuser"], step])
        expected = 200 if role == "administrator" else 403
        assert browser.get(url).status_code == expected, step
        assert role == "administrator" or browser.post(url, {"role": "dpo"}).status_code == 403, step
    for name in ("staffuser", "rolegrant", "operator", "undertaking", "undertakingacceptance", "signin"):
        assert browser.get(reverse(f"admin:staff_{name}_delete", args=[rows[name]])).status_code in (403, 404), name


def test_nobody_signed_out_opens_any(client, house):
    _people, rows = house
    for name in PAGES:
        args = [] if name.endswith(WITHOUT_OBJECT) else [rows[name.split("_")[1]]]
        response = client.get(reverse(name, args=args))
        assert response.status_code == 302, name
        assert response["Location"].startswith("/admin/login/"), name


@pytest.mark.parametrize(
    "question", ["password__startswith=a", "email__startswith=a", "groups__name=dpo", "is_superuser=1"]
)
def test_the_list_of_staff_is_no_oracle(house, at_desk, question):
    people, _rows = house
    response = at_desk(people["auditor"]).get(f"/admin/staff/staffuser/?{question}")
    assert response.status_code in (302, 400)
    if response.status_code == 302:
        assert response["Location"] == "/admin/staff/staffuser/?e=1"


def test_an_account_is_opened_from_the_page(house, at_desk):
    people, _rows = house
    browser = at_desk(people["administrator"])
    data = {
        "username": "nurlan",
        "email": "nurlan@example.kz",
        "role": "officer",
        "position": "Lawyer",
        "language": "kk",
    }
    response = browser.post("/admin/staff/staffuser/add/", data)
    user = StaffUser.objects.get(username="nurlan")

    assert response["Location"] == f"/admin/staff/staffuser/{user.pk}/change/"
    assert (user.is_staff, user.has_usable_password(), user.position) == (True, False, "Lawyer")
    assert user.history.get().history_user_id == people["administrator"].pk
    assert Letter.objects.get(staff=user).kind == "account_created"
    assert "/password/set/" not in browser.get(response["Location"]).content.decode()


def test_a_wrong_account_says_which_field_and_keeps_what_was_typed(house, at_desk):
    people, _rows = house
    browser = at_desk(people["administrator"])
    before = StaffUser.objects.count()
    taken = people["dpo"].username
    data = {"username": taken, "email": people["dpo"].email, "role": "officer", "language": "kk"}
    response = browser.post("/admin/staff/staffuser/add/", data)

    assert response.status_code == 200
    assert set(response.context["form"].errors) == {"username", "__all__"}
    assert f'value="{taken}"' in response.content.decode()
    assert StaffUser.objects.count() == before


class Fields(HTMLParser):
    """The fields of the page's main form."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag in ("input", "select", "textarea") and dict(attrs).get("name"):
            self.names.add(dict(attrs)["name"])


def test_the_form_of_an_account_has_no_password_and_no_rights(house, at_desk):
    people, rows = house
    url = f"/admin/staff/staffuser/{rows['staffuser']}/change/"
    browser = at_desk(people["administrator"])
    names = Fields(browser.get(url).content.decode()).names
    assert {"position", "email", "language"} <= names
    assert not names & {"password", "is_superuser", "is_staff", "is_active", "groups", "user_permissions", "username"}

    data = {"email": "new@example.kz", "language": "kk", "is_superuser": "on", "groups": "1", "username": "boss"}
    assert browser.post(url, data).status_code == 302
    user = StaffUser.objects.get(pk=rows["staffuser"])
    assert (user.email, user.is_superuser, user.username) == ("new@example.kz", False, people["operator"].username)
    assert list(user.groups.values_list("name", flat=True)) == ["operator"]


def test_saving_an_account_does_not_bring_an_old_password_back(house, at_desk, monkeypatch):
    people, rows = house
    url = f"/admin/staff/staffuser/{rows['staffuser']}/change/"
    original = StaffUserAdmin.save_model

    def meanwhile(self, request, obj, form, change):
        services.set_password(user=StaffUser.objects.get(pk=obj.pk), password="set while the page was open 1")
        original(self, request, obj, form, change)

    monkeypatch.setattr(StaffUserAdmin, "save_model", meanwhile)
    at_desk(people["administrator"]).post(url, {"email": "new@example.kz", "language": "kk"})
    user = StaffUser.objects.get(pk=rows["staffuser"])
    assert user.email == "new@example.kz"
    assert user.check_password("set while the page was open 1")


def test_steps_name_their_consequences_and_then_act(house, at_desk):
    people, _rows = house
    browser, operator = at_desk(people["administrator"]), people["operator"]

    def step(name, **data):
        return browser.post(reverse("admin:staff_step", args=[operator.pk, name]), data)

    page = browser.get(reverse("admin:staff_step", args=[operator.pk, "deactivate"]))
    assert page.content.decode().count("<li>") >= 4
    assert StaffUser.objects.get(pk=operator.pk).is_active, "looking is not acting"

    assert step("give-role", role="officer").status_code == 302
    assert set(RoleGrant.objects.in_force().filter(user=operator).values_list("role", flat=True)) == {
        "operator",
        "officer",
    }
    step("take-role", role="operator")
    assert RoleGrant.objects.in_force().get(user=operator).granted_by == people["administrator"]
    step("send-link")
    assert Letter.objects.get(staff=operator).kind == "password_reset"
    assert SignIn.objects.get(outcome="link_asked").user == people["administrator"]
    step("deactivate")
    assert not StaffUser.objects.get(pk=operator.pk).is_active
    step("reactivate")
    assert StaffUser.objects.get(pk=operator.pk).is_active


def test_a_role_that_does_not_fit_is_not_offered_and_not_taken(house, at_desk):
    people, rows = house
    browser = at_desk(people["administrator"])
    url = reverse("admin:staff_step", args=[rows["staffuser"], "give-role"])
    choices = [role for role, _label in browser.get(url).context["form"].fields["role"].choices]
    assert choices == ["officer", "dpo"]
    response = browser.post(url, {"role": "auditor"})
    assert response.status_code == 200
    assert response.context["form"].errors
    own = reverse("admin:staff_step", args=[people["administrator"].pk, "give-role"])
    assert browser.get(own).context["allowed"] is False


def test_a_step_that_came_too_late_says_so(house, at_desk):
    people, rows = house
    browser = at_desk(people["administrator"])
    url = reverse("admin:staff_step", args=[rows["staffuser"], "deactivate"])
    browser.post(url)
    response = browser.post(url, follow=True)
    assert [message.level_tag for message in response.context["messages"]][-1] == "error"
    assert browser.get(reverse("admin:staff_step", args=[rows["staffuser"], "fly"])).status_code == 404


def test_the_access_list_says_who_since_when_by_whom_after_which_promise(member, texts, at_desk):
    administrator = member("administrator", username="root")
    with acting_as(f"officer:{administrator.pk}"):
        dpo, _link = services.create_staff(
            username="aigul", email="a@example.kz", role="dpo", by=administrator, position="Compliance"
        )
        services.grant_role(user=dpo, role="officer", by=administrator)
    texts()
    services.accept_undertaking(user=administrator, language="ru", version_expected=1)
    services.accept_undertaking(user=dpo, language="kk", version_expected=1)
    texts()
    services.accept_undertaking(user=administrator, language="ru", version_expected=2)
    member(None, username="without role")
    services.deactivate(user=member("dpo", username="gone"), by=None)
    sign_in.record("signed_in", name="aigul", who=dpo, visitor=sign_in.NOWHERE)
    sign_in.record("refused", name="aigul", who=dpo, visitor=sign_in.NOWHERE)

    browser = at_desk(administrator)
    browser.cookies["django_language"] = "en"
    response = browser.get(reverse("admin:staff_access"))
    people = {person.user.username: person for person in response.context["people"]}

    assert list(people) == ["aigul", "root"]
    aigul = people["aigul"]
    assert [(g.role, g.granted_by) for g in aigul.grants] == [("dpo", administrator), ("officer", administrator)]
    assert aigul.accepted.undertaking.version == 1
    assert people["root"].accepted.undertaking.version == 2
    assert aigul.user.last_sign_in == SignIn.objects.get(outcome="signed_in").at
    assert people["root"].user.last_sign_in is None
    assert aigul.opens != people["root"].opens
    html = response.content.decode()
    assert "Compliance" in html
    assert html.count("chip waiting") == 1, "one of the two has not accepted the current text"


@pytest.mark.parametrize("name", ["admin:staff_access", "admin:staff_staffuser_changelist"])
def test_lists_of_staff_cost_the_same_however_many_work_here(member, texts, at_desk, name):
    administrator = member("administrator")
    browser = at_desk(administrator)
    texts()
    services.accept_undertaking(user=administrator, language="ru", version_expected=1)

    def count():
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(reverse(name)).status_code == 200
        return len(seen)

    count()
    before = count()
    for _ in range(5):
        colleague = member("officer")
        services.accept_undertaking(user=colleague, language="ru", version_expected=1)
    assert count() == before


def test_the_operator_is_one_row_and_its_list_leads_there(member, at_desk):
    browser = at_desk(member("administrator"))
    url = reverse("admin:staff_operator_add")
    data = {"name_kk": "Айқын", "name_ru": "Айкын", "email": "office@example.kz"}
    assert browser.post(url, data).status_code == 302
    row = Operator.objects.get()
    assert browser.get("/admin/staff/operator/")["Location"] == f"/admin/staff/operator/{row.pk}/change/"
    assert browser.get(url).status_code == 403


def test_groups_are_nobodys_to_edit(house, at_desk):
    people, _rows = house
    assert at_desk(people["administrator"]).get("/admin/auth/group/").status_code == 404


def test_the_pages_of_one_person_hold_no_password(house, at_desk):
    people, rows = house
    browser = at_desk(people["auditor"])
    for name in ("change", "history"):
        html = browser.get(reverse(f"admin:staff_staffuser_{name}", args=[rows["staffuser"]])).content.decode()
        assert "argon2" not in html
        assert PASSWORD not in html
