"""Kept until when, and by which rule: the longest live rule wins, and what has not begun has no end."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given as given_any
from hypothesis import strategies as st

from audit.actor import acting_as
from consent import ledger, registers, retention
from consent.enums import Necessity, StartsOn
from consent.models import PurposeCategory, RetentionRule
from consent.retention import Why, kept, last_day
from subjects import loans, vault
from subjects.models import DataSubject, PersonalData
from tests.consent.factories import BY_CODE, form, given, purpose, version
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db


def almaty(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.get_default_timezone())


def rule(code: str, duration: str, starts_on: str, **of) -> RetentionRule:
    """A rule in force since long ago, as load_registers makes it."""
    of = of or {"retention_class": "identity"}
    with acting_as("command:load_registers@test"):
        return RetentionRule.objects.create(
            code=code, title_ru=code, title_kk=code, duration=duration, starts_on=starts_on,
            loaded=True, in_force_during=(almaty(2015, 1, 1), None), **of,
        )  # fmt: skip


def value(person: DataSubject, category: str = "full_name", *, collected=None) -> PersonalData:
    vault.store(subject=person, category=category, parts={"value": "…"}, source="test")
    row = PersonalData.objects.filter(subject=person, category__code=category).latest("pk")
    PersonalData.objects.filter(pk=row.pk).update(collected_at=collected)
    row.refresh_from_db()
    return row


@pytest.fixture
def bare(db) -> DataSubject:
    """Somebody of whom nothing is held yet."""
    return DataSubjectFactory(email=None)


def only(person: DataSubject, **asked) -> retention.Kept:
    (found,) = kept(person, **asked)
    return found


class TestTheCalendar:
    @pytest.mark.parametrize(
        ("start", "duration", "end"),
        [
            ((2024, 2, 29), "P1Y", (2025, 2, 28)),
            ((2024, 2, 29), "P4Y", (2028, 2, 29)),
            ((2023, 2, 28), "P1Y", (2024, 2, 28)),
            ((2026, 1, 31), "P1M", (2026, 2, 28)),
            ((2028, 1, 31), "P1M", (2028, 2, 29)),
            ((2026, 8, 31), "P6M", (2027, 2, 28)),
            ((2026, 12, 31), "P2M", (2027, 2, 28)),
            ((2026, 12, 15), "P1M", (2027, 1, 15)),
            ((2026, 11, 23), "P0D", (2026, 11, 23)),
            ((2026, 1, 31), "P1Y1M1D", (2027, 3, 1)),
            ((2024, 2, 28), "P2D", (2024, 3, 1)),
            # the clocks of Almaty went back an hour on 1 March 2024; a day stayed a day
            ((2024, 2, 29), "P1D", (2024, 3, 1)),
        ],
    )
    def test_terms_end_on_the_calendars_day(self, start, duration, end):
        assert last_day(date(*start), duration) == date(*end)

    @given_any(st.dates(date(1990, 1, 1), date(2080, 1, 1)), st.integers(0, 9), st.integers(0, 30), st.integers(0, 400))
    def test_a_longer_term_never_ends_before_a_shorter_one(self, start, years, months, days):
        shorter, longer = f"P{years}Y{months}M{days}D", f"P{years}Y{months}M{days + 1}D"
        assert start <= last_day(start, shorter) == last_day(start, longer) - timedelta(days=1)

    @pytest.mark.parametrize("wrong", ["", "P", "5Y", "P5", "PT5H", "P1W", "P-1Y", "P1D1Y"])
    def test_what_is_no_duration_is_refused(self, wrong):
        with pytest.raises(ValueError):
            last_day(date(2026, 1, 1), wrong)

    def test_the_day_is_the_one_in_almaty(self, bare):
        rule("day", "P1D", StartsOn.COLLECTED)
        # 23:30 of the 22nd in London is the 23rd in Almaty
        value(bare, collected=datetime(2026, 11, 22, 23, 30, tzinfo=UTC))
        assert only(bare).until == date(2026, 11, 24)


class TestWhichRuleWins:
    def test_the_longest_of_those_that_run(self, bare):
        value(bare, collected=almaty(2026, 1, 10))
        rule("short", "P1Y", StartsOn.COLLECTED)
        long = rule("long", "P3Y", StartsOn.COLLECTED)
        rule("of-another-class", "P9Y", StartsOn.COLLECTED, retention_class="loan")
        found = only(bare)
        assert (found.rule, found.until, found.why) == (long, date(2029, 1, 10), Why.RUNNING)
        assert found.is_over(date(2029, 1, 11))
        assert not found.is_over(date(2029, 1, 10))

    def test_a_later_start_makes_a_short_term_longer(self, bare):
        value(bare, collected=almaty(2020, 1, 10))
        rule("long-ago", "P5Y", StartsOn.COLLECTED)
        loans.record_contract(subject=bare, number="K1", state="performed", at=almaty(2026, 5, 1))
        recent = rule("recent", "P1Y", StartsOn.CONTRACT_PERFORMED)
        assert only(bare).rule == recent
        assert only(bare).until == date(2027, 5, 1)

    def test_an_open_contract_has_no_day_and_beats_every_day(self, bare):
        value(bare, collected=almaty(2026, 1, 10))
        rule("a-hundred-years", "P100Y", StartsOn.COLLECTED)
        file = rule("file", "P5Y", StartsOn.CONTRACT_PERFORMED)
        loans.record_contract(subject=bare, number="K1", state="performed", at=almaty(2025, 5, 1))
        loans.record_contract(subject=bare, number="K2", at=almaty(2026, 5, 1))
        found = only(bare)
        assert (found.rule, found.until, found.why) == (file, None, Why.WAITING)
        assert not found.is_over(date(2999, 1, 1))
        loans.record_contract(subject=bare, number="K2", state="performed", at=almaty(2026, 7, 1))
        assert only(bare).rule.code == "a-hundred-years"

    def test_the_last_performed_contract_counts_and_an_assigned_one_too(self, bare):
        value(bare)
        rule("file", "P5Y", StartsOn.CONTRACT_PERFORMED)
        loans.record_contract(subject=bare, number="K1", state="performed", at=almaty(2025, 5, 1))
        loans.record_contract(subject=bare, number="K2", state="assigned", at=almaty(2026, 6, 30))
        assert only(bare).until == date(2031, 6, 30)

    def test_what_is_written_off_is_still_owed(self, bare):
        value(bare)
        rule("file", "P5Y", StartsOn.CONTRACT_PERFORMED)
        loans.record_contract(subject=bare, number="K1", state="written_off", at=almaty(2025, 5, 1))
        assert only(bare).why == Why.WAITING

    def test_a_rule_of_a_fact_that_never_was_does_not_count(self, bare):
        value(bare)
        rule("file", "P5Y", StartsOn.CONTRACT_PERFORMED)
        found = only(bare)
        assert (found.rule, found.until, found.why) == (None, None, Why.NO_RULE)

    def test_a_rule_of_one_category_is_not_one_of_its_class(self, bare):
        name, address = (
            value(bare, collected=almaty(2026, 1, 1)),
            value(bare, "addresses", collected=almaty(2026, 1, 1)),
        )
        rule("class", "P1Y", StartsOn.COLLECTED)
        special = rule("address", "P2Y", StartsOn.COLLECTED, category=address.category)
        by_value = {found.value: found.rule for found in kept(bare)}
        assert by_value[address] == special
        assert by_value[name].code == "class"

    def test_a_rule_of_a_purpose_keeps_only_what_the_matrix_says_it_needs(self, bare):
        name, address = (
            value(bare, collected=almaty(2026, 1, 1)),
            value(bare, "addresses", collected=almaty(2026, 1, 1)),
        )
        of = purpose("correspondence")
        rule("post", "P1Y", StartsOn.COLLECTED, retention_class="identity", purpose=of)
        with acting_as("command:load_registers@test"):
            PurposeCategory.objects.create(
                purpose=of, category=address.category, necessity=Necessity.REQUIRED, loaded=True,
                in_force_during=(almaty(2015, 1, 1), None),
            )  # fmt: skip
        by_value = {found.value: found.why for found in kept(bare)}
        assert by_value == {name: Why.NO_RULE, address: Why.RUNNING}

    def test_a_rule_that_is_not_in_force_does_not_count(self, bare):
        value(bare, collected=almaty(2026, 1, 1))
        rule("now", "P1Y", StartsOn.COLLECTED)
        with acting_as("command:load_registers@test"):
            RetentionRule.objects.create(
                code="to-come", retention_class="identity", duration="P9Y", starts_on=StartsOn.COLLECTED,
                loaded=True, in_force_during=(timezone.now() + timedelta(days=30), None),
            )  # fmt: skip
        assert only(bare).rule.code == "now"
        assert only(bare, at=timezone.now() + timedelta(days=31)).rule.code == "to-come"


class TestWhatATermRunsFrom:
    def test_of_data_whose_day_nobody_knows_the_day_we_have_the_person_since(self, bare):
        rule("day", "P1Y", StartsOn.COLLECTED)
        value(bare, collected=None)
        assert only(bare).until == last_day(timezone.localdate(bare.created_at), "P1Y")

    def test_a_refused_application_starts_a_term_and_one_that_waits_does_not(self, bare):
        value(bare)
        rule("refused", "P1Y", StartsOn.APPLICATION_REFUSED)
        loans.record_application(subject=bare, number="A1", state="refused", at=almaty(2026, 3, 31))
        assert only(bare).until == date(2027, 3, 31)
        loans.record_application(subject=bare, number="A2", state="applied", at=almaty(2026, 4, 1))
        assert only(bare).why == Why.WAITING
        loans.record_application(subject=bare, number="A2", state="abandoned", at=almaty(2026, 4, 30))
        assert only(bare).until == date(2027, 4, 30)

    def test_an_application_that_became_a_contract_is_no_refusal(self, bare):
        value(bare)
        rule("refused", "P1Y", StartsOn.APPLICATION_REFUSED)
        application = loans.record_application(subject=bare, number="A1", state="offer_agreed")
        loans.record_contract(subject=bare, number="K1", application=application)
        assert only(bare).why == Why.NO_RULE

    def test_a_live_consent_has_no_day_and_a_withdrawn_one_starts_the_term(self, bare):
        advert = form("C8")
        of = version(advert, purposes={"marketing": "kk ru"})
        rule("advert", "P0D", StartsOn.CONSENT_WITHDRAWN, retention_class="identity", purpose=None)
        value(bare)
        given(bare, of)
        assert only(bare).why == Why.WAITING
        ledger.withdraw(subject=bare, form=advert, proof=BY_CODE)
        assert only(bare).until == timezone.localdate()

    def test_a_rule_of_a_purpose_looks_at_the_consents_that_name_the_purpose(self, bare):
        advert, other = form("C8"), form("C9")
        marketing = version(advert, purposes={"marketing": "kk ru"})
        elsewhere = version(other, purposes={"contract": "kk ru"})
        row = value(bare)
        with acting_as("command:load_registers@test"):
            PurposeCategory.objects.create(
                purpose=purpose("marketing"), category=row.category, loaded=True,
                in_force_during=(almaty(2015, 1, 1), None),
            )  # fmt: skip
        rule("advert", "P1M", StartsOn.CONSENT_WITHDRAWN, retention_class="identity", purpose=purpose("marketing"))
        given(bare, elsewhere)
        assert only(bare).why == Why.NO_RULE, "another form's consent is not this purpose's"
        given(bare, marketing)
        assert only(bare).why == Why.WAITING
        ledger.withdraw(subject=bare, form=advert, proof=BY_CODE)
        assert only(bare).why == Why.RUNNING, "although the other consent is alive"

    def test_the_last_contact_is_the_last_thing_the_person_did(self, bare):
        value(bare)
        rule("silent", "P1Y", StartsOn.LAST_CONTACT)
        assert only(bare).until == last_day(timezone.localdate(bare.created_at), "P1Y")
        loans.record_application(subject=bare, number="A1", state="applied", at=almaty(2030, 2, 28))
        assert only(bare).until == date(2031, 2, 28)


class TestTheWholePerson:
    def test_withheld_values_are_for_officers_who_ask_for_them(self, bare):
        rule("all", "P1Y", StartsOn.COLLECTED)
        open_row, secret = value(bare), value(bare, "addresses")
        PersonalData.objects.filter(pk=secret.pk).update(disclosure="withheld")
        assert [found.value for found in kept(bare)] == [open_row]
        assert {found.value for found in kept(bare, withheld=True)} == {open_row, secret}

    def test_costs_as_many_queries_with_many_values_rules_and_contracts_as_with_one(self, bare):
        value(bare)
        rule("one", "P1Y", StartsOn.CONSENT_WITHDRAWN, retention_class="identity", purpose=purpose("first"))
        with CaptureQueriesContext(connection) as one:
            kept(bare)
        for number, category in enumerate(("addresses", "iin", "mobile_phone", "contact_phones")):
            value(bare, category)
            rule(f"r{number}", "P2Y", StartsOn.CONTRACT_PERFORMED)
            rule(
                f"w{number}",
                "P2Y",
                StartsOn.CONSENT_WITHDRAWN,
                retention_class="identity",
                purpose=purpose(f"p{number}"),
            )
            loans.record_contract(subject=bare, number=f"K{number}", state="performed")
        with CaptureQueriesContext(connection) as many:
            assert len(kept(bare)) == 5
        assert len(many) == len(one), [q["sql"][:120] for q in many.captured_queries]
        assert not [q for q in many.captured_queries if '"sealed"' in q["sql"]], "nothing sealed is fetched"

    def test_the_rules_that_come_with_the_product_keep_everything_of_a_borrower_and_of_who_was_refused(self, bare):
        with acting_as("command:load_registers@test"):
            registers.load()
        for category in ("full_name", "iin", "salary_amount", "bank_account", "ip_address"):
            value(bare, category, collected=almaty(2026, 1, 1))
        assert not any(found.rule and found.rule.confirmed_by_counsel for found in kept(bare))
        loans.record_contract(subject=bare, number="K1", state="performed", at=almaty(2026, 6, 1))
        until = {found.value.category.code: found.until for found in kept(bare)}
        assert until == {
            "full_name": date(2031, 6, 1), "iin": date(2031, 6, 1), "salary_amount": date(2031, 6, 1),
            "bank_account": date(2031, 6, 1), "ip_address": date(2027, 1, 1),
        }  # fmt: skip

    def test_the_rules_that_come_with_the_product_let_go_of_who_was_refused_after_a_year(self, bare):
        with acting_as("command:load_registers@test"):
            registers.load()
        for category in ("full_name", "salary_amount"):
            value(bare, category)
        loans.record_application(subject=bare, number="A1", state="refused", at=almaty(2026, 6, 1))
        assert {found.until for found in kept(bare)} == {date(2027, 6, 1)}
