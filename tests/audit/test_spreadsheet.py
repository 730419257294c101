"""A workbook another program reads: text stays text, numbers and days are numbers and days (ECMA-376)."""

import io
import random
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from audit import spreadsheet
from audit.spreadsheet import Sheet, safe_text, sheets_of, workbook

NS = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def read(data: bytes, number: int = 1) -> list[list[ElementTree.Element]]:
    """The cells of a sheet, row by row."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        tree = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{number}.xml"))
    return [row.findall("m:c", NS) for row in tree.iterfind(".//m:row", NS)]


def text(cell: ElementTree.Element) -> str:
    return cell.findtext("m:is/m:t", "", NS)


def names(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        tree = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    return [sheet.get("name") for sheet in tree.iterfind(".//m:sheet", NS)]


def styles(data: bytes) -> list[ElementTree.Element]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return ElementTree.fromstring(archive.read("xl/styles.xml")).findall("m:cellXfs/m:xf", NS)


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", " =", "\n=", "\u00a0=", *"＝＋－＠", " ＝"])
def test_what_looks_like_a_formula_is_quoted_text_and_keeps_every_character(sign):
    written = f'{sign}HYPERLINK("http://x")'
    data = workbook([Sheet("s", [["heading"], [written]])])
    (cell,) = read(data)[1]
    assert cell.get("t") == "inlineStr" and cell.find("m:f", NS) is None
    assert text(cell) == written
    assert styles(data)[int(cell.get("s"))].get("quotePrefix") == "1"
    assert safe_text(written) == f"'{written}"


def test_plain_text_is_not_quoted_and_numbers_in_text_keep_their_zeros():
    data = workbook([Sheet("s", [["heading"], ["<қазақша> & «ә»", "007"]])])
    first, second = read(data)[1]
    assert (text(first), text(second)) == ("<қазақша> & «ә»", "007")
    assert styles(data)[int(first.get("s"))].get("quotePrefix") is None


def test_numbers_days_and_moments_are_values_that_can_be_counted_with(settings):
    moment = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)  # 06:00 in Almaty
    data = workbook([Sheet("s", [["h"] * 5, [7, Decimal("1.50"), date(2026, 3, 1), moment, True]])])
    assert [cell.findtext("m:v", None, NS) for cell in read(data)[1]] == ["7", "1.50", "46082", "46082.2500000000", "1"]


def test_a_number_too_long_for_the_format_stays_exact_as_text():
    (cell,) = read(workbook([Sheet("s", [["h"], [10**20 + 1]])]))[1]
    assert text(cell) == str(10**20 + 1)


def test_an_empty_cell_keeps_its_place():
    row = read(workbook([Sheet("s", [["a", "b", "c"], [None, "", "x"]])]))[1]
    assert [text(cell) for cell in row] == ["", "", "x"]


def test_what_xml_cannot_hold_is_shown_as_a_sign_and_not_an_unreadable_file():
    (cell,) = read(workbook([Sheet("s", [["h"], ["a\x00b\x1fc\ud800"]])]))[1]
    assert text(cell) == "a\ufffdb\ufffdc\ufffd"


def test_names_of_sheets_are_such_as_the_format_takes():
    long = "Деректердің өте ұзын атауы бар кесте"
    got = names(workbook([Sheet(name, []) for name in ("a/b:c", long, long.upper(), "", "'")]))
    assert got[0] == "a b c" and got[3:] == ["4", "5"]
    assert all(len(name) <= 31 for name in got) and len({name.casefold() for name in got}) == 5


def test_the_same_tables_give_the_same_bytes_and_a_generator_will_do():
    def tables():
        return [Sheet("s", (["x", n] for n in range(1000)))]

    assert workbook(tables()) == workbook(tables())
    assert len(read(workbook(tables()))) == 1000


def test_a_table_longer_than_a_sheet_goes_on_in_the_next_one(monkeypatch):
    monkeypatch.setattr(spreadsheet, "ROWS", 3)
    data = workbook(sheets_of("s", ["h"], ([str(n)] for n in range(5))))
    assert names(data) == ["s", "s (2)", "s (3)"]
    told = [[text(cell) for (cell,) in read(data, number)] for number in (1, 2, 3)]
    assert told == [["h", "0", "1"], ["h", "2", "3"], ["h", "4"]]
    even = workbook(sheets_of("s", ["h"], ([str(n)] for n in range(4))))
    assert [len(read(even, number)) for number in (1, 2)] == [3, 3] and names(even) == ["s", "s (2)"]
    assert [len(read(workbook(sheets_of("s", ["h"], []))))] == [1], "an empty table is its heading"


def test_a_long_table_is_handed_on_while_it_is_read(monkeypatch):
    monkeypatch.setattr(spreadsheet, "PIECE", 1000)
    read_on, words = [], random.Random(7)

    def rows():
        for number in range(5000):
            read_on.append(number)
            yield [str(words.random())]

    for pieces in (spreadsheet.workbook_pieces([Sheet("s", rows())]), spreadsheet.csv_pieces(rows())):
        read_on.clear()
        first = next(piece for piece in pieces if len(piece) > 100)
        assert len(read_on) < 3000 and len(first) < 100_000
        assert sum(len(piece) for piece in pieces) > 20_000 and len(read_on) == 5000


def test_a_workbook_without_a_sheet_and_a_cell_too_long_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="at least one"):
        workbook([])
    with pytest.raises(ValueError, match="row 2"):
        workbook([Sheet("s", [["h"], ["x" * 32_768]])])
    monkeypatch.setattr(spreadsheet, "ROWS", 2)
    with pytest.raises(ValueError, match="more than 2 rows"):
        workbook([Sheet("s", [["h"], ["1"], ["2"]])])
