"""A new password by letter: the same answer for everybody, no token in any row, limits."""

import re

import pytest
from celery import current_app
from django.core.checks import run_checks
from django.db import connection
from django.test import Client

from audit.actor import acting_as
from notifications import delivery
from notifications.models import Letter
from staff import ports, services
from staff.letters import password_link
from staff.models import SignIn, StaffUser
from tests.staff.conftest import PASSWORD

pytestmark = pytest.mark.django_db
RESET = "/admin/staff/password/reset/"
NEW = "a quite different sentence 9"


def ask(client: Client, email: str, **extra):
    return client.post(RESET, {"email": email}, **extra)


def test_the_answer_and_the_rows_are_the_same_for_known_unknown_and_closed(client, member):
    member("officer", username="open"), member("officer", username="closed")
    StaffUser.objects.filter(username="closed").update(is_active=False)
    answers = [ask(client, f"{name}@example.kz") for name in ("open", "closed", "nobody")]

    assert {(a.status_code, a["Location"]) for a in answers} == {(302, "/admin/staff/password/reset/sent/")}
    assert list(SignIn.objects.order_by("pk").values_list("outcome", "actor")) == [("link_asked", "sign-in")] * 3
    assert [letter.staff.username for letter in Letter.objects.all()] == ["open"]
    assert client.get(answers[0]["Location"]).status_code == 200


def test_the_letter_is_in_the_persons_language_and_no_row_holds_the_token(client, member):
    user = member("officer", username="aigul", language="kk")
    ask(client, "AIGUL@example.kz")
    letter = Letter.objects.get()
    asked = SignIn.objects.get()

    assert (letter.staff, letter.kind, letter.language) == (user, "password_reset", "kk")
    assert letter.cause == f"staff.SignIn:{asked.pk}#password_reset"
    with connection.cursor() as cursor:
        for table in ("notifications_letter", "staff_signin", "staff_historicalstaffuser", "django_session"):
            cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {table} t")
            assert not re.search(r"[0-9a-z]{6}-[0-9a-f]{32}", cursor.fetchone()[0] or ""), table


def test_the_letter_that_arrives_carries_a_link_that_sets_the_password_once(
    client,
    member,
    sink,
    operator,
):
    user = member("officer", username="aigul", language="kk")
    ask(client, "aigul@example.kz")
    with acting_as("job:letters"):
        delivery.deliver_due()
    [message] = sink.messages()
    text, html = (part.get_content() for part in message.iter_parts())
    [link] = re.findall(r"http\S+/password/set/\S+", text)

    assert link in html
    assert str(message["Subject"]) == "Kelisim: жаңа құпиясөз"
    assert "aigul" not in text.replace("aigul@", ""), "no name in the letter"
    page = client.get("/admin/" + link.partition("/admin/")[2])
    assert "token" not in page["Location"] and page["Location"].endswith("/set-password/")
    form = client.get(page["Location"])
    assert "aigul" in form.content.decode(), "who sets it reads their sign-in name there"
    done = client.post(page["Location"], {"new_password1": NEW, "new_password2": NEW})
    assert done["Location"] == "/admin/login/"
    row = SignIn.objects.get(outcome="password_set")
    assert (row.who, row.actor) == (user, "sign-in")
    assert StaffUser.objects.get(pk=user.pk).check_password(NEW)
    assert Client().get("/admin/" + link.partition("/admin/")[2]).context["validlink"] is False


def test_setting_a_password_ends_the_sessions_opened_with_the_old_one(member, at_desk):
    user = member("officer")
    browser = at_desk(user)
    services.set_password(user=user, password=NEW)
    assert browser.get("/admin/").status_code == 302


def test_a_weak_password_is_refused_in_words(client, member):
    user = member("officer")
    page = client.get("/admin/" + password_link(user).partition("/admin/")[2])
    answer = client.post(page["Location"], {"new_password1": "short", "new_password2": "short"})
    assert answer.status_code == 200
    assert "15" in answer.content.decode()
    assert StaffUser.objects.get(pk=user.pk).check_password(PASSWORD)


def test_no_more_than_three_letters_an_hour_go_to_one_person(client, member):
    member("officer", username="aigul"), member("officer", username="dauren")
    for _ in range(5):
        assert ask(client, "aigul@example.kz").status_code == 302
    assert Letter.objects.count() == 3
    assert SignIn.objects.count() == 5
    ask(client, "dauren@example.kz")
    assert Letter.objects.count() == 4


def test_one_network_address_cannot_write_to_everybody(client, member):
    member("officer", username="aigul")
    for n in range(30):
        ask(client, f"guess{n}@example.kz", REMOTE_ADDR="10.0.0.9")
    ask(client, "aigul@example.kz", REMOTE_ADDR="10.0.0.9")
    assert Letter.objects.count() == 0
    ask(client, "aigul@example.kz", REMOTE_ADDR="10.0.0.10")
    assert Letter.objects.count() == 1


def test_a_letter_that_came_too_late_for_its_account_is_not_sent(client, member, sink, operator):
    user = member("officer", username="aigul")
    ask(client, "aigul@example.kz")
    services.deactivate(user=user, by=None)
    delivery.deliver_due()
    assert sink.messages() == []
    assert Letter.objects.get().state == "skipped"


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_a_new_account_gets_a_letter_in_its_language(member, sink, operator, language):
    administrator = member("administrator", username="root")
    with acting_as(f"officer:{administrator.pk}"):
        services.create_staff(
            username="nurlan", email="nurlan@example.kz", role="officer", by=administrator, language=language
        )
    delivery.deliver_due()
    [message] = sink.messages()
    assert message["Content-Language"] == language
    text = message.get_body(("plain",)).get_content()
    assert "/password/set/" in text
    assert "nurlan" not in text


@pytest.mark.django_db(transaction=True)
def test_with_redis_down_the_person_still_gets_the_page_and_the_row_waits(client, member):
    member("officer", username="aigul")
    # no mock: a port where nobody listens
    url, current_app.conf.broker_url = current_app.conf.broker_url, "redis://127.0.0.1:1/0"
    current_app.amqp._producer_pool = current_app._pool = None
    try:
        with acting_as("job:test"):
            assert not rings()
            assert ask(client, "aigul@example.kz").status_code == 302
    finally:
        current_app.conf.broker_url = url
        current_app.amqp._producer_pool = current_app._pool = None
    assert Letter.objects.get().state == "queued"


def rings() -> bool:
    try:
        current_app.send_task("notifications.deliver_due", retry=False)
    except Exception:
        return False
    return True


def test_a_port_that_nobody_serves_fails_the_system_check(monkeypatch):
    def missing() -> list[str]:
        return [error.msg for error in run_checks() if error.id == "staff.E001"]

    assert missing() == []
    monkeypatch.setattr(ports, "write_letter", [])
    assert missing() == ["Nobody serves staff.ports.write_letter."]
