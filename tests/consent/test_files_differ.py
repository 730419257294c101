"""Files of one person linked after one of them said no: what differs is seen, and one click has it count in all."""

import threading

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.actor import acting_as, because
from consent import dashboard, known_twice, ledger, objections, terms
from consent.acts import Proof
from consent.enums import Channel, Trust
from consent.grounds import reasons
from consent.models import ConsentEvent, ConsentFormVersion, Objection
from notifications.models import Letter
from subjects import duplicates, loans, relations, request_acts
from subjects.enums import Standing
from subjects.models import DataSubject, PersonLink, SubjectRequest
from tests.consent.factories import BY_CODE, form, given, purpose, refused, version
from tests.consent.test_consent_pages import state_of, text_of
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
RIGHTS = (
    "consent.record_consentevent",
    "subjects.add_personlink",
    "consent.view_consentstate",
    "subjects.view_datasubject",
)


@pytest.fixture
def two(db) -> tuple[DataSubject, DataSubject]:
    """Two files, not linked yet."""
    return DataSubjectFactory(), DataSubjectFactory()


@pytest.fixture
def clerk(db):
    with as_officer(by := permit(StaffUserFactory(), *RIGHTS)):
        yield by


def no(person: DataSubject, of) -> ConsentEvent:
    return ledger.withdraw(subject=person, form=of.form, proof=BY_CODE)


def unite(two) -> None:
    duplicates.unite(leading=two[0], following=two[1])


def linked_after_a_no(two, code: str = "C8", *, said: int = 0) -> ConsentEvent:
    """Both files consented, one withdrew, and only then were they linked; the withdrawal."""
    of = version(form(code))
    for one in two:
        given(one, of)
    withdrawal = no(two[said], of)
    unite(two)
    return withdrawal


def seen(person: DataSubject) -> list[tuple]:
    return [(one.said_in, one.goes_on_in) for one in known_twice.differences(person)]


def counted() -> int:
    return known_twice.waiting()[0]


def settle(person: DataSubject, by) -> int:
    return known_twice.settle(subject=person, by=by, seen=known_twice.mark(known_twice.differences(person)))


@pytest.mark.parametrize("said", [0, 1])
def test_a_no_said_before_the_link_is_seen_from_both_files_and_counts_in_both_when_an_officer_says_so(two, clerk, said):
    of = version(form("C8"))
    for one in two:
        given(one, of)
    withdrawal = no(two[said], of)
    assert seen(two[0]) == [] and counted() == 0
    unite(two)
    assert state_of(two[1 - said], "C8") == "given", "a link alone changes nothing"
    assert seen(two[0]) == seen(two[1]) == [(two[said], two[1 - said])]
    assert counted() == 1
    assert settle(two[0], clerk) == 1
    carried = ConsentEvent.objects.filter(subject=two[1 - said]).latest("pk")
    assert (carried.kind, carried.reason, carried.user) == ("withdrawn", "known_twice", clerk)
    assert carried.occurred_at == withdrawal.occurred_at, "it was said then"
    assert state_of(two[1 - said], "C8") == "withdrawn"
    assert list(Letter.objects.filter(kind="consent_withdrawn").order_by("pk").values_list("subject", flat=True)) == [
        two[said].pk,
        two[1 - said].pk,
    ]
    assert seen(two[0]) == [] and counted() == 0
    assert settle(two[0], clerk) == 0


def test_a_yes_said_after_the_no_is_the_last_word(two, clerk):
    of = version(form("C8"))
    given(two[0], of)
    no(two[0], of)
    given(two[1], of)
    unite(two)
    assert seen(two[0]) == [] and counted() == 0
    assert settle(two[1], clerk) == 0
    assert state_of(two[1], "C8") == "given"


def test_who_consented_again_in_the_same_file_says_no_nowhere(two):
    of = version(form("C8"))
    for one in two:
        given(one, of)
    no(two[0], of)
    given(two[0], of)
    unite(two)
    assert seen(two[0]) == [] and counted() == 0


def test_a_refusal_and_another_form_are_no_withdrawal_of_this_one(two):
    c8, c9 = version(form("C8")), version(form("C9"))
    given(two[1], c8)
    refused(two[0], c8)
    given(two[0], c9)
    no(two[0], c9)
    unite(two)
    assert seen(two[0]) == [] and counted() == 0


