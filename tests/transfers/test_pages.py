"""What officers do with transfers: entered and opened by two, the gate tried, the register read and taken out."""

import io
import json
import re
import zipfile
from datetime import timedelta
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone, translation

from audit import spreadsheet
from audit.actor import acting_as
from staff.enums import Role
from tests.audit.test_spreadsheet import read, text
from tests.staff.conftest import member  # noqa: F401
from tests.transfers import factories
from transfers import exporting
from transfers.admin.reasons import stopped_by
from transfers.enums import Check, Direction
from transfers.models import Agreement, AgreementFile, Recipient, Release, ShadowMode, Transfer
from transfers.services import authorise, release

pytestmark = pytest.mark.django_db
ADMIN = "/admin/transfers/"
PDF = b"%PDF-1.7\n1 0 obj\n%%EOF\n"


@pytest.fixture
def desk(member):  # noqa: F811
    def make(role: str, language: str = "en") -> Client:
        client = Client(headers={"accept-language": language})
        client.user = member(Role(role), username=f"the-{role}")
        client.force_login(client.user)
        return client

    return make


@pytest.fixture
def officer(desk):
    return desk("officer")


@pytest.fixture
def world():
    made = factories.world()
    made.consents()
    return made


def page(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", unescape(answer.content.decode())).split())


def asked(world, **changed):
    told = {
        "subject": world.person.reference,
        "recipient": world.recipient.code,
        "purpose": world.purpose.code,
        "direction": "outgoing",
        "categories": ["full_name", "iin"],
    }
    return {**told, **changed}


def done(world, **changed) -> Transfer:
    with acting_as("job:test"):
        return authorise(question=world.question(**changed)).transfer


class TestRecipients:
    def told(self, **changed: str) -> dict[str, str]:
        return {
            "code": "courier", "kind": "courier", "title_kk": "Курьер", "title_ru": "Курьер", "title_en": "",
            "bin": "", "country": "KZ", "contact_email": "", "contact_phone": "", "registry_number": "",
            "registry_date": "", **changed,
        }  # fmt: skip

    def test_an_officer_enters_one(self, officer):
        assert officer.post(f"{ADMIN}recipient/add/", self.told(bin="160440007161")).status_code == 302
        assert Recipient.objects.get(code="courier").bin == "160440007161"

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"bin": "160440007162"}, "The last digit of this BIN does not fit the others."),
            ({"bin": "160440007161", "country": "DE"}, "Only an organisation of Kazakhstan has a BIN"),
            ({"kind": "collector"}, "A collector stands in the register of collection agencies"),
            ({"country": "Germany"}, "at most 2"),
        ],
    )
    def test_what_is_wrong_is_said_beside_the_field(self, officer, changed, sentence):
        answer = officer.post(f"{ADMIN}recipient/add/", self.told(**changed))
        assert sentence in page(answer), page(answer)
        assert not Recipient.objects.exists()

    def test_the_list_says_whether_an_agreement_is_in_force(self, officer, world):
        assert "in force" in page(officer.get(f"{ADMIN}recipient/"))
        expired = factories.recipient("old", "courier")
        factories.agree(expired, valid_to=timezone.localdate() - timedelta(days=1))
        assert "not in force" in page(officer.get(f"{ADMIN}recipient/"))


