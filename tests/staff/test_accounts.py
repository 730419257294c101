"""Accounts: opened without a password, closed at once, and `manage.py create_staff`."""

from io import StringIO

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client

from audit.actor import acting_as
from notifications import delivery
from notifications.models import Letter
from staff import ports, services
from staff.letters import password_link
from staff.models import RoleGrant, StaffUser
from tests.staff.conftest import PASSWORD, refused
from tests.staff.factories import as_officer

pytestmark = pytest.mark.django_db
NEW = "a quite different sentence 9"


def command(*args: str, **options: str) -> list[str]:
    out = StringIO()
    call_command("create_staff", *args, **options, stdout=out)
    return out.getvalue().splitlines()


def set_password(client: Client, link: str, password: str = NEW):
    """Follow the link as a browser does, type the password twice."""
    path = link.removeprefix("http://localhost:8000")
    response = client.get(path)
    if response.status_code != 302:
        return response
    return client.post(response["Location"], {"new_password1": password, "new_password2": password})


@pytest.fixture(autouse=True)
def site(settings):
    settings.SITE_URL = "http://localhost:8000"


def test_the_first_administrator_of_an_empty_house_comes_from_the_command_line(client):
    Group.objects.all().delete()
    lines = command("root.aigul", role="administrator", email="root@example.kz", language="kk", position="IT")
    user = StaffUser.objects.get()

    assert (user.username, user.email, user.language, user.position) == ("root.aigul", "root@example.kz", "kk", "IT")
    assert not user.has_usable_password()
    assert user.history.get().actor.startswith("command:create_staff@")
    assert RoleGrant.objects.get().granted_by is None
    assert Letter.objects.count() == 0, "the link is on the terminal, no worker need run yet"
    response = set_password(client, lines[-1])
    assert response["Location"] == "/admin/login/"
    client.post("/admin/login/", {"username": "root.aigul", "password": NEW})
    assert client.get("/admin/staff/staffuser/add/").status_code == 200


def test_the_link_works_once(client):
    link = command("aigul", role="officer")[-1]
    assert set_password(client, link).status_code == 302
    again = set_password(Client(), link, PASSWORD)
    assert again.status_code == 200
    assert again.context["validlink"] is False
    assert StaffUser.objects.get().check_password(NEW)


