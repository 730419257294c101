"""The file for a batch's recipient: small at once, large by a worker; kept sealed for a day, every look recorded."""

import csv
import hashlib
import io
import json
from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from audit import spreadsheet
from audit.actor import acting_as
from audit.models import AccessRecord
from staff.enums import Role
from subjects import vault_out
from subjects.models import SubjectKey
from tests.audit.test_spreadsheet import read, text
from tests.staff.conftest import member  # noqa: F401
from tests.transfers.test_batches import (  # noqa: F401
    IINS,
    checked,
    collector,
    dpo,
    officer,
    page,
    press,
    seat,
)
from tests.transfers.test_reconciling import compared
from transfers import aftermath, batches, recipient_letters, registry_files, tasks
from transfers.models import RecipientNotice, RegistryFile, RegistryPart, Release

pytestmark = pytest.mark.django_db
CLAIM = {"format": "csv", "reason": "package_claim"}


@pytest.fixture
def batch(officer, dpo, collector):  # noqa: F811
    """Of two contracts that went, and one that did not."""
    found = checked(seat(officer), collector, "K-1;", "K-2;", "K-3;")
    press(seat(dpo), "confirm", found, typed="2")
    tasks.work_batch(found.pk)
    found.refresh_from_db()
    return found


@pytest.fixture
def large(monkeypatch):
    """Two contracts are many."""
    monkeypatch.setattr(registry_files, "AT_ONCE", 1)
    monkeypatch.setattr(registry_files, "CHUNK", 1)


@pytest.fixture
def rung(monkeypatch):
    bells: list[tuple] = []
    monkeypatch.setattr(registry_files, "ring", lambda name, pk: bells.append((name, pk)))
    return bells


def fetched(client, file: RegistryFile):
    return client.post(reverse("admin:transfers_batch_file", args=[file.batch_id, file.pk]))


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))


def looks() -> list[tuple[str, int]]:
    found = AccessRecord.objects.filter(door="reveal", reason="package_claim", category="transfers.registry")
    return sorted(found.values_list("reference", "count"))


def test_a_large_file_is_made_by_a_worker_and_the_page_tells_how_far_it_is(batch, officer, large, rung):  # noqa: F811
    desk = seat(officer)
    answer = press(desk, "registry", batch, **CLAIM)
    file = RegistryFile.objects.get()
    assert answer.status_code == 302 and rung == [("transfers.make_registry", file.pk)]
    assert (file.state, file.rows_total) == ("waiting", 2)
    press(desk, "registry", batch, **CLAIM)
    assert RegistryFile.objects.count() == 1, "two presses are one"
    assert "The file is being made (CSV)" in page(desk, batch)
    assert desk.get(reverse("admin:transfers_transferbatch_change", args=[batch.pk]))["Refresh"] == "2"
    assert fetched(desk, file).status_code == 302, "not ready"
    assert not looks()
    tasks.make_registry(file.pk)
    file.refresh_from_db()
    assert (file.state, file.rows_done, file.rows_total, file.values) == ("done", 2, 2, 4)
    again = desk.get(reverse("admin:transfers_transferbatch_change", args=[batch.pk]))
    assert "Refresh" not in again and file.sha256 in again.content.decode() and "Download" in again.content.decode()
    assert not looks(), "nobody has looked yet"
    content = fetched(desk, file).getvalue()
    assert hashlib.sha256(content).hexdigest() == file.sha256 and len(content) == file.size
    assert {row[1] for row in rows(content)[1:]} == {"K-1", "K-2"}
    assert {row[6] for row in rows(content)[1:] if row[2] == "iin"} == set(IINS)
    assert all(str(batch) in row[-1] and officer.username in row[-1] for row in rows(content)[1:])


def test_every_download_is_a_look_at_every_person_in_the_file(batch, officer, collector, large):  # noqa: F811
    desk = seat(officer)
    press(desk, "registry", batch, **CLAIM)
    file = RegistryFile.objects.get()
    tasks.make_registry(file.pk)
    once = sorted((str(contract.subject), 2) for contract in collector.contracts)
    for times in (1, 2):
        fetched(desk, file).getvalue()
        assert looks() == sorted(once * times)
    assert {row.user for row in AccessRecord.objects.filter(reason="package_claim")} == {officer}
    # the machine's own opening, a record a chunk, names nobody
    made = AccessRecord.objects.filter(door="job", category="transfers.registry")
    assert {(row.reason, row.reference, row.count) for row in made} == {("transfers", "", 2)} and made.count() == 2


def test_a_small_file_comes_at_one_press(batch, officer, rung):  # noqa: F811
    answer = press(seat(officer), "registry", batch, **CLAIM)
    assert answer.status_code == 200 and not rung
    content = answer.getvalue()
    assert answer["Content-Length"] == str(len(content)) and {row[1] for row in rows(content)[1:]} == {"K-1", "K-2"}
    assert len(looks()) == 2


