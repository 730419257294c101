from hypothesis import given, settings
from hypothesis import strategies as st

from policies.differences import compare, summary, words
from policies.markdown import parse
from policies.pairing import KnownClause, PairedClause, pair

TITLE = PairedClause("title", "", "heading", None, 1, {"ru": "Политика", "kk": "Саясат"})
SECTION = PairedClause("s1", "1", "heading", "title", 2, {"ru": "Цели", "kk": "Мақсаттар"})


def policy(*clauses: tuple[str, str, str, str, str]) -> list[PairedClause]:
    """Clauses under section 1 given as (key, number, kind, parent key, Russian text)."""
    return [TITLE, SECTION] + [
        PairedClause(key, number, kind, parent, order, {"ru": text})
        for order, (key, number, kind, parent, text) in enumerate(clauses, start=3)
    ]


def clause(key: str, number: str, text: str) -> tuple[str, str, str, str, str]:
    return key, number, "clause", "s1", text


def bullet(key: str, text: str, parent: str = "1.1") -> tuple[str, str, str, str, str]:
    return key, "", "bullet", parent, text


def told(old: list[PairedClause], new: list[PairedClause], language: str = "ru") -> list[tuple[str, str, str, str]]:
    return [
        (change.kind, change.key, change.number, change.moved_from)
        for change in compare(old, new, language)
        if change.kind != "unchanged"
    ]


def test_a_version_beside_itself_is_unchanged():
    same = policy(clause("1.1", "1.1", "Раз."), bullet("1.1.b1", "два;"))
    changes = compare(same, same, "ru")
    assert summary(changes) == {"unchanged": 4}
    assert [change.words for change in changes] == [[("equal", change.new_text)] for change in changes]


def test_an_inserted_clause_is_added_and_those_below_it_moved_and_are_not_reworded():
    old = policy(clause("1.1", "1.1", "Раз."), clause("1.2", "1.2", "Два."), bullet("1.2.b1", "под;", "1.2"))
    new = policy(
        clause("1.1", "1.1", "Раз."),
        clause("1.2-2", "1.2", "Новое."),
        clause("1.2", "1.3", "Два."),
        bullet("1.2.b1", "под;", "1.2"),
    )
    assert told(old, new) == [("added", "1.2-2", "1.2", ""), ("moved", "1.2", "1.3", "1.2")]


def test_a_clause_that_moved_and_was_reworded_says_both():
    old = policy(clause("1.1", "1.1", "Раз."), clause("1.2", "1.2", "Храним пять лет."))
    new = policy(
        clause("1.1", "1.1", "Раз."), clause("1.2-2", "1.2", "Новое."), clause("1.2", "1.3", "Храним три года.")
    )
    moved = next(change for change in compare(old, new, "ru") if change.key == "1.2")
    assert (moved.kind, moved.number, moved.old_number, moved.moved_from) == ("reworded", "1.3", "1.2", "1.2")
    assert (moved.old_text, moved.new_text) == ("Храним пять лет.", "Храним три года.")
    assert moved.words == [
        ("equal", "Храним "), ("delete", "пять лет"), ("insert", "три года"), ("equal", "."),
    ]  # fmt: skip


def test_a_removed_clause_is_told_where_it_stood():
    old = policy(clause("1.1", "1.1", "Раз."), bullet("1.1.b1", "a;"), bullet("1.1.b2", "b;"), bullet("1.1.b3", "c;"))
    new = policy(clause("1.1", "1.1", "Раз."), bullet("1.1.b1", "a;"), bullet("1.1.b3", "c;"))
    assert [change.key for change in compare(old, new, "ru")] == ["title", "s1", "1.1", "1.1.b1", "1.1.b2", "1.1.b3"]
    removed = compare(old, new, "ru")[4]
    assert (removed.kind, removed.number, removed.old_text, removed.new_text) == ("removed", "1.1", "b;", "")
    assert removed.words == [("delete", "b;")]
    assert told(policy(), policy(clause("1.1", "1.1", "Раз."))) == [("added", "1.1", "1.1", "")]
    assert [change.kind for change in compare(old[2:], [], "ru")] == ["removed"] * 4


