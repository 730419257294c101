"""The letters of a version before anybody gets one: how they read, to whom they would go, a test to oneself."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from notifications import delivery, preview
from notifications.enums import LetterState, SkipReason
from notifications.models import Campaign, Letter
from policies import letters, services
from policies.enums import State
from policies.models import PolicyVersion
from staff.models import Operator, StaffUser
from subjects import audience
from subjects.enums import Standing
from tests.notifications.conftest import sink  # noqa: F401 -- a real mail server
from tests.policies.desk import at_desk, auditor, step_url, text_of
from tests.policies.factories import approved_version, author, draft
from tests.staff.factories import as_officer
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
MOMENT = datetime(2099, 1, 1, 5, 30, tzinfo=UTC)  # 10:30 in Almaty


@pytest.fixture
def ready() -> tuple[PolicyVersion, StaffUser]:
    Operator.objects.create(name_kk="Айқын", name_ru="Айкын", email="office@example.kz")
    return approved_version(significant=True)


def html_of(message) -> str:
    return message.get_body(("html",)).get_content()


def frames(response) -> list[str]:
    return [url.replace("&amp;", "&") for url in re.findall(r'<iframe[^>]* src="([^"]+)"', text_of(response))]


def test_url(version: PolicyVersion, at: datetime | None = None) -> str:
    url = reverse("admin:policies_test_letter", args=[version.pk])
    return f"{url}?at={int(at.timestamp())}" if at else url


test_url.__test__ = False


class TestAudience:
    @pytest.fixture
    def people(self) -> None:
        for language in ("kk", "kk", "kk", "ru"):
            DataSubjectFactory(language=language)
        DataSubjectFactory(email=None)
        DataSubjectFactory(email=None, language="ru")
        DataSubjectFactory(standing=Standing.DECEASED)

    def test_the_page_says_how_many_by_language_and_how_many_not_and_why(self, ready, people):
        version, second = ready
        page = " ".join(text_of(at_desk(second).get(step_url(version, "publish"))).split())
        rows = dict(re.findall(r'<tr><th scope="row">([^<]+)</th><td class="figure">(\d+)</td></tr>', page))
        assert rows == {
            "Get a letter: Қазақша": "3",
            "Get a letter: Русский": "1",
            "Get a letter: English": "0",
            "Skipped: no e-mail": "2",
            f"Left out because of their standing: {Standing.DECEASED.label}": "1",
        }
        assert "Letters go to 4 people" in page
        assert "Counted at" in page

    def test_it_is_what_publishing_then_does(self, ready, people):
        version, second = ready
        told = audience.count_people()
        with as_officer(second):
            services.publish(version, by=second)
        campaign = Campaign.objects.get()
        assert campaign.audience == {
            "queued": told.size,
            "no_address": told.no_address,
            "left_out": told.left_out,
        }
        queued = campaign.letters.filter(state=LetterState.QUEUED)
        assert {code: queued.filter(language=code).count() for code in told.by_language} == told.by_language

    def test_it_is_counted_in_one_statement(self, ready, people, django_assert_num_queries):
        with django_assert_num_queries(1):
            audience.count_people()

    def test_the_page_costs_the_same_for_one_person_and_for_many(self, ready, django_assert_max_num_queries):
        version, second = ready
        client = at_desk(second)
        client.get(step_url(version, "publish"))
        with django_assert_max_num_queries(60) as few:
            client.get(step_url(version, "publish"))
        for _ in range(5):
            DataSubjectFactory()
        with django_assert_max_num_queries(len(few)):
            client.get(step_url(version, "publish"))

    def test_a_version_without_letters_shows_none(self):
        version, second = approved_version(significant=False)
        page = at_desk(second).get(step_url(version, "publish"))
        assert "audience" not in page.context
        assert frames(page) == []
        assert "nobody" in text_of(page) or "No letters are sent" in text_of(page)


class TestPreview:
    def test_every_language_is_shown_in_its_own_words_with_its_subject_line(self, ready):
        version, second = ready
        client = at_desk(second)
        page = client.get(step_url(version, "publish"))
        shown = [text_of(client.get(url)) for url in frames(page)]
        for (language, word), letter in zip(
            (("kk", "Жаңа мақсат пайда болды."), ("ru", "Появилась новая цель."), ("en", "especially significant")),
            shown,
            strict=True,
        ):
            assert f'lang="{language}"' in letter
            assert word in letter
            subject = preview.subject(kind=letters.KIND, cause=letters.cause_of(version), language=language)
            assert f'<strong lang="{language}">{subject}</strong>' in text_of(page)

    def test_it_is_word_for_word_what_publishing_sends(self, ready, sink):  # noqa: F811
        version, second = ready
        client = at_desk(second)
        url = f"{reverse('admin:policies_letter', args=[version.pk, 'kk'])}?at={int(MOMENT.timestamp())}"
        shown = text_of(client.get(url))
        DataSubjectFactory(language="kk")
        with as_officer(second):
            services.publish(version, by=second, at=MOMENT)
        delivery.deliver_due()
        (letter,) = sink.messages()
        sent = html_of(letter)
        mine = re.compile(r"http://[^\"]*/cabinet/[^\"]*")  # the one thing that is the reader's own
        assert mine.sub("", shown).split() == mine.sub("", sent).split()
        assert "2099" in shown

    def test_the_moment_that_was_chosen_is_the_one_they_read(self, ready):
        version, second = ready
        client = at_desk(second)
        chosen = {"when": "later", "at_0": "2099-01-01", "at_1": "10:30:00", "look": "1", "number": ""}
        answer = client.post(step_url(version, "publish"), chosen)
        assert answer.url == f"{step_url(version, 'publish')}?at={int(MOMENT.timestamp())}"
        page = client.get(answer.url)
        assert page.context["form"]["when"].value() == "later"
        assert 'value="10:30:00"' in text_of(page)
        for url in frames(page):
            assert "2099" in text_of(client.get(url))
        version.refresh_from_db()
        assert version.state == State.APPROVED

    @pytest.mark.parametrize(
        "moment", [{"at_0": "", "at_1": ""}, {"at_0": "2001-01-01", "at_1": "10:00"}, {"at_0": "x", "at_1": "1"}]
    )
    def test_looking_at_a_moment_that_is_none_says_so_and_asks_for_nothing_else(self, ready, moment):
        version, second = ready
        page = at_desk(second).post(
            step_url(version, "publish"), {"when": "later", "look": "1", "number": "", **moment}
        )
        assert page.status_code == 200
        assert set(page.context["form"].errors) == {"at"}

    def test_looking_publishes_nothing_even_with_the_number_typed(self, ready):
        version, second = ready
        at_desk(second).post(step_url(version, "publish"), {"when": "now", "number": "1", "look": "1"})
        version.refresh_from_db()
        assert version.state == State.APPROVED
        assert not Letter.objects.exists()

    @pytest.mark.parametrize("at", ["soon", "99999999999999999999", "-99999999999999", "1e9"])
    def test_a_moment_that_is_no_number_of_seconds_is_not_found(self, ready, at):
        version, second = ready
        client = at_desk(second)
        for url in (step_url(version, "publish"), reverse("admin:policies_letter", args=[version.pk, "kk"])):
            assert client.get(url, {"at": at}).status_code == 404

    def test_who_sees_versions_may_read_the_letter_and_our_page_alone_may_frame_it(self, ready):
        version, _second = ready
        url = reverse("admin:policies_letter", args=[version.pk, "kk"])
        answer = at_desk(auditor()).get(url)
        assert answer.status_code == 200
        assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]
        assert at_desk(StaffUser.objects.create(username="nobody", is_staff=True)).get(url).status_code in (302, 403)

    def test_a_language_or_a_letter_that_is_not_there_is_not_found(self, ready):
        version, second = ready
        client = at_desk(second)
        assert client.get(reverse("admin:policies_letter", args=[version.pk, "de"])).status_code == 404
        silent = draft(by=author(), ru="# П\n\n1.1. Иное.\n", kk="# С\n\n1.1. Өзге.\n", significant=False)
        assert client.get(reverse("admin:policies_letter", args=[silent.pk, "kk"])).status_code == 404

    def test_signs_of_html_in_a_title_are_shown_as_they_are_sent(self, ready):
        version, _second = ready
        with as_officer(author()):
            version.policy.title_ru = "Данные & «согласия» <2>"
            version.policy.save()
        cause = letters.cause_of(version)
        assert "Данные & «согласия» <2>" in preview.subject(kind=letters.KIND, cause=cause, language="ru")
        assert "Данные &amp; «согласия» &lt;2&gt;" in preview.html(kind=letters.KIND, cause=cause, language="ru")


class TestOneToMyself:
    @pytest.fixture
    def publisher(self, ready) -> tuple[PolicyVersion, StaffUser, Client]:
        version, second = ready
        second.email = "me@example.kz"
        with as_officer(second):
            second.save()
        return version, second, at_desk(second)

    def test_it_goes_to_the_officer_alone_before_anything_is_announced(self, publisher, sink):  # noqa: F811
        version, second, client = publisher
        DataSubjectFactory()
        done = client.post(test_url(version, MOMENT), {"language": "ru"}, follow=True)
        assert done.redirect_chain[-1][0] == f"{step_url(version, 'publish')}?at={int(MOMENT.timestamp())}"
        assert "on its way to your e-mail" in text_of(done)
        delivery.deliver_due()
        (letter,) = sink.messages()
        assert letter["To"] == "me@example.kz"
        assert "Появилась новая цель." in html_of(letter)
        assert "2099" in html_of(letter)
        assert Letter.objects.get().staff == second
        assert not Campaign.objects.exists()
        version.refresh_from_db()
        assert version.state == State.APPROVED

    def test_it_may_be_asked_for_again_in_every_language(self, publisher, sink):  # noqa: F811
        version, _second, client = publisher
        for language in ("kk", "ru", "en", "ru"):
            client.post(test_url(version), {"language": language})
        delivery.deliver_due()
        assert len(sink.messages()) == 4

    def test_a_test_of_a_version_that_went_back_to_its_author_is_not_sent(self, publisher, sink):  # noqa: F811
        version, second, client = publisher
        client.post(test_url(version), {"language": "ru"})
        with as_officer(second):
            services.request_changes(version, by=second, what="Точнее.")
        delivery.deliver_due()
        assert sink.messages() == []
        assert Letter.objects.get().skip_reason == SkipReason.OUTDATED

    def test_a_letter_to_a_person_never_goes_before_publication(self, publisher, sink):  # noqa: F811
        version, _second, _client = publisher
        assert not letters.is_current(letters.cause_of(version))
        assert letters.is_current(f"{letters.cause_of(version)}.test.1")

    def test_without_an_e_mail_of_ones_own_it_is_said(self, ready):
        version, second = ready
        with as_officer(second):
            StaffUser.objects.filter(pk=second.pk).update(email="")
        done = at_desk(second).post(test_url(version), {"language": "ru"}, follow=True)
        assert "You have no e-mail in your account" in text_of(done)
        assert not Letter.objects.exists()

    def test_a_version_that_is_not_to_be_published_or_tells_nobody_has_none(self, publisher):
        _version, _second, client = publisher
        kk, ru = "# С\n\n1.1. Өзге.\n", "# П\n\n1.1. Иное.\n"
        silent = draft(by=author(), ru=ru, kk=kk, significant=True)
        done = client.post(test_url(silent), {"language": "ru"}, follow=True)
        assert not Letter.objects.exists()
        assert "cannot take this step" in text_of(done)

    @pytest.mark.parametrize("language", ["", "de", "ru; DROP"])
    def test_no_language_is_a_bad_request(self, publisher, language):
        version, _second, client = publisher
        assert client.post(test_url(version), {"language": language}).status_code == 400
        assert not Letter.objects.exists()

    def test_who_may_not_publish_sends_none(self, ready):
        version, _second = ready
        for officer in (author(), auditor()):
            assert at_desk(officer).post(test_url(version), {"language": "ru"}).status_code == 403
        assert not Letter.objects.exists()


def test_of_a_published_version_the_moment_is_its_own():
    version, second = approved_version(significant=True)
    at = timezone.now() + timedelta(days=3)
    with as_officer(second):
        version = services.publish(version, by=second, at=at)
    with translation.override("ru"):
        assert letters.context(letters.cause_of(version, at=MOMENT), "ru")["in_force_from"] == at
