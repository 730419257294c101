"""Clauses that declare purposes: proposed by their words, linked by an officer, followed into the next version."""

import re
from html import unescape

import pytest
from django.test import Client

from audit.actor import acting_as
from consent import clause_links, matrix, registers
from consent.models import ClauseLink, Purpose
from policies.models import Clause
from staff.enums import Role
from subjects import registers as categories
from subjects.models import DataCategory
from tests.policies import factories as policies
from tests.staff.conftest import member, refused  # noqa: F401

pytestmark = pytest.mark.django_db
LIST = "/admin/consent/clauselink/"


@pytest.fixture(autouse=True)
def house(db):
    categories.load()
    with acting_as("command:load_registers@test"):
        registers.load()


@pytest.fixture
def desk(member):  # noqa: F811
    def make(role: str, name: str = "") -> Client:
        client = Client(headers={"accept-language": "ru"})
        client.user = member(Role(role), username=name or f"the-{role}")
        client.force_login(client.user)
        return client

    return make


@pytest.fixture
def version(db):
    return policies.published_version()


@pytest.fixture
def contract(house) -> Purpose:
    return Purpose.objects.get(code="contract")


def address(of) -> str:
    return f"{LIST}{'purpose' if isinstance(of, Purpose) else 'category'}/{of.pk}/"


def clauses_of(version) -> list[Clause]:
    return list(version.clauses.exclude(kind="heading").exclude(text_kk="").exclude(text_ru="").order_by("order"))


def name_of(clause: Clause) -> str:
    return f"{clause.version.policy_id}:{clause.key}"


def checked(answer) -> list[str]:
    """The boxes a browser would send as they are."""
    return re.findall(r'name="clause" value="([^"]+)" checked', unescape(answer.content.decode()))


def test_a_clause_linked_on_the_page_closes_the_gap_of_the_matrix_and_taken_away_opens_it(desk, version, contract):
    officer, clause = desk("officer"), clauses_of(version)[0]

    def unsaid():
        return next(row.unsaid for row in matrix.build().rows if row.purpose.code == "contract")

    assert unsaid() == ["kk", "ru"]
    assert f'href="{address(contract)}"' in officer.get("/admin/consent/purposecategory/matrix/").content.decode()
    assert officer.post(address(contract), {"clause": [name_of(clause)]}).status_code == 302
    assert unsaid() == []
    page = officer.get(address(contract))
    assert checked(page) == [name_of(clause)]
    officer.post(address(contract), {"seen": [name_of(clause)]})
    assert unsaid() == ["kk", "ru"]
    assert not ClauseLink.objects.exists()


def test_a_link_follows_its_clause_into_the_next_version(desk, contract, publish):
    first = publish(1)
    clause = clauses_of(first)[0]
    desk("officer").post(address(contract), {"clause": [name_of(clause)]})
    second = publish(2)
    found = clause_links.find(contract)
    assert [(c.clause.version_id, c.clause.key) for c in found.linked] == [(second.pk, clause.key)]
    assert found.lost == []


def test_a_link_whose_clause_is_in_no_version_in_force_is_shown_as_lost_and_can_be_taken_away(desk, version, contract):
    ClauseLink.objects.create(policy=version.policy, clause_key="9.9", purpose=contract)
    officer = desk("officer")
    assert [link.clause_key for link in clause_links.find(contract).lost] == ["9.9"]
    assert f"{version.policy_id}:9.9" in officer.get(address(contract)).content.decode()
    officer.post(address(contract), {"seen": [f"{version.policy_id}:9.9"]})
    assert not ClauseLink.objects.exists()


def test_a_clause_with_the_words_of_the_title_is_proposed_first_and_never_linked_by_itself(version):
    clause = clauses_of(version)[-1]
    target = DataCategory.objects.create(title_kk="Мүлдем басқа нәрсе", title_ru=clause.text_ru, code="x", order=98)
    found = clause_links.find(target)
    assert found.likely[0].clause == clause
    assert found.likely[0].likeness == 1
    assert all(not candidate.linked for candidate in found.likely)
    assert not ClauseLink.objects.exists()
    nothing = DataCategory.objects.create(title_kk="Қызғылт зымыран", title_ru="Розовая ракета", code="y", order=99)
    assert clause_links.find(nothing).likely == []


def test_what_a_colleague_linked_meanwhile_stays(desk, version, contract):
    one, other, third = clauses_of(version)[:3]
    officer = desk("officer")
    officer.post(address(contract), {"clause": [name_of(one)]})
    # the second officer looked before; sends what they saw and one more
    desk("officer", "second").post(address(contract), {"clause": [name_of(other)]})
    officer.post(address(contract), {"clause": [name_of(third)], "seen": [name_of(one)]})
    assert set(ClauseLink.objects.values_list("clause_key", flat=True)) == {other.key, third.key}


def test_a_clause_that_is_not_in_force_is_refused_and_nothing_is_written(desk, version, contract):
    answer = desk("officer").post(
        address(contract), {"clause": [name_of(clauses_of(version)[0]), f"{version.policy_id}:no-such", "nonsense"]}
    )
    assert answer.status_code == 409
    assert not ClauseLink.objects.exists()


def test_who_only_reads_sees_the_links_and_makes_none(desk, version, contract):
    clause = clauses_of(version)[0]
    ClauseLink.objects.create(policy=version.policy, clause_key=clause.key, purpose=contract)
    for role in ("auditor", "dpo", "operator"):
        client = desk(role)
        page = client.get(address(contract)).content.decode()
        assert clause.key in page and '<input type="checkbox"' not in page
        assert client.post(address(contract), {"seen": [name_of(clause)]}).status_code == 403
    with refused("permission"):
        clause_links.link(contract, chosen=[], seen=[], by=desk("auditor", "second").user)
    assert desk("administrator").get(address(contract)).status_code == 403


def test_a_category_has_its_clauses_too(desk, version):
    category, clause = DataCategory.objects.get(code="iin"), clauses_of(version)[1]
    desk("officer").post(address(category), {"clause": [name_of(clause)]})
    assert ClauseLink.objects.get().category == category


def test_without_a_policy_in_force_the_page_says_what_to_do(desk, contract):
    assert "empty" in desk("officer").get(address(contract)).content.decode()


def test_finding_costs_the_same_whatever_the_number_of_clauses(version, contract, django_assert_num_queries):
    with django_assert_num_queries(3):
        clause_links.find(contract)
