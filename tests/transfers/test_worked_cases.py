"""Twelve worked cases from the policy and the laws, each as an officer would tell it (issue 4, shows 4)."""

from datetime import date

import pytest

from consent.enums import ScopeKind
from subjects.enums import Standing
from subjects.models import Contract
from tests.transfers import factories
from tests.transfers.factories import agree, happened, listed, world
from transfers import gate
from transfers.decisions import Context, Decision
from transfers.enums import Check

pytestmark = pytest.mark.django_db


def overdue(person) -> None:
    Contract.objects.create(subject=person, number="K-1", state="overdue", overdue_since="2026-11-01T00:00Z")


def supply_to_the_private_bureau_with_consent_c3():
    made = world(written=True)
    made.consents()
    return made, {}


def supply_to_the_private_bureau_without_c3():
    return world(written=True), {}


def supply_to_the_state_bureau_needs_no_consent():
    return world(kind="state_credit_bureau", code="gkb", ground="law", agreement=False), {}


def a_report_with_consent_c4_for_this_report():
    made = world(form="C4", scope_kind=ScopeKind.REPORT, direction="incoming", purpose="credit_report", written=True)
    made.consents(scope="report:2026-1")
    return made, {"direction": "incoming", "context": Context(scope="report:2026-1")}


def a_report_with_consent_c4_for_another_report():
    made = world(form="C4", scope_kind=ScopeKind.REPORT, direction="incoming", purpose="credit_report", written=True)
    made.consents(scope="report:2026-1")
    return made, {"direction": "incoming", "context": Context(scope="report:2026-2")}


def the_collector_of_an_overdue_loan():
    made = world(kind="collector", code="kollektor", ground="defence", purpose="debt_collection")
    overdue(made.person)
    return made, {}


def the_collector_after_the_claim_was_assigned():
    made = world(kind="collector", code="kollektor", ground="defence", purpose="debt_collection")
    Contract.objects.create(subject=made.person, number="K-1", state="assigned")
    return made, {}


def the_advertiser_after_the_withdrawal():
    made = world(kind="advertiser", code="ads", form="C9", scope_kind=ScopeKind.WHOLE, purpose="others_advertising")
    made.consents()
    made.withdraws()
    return made, {}


def pension_data_through_the_state_service():
    made = world(
        kind="pension_centre",
        code="enpf",
        form="C5",
        scope_kind=ScopeKind.TOKEN,
        direction="incoming",
        purpose="income",
    )
    made.consents(scope="token:1414-77", channel="state_service", trust="subject_signed")
    return made, {"direction": "incoming", "context": Context(scope="token:1414-77")}


def abroad_to_a_listed_country():
    made = world(kind="hosting", code="cloud", country="DE", purpose="hosting", ground="service")
    Contract.objects.create(subject=made.person, number="K-1")
    listed("DE", adequate=True)
    return made, {}


def abroad_to_an_unlisted_country():
    made = world(kind="hosting", code="cloud", country="US", purpose="hosting", ground="service")
    Contract.objects.create(subject=made.person, number="K-1")
    return made, {}


def abroad_to_an_unlisted_country_with_consent_c10():
    made = world(kind="hosting", code="cloud", country="US", purpose="hosting", ground="service")
    Contract.objects.create(subject=made.person, number="K-1")
    of = factories.consent.form("C10", scope_kind=ScopeKind.WHOLE)
    happened(made.person, factories.form_version(of, purposes={"hosting": "ru"}, recipients={"hosting": "ru"}))
    return made, {}


def a_category_too_much():
    made = world()
    made.consents()
    return made, {"categories": ("full_name", "salary_amount", "biometrics_face")}


def an_agreement_that_ended():
    made = world(agreement=False)
    agree(made.recipient, valid_to=date(2026, 1, 1))
    made.consents()
    return made, {}


def a_person_whose_data_are_blocked():
    made = world()
    made.consents()
    made.person.standing = Standing.BLOCKED
    made.person.save()
    return made, {}


def defence_of_rights_without_a_breach():
    made = world(kind="notary", code="notary", ground="defence", purpose="enforcement")
    Contract.objects.create(subject=made.person, number="K-1")
    return made, {}