class TestAgreements:
    def told(self, whom: Recipient, **changed) -> dict:
        return {
            "recipient": whom.pk, "number": "12/2026", "valid_from": "2026-01-01", "valid_to": "2027-01-01",
            "confidentiality": "4.2", "categories": ["full_name", "iin"], **changed,
        }  # fmt: skip

    def test_it_counts_when_a_second_person_approved_it_and_its_file_is_handed_out(self, desk, officer):
        factories.registers.load()
        whom = factories.recipient()
        upload = SimpleUploadedFile("договор.pdf", PDF)
        answer = officer.post(f"{ADMIN}agreement/add/", self.told(whom, upload=upload))
        assert answer.status_code == 302, page(answer)
        row = Agreement.objects.get()
        assert row.in_force_during is None and row.categories == ["full_name", "iin"]
        assert officer.post(f"{ADMIN}agreement/{row.pk}/step/approve/").status_code == 403
        dpo = desk("dpo")
        dpo.post(f"{ADMIN}agreement/{row.pk}/step/approve/")
        assert Agreement.objects.in_force().get() == row
        file = dpo.get(f"{ADMIN}agreement/{row.pk}/file/")
        assert file.content == PDF and file["Content-Type"] == "application/pdf"
        assert "Full name" in page(dpo.get(f"{ADMIN}agreement/{row.pk}/change/"))

    def test_a_file_is_told_by_its_content(self, officer):
        factories.registers.load()
        upload = SimpleUploadedFile("a.pdf", b"<script>", content_type="application/pdf")
        answer = officer.post(f"{ADMIN}agreement/add/", self.told(factories.recipient(), upload=upload))
        assert "This is no PDF, JPEG or PNG" in page(answer)
        assert not Agreement.objects.exists() and not AgreementFile.objects.exists()

    def test_the_list_of_those_about_to_end_holds_them_alone(self, officer):
        whom, today = factories.recipient(), timezone.localdate()
        factories.agree(whom, number="soon-1", valid_to=today + timedelta(days=30))
        factories.agree(whom, number="later-1", valid_to=today + timedelta(days=31))
        factories.agree(whom, number="gone-1", valid_to=today - timedelta(days=1))
        listed = page(officer.get(f"{ADMIN}agreement/?ending=soon"))
        assert "soon-1" in listed and "later-1" not in listed and "gone-1" not in listed


class TestTryingTheGate:
    def test_it_answers_and_writes_nothing(self, officer, world):
        answer = page(officer.post(f"{ADMIN}transfer/try/", asked(world)))
        assert "allowed" in answer and "The policy in force declares the purpose." in answer
        assert not Transfer.objects.exists()

    def test_a_refusal_says_why_and_what_would_change_it(self, officer, world):
        world.withdraws()
        answer = page(officer.post(f"{ADMIN}transfer/try/", asked(world)))
        assert "The person withdrew the consent C3." in answer
        assert "Allowed after the person gives the consent C3" in answer

    def test_data_are_called_by_their_titles(self, officer, world):
        answer = page(officer.post(f"{ADMIN}transfer/try/", asked(world, categories=["full_name", "email"])))
        assert re.search(r"The transfer rule does not cover: E-?mail", answer), answer
        assert "Allowed without: E" in answer

    def test_it_speaks_the_readers_language(self, desk, world):
        answer = desk("officer", "ru").post(f"{ADMIN}transfer/try/", asked(world))
        assert answer.headers["Content-Language"] == "ru"

    def test_before_the_consent_it_was_refused(self, officer, world):
        before = timezone.localtime() - timedelta(days=2)
        answer = page(officer.post(f"{ADMIN}transfer/try/", asked(world, at=f"{before:%Y-%m-%dT%H:%M}")))
        assert "The answer refused" in answer or "The answer not set up" in answer

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"subject": "S-999999"}, "No person has this reference."),
            ({"at": "2100-01-01T10:00"}, "choose an earlier moment"),
            ({"categories": []}, "This field is required."),
        ],
    )
    def test_a_question_that_makes_no_sense_is_not_asked(self, officer, world, changed, sentence):
        answer = officer.post(f"{ADMIN}transfer/try/", asked(world, **changed))
        assert answer.status_code == 422 and sentence in page(answer)

    def test_who_may_not_ask_is_sent_away(self, desk):
        assert desk("auditor").get(f"{ADMIN}transfer/try/").status_code == 403


