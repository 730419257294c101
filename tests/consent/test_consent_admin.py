"""The officers' pages about consents: on any day, on what ground; papers typed by one and compared by another."""

import re
from datetime import date, datetime, timedelta
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from audit.actor import acting_as
from audit.models import AccessRecord
from consent import ledger
from consent.enums import State
from consent.models import ConsentEvent, Purpose, Scan
from notifications.models import Letter
from staff.enums import Role
from subjects import loans
from tests.consent.factories import BY_CODE, form, given, purpose, version
from tests.consent.test_paper import JPEG, PDF
from tests.staff.conftest import member  # noqa: F401
from tests.staff.factories import as_officer

pytestmark = pytest.mark.django_db

EVENTS = "/admin/consent/consentevent/"


@pytest.fixture
def desk(member):  # noqa: F811
    """`desk("officer")` is a browser of somebody with that role; `desk.user` who it was last."""

    def make(role: str, name: str = "") -> Client:
        client = Client(headers={"accept-language": "en"})
        client.user = member(Role(role), username=name or f"the-{role}")
        client.force_login(client.user)
        return client

    return make


def page_of(person) -> str:
    return f"/admin/subjects/datasubject/{person.pk}/change/"


def text_of(response) -> str:
    return re.sub(r"\s+", " ", unescape(response.content.decode()))


