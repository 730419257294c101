"""A fold of the events against an oracle that reads them backwards and knows nothing of the fold (issue 3, shows 1)."""

import os
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.actor import acting_as
from consent import derivation, ledger
from consent.enums import EventKind
from consent.models import ConsentEvent, ConsentState
from tests.consent import factories
from tests.subjects.factories import DataSubjectFactory

EXAMPLES = 10_000 if os.environ.get("KELISIM_PROVE") == "1" else 500
START = datetime(2026, 1, 1, tzinfo=UTC)
COMPARED = Counter()
GIVES = {"given", "renewed"}
ENDS = {"withdrawn", "expired", "revoked", "invalidated"}
CONSENTS = st.tuples(st.sampled_from(sorted(GIVES)), st.integers(0, 60), st.none() | st.integers(1, 40))
OTHERS = st.tuples(st.sampled_from(sorted(set(EventKind.values) - GIVES)), st.integers(0, 60), st.none())
SEQUENCES = st.lists(CONSENTS | OTHERS, min_size=2, max_size=50)


def hour(n: int) -> datetime:
    return START + timedelta(hours=n)


def oracle(sequence: list[tuple], at: int) -> tuple[str, bool]:
    """(state, is it a ground) at the hour `at`: from the last event that decides, and what was said after it."""
    happened = [step for step in sorted(sequence, key=lambda step: step[1]) if step[1] <= at]  # stable, as recorded
    decisive = next((i for i in reversed(range(len(happened))) if happened[i][0] in GIVES | ENDS), None)
    said, base, over = happened, "unknown", -1
    if decisive is not None:
        kind, when, term = happened[decisive]
        said, base = happened[decisive + 1 :], kind
        if kind in GIVES:
            end = None if term is None else when + term
            if any(k == "withdrawal_deferred" and (end is None or t < end) for k, t, _ in said):
                return "withdrawal_deferred", True
            if end is None or at < end:
                return kind, True
            base, over = "expired", end
    answers = [k for k, t, _ in said if t >= over and k != "withdrawal_deferred"]
    if not answers:
        return base, False
    if answers[-1] == "request_deferred":
        return ("not_given" if answers.count("request_deferred") >= 3 else "request_deferred"), False
    return answers[-1], False


def made(sequence: list[tuple]) -> list[ConsentEvent]:
    return [
        ConsentEvent(pk=pk, kind=kind, occurred_at=hour(when), valid_until=hour(when + term) if term else None)
        for pk, (kind, when, term) in enumerate(sequence)
    ]


@settings(max_examples=EXAMPLES, deadline=None)
@pytest.mark.prove
@given(SEQUENCES, st.integers(0, 110))
def test_any_sequence_stands_on_any_date_as_the_oracle_says(sequence, at):
    standing = derivation.fold(made(sequence), hour(at))
    assert (standing.state, standing.is_ground) == oracle(sequence, at)
    COMPARED["sequences"] += 1
    COMPARED["events"] += len(sequence)


@pytest.mark.prove
def test_how_many_were_compared():
    if not COMPARED["sequences"]:
        pytest.skip("the sequences ran elsewhere")
    assert COMPARED["sequences"] >= EXAMPLES
    print(f"\n{COMPARED['sequences']:,} sequences of {COMPARED['events']:,} events, on any date: no difference")


@settings(max_examples=EXAMPLES // 10, deadline=None)
@given(SEQUENCES, st.randoms())
def test_the_order_in_which_rows_come_does_not_matter(sequence, random):
    events = made(sequence)
    expected = derivation.fold(events)
    random.shuffle(events)
    assert derivation.fold(events) == expected


@pytest.mark.django_db
@settings(
    max_examples=max(EXAMPLES // 50, 10),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(CONSENTS | OTHERS, min_size=2, max_size=12), st.integers(0, 110))
def test_what_the_ledger_keeps_event_by_event_is_what_the_events_say(a_form, sequence, at):
    """Events come in any order of time, as papers typed late do: the row, a rebuild and a past date agree."""
    of = a_form
    person = DataSubjectFactory(email=None)
    with acting_as("job:test"):
        for kind, when, term in sequence:
            with ledger.locked(ledger.Owner(person), of.form, "") as row:
                ledger.append(
                    row,
                    ledger.Proof("api", "system_entered"),
                    kind=kind,
                    version=of,
                    occurred_at=hour(when),
                    valid_until=hour(when + term) if term else None,
                    blocking=[1] if kind == "withdrawal_deferred" else [],
                )
    row = ConsentState.objects.get(subject=person)
    assert derivation.fold(ConsentEvent.objects.filter(subject=person)) == ledger.standing_of(row)
    assert ledger.standing_of(row).at(hour(200)).state == oracle(sequence, 200)[0]
    past = ledger.standings(person, hour(at)).get(("C1", ""))
    assert (past.state if past else "unknown", bool(past and past.is_ground)) == oracle(sequence, at)


@pytest.fixture
def a_form(db):
    """One form in force for every example."""
    return factories.version()
