"""An event is a fact: stamped by the database, by somebody, once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from audit.actor import acting_as
from audit.models import AccessRecord
from tests.audit.conftest import both, query

TABLE = "audit_accessrecord"
FACT = {"door": "reveal", "reference": "S-000001", "category": "iin", "reason": "complaint"}


def create():
    AccessRecord.objects.create(**FACT)


def create_with_lies():
    AccessRecord.objects.create(
        **FACT, at=datetime(1999, 1, 1, tzinfo=UTC), actor="officer:1", user_id=1, request_id="lie", db_user="postgres"
    )


def bulk():
    AccessRecord.objects.bulk_create([AccessRecord(**FACT, actor="officer:1", user_id=1)])


def raw():
    query(
        f"INSERT INTO {TABLE} (at, actor, user_id, request_id, db_user, door, reference, category, reason, count)"
        " VALUES ('1999-01-01', 'officer:1', 1, 'lie', 'postgres', 'reveal', 'S-000001', 'iin', 'complaint', 1)"
    )


def copy():
    to = f"COPY {TABLE} (at, actor, user_id, request_id, db_user, door, reference, category, reason, count) FROM STDIN"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(to) as stream:
        stream.write_row(["1999-01-01", "officer:1", 1, "lie", "x", "reveal", "S-000001", "iin", "complaint", 1])


ways = pytest.mark.parametrize("way", [create, create_with_lies, bulk, raw, copy], ids=lambda way: way.__name__)


@ways
@both
def test_the_database_says_when_who_and_from_where_whatever_the_writer_claims(way, officer, attack):
    with acting_as(f"officer:{officer.pk}", request_id="req-7"), attack():
        way()
    record = AccessRecord.objects.get()
    assert (record.actor, record.user, record.request_id) == (f"officer:{officer.pk}", officer, "req-7")
    assert record.db_user == query("SELECT session_user")[0][0]
    assert abs(record.at - timezone.now()) < timedelta(minutes=1)


@both
def test_an_event_of_a_machine_has_no_officer(officer):
    with acting_as("job:rotate_keys"):
        AccessRecord.objects.create(**FACT, user=officer)
    assert AccessRecord.objects.get().user is None


@ways
@both
@pytest.mark.nobody
def test_there_is_no_event_that_nobody_did(way, attack):
    with pytest.raises(IntegrityError, match="no actor"), attack(), transaction.atomic():
        way()
    assert not AccessRecord.objects.exists()


@pytest.mark.parametrize(
    "sql",
    [
        f"UPDATE {TABLE} SET reason = 'other'",
        f"DELETE FROM {TABLE}",
        f"TRUNCATE {TABLE}",
        f"UPDATE {TABLE} SET reason = 'other' WHERE false",
        f"INSERT INTO {TABLE} SELECT * FROM {TABLE} ON CONFLICT (id) DO UPDATE SET reason = 'other'",
    ],
)
@both
def test_what_happened_cannot_be_made_not_to_have_happened(sql, attack):
    create()
    was = query(f"SELECT * FROM {TABLE}")
    with pytest.raises(IntegrityError, match=r"append-only|may not be truncated"), attack(), transaction.atomic():
        query(sql)
    assert query(f"SELECT * FROM {TABLE}") == was


@both
def test_the_orm_cannot_change_an_event_either():
    create()
    record = AccessRecord.objects.get()
    record.reason = "other"
    for act in (record.save, record.delete, lambda: AccessRecord.objects.update(reason="other")):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            act()


@both
def test_an_event_written_with_work_that_is_rolled_back_goes_with_it():
    with pytest.raises(RuntimeError), transaction.atomic():
        create()
        raise RuntimeError
    assert not AccessRecord.objects.exists()
