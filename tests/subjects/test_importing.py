"""A CSV file becomes people: checked first, written at once, never doubled, never half."""

import io
import json
import tracemalloc
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone, translation

from audit.models import AccessRecord
from subjects import csv_rows, import_runs, importing, registers, search, vault
from subjects.enums import IndexKind, Standing
from subjects.models import DataSubject, ImportState, PersonalData, SearchKey, SubjectImport, SubjectKey
from tests.staff.factories import StaffUserFactory, as_officer

pytestmark = pytest.mark.django_db
HEADER = "client_number;iin;last_name;first_name;phone;email;language"
ROWS = [
    "K-1;850314390019;Сейітқазы;Айгерім;+77012345678;aigerim@example.kz;kk",
    "K-2;921130490023;Иванова;Анна;87771234567;anna@example.kz;ru",
    "K-3;;Smith;;;;en",
]


@pytest.fixture(autouse=True)
def categories(db):
    registers.load()


def file_of(*rows: str, header: str = HEADER) -> io.BytesIO:
    return io.BytesIO("\n".join([header, *rows]).encode())


def run(*rows: str, header: str = HEADER) -> importing.Outcome:
    checked = importing.examine(file_of(*rows, header=header), language="kk")
    assert checked.problems == []
    return importing.load(checked.rows)


def values(subject: DataSubject) -> dict[str, dict]:
    return {value.category: value.parts for value in vault.own_values(subject=subject, page="x")}


def test_rows_become_people_with_sealed_values_found_exactly():
    assert run(*ROWS) == (3, 3, 0, 0)
    anna = search.find(IndexKind.EMAIL, "anna@example.kz").get()
    assert (anna.language, anna.kind, anna.standing) == ("ru", "customer", "ordinary")
    assert values(anna) == {
        "full_name": {"last": "Иванова", "first": "Анна"},
        "iin": {"value": "921130490023"},
        "mobile_phone": {"value": "+77771234567"},
        "email": {"value": "anna@example.kz"},
    }
    for kind, text in [("iin", "921130490023"), ("phone", "7771234567"), ("client_number", "k-2"), ("name", "иванова")]:
        assert search.find(kind, text).get() == anna


def test_copy_leaves_history_with_the_actor():
    run(*ROWS)
    assert DataSubject.history.count() == 3
    assert PersonalData.history.count() == PersonalData.objects.count() == 9
    assert set(PersonalData.history.values_list("actor", flat=True)) == {"job:test"}


def test_the_same_file_again_changes_nothing_and_doubles_nobody():
    run(*ROWS)
    before = DataSubject.history.count(), PersonalData.history.count(), SearchKey.objects.count()
    assert run(*ROWS) == (3, 0, 0, 3)
    assert (DataSubject.history.count(), PersonalData.history.count(), SearchKey.objects.count()) == before


def test_by_client_number_a_changed_row_updates_and_history_keeps_the_old_ciphertext():
    run(*ROWS)
    anna = search.find(IndexKind.CLIENT_NUMBER, "K-2").get()
    assert run(ROWS[1].replace("anna@", "anna.new@").replace(";ru", ";kk")) == (1, 0, 1, 0)
    anna.refresh_from_db()
    assert anna.language == "kk"
    assert values(anna)["email"] == {"value": "anna.new@example.kz"}
    assert not search.find(IndexKind.EMAIL, "anna@example.kz").exists()
    assert search.find(IndexKind.EMAIL, "anna.new@example.kz").get() == anna
    email = PersonalData.objects.get(subject=anna, category__code="email")
    old, new = email.history.order_by("history_id").values_list("sealed", flat=True)
    assert bytes(old) != bytes(new)
    assert search.find(IndexKind.PHONE, "87771234567").get() == anna  # what did not change is still found


def test_an_empty_cell_takes_nothing_away():
    run(*ROWS)
    anna = search.find(IndexKind.CLIENT_NUMBER, "K-2").get()
    run("K-2;;Иванова;Анна;;;ru")
    assert values(anna)["iin"] == {"value": "921130490023"}


def test_an_iin_of_somebody_else_is_a_problem_that_names_the_reference_and_is_not_written():
    run(*ROWS)
    owner = search.find(IndexKind.IIN, "850314390019").get()
    checked = importing.examine(file_of("K-9;850314390019;Other;;;;kk"), language="kk")
    (problem,) = checked.problems
    assert (problem.row, problem.code, problem.params) == (2, "iin_taken", {"reference": str(owner)})
    assert list(checked.rows) == []