def _a_court_executor_asks_in_due_form_about_a_person(standing: Standing):
    made = world(
        kind="bailiff", code="chsi", ground="law", on_demand=True, sanction=True, agreement=False, declared=False
    )
    made.person.standing = standing
    made.person.save()
    demand = Context(body="chsi-1", article="36", request_number="7", request_date=date(2026, 1, 5), sanction="9")
    return made, {"context": demand}


def a_court_executor_asks_in_due_form_about_a_restricted_person():
    return _a_court_executor_asks_in_due_form_about_a_person(Standing.RESTRICTED)


def a_court_executor_asks_in_due_form_about_a_blocked_person():
    return _a_court_executor_asks_in_due_form_about_a_person(Standing.BLOCKED)


def a_court_executor_asks_without_a_sanction():
    made = world(kind="bailiff", code="chsi", ground="law", on_demand=True, sanction=True, agreement=False)
    demand = Context(body="chsi-1", article="36", request_number="7", request_date=date(2026, 1, 5))
    return made, {"context": demand}


CASES = [
    (supply_to_the_private_bureau_with_consent_c3, "allow", "ground.consent", None),
    (supply_to_the_private_bureau_without_c3, "deny", "consent.unknown", "consent"),
    (supply_to_the_state_bureau_needs_no_consent, "allow", "ground.law", None),
    (a_report_with_consent_c4_for_this_report, "allow", "ground.consent", None),
    (a_report_with_consent_c4_for_another_report, "deny", "consent.unknown", "consent"),
    (the_collector_of_an_overdue_loan, "allow", "ground.defence", None),
    (the_collector_after_the_claim_was_assigned, "deny", "ground.no_breach", "overdue"),
    (the_advertiser_after_the_withdrawal, "deny", "consent.withdrawn", "consent"),
    (pension_data_through_the_state_service, "allow", "ground.consent", None),
    (abroad_to_a_listed_country, "allow", "country.adequate", None),
    (abroad_to_an_unlisted_country, "gap", "country.unlisted", "consent_abroad"),
    (abroad_to_an_unlisted_country_with_consent_c10, "allow", "country.consent", None),
    (a_category_too_much, "deny", "categories.unknown", "drop_categories"),
    (an_agreement_that_ended, "deny", "agreement.ended", "agreement"),
    (a_person_whose_data_are_blocked, "deny", "subject.standing", ""),
    (defence_of_rights_without_a_breach, "deny", "ground.no_breach", "overdue"),
    (a_court_executor_asks_in_due_form_about_a_restricted_person, "allow", "ground.law", None),
    (a_court_executor_asks_in_due_form_about_a_blocked_person, "deny", "subject.standing", ""),
    (a_court_executor_asks_without_a_sanction, "deny", "demand.incomplete", "demand"),
]


def told(decision: Decision) -> list[str]:
    return [step.code for step in decision.steps]


@pytest.mark.parametrize(("case", "verdict", "why", "change"), CASES, ids=[case.__name__ for case, *_ in CASES])
def test_the_gate_answers_as_the_policy_and_the_laws_do(case, verdict, why, change):
    made, asked = case()
    decision = gate.ask(made.question(**asked))
    assert (decision.decision, why in told(decision)) == (verdict, True), gate.as_json(decision)["trace"]
    near = decision.counterfactual
    if change is None:
        assert near is None
    else:
        assert [c.change for c in near.changes] == ([change] if change else [])
        assert near.possible == bool(change)


def test_what_is_too_much_is_left_out_and_the_rest_goes():
    made, asked = a_category_too_much()
    near = gate.ask(made.question(**asked)).counterfactual
    (change,) = near.changes
    assert change.params == {"excess": ["biometrics_face", "salary_amount"]}
    kept = tuple(sorted(set(asked["categories"]) - set(change.params["excess"])))
    assert gate.ask(made.question(categories=kept)).allowed


def test_the_law_goes_on_with_warnings_where_nothing_is_declared():
    made, asked = a_court_executor_asks_in_due_form_about_a_restricted_person()
    warned = {step.check for step in gate.ask(made.question(**asked)).steps if step.warning}
    assert warned == {Check.SUBJECT, Check.DECLARED, Check.RECIPIENT, Check.AGREEMENT}


def test_the_consent_that_was_missing_is_what_lets_it_go():
    made, _asked = supply_to_the_private_bureau_without_c3()
    assert not gate.ask(made.question()).allowed
    made.consents()
    assert gate.ask(made.question()).allowed
