import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.markdown import MOST_ITEMS, BadPolicyFile, Document, parse

REAL = Path(__file__).parents[3] / "shared" / "policy"
real = pytest.mark.skipif(not REAL.is_dir(), reason="the real policy is not beside the project")

SAMPLE = """# Политика МФО «Жібек Қаржы»

УТВЕРЖДЕНА приказом от 05.01.2026.

Мы бережём **ваши** данные: <https://zhibek.example/>.

- только по закону;
- только сколько нужно.

## 1. Цели

1.1. Мы обрабатываем данные:

- чтобы заключить договор;
  - по займу;
  - по залогу;
- чтобы ответить вам.

Иных целей нет.

1.2. Цели меняет
директор.

## 2. Права

2.1. Вы вправе знать,
что мы храним.
"""


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


def read(text: str) -> Document:
    return parse(text.encode())


def rows(text: str) -> list[tuple[str, str, str]]:
    return [(item.kind, item.number, item.text) for item in read(text).items]


def faults(source: str | bytes) -> list[str]:
    with pytest.raises(BadPolicyFile) as caught:
        parse(source if isinstance(source, bytes) else source.encode())
    assert str(caught.value) == "; ".join(str(problem) for problem in caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


def words(text: str) -> Counter:
    return Counter(re.findall(r"[^\W_]+", text))


def words_of(document: Document) -> Counter:
    return words("\n".join(f"{item.number} {item.text}" for item in document.items))


def test_a_policy_is_read_as_a_tree_of_headings_clauses_list_items_and_paragraphs():
    items = read(SAMPLE).items
    tree = [(item.kind, item.number, item.text.split()[0], item.line, item.parent) for item in items]
    assert tree == [
        ("heading", "", "Политика", 1, None),
        ("paragraph", "", "УТВЕРЖДЕНА", 3, 0),
        ("paragraph", "", "Мы", 5, 0),
        ("bullet", "", "только", 7, 0),
        ("bullet", "", "только", 8, 0),
        ("heading", "1", "Цели", 10, 0),
        ("clause", "1.1", "Мы", 12, 5),
        ("bullet", "", "чтобы", 14, 6),
        ("bullet", "", "по", 15, 7),
        ("bullet", "", "по", 16, 7),
        ("bullet", "", "чтобы", 17, 6),
        ("paragraph", "", "Иных", 19, 6),
        ("clause", "1.2", "Цели", 21, 5),
        ("heading", "2", "Права", 24, 0),
        ("clause", "2.1", "Вы", 26, 13),
    ]


def test_the_text_of_an_item_is_a_piece_of_the_file_to_the_letter():
    document = read(SAMPLE)
    assert all(item.text in document.source for item in document.items)
    assert document.items[2].text == "Мы бережём **ваши** данные: <https://zhibek.example/>."
    assert document.items[12].text == "Цели меняет\nдиректор."


def test_letters_get_one_form_and_lines_one_end():
    decomposed = unicodedata.normalize("NFD", "1.1. Қайта йод").replace("\n", "\r\n")
    document = parse(b"\xef\xbb\xbf# T\r\n\r\n" + decomposed.encode() + "\rвторая".encode())
    assert document.items[1].text == "Қайта йод\nвторая"
    assert document.source == "# T\n\n1.1. Қайта йод\nвторая"


@pytest.mark.parametrize(
    "line",
    [
        "1.1. Текст", "1.1 Текст", "1.1.\u00a0Текст", "1.1.\tТекст", "1.1.Текст", "  1.1.   Текст  ", "1.1.\nТекст"
    ],
)  # fmt: skip
def test_a_clause_is_known_by_its_number_however_it_is_spaced(line):
    assert rows(f"# T\n\n## 1. A\n\n{line}\n")[2] == ("clause", "1.1", "Текст")


@pytest.mark.parametrize("line", ["21.05.2013 года принят закон.", "1.5000 тенге.", "1.05 процента.", "1.1"])
def test_a_date_or_a_sum_at_the_beginning_of_a_line_is_no_clause_number(line):
    source = f"# T\n\n## 1. A\n\n1.2. b\n\n{line}\n"
    if line == "1.1":
        assert faults(source) == ["Line 7: Number 1.1 has no words after it."]
    else:
        assert rows(source)[3] == ("paragraph", "", line)


def test_section_headings_may_be_written_without_a_dot_but_a_number_of_things_is_no_number():
    read_rows = rows("# T\n\n## 1 Цели\n\n1.1. a\n\n## 2) Права\n\n2.1. b\n\n## 24 часа на ответ\n\nТекст.\n")
    assert [(number, text) for kind, number, text in read_rows if kind == "heading"] == [
        ("", "T"), ("1", "Цели"), ("2", "Права"), ("", "24 часа на ответ"),
    ]  # fmt: skip


def test_headings_below_headings_hang_from_them():
    items = read("# T\n\n## 1. A ##\n\n### 1.1. B\n\n1.1.1. c\n\n### Примечания\n\nd\n\n## Приложение\n\ne\n").items
    assert [(item.text, item.parent) for item in items] == [
        ("T", None), ("A", 0), ("B", 1), ("c", 2), ("Примечания", 1), ("d", 4), ("Приложение", 0), ("e", 6),
    ]  # fmt: skip


def test_words_above_the_title_are_kept_and_hang_from_nothing():
    items = read("УТВЕРЖДЕНО\n\n# T\n\nПреамбула.\n\n## 1. A\n\n1.1. b\n").items
    assert [(item.text, item.parent) for item in items[:3]] == [("УТВЕРЖДЕНО", None), ("T", None), ("Преамбула.", 1)]


def test_clauses_written_line_under_line_are_clauses_and_not_one_paragraph():
    source = "# T\n\n## 1. A\n\n1.1. a:\n- b\n- c\n1.2. d\n1.3. e\n1.3.1. f\n1.4. g\n- h\n"
    assert [(item.kind, item.number, item.text, item.parent) for item in read(source).items[2:]] == [
        ("clause", "1.1", "a:", 1),
        ("bullet", "", "b", 2),
        ("bullet", "", "c", 2),
        ("clause", "1.2", "d", 1),
        ("clause", "1.3", "e", 1),
        ("clause", "1.3.1", "f", 6),
        ("clause", "1.4", "g", 1),
        ("bullet", "", "h", 8),
    ]


def test_a_reference_that_begins_a_wrapped_line_stays_among_its_words():
    source = "# T\n\n## 3. A\n\n3.4. передача согласно п.\n2.3. настоящих Правил\nи\n3.9. тоже\n"
    assert rows(source)[2:] == [("clause", "3.4", "передача согласно п.\n2.3. настоящих Правил\nи\n3.9. тоже")]


def test_lists_of_numbers_are_clauses_when_nothing_else_numbers_the_policy():
    source = "# T\n\n## Цели\n\n1. Первое\n2. Второе:\n   - a\n\n     ещё о том же\n\n## Права\n\n3. Третье\n"
    assert [(item.kind, item.number, item.text, item.parent) for item in read(source).items[2:]] == [
        ("clause", "1", "Первое", 1),
        ("clause", "2", "Второе:", 1),
        ("bullet", "", "a", 3),
        ("paragraph", "", "ещё о том же", 4),
        ("heading", "", "Права", 0),
        ("clause", "3", "Третье", 6),
    ]


@pytest.mark.parametrize(
    "source",
    [
        "# T\n\n1. Цели\n\n1.1. Текст\n\n2. Права\n\n2.1. Да\n",
        "# T\n\n1. Цели\n   1.1. Текст\n2. Права\n   2.1. Да\n",
        "# T\n\n1. Цели\n\n   1.1. Текст\n\n2. Права\n\n   2.1. Да\n",
        "# T\n\n1. Цели\n1.1. Текст\n2. Права\n2.1. Да\n",
    ],
)
def test_sections_written_as_a_numbered_list_hold_their_clauses(source):
    assert [(item.kind, item.number, item.text, item.parent) for item in read(source).items[1:]] == [
        ("clause", "1", "Цели", 0),
        ("clause", "1.1", "Текст", 1),
        ("clause", "2", "Права", 0),
        ("clause", "2.1", "Да", 3),
    ]


def test_a_numbered_list_below_a_clause_is_a_list_that_keeps_its_numbers():
    source = "# T\n\n## 1. A\n\n1.1. a:\n\n1) первое;\n2) второе:\n   1. внутри.\n"
    assert [(item.kind, item.number, item.text, item.parent) for item in read(source).items[3:]] == [
        ("bullet", "", "1) первое;", 2),
        ("bullet", "", "2) второе:", 2),
        ("bullet", "", "1. внутри.", 4),
    ]


def test_nested_and_lazily_continued_list_items_lose_nothing():
    source = "# T\n\n1.1. a\n\n- - x\n- 1. y\nленивая строка\n  * z\n\n    второй абзац\n-\n  в следующей строке\n"
    assert rows(source)[2:] == [
        ("bullet", "", "x"),
        ("bullet", "", "1. y\nленивая строка"),
        ("bullet", "", "z"),
        ("paragraph", "", "второй абзац"),
        ("bullet", "", "в следующей строке"),
    ]
    assert words_of(read(source)) == words(source)


def test_a_link_definition_is_read_as_words_because_markdown_would_swallow_it():
    assert rows("# T\n\n1.1. a\n\n[сайт]: https://zhibek.example\n")[2][2] == "[сайт]: https://zhibek.example"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", "The file is empty."),
        ("\ufeff \n\t\n", "The file is empty."),
        ("# T\n\nТекст без номеров.\n", "There is no numbered clause"),
        ("# T\n\n1.1. a\n\n<div>b</div>\n", "Line 5: HTML has no place"),
        ("# T\n\n1.1. a\n\n<!-- забыть -->\n", "Line 5: HTML has no place"),
        ("# T\n\n1.1. a <b>c</b>\n", "Line 3: HTML has no place"),
        ("# T\n\n1.1. a\n\n```\nb\n```\n", "Line 5: A code block"),
        ("# T\n\n1.1. a\n\n    b\n", "Line 5: This line is indented like code"),
        ("# T\n\n1.1. a `b`\n", "Line 3: Code has no place"),
        ("# T\n\n1.1. a\n\n> b\n", "Line 5: A quotation"),
        ("# T\n\n1.1. a ![b](c.png)\n", "Line 3: A picture"),
        ("# T\n\n1.1. a\n\n| b | c |\n|---|---|\n| d | e |\n", "Line 5: A table"),
        ("# T\n\n1.1. a\nb\n---\n", "Line 3: The line below makes this a heading."),
        ("# T\n\n1.1. a\n\n- # b\n", "Line 5: A heading cannot stand inside a list item."),
        ("# T\n\n##\n\n1.1. a\n", "Line 3: This heading has no words."),
        ("# T\n\n## 1.\n\n1.1. a\n", "Line 3: This heading has no words."),
        ("# T\n\n1.1. a\n\n1.2.\n", "Line 5: Number 1.2. has no words"),
        ("# T\n\n1.1. a\n\n1)\n", "Line 5: Number 1) has no words"),
        ("# T\n\n1.1. a\n\n1.\n   b\n", "Line 5: Number 1. has no words"),
        ("# T\n\n1.1. a\n\n**1.2.** b\n", "Line 5: Number 1.2 has marks around it."),
        ("# T\n\n1.1. a\n\n1\\.2\\. b\n\n1.3\\. c\n", "Line 7: Number 1.3 has marks around it."),
        ("# T\n\n1.1. a\x00b\n", "Line 3: There is an invisible control character here (U+0000)."),
        ("# T\n\n1.1. a\n\x1b[1mb\n", "Line 4: There is an invisible control character here (U+001B)."),
        ("# T\n\n1.1. \u202eоборот\u202c\n", "Line 3: There is an invisible control character here (U+202E)."),
        ("# T\n\n1.1. сло\u00adво\n", "Line 3: There is an invisible control character here (U+00AD)."),
        ("# T\n\n## 1. A\n\n1.1. a\n\n1.1. b\n", "Line 7: Number 1.1 stands in line 5 already."),
        ("# T\n\n## 1. A\n\n1.1. a\n\n## 1. B\n\n1.2. b\n", "Line 7: Number 1 stands in line 3 already."),
        ("# T\n\n## 2. A\n\n3.2. a\n", "Line 5: Clause 3.2 stands in section 2."),
        ("# T\n\n## 2. A\n\n### 3.2. a\n", "Line 5: Clause 3.2 stands in section 2."),
        ("# T\n\n1. A\n\n1.1. a\n\n2. B\n\n1.2. b\n", "Line 9: Clause 1.2 stands in section 2."),
    ],
)  # fmt: skip
def test_what_is_no_policy_is_refused_with_line_and_reason(source, expected):
    assert [fault for fault in faults(source) if fault.startswith(expected)], faults(source)
    assert len(faults(source)) == 1