@pytest.mark.parametrize("format", ["csv", "xlsx", "json"])
def test_a_file_of_many_pieces_is_whole_and_sealed(batch, officer, large, monkeypatch, format):  # noqa: F811
    monkeypatch.setattr(registry_files, "PIECE", 64)
    desk = seat(officer)
    press(desk, "registry", batch, **CLAIM | {"format": format})
    file = RegistryFile.objects.get()
    tasks.make_registry(file.pk)
    file.refresh_from_db()
    assert file.parts.count() == -(-file.size // 64) > 5
    kept = b"".join(bytes(part.sealed) for part in RegistryPart.objects.order_by("number"))
    assert not [iin for iin in IINS if iin.encode() in kept]
    content = fetched(desk, file).getvalue()
    assert hashlib.sha256(content).hexdigest() == file.sha256
    if format == "json":
        told = json.loads(content)
        assert told["watermark"]["taken_by"] == officer.username
        for one in told["contracts"]:
            line = json.dumps(one, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            assert Release.objects.filter(payload_sha256=hashlib.sha256(line.encode()).hexdigest()).exists()
        assert len(told["contracts"]) == 2
    else:
        table = rows(content) if format == "csv" else [[text(cell) for cell in row] for row in read(content)]
        assert {row[1] for row in table[1:]} == {"K-1", "K-2"} and len(table) > 4


@pytest.mark.parametrize("format", ["csv", "xlsx", "json"])
def test_by_the_number_in_its_file_the_recipient_finds_whom_a_letter_or_a_statement_is_about(
    batch, officer, collector, format  # noqa: F811
):  # fmt: skip
    desk = seat(officer)
    content = press(desk, "registry", batch, **CLAIM | {"format": format}).getvalue()
    if format == "json":
        told = {one["transfer"]: one["contract"] for one in json.loads(content)["contracts"]}
    else:
        table = rows(content) if format == "csv" else [[text(cell) for cell in row] for row in read(content)]
        assert table[0][:2] == ["Transfer", "Contract"]
        told = {row[0]: row[1] for row in table[1:]}
    with acting_as(f"officer:{officer.pk}"):
        aftermath.corrected(collector.contracts[0].subject, "iin")
    letter = recipient_letters.prepare(RecipientNotice.objects.get()).texts["ru"]
    assert [contract for number, contract in told.items() if number in letter] == ["K-1"]
    run = compared(desk, collector, *(f"{number};{timezone.localdate()}" for number in told), header="transfer;date")
    assert (run.matched, run.theirs_only, run.ours_only) == (2, 0, 0)


def test_what_went_before_the_number_was_part_of_it_gets_it_too(officer, dpo, collector, monkeypatch):  # noqa: F811
    def older(transfer, *told):
        one = json.loads(part(transfer, *told))
        del one["transfer"]
        return json.dumps(one, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    part = batches.part
    monkeypatch.setattr(batches, "part", older)
    found = checked(seat(officer), collector, "K-1;")
    press(seat(dpo), "confirm", found, typed="1")
    tasks.work_batch(found.pk)
    (one,) = json.loads(press(seat(officer), "registry", found, **CLAIM | {"format": "json"}).getvalue())["contracts"]
    assert one["transfer"] == str(Release.objects.get().transfer.public_id)


def test_parts_do_not_open_in_each_others_place(batch, officer, monkeypatch):  # noqa: F811
    monkeypatch.setattr(registry_files, "PIECE", 64)
    press(seat(officer), "registry", batch, **CLAIM).getvalue()
    first, second = RegistryPart.objects.order_by("number")[:2]
    RegistryPart.objects.filter(pk=first.pk).update(sealed=second.sealed)
    with acting_as(f"officer:{officer.pk}"), pytest.raises(Exception, match="does not open"):
        list(registry_files.hand_out(file=first.file, by=officer))


def test_only_who_asked_gets_it_for_the_watermark_names_them(batch, officer, large, member):  # noqa: F811
    press(seat(officer), "registry", batch, **CLAIM)
    file = RegistryFile.objects.get()
    tasks.make_registry(file.pk)
    other = seat(member(Role.OFFICER, username="other"))
    answer = other.post(reverse("admin:transfers_batch_file", args=[batch.pk, file.pk]), follow=True)
    assert "Another officer asked for this file" in answer.content.decode() and not looks()
    assert "Download" not in page(other, batch)
    reader = seat(member(Role.AUDITOR, username="reader"))
    assert fetched(reader, file).status_code == 403


def test_whose_right_ended_meanwhile_gets_no_file(batch, officer, large, monkeypatch):  # noqa: F811
    press(seat(officer), "registry", batch, **CLAIM)
    file = RegistryFile.objects.get()
    officer.groups.clear()
    with pytest.raises(Exception, match="role"):
        tasks.make_registry(file.pk)
    file.refresh_from_db()
    assert file.state == "failed" and not file.parts.exists()


def test_a_killed_worker_leaves_no_half_file_and_the_next_one_begins_anew(
    batch, officer, large, rung, monkeypatch  # noqa: F811
):  # fmt: skip
    desk = seat(officer)
    press(desk, "registry", batch, **CLAIM)
    file = RegistryFile.objects.get()
    RegistryPart.objects.create(file=file, number=0, sealed=b"of a killed worker")
    with acting_as("job:test"):
        RegistryFile.objects.filter(pk=file.pk).update(state="writing", rows_done=1)
    rung.clear()
    tasks.sweep()
    assert rung == [("transfers.make_registry", file.pk)]
    tasks.make_registry(file.pk)
    file.refresh_from_db()
    assert (file.state, file.rows_done) == ("done", 2)
    assert hashlib.sha256(fetched(desk, file).getvalue()).hexdigest() == file.sha256


def test_what_stops_a_file_is_said_and_another_is_made(batch, officer, large, monkeypatch):  # noqa: F811
    desk, real = seat(officer), registry_files._keep
    press(desk, "registry", batch, **CLAIM)
    file = RegistryFile.objects.get()

    def dies(*told):
        real(*told)
        raise RuntimeError

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(registry_files, "_keep", dies)
        tasks.make_registry(file.pk)
    assert not RegistryPart.objects.exists()
    assert "stopped by an error; there is no file" in page(desk, batch)
    press(desk, "registry", batch, **CLAIM)
    assert RegistryFile.objects.filter(state="waiting").count() == 1


def test_it_is_dropped_after_a_day_and_who_asked_stays(batch, officer):  # noqa: F811
    desk = seat(officer)
    press(desk, "registry", batch, **CLAIM)
    tasks.sweep()
    assert RegistryPart.objects.exists()
    with acting_as("job:test"):
        RegistryFile.objects.update(started_at=timezone.now() - timedelta(days=1))
    tasks.sweep()
    file = RegistryFile.objects.get()
    assert not RegistryPart.objects.exists() and file.dropped_at and file.sha256 and file.started_by == officer
    before = looks()
    answer = desk.post(reverse("admin:transfers_batch_file", args=[batch.pk, file.pk]), follow=True)
    assert "Have it made again" in answer.content.decode() and looks() == before


def test_what_was_destroyed_meanwhile_is_not_handed_out(batch, officer, collector):  # noqa: F811
    desk = seat(officer)
    press(desk, "registry", batch, **CLAIM)
    file, before = RegistryFile.objects.get(), looks()
    SubjectKey.objects.filter(subject=collector.contracts[0].subject, retention_class="loan").delete()
    answer = desk.post(reverse("admin:transfers_batch_file", args=[batch.pk, file.pk]), follow=True)
    assert "Data in this file were destroyed since" in answer.content.decode() and looks() == before
    content = press(desk, "registry", batch, **CLAIM).getvalue()
    assert {row[1] for row in rows(content)[1:]} == {"K-2"}


@pytest.mark.django_db(transaction=True)
def test_a_worker_makes_it_in_transactions_of_its_own_and_the_page_sees_how_far_it_is(
    batch, officer, large, monkeypatch  # noqa: F811
):  # fmt: skip
    press(seat(officer), "registry", batch, **CLAIM)
    file, real, seen = RegistryFile.objects.get(), registry_files._save, []

    def tells(row, **fields):
        real(row, **fields)
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT state, rows_done FROM transfers_registryfile")
                seen.append(cursor.fetchone())
        finally:
            other.close()

    monkeypatch.setattr(registry_files, "_save", tells)
    tasks.make_registry(file.pk)
    assert seen == [("writing", 0), ("writing", 1), ("writing", 2), ("done", 2)]


@pytest.mark.parametrize("format", ["csv", "json"])
def test_what_was_made_is_put_away_before_more_is_opened(batch, officer, large, monkeypatch, format):  # noqa: F811
    for module in (registry_files, spreadsheet):
        monkeypatch.setattr(module, "PIECE", 64)
    happened, statements = [], []

    def noting(name, real):
        def told(*given, **named):
            happened.append((name, len(statements)))
            return real(*given, **named)

        return told

    monkeypatch.setattr(vault_out, "open_proofs", noting("open", vault_out.open_proofs))
    monkeypatch.setattr(registry_files, "_keep", noting("keep", registry_files._keep))
    press(seat(officer), "registry", batch, **CLAIM | {"format": format})
    with connection.execute_wrapper(lambda execute, *told: statements.append(told[0]) or execute(*told)):
        tasks.make_registry(RegistryFile.objects.get().pk)
    names = [name for name, _statements in happened]
    first, second = (place for place, name in enumerate(names) if name == "open")
    assert second - first > 2 and len(names) - second > 2, "pieces of each contract before the next one is opened"
    # with the savepoint of the vault's door: a chunk, and a piece
    assert happened[second][1] - happened[first][1] == 6 + (second - first - 1)
