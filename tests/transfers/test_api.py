"""The API of transfers, as the loan system asks it (issue 4, uses)."""

import hashlib
import json

import pytest
from django.db import connection

from audit.actor import acting_as
from tests.consent.system import System, problem
from tests.transfers.factories import world
from transfers import gate
from transfers.models import Release, Transfer
from transfers.shapes import GateAnswerOut, TransferOut

pytestmark = pytest.mark.django_db
SENT = hashlib.sha256(b"what was sent").hexdigest()


@pytest.fixture
def made():
    found = world()
    found.consents()
    return found


@pytest.fixture
def loans():
    return System()


def asked(made, **changed) -> dict:
    question = made.question()
    return {
        "subject": question.subject,
        "recipient": question.recipient,
        "purpose": question.purpose,
        "categories": list(question.categories),
    } | changed


def authorised(loans, made, **changed) -> dict:
    response = loans.post("/transfers", asked(made, **changed))
    assert response.status_code == 200, response.content
    return response.json()


def released(loans, told: dict, **changed):
    return loans.post(f"/transfers/{told['id']}/release", {"token": told["token"], "payload_sha256": SENT} | changed)


def test_asking_answers_as_the_gate_does_with_every_check_in_three_languages_and_writes_nothing(loans, made):
    told = loans.post("/transfers/decisions", asked(made)).json()
    with acting_as("command:tests@tests"):
        expected = gate.as_json(gate.ask(made.question()))
    assert told["decision"] == "allow"
    assert [step["check"] for step in told["trace"]] == [step["check"] for step in expected["trace"]]
    assert all(set(step["message"]) == {"kk", "ru", "en"} and all(step["message"].values()) for step in told["trace"])
    assert not Transfer.objects.exists()


@pytest.mark.parametrize("consents", [True, False])
def test_the_answer_has_the_form_that_the_description_promises(loans, made, consents):
    if not consents:
        made.withdraws()
    told = loans.post("/transfers/decisions", asked(made)).json()
    assert GateAnswerOut.model_validate(told, strict=False).model_dump(mode="json", exclude_defaults=False) == {
        **told,
        "trace": [{"warning": False, **step} for step in told["trace"]],
    }
    told = loans.post("/transfers", asked(made)).json()
    assert set(TransferOut.model_fields) == set(told)
    assert TransferOut.model_validate(told).token == told["token"]


def test_a_refusal_is_an_answer_with_what_would_mend_it(loans, made):
    made.withdraws()
    told = loans.post("/transfers/decisions", asked(made)).json()
    assert told["decision"] == "deny"
    assert [step["check"] for step in told["trace"] if step["result"] == "fail"] == ["ground"]
    assert told["counterfactual"]["possible"] is True
    assert [change["change"] for change in told["counterfactual"]["changes"]] == ["consent"]


def test_the_past_is_answered_by_what_was_then(loans, made):
    event = made.withdraws()
    before = event.occurred_at.isoformat()
    at = loans.post("/transfers/decisions", asked(made, at=before)).json()["inputs_sha256"]
    assert at != loans.post("/transfers/decisions", asked(made)).json()["inputs_sha256"]
    problem(loans.post("/transfers/decisions", asked(made, at="2199-01-01T00:00:00+05:00")), 422, "invalid")


def test_data_go_with_the_token_once_and_the_register_names_the_system(loans, made):
    told = authorised(loans, made)
    answer = released(loans, told, size=12, reference="PKB-1")
    assert answer.status_code == 200, answer.content
    row = Release.objects.get()
    assert (str(row.transfer.public_id), row.payload_sha256, row.actor) == (told["id"], SENT, "api:loans")
    assert row.transfer.actor == "api:loans"
    problem(released(loans, told), 409, "transfer_released")


def test_after_a_withdrawal_the_token_opens_nothing(loans, made):
    told = authorised(loans, made)
    made.withdraws()
    problem(released(loans, told), 409, "consent_ended")
    assert not Release.objects.exists()


def test_a_token_belongs_to_its_transfer(loans, made):
    first, second = authorised(loans, made), authorised(loans, made)
    problem(released(loans, first, token=second["token"]), 404, "transfer_not_found")
    problem(released(loans, first, token="x" * 43), 404, "transfer_not_found")
    nowhere = first | {"id": "00000000-0000-4000-8000-000000000000"}
    problem(released(loans, nowhere), 404, "transfer_not_found")
    assert not Release.objects.exists()


def test_a_refused_transfer_is_kept_and_has_no_token(loans, made):
    made.withdraws()
    told = authorised(loans, made)
    assert (told["decision"], told["token"], told["token_expires_at"]) == ("deny", None, None)
    assert Transfer.objects.get().decision == "deny"


