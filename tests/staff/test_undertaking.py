"""Nobody sees anything before they promised to keep it confidential (policy 4.3)."""

import hashlib
import re

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern

from staff import rules, services
from staff.models import RoleGrant, Undertaking, UndertakingAcceptance
from tests.staff.conftest import refused
from tests.staff.factories import as_officer

pytestmark = pytest.mark.django_db
PAGE = "/admin/staff/undertaking/accept/"
OPEN = {"/admin/login/", "/admin/logout/", PAGE}


def accept(browser: Client, *, version: int = 1, language: str = "ru"):
    return browser.post(PAGE, {"version": version, "language": language})


def addresses(patterns, prefix="/") -> list[str]:
    """Every address behind the patterns, with 1 or x where it wants something."""
    found = []
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        found += [route] if isinstance(pattern, URLPattern) else addresses(pattern.url_patterns, route)
    plain = [re.sub(r"<(?:int|path):\w+>", "1", route) for route in found if "(" not in route]
    return [re.sub(r"<(?:\w+:)?\w+>", "x", route) for route in plain]


def test_without_it_every_address_of_the_admin_leads_to_its_page(member, texts, at_desk):
    browser = at_desk(member("dpo"))
    texts()
    inside = [a for a in addresses(get_resolver().url_patterns) if a.startswith("/admin/") and a not in OPEN]
    assert len(inside) > 50
    for address in inside:
        response = browser.get(address)
        assert (response.status_code, response["Location"]) == (302, PAGE), address


def test_a_form_sent_past_the_page_does_nothing(member, texts, at_desk):
    administrator, officer = member("administrator"), member("officer")
    browser = at_desk(administrator)
    texts()
    response = browser.post(f"/admin/staff/staffuser/{officer.pk}/steps/deactivate/")
    assert (response.status_code, response["Location"]) == (302, PAGE)
    officer.refresh_from_db()
    assert officer.is_active
    browser.post(f"/admin/staff/staffuser/{officer.pk}/steps/give-role/", {"role": "dpo"})
    assert RoleGrant.objects.filter(user=officer).count() == 1


def test_sign_out_and_the_languages_stay_open(member, texts, at_desk):
    browser = at_desk(member("officer"))
    texts(kk="Құпияны сақтаймын.", ru="Обязуюсь хранить тайну.")
    browser.post("/i18n/setlang/", {"language": "kk", "next": PAGE})
    page = browser.get(PAGE).content.decode()
    assert "Құпияны сақтаймын." in page
    assert page.count('action="/admin/logout/"') == 2
    assert browser.post("/admin/logout/").status_code == 200
    assert browser.get(PAGE)["Location"].startswith("/admin/login/")


def test_accepting_opens_the_house_and_records_exactly_what_was_shown(member, texts, at_desk):
    officer = member("officer")
    browser = at_desk(officer)
    undertaking = texts(ru="Обязуюсь «хранить» тайну.\r\nВсегда.")
    browser.cookies["django_language"] = "en"
    page = browser.get(PAGE)
    assert page.context["language"] == "ru", "there is no English text, so the Russian one is shown"

    assert accept(browser)["Location"] == "/admin/"
    assert browser.get("/admin/").status_code == 200
    row = UndertakingAcceptance.objects.get()
    assert (row.user, row.actor, row.undertaking, row.language) == (
        officer,
        f"officer:{officer.pk}",
        undertaking,
        "ru",
    )
    assert row.sha256 == hashlib.sha256(undertaking.text_ru.encode()).hexdigest()
    assert row.request_id
    accept(browser)
    assert UndertakingAcceptance.objects.count() == 1, "a second click is no second promise"


def test_a_new_text_makes_everybody_accept_again(member, texts, at_desk):
    officer = member("officer")
    browser = at_desk(officer)
    texts()
    accept(browser)
    texts(ru="Обязуюсь хранить тайну и после увольнения.")
    assert browser.get("/admin/")["Location"] == PAGE
    assert accept(browser, version=2).status_code == 302
    assert browser.get("/admin/").status_code == 200
    assert list(officer_versions(officer)) == [1, 2]


