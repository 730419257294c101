import json
import re
from pathlib import Path

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.markdown import parse
from policies.pairing import Finding, KnownClause, Pairing, pair

REAL = Path(__file__).parents[3] / "shared" / "policy"
real = pytest.mark.skipif(not REAL.is_dir(), reason="the real policy is not beside the project")

RU = """# Политика МФО «Жібек Қаржы»

Мы бережём ваши данные.

## 1. Цели

1.1. Мы обрабатываем данные:

- чтобы заключить договор;
- чтобы ответить на обращение.

1.2. Иных целей нет.

## 2. Права

2.1. Вы вправе знать, что мы храним.
"""
KK = """# «Жібек Қаржы» МҚҰ саясаты

Біз деректеріңізді сақтаймыз.

## 1. Мақсаттар

1.1. Біз деректерді өңдейміз:

- шарт жасасу үшін;
- өтінішке жауап беру үшін.

1.2. Өзге мақсат жоқ.

## 2. Құқықтар

2.1. Сіз не сақтайтынымызды білуге құқылысыз.
"""
EN = """# Policy

We keep your data safe.

## 1. Purposes

1.1. We process data:

- to sign the contract;
- to answer you.

1.2. There is no other purpose.

## 2. Rights

2.1. You may know what we hold.
"""
KEYS = ["title", "p1", "s1", "1.1", "1.1.b1", "1.1.b2", "1.2", "s2", "2.1"]


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


def paired(ru: str = RU, kk: str = KK, en: str | None = None, *, previous: Pairing | None = None, used=()) -> Pairing:
    texts = {"ru": ru, "kk": kk} | ({"en": en} if en else {})
    documents = {code: parse(text.encode()) for code, text in texts.items()}
    keys = {clause.key for clause in previous.clauses} if previous else set()
    return pair(documents, known(previous), keys | set(used))


def known(pairing: Pairing | None) -> list[KnownClause] | None:
    if pairing is None:
        return None
    return [KnownClause(c.key, c.number, c.kind, c.parent_key, c.texts) for c in pairing.clauses]


def keys(pairing: Pairing) -> list[str]:
    return [clause.key for clause in pairing.clauses]


def texts(pairing: Pairing, key: str) -> dict[str, str]:
    return dict(next(clause for clause in pairing.clauses if clause.key == key).texts)


def found(pairing: Pairing) -> list[tuple[str, str, str | None, list[str]]]:
    return [(f.code, f.severity, f.clause, f.languages) for f in pairing.findings]


def test_a_first_version_pairs_by_place_and_has_keys_that_tell_it():
    pairing = paired()
    assert keys(pairing) == KEYS
    assert [clause.order for clause in pairing.clauses] == list(range(1, 10))
    assert [clause.parent_key for clause in pairing.clauses] == [
        None, "title", "title", "s1", "1.1", "1.1", "s1", "title", "s2",
    ]  # fmt: skip
    assert texts(pairing, "1.1.b2") == {"ru": "чтобы ответить на обращение.", "kk": "өтінішке жауап беру үшін."}
    assert pairing.findings == []


def test_english_pairs_when_it_is_there_and_what_it_lacks_is_only_a_note():
    pairing = paired(en=EN)
    assert keys(pairing) == KEYS
    assert pairing.findings == []
    assert texts(pairing, "1.2")["en"] == "There is no other purpose."
    short = paired(en=EN.replace("1.2. There is no other purpose.\n", "").replace("- to answer you.\n", ""))
    assert found(short) == [
        ("STRUCTURE", "info", "s1", ["en"]),
        ("STRUCTURE", "info", "1.1", ["en"]),
        ("PAIR_MISSING", "info", "1.1.b2", ["en"]),
        ("NUMBER_MISSING", "info", "1.2", ["en"]),
    ]


def test_a_numbered_clause_that_a_language_lacks_is_an_error_and_stays_in_its_place():
    pairing = paired(kk=KK.replace("1.2. Өзге мақсат жоқ.\n", ""))
    assert keys(pairing) == KEYS
    assert found(pairing) == [("STRUCTURE", "warning", "s1", ["kk"]), ("NUMBER_MISSING", "error", "1.2", ["kk"])]
    assert texts(pairing, "1.2") == {"ru": "Иных целей нет."}
    other_way = paired(ru=RU.replace("1.2. Иных целей нет.\n", ""))
    assert keys(other_way) == KEYS
    assert ("NUMBER_MISSING", "error", "1.2", ["ru"]) in found(other_way)


