"""The cabinet's own pages: what they show, in three languages, in how many queries; sessions; acting for somebody."""

from datetime import date, timedelta

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from audit.actor import acting_as
from audit.models import AccessRecord
from notifications.services import write
from staff.enums import Role
from staff.models import Operator
from subjects import addresses, contacts, duplicates, relations, services, sessions, sign_in, tasks, vault
from subjects.models import (
    CabinetEvent,
    CabinetSession,
    DataCategory,
    DisputedAddress,
    PersonalData,
    SignInCode,
    SourceSystem,
    Task,
    TechnicalHolding,
)
from tests.notifications.conftest import sink  # noqa: F401
from tests.staff.conftest import member  # noqa: F401
from tests.staff.factories import as_officer, permit
from tests.subjects.cabinet import inside
from tests.subjects.codes import sent_code, sms_sent
from tests.subjects.factories import DataSubjectFactory, named

pytestmark = pytest.mark.django_db
PAGES = ("", "data/", "looked/", "letters/", "help/", "contacts/", "sessions/", "represent/", "not-me/", "language/")


@pytest.fixture
def person(telephone):
    Operator.objects.create(name_kk="Айқын", name_ru="Айкын", email="office@example.kz")
    person = DataSubjectFactory(email="aigerim@example.kz", phone="+77012345678", iin="850314390019", language="ru")
    return named(person, last="Серікова", first="Айгерім")


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_every_page_in_every_language_names_nobody_in_its_title_and_is_not_cached(person, language):
    client = inside(person, language)
    for page in PAGES:
        answer = client.get(f"/cabinet/{page}")
        assert answer.status_code == 200, page
        text = answer.content.decode()
        assert f'<html lang="{language}">' in text
        assert "Серікова" not in text.split("</title>")[0]
        assert "no-store" in answer["Cache-Control"]
        assert "<script" not in text, f"{page}: works without"


def test_home_has_six_plain_links_at_the_top(person):
    page = inside(person, "en").get("/cabinet/").content.decode()
    top = page.split('class="link-list"')[1].split("</ul>")[0]
    assert top.count("<li>") == 6
    assert "My data" in top
    assert "Серікова" not in page


def test_my_data_shows_values_with_their_source_and_writes_down_the_look(person):
    page = inside(person, "en").get("/cabinet/data/").content.decode()
    for text in ("Серікова", "Айгерім", "850314390019", "+77012345678", "aigerim@example.kz", "Last name"):
        assert text in page
    record = AccessRecord.objects.filter(door="own").get()
    assert (record.reference, record.reason) == (str(person), "data")
    assert record.actor == f"subject:{person.public_id}"


def test_my_data_tells_what_other_systems_hold_of_every_file_and_where_to_have_a_value_corrected(person):
    other = DataSubjectFactory()
    with acting_as("job:fixture"):
        duplicates.unite(leading=person, following=other)
        system = SourceSystem.objects.create(code="site", title_kk="Сайт", title_ru="Сайт")
        category, during = DataCategory.objects.get(code="ip_address"), (date(2026, 1, 1), date(2026, 2, 1))
        for one, count in ((person, 1), (other, 240)):
            TechnicalHolding.objects.create(subject=one, category=category, system=system, during=during, count=count)
    client = inside(person, "en")
    page = " ".join(client.get("/cabinet/data/").content.decode().split())
    assert "(1 record)" in page
    assert "(240 records)" in page
    ask = page.split("Is something wrong?")[1].split('href="')[1].split('"')[0]
    assert 'name="category"' in client.get(ask).content.decode()


def test_what_is_withheld_is_on_no_page(person):
    value = vault.store(subject=person, category="employer", parts={"value": "Тайна"}, source="officer")
    value.disclosure = "withheld"
    value.save(update_fields=["disclosure"])
    client = inside(person, "en")
    before = client.get("/cabinet/looked/").content.split(b"<h1>")[1]
    assert "Тайна" not in client.get("/cabinet/data/").content.decode()
    officer = permit(_officer(), "subjects.reveal_value")
    with as_officer(officer):
        vault.reveal(value=value, by=officer, reason="check")
    assert client.get("/cabinet/looked/").content.split(b"<h1>")[1] == before


def _officer():
    from tests.staff.factories import StaffUserFactory

    return StaffUserFactory()


