"""Phone and e-mail changed by the person: a code to the old one, a code to the new one, the old one is told."""

import pytest
from django.core.management import call_command
from django.test import Client

from audit.actor import acting_as
from audit.models import AccessRecord
from notifications import delivery
from staff.models import Operator
from subjects import addresses, contacts, duplicates, ports, recording, search, sign_in, suppression, tasks
from subjects.models import CabinetSession, PersonalData, SignInCode
from tests.notifications.conftest import sink  # noqa: F401
from tests.subjects.cabinet import inside
from tests.subjects.codes import sent_code, sms_sent
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
OLD, NEW = "aigerim@example.kz", "aigerim.new@example.kz"
PHONE, NEW_PHONE = "+77012345678", "+77775554433"


@pytest.fixture
def person(telephone):
    Operator.objects.create(name_kk="Айқын", name_ru="Айкын", email="office@example.kz")
    return DataSubjectFactory(email=OLD, phone=PHONE, iin="850314390019", language="ru")


def named(client: Client, kind: str, text: str):
    return client.post(f"/cabinet/contacts/{kind}/", {"text": text})


def held(person, category: str) -> list[str]:
    return [value.parts["value"] for value in addresses.held_by(person, category)]


def test_a_new_e_mail_takes_its_place_after_its_own_code_and_the_old_one_is_told(person, sink):  # noqa: F811
    client, elsewhere = inside(person, "en"), inside(person, "en")
    assert named(client, "email", NEW).url == "/cabinet/contacts/code/"
    code = sent_code(sink)
    assert sink.messages()[-1]["Delivered-To"] == NEW
    assert held(person, "email") == [OLD], "nothing has changed yet"
    assert client.post("/cabinet/contacts/code/", {"code": "000000"}).status_code == 422
    assert client.post("/cabinet/contacts/code/", {"code": code}).url == "/cabinet/contacts/?done=email"
    assert held(person, "email") == [NEW]
    assert search.find("email", NEW).get() == person
    assert not search.find("email", OLD).exists()
    letter = person.letters.get(kind="address_changed")
    with acting_as("job:letters"):
        delivery.deliver_due()
    letter.refresh_from_db()
    assert (letter.state, sink.messages()[-1]["Delivered-To"]) == ("sent", OLD)
    value = PersonalData.objects.get(subject=person, category__code="email")
    assert (value.source, value.history.first().actor) == ("cabinet", f"subject:{person.public_id}")
    assert SignInCode.objects.get(use="contact").sealed_address is None, "it does not stay in two places"
    assert client.get("/cabinet/").status_code == 200
    assert elsewhere.get("/cabinet/contacts/").url == "/cabinet/sign-in/", "other devices are signed out"


def test_a_new_phone_is_confirmed_by_sms_and_the_old_one_hears_that_something_waits(person, sink):  # noqa: F811
    client = inside(person, "en")
    named(client, "phone", "8 777 555 44 33")
    code = sent_code()
    assert sms_sent()[-1]["to"] == NEW_PHONE
    client.post("/cabinet/contacts/code/", {"code": code})
    assert held(person, "mobile_phone") == [NEW_PHONE]
    assert search.find("phone", NEW_PHONE).get() == person
    assert not search.find("phone", PHONE).exists()
    tasks.send_texts()
    assert sms_sent()[-1]["to"] == PHONE
    assert person.letters.filter(kind="phone_changed").count() == 1


def blocked(person) -> None:
    person.standing = "blocked"
    person.save()


def test_of_whoever_is_blocked_nothing_is_changed_and_the_page_says_so(person, sink):  # noqa: F811
    client = inside(person, "en")
    named(client, "email", NEW)
    code = sent_code(sink)
    blocked(person)
    for answer in (client.post("/cabinet/contacts/code/", {"code": code}), named(client, "phone", NEW_PHONE)):
        assert answer.status_code == 422
        assert "Your data is blocked" in answer.content.decode()
    assert (held(person, "email"), held(person, "mobile_phone")) == ([OLD], [PHONE])


def test_whoever_is_blocked_after_a_change_still_hears_of_it_at_the_old_one(person, sink):  # noqa: F811
    client = inside(person, "en")
    for kind, text in (("phone", NEW_PHONE), ("email", NEW)):
        named(client, kind, text)
        client.post("/cabinet/contacts/code/", {"code": sent_code(sink if kind == "email" else None)})
    blocked(person)
    tasks.send_texts()
    assert sms_sent()[-1]["to"] == PHONE
    with acting_as("job:letters"):
        delivery.deliver_due()
    assert {letter.kind: letter.state for letter in person.letters.exclude(kind__endswith="code")} == {
        "phone_changed": "sent", "address_changed": "sent",
    }  # fmt: skip
    assert OLD in [message["Delivered-To"] for message in sink.messages()]


HOME = "+77272500000"


def with_home_phone(person):
    told = {"source": "officer", "origin": "subject"}
    recording.add(subject=person, category="contact_phones", parts={"value": HOME, "kind": "home"}, **told)
    return person