def test_a_repeated_request_is_answered_alike_without_a_second_token(loans, made):
    key = {"Idempotency-Key": "contract-17-supply"}
    first = loans.post("/transfers", asked(made), **key)
    again = loans.post("/transfers", asked(made), **key)
    assert (again.json()["id"], again.json()["token"]) == (first.json()["id"], None)
    assert again["Idempotency-Replayed"] == "true"
    assert Transfer.objects.count() == 1
    other = loans.post("/transfers", asked(made, categories=["iin"]), **key)
    problem(other, 422, "idempotency_key_reused")
    assert problem(loans.post("/transfers", asked(made), **{"Idempotency-Key": "short"}), 422, "invalid")["errors"]


@pytest.mark.parametrize(("length", "status"), [(7, 422), (8, 200), (100, 200), (101, 422)])
def test_a_key_is_as_long_as_the_description_says(loans, made, length, status):
    (header,) = loans.get("/openapi.json").json()["paths"]["/api/v1/transfers"]["post"]["parameters"]
    promised = header["schema"]["minLength"] <= length <= header["schema"]["maxLength"]
    assert promised is (status == 200)
    answer = loans.post("/transfers", asked(made), **{"Idempotency-Key": "k" * length})
    assert answer.status_code == status, answer.content


def test_of_many_each_is_answered_for_itself_and_in_order(loans, made):
    items = [
        asked(made),
        asked(made, subject="S-999999"),
        asked(made, recipient="nobody"),
        asked(made, context={"body": "850314390019"}),
        asked(made, categories=["iin", "salary_amount"]),
    ]
    told = loans.post("/transfers/batch", {"transfers": items}).json()["transfers"]
    assert [row["decision"] for row in told] == ["allow", None, None, None, "deny"]
    assert [row["error"] and row["error"]["field"] for row in told] == [
        None, "subject", "recipient", "context.body", None,
    ]  # fmt: skip
    assert [row["failed"] for row in told][4] == ["categories"]
    assert told[0]["token"]
    assert Transfer.objects.count() == 2
    dry = loans.post("/transfers/decisions/batch", {"questions": items}).json()["decisions"]
    assert [row["decision"] for row in dry] == ["allow", "deny", "deny", None, "deny"]
    assert Transfer.objects.count() == 2


def test_a_thousand_at_once_and_no_more(loans, made):
    items = [asked(made)] * 1001
    told = problem(loans.post("/transfers/decisions/batch", {"questions": items}), 422, "invalid")
    assert told["errors"][0]["field"] == "questions"


def test_the_public_id_names_a_person_too(loans, made):
    assert authorised(loans, made, subject=str(made.person.public_id))["decision"] == "allow"
    problem(loans.post("/transfers", asked(made, subject="17")), 404, "subject_not_found")


@pytest.mark.parametrize("field", ["recipient", "purpose"])
def test_what_is_unknown_is_named(loans, made, field):
    told = problem(loans.post("/transfers", asked(made, **{field: "nothing"})), 422, "invalid")
    assert told["errors"][0]["field"] == field


def test_a_demand_names_no_person_in_clear(loans, made):
    told = problem(loans.post("/transfers", asked(made, context={"request_number": "850314390019"})), 422, "invalid")
    assert [error["field"] for error in told["errors"]] == ["context.request_number"]
    assert "850314390019" not in json.dumps(told)
    assert not Transfer.objects.exists()


def test_who_may_ask_may_not_have_data_transferred(made):
    site = System("site", scopes=("transfers:ask",))
    assert site.post("/transfers/decisions", asked(made)).json()["decision"] == "allow"
    problem(site.post("/transfers", asked(made)), 403, "scope_missing")
    problem(site.post("/transfers/batch", {"transfers": [asked(made)]}), 403, "scope_missing")


def test_a_system_is_admitted_by_the_gate_itself_too(loans, made):
    told = loans.post("/transfers/decisions", asked(made)).json()
    (actor,) = [step for step in told["trace"] if step["check"] == "actor"]
    assert actor["result"] == "pass"
    assert actor["evidence"] == [f"staff.ApiClient:{loans.client.pk}"]


def test_an_answer_costs_the_same_however_much_there_is(loans, made, django_assert_max_num_queries):
    loans.post("/transfers/decisions", asked(made))  # the minute's note of use
    sent = []

    def note(execute, sql, params, many, context):
        sent.append(sql)
        return execute(sql, params, many, context)

    # whose key it is, who acts (before and after), and the facts; of ten requests one counts them all
    with connection.execute_wrapper(note):
        loans.post("/transfers/decisions", asked(made))
    assert len([sql for sql in sent if "kelisim.request_id" not in sql and "staff_apiallowance" not in sql]) == 2, sent
    with django_assert_max_num_queries(6):
        loans.post("/transfers/decisions", asked(made))
