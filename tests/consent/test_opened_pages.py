"""Retention rules and editions of the list of data: proposed on a page, decided by another person, ended the same way."""

import re
from html import unescape

import pytest
from django.test import Client

from audit.actor import acting_as
from consent import registers
from consent.models import DataList, RetentionRule
from staff.enums import Role
from subjects import registers as categories
from subjects.models import DataCategory
from tests.staff.conftest import member  # noqa: F401

pytestmark = pytest.mark.django_db
RULES, LISTS = "/admin/consent/retentionrule/", "/admin/consent/datalist/"


@pytest.fixture(autouse=True)
def house(db):
    categories.load()
    with acting_as("command:load_registers@test"):
        registers.load()


@pytest.fixture
def desk(member):  # noqa: F811
    def make(role: str, name: str = "") -> Client:
        client = Client(headers={"accept-language": "en"})
        client.user = member(Role(role), username=name or f"the-{role}")
        client.force_login(client.user)
        return client

    return make


@pytest.fixture
def officer(desk):
    return desk("officer")


@pytest.fixture
def dpo(desk):
    return desk("dpo")


def page(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", unescape(answer.content.decode())).split())


def rule(**changed: str) -> dict[str, str]:
    told = {
        "code": "appeals", "title_kk": "Өтініштер", "title_ru": "Обращения", "title_en": "", "purpose": "",
        "category": "", "retention_class": "loan", "duration": "P3Y", "starts_on": "collected", "action": "destroy",
        "reference": "94-V art. 12",
    }  # fmt: skip
    return {**told, **changed}


def current(code: str) -> RetentionRule | None:
    return RetentionRule.objects.in_force().filter(code=code).first()


class TestRetentionRules:
    def propose(self, client: Client, of: str = "", **changed: str) -> RetentionRule:
        answer = client.post(f"{RULES}add/{of}", rule(**changed))
        assert answer.status_code == 302, page(answer)
        return RetentionRule.objects.get(in_force_during=None)

    def test_a_new_rule_counts_when_a_second_person_approved_it(self, officer, dpo):
        row = self.propose(officer)
        assert current("appeals") is None
        assert officer.post(f"{RULES}{row.pk}/step/approve/").status_code == 403
        dpo.post(f"{RULES}{row.pk}/step/approve/")
        assert current("appeals").duration == "P3Y"

    def test_a_change_is_proposed_from_what_is_in_force_and_takes_its_place(self, officer, dpo):
        old = current("technical")
        opened = officer.get(f"{RULES}{old.pk}/change/").content.decode()
        assert f"{RULES}add/?of={old.pk}" in opened
        form = officer.get(f"{RULES}add/?of={old.pk}").content.decode()
        assert 'value="P1Y"' in form, "it begins with what is in force"
        row = self.propose(
            officer, f"?of={old.pk}", code="ignored", title_kk=old.title_kk, title_ru=old.title_ru,
            retention_class="technical", duration="P6M", starts_on=old.starts_on, reference="",
        )  # fmt: skip
        assert row.code == "technical", "a change is of the same rule"
        dpo.post(f"{RULES}{row.pk}/step/approve/")
        assert current("technical").duration == "P6M"
        old.refresh_from_db()
        assert old.in_force_during.upper is not None

    def test_an_end_is_proposed_kept_or_approved(self, officer, dpo):
        old = current("marketing")
        officer.post(f"{RULES}{old.pk}/step/end/")
        assert "a change or an end waits" in page(dpo.get(f"{RULES}{old.pk}/change/"))
        dpo.post(f"{RULES}{old.pk}/step/keep/")
        assert current("marketing") == old
        officer.post(f"{RULES}{old.pk}/step/end/")
        dpo.post(f"{RULES}{old.pk}/step/approve-end/")
        assert current("marketing") is None
        assert "Ended" in page(dpo.get(f"{RULES}{old.pk}/change/"))

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"duration": "5 years"}, "Write the duration as ISO 8601 does"),
            ({"retention_class": ""}, "A rule is for one data category or for one retention class."),
            ({"code": "technical"}, "This is in force already: open it and propose a change of it."),
            ({"title_kk": ""}, "This field is required."),
        ],
    )
    def test_a_wrong_rule_is_answered_with_a_sentence_and_nothing_is_proposed(self, officer, changed, sentence):
        assert sentence in page(officer.post(f"{RULES}add/", rule(**changed)))
        assert not RetentionRule.objects.waiting().exists()

    def test_who_reads_sees_no_button_and_the_list_says_where_each_stands(self, desk, officer):
        self.propose(officer)
        auditor = desk("auditor")
        row = RetentionRule.objects.get(in_force_during=None)
        assert "/step/" not in auditor.get(f"{RULES}{row.pk}/change/").content.decode()
        assert auditor.post(f"{RULES}{row.pk}/step/decline/").status_code == 403
        listed = page(auditor.get(f"{RULES}?state=waiting"))
        assert "Обращения" in unescape(auditor.get(RULES, headers={"accept-language": "ru"}).content.decode())
        assert "Proposed, waits for a second person" in listed
        assert "In force since" not in listed

    def test_an_empty_selection_says_what_it_means(self, desk):
        assert "No retention rule stands so" in page(desk("auditor").get(f"{RULES}?state=ended"))


