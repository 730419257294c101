"""The API does what its description says: asked everything it allows and forbids, on a real database."""

import json
import os
from itertools import count

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from audit.actor import acting_as
from config.api import api
from consent import devices, feed, ledger
from consent.models import Subscriber
from subjects import decisions, loans, recording, registers, request_services
from subjects.models import DataSubject, SourceSystem
from tests.consent import factories
from tests.consent.system import System
from tests.e2e.browser import Seat, chromium
from tests.subjects.factories import DataSubjectFactory
from tests.transfers import factories as transfers
from transfers.services import authorise

PROVE = os.environ.get("KELISIM_PROVE") == "1"
EXAMPLES = 1000 if PROVE else 30
DEVICE = "site-3f1f5a0c1b228d0f"

document = json.loads(json.dumps(api.get_openapi_schema(), default=str))
described = schemathesis.openapi.from_dict(document)
OPERATIONS = {f"{o.method.upper()} {o.path}": o for o in (found.ok() for found in described.get_all_operations())}
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def world(transactional_db):
    """A person with consents and a contract, forms in force, a form shown to them; what a system may name."""
    registers.load()
    with acting_as("command:load_registers@tests"):
        registers.load_clock()
    person = DataSubjectFactory(client_number="17", iin="850314390019")
    contract = loans.record_contract(subject=person, number="K-1")
    versions = [
        factories.version(factories.form(code, scope_kind=kind)) for code, kind in (("C1", "contract"), ("C8", "whole"))
    ]
    factories.given(person, versions[0], scope=f"contract:{contract.pk}")
    shown = ledger.serve(subject=person, version=versions[1], language="ru")
    cookies = factories.version(factories.form("C12"))
    on_device = ledger.serve(subject=None, version=cookies, language="ru", device=devices.digest(DEVICE))
    recording.record(
        subject=person, category="email", values=[{"value": "a@example.kz"}], source="api", origin="subject"
    )
    SourceSystem.objects.create(code="site")
    gated = transfers.world()
    gated.consents()
    with acting_as("job:fixture"):
        let = authorise(question=gated.question())
    fetching = transfers.world(
        kind="state_credit_bureau", code="kdp", form="C4", direction="incoming", purpose="report"
    )
    fetching.consents()
    with acting_as("job:fixture"):
        fetched = authorise(question=fetching.question(direction="incoming", categories=("mobile_phone",)))
        told = request_services.register(subject=person, kinds=["access"], channel="cabinet", language="ru")
    asked = {
        "subject": str(gated.person),
        "recipient": gated.recipient.code,
        "purpose": gated.purpose.code,
        "categories": ["iin"],
    }
    return {
        "recipient": [gated.recipient.code],
        "purpose": [gated.purpose.code],
        "questions": [[asked]],
        "transfers": [[asked]],
        "public_id": [str(let.transfer.public_id)],
        "token": [let.token],
        "payload_sha256": ["0" * 64],
        "context": [{}],
        "category": ["ip_address", "email"],
        "values": [[{"value": "a@example.kz"}], ["a@example.kz"]],
        "categories": [["email"]],
        "found": [None],
        "result": ["match"],
        "transfer": [""],
        "at": ["2026-11-20T10:00:00+05:00"],
        "collected_at": ["2026-11-20T10:00:00+05:00"],
        "system": ["site"],
        "first_day": ["2026-11-01"],
        "last_day": ["2026-11-02"],
        "other": [str(DataSubjectFactory().public_id)],
        "ref": [str(person), str(person.public_id)],
        "code": ["C1", "C8"],
        "number": ["K-1", "K-2"],
        "count": [3],
        "outcome": ["granted"],
        "client_number": ["17"],
        "subject": [str(person), str(gated.person)],
        "served": [shown.served.pk, on_device.served.pk],
        "device": [DEVICE],
        "expected_version": [1],
        "form": ["C1", "C8"],
        "scope": ["", "contract:K-1"],
        "up_to": [1],
        "value": ["850314390019", "17"],
        "id": [str(told.public_id)],
        # what a name means there and nowhere else
        "tell_request": {
            "kinds": [["complaint"]],
            "received_at": ["2026-11-20T10:00:00+05:00"],
            "about": [["C1"]],
            "text": ["…"],
        },
        "receive": {
            "public_id": [str(fetched.transfer.public_id)],
            "token": [fetched.token],
            "values": [{"mobile_phone": [{"value": "+77012345678"}]}],
        },
    }