class TestTheRegister:
    def test_a_row_shows_every_check_with_its_proof_and_is_asked_again(self, officer, world):
        row = done(world)
        shown = officer.get(f"{ADMIN}transfer/{row.pk}/change/").content.decode()
        assert f"/admin/consent/consentevent/{row.consent_id}/change/" in shown
        world.withdraws()
        again = page(officer.get(f"{ADMIN}transfer/{row.pk}/again/"))
        assert "the gate answers the same" in again and "another answer" in again
        assert Transfer.objects.count() == 1

    def test_withheld_rows_are_not_there_for_who_must_not_know(self, desk, world):
        row = done(world)
        hidden = done(factories.world(code="fm", kind="financial_monitoring", purpose="aml", ground="law"))
        assert hidden.disclosure == "withheld"
        auditor, officer = desk("auditor"), desk("officer")
        assert f"/transfer/{hidden.pk}/change/" in officer.get(f"{ADMIN}transfer/").content.decode()
        listed = auditor.get(f"{ADMIN}transfer/").content.decode()
        assert f"/transfer/{row.pk}/change/" in listed and f"/transfer/{hidden.pk}/change/" not in listed
        assert auditor.get(f"{ADMIN}transfer/{hidden.pk}/change/").status_code == 302
        today = timezone.localdate().isoformat()
        told = {"since": today, "until": today, "format": "json"}
        taken = json.loads(b"".join(auditor.post(f"{ADMIN}transfer/export/", told).streaming_content))
        for_ever = told | {"since": "0001-01-01", "until": "9999-12-31"}
        assert auditor.post(f"{ADMIN}transfer/export/", for_ever).status_code < 500, (
            "the last day of all has none after it"
        )
        assert [item["id"] for item in taken["transfers"]] == [str(row.public_id)]

    def test_filters_narrow_it(self, officer, world):
        allowed = done(world)
        refused = done(world, categories=("full_name", "mobile_phone", "email"))
        listed = officer.get(f"{ADMIN}transfer/?decision__exact=deny").content.decode()
        assert f"/transfer/{refused.pk}/change/" in listed and f"/transfer/{allowed.pk}/change/" not in listed
        assert officer.get(f"{ADMIN}transfer/?period=week").status_code == 200
        assert officer.get(f"{ADMIN}transfer/?inputs__question__subject=S-1").status_code == 400


class TestTakenOut:
    def take(self, client, **told) -> object:
        today = timezone.localdate().isoformat()
        return client.post(f"{ADMIN}transfer/export/", {"since": today, "until": today, **told})

    def test_json_holds_every_row_the_day_and_who_took_it(self, officer, world):
        given = authorise(question=world.question())
        release(token=given.token, payload_sha256="a" * 64)
        taken = json.loads(b"".join(self.take(officer, format="json").streaming_content))
        assert "the-officer" in taken["signatory"] and taken["made_at"][:10] == timezone.localdate().isoformat()
        (row,) = taken["transfers"]
        assert row["subject"] == world.person.reference and row["decision"] == "allow"
        assert row["payload_sha256"] == "a" * 64 and Release.objects.count() == 1

    def test_a_spreadsheet_has_the_rows(self, officer, world):
        done(world)
        content = self.take(officer, format="xlsx").content
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            told = "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
        assert world.person.reference in told and "the-officer" in told

    @pytest.mark.parametrize(
        "language, decision, check",
        [
            ("kk", "бапталмаған, бақылау режимінде өткізілді", "құқықтық негіз"),
            ("ru", "не настроено, пропущено в режиме наблюдения", "правовое основание"),
        ],
    )
    def test_it_says_in_words_what_was_not_passed_and_what_went_in_spite_of_it(
        self, desk, world, language, decision, check
    ):
        factories.opened(ShadowMode, ends_at=timezone.now() + timedelta(days=1))
        with acting_as("job:test"):
            given = authorise(question=world.question(direction="incoming"))
            release(token=given.token, payload_sha256="a" * 64, direction=Direction.INCOMING)
        cells = [
            [text(cell) for cell in row] for row in read(self.take(desk("officer", language), format="xlsx").content)
        ]
        assert cells[0][2] == {"kk": "Дербес деректер субъектісі", "ru": "Субъект персональных данных"}[language]
        assert cells[1][7] == decision and check in cells[1][9].split(", "), cells
        with translation.override(language):
            assert not set(cells[1][9].split(", ")) & set(Check.values)
        taken = json.loads(b"".join(self.take(desk("dpo", language), format="json").streaming_content))["transfers"]
        assert set(taken[0]["failed"]) <= set(Check.values) and taken[0]["decision"] == "gap" and taken[0]["shadow"]

    @pytest.mark.parametrize("format, instead", [("xlsx", "choose JSON"), ("pdf", "choose XLSX")])
    def test_more_rows_than_the_file_holds_are_refused_with_a_way_out(
        self, officer, world, monkeypatch, format, instead
    ):
        done(world)
        monkeypatch.setitem(exporting.MOST, format, 1)
        assert self.take(officer, format=format).status_code == 200
        done(world)
        answer = self.take(officer, format=format)
        assert answer.status_code == 422 and instead in page(answer)
        assert self.take(officer, format="json").status_code == 200

    def test_a_spreadsheet_of_the_register_is_no_longer_than_its_sheet(self):
        assert exporting.MOST["xlsx"] + 1 == spreadsheet.ROWS, "the heading is a row too"

    @pytest.mark.parametrize("language", ["kk", "ru", "en"])
    def test_paper_is_a_pdf(self, desk, world, language):
        done(world)
        answer = self.take(desk("officer", language), format="pdf")
        assert answer.content.startswith(b"%PDF-") and len(answer.content) > 5_000

    def test_days_in_the_wrong_order_are_refused(self, officer):
        answer = self.take(officer, format="json", until="2020-01-01")
        assert answer.status_code == 422 and "The last day is before the first." in page(answer)


