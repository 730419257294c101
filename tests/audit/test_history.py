"""Every changed row leaves exactly one row of history, whoever changed it and however; or it is not changed."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from audit.actor import acting_as, because
from policies.models import Policy
from staff.models import StaffUser
from subjects.models import DataCategory, DataSubject
from tests.audit.conftest import both, category, query

TABLE = "subjects_datacategory"
COLUMNS = 'code, title, title_ru, title_kk, title_en, retention_class, access, biometric, "order"'


def save_new(rows):
    category("new").save()


def save_changed(rows):
    rows[0].title_kk = "other"
    rows[0].save()


def update(rows):
    DataCategory.objects.filter(code__in=["a", "b"]).update(order=7)


def bulk_create(rows):
    DataCategory.objects.bulk_create([category("x"), category("y"), category("z")])


def bulk_update(rows):
    for row in rows:
        row.title_en = "other"
    DataCategory.objects.bulk_update(rows, ["title_en"])


def copy(rows):
    # COPY fails at its end, where Django no longer translates what psycopg raises
    stream_to = f"COPY {TABLE} ({COLUMNS}) FROM STDIN"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(stream_to) as stream:
        for code in ("x", "y"):
            stream.write_row([code, "t", "t ru", "t kk", "t en", "identity", "restricted", False, 0])


def raw_insert(rows):
    query(f"INSERT INTO {TABLE} ({COLUMNS}) VALUES ('x','t','t ru','t kk','t en','identity','restricted',true,0)")


def raw_update(rows):
    query(f"UPDATE {TABLE} SET title_kk = 'other' WHERE code <> 'a'")


def raw_delete(rows):
    query(f"DELETE FROM {TABLE} WHERE code = 'c'")


def delete_one(rows):
    rows[2].delete()


def delete_many(rows):
    DataCategory.objects.filter(code__in=["a", "b"]).delete()


def upsert(rows):
    query(
        f"INSERT INTO {TABLE} ({COLUMNS}) VALUES"
        " ('a','t','t ru','t kk','t en','identity','restricted',true,0),"
        " ('x','t','t ru','t kk','t en','identity','restricted',true,0)"
        " ON CONFLICT (code) DO UPDATE SET title_kk = excluded.title_kk"
    )


def django_upsert(rows):
    DataCategory.objects.bulk_create(
        [category("a"), category("x")], update_conflicts=True, unique_fields=["code"], update_fields=["title_kk"]
    )


def merge(rows):
    query(
        f"MERGE INTO {TABLE} t USING (VALUES ('a'), ('b'), ('x')) s (code) ON t.code = s.code"
        " WHEN MATCHED AND t.code = 'b' THEN DELETE"
        " WHEN MATCHED THEN UPDATE SET title_kk = 'other'"
        f" WHEN NOT MATCHED THEN INSERT ({COLUMNS})"
        " VALUES (s.code,'t','t ru','t kk','t en','identity','restricted',true,0)"
    )


def one_statement_that_deletes_and_inserts(rows):
    query(
        f"WITH gone AS (DELETE FROM {TABLE} WHERE code = 'a' RETURNING *)"
        f" INSERT INTO {TABLE} ({COLUMNS}) SELECT 'x', title, title_ru, title_kk, title_en, retention_class,"
        ' access, biometric, "order" FROM gone'
    )


WAYS = {
    save_new: ["+new"],
    save_changed: ["~a"],
    update: ["~a", "~b"],
    bulk_create: ["+x", "+y", "+z"],
    bulk_update: ["~a", "~b", "~c"],
    copy: ["+x", "+y"],
    raw_insert: ["+x"],
    raw_update: ["~b", "~c"],
    raw_delete: ["-c"],
    delete_one: ["-c"],
    delete_many: ["-a", "-b"],
    upsert: ["+x", "~a"],
    django_upsert: ["+x", "~a"],
    merge: ["+x", "-b", "~a"],
    one_statement_that_deletes_and_inserts: ["+x", "-a"],
}
ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


def state():
    """{code: every column of the row}; asked in SQL, because modeltranslation answers for some columns itself."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {TABLE} ORDER BY id")
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {row["code"]: row for row in rows}


