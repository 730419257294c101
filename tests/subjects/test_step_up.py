"""A fresh code before consents, contacts, values and files: asked in the place, lasts ten minutes, loses nothing."""

import re

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.actor import acting_as
from consent.enums import State
from consent.ledger import standings
from consent.models import ConsentEvent
from staff.models import Operator
from subjects import registers, sign_in, step_up
from subjects.models import CabinetEvent, SignInCode, SubjectRequest
from tests.consent.factories import form, version
from tests.subjects.cabinet import inside
from tests.subjects.codes import sent_code, sms_sent
from tests.subjects.factories import DataSubjectFactory
from tests.subjects.test_requests import PDF

pytestmark = pytest.mark.django_db
PHONE = "+77012345678"


@pytest.fixture
def person(telephone):
    Operator.objects.create(name_kk="Айқын", name_ru="Айкын", email="office@example.kz")
    return DataSubjectFactory(email="aigerim@example.kz", phone=PHONE, iin="850314390019", language="ru")


def aged(client: Client, seconds: float) -> None:
    """Let the last right code of the session be so much older."""
    session = SessionStore(client.cookies[django_settings.CABINET_COOKIE_NAME].value)
    session[step_up.PROVED_KEY] -= int(seconds)
    session.save()


def hidden(response) -> dict[str, str]:
    """The hidden fields of the form that takes the code."""
    first = response.content.decode().split("</form>")[2 if "cabinet-nav" in response.content.decode() else 1]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', first))


def test_values_are_shown_only_after_a_code_and_the_page_says_why(person, telephone):
    client = inside(person, "en", fresh=False)
    page = client.get("/cabinet/data/")
    assert "850314390019" not in page.content.decode()
    assert "The next page shows your data in full" in page.content.decode()
    assert not SignInCode.objects.exists(), "reading sends nothing"
    client.post("/cabinet/data/", {"_step": "send", "_wanted": "get", "_channel": "sms"})
    code = sent_code()
    assert sms_sent()[-1]["to"] == PHONE
    wrong = client.post("/cabinet/data/", {"_step": "check", "_wanted": "get", "confirm-code": "000000"})
    assert (wrong.status_code, "850314390019" in wrong.content.decode()) == (422, False)
    right = client.post("/cabinet/data/", {"_step": "check", "_wanted": "get", "confirm-code": code})
    assert right.url == "/cabinet/data/"
    assert "850314390019" in client.get("/cabinet/data/").content.decode()
    event = CabinetEvent.objects.get(kind="confirmed")
    assert event.actor == f"subject:{person.public_id}"


def test_one_code_is_enough_for_ten_minutes_and_no_longer(person):
    client = inside(person)
    aged(client, 9 * 60)
    assert "850314390019" in client.get("/cabinet/data/").content.decode()
    aged(client, 2 * 60)
    assert "850314390019" not in client.get("/cabinet/data/").content.decode()


def test_an_answer_about_a_consent_goes_on_after_the_code_with_everything_that_was_chosen(person, telephone):
    version(form("C8"))
    client = inside(person, "en", fresh=False)
    page = client.get("/cabinet/consents/C8/").content.decode()
    served = re.search(r'name="served" value="(\d+)"', page)[1]
    given = {"served": served, "version": "1", "answer": "give"}
    asked = client.post("/cabinet/consents/C8/answer/", given)
    assert not ConsentEvent.objects.exists()
    kept = hidden(asked)
    assert {name: kept[name] for name in given} == given
    done = client.post("/cabinet/consents/C8/answer/", {**kept, "_step": "check", "confirm-code": sent_code()})
    assert done.url.startswith("/cabinet/consents/")
    assert standings(person)["C8", ""].state == State.GIVEN
    # and the withdrawal right after it asks for nothing
    client.post("/cabinet/consents/C8/withdraw/", {"about": ""})
    assert standings(person)["C8", ""].state == State.WITHDRAWN


