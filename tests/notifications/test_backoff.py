import random
from datetime import timedelta

import pytest

from notifications.backoff import next_attempt


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (2, 5), (3, 30), (4, 120), (5, 720)])
def test_each_wait_is_longer_and_within_a_fifth_of_the_plan(attempts, minutes):
    plan = timedelta(minutes=minutes)

    waits = [next_attempt(attempts, rng=random.Random(seed)) for seed in range(200)]

    assert all(plan * 0.8 <= wait <= plan * 1.2 for wait in waits)
    assert min(waits) < plan * 0.85
    assert max(waits) > plan * 1.15


def test_letters_deferred_together_do_not_come_back_together():
    assert len({next_attempt(1) for _ in range(50)}) > 40


def test_the_sixth_failure_is_the_last():
    assert next_attempt(6) is None
    assert next_attempt(60) is None


def test_the_same_dice_give_the_same_wait():
    assert next_attempt(3, rng=random.Random(7)) == next_attempt(3, rng=random.Random(7))


def test_a_letter_never_tried_has_no_next_attempt():
    with pytest.raises(ValueError, match="starts at 1"):
        next_attempt(0)