@ways
@both
def test_every_way_to_write_leaves_one_row_of_history_for_each_changed_row(way, three, officer, attack):
    was = state()
    known = set(DataCategory.history.values_list("history_id", flat=True))
    with acting_as(f"officer:{officer.pk}", request_id="req-1"), because("register_corrected"), attack():
        way(list(three))
    now = state()
    left = list(DataCategory.history.exclude(history_id__in=known))
    assert sorted(row.history_type + row.code for row in left) == WAYS[way]
    for row in left:
        assert row.actor == f"officer:{officer.pk}"
        assert row.history_user == officer
        assert row.history_change_reason == "register_corrected"
        assert row.request_id == "req-1"
        assert row.db_user == query("SELECT session_user")[0][0]
        assert row.txid > 0
        assert abs(row.history_date - timezone.now()) < timedelta(minutes=1)
        # every column of the row as it became, as it was if it went, the translated ones among them
        expected = (was if row.history_type == "-" else now)[row.code]
        assert {"title_kk", "title_ru", "title_en"} < set(expected)
        assert {name: getattr(row, name) for name in expected} == expected
    assert {row.txid for row in left} == {left[0].txid}, "one act is one transaction"


@ways
@both
@pytest.mark.nobody
def test_no_way_to_write_works_without_an_actor(way, three, attack):
    was, known = state(), DataCategory.history.count()
    with pytest.raises(IntegrityError, match="no actor"), attack(), transaction.atomic():
        way(list(three))
    assert state() == was
    assert DataCategory.history.count() == known


@both
@pytest.mark.nobody
def test_a_statement_that_touches_no_row_needs_no_actor(three):
    assert DataCategory.objects.filter(code="none").update(order=9) == 0
    assert DataCategory.objects.filter(code="none").delete()[0] == 0


@both
def test_a_save_that_changes_nothing_leaves_nothing(three, attack):
    known = DataCategory.history.count()
    with attack():
        DataCategory.objects.get(code="a").save()
        DataCategory.objects.update(order=0)
        query(f"INSERT INTO {TABLE} ({COLUMNS}) SELECT {COLUMNS} FROM {TABLE} ON CONFLICT (code) DO NOTHING")
    assert DataCategory.history.count() == known


@both
def test_a_change_of_an_excluded_column_alone_leaves_nothing(officer):
    known = StaffUser.history.count()
    officer.set_password("another long password")
    officer.save()
    assert StaffUser.history.count() == known
    officer.position = "head of compliance"
    officer.set_password("a third long password")
    officer.save()
    assert StaffUser.history.count() == known + 1


def test_history_holds_no_password_and_no_imported_file():
    from subjects.models import SubjectImport

    assert "password" not in {f.name for f in StaffUser.history.model._meta.fields}
    assert "sealed_file" not in {f.name for f in SubjectImport.history.model._meta.fields}


@both
def test_a_row_that_came_and_went_in_one_transaction_left_both_its_rows(db):
    with transaction.atomic():
        row = category("brief")
        row.save()
        row.delete()
    assert [r.history_type for r in DataCategory.history.filter(code="brief").order_by("history_id")] == ["+", "-"]


@both
def test_rolled_back_work_leaves_no_history(three):
    known = DataCategory.history.count()
    with pytest.raises(RuntimeError), transaction.atomic():
        update(three)
        raise RuntimeError
    assert DataCategory.history.count() == known


@both
def test_rows_written_together_come_in_the_order_they_were_written(three):
    for number in (1, 2, 3):
        DataCategory.objects.filter(code="a").update(order=number)
    orders = DataCategory.history.filter(code="a").order_by("history_id").values_list("order", flat=True)
    dates = DataCategory.history.filter(code="a").order_by("history_id").values_list("history_date", flat=True)
    assert list(orders) == [0, 1, 2, 3]
    assert list(dates) == sorted(dates)


@both
def test_as_of_answers_what_a_row_was(three):
    before = timezone.now()
    DataCategory.objects.filter(code="a").update(title_kk="other")
    assert DataCategory.history.as_of(before).get(code="a").title_kk != "other"
    assert DataCategory.history.as_of(timezone.now()).get(code="a").title_kk == "other"


@both
def test_a_generated_column_is_no_obstacle():
    subject = DataSubject.objects.create()
    row = subject.history.get()
    assert row.history_type == "+"
    assert row.public_id == subject.public_id


@both
def test_every_app_that_has_titles_in_three_languages_keeps_all_of_them():
    policy = Policy.objects.create(code="main", title_kk="Саясат", title_ru="Политика")
    row = policy.history.get()
    assert (row.title_kk, row.title_ru, row.actor) == ("Саясат", "Политика", "job:test")


@both
@pytest.mark.parametrize("actor", ["job:sweep", "migration:staff.0002", "sign-in", "api:loans", "command:demo@root"])
def test_only_an_officer_is_a_history_user(actor, three):
    with acting_as(actor):
        DataCategory.objects.filter(code="a").update(order=5)
    row = DataCategory.history.filter(code="a").latest("history_id")
    assert (row.actor, row.history_user_id) == (actor, None)
