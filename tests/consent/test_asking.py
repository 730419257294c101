"""Nobody's consent is widened by a new text: they are asked, once, in their language (law.md 5.3; issue 3)."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import translation

from consent import asking, ledger
from notifications.models import Letter
from tests.consent.factories import BY_CODE, form, given, version
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def officer():
    return permit(StaffUserFactory(), "notifications.run_campaign")


def asked() -> set:
    return set(Letter.objects.filter(kind="consent_asked").values_list("subject", flat=True))


def test_whoever_consented_to_less_than_the_form_names_now_gets_one_letter_and_nobody_else(officer):
    of = form("C8")
    old = version(of, purposes={"marketing": "kk ru"})
    outgrown, unreachable, withdrawn = DataSubjectFactory(), DataSubjectFactory(email=None), DataSubjectFactory()
    for person in (outgrown, unreachable, withdrawn):
        given(person, old)
    ledger.withdraw(subject=withdrawn, form=of, proof=BY_CODE)
    new = version(of, purposes={"marketing": "kk ru", "statistics": "kk ru"})
    covered, stranger = DataSubjectFactory(), DataSubjectFactory()
    given(covered, new)
    assert asking.count(of) == (2, 0)
    with as_officer(officer):
        campaign = asking.ask(form=of, by=officer)
    assert campaign.audience["queued"] == 1
    assert campaign.audience["no_address"] == 1
    assert asked() == {outgrown.pk, unreachable.pk}
    assert stranger.pk not in asked()
    assert ledger.standings(outgrown)["C8", ""].is_ground, "what they gave stands until they say otherwise"


def test_nobody_is_asked_twice_about_one_version(officer):
    of = form("C8")
    given(DataSubjectFactory(), version(of, purposes={"marketing": "kk ru"}))
    version(of, purposes={"marketing": "kk ru", "statistics": "kk ru"})
    with as_officer(officer):
        asking.ask(form=of, by=officer)
        with pytest.raises(ValidationError, match="already"):
            asking.ask(form=of, by=officer)


def test_who_saw_a_text_that_names_less_in_their_language_is_asked(officer):
    of = version(purposes={"contract": "kk ru", "identification": "ru"})
    kazakh, russian = DataSubjectFactory(), DataSubjectFactory()
    given(kazakh, of, language="kk")
    given(russian, of, language="ru")
    with as_officer(officer):
        asking.ask(form=of.form, by=officer)
    assert asked() == {kazakh.pk}


def test_with_nothing_to_ask_or_nobody_to_ask_or_without_the_right_it_is_refused(officer):
    of = form("C8")
    with as_officer(officer):
        with pytest.raises(ValidationError, match="nothing to ask"):
            asking.ask(form=of, by=officer)
        given(DataSubjectFactory(), version(of))
        with pytest.raises(ValidationError, match="Everybody's consent"):
            asking.ask(form=of, by=officer)
    other = StaffUserFactory()
    with as_officer(other), pytest.raises(PermissionDenied):
        asking.ask(form=of, by=other)
    assert not asked()
