"""What a supervisor asks: `/healthz` of this process, `/readyz` of everything a letter needs (issue 2, (a))."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from notifications.models import Heartbeat

pytestmark = pytest.mark.django_db


@pytest.fixture
def beats():
    """Worker and beat, both alive a moment ago."""
    for name in ("worker", "beat"):
        Heartbeat.objects.update_or_create(name=name, defaults={"at": timezone.now()})


def asked(client) -> tuple[int, dict]:
    answer = client.get("/readyz")
    return answer.status_code, answer.json()


def test_it_is_ready_when_database_redis_worker_and_beat_are_up(client, beats):
    status, said = asked(client)
    assert status == 200
    assert (said["ready"], said["database"], said["redis"]) == (True, True, True)
    assert 0 <= said["worker"] < 5
    assert 0 <= said["beat"] < 5


@pytest.mark.parametrize("name", ["worker", "beat"])
def test_without_a_worker_or_a_beat_or_with_an_old_one_it_is_not(client, beats, settings, name):
    settings.HEARTBEAT_STALE_SECONDS = 30
    Heartbeat.objects.filter(name=name).update(at=timezone.now() - timedelta(seconds=31))
    status, said = asked(client)
    assert (status, said["ready"]) == (503, False)
    assert 31 <= said[name] < 40, "how old its last sign of life is"
    Heartbeat.objects.filter(name=name).delete()
    status, said = asked(client)
    assert (status, said[name]) == (503, None)


def test_without_redis_it_is_not_and_says_so(client, beats, settings):
    settings.CELERY_BROKER_URL = "redis+socket:///nowhere/redis.sock?virtual_host=0"
    status, said = asked(client)
    assert (status, said["database"], said["redis"]) == (503, True, False)
    assert client.get("/healthz").status_code == 200, "this process still answers"


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_not_migrated_yet_is_an_answer_and_no_fault(client, beats):
    table = Heartbeat._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO away")
    try:
        status, said = asked(client)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE away RENAME TO {table}")
    assert (status, said["ready"], said["database"]) == (503, False, False)
