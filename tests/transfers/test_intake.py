"""Data from others: taken in with their source, compared with the person's own, set aside without a rule."""

import pytest
from django.db import transaction

from audit.actor import acting_as
from audit.models import AccessRecord
from consent.models import PurposeCategory
from staff.rules import NotAllowed
from subjects import addresses, my_data, recording, vault_out
from subjects.enums import Disclosure, Origin, Source
from subjects.models import DataCategory, PersonalData, SearchKey, Verification
from tests.staff.factories import StaffUserFactory, permit
from tests.transfers.factories import agree, closed, consent, declare, form_version, happened, opened, world
from transfers import intake, services
from transfers.decisions import Context
from transfers.models import Quarantined, Release, Transfer, TransferRule

pytestmark = pytest.mark.django_db
SHA = "a" * 64
PHONE = {"value": "+77012345678"}


@pytest.fixture
def made():
    made = world(form="C4", direction="incoming", purpose="report")
    made.consents()
    return made


def token(made, *categories: str) -> str:
    question = made.question(direction="incoming", categories=categories)
    return services.authorise(question=question).token


def received(made, values: dict, *categories: str) -> intake.Received:
    return intake.receive(token=token(made, *(categories or tuple(values))), payload_sha256=SHA, values=values)


def test_what_came_has_the_transfer_as_its_source(made):
    told = received(made, {"mobile_phone": [PHONE]})
    assert told.taken == ["mobile_phone"]
    value = PersonalData.objects.get(subject=made.person, category__code="mobile_phone")
    assert (value.origin, value.transfer) == (Origin.THIRD_PARTY, f"transfers.Transfer:{told.release.transfer_id}")


def test_the_persons_own_word_is_never_overwritten(made):
    recording.record(
        subject=made.person, category="mobile_phone", values=[PHONE], source=Source.CABINET, origin=Origin.SUBJECT
    )
    other = {"value": "+77012345679"}
    assert received(made, {"mobile_phone": [other]}).differ == ["mobile_phone"]
    value = PersonalData.objects.get(subject=made.person, category__code="mobile_phone")
    assert value.origin == Origin.SUBJECT
    assert Verification.objects.get(value=value).is_open
    assert received(made, {"mobile_phone": [PHONE]}).same == ["mobile_phone"]


def test_another_phone_where_codes_go_is_set_aside_for_an_officer(made):
    other = {"value": "+77012345679"}
    received(made, {"mobile_phone": [PHONE]})
    told = received(made, {"mobile_phone": [other]})
    assert (told.taken, told.quarantined) == ([], ["mobile_phone"])
    assert PersonalData.objects.newest(made.person, "mobile_phone").history.count() == 1


def test_what_no_rule_covers_is_set_aside_sealed(made):
    told = received(made, {"mobile_phone": [PHONE], "salary_amount": [{"value": "250000"}]}, "mobile_phone")
    assert (told.taken, told.quarantined) == (["mobile_phone"], ["salary_amount"])
    row = Quarantined.objects.get()
    assert b"250000" not in bytes(row.sealed)
    assert not PersonalData.objects.filter(category__code="salary_amount").exists()
    assert "sealed" not in {field.name for field in Quarantined.history.model._meta.fields}


def test_a_wrong_value_takes_nothing_in_and_leaves_the_token(made):
    given = token(made, "mobile_phone")
    with pytest.raises(intake.Unfit) as refused, transaction.atomic():
        intake.receive(token=given, payload_sha256=SHA, values={"mobile_phone": [{"value": "12"}]})
    assert refused.value.category == "mobile_phone"
    assert not Release.objects.exists()
    assert intake.receive(token=given, payload_sha256=SHA, values={"mobile_phone": [PHONE]}).taken


def test_an_outgoing_transfer_brings_nothing():
    made = world()
    made.consents()
    given = services.authorise(question=made.question()).token
    with pytest.raises(services.NotReleased) as refused, transaction.atomic():
        intake.receive(token=given, payload_sha256=SHA, values={"iin": [{"value": "850314390019"}]})
    assert refused.value.code == "outgoing"


def test_what_comes_in_is_not_released_without_its_values(made):
    given = token(made, "mobile_phone")
    with pytest.raises(services.NotReleased) as refused:
        services.release(token=given, payload_sha256=SHA)
    assert refused.value.code == "incoming" and "receive" in refused.value.messages[0]
    assert not Release.objects.exists()
    assert intake.receive(token=given, payload_sha256=SHA, values={"mobile_phone": [PHONE]}).taken


