"""Until when and by which rule, on the officers' page about a person and in the person's cabinet."""

from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from audit.actor import acting_as
from audit.models import AccessRecord
from consent import kept_words, registers
from consent.models import RetentionRule
from subjects import loans, vault
from subjects import registers as subject_registers
from subjects.enums import Disclosure
from subjects.models import DataCategory, DataSubject, PersonalData
from tests.consent.factories import form, given, version
from tests.staff.conftest import member  # noqa: F401
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db


def almaty(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.get_default_timezone())


def rule(code: str, duration: str, starts_on: str, *, of: str = "identity", counsel: bool = False, reference: str = ""):
    with acting_as("command:load_registers@test"):
        return RetentionRule.objects.create(
            code=code, title_ru=f"{code} ru", title_kk=f"{code} kk", title_en=f"{code} en", duration=duration,
            starts_on=starts_on, loaded=True, in_force_during=(almaty(2015, 1, 1), None), retention_class=of,
            confirmed_by_counsel=counsel, reference=reference,
        )  # fmt: skip


@pytest.fixture
def person(db) -> DataSubject:
    """Name, e-mail and IIN held, all of the class identity."""
    subject_registers.load()
    return DataSubjectFactory(iin="850314390019")


def in_cabinet(person: DataSubject, language: str = "en") -> str:
    response = inside(person, language).get(reverse("consent:kept"))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def at_the_desk(member, person: DataSubject, role: str = "dpo", language: str = "en") -> str:  # noqa: F811
    client = Client(headers={"accept-language": language})
    client.force_login(member(role, language=language))
    page = client.get(reverse("admin:subjects_datasubject_change", args=[person.pk])).content.decode()
    return " ".join(page.split())


def repaid(person: DataSubject, *day: int) -> None:
    loans.record_contract(subject=person, number="K-1", state="opened", at=almaty(2020, 1, 1))
    loans.record_contract(subject=person, number="K-1", state="performed", at=almaty(*day))


class TestInWords:
    @pytest.mark.parametrize(
        ("language", "words"),
        [("en", "while a loan is open, and 5 years after the last one is performed"), ("ru", "5 лет"), ("kk", "5 жыл")],
    )
    def test_a_term_that_waits_says_for_what_and_how_long_it_is_then(self, person, language, words):
        rule("credit", "P5Y", "contract_performed")
        loans.record_contract(subject=person, number="K-1")
        with translation.override(language):
            assert {words in line.words for line in kept_words.lines(person)} == {True}

    def test_a_live_consent_and_an_open_application_are_what_other_rules_wait_for(self, person):
        rule("adverts", "P0D", "consent_withdrawn")
        given(person, version(form("C8")))
        with translation.override("en"):
            assert kept_words.lines(person)[0].words == "while the consent stands"
        other = DataSubjectFactory(iin="900101300017")
        rule("asked", "P1Y", "application_refused")
        loans.record_application(subject=other, number="A-1")
        with translation.override("en"):
            assert kept_words.lines(other)[0].words == "while an application is open, and 1 year after a refusal"

    def test_values_that_are_kept_alike_are_one_line_and_others_are_their_own(self, person):
        rule("files", "P1Y", "collected")
        vault.store(subject=person, category="email", parts={"value": "b@example.kz"}, source="test")
        assert [line.count for line in kept_words.lines(person) if line.category.code == "email"] == [2]
        late = PersonalData.objects.filter(category__code="email").latest("pk")
        PersonalData.objects.filter(pk=late.pk).update(collected_at=almaty(2020, 3, 1))
        lines = [line for line in kept_words.lines(person) if line.category.code == "email"]
        assert [line.count for line in lines] == [1, 1]
        assert {line.is_over for line in lines} == {True, False}

    def test_the_last_day_is_told_only_when_everything_has_one(self, person):
        rule("files", "P1Y", "collected")
        lines = kept_words.lines(person)
        assert kept_words.last_of(lines) == lines[0].until
        DataCategory.objects.filter(code="email").update(retention_class="marketing")
        vault.store(subject=person, category="email", parts={"value": "b@example.kz"}, source="test")
        assert kept_words.last_of(kept_words.lines(person)) is None
        assert kept_words.last_of([]) is None


