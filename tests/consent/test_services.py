"""What was shown and what was answered, as rows that stay."""

import hashlib

import pytest
from django.db import DatabaseError, connection, transaction

from audit.actor import acting_as
from consent import services
from consent.models import Acknowledgement, Answer, NoticeServed
from consent.notice import Notice, compose
from consent.rules import News
from policies.models import PolicyVersion
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db


def notice(version: PolicyVersion, since: PolicyVersion | None = None, *, wanted: str = "kk") -> Notice:
    return compose(News(version, since, [version], True), wanted=wanted)


def answer(person, served, answer: str = Answer.READ, *, code: str = "personal-data", number: int | None = None):
    return services.answer(
        subject=person,
        code=code,
        served_id=served.pk,
        expected_version=number or served.version.number,
        answer=answer,
    )


class TestNotice:
    def test_its_text_holds_title_version_moment_summary_and_every_changed_word(self, publish):
        first, second = publish(1), publish(2)
        text = notice(second, first).text
        for part in (
            "Саясат",
            "2",
            second.in_force_during.lower.isoformat(),
            "2-түйін.",
            "Өзге мақсат жоқ, 1-редакция.",
            "Өзге мақсат жоқ, 2-редакция.",
        ):
            assert part in text.split("\n")
        assert "Бұл" not in text
        assert notice(second, first).sha256 == hashlib.sha256(text.encode()).hexdigest()

    def test_a_language_the_version_lacks_is_russian_whole(self, publish):
        first, second = publish(1), publish(2)
        shown = notice(second, first, wanted="en")
        assert shown.language == "ru"
        assert shown.title == ("Политика", "ru")
        assert shown.summaries == [("Кратко 2.", "ru")]
        assert {change.new_text for change in shown.changes} == {"Иных целей нет, редакция 2."}

    def test_two_texts_are_compared_in_a_language_that_both_have(self, publish):
        from tests.policies.factories import RU

        first, second = publish(1), publish(2, en=RU, change_summary_en="In short.")
        shown = notice(second, first, wanted="en")
        assert shown.language == "ru", "compared in English all would be new"
        assert [change.kind for change in shown.changes] == ["reworded"]
        third = publish(3, en=RU.replace("Иных", "Прочих"))
        shown = notice(third, second, wanted="en")
        assert (shown.language, len(shown.changes)) == ("en", 1)
        assert shown.summaries == [("Кратко 3.", "ru")], "a summary nobody wrote in English says so"


class TestServe:
    def test_the_row_holds_person_version_language_and_the_digest_of_exactly_the_words(self, person, publish):
        first, second = publish(1), publish(2)
        shown = notice(second, first)
        with acting_as(f"subject:{person.public_id}"):
            served = services.serve(subject=person, notice=shown)
        served.refresh_from_db()
        assert (served.subject, served.version, served.language) == (person, second, "kk")
        assert served.sha256 == hashlib.sha256(shown.text.encode()).hexdigest()
        assert served.actor == f"subject:{person.public_id}"

    def test_the_same_words_shown_again_are_the_same_row_and_others_are_another(self, person, publish):
        first, second = publish(1), publish(2)
        once = services.serve(subject=person, notice=notice(second, first))
        assert services.serve(subject=person, notice=notice(second, first)) == once
        assert services.serve(subject=person, notice=notice(second, first, wanted="ru")) != once
        assert services.serve(subject=person, notice=notice(second)) != once
        assert services.serve(subject=DataSubjectFactory(), notice=notice(second, first)) != once
        assert NoticeServed.objects.count() == 4


class TestAnswer:
    @pytest.fixture
    def served(self, person, publish) -> NoticeServed:
        first, second = publish(1), publish(2)
        return services.serve(subject=person, notice=notice(second, first))

    @pytest.mark.parametrize("given", Answer.values)
    def test_an_answer_says_to_what_in_which_language_and_who(self, person, served, given):
        with acting_as(f"subject:{person.public_id}"):
            row = answer(person, served, given)
        row.refresh_from_db()
        assert (row.answer, row.version, row.served) == (given, served.version, served)
        assert (row.language, row.sha256) == (served.language, served.sha256)
        assert row.actor == f"subject:{person.public_id}"

    def test_the_same_answer_twice_is_one_whatever_the_language(self, person, served):
        first = answer(person, served)
        assert answer(person, served) == first
        again = services.serve(subject=person, notice=notice(served.version, wanted="ru"))
        assert answer(person, again) == first
        assert Acknowledgement.objects.count() == 1

    def test_whoever_does_not_agree_may_say_later_that_they_have_read(self, person, served):
        answer(person, served, Answer.DISAGREES)
        answer(person, served, Answer.READ)
        assert list(Acknowledgement.objects.order_by("pk").values_list("answer", flat=True)) == ["disagrees", "read"]

    def test_a_newer_version_supersedes_and_nothing_is_recorded(self, person, served, publish):
        publish(3, significant=False)
        with pytest.raises(services.Superseded):
            answer(person, served)
        assert not Acknowledgement.objects.exists()

    def test_another_number_than_the_pages_is_superseded_too(self, person, served):
        with pytest.raises(services.Superseded):
            answer(person, served, number=1)
        assert not Acknowledgement.objects.exists()

    def test_a_notice_of_another_person_or_another_policy_is_none(self, person, served):
        with pytest.raises(NoticeServed.DoesNotExist):
            answer(DataSubjectFactory(), served)
        with pytest.raises(NoticeServed.DoesNotExist):
            answer(person, served, code="another")
        assert not Acknowledgement.objects.exists()

    def test_there_is_no_third_answer(self, person, served):
        with pytest.raises(ValueError):
            answer(person, served, "consents")
        assert not Acknowledgement.objects.exists()


@pytest.mark.parametrize("statement", ["UPDATE {} SET language = 'ru'", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
@pytest.mark.parametrize("model", [NoticeServed, Acknowledgement])
def test_what_was_shown_and_answered_cannot_be_changed(person, publish, model, statement):
    served = services.serve(subject=person, notice=notice(publish(1)))
    answer(person, served)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(model._meta.db_table))
    assert model.objects.count() == 1
