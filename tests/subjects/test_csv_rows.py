import codecs
import io
import json
import random
import time
import tracemalloc
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import translation
from django.utils.functional import Promise
from hypothesis import given, settings
from hypothesis import strategies as st

from subjects import csv_file, csv_rows
from subjects.csv_file import HEADERS
from subjects.csv_problems import REASONS, RowProblem
from subjects.csv_rows import SubjectRow, check, template
from subjects.identifiers import check_digit

TODAY = date(2026, 11, 23)
HEADER = "client_number,iin,last_name,first_name,patronymic,phone,email,language,kind,birth_date"
GOOD = "K-1,850314390019,Нұрланов,Бек,Ерланұлы,8 701 123 45 67,Bek@Mail.KZ,ru,guarantor,14.03.1985"


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


def read(*lines: str, **options):
    return check(io.BytesIO("\n".join(lines).encode()), today=TODAY, **options)


def faults(checked) -> list[tuple[int, str, str]]:
    return [(problem.row, problem.column, problem.code) for problem in checked.problems]


def one(cells: dict[str, str]):
    """What is found in a file of one row."""
    cells = {"client_number": "K-1"} | cells
    return read(",".join(cells), ",".join(cells.values()))


def iin(serial: int) -> str:
    eleven = f"850314{3}{serial:04d}"
    last = check_digit(eleven)
    return "" if last is None else f"{eleven}{last}"


# --- good rows ---------------------------------------------------------------------------------------------------


def test_a_full_row_comes_out_in_normal_forms():
    assert list(read(HEADER, GOOD).rows) == [
        SubjectRow(
            number=2,
            client_number="K-1",
            iin="850314390019",
            born=date(1985, 3, 14),
            last_name="Нұрланов",
            first_name="Бек",
            patronymic="Ерланұлы",
            phone="+77011234567",
            email="Bek@mail.kz",
            language="ru",
            kind="guarantor",
            standing="ordinary",
            stated=("language", "kind"),
        )
    ]


def test_only_the_client_number_is_needed_and_all_else_is_unknown():
    checked = read("client_number", "K-1", language="en")

    assert checked.problems == []
    assert list(checked.rows) == [SubjectRow(2, "K-1", "", None, "", "", "", "", "", "en", "customer", "ordinary")]


def test_empty_cells_are_unknown_and_take_the_defaults():
    (row,) = read(HEADER, "K-1,,,,,, ,,,").rows

    assert row == SubjectRow(2, "K-1", "", None, "", "", "", "", "", "kk", "customer", "ordinary")


def test_the_birth_date_stands_in_where_there_is_no_iin():
    for written in ("1985-03-14", "14.03.1985", "14.3.1985"):
        (row,) = one({"birth_date": written}).rows
        assert row.born == date(1985, 3, 14)


def test_language_and_kind_are_read_in_any_case():
    (row,) = one({"language": "RU", "kind": "Contact_Person"}).rows

    assert (row.language, row.kind) == ("ru", "contact_person")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_byte_order_mark_and_line_ends_do_not_matter(delimiter, mark, end):
    text = end.join([HEADER, GOOD, GOOD.replace("K-1", "K-2").replace("850314390019", "850314390010"), ""])

    checked = check(io.BytesIO(mark + text.replace(",", delimiter).encode()), today=TODAY)

    assert [row.number for row in checked.rows] == [2]
    assert faults(checked) == [(3, "iin", "iin_check")]


def test_a_separator_within_quotes_belongs_to_the_cell():
    checked = read('"client_number";"last_name"', '"K;1";"Нұрланов"', "K,2;Ким")

    assert [(row.client_number, row.last_name) for row in checked.rows] == [("K;1", "Нұрланов"), ("K,2", "Ким")]


def test_blank_lines_and_lines_of_separators_are_no_rows_but_count_as_lines():
    checked = read("client_number,iin", "", "K-1,", ",", "  ", "K-2,850314390010")

    assert [row.number for row in checked.rows] == [3]
    assert faults(checked) == [(6, "iin", "iin_check")]
    assert checked.total == 2


