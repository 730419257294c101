"""“Not my letter” concerns an address: it stops, the person keeps every right; an officer settles whose it is."""

import re
from itertools import product

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.utils import timezone, translation

from audit.actor import acting_as
from notifications import delivery
from notifications.models import DeliveryEvent, Letter
from staff.models import StaffUser
from subjects import audience, search, services, sign_in, vault
from subjects.enums import IndexKind, Standing
from subjects.models import CabinetEvent, DisputedAddress, PersonalData, SearchKey, SignInCode, Task
from tests.notifications.conftest import operator, sample, sink  # noqa: F401
from tests.notifications.factories import LetterFactory
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory
from tests.subjects.test_sign_in import ask, code_from

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


FIRST, SECOND, RIGHT, IIN = "first@example.kz", "second@example.kz", "right@example.kz", "850314390019"
PERSON = "/admin/subjects/datasubject"


@pytest.fixture
def person():
    return DataSubjectFactory(email=FIRST, iin=IIN, language="ru")


@pytest.fixture
def officer() -> StaffUser:
    return permit(
        StaffUserFactory(),
        *(f"subjects.{right}" for right in ("correct_email", "change_task", "view_task", "view_datasubject")),
        "subjects.issue_paper_code",
    )


@pytest.fixture
def two(person):
    """A second e-mail, newer than the first."""
    vault.store(subject=person, category="email", parts={"value": SECOND}, source="test")
    kind, digest, hint = search.keys_of(IndexKind.EMAIL, SECOND)
    SearchKey.objects.create(subject=person, kind=kind, digest=digest, hint=hint)
    return person


