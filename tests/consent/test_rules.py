"""Who is asked to look at a policy, since when, and compared with what."""

from datetime import timedelta

import pytest
from django.utils import timezone

from consent.models import Acknowledgement, Answer, NoticeServed
from consent.rules import pending
from policies.models import PolicyVersion
from subjects.models import DataSubject
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db


def answered(person: DataSubject, version: PolicyVersion, answer: str = Answer.READ) -> None:
    served = NoticeServed.objects.create(subject=person, version=version, language="kk", sha256="0" * 64)
    Acknowledgement.objects.create(
        subject=person, version=version, served=served, answer=answer, language="kk", sha256="0" * 64
    )


def waiting(person: DataSubject) -> tuple[int, int | None, list[int]] | None:
    """(version to read, compared with which, of which significant changes it tells)."""
    found = pending(person)
    if not found:
        return None
    (news,) = found
    return news.version.number, news.since and news.since.number, [version.number for version in news.told]


def test_nothing_waits_where_nothing_is_published_or_only_lesser_changes(person, publish):
    assert waiting(person) is None
    publish(1, significant=False)
    publish(2, significant=False)
    assert waiting(person) is None


def test_a_significant_version_waits_until_answered(person, publish):
    publish(1, significant=False)
    second = publish(2)
    assert waiting(person) == (2, 1, [2])
    answered(person, second)
    assert waiting(person) is None
    publish(3)
    assert waiting(person) == (3, 2, [3])


def test_either_answer_is_an_answer(person, publish):
    publish(1, significant=False)
    answered(person, publish(2), Answer.DISAGREES)
    assert waiting(person) is None


def test_the_answer_of_another_person_is_not_mine(person, publish):
    answered(DataSubjectFactory(), publish(1))
    assert waiting(person) == (1, None, [1])


def test_a_version_that_will_come_into_force_waits_already(person, publish):
    publish(1, significant=False)
    publish(2, at=timezone.now() + timedelta(days=10))
    assert waiting(person) == (2, 1, [2])


def test_a_significant_change_nobody_answered_is_not_lost_when_a_lesser_one_follows(person, publish):
    publish(1, significant=False)
    publish(2)
    publish(3, significant=False)
    assert waiting(person) == (3, 1, [2])


def test_two_changes_that_wait_are_told_together_against_what_the_person_knew(person, publish):
    answered(person, publish(1))
    publish(2)
    publish(3, significant=False)
    publish(4)
    assert waiting(person) == (4, 1, [2, 4])


def test_after_an_answer_only_what_came_later_is_told(person, publish):
    publish(1)
    answered(person, publish(2))
    publish(3)
    assert waiting(person) == (3, 2, [3])


def test_the_first_text_of_all_is_compared_with_nothing(person, publish):
    publish(1)
    assert waiting(person) == (1, None, [1])


def test_later_ones_are_compared_with_it_even_if_it_was_never_answered(person, publish):
    publish(1)
    publish(2)
    assert waiting(person) == (2, 1, [2])
    publish(3, significant=False)
    assert waiting(person) == (3, 1, [2])


def test_the_first_text_waits_on_behind_a_lesser_one(person, publish):
    publish(1)
    publish(2, significant=False)
    assert waiting(person) == (2, 1, [])


def test_whoever_came_later_is_shown_the_last_change_only(publish):
    for n in (1, 2, 3):
        publish(n)
    newcomer = DataSubjectFactory()
    assert waiting(newcomer) == (3, 2, [3])


def test_drafts_wait_for_nobody(person, publish):
    from tests.policies.factories import approved_version

    publish(1, significant=False)
    approved_version(significant=True)
    assert waiting(person) is None


def test_as_many_queries_for_many_versions_as_for_one(person, publish, django_assert_num_queries):
    publish(1)
    with django_assert_num_queries(2):
        assert waiting(person)
    for n in (2, 3, 4):
        publish(n)
    with django_assert_num_queries(2):
        assert waiting(person)
