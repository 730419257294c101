"""A recipient's statement beside our register: every row of both has one outcome; what is withheld is not told."""

import io
import re
import zipfile
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit import spreadsheet
from audit.actor import acting_as
from staff.enums import Role
from subjects.models import SearchKey
from subjects.runs import ImportState
from subjects.search import keys_of
from tests.audit.test_spreadsheet import read
from tests.staff.conftest import member  # noqa: F401
from tests.transfers import factories
from transfers import reconciling, services, tasks
from transfers.models import Reconciliation, ReconciliationRow, Transfer

pytestmark = pytest.mark.django_db
HEADER = "transfer;their reference;IIN;date;categories"
IIN, STRANGER = "850314390019", "921130490023"


@pytest.fixture
def made():
    world = factories.world()
    world.consents()
    kind, digest, hint = keys_of("iin", IIN)
    SearchKey.objects.create(subject=world.person, kind=kind, digest=digest, hint=hint)
    return world


@pytest.fixture
def desk(member) -> Client:  # noqa: F811
    client = Client(headers={"accept-language": "en"})
    client.force_login(member(Role.OFFICER, username="the-officer"))
    return client


def sent(world, reference: str = "", **changed) -> Transfer:
    with acting_as("job:test"):
        given = services.authorise(question=world.question(**changed))
        services.release(token=given.token, payload_sha256="0" * 64, reference=reference)
    return given.transfer


def compared(desk, world, *rows: str, header: str = HEADER, **told) -> Reconciliation:
    today = timezone.localdate()
    file = SimpleUploadedFile("s.csv", "\n".join([header, *rows]).encode())
    given = {
        "recipient": world.recipient.pk, "since": (today - timedelta(days=3)).isoformat(), "until": today.isoformat(),
        "file": file, **told,
    }  # fmt: skip
    response = desk.post(reverse("admin:transfers_reconcile"), given)
    assert response.status_code == 302, response.content.decode()
    run = Reconciliation.objects.latest("pk")
    tasks.reconcile(run.pk)
    run.refresh_from_db()
    return run


def counts(run: Reconciliation) -> tuple[int, int, int, int]:
    return run.matched, run.differing, run.theirs_only, run.ours_only


def test_every_row_of_both_sides_has_one_outcome(made, desk):
    today = timezone.localdate()
    by_number, by_theirs, by_person, other = sent(made), sent(made, "Б-1"), sent(made), sent(made, "Б-2")
    forgotten = sent(made, "Б-3", categories=("iin",))
    run = compared(
        desk, made,
        f"{by_number.public_id};;;{today};full_name, iin",
        f";Б-1;;{today};",
        f";;{IIN};{today};iin, full_name",
        f";Б-2;;{today};full_name",
        f"{uuid4()};;{IIN};{today};",
        f";;{STRANGER};{today};",
    )  # fmt: skip
    assert counts(run) == (3, 1, 2, 1)
    assert (run.state, run.sealed_file, run.disclosure) == (ImportState.DONE, None, "subject")
    found = {(row.number, row.outcome, row.transfer_id) for row in ReconciliationRow.objects.all()}
    assert found == {
        (2, "matched", by_number.pk), (3, "matched", by_theirs.pk), (4, "matched", by_person.pk),
        (5, "differing", other.pk), (6, "theirs_only", None), (7, "theirs_only", None),
        (None, "ours_only", forgotten.pk),
    }  # fmt: skip


def test_what_is_not_of_this_recipient_these_days_or_was_not_sent_is_not_ours_only(made, desk):
    today = timezone.localdate()
    with acting_as("job:test"):
        services.authorise(question=made.question())
    other = factories.world(kind="collector", code="second", purpose="second", form="C6")
    other.consents()
    sent(other)
    kept = sent(made)
    run = compared(desk, made, f"{kept.public_id};;;{today};")
    assert counts(run) == (1, 0, 0, 0)
    yesterday = (today - timedelta(days=1)).isoformat()
    run = compared(desk, made, f";Б;;{yesterday};", until=yesterday)
    assert counts(run) == (0, 0, 1, 0)