def test_a_minor_is_taken_in_with_a_warning_and_the_standing():
    checked = importing.examine(file_of("K-1;150101550000;A;;;;kk", header=HEADER), language="kk")
    # the check digit of an invented minor's IIN is looked for, not guessed
    for last in range(10):
        checked = importing.examine(file_of(f"K-1;15010155000{last};A;;;;kk"), language="kk")
        if checked.rows:
            break
    assert [warning.code for warning in checked.warnings] == ["minor"]
    importing.load(checked.rows)
    assert DataSubject.objects.get().standing == Standing.MINOR


def test_nothing_stays_when_the_writing_fails_in_the_middle(monkeypatch):
    checked = importing.examine(file_of(*ROWS), language="kk")
    monkeypatch.setattr(importing, "BATCH", 1)
    taken = checked.rows[2]._replace(iin="850314390019")  # as if somebody had taken it meanwhile
    with pytest.raises(IntegrityError):
        importing.load([*checked.rows[:2], taken])
    assert DataSubject.objects.count() == SubjectKey.objects.count() == PersonalData.objects.count() == 0


def test_progress_is_told_batch_by_batch(monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 2)
    told = []
    importing.load(importing.examine(file_of(*ROWS), language="kk").rows, progress=lambda *a: told.append(a))
    assert told == [(2, 3), (3, 3)]


def test_statements_grow_with_batches_not_with_rows(django_assert_max_num_queries, monkeypatch):
    rows = importing.examine(file_of(*(f"N-{n};;Name{n};;;n{n}@example.kz;kk" for n in range(200))), language="kk").rows
    with django_assert_max_num_queries(12):
        importing.load(rows)


@pytest.mark.parametrize("counted", ["as it is", "a few", "nobody, after an import that was undone"])
def test_whoever_is_asked_for_is_looked_up_one_by_one_however_many_have_just_come_in(counted):
    """An import writes in one transaction, so the statistics of its tables are of before: each batch read all of them,
    or asked for all of itself once a row, or read a whole index that does not begin with what is asked for."""

    def come_in(cursor):
        run(*ROWS)
        cursor.execute(
            "INSERT INTO subjects_searchkey (subject_id, kind, digest, hint) SELECT %s, 'client_number',"
            " decode(md5(n::text), 'hex'), '' FROM generate_series(1, 20000) n",
            [search.find(IndexKind.CLIENT_NUMBER, "K-1").get().pk],
        )

    with connection.cursor() as cursor:
        if counted == "a few":
            run(*ROWS)
        elif counted != "as it is":
            with transaction.atomic():
                come_in(cursor)
                transaction.set_rollback(True)
        if counted != "as it is":
            cursor.execute("ANALYZE subjects_searchkey")
        come_in(cursor)
    wanted = [bytes([n % 256, n // 256]) * 8 for n in range(2000)]
    plan = search.among(IndexKind.CLIENT_NUMBER, wanted).explain(format="json", analyze=True)

    def nodes(node: dict) -> Iterator[dict]:
        yield node
        for below in node.get("Plans", ()):
            yield from nodes(below)

    read = sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0))
        * node["Actual Loops"]
        for node in nodes(json.loads(plan)[0]["Plan"])
        if node.get("Relation Name") == "subjects_searchkey"
    )
    assert read == 0


@pytest.mark.parametrize("blocked", [{"standing": "blocked"}, {"standing": "minor", "blocked_at": timezone.now()}])
def test_a_row_about_whoever_is_blocked_is_refused_and_one_blocked_meanwhile_stays_as_it_is(blocked):
    run(*ROWS)
    changed = ROWS[1].replace("anna@", "anna.new@")
    checked = importing.examine(file_of(changed), language="kk")
    people = DataSubject.objects.filter(pk=search.find(IndexKind.CLIENT_NUMBER, "K-2").get().pk)
    people.update(**blocked)
    assert importing.load(checked.rows).updated == 0
    assert search.find(IndexKind.EMAIL, "anna@example.kz").exists()
    assert [problem.code for problem in importing.examine(file_of(changed), language="kk").problems] == ["closed"]


def test_updating_opens_values_through_the_third_door():
    run(*ROWS)
    AccessRecord.objects.all()
    run(*ROWS)
    records = AccessRecord.objects.filter(reason="import")
    assert {record.category for record in records} == {"full_name", "iin", "mobile_phone", "email"}


