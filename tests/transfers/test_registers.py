"""What every installation starts with: recipients the law names, closed countries, duties by law."""

from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.actor import acting_as
from consent.models import ConsentForm, Purpose
from staff import opening
from subjects.models import DataCategory
from tests.staff.factories import StaffUserFactory, as_officer, permit
from transfers import registers
from transfers.enums import TransferGround
from transfers.models import Country, Recipient, TransferRule

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def loaded():
    call_command("load_registers", verbosity=0)


def test_a_second_load_adds_nothing_and_leaves_an_officers_words_alone():
    Recipient.objects.filter(code="gkb").update(title_ru="ГКБ", contact_phone="+77172000000")
    call_command("load_registers", verbosity=0)
    assert Recipient.objects.count() == len(registers.RECIPIENTS)
    assert TransferRule.objects.count() == len(registers.RULES)
    assert Country.objects.count() == len(registers.COUNTRIES)
    assert Recipient.objects.get(code="gkb").title_ru == "ГКБ"


def test_a_rule_that_two_officers_closed_is_not_opened_again():
    rule = TransferRule.objects.get(recipient__code="enpf")
    first, second = StaffUserFactory(), StaffUserFactory()
    with acting_as(f"officer:{first.pk}"):
        rule.closing_proposed_by, rule.closing_proposed_at = first, timezone.now()
        rule.save()
    with acting_as(f"officer:{second.pk}"):
        rule.closing_approved_by, rule.closing_approved_at = second, timezone.now()
        rule.in_force_during = (rule.in_force_during.lower, timezone.now())
        rule.save()
    call_command("load_registers", verbosity=0)
    assert TransferRule.objects.filter(recipient__code="enpf").count() == 1
    assert not TransferRule.objects.in_force().filter(recipient__code="enpf").exists()


def test_supply_to_the_state_bureau_is_a_duty_and_a_report_needs_its_consent():
    supply = TransferRule.objects.get(recipient__code="gkb", direction="outgoing")
    report = TransferRule.objects.get(recipient__code="gkb", direction="incoming")
    assert (supply.ground, supply.form, supply.on_demand) == (TransferGround.LAW, None, False)
    assert (report.ground, report.form.code) == (TransferGround.CONSENT, "C4")


def test_financial_monitoring_is_withheld_from_the_person():
    assert TransferRule.objects.get(recipient__kind="financial_monitoring").disclosure == "withheld"


def test_no_bin_and_no_countrys_protection_is_claimed_before_somebody_confirmed_it():
    assert set(Recipient.objects.values_list("bin", flat=True)) == {""}
    assert not Country.objects.filter(adequate=True).exists()
    assert not TransferRule.objects.filter(confirmed_by_counsel=True).exists()


def test_every_recipient_has_a_name_in_both_languages_and_every_rule_known_data():
    assert not Recipient.objects.filter(title_kk="").exists() and not Recipient.objects.filter(title_ru="").exists()
    known = set(DataCategory.objects.values_list("code", flat=True))
    for rule in TransferRule.objects.all():
        assert set(rule.categories) <= known, rule


def test_a_duty_that_answers_no_demand_asks_only_for_what_its_purpose_needs():
    for rule in TransferRule.objects.filter(on_demand=False):
        needed = set(rule.purpose.cells.in_force().values_list("category__code", flat=True))
        assert set(rule.categories) <= needed, rule


def rule(kind: str, direction: str = "outgoing", form: str = "", **fields) -> TransferRule:
    """Not saved. form: a code; the purpose is one that the loan needs unless it is said otherwise."""
    whom = Recipient.objects.create(
        code=f"new-{kind}", kind=kind, title_kk="а", title_ru="а", registry_number="1", registry_date=date(2026, 1, 9)
    )
    fields = {"ground": "consent" if form else "service", "purpose": "collection", **fields}
    fields["purpose"] = Purpose.objects.get(code=fields["purpose"])
    if fields["ground"] == "law":
        fields["article"] = "56-V art. 21"
    of = ConsentForm.objects.get(code=form) if form else None
    return TransferRule(recipient=whom, direction=direction, form=of, categories=["full_name"], **fields)


