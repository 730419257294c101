"""Many acts on one consent at once have an order, and the row is what the events in that order say (issue 3, shows 2)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from audit.actor import acting_as
from consent import derivation, ledger
from consent.models import ConsentEvent, ConsentState
from tests.consent.factories import BY_CODE, form, version
from tests.subjects.factories import DataSubjectFactory


@pytest.mark.django_db(transaction=True)
@pytest.mark.prove
def test_concurrent_pairs_of_give_and_withdraw_end_in_one_state_equal_to_the_order_of_events(size):
    pairs, of, person = size(1000), version(form("C8")), DataSubjectFactory(email=None)

    def pair(_n: int) -> None:
        try:
            with acting_as(f"subject:{person.public_id}"):
                shown = ledger.serve(subject=person, version=of, language="ru")
                ledger.give(served=shown.served, expected_version=of.number, proof=BY_CODE)
                ledger.withdraw(subject=person, form=of.form, proof=BY_CODE)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(pair, range(pairs)))
    row = ConsentState.objects.get()
    events = list(ConsentEvent.objects.order_by("pk"))
    assert sum(event.kind in ("given", "renewed") for event in events) == pairs
    # the order in which rows were numbered is the order in which they happened: nothing overtook
    assert [e.pk for e in sorted(events, key=lambda e: (e.occurred_at, e.pk))] == [e.pk for e in events]
    assert ledger.standing_of(row) == derivation.fold(events)
    assert row.state == "withdrawn"
    print(f"\n{pairs} concurrent pairs, {len(events)} events: one state, {row.state}")