class TestCommand:
    def write(self, tmp_path, *rows: str, encoding: str = "utf-8"):
        path = tmp_path / "people.csv"
        path.write_bytes("\n".join([HEADER, *rows]).encode(encoding))
        return path

    @pytest.mark.parametrize(
        "header",
        ["Номер клиента;ИИН;Фамилия;Имя;Телефон;Эл. почта;Язык", "клиент нөмірі;ЖСН;тегі;аты;телефон;пошта;тілі"],
    )
    def test_headers_in_the_officers_language(self, header, tmp_path, capsys):
        path = tmp_path / "people.csv"
        path.write_text("\n".join([header, *ROWS]))
        call_command("import_subjects", path)
        assert "3 added" in capsys.readouterr().out

    def test_a_dry_run_writes_nothing(self, tmp_path, capsys):
        call_command("import_subjects", self.write(tmp_path, *ROWS), dry_run=True)
        assert "3 of 3 rows are good" in capsys.readouterr().out
        assert DataSubject.objects.count() == 0

    def test_good_rows_go_in_and_every_bad_one_is_named_without_its_value(self, tmp_path, capsys):
        bad = ["K-7;850314390010;A;;;;kk", "K-8;;B;;12;x@;zz"]
        with translation.override("en"), pytest.raises(CommandError, match="2 bad rows"):
            call_command("import_subjects", self.write(tmp_path, *ROWS, *bad))
        printed = capsys.readouterr()
        assert "3 added" in printed.out
        assert DataSubject.objects.count() == 3
        lines = printed.err.splitlines()
        assert [line for line in lines if " 5" in line or " 6" in line] == lines
        assert len(lines) == 4  # the IIN; the phone, the e-mail and the language
        assert "850314390010" not in printed.err

    def test_another_encoding_is_refused_with_a_sentence(self, tmp_path, capsys):
        with pytest.raises(CommandError):
            call_command("import_subjects", self.write(tmp_path, ROWS[1], encoding="cp1251"))
        assert "UTF-8" in capsys.readouterr().err
        assert DataSubject.objects.count() == 0

    def test_a_missing_file_is_said_plainly(self, tmp_path):
        with pytest.raises(CommandError, match="No such file"):
            call_command("import_subjects", tmp_path / "none.csv")


class TestRuns:
    def start(self, *rows: str, dry_run: bool = False, officer=None) -> SubjectImport:
        officer = officer or StaffUserFactory()
        with as_officer(officer):
            return import_runs.start(content=file_of(*rows).getvalue(), dry_run=dry_run, language="kk", by=officer)

    def test_the_file_waits_sealed_and_is_dropped_at_the_end(self):
        waiting = self.start(*ROWS)
        assert b"aigerim" not in bytes(waiting.sealed_file)
        import_runs.run(waiting.pk)
        waiting.refresh_from_db()
        assert (waiting.state, waiting.created, waiting.sealed_file) == (ImportState.DONE, 3, None)
        assert waiting.finished_at is not None

    def test_a_dry_run_only_checks(self):
        waiting = self.start(*ROWS, dry_run=True)
        import_runs.run(waiting.pk)
        waiting.refresh_from_db()
        assert (waiting.state, DataSubject.objects.count()) == (ImportState.CHECKED, 0)

    def test_bad_rows_are_listed_in_the_readers_language(self):

        waiting = self.start("K-7;850314390010;A;;;;kk")
        import_runs.run(waiting.pk)
        waiting.refresh_from_db()
        assert waiting.state == ImportState.REFUSED
        (problem,) = waiting.problem_rows()
        with translation.override("en"):
            assert (problem.row, problem.column) == (2, "iin")
            assert "check" in problem.reason.lower()

    def test_a_second_bell_does_not_import_twice(self):
        waiting = self.start(*ROWS)
        import_runs.run(waiting.pk)
        import_runs.run(waiting.pk)
        assert DataSubject.objects.count() == 3

    def test_an_error_ends_the_run_and_says_so(self, monkeypatch):
        waiting = self.start(*ROWS)
        monkeypatch.setattr(importing, "load", lambda *a, **k: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            import_runs.run(waiting.pk)
        waiting.refresh_from_db()
        assert (waiting.state, waiting.sealed_file) == (ImportState.FAILED, None)


def test_a_file_five_times_as_long_takes_no_more_memory():
    """Rows are read anew and kept nowhere: what grows is 17 bytes a row."""

    def peak(count: int) -> int:
        rows = (f"N-{n};;Аманов;Асан;;n{n}@example.kz;kk" for n in range(count))
        content = io.BytesIO("\n".join([HEADER, *rows]).encode())
        tracemalloc.start()
        checked = importing.examine(content, language="kk")
        assert sum(1 for _row in checked.rows) == len(checked.rows) == count
        _now, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(100)
    assert peak(12_000) - peak(4_000) < 1_000_000


def test_a_file_that_changed_while_it_was_read_writes_nothing():
    content = file_of(*ROWS)
    checked = importing.examine(content, language="kk")
    content.seek(0)
    content.truncate()
    content.write("\n".join([HEADER, *ROWS[:2]]).encode())
    with pytest.raises(csv_rows.Changed):
        importing.load(checked.rows)
    assert not DataSubject.objects.exists()