@pytest.fixture
def officer():
    found = permit(StaffUserFactory(), "transfers.add_transferrule")
    with as_officer(found):
        yield found


def refused(row: TransferRule, by) -> str:
    """The field that the officer is told of, "" when the proposal stands; the database answers alike."""
    with transaction.atomic():
        try:
            opening.propose(row, by=by)
        except ValidationError as error:
            (field,) = error.message_dict
        else:
            return ""
    row.proposed_by, row.proposed_at = by, timezone.now()
    with pytest.raises(IntegrityError, match="the law gives no such ground"), transaction.atomic():
        row.save()
    return field


@pytest.mark.parametrize(
    ("kind", "direction", "grounds"),
    [
        ("advertiser", "outgoing", "consent"),
        ("credit_bureau", "outgoing", "consent"),
        ("state_credit_bureau", "outgoing", "law"),
        ("credit_bureau", "incoming", "consent"),
        ("state_credit_bureau", "incoming", "consent"),
        ("pension_centre", "incoming", "consent"),
        ("financial_monitoring", "outgoing", "law"),
        ("collector", "outgoing", "consent defence"),
        ("courier", "outgoing", "consent service"),
        ("bailiff", "outgoing", "consent defence law"),
        ("other", "outgoing", "consent defence"),
    ],
)
def test_two_officers_open_no_rule_on_a_ground_that_the_law_does_not_give(officer, kind, direction, grounds):
    found = []
    for ground in ("consent", "defence", "law", "service"):
        form = "" if ground != "consent" else "C4" if direction == "incoming" else "C3"
        with transaction.atomic():
            if refused(rule(kind, direction, form, ground=ground, written=bool(form)), officer) != "ground":
                found.append(ground)
            transaction.set_rollback(True)
    assert found == grounds.split()


def test_what_the_loan_does_not_need_goes_on_the_persons_consent_alone(officer):
    gateway = rule("messenger", purpose="marketing")
    assert refused(gateway, officer) == "ground"
    gateway.purpose = Purpose.objects.get(code="correspondence")
    assert refused(gateway, officer) == ""


@pytest.mark.parametrize(("direction", "form"), [("outgoing", "C3"), ("incoming", "C4")])
def test_a_private_bureau_is_supplied_on_c3_and_reports_on_c4_alone(officer, direction, form):
    row = rule("credit_bureau", direction, "C2")
    assert refused(row, officer) == "form"
    row.form = ConsentForm.objects.get(code=form)
    assert refused(row, officer) == ""


@pytest.mark.parametrize(
    ("kind", "direction", "form", "field"),
    [
        ("advertiser", "outgoing", "C9", "written"),
        ("other", "outgoing", "C2", "written"),
        ("credit_bureau", "outgoing", "C3", ""),
        ("pension_centre", "incoming", "C5", ""),
    ],
)
def test_microcredit_secrecy_goes_to_a_third_party_on_written_consent_alone(officer, kind, direction, form, field):
    row = rule(kind, direction, form)
    assert refused(row, officer) == field
    row.written = True
    assert not field or refused(row, officer) == ""


def test_who_the_recipient_is_is_looked_at_again_when_the_rule_is_opened(officer):
    row = rule("courier", purpose="correspondence")
    opening.propose(row, by=officer)
    Recipient.objects.filter(pk=row.recipient_id).update(kind="advertiser")
    dpo = permit(StaffUserFactory(), "transfers.approve_transferrule")
    with as_officer(dpo), pytest.raises(ValidationError) as told:
        opening.approve(row, by=dpo)
    assert list(told.value.message_dict) == ["ground"]
    row.approved_by, row.approved_at, row.in_force_during = dpo, timezone.now(), (timezone.now(), None)
    with pytest.raises(IntegrityError, match="the law gives no such ground"), transaction.atomic():
        row.save()