def test_the_link_stops_after_an_hour(client, settings):
    link = command("aigul", role="officer")[-1]
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert set_password(client, link).context["validlink"] is False
    assert not StaffUser.objects.get().has_usable_password()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"role": "boss"}, "boss"),
        ({"role": "officer", "language": "fr"}, "language:"),
        ({"role": "officer", "email": "no address"}, "email:"),
        ({"role": "officer", "email": "TAKEN@example.kz"}, ""),
        ({"role": "officer", "username": "with space"}, "username:"),
        ({"role": "officer", "username": "Taken"}, "username:"),
        ({"role": "officer", "username": "taken"}, "username:"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_half_written(member, options, said):
    member("dpo", username="taken")
    options = dict(options)
    with pytest.raises(CommandError) as caught:
        command(options.pop("username", "aigul"), **options)
    assert said in str(caught.value)
    assert "__all__" not in str(caught.value)
    assert StaffUser.objects.count() == RoleGrant.objects.count() == 1


def test_sync_roles_says_what_it_did(member):
    member("auditor")
    Group.objects.get(name="auditor").permissions.clear()
    out = StringIO()
    call_command("sync_roles", stdout=out)
    assert "auditor + audit.view_accessrecord" in out.getvalue()
    out = StringIO()
    call_command("sync_roles", stdout=out)
    assert out.getvalue() == "Everything is in step.\n"


def test_an_account_opened_by_an_administrator_sends_its_owner_the_link(member):
    administrator = member("administrator")
    with as_officer(administrator):
        user, _link = services.create_staff(
            username="dauren", email="dauren@example.kz", role="officer", by=administrator, language="kk"
        )
    letter = Letter.objects.get()
    assert (letter.staff, letter.kind, letter.language) == (user, "account_created", "kk")
    assert RoleGrant.objects.get(user=user).granted_by == administrator


@pytest.mark.parametrize("role", ["operator", "officer", "dpo", "auditor"])
def test_only_administrators_open_and_close_accounts(member, role):
    person, other = member(role), member("operator", username="other")
    with as_officer(person):
        for act in (
            lambda: services.create_staff(username="x", email="x@example.kz", role="officer", by=person),
            lambda: services.deactivate(user=other, by=person),
            lambda: services.reactivate(user=other, by=person),
            lambda: services.send_password_link(user=other, by=person),
        ):
            with refused("permission"):
                act()


def test_deactivation_ends_every_session_at_the_next_request_and_for_good(member, at_desk):
    administrator, officer = member("administrator"), member("officer")
    browsers = (at_desk(officer), at_desk(officer))
    cookies = [browser.cookies["sessionid"].value for browser in browsers]
    assert [browser.get("/admin/").status_code for browser in browsers] == [200, 200]

    with as_officer(administrator):
        services.deactivate(user=officer, by=administrator)
    for browser in browsers:
        response = browser.get("/admin/policies/policyversion/")
        assert response.status_code == 302
        assert response["Location"].startswith("/admin/login/")

    with as_officer(administrator):
        services.reactivate(user=officer, by=administrator)
    for browser, cookie in zip(browsers, cookies, strict=True):
        browser.cookies["sessionid"] = cookie
        assert browser.get("/admin/").status_code == 302, "an old session does not come back to life"


def test_the_history_says_who_deactivated_and_holds_no_password(member):
    administrator, officer = member("administrator"), member("officer")
    with as_officer(administrator):
        services.deactivate(user=officer, by=administrator)
    newest = officer.history.first()
    assert (newest.is_active, newest.history_user_id) == (False, administrator.pk)
    assert not hasattr(newest, "password")


def test_a_deactivated_person_has_no_password_link_and_no_right(member, client):
    officer = member("officer")
    link = password_link(officer)
    services.deactivate(user=officer, by=None)
    officer = StaffUser.objects.get(pk=officer.pk)

    assert officer.get_all_permissions() == set()
    assert set_password(client, link).context["validlink"] is False
    assert not officer.check_password(PASSWORD)


def test_reactivation_brings_the_roles_back_and_a_letter_for_a_new_password(member):
    officer = member("officer")
    services.deactivate(user=officer, by=None)
    services.reactivate(user=officer, by=None)
    officer = StaffUser.objects.get(pk=officer.pk)
    assert officer.has_perm("policies.submit_policyversion")
    assert Letter.objects.get(staff=officer).kind == "account_created"


def test_nobody_deactivates_themselves_so_an_administrator_is_left(member):
    administrator = member("administrator")
    with as_officer(administrator), refused("oneself"):
        services.deactivate(user=administrator, by=administrator)


def test_steps_that_are_done_already_are_refused(member):
    officer, silent = member("officer"), member("operator", email="")
    with refused("state"):
        services.reactivate(user=officer, by=None)
    with refused("no_email"):
        services.send_password_link(user=silent, by=None)
    services.deactivate(user=officer, by=None)
    with refused("state"):
        services.deactivate(user=officer, by=None)
    with refused("inactive"):
        services.send_password_link(user=officer, by=None)


def test_there_are_no_superusers():
    with pytest.raises(ValueError, match="create_staff"):
        StaffUser.objects.create_superuser("root", "root@example.kz", PASSWORD)


def test_two_accounts_do_not_share_an_email(member):
    member("dpo", username="one")
    with pytest.raises(ValidationError):
        services.create_staff(username="two", email="ONE@example.kz", role="officer")


@pytest.mark.usefixtures("operator")
class TestChangedEmail:
    OLD, NEW = "aigul@example.kz", "aigul.new@example.kz"

    def change(self, at_desk, administrator: StaffUser, user: StaffUser, **fields: str):
        data = {"last_name": "", "first_name": "", "position": "", "email": self.OLD, "language": user.language}
        page = f"/admin/staff/staffuser/{user.pk}/change/"
        return at_desk(administrator).post(page, data | fields)

    def test_the_old_address_is_told_and_the_letter_names_nobody(self, member, at_desk, sink):
        user = member("officer", username="the.officer", email=self.OLD, language="kk")
        user.last_name = "Қанарова"
        user.save()
        assert self.change(at_desk, member("administrator"), user, email=self.NEW).status_code == 302
        with acting_as("job:letters"):
            delivery.deliver_due()
        (told,) = sink.messages()
        assert told["To"] == self.OLD
        assert "өзгертілді" in told["Subject"]
        for part in ("plain", "html"):
            text = told.get_body((part,)).get_content()
            assert "әкімшіге" in text
            for name in ("Қанарова", "the.officer", self.NEW):
                assert name not in text
        user.refresh_from_db()
        assert user.email == self.NEW

    def test_each_change_tells_the_address_before_it_once(self, member, at_desk, sink):
        user, administrator = member("officer", email=self.OLD), member("administrator")
        self.change(at_desk, administrator, user, email=self.NEW)
        self.change(at_desk, administrator, user, email="third@example.kz", position="Lawyer")
        with acting_as("job:letters"):
            delivery.deliver_due()
        assert [message["To"] for message in sink.messages()] == [self.OLD, self.NEW]

    def test_an_account_without_an_e_mail_has_nobody_to_tell(self, member, at_desk):
        user = member("officer", email="")
        self.change(at_desk, member("administrator"), user, email=self.NEW)
        assert not Letter.objects.filter(staff=user, kind="account_email_changed").exists()

    def test_another_detail_or_another_case_tells_nobody(self, member, at_desk):
        user, administrator = member("officer", email=self.OLD), member("administrator")
        self.change(at_desk, administrator, user, position="Lawyer")
        self.change(at_desk, administrator, user, email=self.OLD.upper())
        assert not Letter.objects.filter(staff=user).exists()

    def test_change_and_letter_are_one_transaction(self, member, monkeypatch):
        user = member("officer", email=self.OLD)

        def broken(**_letter: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(ports, "write_letter", [broken])
        user.email = self.NEW
        with pytest.raises(RuntimeError):
            services.change_account(user=user, fields=["email"], by=None)
        assert StaffUser.objects.get(pk=user.pk).email == self.OLD

    def test_who_is_no_administrator_changes_nothing(self, member):
        user = member("officer", email=self.OLD)
        user.email = self.NEW
        with refused("permission"):
            services.change_account(user=user, fields=["email"], by=member("dpo"))
        assert StaffUser.objects.get(pk=user.pk).email == self.OLD
