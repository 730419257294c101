"""Whoever kills the workers in the middle of a campaign loses no letter and doubles none (issue 2, Shows 3)."""

import time
from collections import Counter

import pytest

from notifications.delivery import WINDOW
from notifications.enums import LetterState
from notifications.models import Campaign
from policies import letters
from subjects.models import DataSubject
from tests.e2e.conftest import kill_group, open_letters, until
from tests.e2e.people import address_of, import_people
from tests.policies.factories import published_version


@pytest.mark.prove
def test_ten_kills_lose_nothing_and_double_nothing(house, sink, size):
    people, kills = size(2000), size(10, least=2)
    sink.delay = 0.005  # so that a kill finds letters on their way
    import_people(people)
    version = published_version(significant=True)
    campaign = Campaign.objects.get(cause=letters.cause_of(version))
    assert campaign.letters.filter(state=LetterState.QUEUED).count() == people

    began = time.monotonic()
    with house.beat():
        for kill in range(1, kills + 1):
            with house.worker() as worker:
                goal = people * kill // (kills + 1)
                until(lambda goal=goal: sink.accepted >= goal, seconds=60, what=f"letter {goal} arrived")
                kill_group(worker)
        with house.worker():
            until(lambda: open_letters() == 0, seconds=120, what="every letter at its end")
    seconds = time.monotonic() - began

    arrived = Counter(message["Delivered-To"] for message in sink.messages())
    states = Counter(campaign.letters.values_list("state", flat=True))
    uncertain = states[LetterState.UNCERTAIN]
    print(
        f"\n{people} letters, the worker group killed {kills} times by SIGKILL, {seconds:.0f} s: "
        f"{len(arrived)} people have it, {sum(n - 1 for n in arrived.values())} have it twice, "
        f"{states[LetterState.SENT]} sent, {uncertain} uncertain (listed for an officer), "
        f"{people - states[LetterState.SENT] - uncertain} lost"
    )
    assert set(arrived) <= {address_of(number) for number in range(people)}
    assert max(arrived.values()) == 1
    # sent means arrived; whoever has no letter is listed for an officer to decide about
    reached = list(campaign.letters.filter(state=LetterState.SENT).values_list("subject_id", flat=True))
    assert len(reached) + uncertain == people
    assert {email for email, _language in DataSubject.addresses(reached).values()} <= set(arrived)
    assert uncertain <= kills * (WINDOW + 1)