def test_bad_rows_are_named_with_column_and_reason(made, desk):
    today = timezone.localdate()
    kept = sent(made)
    run = compared(
        desk, made,
        "17;;;2026-01-01;", f";;850314390010;{today};", f";;;{today};", f";x;;{today + timedelta(days=1)};",
        ";x;;;", ";x;;1 may;", f";x;;{today};iin, glasses", f"{kept.public_id};;;{today};Full name, iin",
    )  # fmt: skip
    assert counts(run) == (1, 0, 0, 0) and run.rows_good == 1
    page = desk.get(reverse("admin:transfers_reconciliation_change", args=[run.pk])).content.decode()
    for line, column, reason in (
        (2, "transfer", "This is no number of a transfer of ours"),
        (2, "date", "The day lies outside the period"),
        (3, "IIN", "The last digit"),
        (4, "", "The row names no transfer"),
        (5, "date", "The day lies outside the period"),
        (6, "date", "The date is empty"),
        (7, "date", "This is no date"),
        (8, "categories", "Not on the list of personal data"),
    ):
        assert re.search(rf"<td>{line}</td><td>{column}</td><td>{re.escape(reason)}", page), (line, page)
    assert "were not compared" in page and IIN not in page


def test_the_report_names_rows_and_no_person_but_by_reference(made, desk):
    kept = sent(made)
    run = compared(desk, made, f";;{IIN};{timezone.localdate()};iin", f";;{STRANGER};{timezone.localdate()};")
    file = desk.get(reverse("admin:transfers_reconciliation_report", args=[run.pk]))
    with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
        text = "".join(archive.read(name).decode() for name in archive.namelist())
    assert str(kept.public_id) in text and str(made.person) in text and "in the statement only" in text
    assert IIN not in text and STRANGER not in text


def test_a_report_longer_than_a_sheet_goes_on_in_the_next_one(made, desk, monkeypatch):
    today = timezone.localdate()
    run = compared(desk, made, *(f";Б-{n};;{today};" for n in range(3)))
    monkeypatch.setattr(spreadsheet, "ROWS", 3)
    # the second sheet, About, is longer than three rows
    monkeypatch.setattr(reconciling, "Sheet", lambda name, rows: spreadsheet.Sheet(name, rows[:3]))
    file = desk.get(reverse("admin:transfers_reconciliation_report", args=[run.pk]))
    assert [len(read(file.content, number)) for number in (1, 2)] == [3, 2]


def test_what_speaks_of_withheld_transfers_is_withheld(made, desk, member):  # noqa: F811
    watched = factories.world(kind="financial_monitoring", code="afm", ground="law", agreement=False, purpose="aml")
    with acting_as("job:test"):
        given = services.authorise(question=watched.question())
        services.release(token=given.token, payload_sha256="0" * 64)
    run = compared(desk, watched, f"{given.transfer.public_id};;;{timezone.localdate()};")
    assert run.disclosure == "withheld" and counts(run) == (1, 0, 0, 0)
    reader = Client()
    reader.force_login(member(Role.AUDITOR, username="reader"))
    assert reader.get(reverse("admin:transfers_reconciliation_report", args=[run.pk])).status_code == 404
    assert reader.get(reverse("admin:transfers_reconciliation_change", args=[run.pk])).status_code == 404
    assert (
        "afm"
        not in reader.get(reverse("admin:transfers_reconciliation_changelist"))
        .content.decode()
        .split("changelist-form")[-1]
        .split("changelist-filter")[0]
    )
    assert desk.get(reverse("admin:transfers_reconciliation_report", args=[run.pk])).status_code == 200


@pytest.mark.parametrize("role", ["operator", "dpo", "auditor", "administrator"])
def test_other_roles_compare_nothing(made, member, role):  # noqa: F811
    other = Client()
    other.force_login(member(role))
    assert other.get(reverse("admin:transfers_reconcile")).status_code == 403
    assert other.post(reverse("admin:transfers_reconcile"), {}).status_code == 403
    assert other.get(reverse("admin:transfers_reconcile_template")).status_code == 403


def test_wrong_days_and_no_file_are_said(made, desk):
    today = timezone.localdate()
    told = {"recipient": made.recipient.pk, "since": today, "until": today - timedelta(days=1)}
    wrong = desk.post(reverse("admin:transfers_reconcile"), told)
    assert wrong.status_code == 422 and "The last day is before the first" in wrong.content.decode()
    assert not Reconciliation.objects.exists()


def test_a_surer_name_is_never_taken_by_a_weaker_one(made, desk):
    today = timezone.localdate()
    first, second = sent(made), sent(made)
    run = compared(desk, made, f";;{IIN};{today};", f"{first.public_id};;;{today};")
    paired = {row.number: row.transfer_id for row in run.rows.all()}
    assert paired == {2: second.pk, 3: first.pk}
    assert reconciling.COUNTED[ReconciliationRow.Outcome.MATCHED] == "matched"
