"""Many contracts as one act: checked whole, previewed, confirmed by a second person, carried out, told of."""

import csv
import hashlib
import io
import itertools
import json
import re
import tracemalloc
from copy import copy
from dataclasses import replace
from datetime import timedelta
from time import monotonic

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audit import spreadsheet
from audit.actor import acting_as
from audit.models import AccessRecord
from notifications.enums import LetterState
from notifications.models import Letter
from staff.enums import Role
from staff.rules import NotAllowed
from subjects import deadlines, duplicates, import_runs, loans, registers, vault
from subjects import tasks as subject_tasks
from subjects.models import DataSubject, PersonalData
from subjects.runs import ImportState
from tests.audit.test_spreadsheet import read, text
from tests.staff.conftest import member  # noqa: F401
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory, named
from tests.transfers import factories
from transfers import batch_file, batch_results, batches, registry_files, services, tasks
from transfers.file_runs import BATCHES
from transfers.models import BatchOutcome, BatchRow, Release, Transfer, TransferBatch, TransferRule

pytestmark = pytest.mark.django_db
IINS = ("850314390019", "921130490023")


@pytest.fixture
def officer(member):  # noqa: F811
    return member(Role.OFFICER, username="the-officer")


@pytest.fixture
def dpo(member):  # noqa: F811
    return member(Role.DPO, username="the-dpo")


def seat(user) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


def owes(number: str, *, state: str = "overdue", **person):
    subject = DataSubjectFactory(**{"email": None, **person})
    named(subject, last="=1+1", first=number)
    return loans.record_contract(subject=subject, number=number, state=state)


@pytest.fixture
def collector():
    """A collector who may get name and IIN of who is overdue; two who are, one who has objected."""
    world = factories.world(
        kind="collector", code="dala", ground="defence", purpose="collection", categories=["full_name", "iin"]
    )
    world.contracts = [owes(f"K-{place}", iin=iin, client_number=f"A-{place}") for place, iin in enumerate(IINS, 1)]
    world.refuses = owes("K-3")
    with acting_as("job:test"):
        from consent.models import Objection

        Objection.objects.create(
            subject=world.refuses.subject, purpose=world.purpose, in_force_during=(timezone.now(), None)
        )
    return world


@pytest.fixture
def assignee():
    world = factories.world(
        kind="assignee", code="cedent", ground="defence", purpose="assignment", categories=["full_name", "iin"]
    )
    world.contracts = [owes(f"Z-{place}", iin=iin, email=f"z{place}@example.kz") for place, iin in enumerate(IINS, 1)]
    with acting_as(factories.LOADED):
        registers.load_clock()
    return world


def upload(client: Client, world, *rows: str, kind: str = "registry", header: str = "contract;client number", **told):
    file = SimpleUploadedFile("c.csv", "\n".join([header, *rows]).encode())
    given = {
        "kind": kind, "recipient": world.recipient.pk, "purpose": world.purpose.pk, "categories": ["full_name", "iin"],
        "file": file, **told,
    }  # fmt: skip
    return client.post(reverse("admin:transfers_batch"), given)


def checked(client: Client, world, *rows: str, **told) -> TransferBatch:
    response = upload(client, world, *rows, **told)
    assert response.status_code == 302, response.content.decode()
    batch = TransferBatch.objects.latest("pk")
    tasks.check_batch(batch.pk)
    batch.refresh_from_db()
    return batch


def page(client: Client, batch: TransferBatch) -> str:
    found = client.get(reverse("admin:transfers_transferbatch_change", args=[batch.pk])).content.decode()
    return " ".join(found.split())


def press(client: Client, name: str, batch: TransferBatch, **told):
    return client.post(reverse(f"admin:transfers_batch_{name}", args=[batch.pk]), told)


def figures(text: str) -> dict[str, int]:
    return {k: int(v) for k, v in re.findall(r'card-label">([\w ]+)</p>\s*<p class="card-figure">(\d+)<', text)}