def test_an_open_loan_of_the_other_file_holds_its_consent_until_it_is_performed(two, clerk):
    of = version(form("C1"))
    for one in two:
        given(one, of)
    contract = loans.record_contract(subject=two[1], number="K-9")
    no(two[0], of)
    unite(two)
    settle(two[0], clerk)
    assert state_of(two[1]) == "withdrawal_deferred"
    assert seen(two[0]) == [] and counted() == 0
    loans.record_contract(subject=two[1], number=contract.number, state="performed")
    assert state_of(two[1]) == "withdrawn"


def test_an_objection_and_a_blocking_count_in_both(two, clerk):
    version(form("C8"))
    use = next(reason.purpose for reason in reasons(two[0]) if reason.code != "law")
    objections.object_to(subject=two[0], purpose=use)
    DataSubject.objects.filter(pk=two[1].pk).update(standing=Standing.BLOCKED)
    unite(two)
    rows = known_twice.differences(two[1])
    assert {(row.said_in, row.goes_on_in, row.purpose) for row in rows} == {
        (two[0], two[1], use),
        (two[1], two[0], None),
    }
    assert counted() == 1
    settle(two[0], clerk)
    assert {one.standing for one in DataSubject.objects.filter(pk__in=[one.pk for one in two])} == {Standing.BLOCKED}
    assert {row.subject_id for row in use.objections.in_force()} == {one.pk for one in two}
    assert seen(two[0]) == [] and counted() == 0


def test_an_ended_link_asks_for_nothing(two, clerk):
    linked_after_a_no(two)
    relations.unlink(row=PersonLink.objects.get(), by=permit(StaffUserFactory(), "subjects.change_personlink"))
    assert seen(two[1]) == [] and counted() == 0
    settle(two[1], clerk)
    assert state_of(two[1], "C8") == "given"


@pytest.mark.parametrize("right", ["consent.record_consentevent", "subjects.add_personlink"])
def test_who_may_not_both_record_and_link_settles_nothing(two, right):
    linked_after_a_no(two)
    with pytest.raises(PermissionDenied):
        settle(two[0], permit(StaffUserFactory(), right))
    assert state_of(two[1], "C8") == "given"


def test_the_page_of_the_person_says_so_and_the_click_settles_it(two, clerk):
    linked_after_a_no(two)
    client = Client(headers={"accept-language": "en"})
    client.force_login(clerk)
    page, settle = (
        reverse("admin:subjects_datasubject_change", args=[two[1].pk]),
        reverse("admin:consent_known_twice", args=[two[1].pk]),
    )
    assert settle in client.get(page).content.decode()
    assert settle not in client.get(page, {"at": "2026-01-01"}).content.decode()
    before = text_of(client.get(settle))
    assert str(two[0]) in before and str(two[1]) in before and "cannot be taken back" in before
    assert state_of(two[1], "C8") == "given", "a look changes nothing"
    assert client.post(settle, {"seen": "what another page said"}).status_code == 409
    assert state_of(two[1], "C8") == "given", "nobody settles what they did not see"
    found = known_twice.differences(two[1])
    answer = client.post(settle, {"seen": known_twice.mark(found)}, follow=True)
    assert "counts in all their files" in text_of(answer)
    assert state_of(two[1], "C8") == "withdrawn"
    assert settle not in client.get(page).content.decode()
    assert "nothing to do" in text_of(client.get(settle))
    seen = known_twice.mark([])
    assert "nothing was changed" in text_of(client.post(settle, {"seen": seen}, follow=True))


def test_home_counts_them_for_who_may_settle_them_at_a_constant_price(two, clerk, rf, django_assert_num_queries):
    of = version(form("C8"))
    request = rf.get("/")
    request.user = clerk
    assert dashboard.files_that_differ(request) == []
    for pair in (two, (DataSubjectFactory(), DataSubjectFactory())):
        for one in pair:
            given(one, of)
        no(pair[0], of)
        unite(pair)
    clerk.has_perm("x.y")
    with django_assert_num_queries(1):
        (need,) = dashboard.files_that_differ(request)
    assert (need.count, need.url) == (2, reverse("admin:consent_known_twice", args=[two[0].pk]))
    request.user = StaffUserFactory()
    assert dashboard.files_that_differ(request) == []


# home and page say the same, whatever was said after the no


def test_a_no_that_is_not_the_last_word_is_counted_nowhere(two, clerk):
    """A consent again that has ended since: the last word of the person was a yes."""
    of = version(form("C8"))
    given(two[1], of)
    given(two[0], of)
    no(two[0], of)
    given(two[0], of)
    with acting_as("job:test"):
        terms.end(subject=two[0], form=of.form, reason="term")
    assert state_of(two[0], "C8") not in ("given", "renewed")
    unite(two)
    assert seen(two[1]) == [] and counted() == 0