def test_who_looked_is_a_role_and_a_purpose_and_no_name(person, member):  # noqa: F811
    officer = permit(member(Role.OFFICER, username="aliya"), "subjects.reveal_value")
    value = person.values.get(category__code="iin")
    for reason in ("request", "demand"):
        with as_officer(officer):
            vault.reveal(value=value, by=officer, reason=reason)
    page = inside(person, "en").get("/cabinet/looked/").content.decode()
    assert "Compliance officer" in page
    assert "The person asked about their data" in page
    assert "aliya" not in page
    assert "lawful demand" not in page, "a demand may be one the person must not know of"
    assert page.split('class="timeline"')[1].split("</ol>")[0].count("<strong>") == 1


def test_letters_are_kinds_and_days(person):
    with acting_as("job:test"):
        write(kind="sign_in_code", cause="subjects.SignInCode:1#sign_in_code", language="ru", subject_id=person.pk)
    other = DataSubjectFactory()
    with acting_as("job:test"):
        write(kind="phone_changed", cause="x:1#phone_changed", language="ru", subject_id=other.pk)
    page = inside(person, "en").get("/cabinet/letters/").content.decode()
    assert "Code to sign in" in page
    assert "phone was changed" not in page


@pytest.mark.parametrize("page", ["looked/?before=abc", "looked/?before=-1", "letters/?before=x", "letters/?before="])
def test_nonsense_in_an_address_is_no_500(person, page):
    assert inside(person).get(f"/cabinet/{page}").status_code == 200


@pytest.mark.parametrize("page", ["data/", "looked/", "letters/", "represent/"])
def test_more_rows_cost_no_more_queries(person, page, member):  # noqa: F811
    officer = permit(member(Role.OFFICER), "subjects.reveal_value")
    client = inside(person)

    def grow(first: int, count: int) -> None:
        for n in range(first, first + count):
            value = vault.store(subject=person, category="employer", parts={"value": f"№{n}"}, source="officer")
            with as_officer(officer):
                vault.reveal(value=value, by=officer, reason="check")
            with acting_as("job:test"):
                write(kind="phone_changed", cause=f"x:{n}#phone_changed", language="ru", subject_id=person.pk)
            with as_officer(permit(officer, "subjects.add_representative")):
                relations.authorise(
                    subject=DataSubjectFactory(), representative=person, basis="parent", acts=["know"],
                    document_kind="birth_certificate", last_four="1234", by=officer,
                )  # fmt: skip

    officer = permit(officer, "subjects.add_representative")
    grow(0, 1)
    client.get(f"/cabinet/{page}")
    counts = []
    for more in (0, 5):
        grow(1, more)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(f"/cabinet/{page}")
        counts.append(len(queries))
    assert counts[0] == counts[1]


# sessions


def test_sessions_are_listed_and_each_may_be_ended(person):
    here, there = inside(person, "en"), inside(person, "en")
    assert here.get("/cabinet/sessions/").content.decode().count('name="session"') == 3
    mine = CabinetSession.objects.latest("pk")
    here.post("/cabinet/sessions/end/", {"session": str(mine.public_id)})
    assert there.get("/cabinet/contacts/").url == "/cabinet/sign-in/"
    assert here.get("/cabinet/contacts/").status_code == 200
    assert CabinetEvent.objects.get(kind="session_ended").actor == f"subject:{person.public_id}"


def test_signing_out_everywhere_ends_this_one_too(person):
    here, there = inside(person), inside(person)
    here.post("/cabinet/sessions/end/", {"session": "all"})
    for client in (here, there):
        assert client.get("/cabinet/contacts/").url == "/cabinet/sign-in/"
    assert sessions.living(person) == []


def test_another_person_s_session_is_not_there(person):
    stranger = inside(DataSubjectFactory())
    theirs = inside(person)
    row = CabinetSession.objects.get(subject=person)
    stranger.post("/cabinet/sessions/end/", {"session": str(row.public_id)})
    assert theirs.get("/cabinet/contacts/").status_code == 200
    assert stranger.post("/cabinet/sessions/end/", {"session": "x"}).status_code == 400


def test_a_session_without_its_row_opens_nothing_and_signing_out_ends_the_row(person):
    client = inside(person)
    client.post("/cabinet/sign-out/")
    assert CabinetSession.objects.get().ended_at is not None
    client = inside(person)
    CabinetSession.objects.all().delete()
    assert client.get("/cabinet/contacts/").url == "/cabinet/sign-in/"