class TestInTheCabinet:
    def test_each_kind_of_data_has_its_day_and_rule_and_nothing_is_opened(self, person):
        rule("credit", "P5Y", "contract_performed", counsel=True, reference="56-V art. 7")
        repaid(person, 2026, 3, 2)
        looked = AccessRecord.objects.count()
        page = in_cabinet(person)
        for title in ("E-mail address", "Individual identification number (IIN)"):
            assert title in page
        assert page.count('<time datetime="2031-03-02">') == 1, "kept alike, told once"
        assert "credit en (56-V art. 7)" in page
        assert AccessRecord.objects.count() == looked
        assert "850314390019" not in page
        assert "@example.kz" not in page

    def test_an_article_that_counsel_has_not_confirmed_is_told_to_nobody_outside(self, person):
        rule("credit", "P5Y", "contract_performed", reference="56-V art. 7")
        repaid(person, 2026, 3, 2)
        page = in_cabinet(person)
        assert "56-V" not in page
        assert "Lawyers have not confirmed this term yet" in page

    def test_a_withheld_value_leaves_no_trace(self, person):
        rule("files", "P1Y", "collected")
        main = lambda: in_cabinet(person).partition("<main")[2].partition("</main>")[0]  # noqa: E731
        before = main()
        vault.store(subject=person, category="full_name", parts={"last": "…"}, source="test")
        PersonalData.objects.filter(category__code="full_name").update(disclosure=Disclosure.WITHHELD)
        assert "<time" in before
        assert main() == before

    def test_a_term_that_is_over_says_so(self, person):
        rule("files", "P1Y", "collected")
        PersonalData.objects.update(collected_at=almaty(2020, 3, 1))
        assert "The term is over" in in_cabinet(person)

    def test_of_whom_nothing_is_held_the_page_says_so(self):
        assert "We hold no values of yours" in in_cabinet(DataSubjectFactory(email=None))

    def test_the_home_and_the_consents_lead_there(self, person):
        for name in ("cabinet:home", "consent:consents"):
            assert f'href="{reverse("consent:kept")}"' in inside(person).get(reverse(name)).content.decode()

    def test_it_costs_the_same_however_much_is_held(self, person, django_assert_num_queries):
        with acting_as("command:load_registers@test"):
            registers.load()
        client = inside(person)
        client.get(reverse("consent:kept"))
        with django_assert_num_queries(COST):
            client.get(reverse("consent:kept"))
        for number in range(5):
            vault.store(subject=person, category="email", parts={"value": f"{number}@example.kz"}, source="test")
            loans.record_contract(subject=person, number=f"K-{number}")
            loans.record_application(subject=person, number=f"A-{number}")
        with django_assert_num_queries(COST):
            client.get(reverse("consent:kept"))


# the nine of `retention.kept`; the person's files, the session, the person, the actor and what every page of the cabinet asks
COST = 17


class TestAtTheDesk:
    def test_the_page_of_a_person_names_the_day_the_rule_its_article_and_that_counsel_has_not_confirmed_it(
        self, person, member  # noqa: F811
    ):  # fmt: skip
        of = rule("credit", "P5Y", "contract_performed", reference="56-V art. 7")
        repaid(person, 2026, 3, 2)
        page = at_the_desk(member, person)
        assert page.count('<time datetime="2031-03-02">') == 2
        assert reverse("admin:consent_retentionrule_change", args=[of.pk]) in page
        assert "56-V art. 7" in page
        assert "not confirmed by counsel" in page
        rule("longer", "P6Y", "contract_performed", reference="56-V art. 7", counsel=True)
        assert "not confirmed by counsel" not in at_the_desk(member, person)

    def test_whoever_may_not_see_that_values_are_withheld_does_not(self, person, member):  # noqa: F811
        rule("files", "P1Y", "collected")
        PersonalData.objects.filter(category__code="iin").update(disclosure=Disclosure.WITHHELD)
        page = at_the_desk(member, person, "operator")
        assert page.partition('id="kept"')[2].partition("</section>")[0].count("<time") == 1
