"""What people see when something breaks: three languages, a number, and nothing that could break again."""

import pytest
from django.template import TemplateDoesNotExist, loader
from django.test import Client
from django.urls import path

from config import errors
from config.urls import urlpatterns as house

SENTENCES = {
    "kk": "Біздің жақта ақау болды",
    "ru": "У нас произошёл сбой",
    "en": "Something broke on our side",
}


def breaks(request):
    raise RuntimeError("secret 850314390019")


urlpatterns = [path("breaks/", breaks), *house]
handler500 = "config.errors.server_error"


@pytest.fixture
def broken(settings, db):
    settings.ROOT_URLCONF = __name__
    client = Client(raise_request_exception=False)

    def get(language: str):
        client.cookies["django_language"] = language
        return client.get("/breaks/")

    return get


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_a_broken_page_says_so_in_every_language_the_readers_first(broken, language):
    answer = broken(language)
    assert answer.status_code == 500
    body = answer.content.decode()
    assert f'<html lang="{language}">' in body
    places = {code: body.index(f'<section lang="{code}">') for code in SENTENCES}
    assert min(places, key=places.get) == language
    for code, place in places.items():
        assert SENTENCES[code] in body[place : place + 200]
    assert body.count("<h1>") == 1
    assert body.count(answer["X-Request-Id"]) == 3
    assert "secret" not in body


@pytest.mark.parametrize("failure", [TemplateDoesNotExist("500.html"), ValueError("no such static file")])
def test_should_that_page_be_broken_too_bare_words_are_left(broken, monkeypatch, failure):
    def fail(name):
        raise failure

    monkeypatch.setattr(loader, "get_template", fail)
    answer = broken("ru")
    assert answer.status_code == 500
    body = answer.content.decode()
    for sentence in SENTENCES.values():
        assert sentence in body
    assert answer["X-Request-Id"] in body


def test_the_number_is_never_taken_for_markup(rf, monkeypatch):
    request = rf.get("/")
    request.kelisim_id = "<script>"
    assert b"<script>" not in errors.server_error(request).content
    monkeypatch.setattr(loader, "get_template", None)
    assert b"<script>" not in errors.server_error(request).content