def test_empty_columns_at_the_end_that_a_spreadsheet_adds_do_not_matter():
    checked = read("client_number,last_name,,", "K-1,Ким,,", "K-2,Ли", "K-3,Пак,,,")

    assert [row.last_name for row in checked.rows] == ["Ким", "Ли", "Пак"]
    assert checked.problems == []


def test_a_formula_is_taken_as_the_text_it_is():
    (row,) = read("client_number", "=1+1").rows

    assert row.client_number == "=1+1"


def test_an_upload_of_django_is_read_and_left_open():
    upload = SimpleUploadedFile("people.csv", f"{HEADER}\n{GOOD}".encode())

    assert len(check(upload, today=TODAY).rows) == 1
    assert not upload.closed
    assert len(check(upload, today=TODAY).rows) == 1, "it is read from its beginning again"


# --- headers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_the_template_of_each_language_is_read_back(language):
    content = template(language)
    values = GOOD.replace(",", ";").encode()

    assert content.startswith(codecs.BOM_UTF8)
    assert content.endswith(b"\r\n")
    assert check(io.BytesIO(content), today=TODAY) == csv_rows.Checked()
    assert list(check(io.BytesIO(content + values), today=TODAY).rows) == list(read(HEADER, GOOD).rows)


@pytest.mark.parametrize(
    ("column", "name"),
    [(column, name) for column, names in HEADERS.items() for language in names.values() for name in language],
)
def test_every_name_of_a_column_is_known_in_any_case_and_spacing(column, name):
    for written in (name, name.upper(), f"  {name.title()} ", name.replace(" ", "_"), name.replace(" ", "")):
        other = "" if column == "client_number" else "client_number,"
        assert read(f"{other}{written}").problems == []


def test_no_name_belongs_to_two_columns():
    names = [
        (csv_file._simple(name), column)
        for column, by_language in HEADERS.items()
        for name in {csv_file._simple(name) for names in by_language.values() for name in names}
    ]

    assert len(dict(names)) == len(names)


def test_an_unknown_a_doubled_and_a_missing_column_are_all_told_at_row_one():
    checked = read("ИИН,Зарплата,iin", ",,")

    assert faults(checked) == [
        (1, "Зарплата", "header_unknown"),
        (1, "iin", "header_twice"),
        (1, "", "header_missing"),
    ]
    assert "client_number" in checked.problems[0].reason
    assert "client_number" in checked.problems[2].reason


def test_with_a_wrong_header_no_row_is_good_but_every_bad_one_is_told():
    checked = read("client_number,salary,iin", "K-1,5,850314390019", "K-2,5,850314390010")

    assert list(checked.rows) == []
    assert faults(checked) == [(1, "salary", "header_unknown"), (3, "iin", "iin_check")]


def test_a_header_that_may_be_somebodys_value_is_not_shown():
    checked = read("client_number,850314390019,bek@mail.kz,Phone 2")

    assert [problem.column for problem in checked.problems] == ["#2", "#3", "#4"]


def test_a_file_whose_first_row_is_a_person_is_told_so_without_showing_them():
    checked = read(GOOD, GOOD)

    assert faults(checked) == [(1, "", "header_unnamed")]
    assert list(checked.rows) == []


@pytest.mark.parametrize("content", [b"", b"\n\n", b" ;; \n", codecs.BOM_UTF8])
def test_an_empty_file_is_told_so(content):
    assert faults(check(io.BytesIO(content), today=TODAY)) == [(1, "", "file_empty")]


def test_the_column_is_named_as_it_stands_in_the_file():
    checked = read("Номер Клиента; И И Н ;e-mail", "K-1;1;nobody")

    assert faults(checked) == [(2, "И И Н", "iin_length"), (2, "e-mail", "email_at")]


# --- bad rows ----------------------------------------------------------------------------------------------------


