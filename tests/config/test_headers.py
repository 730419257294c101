"""What every answer carries, whoever made it: policy of content, no framing, a request id."""

import pytest

from tests.policies.factories import published_version
from tests.staff.factories import StaffUserFactory

pytestmark = pytest.mark.django_db
PAGES = ["/", "/healthz", "/policy/", "/cabinet/sign-in/", "/admin/login/", "/admin/", "/nowhere/", "/readyz"]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_strict(client, page):
    response = client.get(page)
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]
    assert len(response["X-Request-Id"]) == 16


@pytest.mark.parametrize("page", ["/policy/", "/cabinet/sign-in/", "/admin/login/", "/nowhere/"])
@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_every_page_has_the_language_switch_and_says_its_own_language(client, page, language):
    client.cookies["django_language"] = language
    body = client.get(page).content.decode()
    assert f'<html lang="{language}"' in body
    for name in ("Қазақша", "Русский", "English"):
        assert name in body


def test_the_switch_changes_the_language_without_scripts(client):
    response = client.post("/i18n/setlang/", {"language": "kk", "next": "/policy/"})
    assert response.url == "/policy/"
    assert '<html lang="kk"' in client.get("/policy/").content.decode()


def test_an_error_page_has_the_request_id_and_nothing_of_the_error(client, settings):
    client.raise_request_exception = False
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert response["X-Request-Id"] in response.content.decode()


def test_what_the_signed_in_see_is_not_kept_and_what_the_public_sees_may_be(client):
    published_version()
    assert "no-store" in client.get("/admin/login/")["Cache-Control"]
    assert "no-store" in client.get("/cabinet/sign-in/")["Cache-Control"]
    client.force_login(StaffUserFactory())
    assert "no-store" in client.get("/admin/")["Cache-Control"]


def test_a_refusal_of_the_database_is_a_sentence_with_409_and_not_a_500(client, monkeypatch):
    from django.db import IntegrityError

    from policies import views

    def refused(request):
        raise IntegrityError(
            'duplicate key value violates unique constraint "x" DETAIL: Key (email)=(canary@example.kz)'
        )

    client.raise_request_exception = False
    monkeypatch.setattr(views.Policy.objects, "all", lambda: refused(None))
    response = client.get("/policy/")
    assert response.status_code == 409
    assert b"canary" not in response.content
