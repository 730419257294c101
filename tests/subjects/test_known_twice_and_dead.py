"""A death is of the person: it reaches every file of theirs, and so does its undoing (ADR 17)."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from notifications.models import Letter
from subjects import audience, deaths, duplicates, relations
from subjects.enums import IndexKind, Standing
from subjects.models import DataSubject, Death
from subjects.search import digest
from tests.staff.factories import as_officer
from tests.subjects.factories import DataSubjectFactory
from tests.subjects.test_life_events import author, die, second  # noqa: F401

pytestmark = pytest.mark.django_db
PHONE = "+77011112233"


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


def linked(**following) -> list[DataSubject]:
    """The file that leads, the one that follows, both with an e-mail."""
    files = [DataSubjectFactory(phone=PHONE), DataSubjectFactory(**following)]
    duplicates.unite(leading=files[0], following=files[1])
    return files


def standings(files) -> list[str]:
    return [DataSubject.objects.get(pk=one.pk).standing for one in files]


def told(cause: str) -> set[int]:
    campaign = audience.write(kind="policy_changed", cause=cause)
    return set(Letter.objects.filter(campaign=campaign, state="queued").values_list("subject", flat=True))


@pytest.mark.parametrize("recorded_in", [0, 1])
def test_a_death_stops_letters_cabinet_and_representatives_of_both_files(author, recorded_in):  # noqa: F811
    files, friend = linked(), DataSubjectFactory()
    for one in files:
        relations.authorise(
            subject=one, representative=friend, basis="guardian", acts=["ask"], document_kind="court_act",
            last_four="1234", by=author,
        )  # fmt: skip
    assert told("x:1#y") == {files[0].pk, friend.pk}
    row = die(files[recorded_in], author)
    assert row.subject == files[recorded_in]
    assert standings(files) == [Standing.DECEASED] * 2
    assert told("x:2#y") == {friend.pk}
    assert DataSubject.addresses([one.pk for one in files], notices=False) == {}
    assert duplicates.whose(IndexKind.PHONE, digest(IndexKind.PHONE, PHONE)) is None
    assert relations.acting_for(friend) == []
    assert not any(relations.may_act_for(representative=friend, subject=one, act="ask") for one in files)
    assert sorted(row.subject_id for row in Death.objects.all()) == [one.pk for one in files]


@pytest.mark.parametrize("undone_in", [0, 1])
def test_two_undo_it_in_both_files_and_each_stands_as_before(author, second, undone_in):  # noqa: F811
    files = linked(standing=Standing.RESTRICTED)
    die(files[0], author)
    row = Death.objects.get(subject=files[undone_in])
    with as_officer(author):
        deaths.propose_undo(row=row, by=author)
    with as_officer(second):
        row = deaths.undo(row=row, by=second)
    assert not row.stands and not Death.objects.filter(undone_at=None).exists()
    assert standings(files) == [Standing.ORDINARY, Standing.RESTRICTED]
    assert Letter.objects.filter(kind="death_undone", subject__in=files).count() == 1, "the person is told once"


def test_nobody_is_linked_dead_in_one_file_and_alive_in_the_other(author):  # noqa: F811
    dead, alive, erased = DataSubjectFactory(), DataSubjectFactory(), DataSubjectFactory(standing=Standing.ERASED)
    die(dead, author)
    for leading, following in ((dead, alive), (alive, dead)):
        with pytest.raises(ValidationError, match="record the death in the other one first"):
            duplicates.unite(leading=leading, following=following)
    duplicates.unite(leading=dead, following=erased)
    die(alive, author)
    duplicates.unite(leading=dead, following=alive)


def test_an_erased_file_stays_erased(author, second):  # noqa: F811
    files = linked(standing=Standing.ERASED)
    row = die(files[0], author)
    assert standings(files) == [Standing.DECEASED, Standing.ERASED]
    with as_officer(author):
        deaths.propose_undo(row=row, by=author)
    with as_officer(second):
        deaths.undo(row=row, by=second)
    assert standings(files) == [Standing.ORDINARY, Standing.ERASED]


@pytest.mark.parametrize("standing", [one for one in Standing if one not in (Standing.ERASED, Standing.DECEASED)])
def test_who_may_not_be_told_by_the_file_that_leads_is_not_told_by_the_other(standing):
    leading, following = linked()
    DataSubject.objects.filter(pk=leading.pk).update(standing=standing)
    assert following.pk not in told("x:1#y")


def test_a_file_whose_leading_one_is_erased_is_told():
    leading, following = linked()
    DataSubject.objects.filter(pk=leading.pk).update(standing=Standing.ERASED)
    assert told("x:1#y") == {following.pk}