def test_bytes_that_are_not_utf8_name_the_line():
    assert faults(b"# T\n\n1.1. " + "Текст".encode("cp1251")) == ["Line 3: This is not UTF-8. Save the file as UTF-8."]
    assert faults("# T".encode("utf-16")) == ["Line 1: This is not UTF-8. Save the file as UTF-8."]


def test_everything_wrong_is_said_at_once_in_the_order_of_the_lines():
    found = faults("# T\n\n## 2. A\n\n3.1. a\n\n<p>b</p>\n\n2.1. c\n\n2.1. d\n")
    assert [fault.split(":")[0] for fault in found] == ["Line 5", "Line 7", "Line 11"]
    assert len(faults("# T\n\n" + "\x01\n" * 5000)) == 100


def test_a_file_that_is_too_large_or_has_too_many_parts_is_refused():
    assert faults("# T\n\n1.1. " + "я" * 500_000) == ["The file is larger than 1 MB."]
    assert faults("# T\n\n1.1. a\n\n" + "- b\n" * MOST_ITEMS)[0].startswith("The file has more than 3000 parts")
    assert faults("# T\n\n1.1. a" + "\n" * 20_001) == ["The file has more than 20000 lines."]
    assert faults("# T\n\n1.1. " + "я" * 20_001) == [
        "Line 3: This part is longer than 20000 characters. Divide it into clauses."
    ]
    deep = "# T\n\n1.1. a\n\n" + "".join("  " * depth + f"- w{depth}\n" for depth in range(14))
    assert "Line 10: This list is too deep. Five lists in one another are the most." in faults(deep)