def test_a_withdrawal_is_read_without_a_code_and_pressed_with_one(person, telephone):
    version(form("C8"))
    client = inside(person, "en")
    page = client.get("/cabinet/consents/C8/").content.decode()
    served = re.search(r'name="served" value="(\d+)"', page)[1]
    client.post("/cabinet/consents/C8/answer/", {"served": served, "version": "1", "answer": "give"})
    aged(client, 3600)
    assert "Withdraw the consent" in client.get("/cabinet/consents/C8/withdraw/").content.decode()
    asked = client.post("/cabinet/consents/C8/withdraw/", {"about": ""})
    assert standings(person)["C8", ""].state == State.GIVEN
    client.post("/cabinet/consents/C8/withdraw/", {**hidden(asked), "_step": "check", "confirm-code": sent_code()})
    assert standings(person)["C8", ""].state == State.WITHDRAWN


def test_signing_in_with_a_code_counts_but_not_for_contacts(person, telephone):
    client = Client(headers={"accept-language": "en"})
    client.post("/cabinet/sign-in/", {"identifier": "850314390019", "channel": "sms"})
    client.post("/cabinet/code/", {"code": sent_code()})
    assert "850314390019" in client.get("/cabinet/data/").content.decode()
    assert "Подтвердите, что это Вы" in client.get("/cabinet/contacts/email/").content.decode()


def test_a_code_is_for_its_own_use_person_and_visit(person, telephone):
    client = inside(person, "en", fresh=False)
    # a code to sign in confirms nothing inside
    door = Client()
    door.post("/cabinet/sign-in/", {"identifier": "850314390019"})
    to_sign_in = SignInCode.objects.get()
    client.post("/cabinet/data/", {"_step": "send", "_wanted": "get"})
    to_confirm = SignInCode.objects.latest("pk")
    code = sent_code()
    assert not step_up.redeem(person, to_sign_in.handle, code)
    # nor does another person's
    assert not step_up.redeem(DataSubjectFactory(), to_confirm.handle, code)
    # nor does it open the door
    assert sign_in.verify(handle=to_confirm.handle, code=code) is None
    # asked for in another session, it is no use in this one
    other = inside(person, "en", fresh=False)
    answer = other.post("/cabinet/data/", {"_step": "check", "_wanted": "get", "confirm-code": code})
    assert answer.status_code == 422
    # once
    assert step_up.redeem(person, to_confirm.handle, code)
    assert not step_up.redeem(person, to_confirm.handle, code)


def test_five_wrong_tries_close_a_code_and_asks_are_limited(person, telephone):
    client = inside(person, "en", fresh=False)
    client.post("/cabinet/data/", {"_step": "send", "_wanted": "get"})
    code = sent_code()
    wrong = "000000" if code != "000000" else "000001"
    for _ in range(5):
        client.post("/cabinet/data/", {"_step": "check", "_wanted": "get", "confirm-code": wrong})
    answer = client.post("/cabinet/data/", {"_step": "check", "_wanted": "get", "confirm-code": code})
    assert answer.status_code == 422
    told = [client.post("/cabinet/data/", {"_step": "again", "_wanted": "get"}).status_code for _ in range(3)]
    assert told == [200, 200, 429]


def test_a_second_press_sends_no_second_code(person, telephone):
    client = inside(person, "en", fresh=False)
    for _ in range(3):
        client.post("/cabinet/data/", {"_step": "send", "_wanted": "get"})
    assert SignInCode.objects.count() == 1


def test_strangers_asking_at_the_door_do_not_end_the_code_of_who_is_inside(person, telephone):
    client = inside(person, "en", fresh=False)
    client.post("/cabinet/data/", {"_step": "send", "_wanted": "get"})
    code = sent_code()
    Client().post("/cabinet/sign-in/", {"identifier": "850314390019"})
    answer = client.post("/cabinet/data/", {"_step": "check", "_wanted": "get", "confirm-code": code})
    assert answer.status_code == 302


