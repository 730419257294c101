"""A device that nobody has signed in with is asked about cookies, and what it answered is obeyed (C12; law.md 5.1)."""

import pytest
from django.urls import reverse

from consent import devices, rebuilding
from consent.models import Change, ConsentEvent, ConsentState, FormServed
from tests.consent.factories import form, version
from tests.consent.system import System, problem

pytestmark = pytest.mark.django_db
DEVICE = "site-3f1f5a0c1b228d0f"


@pytest.fixture
def system() -> System:
    return System()


def shown_to(system: System, device: str = DEVICE) -> dict:
    response = system.post("/devices/served", {"device": device, "language": "kk"})
    assert response.status_code == 201, response.content
    return response.json()


def answer(system: System, shown: dict, said: str = "given", device: str = DEVICE):
    body = {"device": device, "served": shown["served"], "expected_version": shown["version"], "answer": said}
    return system.post("/devices/consents", body)


def state(system: System, device: str = DEVICE) -> list[tuple[str, str]]:
    return [(c["form"], c["state"]) for c in system.post("/devices/lookup", {"device": device}).json()["consents"]]


def test_a_device_gives_is_read_and_withdraws_and_its_number_is_kept_nowhere(system):
    version(form("C12"))
    assert state(system) == []
    shown = shown_to(system)
    assert (shown["form"], shown["language"]) == ("C12", "kk")
    given = answer(system, shown)
    assert given.status_code == 201, given.content
    assert (given.json()["state"], given.json()["covers"]) == ("given", "everything")
    assert state(system) == [("C12", "given")]
    assert state(system, "another-device-0001") == []
    event = ConsentEvent.objects.get()
    assert (event.subject, event.actor, event.sha256) == (None, "api:loans", FormServed.objects.get().sha256)
    assert DEVICE.encode() not in bytes(event.device_digest)
    ended = system.post("/devices/withdrawals", {"device": DEVICE})
    assert (ended.status_code, ended.json()["covers"]) == (201, "nothing")
    assert state(system) == [("C12", "withdrawn")]
    assert not Change.objects.exists(), "the site told us: there is nobody else to tell"
    assert rebuilding.rebuild(dry_run=True) == 0
    assert ConsentState.objects.get().device_digest == devices.digest(DEVICE)


def test_only_what_was_shown_to_this_device_is_answered_and_a_changed_text_is_409(system):
    old = version(form("C12"))
    shown = shown_to(system)
    (error,) = problem(answer(system, shown, device="another-device-0001"), 422, "invalid")["errors"]
    assert error["field"] == "served"
    version(old.form)
    body = problem(answer(system, shown), 409, "form_changed")
    assert not ConsentEvent.objects.exists()
    assert answer(system, body["form"], "refused").json()["state"] == "refused"


def test_without_a_form_of_cookies_in_force_there_is_nothing_to_show(system):
    version(form("C8"))
    problem(system.post("/devices/served", {"device": DEVICE}), 404, "form_not_found")
    problem(system.post("/devices/withdrawals", {"device": DEVICE}), 404, "form_not_found")


@pytest.mark.parametrize("device", ["", "short", "with a space in it", "x" * 201, "устройство-1234567"])
def test_what_is_no_device_is_said(system, device):
    (error,) = problem(system.post("/devices/lookup", {"device": device}), 422, "invalid")["errors"]
    assert error["field"] == "device"


def test_the_number_of_a_device_stands_in_no_address():
    for name in ("serve_device", "record_device", "withdraw_device", "lookup_device"):
        assert "<" not in reverse(f"api:{name}")
