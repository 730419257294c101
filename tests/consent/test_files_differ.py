"""Files of one person linked after one of them said no: what differs is seen, and one click has it count in all."""

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from consent import dashboard, known_twice, ledger, objections
from consent.grounds import reasons
from consent.models import ConsentEvent
from notifications.models import Letter
from subjects import duplicates, loans, relations
from subjects.enums import Standing
from subjects.models import DataSubject, PersonLink
from tests.consent.factories import BY_CODE, form, given, refused, version
from tests.consent.test_consent_pages import state_of, text_of
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
RIGHTS = ("consent.record_consentevent", "consent.view_consentstate", "subjects.view_datasubject")


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


def seen(person: DataSubject) -> list[tuple]:
    return [(one.said_in, one.goes_on_in) for one in known_twice.differences(person)]


def counted() -> int:
    return known_twice.links_that_differ().count()


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
    assert len(known_twice.settle(subject=two[0], by=clerk)) == 1
    carried = ConsentEvent.objects.filter(subject=two[1 - said]).latest("pk")
    assert (carried.kind, carried.reason, carried.user) == ("withdrawn", "known_twice", clerk)
    assert carried.occurred_at == withdrawal.occurred_at, "it was said then"
    assert state_of(two[1 - said], "C8") == "withdrawn"
    assert list(Letter.objects.filter(kind="consent_withdrawn").order_by("pk").values_list("subject", flat=True)) == [
        two[said].pk,
        two[1 - said].pk,
    ]
    assert seen(two[0]) == [] and counted() == 0
    assert known_twice.settle(subject=two[0], by=clerk) == []


def test_a_yes_said_after_the_no_is_the_last_word(two, clerk):
    of = version(form("C8"))
    given(two[0], of)
    no(two[0], of)
    given(two[1], of)
    unite(two)
    assert seen(two[0]) == [] and counted() == 0
    assert known_twice.settle(subject=two[1], by=clerk) == []
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
    known_twice.settle(subject=two[0], by=clerk)
    assert state_of(two[1]) == "withdrawal_deferred"
    assert seen(two[0]) == [] and counted() == 0
    loans.record_contract(subject=two[1], number=contract.number, state="performed")
    assert state_of(two[1]) == "withdrawn"


def test_an_objection_and_a_blocking_count_in_both(two, clerk):
    version(form("C8"))
    purpose = next(reason.purpose for reason in reasons(two[0]) if reason.code != "law")
    objections.object_to(subject=two[0], purpose=purpose)
    DataSubject.objects.filter(pk=two[1].pk).update(standing=Standing.BLOCKED)
    unite(two)
    rows = known_twice.differences(two[1])
    assert {(row.said_in, row.goes_on_in, row.purpose) for row in rows} == {
        (two[0], two[1], purpose),
        (two[1], two[0], None),
    }
    assert counted() == 1
    known_twice.settle(subject=two[0], by=clerk)
    assert {one.standing for one in DataSubject.objects.filter(pk__in=[one.pk for one in two])} == {Standing.BLOCKED}
    assert {row.subject_id for row in purpose.objections.in_force()} == {one.pk for one in two}
    assert seen(two[0]) == [] and counted() == 0


def test_an_ended_link_asks_for_nothing(two, clerk):
    of = version(form("C8"))
    for one in two:
        given(one, of)
    no(two[0], of)
    unite(two)
    relations.unlink(row=PersonLink.objects.get(), by=permit(StaffUserFactory(), "subjects.change_personlink"))
    assert seen(two[1]) == [] and counted() == 0
    known_twice.settle(subject=two[1], by=clerk)
    assert state_of(two[1], "C8") == "given"


def test_who_may_not_record_settles_nothing(two):
    of = version(form("C8"))
    for one in two:
        given(one, of)
    no(two[0], of)
    unite(two)
    with pytest.raises(PermissionDenied):
        known_twice.settle(subject=two[0], by=StaffUserFactory())
    assert state_of(two[1], "C8") == "given"


def test_the_page_of_the_person_says_so_and_the_click_settles_it(two, clerk):
    of = version(form("C8"))
    for one in two:
        given(one, of)
    no(two[0], of)
    unite(two)
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
    answer = client.post(settle, follow=True)
    assert "counts in all their files" in text_of(answer)
    assert state_of(two[1], "C8") == "withdrawn"
    assert settle not in client.get(page).content.decode()
    assert "nothing to do" in text_of(client.get(settle))
    assert "nothing was changed" in text_of(client.post(settle, follow=True))


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