def test_without_phone_and_e_mail_a_code_on_paper_confirms(telephone):
    from tests.staff.factories import StaffUserFactory, as_officer, permit

    person = DataSubjectFactory(email=None, iin="850314390019")
    officer = permit(StaffUserFactory(), "subjects.issue_paper_code")
    with as_officer(officer):
        code = sign_in.issue_on_paper(subject=person, by=officer)
    client = inside(person, "en", fresh=False)
    page = client.post("/cabinet/data/", {"_step": "send", "_wanted": "get"})
    assert "our office gives you a code on paper" in page.content.decode()
    client.post("/cabinet/data/", {"_step": "check", "_wanted": "get", "confirm-code": code})
    assert "850314390019" in client.get("/cabinet/data/").content.decode()


def test_a_receipt_is_a_file_and_needs_a_code(person, telephone):
    version(form("C8"))
    client = inside(person, "en")
    page = client.get("/cabinet/consents/C8/").content.decode()
    served = re.search(r'name="served" value="(\d+)"', page)[1]
    client.post("/cabinet/consents/C8/answer/", {"served": served, "version": "1", "answer": "give"})
    path = f"/cabinet/receipts/{ConsentEvent.objects.get().public_id}.json"
    aged(client, 3600)
    assert "Content-Disposition" not in client.get(path)
    client.post(path, {"_step": "send", "_wanted": "get"})
    assert client.post(path, {"_step": "check", "_wanted": "get", "confirm-code": sent_code()}).url == path


NEW = "/cabinet/requests/new/"


@pytest.fixture
def clock(db):
    with acting_as("command:load_registers@test"):
        registers.load_clock()


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("kind", ["withdraw", "stop_public", "correct"])
def test_a_request_that_changes_consents_or_data_is_sent_after_a_code_with_all_that_was_filled_in(
    person, telephone, kind
):
    registers.load()
    client = inside(person, "en", fresh=False)
    assert "Confirm that it is you" not in client.get(NEW, {"kind": kind}).content.decode(), "reading asks for none"
    form = {"kind": [kind, "access"], "text": "А\nБ", "language": "en", "category": "employer", "value": "Айқын"}
    asked = client.post(NEW, form)
    assert "Confirm that it is you" in asked.content.decode()
    assert not SubjectRequest.objects.exists()
    kept = dict(asked.context["kept"])
    assert (kept["text"], kept["language"]) == ("А\nБ", "en")
    assert ("kind", kind) in asked.context["kept"]
    again = {**form, "_wanted": "post", "_step": "check", "confirm-code": sent_code()}
    done = client.post(NEW, again)
    assert done.status_code == 302
    assert SubjectRequest.objects.get().kinds == [kind, "access"]


@pytest.mark.usefixtures("clock")
def test_what_only_asks_us_something_needs_no_code(person, telephone):
    client = inside(person, "en", fresh=False)
    assert client.post(NEW, {"kind": ["access"], "language": "en"}).status_code == 302
    # an objection does
    assert "Confirm that it is you" in client.post(NEW, {"kind": ["object"], "language": "en"}).content.decode()


@pytest.mark.usefixtures("clock")
def test_a_file_that_the_page_for_the_code_cannot_carry_is_asked_for_again(person, telephone):
    registers.load()
    client = inside(person, "en", fresh=False)
    form = {"kind": ["correct"], "text": "…", "language": "en", "category": "employer", "value": "Айқын"}
    asked = client.post(NEW, {**form, "file": SimpleUploadedFile("a.pdf", PDF, content_type="application/pdf")})
    assert "choose it once more" in asked.content.decode()
    kept = dict(asked.context["kept"])
    page = client.post(NEW, {**kept, "_wanted": "post", "_step": "check", "confirm-code": sent_code()})
    assert page.status_code == 422
    assert "The file did not come along" in page.content.decode()
    assert "Айқын" in page.content.decode()
    assert not SubjectRequest.objects.exists()
    form["file"] = SimpleUploadedFile("a.pdf", PDF, content_type="application/pdf")
    assert client.post(NEW, form).status_code == 302
    assert SubjectRequest.objects.get().files.count() == 1