def test_every_text_of_a_section_that_a_language_lacks_is_a_finding():
    pairing = paired(kk=KK[: KK.index("## 2.")])
    assert [finding[:3] for finding in found(pairing)] == [
        ("STRUCTURE", "warning", "title"),
        ("NUMBER_MISSING", "error", "s2"),
        ("NUMBER_MISSING", "error", "2.1"),
    ]


def test_clauses_pair_by_number_in_whatever_order_and_below_whatever_they_stand():
    swapped = KK.replace("1.2. Өзге мақсат жоқ.\n\n", "").replace(
        "1.1. Біз", "1.2. Өзге мақсат жоқ.\n\n1.1. Біз"
    )  # fmt: skip
    pairing = paired(kk=swapped)
    assert keys(pairing) == KEYS
    assert texts(pairing, "1.2")["kk"] == "Өзге мақсат жоқ."
    assert pairing.findings == []
    without_title = paired(kk=KK.split("\n", 2)[2])
    assert set(texts(without_title, "1.1")) == {"ru", "kk"}
    assert ("PAIR_MISSING", "warning", "title", ["kk"]) in found(without_title)


def test_a_list_item_too_few_leaves_the_one_that_fits_worst_alone():
    ru = RU.replace("- чтобы заключить", "- чтобы показать рекламу (cookie-файлы, таргетинг);\n- чтобы заключить")
    pairing = paired(ru=ru)
    assert texts(pairing, "1.1.b1") == {"ru": "чтобы показать рекламу (cookie-файлы, таргетинг);"}
    assert set(texts(pairing, "1.1.b2")) == set(texts(pairing, "1.1.b3")) == {"ru", "kk"}
    assert found(pairing) == [
        ("STRUCTURE", "warning", "1.1", ["kk"]),
        ("PAIR_MISSING", "warning", "1.1.b1", ["kk"]),
    ]


@pytest.mark.parametrize(
    ("other", "fitting", "kk"),
    [
        ("данные банка и счёта;", "IP-адрес, cookie, User-Agent и адрес страницы сайта;", "IP, cookie, User-Agent;"),
        ("законы о бюро;", "закон № 94-V от 21.05.2013 о персональных данных;", "2013.05.21 № 94-V;"),
    ],
)
def test_the_fit_goes_by_numbers_and_words_that_both_languages_share_before_length(other, fitting, kk):
    pairing = paired(f"# П\n\n1.1. да:\n\n- {other}\n- {fitting}\n", f"# С\n\n1.1. иә:\n\n- {kk}\n")
    assert texts(pairing, "1.1.b2") == {"ru": fitting, "kk": kk}
    assert found(pairing)[-1] == ("PAIR_MISSING", "warning", "1.1.b1", ["kk"])


def test_an_item_of_another_kind_at_the_same_place_pairs_and_is_told():
    pairing = paired(kk=KK.replace("- өтінішке жауап беру үшін.", "\nөтінішке жауап беру үшін."))
    assert keys(pairing) == KEYS
    assert found(pairing) == [("KIND_DIFFERS", "warning", "1.1.b2", ["kk"])]
    assert next(clause for clause in pairing.clauses if clause.key == "1.1.b2").kind == "bullet"
    assert pairing.findings[0].message == "In one language this is a list item, but a paragraph in: Kazakh."


LONG_RU = """# П

1.1. Цели:

- заключение договора займа с пользователем;
- вход в личный кабинет и проверка личности;
- передача сведений кредитному бюро для рассмотрения заявки на кредит;
- ответы на обращения.
"""
LONG_KK = """# С

1.1. Мақсаттар:

- пайдаланушымен қарыз шартын жасасу;
- кредиттiк бюроларға пайдаланушы туралы мәліметтерді өтінімді қарау үшін беру;
- кредиттік бюроға өтінімді қарау үшін пайдаланушы туралы мәліметтерді беру;
- өтініштерге жауап беру.
"""