def rows_of(page: str, caption: str) -> dict[str, str]:
    """{first cell: the rest} of the table with this caption."""
    table = re.search(rf"<caption[^>]*>{caption}</caption>(.*?)</table>", page)[1]
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", table)[1:]:
        cells = [re.sub(r"<[^>]+>|\s+", " ", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        found[cells[0]] = " | ".join(cells[1:])
    return found


def states(page: str) -> dict[str, str]:
    return {key.partition(" ")[0]: value for key, value in rows_of(page, "How each consent stands").items()}


def on_paper(of, **changes) -> dict:
    friday = timezone.localtime(timezone.now() - timedelta(days=3))
    return {
        "version": of.pk, "scope": "", "language": "kk", "channel": "paper",
        "occurred_at": friday.strftime("%Y-%m-%dT%H:%M"), "scan": SimpleUploadedFile("x.jpg", JPEG), **changes,
    }  # fmt: skip


class TestThePersonsPage:
    def test_says_how_every_consent_stands_and_what_may_be_done_on_what_ground(self, person, desk):
        purpose("accounting", ground="law", required=True)
        given(person, version(form("C1")))
        loans.record_contract(subject=person, number="K-1")
        version(form("C8"), purposes={"adverts": "kk ru"})
        page = text_of(desk("officer").get(page_of(person)))
        assert states(page)["C1"].startswith("— | given")
        assert states(page)["C8"].startswith("— | never asked")
        grounds = rows_of(page, "Purposes and their grounds")
        assert grounds["contract"].startswith("Allowed | consent, C1")
        assert grounds["adverts"].startswith("Refused | no consent")
        assert grounds["accounting"].startswith("Allowed | a law demands it")

    def test_of_a_past_day_shows_that_day(self, person, desk):
        old = timezone.now() - timedelta(days=10)
        of = version(form("C8"), at=old)
        typist, other = desk("officer", "typist").user, desk("dpo").user
        with as_officer(typist):
            typed = ledger.record_paper(
                subject=person, version=of, language="kk", occurred_at=old + timedelta(days=2), by=typist
            )
        with as_officer(other):
            ledger.confirm(event=typed, by=other)
        ledger.withdraw(subject=person, form=of.form, proof=BY_CODE, occurred_at=old + timedelta(days=5))
        client = desk("auditor")
        # the purpose is in force since long ago
        with acting_as("migration:consent.tests"):
            Purpose.objects.update(valid_from=timezone.localdate(old))
        for days, state, may in ((1, "never asked", "Refused"), (3, "given", "Allowed"), (6, "withdrawn", "Refused")):
            day = timezone.localdate(old + timedelta(days=days)).isoformat()
            page = text_of(client.get(page_of(person), {"at": day}))
            assert state in states(page)["C8"], day
            assert rows_of(page, "Purposes and their grounds")["contract"].startswith(may), day
            assert f"at the end of {date_format(date.fromisoformat(day), 'DATE_FORMAT')}" in page
        assert "withdrawn" in states(text_of(client.get(page_of(person))))["C8"]

    @pytest.mark.parametrize("wrong", ["yesterday", "2026-13-01", "9999-12-31", "0", "<b>"])
    def test_what_is_no_past_day_is_said_and_today_is_shown(self, person, desk, wrong):
        given(person, version(form("C8")))
        response = desk("officer").get(page_of(person), {"at": wrong})
        assert response.status_code == 200
        page = text_of(response)
        assert "given" in states(page)["C8"]
        assert "is no date" in page
        assert "<b>” is" not in response.content.decode()

    def test_a_day_to_come_is_today(self, person, desk):
        given(person, version(form("C8")))
        page = text_of(desk("officer").get(page_of(person), {"at": "2999-01-01"}))
        assert "given" in states(page)["C8"]
        assert "at the end of" not in page

    def test_costs_as_many_queries_with_many_consents_as_with_one(self, person, desk):
        given(person, version(form("C1")))
        client = desk("officer")
        client.get(page_of(person))
        with CaptureQueriesContext(connection) as one:
            client.get(page_of(person))
        for number in range(2, 9):
            given(person, version(form(f"C{number}")))
        with CaptureQueriesContext(connection) as many:
            client.get(page_of(person))
        assert len(many) <= len(one), [q["sql"][:200] for q in many.captured_queries[len(one) - 3 :]]

    def test_the_administrator_sees_nothing_of_it(self, person, desk):
        assert desk("administrator").get(page_of(person)).status_code == 403

    def test_a_stopped_use_is_said(self, person, desk):
        of = version()
        given(person, of)
        ledger.withdraw(subject=person, form=of.form, proof=BY_CODE)
        page = text_of(desk("officer").get(page_of(person)))
        assert "Use is restricted" in page
        assert "use restricted" in page
        assert rows_of(page, "Purposes and their grounds")["contract"].startswith("Refused | use stopped")


class TestPapers:
    def test_one_types_another_compares_and_it_counts_from_the_day_it_was_signed(self, person, desk):
        of = version(form("C1"), at=timezone.now() - timedelta(days=30))
        operator, officer = desk("operator"), desk("officer")
        sent = on_paper(of)
        assert operator.post(f"{EVENTS}record/{person.pk}/", sent).status_code == 302
        typed = ConsentEvent.objects.get()
        assert typed.actor == f"officer:{operator.user.pk}"
        assert typed.scan == Scan.objects.get()
        assert ledger.standings(person)["C1", ""].state == State.PENDING_CONFIRMATION
        waiting = text_of(officer.get(f"{EVENTS}waiting/"))
        assert str(person) in waiting
        assert "the-operator" in waiting
        shown = text_of(officer.get(f"{EVENTS}{typed.pk}/confirm/"))
        assert "БСН 990140000385" in shown
        assert officer.post(f"{EVENTS}{typed.pk}/confirm/", {"confirm": "1"}).status_code == 302
        standing = ledger.standings(person)["C1", ""]
        assert standing.state == State.GIVEN
        assert standing.since == timezone.make_aware(datetime.fromisoformat(sent["occurred_at"]))
        assert "Nothing waits" in text_of(officer.get(f"{EVENTS}waiting/"))
        assert officer.get(f"{EVENTS}{typed.pk}/confirm/").status_code == 409

    def test_who_typed_it_does_not_compare_it(self, person, desk):
        of, officer = version(form("C1"), at=timezone.now() - timedelta(days=30)), desk("officer")
        officer.post(f"{EVENTS}record/{person.pk}/", on_paper(of))
        typed = ConsentEvent.objects.get()
        assert "a colleague compares it" in text_of(officer.get(f"{EVENTS}waiting/"))
        for response in (
            officer.get(f"{EVENTS}{typed.pk}/confirm/"),
            officer.post(f"{EVENTS}{typed.pk}/confirm/", {"confirm": "1"}),
        ):
            assert response.status_code == 409
            assert "somebody else compares it" in text_of(response)
        assert not ledger.standings(person)["C1", ""].is_ground

    def test_a_declined_paper_needs_a_reason_and_is_no_consent(self, person, desk):
        of = version(form("C1"), at=timezone.now() - timedelta(days=30))
        desk("operator").post(f"{EVENTS}record/{person.pk}/", on_paper(of))
        typed, dpo = ConsentEvent.objects.get(), desk("dpo")
        url = f"{EVENTS}{typed.pk}/confirm/"
        assert dpo.post(url, {"decline": "1", "reason": ""}).status_code == 422
        assert dpo.post(url, {"decline": "1", "reason": "other_person"}).status_code == 302
        event = ConsentEvent.objects.latest("pk")
        assert (event.kind, event.reason, event.about) == ("invalidated", "other_person", typed)
        assert dpo.post(url, {"confirm": "1"}).status_code == 409
        assert not Letter.objects.exists()

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            ({"scan": ""}, "Add the scan"),
            ({"scan": SimpleUploadedFile("scan.pdf", b"MZ a program")}, "no PDF, JPEG or PNG"),
            ({"scan": SimpleUploadedFile("scan.pdf", PDF.replace(b"/Root", b"/Encrypt 5 0 R"))}, "password"),
            ({"occurred_at": "2999-01-01T10:00"}, "lies ahead"),
            ({"occurred_at": "Friday"}, "valid date"),
            ({"language": "en"}, "no text in this language"),
            ({"version": "999"}, "valid choice"),
            ({"scope": "contract:999"}, "valid choice"),
        ],
    )
    def test_what_cannot_be_is_refused_with_a_sentence_and_nothing_is_kept(self, person, desk, wrong, sentence):
        of = version(form("C8"), at=timezone.now() - timedelta(days=30))
        response = desk("operator").post(f"{EVENTS}record/{person.pk}/", on_paper(of, **wrong))
        assert response.status_code == 422
        assert sentence in text_of(response)
        assert not ConsentEvent.objects.exists()
        assert not Scan.objects.exists()

    def test_nobody_types_about_one_contract_what_is_about_everything(self, person, desk):
        contract = loans.record_contract(subject=person, number="K-5")
        of = version(form("C8"), at=timezone.now() - timedelta(days=30))
        response = desk("operator").post(f"{EVENTS}record/{person.pk}/", on_paper(of, scope=f"contract:{contract.pk}"))
        assert "is not about one application or contract" in text_of(response)

    def test_a_scan_opens_with_a_reason_as_a_file_and_the_person_sees_that_it_did(self, person, desk):
        of = version(form("C1"), at=timezone.now() - timedelta(days=30))
        desk("operator").post(f"{EVENTS}record/{person.pk}/", on_paper(of))
        scan, officer = Scan.objects.get(), desk("officer")
        url = f"{EVENTS}scan/{scan.pk}/"
        assert officer.get(url).status_code == 200
        assert officer.post(url).status_code == 422
        assert not AccessRecord.objects.filter(category="consent.scan").exists()
        response = officer.post(url, {"reason": "scan_confirm"})
        assert response.content == JPEG
        assert response["Content-Type"] == "image/jpeg"
        assert response["Content-Disposition"].startswith("attachment; filename=")
        assert AccessRecord.objects.filter(category="consent.scan", reference=str(person)).count() == 1
        page = text_of(officer.get(page_of(person)))
        assert "a scan of a consent" in page
        assert "comparing it with what was typed" in page
        assert desk("auditor").get(url).status_code == 403

    def test_a_withdrawal_by_phone_counts_at_once_and_is_confirmed_by_a_letter(self, person, desk):
        given(person, version(form("C8"), at=timezone.now() - timedelta(days=30)))
        operator = desk("operator")
        url = f"{EVENTS}record-withdrawal/{person.pk}/"
        said = timezone.localtime().strftime("%Y-%m-%dT%H:%M")
        sent = {"consent": "C8|", "channel": "call", "reason": "withdrawal_by_call", "occurred_at": said}
        assert operator.post(url, {**sent, "reason": ""}).status_code == 422
        assert operator.post(url, sent).status_code == 302
        event = ConsentEvent.objects.latest("pk")
        assert (event.kind, event.reason, event.actor) == (
            "withdrawn", "withdrawal_by_call", f"officer:{operator.user.pk}",
        )  # fmt: skip
        assert Letter.objects.get().kind == "consent_withdrawn"
        page = text_of(operator.get(page_of(person)))
        assert "said by phone, identity checked" in page
        assert "the-operator" in page
        assert "C8|" not in text_of(operator.get(url)), "there is nothing left to withdraw"

    def test_a_withdrawal_older_than_the_consent_ends_nothing_and_the_officer_is_told(self, person, desk):
        given(person, version(form("C8"), at=timezone.now() - timedelta(days=30)))
        said = timezone.localtime(timezone.now() - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
        sent = {"consent": "C8|", "channel": "call", "reason": "withdrawal_by_call", "occurred_at": said}
        response = desk("operator").post(f"{EVENTS}record-withdrawal/{person.pk}/", sent, follow=True)
        assert "consented again after that moment" in text_of(response)
        assert ledger.standings(person)["C8", ""].is_ground

    def test_nothing_is_chosen_in_advance(self, person, desk):
        version(form("C8"))
        operator = desk("operator")
        for page in ("record", "record-withdrawal"):
            shown = text_of(operator.get(f"{EVENTS}{page}/{person.pk}/"))
            chosen = re.findall(
                r'<option value="([^"]*)" selected', re.search(r"<main.*</main>|id=.content.*", shown)[0]
            )
            assert set(chosen) <= {""}


class TestTheHome:
    def test_papers_of_colleagues_wait_there_and_ones_own_do_not(self, person, desk):
        of = version(form("C1"), at=timezone.now() - timedelta(days=30))
        officer, dpo = desk("officer"), desk("dpo")
        officer.post(f"{EVENTS}record/{person.pk}/", on_paper(of))
        assert f"{EVENTS}waiting/" in text_of(dpo.get("/admin/"))
        assert f"{EVENTS}waiting/" not in text_of(officer.get("/admin/"))


def test_lists_are_read_only_and_say_nothing_sealed(person, desk):
    event = given(person, version(form("C8")), proof=BY_CODE._replace(sealed={"address": "203.0.113.9", "agent": "x"}))
    client = desk("auditor")
    assert str(person) in text_of(client.get(EVENTS))
    assert str(person) in text_of(client.get("/admin/consent/consentstate/"))
    page = text_of(client.get(f"{EVENTS}{event.pk}/change/"))
    assert event.sha256 in page
    assert "sealed" not in page
    assert client.post(f"{EVENTS}{event.pk}/change/").status_code == 403
    assert client.get(EVENTS, {"sealed_evidence__startswith": "x"}).status_code in (302, 400)
