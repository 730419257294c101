"""Our own systems ask how a person's consents stand, record answers, withdraw; whatever is wrong is a problem (RFC 9457)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from consent import ledger
from consent.models import ConsentEvent, FormServed
from subjects import loans
from subjects.models import DataSubject
from tests.consent.factories import form, given, version
from tests.consent.system import System, problem
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> DataSubject:
    return DataSubjectFactory(language="ru")


@pytest.fixture
def system() -> System:
    return System()


def served(system: System, person: DataSubject, code: str = "C1", **body) -> dict:
    response = system.post(f"/subjects/{person}/forms/{code}/served", body)
    assert response.status_code == 201, response.content
    return response.json()


def answer(person: DataSubject, shown: dict, **values) -> dict:
    return {
        "subject": str(person.public_id),
        "served": shown["served"],
        "expected_version": shown["version"],
        "answer": "given",
        "evidence": {"reference": "otp-17", "address": "203.0.113.7"},
        **values,
    }


class TestReading:
    def test_a_person_is_asked_for_by_public_id_or_reference_and_their_consents_are_told(self, system, person):
        given(person, version(form("C8")))
        for ref in (person.public_id, person, str(person).lower()):
            body = system.get(f"/subjects/{ref}/consents").json()
            assert body["subject"]["reference"] == str(person)
            (consent,) = body["consents"]
            assert (consent["form"], consent["state"], consent["covers"], consent["version"]) == (
                "C8",
                "given",
                "everything",
                1,
            )

    def test_it_stands_as_it_stood_at_the_moment_asked_for(self, system, person):
        given(person, version(form("C8")))
        between = timezone.now()
        ledger.withdraw(subject=person, form=form("C8"), proof=ledger.CLOCK)
        now = system.get(f"/subjects/{person}/consents").json()["consents"]
        then = system.get(f"/subjects/{person}/consents?at={between.isoformat().replace('+', '%2B')}").json()[
            "consents"
        ]
        assert [c["state"] for c in now] == ["withdrawn"]
        assert [c["covers"] for c in now] == ["nothing"]
        assert [c["state"] for c in then] == ["given"]

    def test_grounds_say_what_may_be_done_and_why(self, system, person):
        given(person, version(form("C8"), purposes={"advert": "ru"}))
        (ground,) = system.get(f"/subjects/{person}/grounds").json()["grounds"]
        assert ground == {"purpose": "advert", "allowed": True, "reason": "consent", "form": "C8", "scope": ""}

    @pytest.mark.parametrize(
        "ref",
        ["S-999999", "8d0f6a6e-0f6c-4c63-9d0a-3f1f5a0c1b22", "850314390019", "S-1", "x", "%00", "S-" + "9" * 15],
    )
    def test_nobody_there_is_404(self, system, ref):
        problem(system.get(f"/subjects/{ref}/consents"), 404, "subject_not_found")

    @pytest.mark.parametrize(
        "at", ["yesterday", "2026-11-23", "2026-11-23T10:00:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"]
    )
    def test_a_moment_has_its_time_zone_and_is_one_of_ours(self, system, person, at):
        for page in ("consents", "grounds"):
            (error,) = problem(system.get(f"/subjects/{person}/{page}?at={at}"), 422, "invalid")["errors"]
            assert error["field"] == "at"

    def test_forms_in_force_are_read_in_the_language_asked_for(self, system):
        of = version()
        body = system.get("/forms/C1?language=kk").json()
        assert (body["language"], body["version"], body["title"]) == ("kk", of.number, "Келісім C1")
        assert system.get("/forms/C1?language=en").json()["language"] == "ru"
        assert [row["form"] for row in system.get("/forms").json()["forms"]] == ["C1"]
        problem(system.get("/forms/C9"), 404, "form_not_found")
        assert not FormServed.objects.exists()


class TestAnswering:
    def test_the_answer_names_what_was_shown_and_is_kept_with_its_proof(self, system, person):
        version()
        shown = served(system, person, language="kk")
        body = system.post("/consents", answer(person, shown))
        assert body.status_code == 201, body.content
        event = ConsentEvent.objects.get()
        assert body.json()["event"] == str(event.public_id)
        assert (body.json()["state"], body.json()["covers"]) == ("given", "everything")
        assert (event.actor, event.channel, event.trust, event.language) == ("api:loans", "api", "system_entered", "kk")
        assert event.sha256 == shown["sha256"] == FormServed.objects.get().sha256
        assert event.sealed_evidence
        assert b"203.0.113.7" not in bytes(event.sealed_evidence)

    @pytest.mark.parametrize(
        ("channel", "proof", "trust"),
        [
            ("api", "reference", "system_entered"),
            ("call", "recording", "system_entered"),
            ("state_service", "token", "subject_code"),
            ("eds", "signature", "subject_signed"),
        ],
    )
    def test_each_channel_has_its_trust_and_needs_its_proof_for_a_consent(self, system, person, channel, proof, trust):
        version()
        shown = served(system, person)
        refused = system.post("/consents", answer(person, shown, channel=channel, evidence={"address": "203.0.113.7"}))
        (error,) = problem(refused, 422, "invalid")["errors"]
        assert error["field"] == f"evidence.{proof}"
        assert not ConsentEvent.objects.exists()
        assert (
            system.post("/consents", answer(person, shown, channel=channel, evidence={proof: "MIIB"})).status_code
            == 201
        )
        assert ConsentEvent.objects.get().trust == trust

    def test_a_token_of_the_state_service_ends_when_that_service_says_and_all_of_it_is_kept_sealed(
        self, system, person
    ):
        of = version(form("C5", scope_kind="token"), term="P6M")
        shown = served(system, person, "C5", scope="token:T-17")
        until = timezone.now() + timedelta(days=3)
        evidence = {
            "token": "T-17", "request": "KDP-9", "asked_at": "2026-11-23T10:00:00+05:00",
            "answered_at": "2026-11-23T10:01:30+05:00",
        }  # fmt: skip
        body = answer(person, shown, channel="state_service", valid_until=until.isoformat(), evidence=evidence)
        response = system.post("/consents", body)
        assert response.status_code == 201, response.content
        event = ConsentEvent.objects.get()
        assert (event.valid_until, event.channel, event.version) == (until, "state_service", of)
        assert ledger.standings(person, until)["C5", "token:T-17"].state == "expired"
        assert b"KDP-9" not in bytes(event.sealed_evidence)

    def test_only_the_state_service_sets_an_end_of_its_own_and_it_lies_ahead(self, system, person):
        version()
        shown = served(system, person)
        ahead = (timezone.now() + timedelta(days=3)).isoformat()
        token = {"channel": "state_service", "evidence": {"token": "T-1"}}
        for wrong in (
            {"valid_until": ahead},
            {**token, "valid_until": ahead, "answer": "refused"},
            {**token, "valid_until": "2026-01-01T00:00:00Z"},
        ):
            (error,) = problem(system.post("/consents", answer(person, shown, **wrong)), 422, "invalid")["errors"]
            assert error["field"] == "valid_until"
        assert not ConsentEvent.objects.exists()

    def test_a_refusal_needs_no_proof_and_claims_no_signature(self, system, person):
        version()
        body = answer(person, served(system, person), answer="refused", channel="eds", evidence={})
        assert system.post("/consents", body).json()["state"] == "refused"
        assert ConsentEvent.objects.get().trust == "system_entered"

    def test_a_text_that_changed_meanwhile_is_409_with_the_new_one_which_can_be_answered(self, system, person):
        old = version()
        shown = served(system, person, language="kk")
        version(old.form)
        body = problem(system.post("/consents", answer(person, shown)), 409, "form_changed")
        assert not ConsentEvent.objects.exists()
        assert (body["form"]["version"], body["form"]["language"]) == (2, "kk")
        assert system.post("/consents", answer(person, body["form"])).status_code == 201

    def test_what_was_shown_to_another_is_no_answer_of_this_one(self, system, person):
        version()
        shown = served(system, DataSubjectFactory())
        (error,) = problem(system.post("/consents", answer(person, shown)), 422, "invalid")["errors"]
        assert error["field"] == "served"
        assert not ConsentEvent.objects.exists()

    def test_every_wrong_field_is_named_in_the_language_of_the_caller(self, person):
        system = System(language="ru")
        body = {"subject": str(person), "served": "x", "answer": "maybe", "surname": "Иванов"}
        errors = problem(system.post("/consents", body), 422, "invalid")["errors"]
        assert {e["field"] for e in errors} == {"served", "answer", "surname", "expected_version"}
        assert "Иванов" not in str(errors)

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"\xff", b"[]", b'"x"', b"null", b'{"subject": "\\ud800"}', b'{"subject": "\\u0000"}']
    )
    def test_what_is_no_such_json_is_told_so(self, system, body):
        headers = {"Authorization": f"Bearer {system.key}"}
        response = system.browser.post("/api/v1/consents", body, content_type="application/json", headers=headers)
        assert response.status_code in (400, 422)
        assert response["Content-Type"] == "application/problem+json"


class TestWithdrawing:
    def test_an_optional_consent_ends_at_once(self, system, person):
        given(person, version(form("C8")))
        response = system.post(f"/subjects/{person}/withdrawals", {"form": "C8", "channel": "call"})
        assert response.status_code == 201
        assert (response.json()["state"], response.json()["blocking"]) == ("withdrawn", [])
        assert ConsentEvent.objects.latest("pk").channel == "call"

    def test_with_an_open_contract_it_waits_and_the_contract_is_named_and_performing_it_ends_it(self, system, person):
        given(person, version(form("C1")))
        opened = system.put(f"/subjects/{person}/contracts/К-2026/17", {"state": "opened"})
        assert opened.json()["open"] is True
        body = system.post(f"/subjects/{person}/withdrawals", {"form": "C1"}).json()
        assert (body["state"], body["covers"], body["blocking"]) == ("withdrawal_deferred", "required", ["К-2026/17"])
        system.put(f"/subjects/{person}/contracts/К-2026/17", {"state": "performed"})
        (consent,) = system.get(f"/subjects/{person}/consents").json()["consents"]
        assert (consent["state"], consent["covers"]) == ("withdrawn", "nothing")

    def test_a_consent_about_one_contract_is_named_by_its_number(self, system, person):
        of = version(form("C1", scope_kind="contract"))
        loans.record_contract(subject=person, number="K-1")
        shown = served(system, person, scope="contract:K-1")
        assert shown["scope"] == "contract:K-1"
        assert system.post("/consents", answer(person, shown)).json()["scope"] == "contract:K-1"
        body = system.post(f"/subjects/{person}/withdrawals", {"form": "C1", "scope": "contract:K-1"}).json()
        assert (body["scope"], body["blocking"]) == ("contract:K-1", ["K-1"])
        for scope in ("contract:K-2", "contract:x", "recipient:1", "contract:"):
            refused = system.post(f"/subjects/{person}/withdrawals", {"form": "C1", "scope": scope})
            assert refused.status_code == 422, scope
        assert of.form.code == "C1"

    def test_it_was_not_said_in_the_future_nor_about_a_form_that_there_is_not(self, system, person):
        version(form("C8"))
        ahead = {"form": "C8", "occurred_at": "2199-01-01T00:00:00Z"}
        problem(system.post(f"/subjects/{person}/withdrawals", ahead), 422, "invalid")
        problem(system.post(f"/subjects/{person}/withdrawals", {"form": "C99"}), 404, "form_not_found")
        assert not ConsentEvent.objects.exists()