def test_a_bad_row_stops_the_whole_file_and_every_bad_one_is_named(officer, collector):
    owes("K-9", state="performed")
    desk = seat(officer)
    rows = ("K-1;A-1", "K-77;", "K-2;A-1", "K-9;", ";A-1", "K-1;")
    batch = checked(desk, collector, *rows)
    assert batch.state == ImportState.REFUSED and not BatchRow.objects.exists()
    text = page(desk, batch)
    for line, column, reason in (
        (3, "contract", "We have no contract with this number"),
        (4, "client number", "The contract is not this client&#x27;s"),
        (5, "contract", "The contract stands otherwise than this act needs. It may be: overdue"),
        (6, "contract", "The number of the contract is empty"),
        (7, "contract", "Row 2 names the same contract"),
    ):
        assert re.search(rf"<td>{line}</td><td>{column}</td><td>{re.escape(reason)}", text), (line, text)
    assert checked(desk, collector, "K-1", header="nothing").state == ImportState.REFUSED


def test_a_file_of_more_rows_than_one_act_may_have_is_refused_whole(officer, collector, monkeypatch):
    assert batch_file.MOST_ROWS == 100_000
    monkeypatch.setattr(batch_file, "MOST_ROWS", 2)
    desk = seat(officer)
    assert checked(desk, collector, "K-1;", "K-2;").state == ImportState.DONE
    batch = checked(desk, collector, "K-1;", "K-2;", "K-3;")
    assert batch.state == ImportState.REFUSED and not batch.rows.exists()
    assert "The file has more than 2 rows. Divide it." in page(desk, batch)


def test_rows_on_their_way_are_keys_and_are_written_by_chunks(officer, collector, monkeypatch):
    monkeypatch.setattr(batches, "KEPT", 2)
    real, wrote, rows = BatchRow.objects.bulk_create, [], []

    def writes(kept):
        wrote.append(len(kept))
        return real(kept)

    def looks(told, run, progress):
        rows.extend(told)
        return batches.preview(run, told, progress)

    monkeypatch.setattr(BatchRow.objects, "bulk_create", writes)
    monkeypatch.setattr(tasks, "BATCHES", replace(BATCHES, load=looks))
    batch = checked(seat(officer), collector, "K-1;", "K-2;", "K-3;")
    assert wrote == [2, 1] and batch.rows.count() == 3
    assert {type(cell) for row in rows for cell in row} == {int, str}


def test_the_preview_counts_and_asks_and_nothing_is_authorised(officer, collector):
    desk = seat(officer)
    batch = checked(desk, collector, "K-1;A-1", "K-2;", "K-3;")
    assert (batch.state, batch.act, batch.sealed_file) == (ImportState.DONE, "preview", None)
    text = page(desk, batch)
    assert figures(text) == {"rows": 3, "allowed": 2, "refused": 1, "not set up": 0}
    assert "Why rows stay here" in text and "objection" in text
    assert not Transfer.objects.exists()
    assert "Confirm the batch?" not in text, "who uploaded it does not confirm it"


def test_what_is_not_set_up_is_told_apart_from_what_is_refused(officer, collector):
    factories.closed(collector.rule)
    text = page(seat(officer), checked(seat(officer), collector, "K-1;", "K-2;"))
    assert "What is not set up" in text and "Why rows stay here" not in text
    assert re.findall(r'<th scope="row">([^<]*)</th> <td class="bar-value">(\d+)', text) == [("transfer rule", "2")]