def test_being_here_is_written_down_once_in_five_minutes(person):
    client = inside(person)
    CabinetSession.objects.update(seen_at=timezone.now() - timedelta(minutes=6))
    client.get("/cabinet/contacts/")
    seen = CabinetSession.objects.get().seen_at
    client.get("/cabinet/contacts/")
    assert CabinetSession.objects.get().seen_at == seen
    assert timezone.now() - seen < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (
            "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 SamsungBrowser/25.0 Chrome/121 Mobile Safari/537",
            ("phone", "Samsung Internet"),
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) Version/17.4 Mobile/15E148 Safari/604.1",
            ("phone", "Safari"),
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/124.0 YaBrowser/24.4 Safari/537.36", ("computer", "Yandex")),
        ("Mozilla/5.0 (Linux; Android 13; SM-X200) Chrome/124 Safari/537", ("tablet", "Chrome")),
        ("curl/8", ("other", "")),
        ("", ("other", "")),
    ],
)
def test_of_a_browser_only_what_one_tells_ones_own_apart_by(agent, device):
    assert sessions.device_of(agent) == device


# this is not me


def by_the_door(channel: str, mail=None) -> Client:
    """A session of whoever reads the codes that go there; the person's IIN is known to them."""
    client = Client()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    client.post("/cabinet/sign-in/", {"identifier": "850314390019", "channel": channel})
    assert client.post("/cabinet/code/", {"code": sent_code(mail)}).url == "/cabinet/"
    return client


def disputed(person) -> dict[str, bool]:
    held = {kind: addresses.held_by(person, category)[-1] for kind, category in addresses.CATEGORIES.items()}
    return {str(kind): bool(addresses.disputed([one.parts["value"]], kind)) for kind, one in held.items()}


def test_a_stranger_who_was_let_in_by_e_mail_closes_everything_and_an_officer_hears(person, sink):  # noqa: F811
    client, elsewhere = by_the_door("email", sink), inside(person)
    assert "to your e-mail" in client.get("/cabinet/not-me/").content.decode()
    assert client.post("/cabinet/not-me/").url == "/cabinet/not-me/done/"
    assert client.get("/cabinet/not-me/done/").status_code == 200
    for one in (client, elsewhere):
        assert one.get("/cabinet/contacts/").url == "/cabinet/sign-in/"
    assert set(Task.objects.values_list("kind", flat=True)) == {"not_me", "disputed_address"}
    assert disputed(person) == {"email": True, "phone": False}, "no further code goes there"
    services.not_me(subject=person, came_by="email")
    assert Task.objects.filter(kind="not_me").count() == 1


def test_a_stranger_who_was_let_in_by_sms_shuts_the_phone_and_leaves_the_owner_s_e_mail(person, sink):  # noqa: F811
    by_the_door("email", sink)  # the owner, once: a letter with a code that reached the right one
    client = by_the_door("sms")
    assert "to your phone" in client.get("/cabinet/not-me/").content.decode()
    assert client.post("/cabinet/not-me/").url == "/cabinet/not-me/done/"
    assert set(Task.objects.values_list("kind", flat=True)) == {"not_me", "disputed_phone"}
    assert disputed(person) == {"email": False, "phone": True}
    texts, letters = len(sms_sent()), len(sink.messages())
    assert by_the_door("sms", sink).get("/cabinet/").status_code == 200, "asked for by SMS, it goes to the e-mail"
    assert (len(sms_sent()), len(sink.messages())) == (texts, letters + 1)


def test_nobody_gets_a_code_to_a_phone_that_is_disputed(person):
    services.not_me(subject=person, came_by="sms")
    alone = DataSubjectFactory(email=None, phone="+77012345678", iin="921130490023")
    assert sign_in.channels_of(alone) == []
    sign_in.ask(identifier="921130490023", address="203.0.113.7", channel="sms")
    tasks.send_code(SignInCode.objects.latest("pk").pk)
    assert alone.text_messages.get().state == "skipped"
    with translation.override("en"), pytest.raises(ValidationError, match="stranger"):
        contacts.ask(subject=DataSubjectFactory(), channel="sms", text="+77012345678", address="203.0.113.7")


def test_a_code_on_paper_or_a_session_handed_over_says_nothing_against_phone_or_e_mail(person, member, sink):  # noqa: F811
    by_the_door("email", sink)
    officer = permit(member(Role.OFFICER), "subjects.issue_paper_code")
    services.not_me(subject=person, came_by="email")
    with as_officer(officer):
        services.settle_disputed_address(task=Task.objects.get(kind="disputed_address"), by=officer)
        PersonalData.objects.filter(category__code="email").delete()
        person.search_keys.filter(kind="email").delete()
        code = sign_in.issue_on_paper(subject=person, by=officer)
    client = Client()
    client.post("/cabinet/sign-in/", {"identifier": "850314390019", "channel": "sms"})
    assert client.post("/cabinet/code/", {"code": code}).url == "/cabinet/"
    client.post("/cabinet/not-me/")
    inside(person).post("/cabinet/not-me/")  # as our site hands over: no code came
    assert not DisputedAddress.objects.exists()
    assert Task.objects.get(closed_at=None).kind == "not_me"


