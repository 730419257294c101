"""The matrix as one screen: gaps in words, two people for every change, nobody's work overwritten."""

import json
import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit import spreadsheet
from audit.actor import acting_as
from consent import matrix, registers
from consent.matrix import Gap
from consent.models import ClauseLink, Purpose, PurposeCategory
from policies.models import Clause
from staff.enums import Role
from subjects import registers as categories
from subjects.models import DataCategory
from tests.audit.test_spreadsheet import read, text
from tests.policies import factories as policies
from tests.staff.conftest import member  # noqa: F401

pytestmark = pytest.mark.django_db
PAGE, DECIDE = "/admin/consent/purposecategory/matrix/", "/admin/consent/purposecategory/matrix/decide/"


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


def name_of(purpose: str, category: str) -> str:
    return f"{Purpose.objects.get(code=purpose).pk}x{DataCategory.objects.get(code=category).pk}"


def now(purpose: str, category: str) -> str | None:
    cell = PurposeCategory.objects.in_force().filter(purpose__code=purpose, category__code=category).first()
    return cell.necessity if cell else None


def text_of(response) -> str:
    return re.sub(r"\s+", " ", unescape(response.content.decode()))


def fields(page) -> dict[str, str]:
    """What a browser would send: every field of the form as the page shows it, without any JavaScript."""
    form = re.search(r'<form method="post" id="matrix">(.*?)</form>', text_of(page))[1]
    found = {"seen": re.search(r'name="seen" value="([^"]*)"', form)[1]}
    for name, options in re.findall(r'<select name="([^"]+)"[^>]*>(.*?)</select>', form):
        chosen = re.search(r'value="(\w*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return found


def change(client: Client, page=None, **cells: str):
    """Send the page with some cells changed: {purpose__category: value}."""
    sent = fields(page or client.get(PAGE))
    for where, value in cells.items():
        sent["c-" + name_of(*where.split("__"))] = value
    return client.post(PAGE, sent)


class TestGaps:
    def gaps(self, code: str) -> tuple[list[Gap], list[str]]:
        row = next(row for row in matrix.build().rows if row.purpose.code == code)
        return row.gaps, row.unsaid

    def test_a_category_no_purpose_needs_is_excess(self):
        found = matrix.build()
        codes = {category.code for category in found.categories if category.pk in found.excess}
        assert {"marital_status", "property_type", "auto_other", "other_for_purposes"} <= codes
        assert not {"full_name", "iin", "call_recordings"} & codes

    def test_an_open_ended_purpose_and_one_without_data_are_told(self):
        assert Gap.OPEN_ENDED in self.gaps("other")[0]
        assert Gap.UNDECLARED_COLLECTION in self.gaps("other")[0]
        assert Gap.UNDECLARED_COLLECTION not in self.gaps("contract")[0]

    def test_a_purpose_is_declared_by_a_clause_in_force_and_in_both_languages(self):
        contract = Purpose.objects.get(code="contract")
        assert self.gaps("contract") == ([Gap.NO_CLAUSE], ["kk", "ru"])
        version = policies.published_version()
        clause = Clause.objects.filter(version=version, kind="bullet").exclude(text_kk="").exclude(text_ru="").first()
        ClauseLink.objects.create(policy=version.policy, clause_key=clause.key, purpose=contract)
        assert self.gaps("contract") == ([], [])
        ClauseLink.objects.create(
            policy=version.policy, clause_key="no-such", purpose=Purpose.objects.get(code="appeals")
        )
        assert self.gaps("appeals") == ([Gap.NO_CLAUSE], ["kk", "ru"])

    def test_a_draft_declares_nothing(self):
        version = policies.draft(by=policies.author())
        clause = Clause.objects.filter(version=version, kind="bullet").first()
        ClauseLink.objects.create(
            policy=version.policy, clause_key=clause.key, purpose=Purpose.objects.get(code="contract")
        )
        assert self.gaps("contract") == ([Gap.NO_CLAUSE], ["kk", "ru"])

    def test_the_page_says_gaps_in_words_and_not_by_colour_alone(self, desk):
        page = text_of(desk("auditor").get(PAGE))
        for words in (
            "Excess: no purpose needs it",
            "Open-ended: nothing may be done for it",
            "No data:",
            "No clause in force",
        ):
            assert words in page


class TestChanging:
    def test_a_change_waits_for_a_second_person_and_stands_beside_what_is_in_force(self, desk):
        officer, dpo = desk("officer"), desk("dpo")
        assert change(officer, contract__employer="optional", marketing__cookie="").status_code == 302
        assert now("contract", "employer") is None
        assert now("marketing", "cookie") == "optional"
        page = text_of(dpo.get(PAGE))
        assert "Changes that wait for a second person" in page
        assert "not needed → optional" in page
        cells = [name_of("contract", "employer"), name_of("marketing", "cookie")]
        assert dpo.post(DECIDE, {"cell": cells, "approve": "1"}).status_code == 302
        assert now("contract", "employer") == "optional"
        assert now("marketing", "cookie") is None
        assert not PurposeCategory.objects.waiting().exists()

    def test_a_change_of_necessity_replaces_the_cell(self, desk):
        officer, dpo = desk("officer"), desk("dpo")
        change(officer, contract__offer="optional")
        assert now("contract", "offer") == "required"
        dpo.post(DECIDE, {"cell": [name_of("contract", "offer")], "approve": "1"})
        assert now("contract", "offer") == "optional"
        assert PurposeCategory.objects.filter(purpose__code="contract", category__code="offer").count() == 2

    def test_a_declined_change_leaves_everything_as_it_was(self, desk):
        officer, dpo = desk("officer"), desk("dpo")
        change(officer, contract__offer="optional", contract__employer="required", marketing__cookie="")
        names = [name_of("contract", "offer"), name_of("contract", "employer"), name_of("marketing", "cookie")]
        dpo.post(DECIDE, {"cell": names, "decline": "1"})
        assert (now("contract", "offer"), now("contract", "employer"), now("marketing", "cookie")) == (
            "required", None, "optional",
        )  # fmt: skip
        assert not PurposeCategory.objects.waiting().exists()
        assert change(officer, contract__offer="optional").status_code == 302

    def test_a_page_sent_back_as_it_was_proposes_nothing(self, desk):
        change(desk("officer"))
        assert not PurposeCategory.objects.waiting().exists()

    def test_who_only_reads_or_only_approves_cannot_propose_and_the_other_way_round(self, desk):
        assert "<select" not in text_of(desk("auditor").get(PAGE)).split("matrix-frame")[1]
        for role in ("auditor", "dpo", "operator"):
            assert desk(role, f"reader-{role}").post(PAGE, {"seen": ""}).status_code == 403
        change(desk("officer", "proposer"), contract__employer="optional")
        for role in ("officer", "auditor", "operator"):
            answer = desk(role, f"second-{role}").post(
                DECIDE, {"cell": [name_of("contract", "employer")], "approve": "1"}
            )
            assert answer.status_code == 403
        assert now("contract", "employer") is None
        assert desk("administrator").get(PAGE).status_code == 403


class TestTwoOfficers:
    def test_the_second_at_the_same_cell_is_told_and_nothing_of_theirs_is_written(self, desk):
        one, two = desk("officer", "one"), desk("officer", "two")
        page = two.get(PAGE)
        change(one, contract__employer="optional")
        answer = change(two, page, contract__employer="required", contract__salary_date="optional")
        assert answer.status_code == 409
        assert "changed meanwhile by somebody else" in text_of(answer)
        waiting = PurposeCategory.objects.waiting().get()
        assert (waiting.necessity, waiting.proposed_by) == ("optional", one.user)
        assert fields(answer)["c-" + name_of("contract", "salary_date")] == "optional", "what they typed is kept"

    def test_the_second_at_another_cell_undoes_nothing_of_the_first(self, desk):
        one, two, dpo = desk("officer", "one"), desk("officer", "two"), desk("dpo")
        page = two.get(PAGE)
        change(one, contract__employer="optional")
        dpo.post(DECIDE, {"cell": [name_of("contract", "employer")], "approve": "1"})
        # the page of the second still says that the cell is empty
        assert change(two, page, contract__salary_date="optional").status_code == 302
        assert now("contract", "employer") == "optional"
        assert PurposeCategory.objects.waiting().get().category.code == "salary_date"

    def test_a_change_decided_meanwhile_is_not_decided_twice(self, desk):
        officer, one, two = desk("officer"), desk("dpo", "one"), desk("dpo", "two")
        change(officer, contract__employer="optional", contract__salary_date="optional")
        both = [name_of("contract", "salary_date"), name_of("contract", "employer")]
        one.post(DECIDE, {"cell": both[1:], "decline": "1"})
        answer = two.post(DECIDE, {"cell": both, "approve": "1"}, follow=True)
        assert "decided already" in text_of(answer)
        assert now("contract", "salary_date") is None, "all of what was chosen, or none"

    @pytest.mark.parametrize("wrong", [{"c-1x": "required"}, {"c-x": "optional"}, {"seen": "garbage = 7=8"}])
    def test_nonsense_is_a_sentence(self, desk, wrong):
        officer = desk("officer")
        assert officer.post(PAGE, {"seen": "", **wrong}).status_code in (302, 409)
        sent = fields(officer.get(PAGE)) | {"c-" + name_of("contract", "employer"): "perhaps"}
        assert officer.post(PAGE, sent).status_code == 409
        assert not PurposeCategory.objects.waiting().exists()


def test_costs_the_same_queries_with_many_purposes_and_proposals_as_with_few(desk):
    officer = desk("officer")
    change(officer, contract__employer="optional")
    link = ClauseLink(policy=policies.published_version().policy, clause_key="1.1", purpose=Purpose.objects.first())
    link.save()
    with CaptureQueriesContext(connection) as few:
        matrix.build()
    with acting_as("migration:consent.tests"):
        for number in range(5):
            Purpose.objects.create(code=f"p{number}", title_ru="…", title_kk="…", ground="consent", order=100 + number)
    change(officer, p1__iin="required", p2__iin="required", marketing__cookie="", appeals__email="optional")
    with CaptureQueriesContext(connection) as many:
        found = matrix.build()
        assert len(found.waiting()) == 5
        assert [str(cell.waiting.proposed_by) for cell in found.waiting() if cell.waiting]
    assert len(many) == len(few) == 7


def test_the_file_says_what_the_page_says(desk):
    change(desk("officer"), contract__employer="optional")
    response = desk("auditor").get("/admin/consent/purposecategory/matrix.json")
    told = json.loads(response.content)
    assert "attachment" in response["Content-Disposition"]
    assert len(told["purposes"]) == 24
    assert {"purpose": "contract", "category": "employer", "from": "", "to": "optional"} in told["proposed"]
    assert not any(c["category"] == "employer" and c["purpose"] == "contract" for c in told["cells"])
    assert {c["code"] for c in told["categories"] if c["gaps"]} >= {"marital_status"}


class TestTakenAlong:
    def test_the_workbook_holds_the_matrix_its_gaps_and_the_proposals(self, desk):
        officer = desk("officer")
        change(officer, contract__employer="optional")
        answer = officer.get("/admin/consent/purposecategory/matrix.xlsx")
        assert answer["Content-Type"] == spreadsheet.CONTENT_TYPE
        assert ".xlsx" in answer["Content-Disposition"]
        crossing, gaps, asked = ([[text(cell) for cell in row] for row in read(answer.content, n)] for n in (1, 2, 3))
        place = (
            [row[1] for row in crossing].index("contract"),
            crossing[0].index(str(DataCategory.objects.get(code="employer"))),
        )
        assert crossing[place[0]][place[1]] == "", "a proposal is not in force"
        offer = crossing[0].index(str(DataCategory.objects.get(code="offer")))
        assert crossing[place[0]][offer] == "required"
        assert len(crossing) == 1 + Purpose.objects.count()
        assert len(crossing[0]) == 2 + DataCategory.objects.count()
        assert ["other", "Open-ended: nothing may be done for it"] in [row[1:] for row in gaps]
        assert ["marital_status", "Excess: no purpose needs it"] in [row[1:] for row in gaps]
        assert [row[2:] for row in asked[1:]] == [["not needed", "optional"]]

    def test_a_title_that_looks_like_a_formula_is_text(self, desk):
        with acting_as("migration:consent.tests"):
            Purpose.objects.filter(code="contract").update(title_en="=1+1")
        answer = desk("auditor").get("/admin/consent/purposecategory/matrix.xlsx")
        cell = next(row[0] for row in read(answer.content) if text(row[1]) == "contract")
        assert text(cell) == "=1+1"
        assert cell.get("t") == "inlineStr"

    def test_it_is_not_given_to_who_may_not_look(self, desk):
        assert desk("administrator").get("/admin/consent/purposecategory/matrix.xlsx").status_code == 403

    def test_a_marked_gap_leads_to_the_screen_that_mends_it(self, desk):
        page = desk("officer").get(PAGE).content.decode()
        contract, other = (Purpose.objects.get(code=code) for code in ("contract", "other"))
        assert f'href="/admin/consent/clauselink/purpose/{contract.pk}/"' in page
        assert f'href="/admin/consent/purpose/{other.pk}/change/"' in page