def test_every_bad_cell_of_every_bad_row_is_told_in_one_go():
    checked = read(
        HEADER,
        GOOD,
        "K-2,850314390O15,Ивaнов,1,,123,a@b,fr,friend,31.02.2000",
        ",921130490023,,,,,,,,",
        "K-3,780705490035,,,,,,,,05.07.1979",
    )

    assert [row.number for row in checked.rows] == [2]
    assert sorted(faults(checked)) == sorted(
        [
            (3, "iin", "digits_latin"),
            (3, "last_name", "name_latin"),
            (3, "first_name", "name_characters"),
            (3, "phone", "phone_length"),
            (3, "email", "email_domain"),
            (3, "language", "not_allowed"),
            (3, "kind", "not_allowed"),
            (3, "birth_date", "birth_date_format"),
            (4, "client_number", "client_number_empty"),
            (5, "birth_date", "birth_date_iin"),
        ]
    )
    assert [problem.row for problem in checked.problems] == sorted(problem.row for problem in checked.problems)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"iin": "170340990016"}, "iin_is_bin"),
        ({"iin": "8.50314E+11"}, "digits_scientific"),
        ({"iin": "990101590011"}, "iin_future"),
        ({"birth_date": "24.11.2026"}, "birth_date_range"),
        ({"birth_date": "01.01.0001"}, "birth_date_range"),
        ({"birth_date": "03/14/1985"}, "birth_date_format"),
        ({"last_name": "Ким\0"}, "cell_nul"),
        ({"last_name": "а" * 301}, "cell_long"),
        ({"last_name": "а" * 101}, "name_length"),
        ({"patronymic": "-"}, "name_empty"),
        ({"client_number": "K" * 41}, "client_number_characters"),
        ({"client_number": "K\u200b1"}, "client_number_characters"),
        ({"client_number": "  "}, "client_number_empty"),
    ],
)
def test_a_bad_cell_is_refused_for_its_own_reason(cells, code):
    checked = one({"first_name": "Бек"} | cells)

    assert [problem.code for problem in checked.problems] == [code]
    assert checked.problems[0].column == list(cells)[-1]
    assert list(checked.rows) == []


def test_an_unknown_language_or_kind_is_answered_with_the_list():
    checked = one({"language": "fr", "kind": "friend"})

    assert "kk, ru, en" in checked.problems[0].reason
    assert "customer" in checked.problems[1].reason
    assert "heir" in checked.problems[1].reason


def test_too_few_and_too_many_cells_are_told_with_both_numbers():
    checked = read("client_number,iin,phone", "K-1,", "K-2,,,x", "K-3,,")

    assert faults(checked) == [(2, "", "row_cells"), (3, "", "row_cells")]
    assert [problem.params for problem in checked.problems] == [
        {"count": 2, "expected": 3},
        {"count": 4, "expected": 3},
    ]
    assert [row.number for row in checked.rows] == [4]


def test_an_unclosed_quotation_mark_spoils_no_other_row():
    checked = read("client_number,last_name", 'K-1,"Ким', "K-2,Ли", 'K-3,"Пак"х', "K-4,Цой")

    assert faults(checked) == [(2, "", "row_quotes"), (4, "", "row_quotes")]
    assert [row.client_number for row in checked.rows] == ["K-2", "K-4"]


def test_a_cell_over_two_lines_is_told_at_both():
    checked = read("client_number,last_name", 'K-1,"Ким', 'Ли"', "K-2,Пак")

    assert {problem.row for problem in checked.problems} == {2, 3}
    assert [row.number for row in checked.rows] == [4]


def test_an_endless_line_is_told_and_the_next_row_keeps_its_number():
    checked = read("client_number", "K" * 50_000, "K-2")

    assert faults(checked) == [(2, "", "row_long")]
    assert [(row.number, row.client_number) for row in checked.rows] == [(3, "K-2")]


def test_a_line_of_exactly_the_longest_length_is_read():
    line = '"K-1"' + "," * (csv_file.MOST_LINE - 5)

    assert [row.client_number for row in read("client_number", line, "K-2").rows] == ["K-1", "K-2"]


def test_a_file_in_windows_1251_is_refused_whole_with_the_way_out():
    text = f"{HEADER}\nK-1,,Kim,,,,,,,\n{GOOD}\n"

    checked = check(io.BytesIO(text.encode("cp1251", errors="replace")), today=TODAY)

    assert faults(checked) == [(3, "", "file_encoding")]
    assert list(checked.rows) == []
    assert "CSV UTF-8" in checked.problems[0].reason


