"""Importing people in the admin: the upload, the worker, what the page says while it runs and afterwards."""

import re
import threading

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.actor import acting_as
from staff.enums import Role
from staff.models import StaffUser
from subjects import csv_file, csv_rows, import_runs, importing, registers, search, tasks, vault
from subjects.csv_file import HEADERS
from subjects.enums import IndexKind, Standing
from subjects.models import CabinetEvent, DataSubject, ImportState, SubjectImport
from tests.staff.conftest import member  # noqa: F401
from tests.staff.factories import StaffUserFactory, permit
from tests.subjects.test_importing import HEADER, ROWS

pytestmark = pytest.mark.django_db

IMPORTS = "/admin/subjects/subjectimport/"
START = f"{IMPORTS}start/"


@pytest.fixture(autouse=True)
def categories(request):
    # with `transactional_db` the registers are gone before each test
    request.getfixturevalue("_django_db_helper")
    with acting_as("job:fixture"):
        registers.load()


def officer() -> StaffUser:
    return permit(
        StaffUserFactory(), "subjects.import_subjects", "subjects.view_subjectimport", "subjects.view_datasubject"
    )


def desk(user: StaffUser, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    return client


def upload(client: Client, *rows: str, header: str = HEADER, dry_run: bool = False, language: str = "kk"):
    file = SimpleUploadedFile("people.csv", "\n".join([header, *rows]).encode(), "text/csv")
    data = {"file": file, "language": language} | ({"dry_run": "on"} if dry_run else {})
    return client.post(START, data)


def worked_off(client: Client, *rows: str, **kwargs) -> tuple[SubjectImport, str]:
    """(the import, its page) after the worker."""
    response = upload(client, *rows, **kwargs)
    assert response.status_code == 302
    run = SubjectImport.objects.latest("pk")
    tasks.run_import(run.pk)
    run.refresh_from_db()
    return run, client.get(response.url).content.decode()


def figures(page: str) -> dict[str, int]:
    cards = re.findall(r'card-label">([\w ]+)</p>\s*<p class="card-figure">(\d+)<', page)
    return {label: int(figure) for label, figure in cards}


class TestTheWay:
    def test_upload_then_a_row_then_the_worker_then_the_counts(self):
        user = officer()
        client = desk(user)
        response = upload(client, *ROWS)
        run = SubjectImport.objects.get()
        assert response.url == f"{IMPORTS}{run.pk}/change/"
        assert (run.state, run.started_by, DataSubject.objects.count()) == (ImportState.WAITING, user, 0)
        waiting = client.get(response.url)
        assert "waits for a worker" in waiting.content.decode()
        assert waiting["Refresh"] == "2"
        tasks.run_import(run.pk)
        done = client.get(response.url)
        assert figures(done.content.decode()) == {"rows in the file": 3, "added": 3, "updated": 0, "not imported": 0}
        assert "Refresh" not in done
        assert f"{IMPORTS}{run.pk}/change/" in client.get(IMPORTS).content.decode()

    def test_history_says_that_the_officer_started_it_and_the_worker_did_it(self):
        run, _page = worked_off(desk(officer()), *ROWS)
        actors = list(run.history.order_by("history_id").values_list("actor", "state"))
        assert actors[0] == (f"officer:{run.started_by_id}", "waiting")
        assert actors[-1] == ("job:import", "done")
        assert set(DataSubject.history.values_list("actor", flat=True)) == {"job:import"}

    def test_again_with_a_changed_row_updates_it(self):
        client = desk(officer())
        worked_off(client, *ROWS)
        _run, page = worked_off(client, ROWS[0], ROWS[1].replace("anna@", "anna.new@"))
        assert figures(page) == {"rows in the file": 2, "added": 0, "updated": 1, "not imported": 0}

    def test_a_dry_run_says_how_many_rows_are_good_and_writes_nobody(self):
        bad = "K-7;850314390010;A;;;;kk"
        run, page = worked_off(desk(officer()), *ROWS, bad, dry_run=True)
        assert (run.state, run.rows_total, run.rows_good) == (ImportState.CHECKED, 4, 3)
        assert "3 rows are good. Nothing was written, as you asked." in page
        assert DataSubject.objects.count() == 0

    def test_bad_rows_are_named_with_number_column_and_reason_and_the_good_ones_are_in(self):
        bad = "K-7;850314390010;A;;;;kk"
        _run, page = worked_off(desk(officer()), *ROWS, bad)
        assert figures(page)["added"] == 3
        assert re.search(r"<td>5</td><td>iin</td><td>[^<]{20,}</td>", page)
        assert "were not imported" in page
        assert "850314390010" not in page

    def test_a_file_without_one_good_row_changes_nothing_and_the_home_asks_to_mend_it(self):
        client = desk(officer())
        run, page = worked_off(client, "K-7;850314390010;A;;;;kk")
        assert run.state == ImportState.REFUSED
        assert "Nothing was written: no row is good." in page
        assert f"{IMPORTS}{run.pk}/change/" in client.get("/admin/").content.decode()

    def test_of_very_many_problems_the_rest_is_counted(self, monkeypatch):
        monkeypatch.setattr(csv_rows, "MOST_PROBLEMS", 2)
        minors = [f"M-{n};;A;;;;kk;2015-01-0{n}" for n in range(1, 6)]
        bad = [f"B-{n};12;A;;;;kk;" for n in range(7)]
        run, page = worked_off(desk(officer()), *minors, *bad, header=HEADER + ";birth_date")
        assert (len(run.problems), run.more_problems, len(run.warnings), run.more_warnings) == (2, 5, 2, 3)
        assert "And 5 more, not listed." in page
        assert "And 3 more, not listed." in page
        run.refresh_from_db()
        assert DataSubject.objects.filter(standing=Standing.MINOR).count() == 5

    def test_the_list_of_imports_does_not_read_the_files(self):
        client = desk(officer())
        for _n in range(3):
            upload(client, *ROWS)
        pk = SubjectImport.objects.values_list("pk", flat=True).latest("pk")
        with CaptureQueriesContext(connection) as queries:
            client.get(IMPORTS)
            client.get(f"{IMPORTS}{pk}/change/")
        read = [query["sql"] for query in queries if "subjects_subjectimport" in query["sql"]]
        assert read
        assert not [sql for sql in read if "sealed_file" in sql]


class TestTheForm:
    def refused(self, client: Client, data: dict) -> str:
        response = client.post(START, data)
        assert response.status_code == 422
        assert not SubjectImport.objects.exists()
        return response.content.decode()

    def test_without_a_file_it_says_so(self):
        assert 'href="#id_file"' in self.refused(desk(officer()), {"language": "kk"})
        assert 'href="#id_file"' in self.refused(desk(officer()), {})

    def test_an_empty_file_is_refused(self):
        page = self.refused(desk(officer()), {"language": "kk", "file": SimpleUploadedFile("a.csv", b"")})
        assert "empty" in page

    def test_a_file_larger_than_an_import_takes_is_refused_before_it_is_kept(self, monkeypatch):
        monkeypatch.setattr("subjects.forms.MOST_BYTES", 10)
        page = self.refused(desk(officer()), {"language": "kk", "file": SimpleUploadedFile("a.csv", b"x" * 11)})
        assert "The file is larger than" in page

    def test_the_limit_is_the_readers_own(self):
        from subjects import forms

        assert forms.MOST_BYTES is csv_file.MOST_BYTES

    @pytest.mark.parametrize(
        "content", [b"\0" * 50, b"\xff\xfe\x00", b"%PDF-1.4 \x9c\x9d", "номер\n1".encode("cp1251")]
    )
    def test_whatever_is_no_such_file_is_told_by_the_worker_in_words(self, content):
        client = desk(officer())
        client.post(START, {"language": "kk", "file": SimpleUploadedFile("a.csv", content)})
        run = SubjectImport.objects.get()
        tasks.run_import(run.pk)
        run.refresh_from_db()
        assert run.state == ImportState.REFUSED
        assert run.problem_rows()[0].reason in client.get(f"{IMPORTS}{run.pk}/change/").content.decode()

    def test_the_template_has_the_headers_of_the_officers_language(self):
        user = officer()
        for language in ("kk", "ru", "en"):
            response = desk(user, language).get(f"{IMPORTS}template/")
            assert "attachment" in response["Content-Disposition"]
            line = response.content.decode("utf-8-sig").strip()
            assert line.split(";") == [names[language][0] for names in HEADERS.values()]

    @pytest.mark.parametrize("role", [Role.OPERATOR, Role.DPO, Role.AUDITOR, Role.ADMINISTRATOR])
    def test_other_roles_import_nothing(self, role, member):  # noqa: F811
        client = desk(member(role))
        assert client.get(START).status_code == 403
        assert upload(client, *ROWS).status_code == 403
        assert client.get(f"{IMPORTS}template/").status_code == 403
        assert not SubjectImport.objects.exists()


class TestWhoIsKnown:
    """What a file does not say changes nobody."""

    def known(self) -> DataSubject:
        return search.find(IndexKind.CLIENT_NUMBER, "K-1").get()

    def test_without_a_language_or_kind_in_the_file_both_stay(self):
        client = desk(officer())
        worked_off(client, "K-1;;A;ru;guarantor", header="client_number;iin;last_name;language;kind")
        worked_off(client, "K-1;;B", header="client_number;iin;last_name", language="en")
        assert (self.known().language, self.known().kind) == ("ru", "guarantor")

    def test_a_language_the_file_names_is_taken_unless_the_person_chose_theirs(self):
        client = desk(officer())
        header = "client_number;last_name;language"
        worked_off(client, "K-1;A;ru", header=header)
        worked_off(client, "K-1;A;en", header=header)
        assert self.known().language == "en"
        CabinetEvent.objects.create(kind=CabinetEvent.Kind.LANGUAGE, subject=self.known())
        DataSubject.objects.update(language="kk")
        worked_off(client, "K-1;A;ru", header=header)
        assert self.known().language == "kk"

    def test_a_minor_who_came_of_age_is_a_person_like_any_other(self):
        client = desk(officer())
        header = "client_number;birth_date"
        worked_off(client, "K-1;2015-01-01", header=header)
        assert self.known().standing == Standing.MINOR
        worked_off(client, "K-1;", header=header)
        assert self.known().standing == Standing.MINOR, "an unknown birth date proves nothing"
        worked_off(client, "K-1;1985-01-01", header=header)
        assert self.known().standing == Standing.ORDINARY

    @pytest.mark.parametrize("standing", [Standing.BLOCKED, Standing.DECEASED, Standing.RESTRICTED])
    def test_a_standing_an_officer_gave_is_not_an_imports_to_change(self, standing):
        client = desk(officer())
        header = "client_number;birth_date"
        worked_off(client, "K-1;1985-01-01", header=header)
        DataSubject.objects.update(standing=standing)
        worked_off(client, "K-1;1985-01-02", header=header)
        worked_off(client, "K-1;2015-01-02", header=header)
        assert self.known().standing == standing


class TestTheWorker:
    """Where the transactions are real."""

    @pytest.mark.django_db(transaction=True)
    def test_the_page_sees_how_far_it_is_while_the_one_transaction_runs(self, monkeypatch):
        monkeypatch.setattr(importing, "BATCH", 1)
        with acting_as("job:test"):
            user = officer()
        client = desk(user)
        upload(client, *ROWS)
        run = SubjectImport.objects.get()
        first, go_on = threading.Event(), threading.Event()
        real = import_runs._Progress.__call__

        def told(progress, done: int, total: int) -> None:
            real(progress, done, total)
            if done == 2:
                first.set()
                assert go_on.wait(20)

        monkeypatch.setattr(import_runs._Progress, "__call__", told)

        def worker() -> None:
            try:
                tasks.run_import(run.pk)
            finally:
                connections.close_all()

        thread = threading.Thread(target=worker)
        thread.start()
        try:
            assert first.wait(20)
            page = client.get(f"{IMPORTS}{run.pk}/change/").content.decode()
            assert re.search(r'<progress value="2" max="3"', page)
            assert DataSubject.objects.count() == 0, "nobody is in before everybody is"
            import_runs.ring_forgotten()
            run.refresh_from_db()
            assert run.state == ImportState.WRITING, "a sweep leaves an import alone that somebody is at"
        finally:
            go_on.set()
            thread.join(30)
        page = client.get(f"{IMPORTS}{run.pk}/change/").content.decode()
        assert figures(page) == {"rows in the file": 3, "added": 3, "updated": 0, "not imported": 0}
        assert run.history.count() == 4, "waiting, checking, writing, done; not a row a batch"

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("state", [ImportState.CHECKING, ImportState.WRITING])
    def test_an_import_whose_worker_was_killed_ends_and_says_so(self, state):
        with acting_as("job:test"):
            user = officer()
        client = desk(user)
        upload(client, *ROWS)
        with acting_as("job:test"):
            SubjectImport.objects.update(state=state)
        tasks.sweep()
        run = SubjectImport.objects.get()
        assert (run.state, run.sealed_file) == (ImportState.FAILED, None)
        assert "nothing was written" in client.get(f"{IMPORTS}{run.pk}/change/").content.decode()

    def test_two_workers_do_not_work_at_one_import(self):
        upload(desk(officer()), *ROWS)
        run = SubjectImport.objects.get()
        other = connections["default"].copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s, %s)", [import_runs.LOCKS, run.pk])
            tasks.run_import(run.pk)
            run.refresh_from_db()
            assert run.state == ImportState.WAITING
        finally:
            other.close()
        tasks.run_import(run.pk)
        run.refresh_from_db()
        assert run.state == ImportState.DONE