def test_what_repeats_its_sibling_is_not_taken_for_the_translation_of_its_neighbour():
    pairing = paired(LONG_RU, LONG_KK)
    assert texts(pairing, "1.1.b2") == {"ru": "вход в личный кабинет и проверка личности;"}
    assert list(texts(pairing, "1.1.b2-kk")) == ["kk"]
    assert set(texts(pairing, "1.1.b3")) == set(texts(pairing, "1.1.b4")) == {"ru", "kk"}
    assert texts(pairing, "1.1.b3")["kk"].startswith("кредиттік бюроға")
    assert keys(pairing)[2:] == ["1.1.b1", "1.1.b2", "1.1.b2-kk", "1.1.b3", "1.1.b4"]
    assert found(pairing) == [
        ("PAIR_MISSING", "warning", "1.1.b2", ["kk"]),
        ("PAIR_DUPLICATE", "warning", "1.1.b2-kk", ["kk"]),
    ]
    assert "“1.1.b3”" in pairing.findings[1].message


def test_a_repetition_too_many_stands_alone_and_the_others_pair_in_order():
    ru = LONG_RU.replace("- вход в личный кабинет и проверка личности;\n", "")
    pairing = paired(ru, LONG_KK)
    assert [set(texts(pairing, f"1.1.b{n}")) for n in (1, 2, 3)] == [{"ru", "kk"}] * 3
    assert texts(pairing, "1.1.b3")["kk"] == "өтініштерге жауап беру."
    assert [finding[0] for finding in found(pairing)] == ["STRUCTURE", "PAIR_DUPLICATE"]


def test_what_is_repeated_in_both_languages_pairs():
    ru = LONG_RU.replace(
        "вход в личный кабинет и проверка личности", "передача кредитному бюро сведений для рассмотрения заявки"
    )
    pairing = paired(ru, LONG_KK)
    assert all(set(clause.texts) == {"ru", "kk"} for clause in pairing.clauses)
    assert pairing.findings == []


def test_nested_lists_and_further_paragraphs_have_keys_below_their_item():
    ru = RU.replace("- чтобы ответить", "  - по займу;\n\n    Ещё о займе.\n- чтобы ответить")
    kk = KK.replace("- өтінішке", "  - қарыз бойынша;\n\n    Қарыз туралы.\n- өтінішке")
    pairing = paired(ru, kk)
    assert keys(pairing)[3:8] == ["1.1", "1.1.b1", "1.1.b1.b1", "1.1.b1.b1.p1", "1.1.b2"]
    assert pairing.findings == []


def test_an_unchanged_policy_keeps_all_its_keys():
    first = paired(en=EN)
    assert paired(en=EN, previous=first) == first


def test_clauses_keep_their_keys_when_others_are_put_between_them():
    first = paired()
    ru = RU.replace("1.2. Иных", "1.2. Мы не продаём данные.\n\n1.3. Иных").replace(
        "- чтобы ответить", "- чтобы взыскать долг;\n- чтобы ответить"
    )
    kk = KK.replace("1.2. Өзге", "1.2. Біз деректерді сатпаймыз.\n\n1.3. Өзге").replace(
        "- өтінішке", "- берешекті өндіру үшін;\n- өтінішке"
    )
    second = paired(ru, kk, previous=first)
    assert keys(second) == ["title", "p1", "s1", "1.1", "1.1.b1", "1.1.b2-2", "1.1.b2", "1.2-2", "1.2", "s2", "2.1"]
    assert next(clause for clause in second.clauses if clause.key == "1.2").number == "1.3"
    third = paired(previous=second, used=keys(second))
    assert keys(third) == KEYS
    fourth = paired(ru, kk, previous=third, used={*keys(first), *keys(second)})
    assert {"1.1.b2-3", "1.2-3"} <= set(keys(fourth)), "a key that was given once is never given again"


def test_a_whole_section_put_above_renumbers_and_changes_no_key():
    first = paired()

    def shifted(text: str, new: str) -> str:
        text = text.replace("## 2.", "## 3.").replace("2.1.", "3.1.")
        text = text.replace("## 1.", "## 2.").replace("1.1.", "2.1.").replace("1.2.", "2.2.")
        return text.replace("## 2.", f"{new}\n\n## 2.", 1)

    second = paired(
        shifted(RU, "## 1. Кто мы\n\n1.1. Мы микрофинансовая организация."),
        shifted(KK, "## 1. Біз кімбіз\n\n1.1. Біз микроқаржы ұйымымыз."),
        previous=first,
    )
    assert keys(second) == ["title", "p1", "s1-2", "1.1-2", *KEYS[2:]]