def desk(officer: StaffUser, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(officer)
    return client


def link_in(message) -> str:
    """The path of the “not my letter” link."""
    return re.search(r"/cabinet/not-mine/\S+/", message.get_body(("plain",)).get_content())[0]


def send(*people) -> None:
    for someone in people:
        LetterFactory(subject=someone, language=someone.language)
    with acting_as("job:letters"):
        delivery.deliver_due()


def reached(sink) -> list[str]:  # noqa: F811
    return [message["To"] for message in sink.messages()]


def value(person, place: int = 0) -> PersonalData:
    return PersonalData.objects.filter(subject=person, category__code="email").order_by("pk")[place]


def dispute(person, sink) -> Task:  # noqa: F811
    """The person gets a letter, and whoever reads it says that it is not theirs."""
    send(person)
    assert Client().post(link_in(sink.messages()[-1])).status_code == 200
    return person.tasks.latest("pk")


@pytest.mark.usefixtures("sample", "operator")
class TestNotMine:
    def test_opening_the_link_changes_nothing_however_often(self, person, sink):  # noqa: F811
        send(person)
        link = link_in(sink.messages()[0])
        before = DeliveryEvent.objects.count(), CabinetEvent.objects.count()
        for method in ("get", "head", "get"):
            assert getattr(Client(), method)(link).status_code == 200
        assert (DeliveryEvent.objects.count(), CabinetEvent.objects.count()) == before
        assert not DisputedAddress.objects.exists()
        assert not Task.objects.exists()

    def test_confirming_stops_the_address_and_opens_one_task(self, person, sink):  # noqa: F811
        task = dispute(person, sink)
        link = link_in(sink.messages()[0])
        assert Client().post(link).status_code == 200
        send(person)
        assert reached(sink) == [FIRST]
        assert Letter.objects.latest("pk").skip_reason == "standing"
        assert (Task.objects.get(), task.address.value) == (task, value(person))
        assert task.history.get().actor == "job:not-mine"
        assert DeliveryEvent.objects.filter(kind="not_mine").count() == 1

    @pytest.mark.parametrize("standing", [Standing.ORDINARY, Standing.RESTRICTED])
    def test_the_person_keeps_their_standing_the_cabinet_and_a_code_on_paper(self, person, sink, officer, standing):  # noqa: F811
        person.standing = standing
        person.save()
        dispute(person, sink)
        person.refresh_from_db()
        assert person.standing == standing
        with as_officer(officer):
            code = sign_in.issue_on_paper(subject=person, by=officer)
        client = Client()
        ask(client, IIN)
        assert client.post("/cabinet/code/", {"code": code}).url == "/cabinet/"
        assert client.get("/cabinet/").status_code == 200

    def test_no_code_goes_to_a_disputed_address(self, person, sink):  # noqa: F811
        dispute(person, sink)
        ask(Client(), IIN)
        from subjects import tasks

        tasks.send_code(SignInCode.objects.get().pk)
        assert reached(sink) == [FIRST]

    def test_another_address_of_theirs_goes_on_and_takes_the_letters_and_codes(self, two, sink, officer):  # noqa: F811
        dispute(two, sink)
        send(two)
        ask(client := Client(), IIN)
        assert client.post("/cabinet/code/", {"code": code_from(sink)}).url == "/cabinet/"
        assert reached(sink) == [SECOND, FIRST, FIRST]
        with as_officer(officer), pytest.raises(PermissionDenied):
            sign_in.issue_on_paper(subject=two, by=officer)

    def test_the_address_stops_for_everybody_who_has_it_until_it_is_settled(self, person, sink, officer):  # noqa: F811
        other, third = DataSubjectFactory(email=FIRST.upper()), DataSubjectFactory(email="third@example.kz")
        task = dispute(person, sink)
        send(other, third)
        assert reached(sink) == [FIRST, "third@example.kz"]
        assert not other.tasks.exists()
        with as_officer(officer):
            services.correct_email(value=value(person), email=RIGHT, reason="reached_stranger", by=officer)
        task.refresh_from_db()
        assert task.closed_by == officer
        send(other, person)
        assert sorted(reached(sink)[2:]) == [FIRST, RIGHT]

    def test_an_address_the_person_has_no_more_is_thanked_for_and_stops_nobody(self, person, sink, officer):  # noqa: F811
        send(person)
        with as_officer(officer):
            services.correct_email(value=value(person), email=RIGHT, reason="our_mistake", by=officer)
        assert Client().post(link_in(sink.messages()[0])).status_code == 200
        assert not DisputedAddress.objects.exists()
        assert not Task.objects.exists()
        assert DeliveryEvent.objects.filter(kind="not_mine").exists()

    def test_a_forged_link_is_not_found_and_a_link_names_nobody(self, person, sink):  # noqa: F811
        send(person)
        link = link_in(sink.messages()[0])
        for forged in (link[:-3] + "x/", link.replace(f"/{Letter.objects.get().pk}.", "/9."), "/cabinet/not-mine/1/"):
            assert Client().post(forged).status_code == 404
        assert "example" not in link
        assert search.digest(IndexKind.EMAIL, FIRST).hex()[:12] not in link

    def test_an_old_link_says_so_politely_and_does_nothing(self, person, sink, settings, monkeypatch):  # noqa: F811
        send(person)
        link = link_in(sink.messages()[0])
        now = timezone.now().timestamp()
        for days, status in ((179, 200), (181, 410)):
            monkeypatch.setattr("django.core.signing.time.time", lambda days=days: now + days * 86400)
            assert Client().get(link).status_code == status
        page = Client(headers={"accept-language": "en"}).post(link)
        assert page.status_code == 410
        assert "too old" in page.content.decode()
        assert "office@example.kz" in page.content.decode()
        assert not DisputedAddress.objects.exists()
        settings.NOT_MINE_LINK_DAYS = 365
        assert Client().get(link).status_code == 200

    def test_a_campaign_counts_whose_every_address_is_disputed_apart(self, two, sink):  # noqa: F811
        from notifications.models import Campaign
        from tests.policies.factories import published_version

        DataSubjectFactory(email=None)
        dispute(two, sink)
        assert audience.count_people().size == 1
        published_version(significant=True)
        assert Campaign.objects.latest("pk").audience == {"queued": 1, "no_address": 1, "left_out": {}}
        dispute(two, sink)
        assert audience.count_people().size == 0
        published_version(significant=True)
        assert Campaign.objects.latest("pk").audience == {
            "queued": 0, "no_address": 1, "left_out": {"disputed_address": 1}
        }  # fmt: skip
        two.refresh_from_db()
        assert two.standing == Standing.ORDINARY


@pytest.mark.usefixtures("sample", "operator")
class TestSettling:
    def test_right_after_all_restores_the_address(self, person, sink, officer):  # noqa: F811
        task = dispute(person, sink)
        assert desk(officer).post(f"/admin/subjects/task/{task.pk}/settle/").status_code == 302
        send(person)
        assert reached(sink) == [FIRST, FIRST]
        task.refresh_from_db()
        assert (task.closed_by, task.history.latest().history_change_reason) == (officer, "address_right")
        # and it can be disputed anew
        assert dispute(person, sink) != task

    def test_the_task_leads_to_the_correction_for_who_may_and_the_page_says_what_is_stopped(
        self,
        person,
        sink,  # noqa: F811
        officer,
    ):
        task = dispute(person, sink)
        where = f"{PERSON}/{person.pk}/email/{value(person).pk}/"
        assert where in desk(officer).get(f"/admin/subjects/task/{task.pk}/change/").content.decode()
        page = desk(officer).get(f"{PERSON}/{person.pk}/change/").content.decode()
        assert "disputed: no letters or codes go there" in page
        assert "address disputed" in page
        clerk = permit(StaffUserFactory(), "subjects.change_task", "subjects.view_task", "subjects.view_datasubject")
        assert where not in desk(clerk).get(f"/admin/subjects/task/{task.pk}/change/").content.decode()
        assert desk(clerk).post(where, {"email": RIGHT, "reason": "our_mistake"}).status_code == 403

    def test_with_another_address_left_the_person_is_not_called_unreachable(self, two, sink, officer):  # noqa: F811
        dispute(two, sink)
        page = desk(officer).get(f"{PERSON}/{two.pk}/change/").content.decode()
        assert "disputed: no letters or codes go there" in page
        assert "address disputed" not in page


@pytest.mark.usefixtures("sample", "operator")
class TestCorrection:
    def correct(self, officer: StaffUser, person, **data):
        return desk(officer).post(f"{PERSON}/{person.pk}/email/{value(person).pk}/", data)

    def test_letters_sign_in_and_search_use_the_new_one_and_history_keeps_the_old_as_ciphertext(
        self,
        person,
        sink,  # noqa: F811
        officer,
    ):
        old = bytes(value(person).sealed)
        assert self.correct(officer, person, email=" Right@Example.kz ", reason="told_by_person").status_code == 302
        ask(client := Client(), IIN)
        assert client.post("/cabinet/code/", {"code": code_from(sink)}).url == "/cabinet/"
        send(person)
        assert [address.lower() for address in reached(sink) if address != FIRST] == [RIGHT, RIGHT]
        assert list(search.find(IndexKind.EMAIL, RIGHT)) == [person]
        assert not search.find(IndexKind.EMAIL, FIRST).exists()
        now, before = value(person).history.order_by("-history_id")
        assert bytes(before.sealed) == old != bytes(now.sealed)
        assert (now.history_user_id, now.history_change_reason) == (officer.pk, "told_by_person")
        assert now.source == "officer"

    def test_the_old_address_is_told_once_in_the_persons_language_and_without_a_name(self, person, sink, officer):  # noqa: F811
        self.correct(officer, person, email=RIGHT, reason="told_by_person")
        with acting_as("job:letters"):
            delivery.deliver_due()
        (told,) = sink.messages()
        assert told["To"] == FIRST
        text = told.get_body(("plain",)).get_content()
        assert "изменён" in text
        assert "office@example.kz" in text
        assert RIGHT not in text

    def test_a_disputed_old_address_is_not_told_even_if_it_is_disputed_afterwards(self, person, sink, officer):  # noqa: F811
        dispute(person, sink)
        self.correct(officer, person, email=RIGHT, reason="reached_stranger")
        assert not Letter.objects.filter(kind="address_changed").exists()
        # somebody else's, told, then disputed before the letter left
        other = DataSubjectFactory(email="shared@example.kz")
        third = DataSubjectFactory(email="shared@example.kz")
        self.correct(officer, other, email="new@example.kz", reason="our_mistake")
        letter = LetterFactory(subject=third)
        services.dispute_address(letter_id=letter.pk, mark=delivery.address_mark(letter.pk, "shared@example.kz"))
        with acting_as("job:letters"):
            delivery.deliver_due()
        assert "shared@example.kz" not in reached(sink)
        assert Letter.objects.get(kind="address_changed").state == "skipped"

    def test_the_old_address_of_somebody_who_died_is_not_written_to(self, person, sink, officer):  # noqa: F811
        self.correct(officer, person, email=RIGHT, reason="told_by_person")
        person.standing = Standing.DECEASED
        person.save()
        with acting_as("job:letters"):
            delivery.deliver_due()
        assert reached(sink) == []

    def test_a_code_that_went_to_the_old_address_opens_nothing_any_more(self, person, sink, officer):  # noqa: F811
        ask(client := Client(), IIN)
        code = code_from(sink)
        self.correct(officer, person, email=RIGHT, reason="told_by_person")
        assert client.post("/cabinet/code/", {"code": code}).status_code == 422

    def test_a_wrong_address_is_taken_away_and_the_right_one_given_later(self, person, sink, officer):  # noqa: F811
        task = dispute(person, sink)
        assert self.correct(officer, person, reason="reached_stranger", remove="1", email="").status_code == 302
        task.refresh_from_db()
        assert task.closed_by == officer
        assert not person.values.filter(category__code="email").exists()
        assert not person.search_keys.filter(kind="email").exists()
        page = desk(officer).get(f"{PERSON}/{person.pk}/change/").content.decode()
        where = f"{PERSON}/{person.pk}/email/"
        assert f'href="{where}"' in page
        assert desk(officer).post(where, {"email": RIGHT, "reason": "told_by_person"}).status_code == 302
        send(person)
        assert reached(sink) == [FIRST, RIGHT]
        again = desk(officer).post(where, {"email": SECOND, "reason": "told_by_person"})
        assert again.status_code == 422
        assert "correct that one" in again.content.decode()

    @pytest.mark.parametrize(
        ("given", "sentence"),
        [
            ({"email": "", "reason": "our_mistake"}, "required"),
            ({"email": "nobody", "reason": "our_mistake"}, "e-mail"),
            ({"email": RIGHT, "reason": ""}, "required"),
            ({"email": RIGHT, "reason": "made up"}, "made up"),
            ({"email": FIRST.upper(), "reason": "our_mistake"}, "has this e-mail already"),
            ({"email": "", "reason": "", "remove": "1"}, "required"),
        ],
    )
    def test_what_cannot_be_is_said_and_changes_nothing(self, person, officer, given, sentence):
        response = self.correct(officer, person, **given)
        assert response.status_code == 422
        assert sentence in response.content.decode()
        assert value(person).history.count() == 1
        assert not Letter.objects.exists()

    def test_an_address_that_another_reader_disputes_is_given_to_nobody(self, person, sink, officer):  # noqa: F811
        dispute(person, sink)
        other = DataSubjectFactory(email=SECOND)
        with (
            as_officer(officer),
            translation.override("en"),
            pytest.raises(ValidationError, match="settle that task first"),
        ):
            services.correct_email(value=value(other), email=FIRST, reason="our_mistake", by=officer)

    @pytest.mark.parametrize("second", [{"email": SECOND}, {"email": "", "remove": "1"}])
    def test_of_two_officers_the_second_is_told_and_overwrites_nothing(self, person, officer, second):
        page = desk(officer).get(f"{PERSON}/{person.pk}/email/{value(person).pk}/").content.decode()
        seen = re.search(r'name="seen" value="(\d+)"', page)[1]
        assert self.correct(officer, person, email=RIGHT, reason="told_by_person", seen=seen).status_code == 302
        response = self.correct(officer, person, **second, reason="our_mistake", seen=seen)
        assert response.status_code == 409
        assert "Somebody else has changed this e-mail meanwhile" in response.content.decode()
        assert list(search.find(IndexKind.EMAIL, RIGHT)) == [person]

    def test_what_was_taken_away_meanwhile_is_said_too(self, person, officer):
        gone = value(person)
        with as_officer(officer):
            services.remove_email(value=value(person), reason="our_mistake", by=officer)
            with pytest.raises(ValidationError, match="Somebody else"):
                services.correct_email(value=gone, email=RIGHT, reason="our_mistake", by=officer)

    def test_only_an_e_mail_of_this_person_is_corrected_here(self, person, officer):
        other = DataSubjectFactory(email=SECOND)
        iin = PersonalData.objects.get(subject=person, category__code="iin")
        for pk in (iin.pk, value(other).pk, 10**6):
            assert desk(officer).get(f"{PERSON}/{person.pk}/email/{pk}/").status_code == 404

    def test_the_page_shows_no_address_and_where_a_value_came_from_in_words(self, person, officer):
        for url in (f"{PERSON}/{person.pk}/email/{value(person).pk}/", f"{PERSON}/{person.pk}/change/"):
            assert FIRST not in desk(officer).get(url).content.decode()
        PersonalData.objects.filter(subject=person).update(source="import")
        assert "from an import" in desk(officer).get(f"{PERSON}/{person.pk}/change/").content.decode()


def test_the_migration_gives_back_the_standing_and_keeps_the_address_stopped(person):
    from importlib import import_module

    from django.apps import apps

    person.standing = Standing.RESTRICTED
    person.save()
    person.standing = Standing.DISPUTED_ADDRESS
    person.save()
    task = Task.objects.create(kind=Task.Kind.DISPUTED_ADDRESS, subject=person)
    never = DataSubjectFactory(email=None, standing=Standing.DISPUTED_ADDRESS)
    import_module("subjects.migrations.0006_disputes_leave_the_standing").move(apps, None)
    person.refresh_from_db()
    never.refresh_from_db()
    assert (person.standing, never.standing) == (Standing.RESTRICTED, Standing.ORDINARY)
    assert (task.address.value, task.address.since) == (value(person), task.opened_at)
    assert not person.search_keys.usable_emails().exists()
    assert person.history.latest().actor == "migration:subjects.0006"


def test_the_letters_links_lead_to_a_page_of_this_site():
    letter = LetterFactory.build(pk=7)
    assert delivery.not_mine_link(letter, FIRST).startswith(django_settings.SITE_URL + "/cabinet/not-mine/7.")
    marks = {delivery.address_mark(pk, address) for pk, address in product((7, 8), (FIRST, SECOND))}
    assert len(marks) == 4
