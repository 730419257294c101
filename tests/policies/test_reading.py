"""How a version is read: one language, the shape of the text, what changed since another."""

import pytest

from policies import services
from policies.reading import changes, clauses_in, predecessor, reading_language
from tests.policies.factories import KK, RU, draft, policy, published_version
from tests.policies.factories import author as make_author
from tests.staff.factories import as_officer

pytestmark = pytest.mark.django_db

NESTED = """# П

Вступление.

- вне пунктов;

## 1. Цели

1.1. Данные:

- имя;
  - отчество;
- 1) не число, а слова;

Конец пункта.

### 1.2. Подраздел

## Приложение
"""


def test_a_reader_without_a_text_in_their_language_gets_russian():
    version = draft(by=make_author())
    assert [reading_language(version, code) for code in ("kk", "ru", "en", "de")] == ["kk", "ru", "ru", "ru"]


def test_a_clause_without_text_in_the_language_is_not_read():
    version = draft(by=make_author(), kk=KK.replace("1.2. Өзге мақсат жоқ.\n\n", ""))
    assert "1.2" not in [clause.key for clause in clauses_in(version, "kk")]
    assert "1.2" in [clause.key for clause in clauses_in(version, "ru")]


def test_the_shape_of_the_text_is_known():
    version = draft(by=make_author(), ru=NESTED, kk=NESTED)
    shape = {clause.reading_text: clause for clause in clauses_in(version, "ru")}
    assert [shape[words].level for words in ("П", "Цели", "Подраздел", "Приложение")] == [1, 2, 3, 2]
    assert [shape[words].depth for words in ("вне пунктов;", "имя;", "отчество;", "Конец пункта.")] == [1, 1, 2, 0]
    assert [shape[words].inset for words in ("Вступление.", "вне пунктов;", "отчество;", "Конец пункта.")] == [
        False,
        False,
        True,
        True,
    ]


def test_a_list_item_with_its_own_number_counts():
    text = "# П\n\n1.1. Список:\n\n1. первое;\n2. второе.\n\n- третье.\n"
    version = draft(by=make_author(), ru=text, kk=text)
    counts = {clause.reading_text: clause.counts for clause in clauses_in(version, "ru") if clause.kind == "bullet"}
    assert counts == {"1. первое;": True, "2. второе.": True, "третье.": False}


def test_one_query_reads_a_version(django_assert_num_queries):
    version = draft(by=make_author())
    with django_assert_num_queries(1):
        clauses_in(version, "ru")


def test_what_did_not_change_is_left_out_and_it_takes_two_queries(django_assert_num_queries):
    first = published_version()
    second = published_version(ru=RU.replace("Иных", "Прочих"))
    with django_assert_num_queries(2):
        changed = changes(second, since=first, language="ru")
    assert [(change.kind, change.number) for change in changed] == [("reworded", "1.2")]
    assert changes(second, since=first, language="kk") == []


def test_the_predecessor_is_the_published_version_before_and_no_draft():
    first = published_version()
    officer = make_author()
    with as_officer(officer):
        given_up = services.import_version(
            policy=policy(),
            files={"ru": services.SourceFile("r", RU.encode()), "kk": services.SourceFile("k", KK.encode())},
            by=officer,
        )
        services.archive(given_up, by=officer)
    third = published_version(ru=RU.replace("Иных", "Прочих"))
    assert (third.number, predecessor(third), predecessor(first)) == (3, first, None)
