"""When a deferred letter is tried again."""

import random
from datetime import timedelta

WAITS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=12),
)
# Letters deferred together must not come back together.
JITTER = 0.2


def next_attempt(attempts: int, *, rng: random.Random | None = None) -> timedelta | None:
    """How long to wait after `attempts` attempts (1 is the first), give or take 20 %; None: give up, failed.

    Greylisting lets go within minutes, a server on its knees within hours (RFC 5321 4.5.4.1).
    Raises ValueError when no attempt was made yet.
    """
    if attempts < 1:
        raise ValueError("next_attempt() is asked after an attempt: attempts starts at 1.")
    if attempts > len(WAITS):
        return None
    chance = rng.uniform if rng else random.uniform
    return WAITS[attempts - 1] * chance(1 - JITTER, 1 + JITTER)