def test_only_what_changed_places_moved_and_not_all_it_passed():
    texts = {key: f"{key} есть;" for key in "abcde"}
    old = policy(clause("1.1", "1.1", "Раз."), *(bullet(key, texts[key]) for key in "abcde"))
    new = policy(clause("1.1", "1.1", "Раз."), *(bullet(key, texts[key]) for key in "bcdae"))
    assert told(old, new) == [("moved", "a", "1.1", "1.1")]


def test_a_list_item_that_went_to_another_clause_moved():
    old = policy(clause("1.1", "1.1", "Раз:"), bullet("x", "a;"), clause("1.2", "1.2", "Два:"))
    new = policy(clause("1.1", "1.1", "Раз:"), clause("1.2", "1.2", "Два:"), bullet("x", "a;", "1.2"))
    assert told(old, new) == [("moved", "x", "1.2", "1.1")]


def test_each_language_is_compared_by_itself():
    old = [TITLE, SECTION]
    new = [TITLE, PairedClause("s1", "1", "heading", "title", 2, {"ru": "Цели сбора", "kk": "Мақсаттар"})]
    assert told(old, new, "ru") == [("reworded", "s1", "1", "")]
    assert told(old, new, "kk") == []
    gained = [TITLE, PairedClause("s1", "1", "heading", "title", 2, {**SECTION.texts, "en": "Purposes"})]
    assert told(old, gained, "en") == [("added", "s1", "1", "")]
    assert told(gained, old, "en") == [("removed", "s1", "1", "")]


def test_the_summary_counts_kinds():
    old = policy(clause("1.1", "1.1", "Раз."), clause("1.2", "1.2", "Два."))
    new = policy(clause("1.1", "1.1", "Раз и два."), clause("1.3", "1.3", "Три."))
    assert summary(compare(old, new, "ru")) == {"unchanged": 2, "reworded": 1, "added": 1, "removed": 1}


def test_words_are_marked_and_not_letters():
    assert words("хранить 5 лет", "хранить 10 лет") == [
        ("equal", "хранить "), ("delete", "5"), ("insert", "10"), ("equal", " лет"),
    ]  # fmt: skip
    assert words("a", "a, b") == [("equal", "a"), ("insert", ", b")]
    assert words("", "a") == [("insert", "a")]
    assert words("", "") == []


TEXTS = st.text("аб вг,.\n\u00a0<>*_é😀", max_size=60) | st.lists(
    st.sampled_from(["данные", "пользователя", ",", " ", "  ", "\n", "хранятся", "5", "лет"]), max_size=40
).map("".join)


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS)
def test_marks_join_to_the_old_and_to_the_new_text_to_the_letter(old, new):
    marks = words(old, new)
    assert "".join(text for op, text in marks if op in ("equal", "delete")) == old
    assert "".join(text for op, text in marks if op in ("equal", "insert")) == new
    assert all(text for _op, text in marks)
    assert {op for op, _text in marks} <= {"equal", "insert", "delete"}


def test_texts_of_the_same_few_words_are_still_marked_to_the_letter():
    old, new = "и " * 2000, "и а " * 1000
    marks = words(old, new)
    assert "".join(text for op, text in marks if op != "insert") == old
    assert "".join(text for op, text in marks if op != "delete") == new


LINES = st.lists(st.sampled_from([f"{word} обещание" for word in "абвгдежз"]), min_size=1, max_size=6, unique=True)


@settings(max_examples=80, deadline=None)
@given(LINES, LINES)
def test_changes_account_for_every_clause_of_both_versions(old_lines, new_lines):
    def document(lines: list[str]) -> dict:
        text = "# П\n\n## 1. Ц\n\n" + "".join(f"1.{n}. {line}.\n\n" for n, line in enumerate(lines, start=1))
        return {"ru": parse(text.encode()), "kk": parse(text.encode())}

    old = pair(document(old_lines)).clauses
    known = [KnownClause(c.key, c.number, c.kind, c.parent_key, c.texts) for c in old]
    new = pair(document(new_lines), known, {c.key for c in old}).clauses
    changes = compare(old, new, "ru")
    assert [c.new_text for c in changes if c.kind != "removed"] == [c.texts["ru"] for c in new]
    assert sorted(c.old_text for c in changes if c.kind != "added") == sorted(c.texts["ru"] for c in old)
    for change in changes:
        assert "".join(text for op, text in change.words if op != "delete") == change.new_text
        assert "".join(text for op, text in change.words if op != "insert") == change.old_text
        if change.kind in ("moved", "unchanged"):
            assert change.old_text == change.new_text
