"""What a reader of Kazakh or Russian meets: nothing left in English, nothing half-Russian, dates as they write them."""

import gettext
import json
import re
from collections import Counter
from datetime import date

import polib
import pytest
from django.template.defaultfilters import timesince_filter
from django.test import RequestFactory
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as translate
from django.utils.translation import ngettext, override, trans_real
from django.views.i18n import JavaScriptCatalog

from config import catalogues
from config.catalogues import DOMAINS, LOCALE, PLURAL_FORMS, key

LANGUAGES = tuple(PLURAL_FORMS)
BOTH = pytest.mark.parametrize("language", LANGUAGES)
CATALOGUES = pytest.mark.parametrize(
    ("language", "domain"), [(language, domain) for language in LANGUAGES for domain in DOMAINS]
)

# The same in every language.
SAME_AS_ENGLISH = {
    "SHA-256",
    "SMS",
    "Kelisim",
    "…",
    ":",
    ":?.!",
    "IPv4",
    "IPv6",
    "%(truncated_text)s…",
    "%(class_name)s %(instance)s",
}
# Words that Kazakh and Russian share, and the calendar's letters.
SAME_IN_BOTH = [
    "sms",
    "абзац",
    "акт",
    "алгоритм",
    "аудит",
    "аудитор",
    "банк",
    "браузер",
    "импорт",
    "кабинет",
    "kelisim",
    "клиент",
    "код",
    "компьютер",
    "контакт",
    "курьер",
    "логин",
    "май",
    "мам",
    "маркетинг",
    "матрица",
    "микрокредит",
    "нотариус",
    "объект",
    "оператор",
    "паспорт",
    "планшет",
    "полиция",
    "редакция",
    "санкция",
    "с",
    "сб",
    "ср",
    "телефон",
    "токен",
    "транзакция",
    "файл",
    "хостинг",
]
LATIN_WORDS = {"kelisim"}
RUSSIAN_WORDS = [
    "или",
    "для",
    "что",
    "это",
    "нет",
    "был",
    "если",
    "чтобы",
    "вы",
    "ваш",
    "ваши",
    "вас",
    "только",
    "можно",
    "нельзя",
    "на",
    "по",
    "от",
    "из",
    "пароль",
    "пользователь",
    "поле",
    "ошибка",
    "письмо",
    "согласие",
    "данные",
    "политика",
    "пункт",
    "срок",
    "сохранить",
    "удалить",
    "изменить",
    "отправить",
]

CYRILLIC, LATIN, KAZAKH = re.compile("[Ѐ-ӿ]"), re.compile("[A-Za-z]"), re.compile("[әғқңөұүһіӘҒҚҢӨҰҮҺІ]")
TAG = re.compile(r"</?[a-z][^>]*>")
NAMED = re.compile(r"%\((\w+)\)[a-z]|\{(\w+)\}")
BARE = re.compile(r"%[sdrf](?![\w])|\{\}")


def catalogue(language: str, domain: str) -> polib.POFile:
    path = LOCALE / language / "LC_MESSAGES" / f"{domain}.po"
    return polib.pofile(str(path))


def forms(entry: polib.POEntry) -> list[str]:
    """What the reader may be shown for this string."""
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def name(entry: polib.POEntry) -> str:
    return f"{entry.msgctxt}|{entry.msgid}" if entry.msgctxt else entry.msgid


def words(text: str) -> list[str]:
    """The words of a text without its placeholders and tags."""
    return re.findall(r"[^\W\d_]+", BARE.sub(" ", NAMED.sub(" ", TAG.sub(" ", text))))


def every_form(language: str) -> list[tuple[polib.POEntry, str]]:
    """Every text of a language with its source; what is not translated yet is another test's matter."""
    entries = [entry for domain in DOMAINS for entry in catalogue(language, domain) if entry.translated()]
    return [(entry, form) for entry in entries for form in forms(entry)]


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    catalogues.compile_catalogues()
    trans_real._translations.clear()
    gettext._translations.clear()


# Whole ----------------------------------------------------------------------------------------------------------------


@CATALOGUES
def test_no_string_of_a_catalogue_is_untranslated_or_fuzzy(language, domain):
    assert [name(entry) for entry in catalogue(language, domain) if not entry.translated()] == []


@CATALOGUES
def test_every_string_of_our_own_is_in_the_catalogue(language, domain):
    known = {key(entry) for entry in catalogue(language, domain)}
    assert [name(entry) for entry in catalogues.own_strings(domain) if key(entry) not in known] == []


@CATALOGUES
def test_every_third_party_string_is_translated_by_them_or_by_us_or_met_by_no_reader(language, domain):
    known = {key(entry) for entry in catalogue(language, domain)}
    known |= catalogues.third_party_translations(domain, language)
    hidden = catalogues.developer_only()
    strings = catalogues.third_party_strings(domain)
    assert len(strings) > 70
    assert [name(e) for e in strings if key(e) not in known and e.msgid not in hidden] == []


def test_the_lists_of_third_party_strings_hold_nothing_that_the_packages_no_longer_say():
    for domain in DOMAINS:
        said = {key(entry) for entry in catalogues.third_party_strings(domain)}
        assert {key(entry) for entry in catalogues.listed_strings(domain)} <= said
    said = {entry.msgid for domain in DOMAINS for entry in catalogues.third_party_strings(domain)}
    hidden = catalogues.developer_only()
    assert hidden.keys() <= said
    assert all(len(reason) > 20 for reason in hidden.values())