def test_an_officer_settles_a_disputed_phone_and_codes_go_there_again(person, member):  # noqa: F811
    services.not_me(subject=person, came_by="sms")
    task = Task.objects.get(kind="disputed_phone")
    desk = Client(headers={"accept-language": "en"})
    desk.force_login(member(Role.OFFICER))
    assert "Whose phone is it?" in desk.get(f"/admin/subjects/task/{task.pk}/change/").content.decode()
    assert (
        "codes go to the phone again"
        in desk.post(f"/admin/subjects/task/{task.pk}/settle/", follow=True).content.decode()
    )
    assert sign_in.channels_of(person) == ["sms", "email"]


# acting for somebody else


@pytest.fixture
def child(person, member):  # noqa: F811
    child = DataSubjectFactory(iin="041209690108", email=None, standing="minor")
    officer = permit(member(Role.OFFICER), "subjects.add_representative", "subjects.change_representative")
    with as_officer(officer):
        child.row = relations.authorise(
            subject=child, representative=person, basis="parent", acts=["know"],
            document_kind="birth_certificate", last_four="1234", by=officer,
        )  # fmt: skip
    child.officer = officer
    return child


def acting(person, child) -> Client:
    client = inside(person, "en")
    assert client.post("/cabinet/represent/", {"for": str(child.public_id)}).status_code == 302
    return client


def test_a_parent_sees_the_childs_data_and_the_look_names_who_looked(person, child):
    client = acting(person, child)
    page = client.get("/cabinet/data/").content.decode()
    assert "041209690108" in page
    assert "850314390019" not in page
    assert f"You act for: {child}" in page
    record = AccessRecord.objects.filter(door="own").get()
    assert (record.reference, record.actor) == (str(child), f"subject:{person.public_id}")


def test_only_what_the_document_lets_them_see_is_open(person, child):
    client = acting(person, child)
    for page in ("kept/", "received/", "looked/", "data/"):
        assert client.get(f"/cabinet/{page}").status_code == 200, page
    for page in ("letters/", "contacts/", "consents/", "answers/", "sessions/", "language/", "", "not-me/"):
        assert client.get(f"/cabinet/{page}").url == "/cabinet/represent/?elsewhere=1", page
    for page in ("consents/C8/answer/", "consents/C8/withdraw/", "contacts/email/", "not-me/", "sessions/end/"):
        assert client.post(f"/cabinet/{page}").url == "/cabinet/represent/?elsewhere=1", page
    client.post("/cabinet/represent/", {"for": "me"})
    assert client.get("/cabinet/contacts/").status_code == 200


def test_it_ends_with_the_row_and_nobody_else_s_row_is_taken(person, child):
    client = acting(person, child)
    with as_officer(child.officer):
        relations.end_representation(row=child.row, by=child.officer)
    assert client.get("/cabinet/data/").url == "/cabinet/represent/?elsewhere=1"
    stranger = inside(DataSubjectFactory())
    assert stranger.post("/cabinet/represent/", {"for": str(child.public_id)}).status_code == 404
    session = stranger.session
    assert "acting" not in session


def test_the_fresh_code_is_the_representatives(person, child, telephone):
    client = inside(person, "en", fresh=False)
    client.post("/cabinet/represent/", {"for": str(child.public_id)})
    client.post("/cabinet/data/", {"_step": "send", "_wanted": "get"})
    code = sent_code()
    assert sms_sent()[-1]["to"] == "+77012345678"
    client.post("/cabinet/data/", {"_step": "check", "_wanted": "get", "confirm-code": code})
    assert "041209690108" in client.get("/cabinet/data/").content.decode()


def test_the_officer_reads_what_to_do_and_closes_the_task(person, member):  # noqa: F811
    services.not_me(subject=person)
    task = Task.objects.get(kind="not_me")
    desk = Client(headers={"accept-language": "en"})
    desk.force_login(member(Role.OFFICER))
    page = desk.get(f"/admin/subjects/task/{task.pk}/change/").content.decode()
    assert "Reach the person another way" in page
    desk.post(f"/admin/subjects/task/{task.pk}/settle/")
    task.refresh_from_db()
    assert task.closed_by is not None
