"""What one proposes and another approves: the verbs of staff.opening, and what the database holds to without them."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone, translation

from audit.actor import acting_as
from consent.enums import StartsOn
from consent.models import DataList, DataListEntry, RetentionRule
from staff import opening
from staff.models import StaffUser
from subjects import registers
from subjects.models import DataCategory
from tests.staff.conftest import refused
from tests.staff.factories import StaffUserFactory, as_officer, permit

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer(db) -> StaffUser:
    return permit(StaffUserFactory(), "consent.add_retentionrule", "consent.add_datalist")


@pytest.fixture
def dpo(db) -> StaffUser:
    return permit(StaffUserFactory(), "consent.approve_retentionrule", "consent.approve_datalist")


def rule(duration: str = "P1Y", code: str = "calls", **changes) -> RetentionRule:
    fields = {"title_kk": "Қоңыраулар", "title_ru": "Звонки", "retention_class": "technical"}
    return RetentionRule(code=code, duration=duration, starts_on=StartsOn.COLLECTED, **{**fields, **changes})


def proposed(by: StaffUser, duration: str = "P1Y", code: str = "calls") -> RetentionRule:
    with as_officer(by):
        return opening.propose(rule(duration, code), by=by)


def approved(row: RetentionRule, by: StaffUser, at=None) -> RetentionRule:
    with as_officer(by):
        return opening.approve(row, by=by, at=at)


def in_force(at=None) -> list[str]:
    return list(RetentionRule.objects.in_force(at).values_list("duration", flat=True))


class TestOpening:
    def test_a_proposal_is_not_in_force_until_a_second_person_approved_it(self, officer, dpo):
        row = proposed(officer)
        assert in_force() == []
        assert list(RetentionRule.objects.waiting()) == [row]
        row = approved(row, dpo)
        assert in_force() == ["P1Y"]
        assert (row.proposed_by, row.approved_by) == (officer, dpo)
        assert not RetentionRule.objects.waiting().exists()

    def test_whoever_proposed_it_does_not_approve_it_whatever_rights_they_hold(self, officer):
        both = permit(officer, "consent.approve_retentionrule")
        row = proposed(both)
        with as_officer(both), refused("four_eyes"):
            opening.approve(row, by=both)
        with as_officer(both), pytest.raises(IntegrityError), transaction.atomic():
            RetentionRule.objects.filter(pk=row.pk).update(
                approved_by=both, approved_at=timezone.now(), in_force_during=(timezone.now(), None)
            )
        assert in_force() == []

    def test_a_change_takes_the_place_of_what_is_in_force_at_one_instant(self, officer, dpo):
        old = approved(proposed(officer, "P1Y"), dpo)
        new = proposed(officer, "P2Y")
        assert in_force() == ["P1Y"], "what is in force stays until the change is approved"
        new = approved(new, dpo)
        old.refresh_from_db()
        assert old.in_force_during.upper == new.in_force_during.lower
        assert (old.closing_proposed_by, old.closing_approved_by) == (officer, dpo)
        assert in_force() == ["P2Y"]
        assert in_force(old.in_force_during.lower) == ["P1Y"], "and the past stays what it was"

    def test_a_change_for_a_later_day_waits_for_it(self, officer, dpo):
        approved(proposed(officer, "P1Y"), dpo)
        later = timezone.now() + timedelta(days=10)
        approved(proposed(officer, "P2Y"), dpo, at=later)
        assert in_force() == ["P1Y"]
        assert in_force(later) == ["P2Y"]

    def test_nothing_takes_effect_in_the_past_or_before_what_it_replaces(self, officer, dpo):
        row = proposed(officer)
        with as_officer(dpo), refused("past"):
            opening.approve(row, by=dpo, at=timezone.now() - timedelta(minutes=1))
        approved(row, dpo, at=timezone.now() + timedelta(days=10))
        change = proposed(officer, "P3Y")
        with as_officer(dpo), refused("overlap"):
            opening.approve(change, by=dpo)

    def test_while_one_change_waits_another_one_of_the_same_thing_is_told_so(self, officer, dpo):
        old = approved(proposed(officer), dpo)
        proposed(officer, "P2Y")
        with as_officer(officer):
            with refused("waiting"):
                opening.propose(rule("P3Y"), by=officer)
            with refused("waiting"):
                opening.propose_closing(old, by=officer)
            opening.propose(rule("P3Y", code="other"), by=officer)
        assert RetentionRule.objects.count() == 3

    def test_without_the_right_nobody_proposes_or_approves(self, officer, dpo):
        row = proposed(officer)
        with as_officer(dpo), refused("permission"):
            opening.propose(rule(code="x"), by=dpo)
        other = permit(StaffUserFactory(), "consent.add_retentionrule")
        for act in (opening.approve, opening.decline):
            with as_officer(other), refused("permission"):
                act(row, by=other)

    @pytest.mark.parametrize("language", ["kk", "ru", "en"])
    def test_whoever_reads_another_language_proposes_too(self, officer, language):
        with translation.override(language):
            assert proposed(officer).title_en in (None, "")

    def test_what_is_wrong_with_a_proposal_is_a_sentence_and_nothing_is_written(self, officer):
        for wrong in (rule("5 years"), rule(retention_class=""), rule(title_ru="Звонок Айгерим, +77011234567")):
            with as_officer(officer), pytest.raises(ValidationError) as caught, transaction.atomic():
                opening.propose(wrong, by=officer)
            assert all(len(message) > 10 for message in caught.value.messages)
        assert not RetentionRule.objects.exists()


class TestDeclining:
    def test_a_declined_change_leaves_what_is_in_force_open_and_its_history_tells(self, officer, dpo):
        old = approved(proposed(officer), dpo)
        new = proposed(officer, "P2Y")
        with as_officer(dpo):
            opening.decline(new, by=dpo)
        old.refresh_from_db()
        assert old.closing_proposed_by is None
        assert in_force() == ["P1Y"]
        last = RetentionRule.history.filter(duration="P2Y").latest()
        assert (last.history_type, last.history_user_id) == ("-", dpo.pk)
        proposed(officer, "P4Y")

    def test_whoever_proposed_may_take_it_back(self, officer):
        row = proposed(officer)
        with as_officer(officer):
            opening.decline(row, by=officer)
        assert not RetentionRule.objects.exists()

    def test_what_somebody_decided_meanwhile_is_told_and_not_done_twice(self, officer, dpo):
        gone, there = proposed(officer), proposed(officer, code="there")
        with as_officer(dpo):
            opening.decline(gone, by=dpo)
            opening.approve(there, by=dpo)
            for act in (opening.approve, opening.decline):
                for row in (gone, there):
                    with pytest.raises(opening.Overtaken):
                        act(row, by=dpo)
        assert in_force() == ["P1Y"]


class TestClosing:
    def test_what_is_in_force_ends_when_a_second_person_approves_it(self, officer, dpo):
        row = approved(proposed(officer), dpo)
        with as_officer(officer):
            row = opening.propose_closing(row, by=officer)
        assert in_force() == ["P1Y"]
        assert list(RetentionRule.objects.waiting()) == [row]
        with as_officer(dpo):
            opening.approve_closing(row, by=dpo)
        assert in_force() == []

    def test_an_end_that_is_declined_is_no_end(self, officer, dpo):
        row = approved(proposed(officer), dpo)
        with as_officer(officer):
            opening.propose_closing(row, by=officer)
        with as_officer(dpo):
            opening.decline_closing(row, by=dpo)
        assert in_force() == ["P1Y"]
        assert not RetentionRule.objects.waiting().exists()

    def test_whoever_proposed_the_end_does_not_approve_it(self, officer, dpo):
        both = permit(officer, "consent.approve_retentionrule")
        row = approved(proposed(both), dpo)
        with as_officer(both):
            opening.propose_closing(row, by=both)
            with refused("four_eyes"):
                opening.approve_closing(row, by=both)

    def test_the_end_of_what_is_replaced_is_not_decided_apart(self, officer, dpo):
        old = approved(proposed(officer), dpo)
        proposed(officer, "P2Y")
        with as_officer(dpo):
            for act in (opening.approve_closing, opening.decline_closing):
                with refused("replaced"):
                    act(old, by=dpo)

    def test_only_what_is_in_force_is_closed(self, officer, dpo):
        row = proposed(officer)
        with as_officer(officer), refused("state"):
            opening.propose_closing(row, by=officer)


def test_every_rule_asks_as_it_checks(officer, dpo):
    row = proposed(officer)
    assert opening.may_approve(row, by=dpo)
    assert not opening.may_approve(row, by=officer)
    assert opening.may_decline(row, by=officer)
    assert not opening.may_propose(rule(), by=officer)
    assert opening.may_propose(rule(code="x"), by=officer)


class TestTheListOfData:
    """The register that is one thing: of its editions one is in force."""

    def edition(self, number: int, by: StaffUser) -> DataList:
        if not DataCategory.objects.exists():
            registers.load()
        with as_officer(by):
            row = DataList(number=number, order_number=f"{number}-Ө", order_date="2026-11-01")
            row = opening.propose(row, by=by)
            for category in DataCategory.objects.all()[:3]:
                DataListEntry.objects.create(
                    data_list=row, category=category, title_kk=category.title_kk, title_ru=category.title_ru
                )
        return row

    def test_a_new_edition_takes_the_place_of_the_one_before(self, officer, dpo):
        first = self.edition(1, officer)
        with as_officer(dpo):
            opening.approve(first, by=dpo)
        second = self.edition(2, officer)
        assert list(DataList.objects.in_force()) == [first]
        with as_officer(dpo):
            opening.approve(second, by=dpo)
        assert list(DataList.objects.in_force()) == [second]

    def test_the_entries_of_an_approved_edition_are_frozen_for_everybody(self, officer, dpo):
        row = self.edition(1, officer)
        with as_officer(dpo):
            opening.approve(row, by=dpo)
        entry, category = row.entries.first(), DataCategory.objects.last()
        attacks = (
            lambda: DataListEntry.objects.filter(pk=entry.pk).update(title_ru="Иное"),
            lambda: DataListEntry.objects.filter(pk=entry.pk).delete(),
            lambda: DataListEntry.objects.create(data_list=row, category=category, title_kk="…", title_ru="…"),
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('pgtrigger.ignore', '{frozen_entries,opened_by_two}', true)")
        for attack in attacks:
            with (
                acting_as("command:load_registers@root"),
                pytest.raises(IntegrityError) as caught,
                transaction.atomic(),
            ):
                attack()
            assert "frozen" in str(caught.value)
        assert row.entries.count() == 3

    def test_a_declined_edition_goes_with_its_entries(self, officer, dpo):
        row = self.edition(1, officer)
        with as_officer(dpo):
            opening.decline(row, by=dpo)
        assert not DataListEntry.objects.exists()
