"""Public pages: anybody may read what is and was promised, word for word, for ever (policy 9.2)."""

import hashlib
import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from policies import services
from policies.models import Policy
from tests.policies import factories
from tests.policies.factories import KK, RU, approved_version, author, draft, published_version
from tests.staff.factories import as_officer

pytestmark = pytest.mark.django_db

EN = RU.replace("Политика", "Policy").replace("Иных целей нет.", "There are no other aims.")
RU2 = RU.replace("1.2. Иных", "1.2. Данные мы не продаём.\n\n1.3. Иных").replace("- ответить на обращение.\n", "")
KK2 = KK.replace("1.2. Өзге", "1.2. Деректерді сатпаймыз.\n\n1.3. Өзге").replace("- өтінішке жауап беру.\n", "")


def page(url: str, language: str = "ru", status: int = 200, client: Client | None = None) -> str:
    response = (client or Client()).get(url, headers={"accept-language": language})
    assert response.status_code == status, url
    return response.content.decode()


class TestVersionInForce:
    @pytest.mark.parametrize(
        ("language", "text"), [("ru", "Иных целей нет."), ("kk", "Өзге мақсат жоқ."), ("en", "Иных целей нет.")]
    )
    def test_it_is_read_in_the_language_of_the_reader(self, language, text):
        published_version()
        body = page("/policy/personal-data/", language)
        assert text in body
        assert f'<article lang="{"kk" if language == "kk" else "ru"}">' in body

    def test_a_reader_of_english_is_told_that_there_is_only_russian(self):
        published_version()
        told = 'class="notice"'
        assert told in page("/policy/personal-data/", "en")
        assert told not in page("/policy/personal-data/", "kk")

    def test_headings_numbers_and_list_items_stand_as_what_they_are(self):
        published_version()
        body = page("/policy/personal-data/")
        assert "<h1" in body and ">Политика</h1>" in body
        assert 'href="#c-s1"' in body and 'id="c-s1"' in body
        assert 'id="c-1.1"' in body
        items = body[body.index('id="c-1.1.b1"') : body.index('id="c-1.2"')]
        assert items.count("<li") == 1 or items.count("clause-bullet") == 1

    def test_the_scheduled_one_is_at_its_permanent_address_and_not_current(self):
        published_version()
        published_version(ru=RU2, kk=KK2, at=timezone.now() + timedelta(days=3))
        assert "Данные мы не продаём." not in page("/policy/personal-data/")
        body = page("/policy/personal-data/v/2/")
        assert "Данные мы не продаём." in body

    def test_nothing_is_in_force_yet_but_the_scheduled_version_can_be_read(self):
        published_version(at=timezone.now() + timedelta(days=3))
        page("/policy/personal-data/", status=404)
        page("/policy/personal-data/v/1/")
        page("/policy/personal-data/v/")


class TestPermanentAddress:
    def test_an_old_version_stays_word_for_word(self):
        published_version()
        before = page("/policy/personal-data/v/1/")
        published_version(ru=RU2, kk=KK2)
        after = page("/policy/personal-data/v/1/")

        def article(body):
            return body[body.index("<article") : body.index("</article>")]

        assert article(before) == article(after)
        assert "Данные мы не продаём." in page("/policy/personal-data/")

    @pytest.mark.parametrize("state", ["draft", "approved"])
    def test_what_is_not_published_is_not_there(self, state):
        draft(by=author()) if state == "draft" else approved_version()
        for url in ("", "v/", "v/1/", "v/1/changes/", "v/1/ru.md"):
            page(f"/policy/personal-data/{url}", status=404)

    @pytest.mark.parametrize(
        "url",
        [
            "none/",
            "personal-data/v/9/",
            "personal-data/v/99999999999999999999/",
            "personal-data/v/1/xx.md",
            "personal-data/v/1/changes/9/",
        ],
    )
    def test_what_never_was_is_404(self, url):
        published_version()
        page(f"/policy/{url}", status=404)

    def test_only_reading_is_possible(self):
        published_version()
        assert Client().post("/policy/personal-data/").status_code == 405


class TestFiles:
    @pytest.mark.parametrize("language", ["ru", "kk", "en"])
    def test_the_file_is_what_was_uploaded_and_its_digest_stands_beside_it(self, language):
        texts = {"ru": RU.replace("\n", "\r\n"), "kk": KK, "en": EN}

        version, second = approved_version_of(texts)
        with as_officer(second):
            services.publish(version, by=second)
        response = Client().get(f"/policy/personal-data/v/1/{language}.md")
        assert response.content == texts[language].encode()
        digest = hashlib.sha256(response.content).hexdigest()
        assert digest in page("/policy/personal-data/v/1/")
        assert digest in page("/policy/personal-data/v/")
        assert response["Content-Type"] == "text/markdown; charset=utf-8"
        assert response["Content-Disposition"] == f'attachment; filename="personal-data-v1-{language}.md"'


def approved_version_of(texts: dict[str, str]):
    """An approved version made of these files."""

    first, second = author(), factories.approver()
    with as_officer(first):
        version = services.import_version(
            policy=factories.policy(),
            files={code: services.SourceFile(f"{code}.md", text.encode()) for code, text in texts.items()},
            by=first,
        )
        version = services.save_draft(version, by=first, values={**factories.FILLED, "significant": False})
        version = services.submit(version, by=first)
    with as_officer(second):
        return services.approve(version, by=second), second