class TestListsOfData:
    def propose(self, client: Client, categories: list[DataCategory], **changed: str):
        told = {"order_number": "12-ө", "order_date": "2026-11-01", "categories": [row.pk for row in categories]}
        return client.post(f"{LISTS}add/", {**told, **changed})

    def approved(self, officer, dpo, categories, **changed) -> DataList:
        assert self.propose(officer, categories, **changed).status_code == 302
        edition = DataList.objects.get(in_force_during=None)
        dpo.post(f"{LISTS}{edition.pk}/step/approve/")
        edition.refresh_from_db()
        return edition

    def test_an_edition_holds_its_order_and_the_titles_of_its_day(self, officer, dpo):
        edition = self.approved(officer, dpo, list(DataCategory.objects.all()))
        assert (edition.number, edition.order_number, edition.is_in_force) == (1, "12-ө", True)
        with acting_as("job:test"):
            DataCategory.objects.filter(code="iin").update(title_ru="Иначе")
        assert edition.entries.get(category__code="iin").title_ru != "Иначе"

    def test_the_next_edition_shows_what_its_order_changes_and_replaces_the_one_before(self, officer, dpo):
        everything = list(DataCategory.objects.all())
        first = self.approved(officer, dpo, everything[1:])
        with acting_as("job:test"):
            DataCategory.objects.filter(pk=everything[2].pk).update(title_ru="Названо иначе")
        self.propose(officer, everything[:-1], order_number="13-ө")
        second = DataList.objects.get(in_force_during=None)
        shown = dpo.get(f"{LISTS}{second.pk}/change/").content.decode()
        assert f"<ins>{everything[0].title_ru}</ins>" in unescape(shown)
        assert f"<del>{everything[-1].title_ru}</del>" in unescape(shown)
        assert "<ins>Названо иначе</ins>" in shown
        dpo.post(f"{LISTS}{second.pk}/step/approve/")
        assert DataList.objects.in_force().get() == second
        first.refresh_from_db()
        assert first.in_force_during.upper is not None

    def test_a_list_without_entries_or_the_same_as_in_force_is_refused(self, officer, dpo):
        everything = list(DataCategory.objects.all())
        assert "at least one entry" in page(self.propose(officer, []))
        self.approved(officer, dpo, everything)
        assert "nothing differs from it" in page(self.propose(officer, everything))
        assert DataList.objects.count() == 1

    def test_a_declined_edition_leaves_nothing_behind_and_an_empty_register_says_so(self, officer, dpo):
        assert "Propose the first edition" in page(officer.get(LISTS))
        self.propose(officer, list(DataCategory.objects.all()))
        dpo.post(f"{LISTS}{DataList.objects.get().pk}/step/decline/")
        assert not DataList.objects.exists()
