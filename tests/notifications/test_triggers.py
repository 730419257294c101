"""What the database refuses about letters whoever asks: the ORM, raw SQL, and a session that told pgtrigger to look
away. `Letter` has no history, so nothing that a history would have to show may happen to it."""

import pytest
from django.db import IntegrityError, connection, transaction

from notifications.enums import TERMINAL, LetterState
from notifications.models import Letter
from tests.audit.conftest import every_trigger
from tests.notifications.factories import CampaignFactory, LetterFactory, campaign_to
from tests.staff.factories import StaffUserFactory, as_officer
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db

REASON = {LetterState.SKIPPED: "outdated"}


@pytest.fixture(autouse=True, params=[False, True], ids=["", "pgtrigger.ignore"])
def _looking_away(request):
    """Every refusal holds when the session asked pgtrigger to skip its triggers."""
    if request.param:
        sql("SELECT set_config('pgtrigger.ignore', %s, true)", every_trigger())


def sql(statement: str, *params) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


@pytest.fixture
def letter(db) -> Letter:
    return campaign_to([DataSubjectFactory()]).letters.get()


def letter_in(state: str) -> Letter:
    return LetterFactory(subject=DataSubjectFactory(), state=state, skip_reason=REASON.get(state, ""))


def refused(sentence: str):
    return pytest.raises(IntegrityError, match=sentence)


OTHER = {
    "subject": lambda: {"subject_id": DataSubjectFactory().pk},
    "addressee": lambda: {"subject_id": None, "staff_id": StaffUserFactory().pk},
    "kind": lambda: {"kind": "sign_in_code"},
    "cause": lambda: {"cause": "tests.Sample:999999#sample"},
    "campaign": lambda: {"campaign_id": CampaignFactory().pk},
    "no campaign": lambda: {"campaign_id": None},
    "number": lambda: {"id": 999_999},
    "birth": lambda: {"created_at": "2020-01-01T00:00Z"},
}


@pytest.mark.parametrize("other", OTHER.values(), ids=OTHER)
def test_a_letter_does_not_become_another_one(letter, other):
    changed = other()
    was = Letter.objects.filter(pk=letter.pk).values().get()
    sets = ", ".join(f"{column} = %s" for column in changed)
    for act in (
        lambda: Letter.objects.filter(pk=letter.pk).update(**changed),
        lambda: sql(f"UPDATE notifications_letter SET {sets} WHERE id = %s", *changed.values(), letter.pk),
        # in passing, while the state goes its lawful way
        lambda: sql(f"UPDATE notifications_letter SET state = 'sending', {sets}", *changed.values()),
    ):
        with refused(f"letter {letter.pk} stays what it is"), transaction.atomic():
            act()
    assert Letter.objects.filter(pk=letter.pk).values().get() == was


def test_one_bad_row_of_many_stops_the_whole_statement():
    campaign_to([DataSubjectFactory() for _ in range(3)])
    last = Letter.objects.latest("pk")
    with refused("stays what it is"), transaction.atomic():
        sql(
            "UPDATE notifications_letter SET state = 'sending', kind = CASE WHEN id = %s THEN 'forged' ELSE kind END",
            last.pk,
        )
    assert Letter.objects.filter(state="queued", kind="sample").count() == 3


@pytest.mark.parametrize("state", LetterState.values)
def test_no_letter_is_deleted_in_any_state(state):
    letter = letter_in(state)
    for act in (
        letter.delete,
        Letter.objects.all().delete,
        lambda: sql("DELETE FROM notifications_letter WHERE id = %s", letter.pk),
        lambda: sql("WITH gone AS (DELETE FROM notifications_letter RETURNING id) SELECT count(*) FROM gone"),
        lambda: sql("TRUNCATE notifications_letter CASCADE"),
    ):
        sql("SET CONSTRAINTS ALL IMMEDIATE")  # TRUNCATE waits for no deferred check
        with refused("nothing in notifications_letter is deleted"), transaction.atomic():
            act()
    assert Letter.objects.filter(pk=letter.pk, state=state).exists()


@pytest.mark.parametrize("to", LetterState.values)
@pytest.mark.parametrize("state", TERMINAL)
def test_from_a_terminal_state_only_an_uncertain_letter_goes_back_to_the_queue(state, to):
    letter = letter_in(state)
    if to == state:
        return
    officer = StaffUserFactory()
    reason = REASON.get(to, "")
    if (state, to) == (LetterState.UNCERTAIN, LetterState.QUEUED):
        # not by a job, a command or a person in the cabinet
        with refused("does not become"), transaction.atomic():
            Letter.objects.filter(pk=letter.pk).update(state=to)
        with as_officer(officer):
            assert Letter.objects.filter(pk=letter.pk).update(state=to) == 1
        return
    with as_officer(officer), refused("does not become"), transaction.atomic():
        Letter.objects.filter(pk=letter.pk).update(state=to, skip_reason=reason)


def test_its_lawful_way_is_open(letter):
    for changes in (
        {"state": "sending", "attempts": 1},
        {"state": "deferred"},
        {"state": "sending", "attempts": 2},
        {"state": "sent"},
    ):
        assert Letter.objects.filter(pk=letter.pk).update(**changes) == 1
    letter.refresh_from_db()
    letter.save()  # mentions every column and changes none
