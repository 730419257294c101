"""Signing in as staff: every try is a row, too many are refused, and no answer tells names apart."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test import Client
from django.utils import timezone

from audit.actor import acting_as
from staff import sign_in
from staff.models import SignIn, StaffUser
from tests.staff.conftest import PASSWORD

LOGIN = "/admin/login/"


def outcomes(**filters) -> list[str]:
    return list(SignIn.objects.filter(**filters).order_by("pk").values_list("outcome", flat=True))


def try_in(client: Client, name: str, password: str, **extra):
    return client.post(LOGIN, {"username": name, "password": password, "next": "/admin/"}, **extra)


@pytest.fixture
def clerk(member):
    return member("officer", username="aigul", language="kk")


@pytest.mark.django_db
def test_a_try_is_written_down_without_the_name_typed(client, clerk):
    assert try_in(client, "aigul", PASSWORD, HTTP_USER_AGENT="Firefox 140").status_code == 302
    row = SignIn.objects.get()

    assert (row.outcome, row.who, row.address, row.agent) == ("signed_in", clerk, "127.0.0.1", "Firefox 140")
    assert (row.actor, row.user_id) == ("sign-in", None)
    assert row.request_id
    assert bytes(row.name_digest) == sign_in.digest_of_name("AIGUL") != sign_in.digest_of_name("aigul2")
    assert len(row.name_digest) == 16


@pytest.mark.django_db(transaction=True)
@pytest.mark.nobody
def test_signing_in_and_out_leaves_both_rows_and_no_actor_behind(client, clerk):
    response = try_in(client, "aigul", PASSWORD)
    assert response["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    client.post("/admin/logout/")

    assert outcomes(who=clerk) == ["signed_in", "signed_out"]
    assert SignIn.objects.get(outcome="signed_out").actor == f"officer:{clerk.pk}"
    assert client.get("/admin/").status_code == 302


@pytest.mark.django_db
def test_wrong_name_wrong_password_and_a_closed_account_get_the_same_sentence(client, clerk, member):
    closed, outsider = member("officer", username="closed"), member(None, username="outsider")
    StaffUser.objects.filter(pk=closed.pk).update(is_active=False)
    StaffUser.objects.filter(pk=outsider.pk).update(is_staff=False)
    tries = [("aigul", "wrong"), ("nobody", PASSWORD), ("closed", PASSWORD), ("outsider", PASSWORD)]
    answers = [try_in(client, name, password).context["form"].non_field_errors() for name, password in tries]

    assert len(answers[0]) == 1
    assert all(answer == answers[0] for answer in answers)
    assert outcomes() == ["refused"] * 4
    assert client.get("/admin/").status_code == 302


@pytest.mark.django_db
def test_an_unknown_name_costs_the_same_statements_and_the_same_hashing(client, clerk, django_assert_num_queries):
    def statements(name):
        with django_assert_num_queries(20, exact=False) as seen:
            try_in(client, name, "wrong")
        return [query["sql"].split()[0] for query in seen]

    assert statements("aigul") == statements("stranger")


@pytest.mark.django_db
def test_the_sixth_try_under_a_name_is_refused_even_with_the_right_password(client, clerk):
    for _ in range(5):
        try_in(client, "aigul", "wrong")
    response = try_in(client, "Aigul", PASSWORD)
    [sentence] = response.context["form"].non_field_errors()

    assert "15" in sentence
    assert outcomes() == ["refused"] * 5 + ["limited"]
    assert client.get("/admin/").status_code == 302
    try_in(client, "somebody else", "wrong")
    assert outcomes()[-1] == "refused", "another name is not shut out"


@pytest.mark.django_db
def test_an_unknown_name_is_limited_as_a_known_one_is(client):
    for _ in range(6):
        try_in(client, "stranger", "wrong")
    assert outcomes() == ["refused"] * 5 + ["limited"]


@pytest.mark.django_db
def test_one_network_address_is_refused_after_thirty_tries_whatever_the_names(client, clerk):
    with acting_as("sign-in"):
        for n in range(30):
            sign_in.record("refused", name=f"name{n}", who=None, visitor=sign_in.Visitor("10.0.0.9"))
    try_in(client, "aigul", PASSWORD, REMOTE_ADDR="10.0.0.9")
    assert outcomes(who=clerk) == ["limited"]
    # X-Forwarded-For is anybody's to write: it neither hides nor accuses
    try_in(client, "aigul", PASSWORD, REMOTE_ADDR="10.0.0.9", HTTP_X_FORWARDED_FOR="10.0.0.10")
    assert outcomes(who=clerk) == ["limited"] * 2
    assert try_in(client, "aigul", PASSWORD, REMOTE_ADDR="10.0.0.10").status_code == 302


@pytest.mark.django_db
def test_the_limit_ends_a_quarter_of_an_hour_after_the_first_of_the_tries_it_counted(clerk):
    for _ in range(5):
        row = sign_in.record("refused", name="aigul", who=clerk, visitor=sign_in.NOWHERE)
    first = SignIn.objects.order_by("pk").first().at
    row.refresh_from_db()

    def check(at):
        sign_in.check_may_try(name="aigul", address=None, at=at)

    with pytest.raises(sign_in.TooManyTries) as caught:
        check(first + timedelta(minutes=12, seconds=30))
    assert caught.value.params == {"minutes": 3}
    with pytest.raises(sign_in.TooManyTries):
        check(first + timedelta(minutes=15) - timedelta(milliseconds=1))
    check(first + timedelta(minutes=15))
    check(timezone.now() - timedelta(days=1))


@pytest.mark.django_db
def test_being_limited_does_not_prolong_the_limit(clerk):
    for _ in range(4):
        sign_in.record("refused", name="aigul", who=clerk, visitor=sign_in.NOWHERE)
    for _ in range(40):
        sign_in.record("limited", name="aigul", who=clerk, visitor=sign_in.Visitor("10.0.0.9"))
    sign_in.check_may_try(name="aigul", address="10.0.0.9")


@pytest.mark.django_db(transaction=True)
def test_tries_made_at_once_are_counted_one_after_the_other(clerk):
    def once(_):
        try:
            return try_in(Client(), "aigul", "wrong").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(once, range(12))) == {200}
    assert sorted(outcomes()) == ["limited"] * 7 + ["refused"] * 5


@pytest.mark.django_db
def test_a_password_hashed_by_older_settings_is_renewed_at_sign_in(client, clerk):
    class Older(Argon2PasswordHasher):
        time_cost = 1

    StaffUser.objects.filter(pk=clerk.pk).update(password=Older().encode(PASSWORD, Older().salt()))
    before = StaffUser.objects.get(pk=clerk.pk).password
    assert try_in(client, "aigul", PASSWORD).status_code == 302
    assert StaffUser.objects.get(pk=clerk.pk).password != before


@pytest.mark.django_db
def test_after_sign_in_the_pages_speak_the_officers_language_unless_another_was_chosen(clerk):
    fresh, chosen = Client(), Client()
    chosen.cookies["django_language"] = "en"
    try_in(fresh, "aigul", PASSWORD)
    try_in(chosen, "aigul", PASSWORD)
    assert fresh.get("/admin/").wsgi_request.LANGUAGE_CODE == "kk"
    assert chosen.get("/admin/").wsgi_request.LANGUAGE_CODE == "en"


@pytest.mark.django_db
def test_the_sign_in_page_leads_to_a_new_password_and_offers_three_languages(client):
    page = client.get(LOGIN).content.decode()
    assert 'href="/admin/staff/password/reset/"' in page
    assert all(f'value="{code}"' in page for code in ("kk", "ru", "en"))


@pytest.mark.django_db
def test_the_cookie_of_a_customers_cabinet_opens_nothing_here(settings):
    session = SessionStore()
    session["subject"] = "0b0a2d3e-0000-4000-8000-000000000001"
    session.create()
    for name in (settings.CABINET_COOKIE_NAME, settings.SESSION_COOKIE_NAME):
        client = Client()
        client.cookies[name] = session.session_key
        assert client.get("/admin/").status_code == 302
        assert client.get("/admin/staff/undertaking/accept/").status_code == 302


@pytest.mark.django_db
def test_changing_ones_own_password_is_written_down(clerk, at_desk):
    browser = at_desk(clerk)
    new = "another long sentence 17"
    browser.post("/admin/password_change/", {"old_password": PASSWORD, "new_password1": new, "new_password2": "other"})
    assert outcomes() == []
    browser.post("/admin/password_change/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    row = SignIn.objects.get()
    assert (row.outcome, row.who_id, row.user_id) == ("password_set", clerk.pk, clerk.pk)
    assert browser.get("/admin/").status_code == 200, "the session in which it was changed goes on"