def with_what_there_is(values: dict | None, world: dict, draw) -> dict | None:
    """What was made up, put right: made-up numbers alone would never get past 404."""
    if not isinstance(values, dict):
        return values
    return values | {name: draw(st.sampled_from(world[name])) for name in values if name in world}


@pytest.mark.prove
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_no_answer_is_a_failure_of_ours_or_other_than_described(operation, world):
    system, app, seen, number = System(per_minute=60_000), get_wsgi_application(), set(), count()
    Subscriber.objects.create(client=system.client)
    decisions.tell(
        subject=DataSubject.objects.order_by("pk").first(),
        client=system.client.code,
        number="K-1",
        kind="scoring",
        outcome="granted",
        occurred_at=timezone.now(),
        categories=["email"],
    )
    feed.number()
    own = world.get(operation.definition.raw["operationId"].rpartition("_api_")[2])
    there_is = world | (own if isinstance(own, dict) else {})  # a name of an operation may be one of a field too
    asked = st.one_of(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=asked, data=st.data())
    def ask(case, data) -> None:
        if data.draw(st.booleans(), label="of every second case what it names exists"):
            case.path_parameters = with_what_there_is(case.path_parameters, there_is, data.draw)
            case.body = with_what_there_is(case.body, there_is, data.draw)
        next(number)
        headers = {"Authorization": f"Bearer {system.key}", "Accept-Language": "en"}
        response = case.call(base_url="http://testserver", app=app, headers=headers)
        seen.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    for round_ in range(5):  # made-up numbers may miss what is good once
        seed(20261123 + round_)(ask)()
        if seen & {200, 201}:
            break
    assert next(number) >= EXAMPLES / 2, "the description leaves next to nothing to ask"
    assert seen & {200, 201}, f"nothing asked was good: {sorted(seen)}"


def test_every_operation_names_its_key_and_its_errors_are_problems():
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["security"] == [{"ApiKey": []}], (method, path)
            for status, response in operation["responses"].items():
                wanted = "application/problem+json" if int(status) >= 400 else "application/json"
                assert list(response["content"]) == [wanted], (method, path, status)
    names = [operation["operationId"] for operations in document["paths"].values() for operation in operations.values()]
    assert len(names) == len(set(names))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/api/v1/nothing", 404, "not_found"),
        ("get", "/api/v1/", 404, "not_found"),
        ("get", "/api/v2/changes", 404, "not_found"),
        ("delete", "/api/v1/changes", 405, "method_not_allowed"),
        ("get", "/api/v1/consents", 405, "method_not_allowed"),
    ],
)
def test_no_refusal_is_a_page(method, path, status, code):
    response = getattr(Client(), method)(path)
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    assert response.json()["code"] == code
    assert response.json()["request_id"] == response["X-Request-Id"]


@pytest.mark.django_db
def test_a_failure_of_ours_is_a_problem_too_and_says_nothing_of_itself(monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("connection string postgres://…")

    monkeypatch.setattr(feed, "after", broken)
    response = System().get("/changes")
    assert (response.status_code, response["Content-Type"]) == (500, "application/problem+json")
    assert response.json()["code"] == "internal"
    assert "postgres" not in response.content.decode()


@pytest.mark.django_db
def test_a_refusal_of_the_database_is_a_conflict(monkeypatch):
    from django.db import IntegrityError

    def refused(*args, **kwargs):
        raise IntegrityError("duplicate key (email)=(a@example.kz)")

    monkeypatch.setattr(feed, "after", refused)
    response = System().get("/changes")
    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert "example.kz" not in response.content.decode()


@pytest.mark.django_db
def test_a_body_beyond_the_limit_is_refused(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    response = System().post("/subjects/lookup", {"kind": "iin", "value": "1" * 2000})
    assert response.status_code in (400, 413)
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.django_db
def test_the_description_is_read_without_a_key_and_its_page_takes_everything_from_here():
    client = Client()
    assert client.get("/api/v1/openapi.json").json()["openapi"].startswith("3.1")
    page = client.get("/api/v1/docs").content.decode()
    assert "http://" not in page
    assert "https://" not in page


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_page_of_the_api_works_under_the_strict_policy_and_complains_of_nothing(live_server, browser_path):
    with chromium(browser_path) as browser:
        seat = Seat(browser, live_server.url, locale="en")
        seat.go("/api/v1/docs")
        seat.page.click("text=Record a withdrawal")
        seat.page.wait_for_selector("text=application/problem+json")
        seat.page.click(".opblock-body .model-example button >> nth=1")
        seat.page.wait_for_timeout(300)
        assert "blocking" in seat.text()
        assert seat.complaints == []