@BOTH
def test_plurals_follow_djangos_own_rule(language):
    django = polib.pofile(str(catalogues._folder("django.conf") / "locale" / language / "LC_MESSAGES/django.po"))
    rule = django.metadata["Plural-Forms"].replace(" ", "")
    for domain in DOMAINS:
        po = catalogue(language, domain)
        assert po.metadata["Plural-Forms"].replace(" ", "") == rule
        count = int(rule[len("nplurals=")])
        assert [name(e) for e in po if e.msgid_plural and len(e.msgstr_plural) != count] == []


# Well said ------------------------------------------------------------------------------------------------------------


@BOTH
def test_placeholders_tags_and_edges_are_those_of_the_source(language):
    wrong = []
    for entry, form in every_form(language):
        source = entry.msgid_plural or entry.msgid
        for pattern in (NAMED, BARE, TAG):
            if Counter(pattern.findall(source)).keys() != Counter(pattern.findall(form)).keys():
                wrong.append((name(entry), form))
        if len(BARE.findall(source)) != len(BARE.findall(form)):
            wrong.append((name(entry), form))
        for edge in ("\n", ":", "…", ".") if len(words(source)) > 2 else (":", "…"):
            if edge == "." and "%(day)s" in source and form.endswith("%(day)s"):
                continue  # a date ends in «ж.» and «г.» by itself
            if source.rstrip(" ").endswith(edge) and not form.rstrip(" ").endswith(edge):
                wrong.append((name(entry), form))
        if source.startswith("\n") != form.startswith("\n"):
            wrong.append((name(entry), form))
    assert wrong == []


@BOTH
def test_a_translation_is_not_the_english_source(language):
    same = {entry.msgid for entry, form in every_form(language) if form in (entry.msgid, entry.msgid_plural)}
    assert same - SAME_AS_ENGLISH == set()


def test_kazakh_is_not_the_russian_word():
    for domain in DOMAINS:
        russian = {key(entry): forms(entry)[0] for entry in catalogue("ru", domain)}
        for package in catalogues.THIRD_PARTIES:
            path = catalogues._folder(package) / "locale/ru/LC_MESSAGES" / f"{domain}.po"
            for entry in polib.pofile(str(path)) if path.exists() else []:
                russian.setdefault(key(entry), forms(entry)[0])
        same = [
            forms(entry)[0]
            for entry in catalogue("kk", domain).translated_entries()
            if forms(entry)[0] == russian.get(key(entry)) and entry.msgid not in SAME_AS_ENGLISH
        ]
        assert [text for text in same if set(map(str.lower, words(text))) - set(SAME_IN_BOTH)] == []


def test_kazakh_has_no_russian_words_and_longer_texts_have_kazakh_letters():
    russian = [(form, word) for _, form in every_form("kk") for word in words(form) if word.lower() in RUSSIAN_WORDS]
    assert russian == []
    plain = [
        form
        for _, form in every_form("kk")
        if len([word for word in words(form) if CYRILLIC.search(word)]) >= 7 and not KAZAKH.search(form)
    ]
    assert plain == []


@BOTH
def test_no_latin_letter_hides_in_a_cyrillic_word_and_no_english_word_is_left(language):
    mixed, english = [], []
    for entry, form in every_form(language):
        source = f"{entry.msgid} {entry.msgid_plural}".lower()
        for word in words(form):
            if LATIN.search(word) and CYRILLIC.search(word):
                mixed.append((word, form))
            elif LATIN.search(word) and word.lower() not in source and word.lower() not in LATIN_WORDS:
                english.append((word, form))
    assert mixed == []
    assert english == []


@BOTH
def test_nothing_shouts_or_boasts(language):
    boast = re.compile("!|успешно|сәтті", re.IGNORECASE)
    assert [form for entry, form in every_form(language) if boast.search(form) and form != ":?.!"] == []


# Shown ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "day", "month"),
    [("kk", "23 қараша 2026 ж.", "Қараша 2026 ж."), ("ru", "23 ноября 2026 г.", "Ноябрь 2026 г.")],
)
def test_a_date_is_written_as_its_readers_write_it(language, day, month):
    with override(language):
        assert date_format(date(2026, 11, 23)) == day
        assert date_format(date(2026, 11, 23), "MONTH_DAY_FORMAT") == day.split(" 2026")[0]
        assert date_format(date(2026, 11, 23), "YEAR_MONTH_FORMAT") == month
        assert number_format(1234567.5, use_l10n=True, force_grouping=True) == "1\u202f234\u202f567,5"


def test_every_month_of_a_kazakh_date_is_lower_case():
    with override("kk"):
        months = [date_format(date(2026, month, 1), "E") for month in range(1, 13)]
    assert " ".join(months) == ("қаңтар ақпан наурыз сәуір мамыр маусым шілде тамыз қыркүйек қазан қараша желтоқсан")


def test_our_words_win_over_djangos():
    with override("kk"):
        assert translate("Home") == "Басты бет"
        assert translate("Log in") == "Кіру"
        assert ngettext("%(counter)s result", "%(counter)s results", 5) % {"counter": 5} == "5 нәтиже"
        assert timesince_filter(date(2026, 11, 20), date(2026, 11, 23)) == "3\xa0күн"
    with override("ru"):
        assert translate("Home") == "Главная"
        assert [ngettext("%(num)d day", "%(num)d days", number) % {"num": number} for number in (1, 3, 5, 11)] == [
            "1 день",
            "3 дня",
            "5 дней",
            "11 дней",
        ]


@pytest.mark.parametrize(("language", "word"), [("kk", "Сүзгі"), ("ru", "Фильтр")])
def test_the_admins_javascript_speaks_our_words(language, word):
    with override(language):
        view = JavaScriptCatalog.as_view(packages=["django.contrib.admin"])
        answer = view(RequestFactory().get("/admin/jsi18n/")).content.decode("utf-8")
    assert f'"Filter": {json.dumps(word)}' in answer
