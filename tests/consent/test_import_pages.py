"""Older consents from a file in admin: the upload, the worker, what the page says; the way people come in."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client
from django.urls import reverse

from consent import import_runs, importing, tasks
from consent.models import ConsentEvent, ConsentImport
from subjects import import_runs as runs
from subjects import tasks as subject_tasks
from subjects.runs import ImportState
from tests.consent.factories import form
from tests.staff.conftest import member  # noqa: F401
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
HEADER = "client number;form;decision;date"
GOOD, BAD = "A-1;C2;given;2026-03-06", "A-9;C2;given;2026-03-06"


@pytest.fixture
def client(member) -> Client:  # noqa: F811
    DataSubjectFactory(client_number="A-1", email=None)
    form("C2")
    return desk(member("officer"))


def desk(user) -> Client:
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(user)
    return browser


def upload(client: Client, *rows: str, dry_run: bool = False):
    file = SimpleUploadedFile("c.csv", "\n".join([HEADER, *rows]).encode())
    return client.post(reverse("admin:consent_import"), {"file": file} | ({"dry_run": "on"} if dry_run else {}))


def worked_off(client: Client, *rows: str, **kwargs) -> tuple[ConsentImport, str]:
    response = upload(client, *rows, **kwargs)
    assert response.status_code == 302
    run = ConsentImport.objects.latest("pk")
    tasks.run_import(run.pk)
    run.refresh_from_db()
    return run, " ".join(client.get(response.url).content.decode().split())


def figures(page: str) -> dict[str, int]:
    return {k: int(v) for k, v in re.findall(r'card-label">([\w ]+)</p>\s*<p class="card-figure">(\d+)<', page)}


def test_the_request_keeps_the_file_sealed_and_the_page_waits_for_a_worker(client):
    response = upload(client, GOOD)
    run = ConsentImport.objects.get()
    assert response.url == reverse("admin:consent_consentimport_change", args=[run.pk])
    assert (run.state, ConsentEvent.objects.count()) == (ImportState.WAITING, 0)
    assert b"A-1" not in bytes(run.sealed_file)
    page = client.get(response.url)
    assert "waits for a worker" in page.content.decode()
    assert page["Refresh"] == "2"


def test_the_worker_writes_the_good_rows_in_the_officers_name_and_names_the_bad_ones(client):
    run, page = worked_off(client, GOOD, BAD)
    assert (run.state, run.sealed_file) == (ImportState.DONE, None)
    assert figures(page) == {"rows in the file": 2, "added": 1, "there already": 0, "not imported": 1}
    assert re.search(r"<td>3</td><td>client number</td><td>Nobody has this client number[^<]*</td>", page)
    event = ConsentEvent.objects.get()
    assert (event.actor, event.user) == (f"officer:{run.started_by_id}", run.started_by)
    assert run.history.latest("history_id").actor == "job:import"


def test_the_same_file_again_adds_nothing(client):
    worked_off(client, GOOD)
    _run, page = worked_off(client, GOOD)
    assert figures(page) == {"rows in the file": 1, "added": 0, "there already": 1, "not imported": 0}
    assert ConsentEvent.objects.count() == 1


def test_a_dry_run_counts_and_writes_nothing(client):
    run, page = worked_off(client, GOOD, BAD, dry_run=True)
    assert (run.state, run.rows_total, run.rows_good) == (ImportState.CHECKED, 2, 1)
    assert "1 row is good. Nothing was written, as you asked." in page
    assert not ConsentEvent.objects.exists()


def test_a_file_without_one_good_row_is_refused_and_says_so(client):
    run, page = worked_off(client, BAD)
    assert run.state == ImportState.REFUSED
    assert "no row is good" in page


def test_an_error_in_the_middle_leaves_nothing_and_the_page_does_not_wait_for_ever(client, monkeypatch):
    upload(client, GOOD)
    run = ConsentImport.objects.get()
    monkeypatch.setattr(importing, "load", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tasks.run_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.sealed_file, ConsentEvent.objects.count()) == (ImportState.FAILED, None, 0)


def test_the_sweep_rings_for_a_forgotten_import_and_ends_one_whose_worker_was_killed(
    client, monkeypatch, django_capture_on_commit_callbacks
):
    upload(client, GOOD)
    rung = []
    monkeypatch.setattr(runs, "ring", lambda task, pk: rung.append((task, pk)))
    run = ConsentImport.objects.get()
    subject_tasks.sweep()
    assert rung == [("consent.run_import", run.pk)]
    ConsentImport.objects.update(state=ImportState.WRITING)
    subject_tasks.sweep()
    run.refresh_from_db()
    assert run.state == ImportState.FAILED


def test_two_workers_do_not_work_at_one_import_and_imports_of_people_have_locks_of_their_own(client):
    upload(client, GOOD)
    run = ConsentImport.objects.get()
    assert import_runs.CONSENTS.locks != runs.PEOPLE.locks
    other = connections["default"].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [import_runs.CONSENTS.locks, run.pk])
        tasks.run_import(run.pk)
        run.refresh_from_db()
        assert run.state == ImportState.WAITING
    finally:
        other.close()


def test_no_file_and_one_too_large_are_refused_before_anything_is_kept(client, monkeypatch):
    assert client.post(reverse("admin:consent_import"), {}).status_code == 422
    monkeypatch.setattr("consent.admin.imports.MOST_BYTES", 10)
    response = upload(client, GOOD)
    assert response.status_code == 422
    assert "The file is larger than" in response.content.decode()
    assert not ConsentImport.objects.exists()


def test_the_list_leads_to_the_runs_and_to_the_upload(client):
    run, _page = worked_off(client, GOOD)
    page = client.get(reverse("admin:consent_consentimport_changelist")).content.decode()
    assert reverse("admin:consent_consentimport_change", args=[run.pk]) in page
    assert reverse("admin:consent_import") in page


@pytest.mark.parametrize("role", ["operator", "dpo", "auditor", "administrator"])
def test_other_roles_import_nothing(role, member):  # noqa: F811
    browser = desk(member(role))
    assert upload(browser, GOOD).status_code == 403
    assert browser.get(reverse("admin:consent_import_template")).status_code == 403
    assert not ConsentImport.objects.exists()
