"""Officers' pages of what follows a transfer, and the API that takes data in."""

import io
import re
import zipfile
from html import unescape

import pytest
from django.test import Client

from audit.actor import acting_as
from staff.enums import Role
from subjects.enums import Disclosure
from tests.consent.system import System, problem
from tests.staff.conftest import member  # noqa: F401
from tests.transfers import factories
from transfers import aftermath, processing, services
from transfers.models import ProcessingRegister, Quarantined, RecipientNotice

pytestmark = pytest.mark.django_db
ADMIN = "/admin/transfers/"
SHA = "a" * 64


@pytest.fixture
def desk(member):  # noqa: F811
    def make(role: str, language: str = "en") -> Client:
        client = Client(headers={"accept-language": language})
        client.user = member(Role(role), username=f"the-{role}")
        client.force_login(client.user)
        return client

    return make


def page(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", unescape(answer.content.decode())).split())


@pytest.fixture
def made():
    made = factories.world()
    made.consents()
    return made


@pytest.fixture
def task(made) -> RecipientNotice:
    with acting_as("job:test"):
        done = services.authorise(question=made.question())
        services.release(token=done.token, payload_sha256=SHA)
        aftermath.corrected(made.person, "iin")
    return RecipientNotice.objects.get()


class TestRecipients:
    def test_the_home_page_sends_to_the_queue_and_the_queue_to_the_task(self, desk, task):
        officer = desk("officer")
        assert "Recipients must learn" in page(officer.get("/admin/"))
        queue = officer.get(f"{ADMIN}recipientnotice/?stand=waiting")
        assert f"/recipientnotice/{task.pk}/change/" in queue.content.decode()

    def test_the_letter_goes_as_it_was_shown_and_is_confirmed(self, desk, task):
        officer, url = desk("officer"), f"{ADMIN}recipientnotice/{task.pk}/"
        shown = officer.get(f"{url}change/").content.decode()
        sha256 = re.search(r'name="letter_sha256" value="([0-9a-f]{64})"', shown)[1]
        assert officer.get(f"{url}letter/").content.startswith(b"%PDF")
        stale = officer.post(f"{url}sent/", {"channel": "email", "letter_sha256": SHA})
        assert (stale.status_code, "here is the new one" in page(stale)) == (409, True)
        assert sha256 in stale.content.decode()
        officer.post(f"{url}sent/", {"channel": "email", "letter_sha256": sha256})
        named = officer.post(f"{url}confirmed/", {"confirmation": "ИИН 850314390019"})
        assert (named.status_code, RecipientNotice.objects.get().state) == (422, "sent")
        officer.post(f"{url}confirmed/", {"confirmation": "12-7 of 30.11.2026"})
        row = RecipientNotice.objects.get()
        assert (row.state, row.letter_sha256, row.sent_by) == ("confirmed", sha256, officer.user)
        assert "Recipients must learn" not in page(officer.get("/admin/"))
        again = officer.post(f"{url}confirmed/", {"confirmation": "13"}, follow=True)
        assert "confirmed this already" in page(again)

    def test_a_withheld_task_is_not_there_for_who_must_not_know(self, desk, task):
        with acting_as("job:test"):
            hidden = RecipientNotice.objects.create(
                recipient=task.recipient, subject=task.subject, reason="erased", cause="x", categories=["iin"],
                transfers=task.transfers, disclosure=Disclosure.WITHHELD,
            )  # fmt: skip
        auditor = desk("auditor")
        assert auditor.get(f"{ADMIN}recipientnotice/{hidden.pk}/change/").status_code == 404
        assert f"/{hidden.pk}/change/" not in auditor.get(f"{ADMIN}recipientnotice/").content.decode()
        assert desk("officer").get(f"{ADMIN}recipientnotice/{hidden.pk}/change/").status_code == 200

    @pytest.mark.parametrize("language", ["kk", "ru"])
    def test_it_speaks_the_readers_language(self, desk, task, language):
        text = page(desk("officer", language).get(f"{ADMIN}recipientnotice/{task.pk}/change/"))
        assert {"kk": "Хатты жіберіп", "ru": "Отправьте письмо"}[language] in text


class TestProcessing:
    def test_it_is_read_signed_and_taken_out(self, desk, made):
        dpo = desk("dpo")
        shown = dpo.get(f"{ADMIN}processingregister/now/")
        assert "No register was signed yet" in page(shown)
        sha256 = re.search(r'name="sha256" value="([0-9a-f]{64})"', shown.content.decode())[1]
        factories.agree(made.recipient, number="9")
        late = dpo.post(f"{ADMIN}processingregister/sign/", {"sha256": sha256}, follow=True)
        assert ("registers changed" in page(late), ProcessingRegister.objects.count()) == (True, 0)
        dpo.post(f"{ADMIN}processingregister/sign/", {"sha256": processing.digest(processing.build())})
        row = ProcessingRegister.objects.get()
        assert (row.number, row.user) == (1, dpo.user)
        for language in ("kk", "ru"):
            for kind, start in (("pdf", b"%PDF"), ("xlsx", b"PK")):
                answer = dpo.get(f"{ADMIN}processingregister/{row.pk}/{language}.{kind}")
                assert answer.content.startswith(start)
        assert dpo.get(f"{ADMIN}processingregister/{row.pk}/fr.pdf").status_code == 404

    def test_what_differs_from_the_signed_one_is_shown(self, desk, made):
        dpo = desk("dpo", "ru")
        dpo.post(f"{ADMIN}processingregister/sign/", {"sha256": processing.digest(processing.build())})
        assert "Ничем: содержание то же." in page(dpo.get(f"{ADMIN}processingregister/now/"))
        factories.agree(made.recipient, number="ДОП-9")
        text = page(dpo.get(f"{ADMIN}processingregister/now/"))
        assert "Чем отличается от № 1" in text
        assert "ДОП-9" in text

    def test_the_officer_reads_and_does_not_sign(self, desk, made):
        officer = desk("officer")
        shown = officer.get(f"{ADMIN}processingregister/now/")
        assert (shown.status_code, b"/sign/" in shown.content) == (200, False)
        sha256 = processing.digest(processing.build())
        assert officer.post(f"{ADMIN}processingregister/sign/", {"sha256": sha256}).status_code == 403

    def test_formulas_stay_text(self, desk, made):
        with acting_as("job:test"):
            made.recipient.title_ru = "=HYPERLINK(1)"
            made.recipient.save()
        answer = desk("officer").get(f"{ADMIN}processingregister/now/ru.xlsx")
        sheet = zipfile.ZipFile(io.BytesIO(answer.content)).read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet


class TestReceiving:
    @pytest.fixture
    def loans(self):
        return System()

    @pytest.fixture
    def report(self):
        made = factories.world(form="C4", direction="incoming", purpose="report")
        made.consents()
        return made

    def asked(self, loans, made) -> dict:
        question = made.question()
        return loans.post(
            "/transfers",
            {
                "subject": question.subject, "recipient": question.recipient, "purpose": question.purpose,
                "categories": ["mobile_phone"], "direction": "incoming",
            },
        ).json()  # fmt: skip

    def receive(self, loans, told: dict, values: dict):
        body = {"token": told["token"], "payload_sha256": SHA, "values": values}
        return loans.post(f"/transfers/{told['id']}/receive", body)

    def test_what_came_is_taken_in_and_the_rest_set_aside(self, loans, report, desk):
        told = self.asked(loans, report)
        bare = {"token": told["token"], "payload_sha256": SHA}
        problem(loans.post(f"/transfers/{told['id']}/release", bare), 409, "transfer_incoming")
        values = {"mobile_phone": [{"value": "+77012345678"}], "salary_amount": [{"value": "250000"}]}
        answer = self.receive(loans, told, values)
        assert answer.status_code == 200, answer.content
        assert (answer.json()["taken"], answer.json()["quarantined"]) == (["mobile_phone"], ["salary_amount"])
        problem(self.receive(loans, told, values), 409, "transfer_released")
        officer, row = desk("officer"), Quarantined.objects.get()
        assert "came without a rule" in page(officer.get("/admin/"))
        refused = officer.post(f"{ADMIN}quarantined/{row.pk}/decide/take/", follow=True)
        assert ("The transfer rule does not cover" in page(refused), Quarantined.objects.get().fate) == (True, "")
        officer.post(f"{ADMIN}quarantined/{row.pk}/decide/destroy/")
        assert Quarantined.objects.get().fate == "destroyed"

    def test_what_came_without_a_yes_has_a_place_too(self, loans, report):
        report.withdraws()
        told = self.asked(loans, report)
        assert (told["decision"], told["token"]) == ("deny", None)
        answer = self.receive(loans, told, {"mobile_phone": [{"value": "+77012345678"}]})
        assert answer.status_code == 200, answer.content
        assert (answer.json()["released_at"], answer.json()["quarantined"]) == (None, ["mobile_phone"])
        assert Quarantined.objects.get().transfer.decision == "deny"

    def test_a_wrong_value_is_named_and_takes_nothing(self, loans, report):
        told = self.asked(loans, report)
        body = problem(self.receive(loans, told, {"mobile_phone": [{"value": "12"}]}), 422, "invalid")
        assert body["errors"][0]["field"] == "values.mobile_phone.0.value"
        assert self.receive(loans, told, {"mobile_phone": [{"value": "+77012345678"}]}).status_code == 200