class TestWithoutAYes:
    """The pension fund sends what no rule covers: we hold it, so it has a place, and it is no value."""

    @pytest.fixture
    def gap(self, made) -> Transfer:
        declare(made.version, consent.purpose("pension"))
        done = services.authorise(question=made.question(direction="incoming", purpose="pension"))
        assert (done.transfer.decision, done.token) == ("gap", None)
        return done.transfer

    def test_it_is_set_aside_whole_and_once(self, made, gap):
        came = {"token": None, "payload_sha256": SHA, "transfer": gap.public_id, "values": {"mobile_phone": [PHONE]}}
        told = intake.receive(**came)
        assert (told.release, told.taken, told.quarantined) == (None, [], ["mobile_phone"])
        row = Quarantined.objects.get()
        assert (row.transfer, row.subject, row.fate) == (gap, made.person, "")
        assert b"77012345678" not in bytes(row.sealed)
        assert not PersonalData.objects.filter(category__code="mobile_phone").exists()
        assert not Release.objects.exists()
        with pytest.raises(services.NotReleased) as refused, transaction.atomic():
            intake.receive(**came)
        assert (refused.value.code, Quarantined.objects.count()) == ("released", 1)

    def test_a_rule_that_covers_it_by_now_lets_an_officer_take_it_in(self, made, gap, officer):
        intake.receive(token=None, payload_sha256=SHA, transfer=gap.public_id, values={"mobile_phone": [PHONE]})
        purpose = consent.purpose("pension")
        opened(PurposeCategory, purpose=purpose, category=DataCategory.objects.get(code="mobile_phone"))
        opened(
            TransferRule, recipient=made.recipient, purpose=purpose, direction="incoming", ground="consent",
            form=made.form, categories=["mobile_phone"],
        )  # fmt: skip
        text = form_version(made.form, purposes={"pension": "kk ru"}, recipients={"credit_bureau": "kk ru"})
        happened(made.person, text, scope=made.scope)
        with acting_as(f"officer:{officer.pk}"):
            assert intake.take(row=Quarantined.objects.get(), by=officer).fate == "taken"
        value = PersonalData.objects.get(category__code="mobile_phone")
        assert value.transfer == f"transfers.Transfer:{Transfer.objects.latest('pk').pk}"

    def test_what_was_allowed_needs_its_token_and_what_goes_out_brings_nothing(self, made):
        allowed = services.authorise(question=made.question(direction="incoming")).transfer
        made.withdraws()
        outgoing = services.authorise(question=made.question()).transfer
        for transfer, code in ((allowed, "unknown_token"), (outgoing, "outgoing")):
            with pytest.raises(services.NotReleased) as refused, transaction.atomic():
                intake.receive(
                    token=None, payload_sha256=SHA, transfer=transfer.public_id, values={"mobile_phone": [PHONE]}
                )
            assert refused.value.code == code
        assert not Quarantined.objects.exists()


@pytest.fixture
def officer():
    rights = ("transfers.decide_quarantined", "transfers.authorise_transfer", "transfers.ask_transfer")
    return permit(StaffUserFactory(), *rights)


@pytest.fixture
def set_aside(made):
    received(made, {"mobile_phone": [PHONE], "salary_amount": [{"value": "250000"}]}, "mobile_phone")
    return Quarantined.objects.get()


def test_destroyed_is_gone_and_decided_once(set_aside, officer):
    with acting_as(f"officer:{officer.pk}"):
        intake.destroy(row=set_aside, by=officer)
        row = Quarantined.objects.get()
        assert (row.fate, row.sealed, row.decided_by) == ("destroyed", None, officer)
        with pytest.raises(NotAllowed):
            intake.destroy(row=row, by=officer)


def cover_salary(made) -> None:
    """From now on a rule, a consent and an agreement cover the salary too."""
    salary = DataCategory.objects.get(code="salary_amount")
    opened(PurposeCategory, purpose=made.purpose, category=salary)
    closed(made.rule)
    categories = [*made.rule.categories, "salary_amount"]
    opened(
        TransferRule, recipient=made.recipient, purpose=made.purpose, direction="incoming", ground="consent",
        form=made.form, categories=categories,
    )  # fmt: skip
    agree(made.recipient, number="8", categories=categories)
    text = form_version(
        made.form, purposes={"report": "kk ru"}, recipients={"credit_bureau": "kk ru"}, categories=tuple(categories)
    )
    happened(made.person, text, scope=made.scope)


