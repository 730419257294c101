"""Values and contracts of people from files: every bad row named, good ones written at once, the same file twice once."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from subjects import contract_files, import_runs, recording, registers, search, value_files, vault
from subjects.enums import IndexKind
from subjects.models import Contract, DataSubject, PersonalData, RecordImport, SearchKey
from subjects.record_import import RECORDS
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
VALUES = "client_number;category;kind;value;iban;number;issued_on;valid_until;origin;collected_on;override"


@pytest.fixture
def people(db) -> list[DataSubject]:
    registers.load()
    return [DataSubjectFactory(client_number=f"K-{number}") for number in (1, 2, 3)]


def values_of(*rows: str, header: str = VALUES) -> io.BytesIO:
    return io.BytesIO("\n".join([header, *rows]).encode())


def bring(*rows: str, **kwargs):
    checked = value_files.examine(values_of(*rows), **kwargs)
    assert [str(problem) for problem in checked.problems] == []
    return value_files.load(checked.rows)


def held(person: DataSubject, category: str) -> list[dict]:
    return vault.open_for("record", subject_ids=[person.pk], category=category).get(person.pk, [])


ROWS = (
    "K-1;contact_phones;home;8 727 250 00 00;;;;;;;",
    "K-1;contact_phones;work;+77012223344;;;;;third_party;01.02.2026;",
    "K-1;employer;;ТОО Ромашка;;;;;;;",
    "K-2;bank_account;;;KZ86125KZT5004100100;;;;;;",
    "K-2;identity_document;id_card;;;123456789;2020-01-01;2035-01-01;;;",
    "K-3;salary_amount;;250000,50;;;;;;;",
)


def test_values_come_in_sealed_with_their_source_and_are_found(people):
    one, two, three = people
    assert bring(*ROWS) == (6, 0, 0)
    assert held(one, "contact_phones") == [
        {"value": "+77272500000", "kind": "home"},
        {"value": "+77012223344", "kind": "work"},
    ]
    assert held(two, "bank_account") == [{"iban": "KZ86125KZT5004100100"}]
    assert held(three, "salary_amount") == [{"value": "250000.50"}]
    assert search.find(IndexKind.OTHER_PHONE, "77012223344").get() == one
    row = PersonalData.objects.filter(subject=one, origin="third_party").get()
    assert (row.source, str(timezone.localdate(row.collected_at))) == ("import", "2026-02-01")
    assert row.history.get().actor == "job:test"
    assert not PersonalData.objects.filter(sealed__contains=b"727").exists()


def test_the_same_file_again_changes_nothing_and_another_single_value_takes_the_place(people):
    bring(*ROWS)
    before = PersonalData.objects.count(), PersonalData.history.count(), SearchKey.objects.count()
    assert bring(*ROWS) == (0, 0, 6)
    assert (PersonalData.objects.count(), PersonalData.history.count(), SearchKey.objects.count()) == before
    assert bring("K-1;employer;;АО Лютик;;;;;;;", "K-1;contact_phones;;+77010000001;;;;;;;") == (1, 1, 0)
    assert held(people[0], "employer") == [{"value": "АО Лютик"}]
    assert len(held(people[0], "contact_phones")) == 3


@pytest.mark.parametrize("blocked", [{"standing": "blocked"}, {"standing": "minor", "blocked_at": timezone.now()}])
def test_every_bad_row_is_named_with_its_column_and_reason(people, blocked):
    DataSubject.objects.filter(pk=people[2].pk).update(**blocked)
    checked = value_files.examine(
        values_of(
            "K-9;employer;;X;;;;;;;",
            "K-3;employer;;X;;;;;;;",
            ";employer;;X;;;;;;;",
            "K-1;horoscope;;X;;;;;;;",
            "K-1;ip_address;;10.0.0.1;;;;;;;",
            "K-1;email;;a@example.kz;;;;;;;",
            "K-1;bank_account;;;KZ00;;;;;;",
            "K-1;contact_phones;;123;;;;;;;",
            "K-1;salary_amount;;много;;;;;;;",
            "K-1;identity_document;id_card;;;123456789;2015-01-01;2020-01-01;;;",
            "K-1;employer;;X;;;;;neighbour;;",
            "K-1;employer;;X;;;;;;01.01.2999;",
            "K-1;employer;;X;;;;;;yesterday;",
            "K-1;employer;;X;;;;;;;because",
            "K-1;employer;;X;;5;;;;;",
            "K-1;employer;;",
        )
    )
    assert [(problem.row, problem.code) for problem in checked.problems] == [
        (2, "client_unknown"), (3, "closed"), (4, "cell_empty"), (5, "category_unknown"), (6, "technical"),
        (7, "value_elsewhere"), (8, "iban_length"), (9, "phone_length"), (10, "amount"), (11, "document_expired"),
        (12, "not_allowed"), (13, "day_future"), (14, "birth_date_format"), (15, "not_allowed"), (16, "unknown_part"),
        (17, "row_cells"),
    ]  # fmt: skip
    assert len(checked.rows) == 0 and checked.total == 16
    for problem in checked.problems:
        assert str(problem) and "K-9" not in str(problem)


def test_a_doubt_is_overridden_with_a_reason_that_stays(people):
    row = "K-1;identity_document;id_card;;;123456789;2015-01-01;2020-01-01;;;"
    assert value_files.examine(values_of(row)).problems
    assert bring(row + "document_seen") == (1, 0, 0)


def test_what_was_corrected_here_stays_unless_the_file_is_right(people):
    one = people[0]
    recording.record(subject=one, category="employer", values=[{"value": "ТОО Верное"}], source="officer")
    row = "K-1;employer;;ТОО Старое;;;;;;;"
    checked = value_files.examine(values_of(row))
    assert [warning.code for warning in checked.warnings] == ["corrected_here"] and not checked.rows
    assert bring(row, overrule=True) == (0, 1, 0)
    assert held(one, "employer") == [{"value": "ТОО Старое"}]


def test_values_in_bulk_cost_a_constant_number_of_statements(people, django_assert_max_num_queries):
    rows = [f"K-{n % 3 + 1};property_type;;Дом {n};;;;;;;" for n in range(300)]
    checked = value_files.examine(values_of(*rows))
    with django_assert_max_num_queries(16):
        value_files.load(checked.rows)
    assert PersonalData.objects.filter(category__code="property_type").count() == 300


def test_nothing_is_written_when_one_row_fails_in_the_database(people):
    checked = value_files.examine(values_of(*ROWS))
    rows = [*checked.rows, checked.rows[0]._replace(client_number="K-404")]
    with pytest.raises(KeyError):
        value_files.load(rows)
    assert not PersonalData.objects.filter(category__code="employer").exists()


CONTRACTS = "client_number;number;opened_on;state;since"


def contracts_of(*rows: str) -> io.BytesIO:
    return io.BytesIO("\n".join([CONTRACTS, *rows]).encode())


def test_contracts_come_in_by_a_file_and_the_same_again_changes_nothing(people):
    rows = ("K-1;Д-1;2026-01-10;;", "K-1;Д-2;10.01.2026;performed;01.06.2026", "K-2;Д-3;2026-02-01;overdue;2026-05-05")
    checked = contract_files.examine(contracts_of(*rows))
    assert not checked.problems
    assert contract_files.load(checked.rows) == (3, 0, 0)
    assert contract_files.load(contract_files.examine(contracts_of(*rows)).rows) == (0, 0, 3)
    performed = Contract.objects.get(number="Д-2")
    days = [str(timezone.localdate(moment)) for moment in (performed.opened_at, performed.performed_at)]
    assert (performed.state, days) == ("performed", ["2026-01-10", "2026-06-01"])
    assert search.people("Д-3", most=5) == [people[1].pk]
    later = contract_files.examine(contracts_of("K-1;Д-1;2026-01-10;performed;2026-07-01"))
    assert contract_files.load(later.rows) == (0, 1, 0)


def test_every_bad_contract_is_named(people):
    contract_files.load(contract_files.examine(contracts_of("K-1;Д-1;2026-01-10;overdue;2026-05-05")).rows)
    checked = contract_files.examine(
        contracts_of(
            "K-2;Д-1;2026-01-10;;",
            "K-9;Д-7;2026-01-10;;",
            "K-1;;2026-01-10;;",
            "K-1;Д-8;;;",
            "K-1;Д-9;2026-01-10;lost;",
            "K-1;Д-10;2026-01-10;performed;",
            "K-1;Д-11;2026-01-10;performed;2025-01-01",
            "K-1;850314390019;2026-01-10;;",
            "K-1;Д-12;2999-01-10;;",
            "K-1;Д-13;2026-01-10;;",
            "K-1;Д-13;2026-01-10;;",
            "K-1;Д-1;2026-01-10;overdue;2026-05-05",
        )
    )
    assert sorted((problem.row, problem.code) for problem in checked.problems) == [
        (2, "contract_taken"), (3, "client_unknown"), (4, "cell_empty"), (5, "cell_empty"), (6, "not_allowed"),
        (7, "contract_since"), (8, "contract_order"), (9, "text_iin"), (10, "day_future"), (12, "contract_same"),
        (13, "contract_same"),
    ]  # fmt: skip
    assert [row.row for row in checked.rows] == [11]
    later = contract_files.examine(contracts_of("K-1;Д-1;2026-01-10;performed;2026-02-02"))
    assert [problem.code for problem in later.problems] == ["contract_later"]


def test_an_officer_uploads_and_a_worker_writes(people):
    officer = permit(StaffUserFactory(), "subjects.import_subjects", "subjects.view_recordimport")
    client = Client()
    client.force_login(officer)
    upload = values_of(*ROWS)
    upload.name = "values.csv"
    page = client.post("/admin/subjects/recordimport/start/", {"file": upload, "what": "values"})
    assert page.status_code == 302
    run = RecordImport.objects.get()
    with as_officer(officer):
        import_runs.run(run.pk, RECORDS)
    run.refresh_from_db()
    assert (run.state, run.rows_good, run.added, run.changed, run.sealed_file) == ("done", 6, 6, 0, None)
    assert client.get(page.url).status_code == 200
    for template, word in (("template/", "client number;category"), ("template/contracts/", "client number;contract")):
        answer = client.get(f"/admin/subjects/recordimport/{template}", headers={"Accept-Language": "en"})
        assert word in answer.content.decode()


def test_the_command_imports_and_names_bad_rows(people, tmp_path, capsys):
    path = tmp_path / "values.csv"
    path.write_bytes(values_of(*ROWS, "K-9;employer;;X;;;;;;;").getvalue())
    with pytest.raises(CommandError, match="1 bad rows"):
        call_command("import_records", "values", str(path))
    assert PersonalData.objects.filter(category__code="employer").count() == 1
    with pytest.raises(CommandError):
        call_command("import_records", "contracts", str(tmp_path / "none.csv"))
