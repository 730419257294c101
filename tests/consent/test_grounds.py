"""What may be done with a person's data, on what ground, on any date (94-V art. 7-9)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.actor import acting_as
from consent import ledger
from consent.grounds import reasons
from subjects import loans
from subjects.models import DataSubject
from tests.consent.factories import BY_CODE, form, given, purpose, version
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def person():
    return DataSubjectFactory()


def told(person, at=None) -> dict[str, tuple[bool, str]]:
    return {reason.purpose.code: (reason.allowed, str(reason.code)) for reason in reasons(person, at)}


def test_a_law_needs_no_consent_and_an_open_ended_purpose_has_no_ground_even_with_one(person):
    purpose("legal_obligations", ground="law", required=False)
    other = purpose("other", ground="none", required=False)
    other.open_ended = True
    with acting_as("migration:consent.tests"):
        other.save()
    given(person, version(purposes={"contract": "kk ru", "other": "kk ru"}))
    assert told(person) == {
        "contract": (True, "consent"),
        "legal_obligations": (True, "law"),
        "other": (False, "open_ended"),
    }


def test_without_a_consent_nothing_that_needs_one_is_allowed(person):
    version()
    assert told(person) == {"contract": (False, "no_consent")}


def test_the_reason_names_the_consent_it_rests_on(person):
    given(person, version(form("C3")), scope="recipient:7")
    (reason,) = reasons(person)
    assert (reason.form, reason.scope, reason.standing.state) == ("C3", "recipient:7", "given")


def test_a_deferred_withdrawal_stops_optional_uses_at_once_and_leaves_the_required_ones(person):
    purpose("service_quality", required=False)
    given(person, version(purposes={"contract": "kk ru", "service_quality": "kk ru"}))
    loans.record_contract(subject=person, number="K-1")
    assert told(person) == {"contract": (True, "consent"), "service_quality": (True, "consent")}
    ledger.withdraw(subject=person, form=form(), proof=BY_CODE)
    assert told(person) == {"contract": (True, "consent"), "service_quality": (False, "deferred")}


def test_a_past_date_tells_what_was_true_then(person):
    start = timezone.now() - timedelta(days=30)
    contract = purpose("contract")
    with acting_as("migration:consent.tests"):
        type(contract).objects.update(valid_from=start.date() - timedelta(days=1))
    of = version(form("C8"), at=start)
    with ledger.locked(ledger.Owner(person), of.form, "") as row:
        proof = ledger.Proof("api", "system_entered")
        for kind, days in (("given", 1), ("withdrawn", 10)):
            ledger.append(row, proof, kind=kind, version=of, language="ru", occurred_at=start + timedelta(days=days))
    assert told(person, start) == {"contract": (False, "no_consent")}
    assert told(person, start + timedelta(days=5)) == {"contract": (True, "consent")}
    assert told(person) == {"contract": (False, "no_consent")}


def test_a_dispute_stops_everything_and_a_restriction_all_but_the_law(person):
    purpose("legal_obligations", ground="law", required=False)
    given(person, version())
    DataSubject.objects.filter(pk=person.pk).update(standing="restricted")
    person.refresh_from_db()
    assert told(person) == {"contract": (False, "restricted"), "legal_obligations": (True, "law")}
    DataSubject.objects.filter(pk=person.pk).update(standing="blocked")
    person.refresh_from_db()
    assert told(person) == {"contract": (False, "blocked"), "legal_obligations": (False, "blocked")}


def test_the_number_of_queries_is_constant(person, django_assert_num_queries):
    for code in ("C1", "C3", "C8"):
        of = version(form(code), purposes={f"p{code}{n}": "kk ru" for n in range(4)})
        given(person, of)
    with django_assert_num_queries(4):
        assert len([r for r in reasons(person) if r.allowed]) == 12
    past = timezone.now()
    with django_assert_num_queries(5):
        reasons(person, past)


def test_of_a_past_moment_the_persons_standing_was_that_of_then(person):
    given(person, version())
    between = timezone.now()
    ledger.withdraw(subject=person, form=form(), proof=BY_CODE)
    person.refresh_from_db()
    assert person.standing == "restricted"
    assert told(person, between) == {"contract": (True, "consent")}
    assert told(person) == {"contract": (False, "restricted")}
    long_before = told(person, person.created_at - timedelta(days=1))
    assert not any(allowed for allowed, _code in long_before.values())
