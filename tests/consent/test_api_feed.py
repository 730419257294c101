"""Other systems obey what they are told: nothing is skipped, nothing doubled, and who is behind is seen."""

import threading

import pytest
from django.db import IntegrityError, connections, transaction

from audit.actor import acting_as
from consent import feed, ledger
from consent.models import Change, Subscriber
from subjects import loans
from subjects import ports as subjects
from tests.consent.factories import form, given, refused, version
from tests.consent.system import System, problem
from tests.staff.conftest import at_desk, member  # noqa: F401
from tests.subjects.factories import DataSubjectFactory


@pytest.fixture
def person(db):
    return DataSubjectFactory()


@pytest.mark.django_db
class TestWhatIsTold:
    def test_each_answer_is_told_with_what_it_leaves_and_questions_are_not(self, person):
        of = version(form("C8"))
        ledger.ask(subject=person, version=of)
        refused(person, of)
        given(person, of)
        ledger.withdraw(subject=person, form=of.form, proof=ledger.CLOCK)
        changes = System().get("/changes").json()["changes"]
        assert [(c["state"], c["covers"], c["form"], c["kind"]) for c in changes] == [
            ("refused", "nothing", "C8", "consent"),
            ("given", "everything", "C8", "consent"),
            ("withdrawn", "nothing", "C8", "consent"),
        ]
        assert {c["subject"] for c in changes} == {str(person.public_id)}
        assert [c["position"] for c in changes] == [1, 2, 3]
        assert all(c["event"] for c in changes)

    def test_a_deferred_withdrawal_leaves_the_required_uses_until_it_takes_effect(self, person):
        of = version(form("C1", scope_kind="contract"))
        contract = loans.record_contract(subject=person, number="К-1")
        given(person, of, scope=f"contract:{contract.pk}")
        ledger.withdraw(subject=person, form=of.form, scope=f"contract:{contract.pk}", proof=ledger.CLOCK)
        loans.record_contract(subject=person, number="К-1", state="performed")
        changes = [c for c in System().get("/changes").json()["changes"] if c["kind"] == "consent"]
        assert [(c["state"], c["covers"]) for c in changes] == [
            ("given", "everything"), ("withdrawal_deferred", "required"), ("withdrawn", "nothing"),
        ]  # fmt: skip
        assert {c["scope"] for c in changes} == {"contract:К-1"}

    def test_a_changed_standing_is_told(self, person):
        person.standing = "blocked"
        person.save(update_fields=["standing"])
        for handler in subjects.on_standing_changed:
            handler(person)
        (change,) = System().get("/changes").json()["changes"]
        assert (change["kind"], change["state"], change["form"], change["covers"]) == (
            "standing",
            "blocked",
            None,
            None,
        )

    def test_what_is_rolled_back_was_never_told(self, person):
        of = version(form("C8"))
        with pytest.raises(RuntimeError), transaction.atomic():
            given(person, of)
            raise RuntimeError
        assert System().get("/changes").json() == {"changes": [], "next": 0, "more": False}

    def test_pages_follow_each_other(self, person):
        of, system, after, seen = version(form("C8")), System(), 0, []
        for _time in range(5):
            given(person, of)
        while True:
            page = system.get(f"/changes?after={after}&limit=2").json()
            seen += [c["position"] for c in page["changes"]]
            after = page["next"]
            if not page["more"]:
                break
        assert seen == [1, 2, 3, 4, 5]
        assert system.get(f"/changes?after={after}").json()["changes"] == []

    @pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=501", f"after={2**63}"])
    def test_a_bad_place_is_told(self, query):
        problem(System().get(f"/changes?{query}"), 422, "invalid")

    def test_a_told_change_is_changed_by_nobody(self, person):
        given(person, version(form("C8")))
        for act in (lambda: Change.objects.update(state="refused"), lambda: Change.objects.all().delete()):
            with pytest.raises(IntegrityError), transaction.atomic():
                act()
        feed.number()
        with pytest.raises(IntegrityError), transaction.atomic():
            Change.objects.update(position=7)