def test_a_reworded_clause_keeps_its_key_by_its_number_or_by_its_words():
    first = paired()
    second = paired(
        RU.replace("Иных целей нет.", "Совсем другой текст о хранении.").replace(
            "чтобы ответить на обращение.", "чтобы ответить на ваше обращение."
        ),
        KK.replace("Өзге мақсат жоқ.", "Сақтау туралы мүлдем басқа мәтін.").replace(
            "өтінішке жауап беру үшін.", "өтінішіңізге жауап беру үшін."
        ),
        previous=first,
    )
    assert keys(second) == KEYS


def test_a_clause_reworded_and_renumbered_at_once_is_known_by_its_words():
    ru = RU.replace("1.2. Иных целей нет.", "1.2. Мы храним данные пять лет после договора.")
    kk = KK.replace("1.2. Өзге мақсат жоқ.", "1.2. Біз деректерді шарттан кейін бес жыл сақтаймыз.")
    first = paired(ru, kk)
    second = paired(
        ru.replace("1.2. Мы храним данные пять лет", "1.2. Никакой рекламы.\n\n1.3. Мы храним данные три года"),
        kk.replace(
            "1.2. Біз деректерді шарттан кейін бес", "1.2. Жарнама жоқ.\n\n1.3. Біз деректерді шарттан кейін үш"
        ),
        previous=first,
    )
    assert [(c.key, c.number) for c in second.clauses if c.kind == "clause"][1:3] == [("1.2-2", "1.2"), ("1.2", "1.3")]


def test_a_text_mended_in_one_language_keeps_its_key_by_the_other():
    second = paired(kk=KK.replace("шарт жасасу үшін;", "мүлдем өзгеше сөздер;"), previous=paired())
    assert keys(second) == KEYS


def test_the_same_words_in_two_places_keep_each_its_own_key():
    ru = RU.replace("2.1. Вы вправе знать, что мы храним.", "2.1. Да:\n\n- иное.").replace(
        "- чтобы ответить на обращение.", "- иное."
    )
    kk = KK.replace("2.1. Сіз не сақтайтынымызды білуге құқылысыз.", "2.1. Иә:\n\n- өзге.").replace(
        "- өтінішке жауап беру үшін.", "- өзге."
    )
    first = paired(ru, kk)
    second = paired(
        ru.replace("- чтобы заключить договор;\n- иное.", "- чтобы заключить договор."),
        kk.replace("- шарт жасасу үшін;\n- өзге.", "- шарт жасасу үшін."),
        previous=first,
    )
    assert keys(second) == [key for key in keys(first) if key != "1.1.b2"]


def test_keys_used_by_versions_before_are_not_given_to_new_clauses():
    assert keys(paired(used={"1.1", "1.1.b1", "1.1-2"}))[3:5] == ["1.1-3", "1.1-3.b1"]


def test_a_finding_is_plain_json_and_speaks_the_language_of_its_reader():
    kept = json.loads(json.dumps(paired(kk=KK.replace("1.2. Өзге мақсат жоқ.\n", "")).findings[1].__dict__))
    assert Finding(**kept).message == "Clause 1.2 is missing in: Kazakh."
    assert Finding("PAIR_MISSING", "warning", "p1", ["kk", "en"]).message.startswith(
        "There is no such text in: Kazakh, E"
    )
    assert Finding("NO_SUCH", "info", None, []).message == "An unknown finding: NO_SUCH"
    for code in {f.code for f in paired(LONG_RU, LONG_KK.replace("- өтініш", "өтініш")).findings}:
        assert Finding(
            code, "info", None, ["kk"], {"other": "a", "number": "1", "place": "b", "expected": 1, "found": 2}
        ).message


BLOCKS = st.lists(
    st.sampled_from(["- один;", "- два слова 5 лет;", "Абзац.", "- передача данных бюро по заявке;", "{n}. пункт", "## {s}. Раздел",
                     "- передача бюро данных по этой заявке;", "  - вложено;", "### Подзаголовок"]),
    max_size=12,
)  # fmt: skip


