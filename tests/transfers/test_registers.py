"""What every installation starts with: recipients the law names, closed countries, duties by law."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
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


@pytest.mark.parametrize(
    ("kind", "direction", "refused"),
    [
        ("advertiser", "outgoing", True),
        ("other", "outgoing", True),
        ("credit_bureau", "outgoing", False),
        ("pension_centre", "incoming", False),
    ],
)
def test_microcredit_secrecy_goes_to_a_third_party_on_written_consent_alone(kind, direction, refused):
    officer = permit(StaffUserFactory(), "transfers.add_transferrule")
    form = ConsentForm.objects.get(code="C2")

    def proposed(written: bool) -> TransferRule:
        whom = Recipient.objects.create(code=f"{kind}-{written}", kind=kind, title_kk="а", title_ru="а")
        row = TransferRule(
            recipient=whom, purpose=Purpose.objects.first(), direction=direction, ground="consent", form=form,
            categories=["full_name"], written=written,
        )  # fmt: skip
        return opening.propose(row, by=officer)

    with as_officer(officer):
        if refused:
            with pytest.raises(ValidationError) as error:
                proposed(written=False)
            assert list(error.value.message_dict) == ["written"]
        else:
            proposed(written=False)
        proposed(written=True)
