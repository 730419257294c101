"""Every address of the house x everybody who may knock x GET and POST: nobody gets in who should not, nothing breaks.

A new address whose arguments are not known here fails the test: add a sample to `SAMPLES`.
"""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern

from audit.actor import acting_as
from staff import services as staff
from staff.enums import Role
from staff.models import Operator
from subjects.cabinet import SUBJECT_KEY
from tests.policies.factories import published_version
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
SAMPLES = {
    "pk": "1",
    "object_id": "1",
    "value_pk": "1",
    "number": "1",
    "since": "1",
    "code": "personal-data",
    "language": "ru",
    "token": "x",
    "uidb64": "x",
    "step": "publish",
    "act": "pause",
    "app_label": "policies",
    "content_type_id": "1",
    "url": "nothing",
    "name": "x.eml",
    "path": "nothing",
    "run_id": "1",
}
# open to everybody: the door, the public pages, the health of the house
PUBLIC = ("/policy/", "/i18n/", "/healthz", "/readyz", "/demo/", "/cabinet/", "/admin/login/", "/admin/logout/")
OPEN_IN_ADMIN = ("/admin/login/", "/admin/logout/", "/admin/staff/password", "/admin/jsi18n/")
ABOUT_CUSTOMERS = ("/admin/subjects/", "/admin/notifications/", "/admin/consent/", "/admin/policies/")


def addresses(patterns=None, prefix: str = "/") -> Iterator[str]:
    """Every address with its arguments filled in from SAMPLES; an unknown argument is a KeyError."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        if isinstance(pattern.pattern, RegexPattern):
            route = pattern.pattern._regex.strip("^$").replace("\\Z", "").replace("/history/([^/]+)/", "/history/1/")
            route = route.replace("([^/]+)", "1").replace("(?P<app_label>", "").replace("(?P<url>.*)", "nothing")
            route = route.split("|")[0].rstrip(")") + ("/" if "app_label" in str(pattern.pattern) else "")
            route = route.replace("//", "/")
        else:
            route = str(pattern.pattern)
            for name, converter in pattern.pattern.converters.items():
                for form in (f"<{name}>", *(f"<{kind}:{name}>" for kind in ("int", "str", "slug", "path", "uuid"))):
                    if form in route:
                        route = route.replace(form, SAMPLES[name])
                assert converter is not None
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, prefix + route)
        elif isinstance(pattern, URLPattern):
            yield prefix + route


@pytest.fixture
def house():
    published_version()
    DataSubjectFactory()
    Operator.objects.create(name_kk="А", name_ru="А", email="office@example.kz")
    with acting_as("command:test@test"):
        staff.sync_roles()


def officer(role: Role) -> Client:
    with acting_as("command:test@test"):
        user, _link = staff.create_staff(username=role.value, email=f"{role.value}@example.kz", role=role)
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def customer() -> Client:
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SUBJECT_KEY] = str(DataSubjectFactory().public_id)
    session.save()
    client = Client(raise_request_exception=False)
    client.cookies[settings.CABINET_COOKIE_NAME] = session.session_key
    return client


def answers(client: Client) -> dict[tuple[str, str], int]:
    found = {}
    for address in dict.fromkeys(addresses()):
        if "/logout/" in address or "/sign-out/" in address:
            continue
        for method in ("get", "post"):
            found[method, address] = getattr(client, method)(address).status_code
    return found


def test_the_walk_finds_the_house():
    found = set(addresses())
    assert {
        "/policy/",
        "/cabinet/",
        "/readyz",
        "/admin/subjects/datasubject/",
        "/admin/policies/policyversion/import/",
    } <= found
    assert len(found) > 80


def test_a_stranger_gets_nowhere_but_to_the_doors_and_the_public_pages(house):
    for (method, address), status in answers(Client(raise_request_exception=False)).items():
        assert status < 500 or address == "/readyz", (method, address, status)
        if not address.startswith(PUBLIC + OPEN_IN_ADMIN) and address != "/":
            assert status in (302, 403, 404), (method, address, status)


def test_a_customer_is_a_stranger_to_the_officers_pages(house):
    for (method, address), status in answers(customer()).items():
        assert status < 500 or address == "/readyz", (method, address, status)
        if address.startswith("/admin/") and not address.startswith(OPEN_IN_ADMIN):
            assert status in (302, 403, 404), (method, address, status)


@pytest.mark.parametrize("role", list(Role))
def test_nothing_breaks_for_any_role(house, role):
    for (method, address), status in answers(officer(role)).items():
        assert status < 500 or address == "/readyz", (method, address, status)


def test_the_administrator_sees_nothing_of_customers_letters_or_policies(house):
    for (method, address), status in answers(officer(Role.ADMINISTRATOR)).items():
        if address.startswith(ABOUT_CUSTOMERS):
            assert status in (302, 403, 404, 405), (method, address, status)


def test_the_auditor_changes_nothing(house):
    from django.apps import apps

    client = officer(Role.AUDITOR)
    ours = [m for m in apps.get_models() if m._meta.app_label in ("subjects", "policies", "notifications", "staff")]
    tracked = [m for m in ours if hasattr(m, "history")]
    before = {model._meta.label: model.history.count() for model in tracked}
    answers(client)
    assert {model._meta.label: model.history.count() for model in tracked} == before