def test_a_file_in_utf_16_is_refused_at_row_one():
    checked = check(io.BytesIO(f"{HEADER}\n{GOOD}".encode("utf-16")), today=TODAY)

    assert faults(checked) == [(1, "", "file_encoding")]


def test_a_file_that_is_no_text_is_refused():
    content = random.Random(1).randbytes(100_000)

    checked = check(io.BytesIO(content), today=TODAY)

    assert list(checked.rows) == []
    assert [problem.code for problem in checked.problems] == ["file_encoding"]


def test_a_file_with_too_many_rows_is_refused_whole(monkeypatch):
    monkeypatch.setattr(csv_file, "MOST_ROWS", 2)

    assert len(read("client_number", "K-1", "", "K-2").rows) == 2
    checked = read("client_number", "K-1", "K-2", "K-3")
    assert faults(checked) == [(4, "", "file_rows")]
    assert list(checked.rows) == []


def test_a_file_that_is_too_large_is_refused_unread(tmp_path):
    path = tmp_path / "large.csv"
    with path.open("wb") as sparse:
        sparse.truncate(200 * 1024 * 1024 + 1)

    with path.open("rb") as stream:
        checked = check(stream, today=TODAY)

    assert faults(checked) == [(1, "", "file_size")]
    assert "200 MB" in checked.problems[0].reason


# --- doubles, minors, warnings -----------------------------------------------------------------------------------


def test_two_rows_with_one_client_number_are_both_bad_and_name_each_other():
    checked = read("client_number", "k-1", "K-2", "K-1 ", "K-1")

    assert faults(checked) == [(2, "client_number", "same_client_number")] + [
        (row, "client_number", "same_client_number") for row in (4, 5)
    ]
    assert [problem.params for problem in checked.problems] == [{"row": 4}, {"row": 2}, {"row": 2}]
    assert [row.number for row in checked.rows] == [3]


def test_two_rows_with_one_iin_are_both_bad_and_name_each_other():
    checked = read("client_number,iin", "K-1,850314390019", "K-2,850314 390019", "K-3,921130490023")

    assert [(problem.row, problem.code, problem.params) for problem in checked.problems] == [
        (2, "same_iin", {"row": 3}),
        (3, "same_iin", {"row": 2}),
    ]
    assert [row.number for row in checked.rows] == [4]


def test_a_row_doubled_by_number_and_by_iin_is_told_both():
    checked = read("client_number,iin", "K-1,850314390019", "K-1,", "K-3,850314390019")

    assert [(problem.row, problem.code) for problem in checked.problems] == [
        (2, "same_client_number"),
        (2, "same_iin"),
        (3, "same_client_number"),
        (4, "same_iin"),
    ]


def test_people_may_share_a_phone_and_an_address():
    checked = read("client_number,phone,email", "K-1,87011234567,a@b.kz", "K-2,87011234567,a@b.kz")

    assert len(checked.rows) == 2


def test_a_minor_is_taken_in_with_that_standing_and_a_warning():
    young = next(filter(None, (_young(serial) for serial in range(9000, 9100))))

    checked = read("client_number,iin,birth_date", f"K-1,{young},", "K-2,,24.11.2008", "K-3,,23.11.2008")

    assert [row.standing for row in checked.rows] == ["minor", "minor", "ordinary"]
    assert [(warning.row, warning.column, warning.code) for warning in checked.warnings] == [
        (2, "iin", "minor"),
        (3, "birth_date", "minor"),
    ]
    assert checked.problems == []


def _young(serial: int) -> str | None:
    eleven = f"0911235{serial:04d}"
    last = check_digit(eleven)
    return None if last is None else f"{eleven}{last}"


def test_a_landline_is_taken_with_a_warning():
    checked = one({"phone": "8 (7172) 55-12-34"})

    assert [(warning.row, warning.code) for warning in checked.warnings] == [(2, "phone_landline")]
    assert checked.rows[0].phone == "+77172551234"