def document(blocks: list[str]) -> str:
    section, clause, lines = 1, 0, ["# Титул", "## 1. Раздел", "1.1. начало"]
    clause = 1
    for block in blocks:
        if "{s}" in block:
            section, clause = section + 1, 0
        clause += "{n}" in block
        lines.append(block.format(s=section, n=f"{section}.{clause}"))
    return "\n\n".join(lines)


@settings(max_examples=200, deadline=None)
@given(BLOCKS, BLOCKS, BLOCKS)
def test_pairing_loses_no_text_doubles_no_key_and_explains_every_lone_text(ru, kk, later):
    sources = {"ru": document(ru), "kk": document(kk)}
    pairing = paired(**sources)
    for code, source in sources.items():
        items = parse(source.encode()).items
        assert sorted(item.text for item in items) == sorted(c.texts[code] for c in pairing.clauses if code in c.texts)
    assert len(set(keys(pairing))) == len(pairing.clauses)
    told = {finding.clause for finding in pairing.findings}
    assert all(clause.key in told for clause in pairing.clauses if len(clause.texts) == 1)
    seen: set[str | None] = {None}
    for clause in pairing.clauses:
        assert clause.parent_key in seen, "a parent comes before its children"
        seen.add(clause.key)
    assert [c.order for c in pairing.clauses] == list(range(1, len(pairing.clauses) + 1))
    assert paired(**sources) == pairing
    assert keys(paired(**sources, previous=pairing)) == keys(pairing)
    second = paired(document(later), document(kk), previous=pairing)
    assert len(set(keys(second))) == len(second.clauses)


@pytest.fixture(scope="module")
def policy() -> Pairing:
    return pair({code: parse((REAL / f"{code}.md").read_bytes()) for code in ("ru", "kk")})


@real
def test_the_real_policy_pairs_whole(policy):
    sections = [c for c in policy.clauses if c.kind == "heading" and c.number]
    assert [(c.number, set(c.texts)) for c in sections] == [(n, {"ru", "kk"}) for n in "123456789"]
    purposes = [c for c in policy.clauses if c.parent_key == "1.1"]
    assert [sum(code in c.texts for c in purposes) for code in ("ru", "kk")] == [24, 24]
    assert len([c for c in policy.clauses if c.parent_key == "7.1"]) == 7
    assert all(set(c.texts) == {"ru", "kk"} for c in policy.clauses if c.number)


@real
def test_the_purpose_that_the_real_kazakh_text_lacks_is_found_though_counts_are_equal(policy):
    assert set(texts(policy, "1.1.b2")) == {"ru"}
    assert "Личный кабинет" in texts(policy, "1.1.b2")["ru"]
    assert set(texts(policy, "1.1.b2-kk")) == {"kk"}
    assert [f.params for f in policy.findings if f.code == "PAIR_DUPLICATE"] == [{"other": "1.1.b10"}]
    both = [c for c in policy.clauses if c.parent_key == "1.1" and len(c.texts) == 2]
    assert [c.key for c in both] == [f"1.1.b{n}" for n in range(1, 25) if n != 2]
    items = {code: parse((REAL / f"{code}.md").read_bytes()).items for code in ("ru", "kk")}
    for code, of in items.items():
        clause = next(index for index, item in enumerate(of) if item.number == "1.1")
        slots = [item.text for item in of if item.parent == clause]
        assert [slots.index(c.texts[code]) + 1 for c in both] == [n for n in range(1, 25) if n != 2]


@real
def test_the_findings_of_the_real_policy_are_these_and_no_others(policy):
    preamble = [c for c in policy.clauses if re.fullmatch(r"p\d", c.key)]
    assert [set(c.texts) for c in preamble] == [{"ru", "kk"}, {"ru"}, {"ru", "kk"}]
    assert texts(policy, "p3") == {"ru": "**Политика:**", "kk": "**Саясат:**"}
    assert texts(policy, "1.1.b12")["kk"].startswith("алаяқтықтың алдын алу")
    assert found(policy) == [
        ("STRUCTURE", "warning", "title", ["kk"]),
        ("PAIR_MISSING", "warning", "p2", ["kk"]),
        ("PAIR_MISSING", "warning", "1.1.b2", ["kk"]),
        ("PAIR_DUPLICATE", "warning", "1.1.b2-kk", ["kk"]),
        ("KIND_DIFFERS", "warning", "1.1.b12", ["kk"]),
    ]