def test_problems_are_told_in_the_language_of_the_reader():
    with translation.override("ru"):
        russian = faults("")
    assert len(russian) == 1


PIECES = st.sampled_from(
    ["# T", "## 1. Цели", "## 2. Права", "### 1.1. Под", "1.1. раз", "1.2. два", "1.2.1. три", "2.1. че", "1. пять",
     "2. шесть", "- семь", "  - восемь", "    - девять", "* десять", "1) од", "две", "  три", "---", "===", "-", "  ",
     "[x]: y", "п. 1.2 есть", "**жир** _кос_", "2.3. из правил", "- - два", "- 1. раз", "1. - два", "+ ## h", "1.", "`к`",
     "&amp; \\* <http://a.kz>", "a | b", "--|--", "1.1. ", "#", "# #", "\tтаб", "10. д", "0. н", "«ә» қ"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=14), st.booleans())
def test_no_word_of_a_file_is_lost_and_none_is_made_up(lines, loose):
    source = ("\n\n" if loose else "\n").join([*lines, "", "## 9. Конец", "", "9.1. точка", ""])
    try:
        document = read(source)
    except BadPolicyFile as refused:
        assert refused.problems
        return
    assert words_of(document) == words(source)
    assert all(item.text in document.source and item.text for item in document.items)
    assert all(item.parent is None or item.parent < index for index, item in enumerate(document.items))
    assert [item.line for item in document.items] == sorted(item.line for item in document.items)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_whole_or_refused(text):
    try:
        document = read(f"# T\n\n1.1. {text}\n")
    except (BadPolicyFile, UnicodeEncodeError):
        return
    assert words_of(document) == words(document.source)


@real
@pytest.mark.parametrize("language", ["ru", "kk"])
def test_the_real_policy_is_read_whole(language):
    source = (REAL / f"{language}.md").read_bytes()
    document = parse(source)
    assert words_of(document) == words(document.source)
    items = document.items
    assert [item.number for item in items if item.kind == "heading"] == ["", *"123456789"]
    clause = next(index for index, item in enumerate(items) if item.number == "1.1")
    assert len([item for item in items if item.parent == clause]) == 24
    assert [item.number for item in items if item.kind == "clause"][-3:] == ["8.1", "9.1", "9.2"]
    assert all(item.text in source.decode() for item in items)
    last_of_2_3 = next(item for item in reversed(items) if item.number == "" and items[item.parent].number == "2.3")
    assert last_of_2_3.kind == "paragraph"
