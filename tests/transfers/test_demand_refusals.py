"""Refusals of demands from outside say the truth: of the law by the gate, of what we hold by what we hold."""

# fixtures of another file are arguments here
# ruff: noqa: F811
import pytest
from django.test import Client
from django.urls import reverse

from audit.actor import acting_as
from staff.rules import NotAllowed
from subjects import duplicates, vault
from subjects.models import PersonalData, SubjectKey
from tests.staff.conftest import member  # noqa: F401
from tests.staff.factories import StaffUserFactory, permit
from tests.subjects.factories import DataSubjectFactory
from tests.transfers import factories
from tests.transfers.test_demands import _english, act, court, dpo, officer, registered  # noqa: F401
from transfers import demands
from transfers.models import Transfer

pytestmark = pytest.mark.django_db


class TestNoGround:
    """`no_ground` says to the other side that the law forbids: the gate must have found just that."""

    def refused(self, demand, by, sentence: str) -> None:
        with pytest.raises(NotAllowed, match=sentence):
            act(demands.propose_refusal, demand, by, refusal="no_ground")
        demand.refresh_from_db()
        assert demand.state == "received" and not Transfer.objects.exists()

    def test_a_ground_that_is_wanting_is_one(self, officer, dpo):
        row = registered(factories.world(), officer)
        act(demands.propose_refusal, row, officer, refusal="no_ground")
        assert Transfer.objects.get().decision == "deny"
        assert act(demands.approve, row, dpo).state == "refused"

    def test_a_rule_that_nobody_set_up_is_none(self, court, officer):
        factories.closed(court.rule)
        self.refused(registered(court, officer), officer, "not why the gate refuses it: No rule is in force")

    def test_who_may_not_hand_out_cannot_refuse_either(self, court, officer):
        clerk = permit(StaffUserFactory(), "transfers.handle_inbounddemand", "transfers.view_withheld_transfer")
        self.refused(registered(court, officer), clerk, "not why the gate refuses it")

    def test_blocked_data_are_another_matter(self, court, officer):
        court.person.standing = "blocked"
        court.person.save()
        self.refused(registered(court, officer), officer, "are blocked for now")


class TestNothingHeld:
    def refused(self, demand, by, code: str) -> None:
        with pytest.raises(NotAllowed) as refused:
            act(demands.propose_refusal, demand, by, refusal="nothing_held")
        assert refused.value.code == code

    def test_what_is_held_is_not_denied(self, court, officer):
        self.refused(registered(court, officer), officer, "held")
        self.refused(registered(court, officer, letter_number="2", categories=[]), officer, "missing")
        self.refused(registered(court, officer, letter_number="3", subject=None), officer, "missing")

    def test_nor_what_the_persons_other_file_holds(self, court, officer):
        other = DataSubjectFactory(email=None)
        row = registered(court, officer, subject=other)
        with acting_as(f"officer:{officer.pk}"):
            duplicates.unite(leading=court.person, following=other)
        self.refused(row, officer, "held")

    def test_what_came_since_the_proposal_stops_the_letter(self, court, officer, dpo):
        row = registered(court, officer, categories=["email"])
        act(demands.propose_refusal, row, officer, refusal="nothing_held")
        vault.store(subject=court.person, category="email", parts={"value": "a@example.kz"}, source="test")
        with pytest.raises(NotAllowed, match="no ground to refuse"):
            act(demands.approve, row, dpo)
        PersonalData.objects.filter(category__code="email").update(disclosure="withheld")
        assert act(demands.approve, row, dpo).state == "refused", "what is withheld is not given, nor told of"

    def test_what_has_no_key_any_more_is_not_held(self, court, officer):
        row = registered(court, officer)
        SubjectKey.objects.filter(subject=court.person).delete()
        assert act(demands.propose_refusal, row, officer, refusal="nothing_held").state == "proposed"


def test_the_second_person_reads_that_a_lawful_demand_is_lawful(court, officer, dpo):
    row = registered(court, officer)
    act(demands.propose_answer, row, officer)
    assert not dpo.has_perm("transfers.authorise_transfer")
    desk = Client(headers={"accept-language": "en"})
    desk.force_login(dpo)
    page = desk.get(reverse("admin:transfers_inbounddemand_change", args=[row.pk])).content.decode()
    assert "allowed" in page and "refused" not in page
    # who carries it out must hold the right all the same
    act(demands.approve, row, dpo)
    clerk = permit(StaffUserFactory(), *(f"transfers.{right}" for right in ("handle_inbounddemand", "prepare_package")))
    given = act(demands.answer, row, clerk, format="json")
    assert given.file is None and given.decision.failed == ["actor"]