def test_refusals_are_counted_by_the_check_that_stopped_them(officer, world):
    done(world)
    done(world, categories=("full_name", "mobile_phone", "email"))
    world.withdraws()
    done(world, categories=("full_name", "mobile_phone", "email"))
    shown = page(officer.get(f"{ADMIN}transfer/refusals/"))
    assert re.search(r"categories of data 2\b", shown), shown
    assert re.search(r"legal ground 1\b", shown), shown


class TestWhyNot:
    """Refusals by reason: what is not set up is ours to mend and no refusal; nor is what shadow mode let through."""

    def charts(self, answer) -> dict[str, dict[str, int]]:
        tables = re.findall(r"<caption>(.*?)</caption>(.*?)</table>", answer.content.decode(), re.DOTALL)
        row = re.compile(r'<th scope="row">(.*?)</th>\s*<td class="bar-value">(\d+)')
        return {caption: {label: int(n) for label, n in row.findall(rows)} for caption, rows in tables if "bar" in rows}

    @pytest.fixture
    def answers(self, world):
        """One of each kind: allowed, refused, not set up, let through."""
        with acting_as("job:test"):
            allowed = authorise(question=world.question()).transfer
            refused = authorise(question=world.question(categories=("full_name", "email"))).transfer
            missing = authorise(question=world.question(direction="incoming")).transfer
            factories.opened(ShadowMode, ends_at=timezone.now() + timedelta(days=1))
            shadow = authorise(question=world.question(direction="incoming")).transfer
        assert (missing.decision, len(missing.failed), shadow.shadow) == ("gap", 4, True)
        return {"allow": allowed, "deny": refused, "gap": missing, "shadow": shadow}

    def test_what_is_not_set_up_stands_apart_and_a_missing_rule_is_one_thing(self, officer, answers):
        assert self.charts(officer.get(f"{ADMIN}transfer/refusals/")) == {
            "Transfers that a check stopped": {"categories of data": 1},
            "What is not set up": {"transfer rule": 1},
            "What would have stopped those let through in shadow mode": {"transfer rule": 1},
        }

    def test_a_figure_leads_to_the_rows_it_counted(self, officer, world, answers):
        today = timezone.localdate()
        chosen = {"since": today, "until": today, "recipient": world.recipient.code}
        shown = unescape(officer.get(f"{ADMIN}transfer/refusals/", chosen).content.decode())
        links = re.findall(r'href="([^"]*/transfer/\?[^"]*shadow__exact[^"]*)"', shown)
        assert len(links) == 4
        for link, row in zip(links, answers.values(), strict=True):
            listed = officer.get(link)
            assert [found.pk for found in listed.context["cl"].result_list] == [row.pk], link
        tomorrow = {"since": today + timedelta(days=1), "until": today + timedelta(days=1)}
        shown = unescape(officer.get(f"{ADMIN}transfer/refusals/", tomorrow).content.decode())
        for link in re.findall(r'href="([^"]*/transfer/\?[^"]*shadow__exact[^"]*)"', shown):
            assert not officer.get(link).context["cl"].result_list
        far = {"since": "0001-01-01", "until": "9999-12-31"}
        shown = unescape(officer.get(f"{ADMIN}transfer/refusals/", far).content.decode())
        link = re.search(r'href="([^"]*/transfer/\?[^"]*shadow__exact[^"]*)"', shown)[1]
        assert officer.get(link).status_code == 200

    def test_a_refusal_is_not_put_down_to_the_rule_that_is_missing_beside_it(self):
        assert stopped_by("deny", ["rule", "ground", "categories", "agreement", "country"]) == {"country"}
        assert stopped_by("deny", ["rule", "ground", "categories", "agreement"]) == {"categories"}
        assert stopped_by("gap", ["declared", "rule", "ground", "categories", "agreement"]) == {"declared", "rule"}
        assert stopped_by("deny", ["ground", "agreement"]) == {"ground", "agreement"}
