"""Refusals of demands from outside say the truth: of the law by the gate, of what we hold by what we hold."""

# fixtures of another file are arguments here
# ruff: noqa: F811
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.actor import acting_as
from consent.models import Objection
from staff.rules import NotAllowed
from subjects import duplicates, loans, vault
from subjects.models import PersonalData, SubjectKey
from tests.staff.conftest import member  # noqa: F401
from tests.staff.factories import StaffUserFactory, permit
from tests.subjects.factories import DataSubjectFactory
from tests.transfers import factories
from tests.transfers.test_demands import _english, act, court, dpo, officer, registered  # noqa: F401
from transfers import demands
from transfers.models import DemandLetter, Transfer

pytestmark = pytest.mark.django_db


class TestNoGround:
    """`no_ground` says that neither law nor agreement lets us: the gate must have found just that."""

    def refused(self, demand, by, sentence: str) -> None:
        with pytest.raises(NotAllowed, match=sentence):
            act(demands.propose_refusal, demand, by, refusal="no_ground")
        demand.refresh_from_db()
        assert demand.state == "received" and not Transfer.objects.exists()

    def written(self, demand, officer, dpo) -> list[str]:
        """The checks that did not pass, of a demand that two people refuse by a letter."""
        assert act(demands.propose_refusal, demand, officer, refusal="no_ground").state == "proposed"
        assert not DemandLetter.objects.exists()
        assert act(demands.approve, demand, dpo).state == "refused"
        assert DemandLetter.objects.get().kind == "refusal"
        return [check for transfer in Transfer.objects.all() for check in transfer.failed]

    @pytest.fixture
    def collector(self):
        made = factories.world(kind="collector", code="dala", ground="defence", purpose="collection", agreement=False)
        loans.record_contract(subject=made.person, number="K-1", state="overdue")
        return made

    def test_a_ground_that_is_wanting_is_one(self, officer, dpo):
        assert self.written(registered(factories.world(), officer), officer, dpo) == ["ground"]

    def test_what_was_never_opened_for_who_asks_is_one(self, court, officer, dpo):
        factories.closed(court.rule)
        assert "rule" in self.written(registered(court, officer), officer, dpo)

    def test_an_agreement_that_ended_yesterday_is_one(self, collector, officer, dpo):
        yesterday = timezone.localdate() - timedelta(days=1)
        factories.agree(collector.recipient, valid_to=yesterday)
        row = registered(collector, officer, kind="collector")
        assert self.written(row, officer, dpo) == ["agreement"]

    def test_an_objection_is_one_of_who_asks_by_no_law(self, collector, officer, dpo):
        factories.agree(collector.recipient)
        with acting_as("job:test"):
            Objection.objects.create(
                subject=collector.person, purpose=collector.purpose, in_force_during=(timezone.now(), None)
            )
        assert self.written(registered(collector, officer, kind="collector"), officer, dpo) == ["objection"]

    def test_a_collector_that_was_never_ours_gets_a_letter_and_stays_out_of_the_register(self, court, officer, dpo):
        nobody = {"recipient": None, "subject": None, "purpose": None, "categories": []}
        assert self.written(registered(court, officer, kind="collector", **nobody), officer, dpo) == []

    def test_an_authority_is_asked_about_even_where_the_register_lacks_it(self, court, officer):
        self.refused(registered(court, officer, recipient=None), officer, "fill in recipient")

    def test_who_may_not_hand_out_cannot_refuse_what_is_lawful(self, court, officer):
        clerk = permit(StaffUserFactory(), "transfers.handle_inbounddemand", "transfers.view_withheld_transfer")
        self.refused(registered(court, officer), clerk, "refusing the demand would be our offence")

    def test_a_ground_that_came_since_the_proposal_stops_the_letter(self, collector, officer, dpo):
        factories.agree(collector.recipient)
        loans.record_contract(subject=collector.person, number="K-1", state="performed")
        row = registered(collector, officer, kind="collector")
        act(demands.propose_refusal, row, officer, refusal="no_ground")
        loans.record_contract(subject=collector.person, number="K-2", state="overdue")
        with pytest.raises(NotAllowed, match="The gate allows it: refusing the demand would be our offence"):
            act(demands.approve, row, dpo)
        assert not DemandLetter.objects.exists()
        assert act(demands.send_back, row, dpo).state == "received"

    def test_blocked_data_are_another_matter_of_a_demand_by_law(self, court, officer):
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
