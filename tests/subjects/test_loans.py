"""How applications and contracts stand is told by the loan system, whose messages may overtake each other."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from subjects import loans, ports
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
NOON = timezone.now() - timedelta(days=3)
EARLIER, LATER = NOON - timedelta(hours=1), NOON + timedelta(hours=1)


@pytest.fixture
def person():
    return DataSubjectFactory(email=None)


@pytest.mark.parametrize(
    ("record", "first", "then"),
    [(loans.record_application, "applied", "refused"), (loans.record_contract, "opened", "performed")],
)
class TestAnOlderStateToldAfterANewerOne:
    def test_is_refused_with_a_sentence_at_its_moment_and_overwrites_nothing(self, person, record, first, then):
        record(subject=person, number="1", state=first, at=EARLIER - timedelta(hours=1))
        record(subject=person, number="1", state=then, at=NOON)
        with pytest.raises(ValidationError) as refusal:
            record(subject=person, number="1", state=first, at=EARLIER)
        assert list(refusal.value.message_dict) == ["at"]
        row = type(record(subject=person, number="1", state=then)).objects.get()
        assert (row.state, row.state_since) == (then, NOON)

    def test_of_the_first_message_ever_counts_too(self, person, record, first, then):
        record(subject=person, number="1", state=then, at=NOON)
        with pytest.raises(ValidationError):
            record(subject=person, number="1", state=first, at=EARLIER)

    def test_the_same_state_told_again_changes_nothing_whenever_it_was(self, person, record, first, then):
        record(subject=person, number="1", state=then, at=NOON)
        for moment in (EARLIER, LATER, None):
            row = record(subject=person, number="1", state=then, at=moment)
            assert (row.state, row.state_since) == (then, NOON)

    def test_a_later_one_is_taken(self, person, record, first, then):
        record(subject=person, number="1", state=first, at=NOON)
        row = record(subject=person, number="1", state=then, at=LATER)
        assert (row.state, row.state_since) == (then, LATER)

    def test_the_number_of_another_person_is_refused(self, person, record, first, then):
        record(subject=person, number="1", state=first, at=NOON)
        with pytest.raises(ValidationError) as refusal:
            record(subject=DataSubjectFactory(email=None), number="1", state=then, at=LATER)
        assert list(refusal.value.message_dict) == ["number"]


def test_a_refused_message_releases_and_holds_back_nothing(person, monkeypatch):
    told = []
    monkeypatch.setattr(ports, "on_obligation_began", [lambda row: told.append("began")])
    monkeypatch.setattr(ports, "on_obligation_ended", [lambda row: told.append("ended")])
    loans.record_contract(subject=person, number="1", state="opened", at=NOON)
    with pytest.raises(ValidationError):
        loans.record_contract(subject=person, number="1", state="performed", at=EARLIER)
    assert told == ["began"]