def test_of_three_files_the_word_of_any_is_the_persons(two, clerk):
    of, third = version(form("C8")), DataSubjectFactory()
    for one in (*two, third):
        given(one, of)
    no(third, of)
    duplicates.unite(leading=two[0], following=two[1])
    duplicates.unite(leading=two[0], following=third)
    assert set(seen(two[1])) == {(third, two[0]), (third, two[1])} and counted() == 1
    given(two[0], of)
    assert seen(two[1]) == [] and counted() == 0
    no(two[0], of)  # linked by now: it reaches every file
    assert state_of(two[1], "C8") == "withdrawn" and counted() == 0


def test_two_that_follow_one_are_compared_too(two, clerk):
    of, leading = version(form("C8")), DataSubjectFactory()
    for one in two:
        given(one, of)
    no(two[0], of)
    for one in two:
        duplicates.unite(leading=leading, following=one)
    assert seen(leading) == [(two[0], two[1])]
    assert known_twice.waiting() == (1, leading.pk)
    settle(leading, clerk)
    assert state_of(two[1], "C8") == "withdrawn" and counted() == 0


def test_who_is_blocked_and_withdrew_is_restricted_when_the_blocking_ends(two, clerk):
    of = version(form("C1"))
    for one in two:
        given(one, of)
    no(two[0], of)
    with because("test"):
        DataSubject.objects.filter(pk=two[0].pk).update(standing=Standing.BLOCKED)
    unite(two)
    assert settle(two[1], clerk) == 2
    request = SubjectRequest(subject=two[1])
    request_acts.unblock(request, clerk)
    assert DataSubject.objects.get(pk=two[1].pk).standing == Standing.RESTRICTED


def test_a_no_that_an_import_brought_is_told_to_the_person(two, clerk):
    of = version(form("C8"))
    given(two[1], of)
    given(two[0], of)
    imported = Proof(Channel.IMPORTED.value, Trust.IMPORTED)
    ledger.withdraw(subject=two[0], form=of.form, proof=imported)
    unite(two)
    settle(two[0], clerk)
    assert list(Letter.objects.filter(kind="consent_withdrawn").values_list("subject", flat=True)) == [two[1].pk]
    assert ConsentEvent.objects.filter(subject=two[1]).latest("pk").channel == Channel.SYSTEM


def test_what_a_law_demands_by_now_hinders_nothing_else(two, clerk):
    of = version(form("C8"))
    for one in two:
        given(one, of)
    no(two[0], of)
    Objection.objects.create(
        subject=two[0], purpose=purpose("reports", ground="law"), in_force_during=(timezone.now(), None)
    )
    unite(two)
    assert settle(two[0], clerk) == 1
    assert counted() == 0


def test_nothing_goes_on_in_a_file_of_the_dead(two):
    of = version(form("C8"))
    for one in two:
        given(one, of)
    no(two[0], of)
    unite(two)
    assert counted() == 1
    DataSubject.objects.filter(pk__in=[one.pk for one in two]).update(standing=Standing.DECEASED)
    assert seen(two[0]) == [] and counted() == 0


def test_the_page_says_whom_a_consent_is_about(two, clerk):
    of = version(form("C3", scope_kind="recipient"))
    for one in two:
        given(one, of, scope="recipient:bureau-x")
    ledger.withdraw(subject=two[0], form=of.form, scope="recipient:bureau-x", proof=BY_CODE)
    unite(two)
    client = Client(headers={"accept-language": "en"})
    client.force_login(clerk)
    assert "recipient: bureau-x" in text_of(client.get(reverse("admin:consent_known_twice", args=[two[1].pk])))


@pytest.mark.django_db(transaction=True)
def test_an_officer_who_settles_and_a_person_who_answers_do_not_wait_for_each_other_for_ever(two, clerk):
    linked_after_a_no(two)
    of = ConsentFormVersion.objects.get()
    started, failed = threading.Barrier(2), []

    def at_once(actor, act):
        try:
            started.wait()
            with acting_as(actor):
                act()
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    for _round in range(5):
        both = [
            threading.Thread(target=at_once, args=[f"officer:{clerk.pk}", lambda: settle(two[1], clerk)]),
            threading.Thread(target=at_once, args=[f"subject:{two[1].public_id}", lambda: given(two[1], of)]),
        ]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
    assert [error for error in failed if not isinstance(error, ValidationError)] == []
