"""Whoever kills the workers in the middle of a campaign loses no letter and doubles none (issue 2, Shows 3)."""

from collections import Counter

import pytest

from audit.actor import acting_as
from notifications.enums import TERMINAL, LetterState
from notifications.models import Campaign
from policies import letters
from staff.models import Operator
from tests.e2e.conftest import WORKER, celery, kill_group, process, until
from tests.policies.factories import published_version
from tests.subjects.factories import DataSubjectFactory


@pytest.mark.prove
@pytest.mark.django_db(transaction=True)
def test_ten_kills_lose_nothing_and_double_nothing(house_env, sink, size, tmp_path):
    people, kills = size(2000), size(10, least=2)
    sink.delay = 0.01
    log = tmp_path / "worker.log"
    with acting_as("command:test@test"):
        Operator.objects.create(name_kk="А", name_ru="А", email="office@example.kz")
        addresses = {f"p{n}@example.kz" for n in range(people)}
        for address in sorted(addresses):
            DataSubjectFactory(email=address)
    version = published_version(significant=True)
    campaign = Campaign.objects.get(cause=letters.cause_of(version))
    assert campaign.letters.count() == people

    beat = process(celery("beat", "--schedule", str(tmp_path / "beat"), "--loglevel", "WARNING"), house_env, log)
    with beat:
        for kill in range(kills):
            with process(WORKER, house_env, log) as worker:
                goal = people * (kill + 1) // (kills + 2)
                until(lambda goal=goal: len(sink.messages()) >= goal, seconds=90, what=f"{goal} letters")
                kill_group(worker)
        with process(WORKER, house_env, log):
            until(lambda: _open(campaign) == 0, seconds=120, what="every letter terminal")

    sent = Counter(message["To"] for message in sink.messages())
    states = Counter(campaign.letters.values_list("state", flat=True))
    uncertain = set(campaign.letters.filter(state=LetterState.UNCERTAIN).values_list("pk", flat=True))
    print(f"\n{people} letters, {kills} kills of the worker group: {dict(states)}, {len(sink.messages())} arrived")
    assert set(sent) <= addresses
    assert [address for address, n in sent.items() if n > 1] == []
    # whoever is not surely reached is listed for a person to decide, and nobody else is
    assert len(addresses) - len(sent) <= len(uncertain)
    assert states[LetterState.SENT] + len(uncertain) == people
    assert len(uncertain) <= kills * 2 * 20


def _open(campaign: Campaign) -> int:
    return campaign.letters.exclude(state__in=TERMINAL).count()