def test_it_is_taken_in_only_when_the_gate_says_yes_by_now(made, set_aside, officer):
    with acting_as(f"officer:{officer.pk}"), pytest.raises(NotAllowed) as refused:
        intake.take(row=set_aside, by=officer)
    assert refused.value.code == "refused"
    assert Quarantined.objects.get().fate == ""
    cover_salary(made)
    with acting_as(f"officer:{officer.pk}"):
        assert intake.take(row=set_aside, by=officer).fate == "taken"
    value = PersonalData.objects.get(category__code="salary_amount")
    assert value.transfer == f"transfers.Transfer:{Transfer.objects.latest('pk').pk}"


def test_without_the_right_nobody_decides(set_aside):
    with pytest.raises(NotAllowed):
        intake.destroy(row=set_aside, by=StaffUserFactory())


class TestWithheld:
    """What a transfer brought of which the person must not know."""

    def receive(self, made, values: dict, *categories: str) -> intake.Received:
        question = made.question(
            direction="incoming", categories=categories or tuple(values), context=Context(withheld=True)
        )
        given = services.authorise(question=question)
        assert given.decision.disclosure == Disclosure.WITHHELD
        return intake.receive(token=given.token, payload_sha256=SHA, values=values)

    def seen(self, made) -> list:
        return [
            (group.category.code, group.values, group.about) for group in my_data.groups(made.person, represented=False)
        ]

    def test_the_person_sees_nothing_of_it_and_is_not_found_by_it(self, made):
        before = self.seen(made)
        assert self.receive(made, {"mobile_phone": [PHONE]}).taken == ["mobile_phone"]
        value = PersonalData.objects.get(subject=made.person, category__code="mobile_phone")
        assert (value.disclosure, value.origin) == (Disclosure.WITHHELD, Origin.THIRD_PARTY)
        assert self.seen(made) == before
        assert not SearchKey.objects.filter(subject=made.person, kind="phone").exists()
        assert addresses.held_by(made.person, "mobile_phone") == []
        officer = permit(StaffUserFactory())
        with acting_as(f"officer:{officer.pk}"):
            taken = vault_out.take_out(
                subject=made.person, categories=["mobile_phone"], by=officer, reason="test", withheld=True
            )
        assert [one.parts for one in taken] == [PHONE], "who may know of it has it"

    def test_it_is_compared_with_nothing_and_neither_touches_the_other(self, made):
        told = {"subject": made.person, "category": "mobile_phone", "source": Source.API, "origin": Origin.SUBJECT}
        recording.record(**told, values=[PHONE])
        mine = PersonalData.objects.get(category__code="mobile_phone")
        before = self.seen(made)
        other, third = {"value": "+77012345679"}, {"value": "+77012345670"}
        self.receive(made, {"mobile_phone": [other]})
        assert not Verification.objects.exists()
        assert self.seen(made) == before
        recording.record(**told, values=[other])
        mine.refresh_from_db()
        assert mine.disclosure == Disclosure.SUBJECT
        assert PersonalData.objects.filter(disclosure=Disclosure.WITHHELD).count() == 1
        self.receive(made, {"mobile_phone": [third]})
        assert PersonalData.objects.filter(disclosure=Disclosure.WITHHELD).count() == 1
        assert [value.parts for value in addresses.held_by(made.person, "mobile_phone")] == [other]

    def test_set_aside_it_stays_withheld_and_the_look_names_nobody(self, made, officer):
        self.receive(made, {"mobile_phone": [PHONE], "salary_amount": [{"value": "250000"}]}, "mobile_phone")
        row = Quarantined.objects.get()
        with acting_as(f"officer:{officer.pk}"), pytest.raises(NotAllowed) as refused:
            intake.take(row=row, by=officer)
        assert refused.value.code == "role"
        cover_salary(made)
        officer = permit(officer, "transfers.view_withheld_transfer")
        with acting_as(f"officer:{officer.pk}"):
            assert intake.take(row=row, by=officer).fate == "taken"
        value = PersonalData.objects.get(category__code="salary_amount")
        assert value.disclosure == Disclosure.WITHHELD
        assert not AccessRecord.objects.filter(category=intake.WHAT).exclude(reference="").exists()
        assert AccessRecord.objects.filter(category=intake.WHAT).count() == 1