def test_two_people_make_it_and_what_went_is_what_was_allowed(officer, dpo, collector):
    desk, second = seat(officer), seat(dpo)
    batch = checked(desk, collector, "K-1;A-1", "K-2;", "K-3;")
    assert press(desk, "confirm", batch, typed="2").status_code == 403
    assert "Confirm the batch?" in page(second, batch)
    press(second, "confirm", batch, typed="3")
    batch.refresh_from_db()
    assert batch.act == "preview", "another number than that of the rows"
    press(second, "confirm", batch, typed="2")
    batch.refresh_from_db()
    assert (batch.act, batch.confirmed_by) == ("running", dpo)
    assert "Carrying out" in page(second, batch)
    tasks.work_batch(batch.pk)
    tasks.work_batch(batch.pk)
    batch.refresh_from_db()
    assert (batch.act, Release.objects.count(), BatchOutcome.objects.count()) == ("done", 2, 2)
    assert {row.user for row in Transfer.objects.all()} == {officer}
    for outcome in BatchOutcome.objects.select_related("row__contract", "transfer__release"):
        assert outcome.row.contract in collector.contracts
        assert IINS[0].encode() not in bytes(outcome.sealed)
    opened = AccessRecord.objects.filter(reason="transfers", door="job")
    assert {row.category for row in opened} == {"full_name", "iin"}
    # the file for the recipient, and who took it
    assert press(second, "registry", batch, format="csv", reason="package_claim").status_code == 403
    file = press(desk, "registry", batch, format="csv", reason="package_claim")
    rows = list(csv.reader(io.StringIO(file.getvalue().decode("utf-8-sig")), delimiter=";"))
    assert {row[1] for row in rows[1:]} == {"K-1", "K-2"}
    assert {row[2] for row in rows[1:]} == {"full_name", "iin"}
    assert {row[6] for row in rows if row[5] == "last"} == {"'=1+1"}
    assert all(str(batch) in row[-1] and officer.username in row[-1] for row in rows[1:])
    seen = AccessRecord.objects.filter(reason="package_claim", door="reveal")
    assert {(row.reference, row.count) for row in seen} == {(str(c.subject), 2) for c in collector.contracts}
    told = json.loads(press(desk, "registry", batch, format="json", reason="package_claim").getvalue())
    for one in told["contracts"]:
        text = json.dumps(one, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        assert Release.objects.filter(payload_sha256=hashlib.sha256(text.encode()).hexdigest()).exists()
    assert press(desk, "registry", batch, format="xlsx", reason="package_claim").getvalue()[:2] == b"PK"
    assert press(desk, "result", batch).status_code == 200
    cabinet = inside(collector.contracts[0].subject, "en").get(reverse("transfers:received")).content.decode()
    assert str(collector.recipient) in cabinet
    stays = inside(collector.refuses.subject, "en").get(reverse("transfers:received")).content.decode()
    assert str(collector.recipient) not in stays


def test_a_table_longer_than_a_sheet_goes_on_in_the_next_one(officer, dpo, collector, monkeypatch):
    desk = seat(officer)
    batch = checked(desk, collector, "K-1;", "K-2;", "K-3;")
    press(seat(dpo), "confirm", batch, typed="2")
    tasks.work_batch(batch.pk)
    monkeypatch.setattr(spreadsheet, "ROWS", 3)
    # the last sheet, About, is longer than three rows
    monkeypatch.setattr(batch_results, "Sheet", lambda name, rows: spreadsheet.Sheet(name, rows[:3]))
    told = press(desk, "result", batch).content
    assert [len(read(told, number)) for number in (1, 2)] == [3, 2]
    file = press(desk, "registry", batch, format="xlsx", reason="package_claim").getvalue()
    assert [len(read(file, number)) for number in (1, 2)] == [3, 3]


def test_the_database_itself_wants_two_and_freezes_what_was_checked(officer, dpo, collector):
    batch = checked(seat(officer), collector, "K-1;")

    def stopped(by, sentence: str, **fields) -> None:
        with acting_as(f"officer:{by.pk}"), pytest.raises(IntegrityError, match=sentence), transaction.atomic():
            TransferBatch.objects.filter(pk=batch.pk).update(**fields)

    now = timezone.now()
    stopped(officer, "transfers_batch_four_eyes", act="running", confirmed_by=officer, confirmed_at=now)
    stopped(officer, "transfers_batch_four_eyes", act="running")
    stopped(officer, "nobody signs for somebody else", act="running", confirmed_by=dpo, confirmed_at=now)
    stopped(officer, "what was checked is what is confirmed", categories=["iin", "salary_amount"])
    stopped(officer, "does not become", act="done", acted_at=now)
    with pytest.raises(NotAllowed), acting_as(f"officer:{officer.pk}"):
        batches.confirm(batch=batch, by=officer)


def test_what_changed_since_the_preview_stays_here(officer, dpo, collector):
    batch = checked(seat(officer), collector, "K-1;", "K-2;")
    press(seat(dpo), "confirm", batch, typed="2")
    first, second = collector.contracts
    loans.record_contract(subject=first.subject, number=first.number, state="performed")
    second.subject.standing = "blocked"
    second.subject.save()
    tasks.work_batch(batch.pk)
    batch.refresh_from_db()
    assert batch.act == "done" and not Release.objects.exists()
    outcomes = {outcome.row.contract_id: outcome for outcome in BatchOutcome.objects.select_related("row", "transfer")}
    assert outcomes[first.pk].transfer is None
    assert outcomes[second.pk].transfer.decision == "deny"
    with acting_as(f"officer:{officer.pk}"), pytest.raises(NotAllowed, match="there is no file"):
        registry_files.ask(batch=batch, format="csv", reason="package_claim", language="en", by=officer)


def test_of_whom_we_hold_nothing_that_is_asked_nothing_goes_and_nobody_says_it_did(officer, dpo, assignee):
    desk, (one, other) = seat(officer), assignee.contracts
    batch = checked(desk, assignee, "Z-1;", "Z-2;", kind="cession")
    press(seat(dpo), "confirm", batch, typed="2")
    tasks.work_batch(batch.pk)
    with acting_as("job:test"):
        PersonalData.objects.filter(subject=other.subject, category__code__in=["full_name", "iin"]).delete()
    press(desk, "assign", batch, act_number="7", act_date=timezone.localdate().isoformat())
    tasks.work_batch(batch.pk)
    assert Release.objects.get().transfer.subject == one.subject
    other.refresh_from_db()
    assert other.state == "overdue", "what did not go is not assigned"
    assert Letter.objects.get(kind="assignment_done").subject == one.subject
    said = {text(row[1]): text(row[4]) for row in read(batch_results.decisions(batch))[1:]}
    assert said == {str(one.subject): "allowed", str(other.subject): "allowed, but we hold none of the data"}
    cabinet = inside(other.subject, "en").get(reverse("transfers:received")).content.decode()
    assert str(assignee.recipient) not in cabinet
    file = press(desk, "registry", batch, format="json", reason="package_claim").getvalue()
    assert [contract["contract"] for contract in json.loads(file)["contracts"]] == ["Z-1"]


def test_a_killed_worker_leaves_whole_chunks_and_the_next_one_goes_on(officer, dpo, collector, monkeypatch):
    batch = checked(seat(officer), collector, "K-1;", "K-2;")
    press(seat(dpo), "confirm", batch, typed="2")
    monkeypatch.setattr(batches, "CHUNK", 1)
    real, calls = vault.open_values_for, []

    def dies(*args, **kwargs):
        calls.append(1)
        if len(calls) > 2:  # in the second chunk
            raise RuntimeError
        return real(*args, **kwargs)

    monkeypatch.setattr(vault, "open_values_for", dies)
    with pytest.raises(RuntimeError):
        tasks.work_batch(batch.pk)
    assert (Release.objects.count(), Transfer.objects.count()) == (1, 1)
    monkeypatch.setattr(vault, "open_values_for", real)
    rung = []
    monkeypatch.setattr(batches, "ring", lambda task, pk: rung.append((task, pk)))
    tasks.sweep()
    assert rung == [("transfers.work_batch", batch.pk)]
    tasks.work_batch(batch.pk)
    batch.refresh_from_db()
    assert (batch.act, Release.objects.count()) == ("done", 2)
    subject_tasks.sweep()


@pytest.mark.prove
def test_thousands_of_rows_cost_the_same_each_and_no_more_memory_while_they_go(officer, dpo, collector, size):
    many, refused = size(3000, parts=30), 10
    rows = [owes(f"T-{n}").number for n in range(many)]
    with acting_as("job:test"):
        DataSubject.objects.filter(contracts__number__in=rows[:refused]).update(standing="blocked")
    began = monotonic()
    batch = checked(seat(officer), collector, *rows, header="contract")
    previewed = monotonic() - began
    assert (batch.rows_total, batch.allowed, batch.refused) == (many, many - refused, refused)
    press(seat(dpo), "confirm", batch, typed=str(many - refused))

    costs, real, statements = [], batches._chunk, itertools.count()

    def counting(execute, *told):
        next(statements)
        return execute(*told)

    def chunk(batch):
        tracemalloc.reset_peak()
        before = next(statements)
        if done := real(batch):
            costs.append(((next(statements) - before) / done, tracemalloc.get_traced_memory()[1]))
        return done

    began = monotonic()
    tracemalloc.start()
    with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(counting):
        patch.setattr(batches, "_chunk", chunk)
        tasks.work_batch(batch.pk)
    tracemalloc.stop()
    took = monotonic() - began
    batch.refresh_from_db()
    assert (batch.act, Release.objects.count(), Transfer.objects.count()) == ("done", *[many - refused] * 2)
    assert BatchOutcome.objects.filter(sealed__isnull=False).count() == many - refused
    each, memory = zip(*costs, strict=True)
    print(
        f"\n{many} rows: checked and asked in {previewed:.0f} s, carried out in {took:.0f} s;"
        f" {min(each):.1f} to {max(each):.1f} statements a row, {min(memory) >> 10} to {max(memory) >> 10} KB a chunk"
    )
    assert max(each) < 20 and max(memory) < 32 << 20


def test_an_assignment_is_announced_made_and_told(officer, dpo, assignee):
    desk, second = seat(officer), seat(dpo)
    batch = checked(desk, assignee, "Z-1;", "Z-2;", kind="cession")
    press(second, "confirm", batch, typed="2")
    batch.refresh_from_db()
    assert batch.act == "announcing"
    tasks.work_batch(batch.pk)
    batch.refresh_from_db()
    assert batch.act == "announced" and not Transfer.objects.exists()
    people = [contract.subject for contract in assignee.contracts]
    assert {letter.subject for letter in Letter.objects.filter(kind="assignment_planned")} == set(people)
    home = inside(people[0], "en").get("/cabinet/").content.decode()
    assert "Contract Z-1: the claim is going to be assigned to cedent." in " ".join(home.split())
    asks, shown = "the persons were told, enter the act", page(desk, batch)
    assert asks not in desk.get("/admin/").content.decode() and "2 letters that the claims are going to" in shown
    for contract in assignee.contracts:
        sent_to(contract, kind="assignment_planned")
    assert asks in desk.get("/admin/").content.decode() and "still on their way" not in page(desk, batch)
    today = timezone.localdate()
    assert press(second, "assign", batch, act_number="7", act_date=today.isoformat()).status_code == 403
    for wrong in ({"act_number": ""}, {"act_date": (today + timedelta(days=1)).isoformat()},
                  {"act_date": (today - timedelta(days=1)).isoformat()}):  # fmt: skip
        press(desk, "assign", batch, **{"act_number": "7", "act_date": today.isoformat(), **wrong})
        batch.refresh_from_db()
        assert batch.act == "announced", wrong
    press(desk, "assign", batch, act_number="7/2026", act_date=today.isoformat())
    assert deadlines.of(batch.about).get().rule.code == "ASSIGN_NOTICE"
    tasks.work_batch(batch.pk)
    batch.refresh_from_db()
    assert batch.act == "done" and deadlines.of(batch.about).get().met_at is None, "the letters have not gone yet"
    for contract in assignee.contracts:
        contract.refresh_from_db()
        assert contract.state == "assigned"
    assert Letter.objects.filter(kind="assignment_done").count() == 2
    home = " ".join(inside(people[0], "en").get("/cabinet/").content.decode().split())
    assert "Contract Z-1: the claim was assigned to cedent by act No. 7/2026" in home
    leading = DataSubjectFactory(email=None)
    assert "the claim was assigned" not in inside(leading, "en").get("/cabinet/").content.decode()
    duplicates.unite(leading=leading, following=people[0])
    assert "the claim was assigned" in inside(leading, "en").get("/cabinet/").content.decode(), "both files are theirs"
    row = batch_results.decisions(batch)
    assert row[:2] == b"PK"


@pytest.fixture
def assigned(officer, dpo, assignee):
    """An assignment carried out today, confirmed forty days ago by an act of ten days later."""
    batch = checked(seat(officer), assignee, "Z-1;", "Z-2;", kind="cession")
    press(seat(dpo), "confirm", batch, typed="2")
    tasks.work_batch(batch.pk)
    act_date = timezone.localdate() - timedelta(days=30)
    with acting_as("job:test"):
        TransferBatch.objects.filter(pk=batch.pk).update(confirmed_at=timezone.now() - timedelta(days=40))
    press(seat(officer), "assign", batch, act_number="7", act_date=act_date.isoformat())
    tasks.work_batch(batch.pk)
    batch.refresh_from_db()
    assert (batch.act, batch.act_date) == ("done", act_date)
    return batch


def letter_of(contract, kind: str = "assignment_done", **state) -> None:
    Letter.objects.filter(kind=kind, subject=contract.subject).update(**state)


def sent_to(contract, *, kind: str) -> None:
    letter_of(contract, kind, state=LetterState.SENDING)
    letter_of(contract, kind, state=LetterState.SENT, done_at=timezone.now())


def test_whom_the_letter_before_an_assignment_did_not_reach_is_shown_before_its_act_is_entered(officer, dpo, assignee):
    desk, (one, other) = seat(officer), assignee.contracts
    batch = checked(desk, assignee, "Z-1;", "Z-2;", kind="cession")
    press(seat(dpo), "confirm", batch, typed="2")
    tasks.work_batch(batch.pk)
    sent_to(one, kind="assignment_planned")
    letter_of(other, "assignment_planned", state=LetterState.SKIPPED, skip_reason="no_address", done_at=timezone.now())
    home = desk.get("/admin/").content.decode()
    assert "tell those whom no letter reached" in home and "the persons were told, enter the act" not in home
    assert str(batch) in desk.get(reverse("admin:transfers_transferbatch_changelist") + "?told=no").content.decode()
    shown = page(desk, batch)
    assert str(other.subject) in shown and str(one.subject) not in shown
    assert "tell those above before you enter the act" in shown
    assert "The persons were told" not in shown, "the button stops a clock that does not run yet"


def test_the_term_to_tell_runs_from_the_day_of_the_act_whenever_it_is_entered(assigned):
    clock = deadlines.of(assigned.about).get()
    assert timezone.localtime(clock.started_at).isoformat()[:16] == f"{assigned.act_date}T00:00"
    assert timezone.localdate(clock.due_at) == timezone.localdate(), "an act of thirty days ago leaves today"


def test_the_clock_of_an_assignment_stops_when_the_last_letter_was_sent(assigned, assignee):
    first, last = timezone.now() - timedelta(minutes=5), timezone.now()
    one, other = assignee.contracts
    for contract, at in ((one, first), (other, last)):
        tasks.tell_of_transfers()
        assert deadlines.of(assigned.about).get().met_at is None
        letter_of(contract, state=LetterState.SENDING)
        letter_of(contract, state=LetterState.SENT, done_at=at)
    tasks.tell_of_transfers()
    assert deadlines.of(assigned.about).get().met_at == last


def test_whom_no_letter_reached_is_listed_until_they_are_told_another_way(assigned, assignee, officer, member):  # noqa: F811
    desk, (one, other) = seat(officer), assignee.contracts
    asks, button = "People were not told of an assignment by letter", "The persons were told"
    assert asks not in desk.get("/admin/").content.decode()
    letter_of(one, state=LetterState.SKIPPED, skip_reason="no_address", done_at=timezone.now())
    assert asks in desk.get("/admin/").content.decode()
    late = desk.get(reverse("admin:transfers_transferbatch_changelist") + "?told=no").content.decode()
    assert str(assigned) in late
    shown = page(desk, assigned)
    assert str(one.subject) in shown and str(other.subject) not in shown
    assert button not in shown, "a letter is on its way"
    press(desk, "told", assigned)
    assert deadlines.of(assigned.about).get().met_at is None
    letter_of(other, state=LetterState.SENDING)
    letter_of(other, state=LetterState.SENT, done_at=timezone.now())
    tasks.tell_of_transfers()
    assert deadlines.of(assigned.about).get().met_at is None and button in page(desk, assigned)
    letters = {text(row[1]): text(row[9]) for row in read(batch_results.decisions(assigned))[1:]}
    assert letters == {str(one.subject): "skipped", str(other.subject): "sent"}
    reader = seat(member(Role.AUDITOR, username="reader"))
    assert press(reader, "told", assigned).status_code == 403 and button not in page(reader, assigned)
    press(desk, "told", assigned)
    assert deadlines.of(assigned.about).get().met_at is not None
    assert button not in page(desk, assigned) and asks not in desk.get("/admin/").content.decode()


def test_an_assignment_of_nothing_leaves_nobody_to_tell(officer, dpo, assignee):
    batch = checked(seat(officer), assignee, "Z-1;", kind="cession")
    press(seat(dpo), "confirm", batch, typed="1")
    tasks.work_batch(batch.pk)
    press(seat(officer), "assign", batch, act_number="7", act_date=timezone.localdate().isoformat())
    contract = assignee.contracts[0]
    loans.record_contract(subject=contract.subject, number=contract.number, state="performed")
    tasks.work_batch(batch.pk)
    batch.refresh_from_db()
    assert batch.act == "done" and deadlines.of(batch.about).get().met_at == batch.acted_at


def test_an_assignment_without_its_act_is_refused_by_the_database(officer, dpo, assignee):
    batch = checked(seat(officer), assignee, "Z-1;", kind="cession")
    press(seat(dpo), "confirm", batch, typed="1")
    tasks.work_batch(batch.pk)
    with pytest.raises(IntegrityError, match="transfers_batch_cession_has_its_act"), transaction.atomic():
        TransferBatch.objects.filter(pk=batch.pk).update(act="running")
    press(seat(officer), "give_up", batch)
    batch.refresh_from_db()
    assert batch.act == "given_up"


def test_a_withheld_answer_is_no_matter_for_a_batch(officer, collector):
    other = factories.world(
        kind="state_credit_bureau", code="hush", ground="law", purpose="hush", agreement=False, disclosure="withheld"
    )
    refused = upload(seat(officer), other, "K-1;", kind="supply")
    assert refused.status_code == 422 and "Withheld transfers are not made by a batch" in refused.content.decode()
    # opened between the upload and the check
    with acting_as(f"officer:{officer.pk}"):
        batch = import_runs.begin(
            BATCHES, content=b"contract\nK-1\n", dry_run=False, by=officer, kind="supply", recipient=other.recipient,
            purpose=other.purpose, categories=["iin"],
        )  # fmt: skip
    with pytest.raises(NotAllowed, match="Withheld"):
        tasks.check_batch(batch.pk)
    batch.refresh_from_db()
    assert batch.state == ImportState.FAILED and not BatchRow.objects.exists()


@pytest.mark.parametrize("when", ["before the worker", "while it asks"])
def test_a_rule_that_was_withheld_since_the_preview_leaves_no_withheld_transfer(
    officer, dpo, collector, monkeypatch, when
):
    batch = checked(seat(officer), collector, "K-1;", "K-2;")
    press(seat(dpo), "confirm", batch, typed="2")

    def hides() -> None:
        factories.closed(copy(collector.rule))
        factories.opened(
            TransferRule, recipient=collector.recipient, purpose=collector.purpose, direction="outgoing",
            ground="defence", categories=["full_name", "iin"], disclosure="withheld",
        )  # fmt: skip

    real = services.authorise

    def asks(**told):
        if not TransferRule.objects.filter(disclosure="withheld").exists():
            hides()
        return real(**told)

    if when == "while it asks":
        monkeypatch.setattr(services, "authorise", asks)
        with pytest.raises(NotAllowed, match="Withheld"):
            tasks.work_batch(batch.pk)
        assert not BatchOutcome.objects.exists() and not Transfer.objects.exists()
    hides()
    tasks.work_batch(batch.pk)
    batch.refresh_from_db()
    assert batch.act == "done" and not Transfer.objects.exists()
    assert {text(row[4]) for row in read(batch_results.decisions(batch))[1:]} == {
        "it stood otherwise by then than in the preview"
    }
    assert "withheld" not in page(seat(officer), batch).casefold()


def test_what_does_not_fit_is_said_beside_its_field(officer, collector):
    desk = seat(officer)
    wrong = upload(desk, collector, "K-1;", kind="supply")
    assert wrong.status_code == 422 and "does not go to a recipient of this kind" in wrong.content.decode()
    assert desk.post(reverse("admin:transfers_batch"), {}).status_code == 422
    assert not TransferBatch.objects.exists()
    assert (
        "договор"
        in desk.get(reverse("admin:transfers_batch_template"), headers={"accept-language": "ru"}).content.decode()
    )


@pytest.mark.parametrize("role", ["operator", "dpo", "auditor", "administrator"])
def test_other_roles_upload_and_take_out_nothing(officer, collector, member, role):  # noqa: F811
    batch = checked(seat(officer), collector, "K-1;")
    other = seat(member(role, username="other"))
    assert upload(other, collector, "K-2;").status_code == 403
    assert press(other, "assign", batch).status_code == 403
    assert press(other, "registry", batch, format="csv", reason="package_claim").status_code == 403
    if role != "dpo":
        assert press(other, "confirm", batch, typed="1").status_code == 403
        assert press(other, "give_up", batch).status_code == 403
    assert TransferBatch.objects.count() == 1
    batch.refresh_from_db()
    assert batch.act == "preview"


def test_a_page_costs_the_same_for_many_rows(officer, collector, django_assert_max_num_queries):
    desk = seat(officer)
    few = checked(desk, collector, "K-1;")
    address = reverse("admin:transfers_transferbatch_change", args=[few.pk])
    desk.get(address)
    with CaptureQueriesContext(connection) as first:
        desk.get(address)
    cost = len(first)
    many = checked(desk, collector, "K-1;", "K-2;", "K-3;")
    with django_assert_max_num_queries(cost):
        desk.get(reverse("admin:transfers_transferbatch_change", args=[many.pk]))