def test_after_a_thousand_problems_the_rest_is_counted():
    checked = read("client_number,iin", *(f"K-{number},1" for number in range(1500)), "K-x,")

    assert len(checked.problems) == 1000
    assert checked.more_problems == 500
    assert checked.problems[-1].row == 1001
    assert [row.client_number for row in checked.rows] == ["K-x"]
    assert checked.total == 1501


def test_after_a_thousand_warnings_the_rest_is_counted():
    checked = read("client_number,phone", *(f"K-{number},+79123456789" for number in range(1200)))

    assert (len(checked.warnings), checked.more_warnings, len(checked.rows)) == (1000, 200, 1200)


# --- what is told ------------------------------------------------------------------------------------------------


def test_a_problem_can_be_kept_as_json_and_told_again():
    (problem,) = one({"iin": "85031439001"}).problems
    kept = json.loads(json.dumps(problem.as_dict()))

    assert kept == {"row": 2, "column": "iin", "code": "iin_length", "params": {"count": 11}}
    assert RowProblem.from_dict(kept) == problem
    assert str(RowProblem.from_dict(kept)) == f"Row 2, column “iin”: {problem.reason}"


def test_a_problem_of_a_whole_row_names_no_column():
    (problem,) = read("client_number", 'K"-"1,"').problems

    assert str(problem).startswith("Row 2: ")


def test_every_sentence_waits_for_the_language_of_whoever_reads():
    assert [code for code, sentence in REASONS.items() if not isinstance(sentence, Promise)] == []


def test_every_reason_is_a_sentence_whose_parameters_are_known():
    params = dict.fromkeys(
        ["position", "letter", "count", "digit", "row", "expected", "allowed", "name", "megabytes", "reference"], 1
    )
    for code in REASONS:
        reason = RowProblem(1, "", code, params).reason
        assert reason.endswith("."), code
        assert "%" not in reason, code


SECRETS = ["850314390010", "Секретов1", "Тайна<>", "8701secret", "hidden@@mail", "hush", "99.99.1985"]


def test_no_problem_shows_a_value_of_the_row():
    checked = read(HEADER, "K-1,850314390010,Секретов1,Тайна<>,,8701secret,hidden@@mail,hush,hush,99.99.1985")

    told = " ".join(map(str, checked.problems)) + repr(checked.problems)
    assert len(checked.problems) == 8
    assert not [secret for secret in SECRETS if secret in told]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(st.sampled_from('K12ким@.,;\t"\r\n \0é\u2028+'), max_size=30), max_size=12))
def test_whatever_stands_in_a_file_each_line_is_good_bad_or_blank(lines):
    text = "\n".join([HEADER, *lines])

    checked = check(io.BytesIO(text.encode()), today=TODAY)

    good = {row.number for row in checked.rows}
    bad = {problem.row for problem in checked.problems}
    assert not good & bad
    assert len(good) + len(bad) == checked.total
    assert all(2 <= number <= text.count("\n") + text.count("\r") + 1 for number in good | bad)


@given(st.binary(max_size=300))
def test_no_file_at_all_raises(content):
    check(io.BytesIO(content), today=TODAY)


# --- size --------------------------------------------------------------------------------------------------------


def _people(count: int) -> io.BytesIO:
    numbers = (number for number in map(iin, range(10_000)) if number)
    lines = [HEADER]
    for at in range(count):
        lines.append(
            f"K-{at},{next(numbers, '')},Нұрланов{'аб'[at % 2]},Бек,Ерланұлы,8 701 {at % 1000:03d} 45 67,p{at}@mail.kz,ru,,"
        )
    return io.BytesIO("\n".join(lines).encode())


def test_twenty_thousand_rows_are_checked_in_seconds_and_little_memory():
    stream = _people(20_000)

    started = time.perf_counter()
    checked = check(stream, today=TODAY)
    seconds = time.perf_counter() - started
    assert checked.problems == []
    assert len(checked.rows) == 20_000
    assert seconds < 20  # one core does 20,000 a second

    tracemalloc.start()
    checked = check(stream, today=TODAY)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept / len(checked.rows) < 1_000
    assert peak / len(checked.rows) < 1_500