def test_another_phone_still_finds_them_and_is_not_where_codes_go(person):
    client = inside(with_home_phone(person), "en")
    named(client, "phone", NEW_PHONE)
    client.post("/cabinet/contacts/code/", {"code": sent_code()})
    assert search.people(HOME, most=5) == search.people(NEW_PHONE, most=5) == [person.pk]
    assert contacts.of(person).phones == ["+7 ••• ••• 44 33"]


def test_whoever_has_another_phone_alone_gets_the_code_by_e_mail(telephone, sink):  # noqa: F811
    person = with_home_phone(DataSubjectFactory(email=OLD, iin="850314390019"))
    assert sign_in.channels_of(person) == ["email"]
    inside(person, fresh=False).post("/cabinet/contacts/email/", {"_step": "send", "_wanted": "get"})
    assert sent_code(sink)


def test_a_number_that_stands_in_a_relative_s_file_too_opens_the_cabinet_of_whose_mobile_it_is(person):
    with_home_phone(DataSubjectFactory(phone=HOME))
    relative = DataSubjectFactory(phone="+77017654321")
    recording.add(
        subject=relative, category="contact_phones", parts={"value": PHONE}, source="officer", origin="subject"
    )
    assert duplicates.whose("phone", search.digest("phone", PHONE)) == person
    assert search.people(PHONE, most=5) == [relative.pk, person.pk]
    assert suppression.suppress_person(subject=relative, reason="objected")
    assert suppression.suppressed(kind="phone", texts=[PHONE]) == {PHONE}, "nobody calls them there either"


def test_phones_indexed_in_the_old_way_are_moved_by_the_command(person):
    with_home_phone(person).search_keys.filter(kind="other_phone").update(kind="phone")
    assert len(contacts.of(person).phones) == 2
    for _again in range(2):
        call_command("index_other_phones")
        assert sorted(person.search_keys.filter(kind__endswith="phone").values_list("kind", flat=True)) == [
            "other_phone", "phone",
        ]  # fmt: skip
    assert contacts.of(person).phones == ["+7 ••• ••• 56 78"]


@pytest.mark.parametrize(("kind", "text", "category"), [("email", NEW, "email"), ("phone", NEW_PHONE, "mobile_phone")])
def test_whoever_got_the_old_one_is_to_be_told(person, sink, monkeypatch, kind, text, category):  # noqa: F811
    told = []
    monkeypatch.setattr(ports, "on_corrected", [lambda subject, category: told.append((subject, category))])
    client = inside(person, "en")
    named(client, kind, text)
    assert told == []
    client.post("/cabinet/contacts/code/", {"code": sent_code(sink if kind == "email" else None)})
    assert told == [(person, category)]


def test_only_after_a_code_that_was_asked_for_on_purpose(person):
    client = inside(person, "en", fresh=False)
    assert "Confirm that it is you" in named(client, "email", NEW).content.decode()
    assert not SignInCode.objects.filter(use="contact").exists()


@pytest.mark.parametrize("text", [OLD, OLD.upper(), "no e-mail", "", "a@b", "\x00"])
def test_what_is_no_new_e_mail_is_refused_with_a_sentence(person, text):
    answer = named(inside(person, "en"), "email", text)
    assert answer.status_code == 422
    assert 'class="error-summary"' in answer.content.decode()
    assert not SignInCode.objects.exists()


@pytest.mark.parametrize("text", [PHONE, "12", "", "+7701234567890123"])
def test_what_is_no_new_phone_is_refused_with_a_sentence(person, text):
    assert named(inside(person, "en"), "phone", text).status_code == 422


def test_without_a_way_to_send_sms_no_phone_is_changed_here(person, settings):
    settings.SMS_URL = ""
    client = inside(person, "en")
    assert named(client, "phone", NEW_PHONE).status_code == 422
    assert "/cabinet/contacts/phone/" not in client.get("/cabinet/contacts/").content.decode()


def test_the_code_of_the_new_address_is_no_other_session_s_and_no_other_person_s(person, sink):  # noqa: F811
    named(inside(person), "email", NEW)
    code = sent_code(sink)
    assert inside(person).post("/cabinet/contacts/code/", {"code": code}).url == "/cabinet/contacts/"
    assert inside(DataSubjectFactory()).post("/cabinet/contacts/code/", {"code": code}).url == "/cabinet/contacts/"
    assert held(person, "email") == [OLD]


def test_whoever_had_none_is_given_one(telephone, sink):  # noqa: F811
    Operator.objects.create(name_kk="Айқын", name_ru="Айкын", email="office@example.kz")
    person = DataSubjectFactory(email=None, iin="850314390019")
    client = inside(person)
    named(client, "email", NEW)
    client.post("/cabinet/contacts/code/", {"code": sent_code(sink)})
    assert held(person, "email") == [NEW]
    assert not person.letters.filter(kind="address_changed").exists()


def test_the_page_shows_hints_and_opens_nothing(person):
    before = AccessRecord.objects.count()
    page = inside(person, "en").get("/cabinet/contacts/").content.decode()
    assert OLD not in page
    assert PHONE not in page
    assert AccessRecord.objects.count() == before
    assert CabinetSession.objects.count() == 1