def in_another_transaction(work, opened: threading.Event, end: threading.Event, failed: list) -> threading.Thread:
    """Do `work` in a transaction of its own that commits when `end` is set."""

    def run() -> None:
        try:
            with acting_as("job:test"), transaction.atomic():
                work()
                opened.set()
                end.wait(30)
        except Exception as error:
            failed.append(error)
            opened.set()
        finally:
            connections["default"].close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_what_commits_late_is_behind_what_was_read_and_is_not_skipped():
    early, late = DataSubjectFactory(), DataSubjectFactory()
    of = version(form("C8"))
    opened, end, failed = threading.Event(), threading.Event(), []
    # the row of `early` is written first and committed last
    thread = in_another_transaction(lambda: given(early, of), opened, end, failed)
    assert opened.wait(30)
    given(late, of)
    first = feed.after(0, limit=10)
    assert [(c.position, c.subject) for c in first] == [(1, late)], "an open transaction delays nobody"
    assert first[0].pk > 1
    end.set()
    thread.join(30)
    assert not failed
    second = feed.after(first[-1].position, limit=10)
    assert [(c.position, c.subject) for c in second] == [(2, early)]
    assert second[0].pk < first[0].pk, "by the order of writing it would have been skipped"


@pytest.mark.django_db(transaction=True)
def test_readers_at_once_number_every_change_once():
    people, of = [DataSubjectFactory() for _n in range(6)], version(form("C8"))
    for person in people:
        given(person, of)
    start, seen = threading.Barrier(4), []

    def read() -> None:
        try:
            start.wait(30)
            seen.append([(c.position, c.subject_id) for c in feed.after(0, limit=50)])
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=read) for _n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert seen == [[(n, person.pk) for n, person in enumerate(people, start=1)]] * 4


@pytest.mark.django_db
class TestAcknowledging:
    def test_who_has_not_obeyed_is_behind_until_they_say_so(self, person):
        system = System("dialler")
        subscriber = Subscriber.objects.create(client=system.client)
        assert feed.behind(subscriber) == (0, None)
        of = version(form("C8"))
        given(person, of)
        first = Change.objects.get()
        ledger.withdraw(subject=person, form=of.form, proof=ledger.CLOCK)
        assert feed.behind(subscriber) == (2, first.recorded_at)
        system.get("/changes")
        assert feed.behind(subscriber).count == 2, "reading is not obeying"
        assert system.post("/changes/acknowledge", {"up_to": 1}).json() == {"acknowledged": 1, "behind": 1}
        assert system.post("/changes/acknowledge", {"up_to": 2}).json() == {"acknowledged": 2, "behind": 0}
        assert system.post("/changes/acknowledge", {"up_to": 1}).json()["acknowledged"] == 2
        rows = Subscriber.history.filter(acknowledged__gt=0).order_by("history_id")
        assert [(row.acknowledged, row.actor) for row in rows] == [(1, "api:dialler"), (2, "api:dialler")]

    def test_nobody_obeys_what_was_not_told_yet_nor_without_following(self, person):
        system = System()
        problem(system.post("/changes/acknowledge", {"up_to": 0}), 409, "not_a_subscriber")
        Subscriber.objects.create(client=system.client)
        (error,) = problem(system.post("/changes/acknowledge", {"up_to": 1}), 422, "invalid")["errors"]
        assert error["field"] == "up_to"

    def test_the_page_shows_who_is_behind_and_since_when(self, person, member, at_desk):  # noqa: F811
        system = System("dialler")
        subscriber = Subscriber.objects.create(client=system.client)
        given(person, version(form("C8")))
        page = at_desk(member("dpo")).get("/admin/consent/subscriber/").content.decode()
        assert "dialler" in page
        assert '<td class="field-behind">1</td>' in page
        changing = at_desk(member("auditor")).post(f"/admin/consent/subscriber/{subscriber.pk}/change/", {"url": ""})
        assert changing.status_code == 403