class TestCorrections:
    """An old file does not undo what was put right here, unless the officer says so."""

    HEADER = "client_number;email"
    OLD = "K-1;old@example.kz"

    def corrected(self, client: Client) -> DataSubject:
        worked_off(client, self.OLD, header=self.HEADER)
        person = search.find(IndexKind.CLIENT_NUMBER, "K-1").get()
        vault.replace(subject=person, category="email", parts={"value": "right@example.kz"}, source="officer")
        return person

    def held(self, person: DataSubject) -> list[str]:
        return [value.parts["value"] for value in vault.own_values(subject=person, page="x")]

    def test_the_page_warns_by_row_and_the_correction_stays(self):
        client = desk(officer())
        person = self.corrected(client)
        run, page = worked_off(client, self.OLD, header=self.HEADER)
        assert (run.state, self.held(person)) == (ImportState.DONE, ["right@example.kz"])
        assert re.search(r"<td>2</td><td>email</td><td>[^<]*before it was corrected here[^<]*</td>", page)

    def test_the_officer_may_say_that_the_file_is_right(self):
        client = desk(officer())
        person = self.corrected(client)
        file = SimpleUploadedFile("people.csv", f"{self.HEADER}\n{self.OLD}".encode(), "text/csv")
        client.post(START, {"file": file, "language": "kk", "overrule": "on"})
        run = SubjectImport.objects.latest("pk")
        tasks.run_import(run.pk)
        run.refresh_from_db()
        assert (run.overrule, run.warnings, self.held(person)) == (True, [], ["old@example.kz"])