def officer_versions(officer):
    accepted = UndertakingAcceptance.objects.filter(user=officer).order_by("pk")
    return accepted.values_list("undertaking__version", flat=True)


def test_a_text_replaced_while_it_was_read_is_not_accepted_but_shown_anew(member, texts, at_desk):
    browser = at_desk(member("officer"))
    texts()
    browser.get(PAGE)
    texts(ru="Совсем другой текст.")
    response = accept(browser, version=1)

    assert response.status_code == 409
    assert "Совсем другой текст." in response.content.decode()
    assert 'role="alert"' in response.content.decode()
    assert UndertakingAcceptance.objects.count() == 0
    assert browser.get("/admin/")["Location"] == PAGE


@pytest.mark.parametrize("data", [{}, {"version": "x", "language": "ru"}, {"version": 1, "language": "en"}])
def test_a_form_that_is_not_ours_is_a_400(member, texts, at_desk, data):
    browser = at_desk(member("officer"))
    texts()
    assert browser.post(PAGE, data).status_code == 400
    assert UndertakingAcceptance.objects.count() == 0


def test_strangers_are_sent_to_sign_in(client, texts):
    texts()
    assert client.get(PAGE)["Location"].startswith("/admin/login/")
    assert accept(client)["Location"].startswith("/admin/login/")


def test_the_rule_speaks_for_services_too(member, texts):
    officer = member("officer")
    rules.check_has_accepted_undertaking(officer)
    texts()
    with pytest.raises(PermissionDenied):
        rules.check_has_accepted_undertaking(officer)
    services.accept_undertaking(user=officer, language="ru", version_expected=1)
    rules.check_has_accepted_undertaking(officer)


def test_before_the_first_text_there_is_nothing_to_accept(member, at_desk):
    browser = at_desk(member("officer"))
    assert browser.get("/admin/").status_code == 200
    assert browser.get(PAGE).status_code == 200
    assert accept(browser).status_code == 409


@pytest.mark.parametrize("role", ["dpo", "administrator"])
def test_a_text_is_published_by_number_and_by_name(member, at_desk, role):
    author = member(role)
    browser = at_desk(author)
    data = {"text_kk": "Құпия", "text_ru": "Тайна", "text_en": ""}
    url = reverse("admin:staff_undertaking_add")
    assert browser.get(url).status_code == 200
    assert browser.post(url, data).status_code == 302
    undertaking = Undertaking.objects.get()

    assert undertaking.version == 1
    assert undertaking.history.get().history_user_id == author.pk
    assert browser.get("/admin/")["Location"] == PAGE, "the author promises too"
    accept(browser)
    assert browser.post(url, data).status_code == 302
    assert Undertaking.objects.current().version == 2


def test_a_text_in_one_language_only_is_refused(member, at_desk):
    browser = at_desk(member("dpo"))
    response = browser.post(reverse("admin:staff_undertaking_add"), {"text_ru": "Тайна"})
    assert response.status_code == 200
    assert set(response.context["adminform"].form.errors) == {"text_kk"}
    assert not Undertaking.objects.exists()
    with pytest.raises(ValidationError):
        services.publish_undertaking(text_kk="", text_ru="Тайна", by=None)


@pytest.mark.parametrize("role", ["operator", "officer", "auditor"])
def test_others_do_not_publish_a_text(member, role):
    person = member(role)
    with as_officer(person), refused("permission"):
        services.publish_undertaking(text_kk="Құпия", text_ru="Тайна", by=person)


def test_what_was_accepted_cannot_be_reworded(member, texts, at_desk):
    undertaking = texts()
    for change in (lambda: Undertaking.objects.update(text_ru="x"), lambda: Undertaking.objects.all().delete()):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()
    browser = at_desk(member("administrator"))
    accept(browser)
    url = reverse("admin:staff_undertaking_change", args=[undertaking.pk])
    assert browser.get(url).status_code == 200
    assert browser.post(url, {"text_kk": "x", "text_ru": "x"}).status_code == 403