class TestChanges:
    @pytest.fixture(autouse=True)
    def _two(self):
        published_version()
        published_version(ru=RU2, kk=KK2)

    @pytest.mark.parametrize("url", ["v/2/changes/", "v/2/changes/1/"])
    def test_added_removed_and_moved_are_said_with_their_numbers(self, url):
        body = page(f"/policy/personal-data/{url}", "en")
        assert body.count('class="difference-block"') == 3
        assert "Данные мы не продаём." in body
        assert "ответить на обращение." in body
        assert "1.2" in body and "1.3" in body
        assert "Вы вправе знать" not in body

    def test_they_are_read_in_kazakh_too(self):
        body = page("/policy/personal-data/v/2/changes/", "kk")
        assert "Деректерді сатпаймыз." in body
        assert "Данные мы не продаём." not in body

    def test_the_words_of_the_officers_stand_above_them_when_they_are_about_this_pair(self):
        assert "Жаңа мақсат пайда болды." in page("/policy/personal-data/v/2/changes/", "kk")
        published_version(ru=RU, kk=KK)
        assert "Появилась новая цель." in page("/policy/personal-data/v/3/changes/2/")
        assert "Появилась новая цель." not in page("/policy/personal-data/v/3/changes/1/")

    def test_the_first_version_has_nothing_before_it(self):
        assert "difference-block" not in page("/policy/personal-data/v/1/changes/")

    def test_backwards_works_as_well(self):
        body = page("/policy/personal-data/v/1/changes/2/")
        assert body.count('class="difference-block"') == 3

    def test_a_language_that_only_one_of_the_two_has_is_not_compared(self):

        version, second = approved_version_of({"ru": RU, "kk": KK, "en": EN})
        with as_officer(second):
            services.publish(version, by=second)
        body = page("/policy/personal-data/v/3/changes/", "en")
        assert "There are no other aims." not in body
        assert 'class="notice"' in body


class TestIndex:
    def test_it_lists_what_is_in_force(self):
        published_version()
        assert 'href="/policy/personal-data/"' in page("/policy/")

    def test_a_draft_is_not_spoken_of(self):
        draft(by=author())
        assert "personal-data" not in page("/policy/")


PAYLOADS = [
    "[нажмите](javascript:alert(1)) здесь",
    "[нажмите](data:text/html;base64,PHNjcmlwdD4=) здесь",
    "[нажмите](vbscript:x) здесь",
    "[файл](ftp://example.kz/x) и [почта](mailto:a@example.kz)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "1 < 2 & 3 > 2 \" onmouseover=alert(1) '",
    '[x](https://example.kz/"onerror=alert(1))',
    "**жирно** и *курсив*",
]


class TestWhatIsWrittenIsShownAndNothingElse:
    @pytest.mark.parametrize("payload", PAYLOADS)
    def test_a_clause_cannot_bring_a_script_along(self, payload):
        published_version(ru=RU.replace("Иных целей нет.", payload))
        body = page("/policy/personal-data/")
        article = body[body.index("<article") : body.index("</article>")].lower()
        assert "<script" not in article
        for target in re.findall('href="([^"]*)"', article):
            assert target.startswith(("#c-", "https://", "mailto:")), target
        for tag in ("<img", "<iframe", "<object", "<svg"):
            assert tag not in article

        class Attributes(HTMLParser):
            names: set[str] = set()

            def handle_starttag(self, tag, attrs):
                self.names |= {name for name, _value in attrs}

        reader = Attributes()
        reader.names = set()
        reader.feed(article)
        assert not [name for name in reader.names if name.startswith("on") or name == "style"]

    def test_bold_and_links_stay(self):
        published_version(ru=RU.replace("Иных целей нет.", "**Важно**: <https://example.kz/a?b=1&c=2>"))
        body = page("/policy/personal-data/")
        assert "<strong>Важно</strong>" in body
        assert 'href="https://example.kz/a?b=1&amp;c=2"' in body

    def test_scripts_of_others_are_forbidden_on_every_page(self):
        published_version()
        for url in ("/policy/", "/policy/personal-data/", "/policy/personal-data/v/1/changes/"):
            policy = Client().get(url)["Content-Security-Policy"]
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy


def many(clauses: int, language: str) -> str:
    word = {"ru": "Пункт", "kk": "Тармақ"}[language]
    body = "\n\n".join(f"1.{n}. {word} {n}, слова {n * 7}." for n in range(1, clauses + 1))
    return f"# {word}\n\n## 1. {word}\n\n{body}\n"


@pytest.mark.parametrize("url", ["", "v/", "v/2/", "v/2/changes/"])
def test_the_number_of_queries_does_not_depend_on_the_number_of_clauses(url):

    counts = []
    for clauses in (3, 60):
        published_version(ru=many(clauses, "ru"), kk=many(clauses, "kk"))
        published_version(ru=many(clauses + 1, "ru"), kk=many(clauses + 1, "kk"))
        client = Client()
        with CaptureQueriesContext(
            connection,
        ) as captured:
            page(f"/policy/personal-data/{url.replace('2', str(2 if clauses == 3 else 4))}", client=client)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 10


def test_a_title_is_shown_in_russian_where_the_language_has_none():
    published_version()
    Policy.objects.update(title_kk="", title_ru="Политика МФО")
    assert "Политика МФО" in page("/policy/", "kk")
