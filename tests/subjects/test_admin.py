"""The officers' pages about people: masked, found exactly, opened one value at a time with a reason."""

import re
from itertools import product

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.actor import acting_as
from audit.models import AccessRecord
from notifications.delivery import address_mark
from notifications.models import Letter
from staff.enums import Role
from staff.models import StaffUser
from subjects import services, vault
from subjects.enums import Disclosure, RetentionClass, Standing
from subjects.models import CabinetEvent, DataSubject, PersonalData, SignInCode, SubjectKey, Task
from tests.staff.conftest import member  # noqa: F401
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory, named

pytestmark = pytest.mark.django_db

LIST = "/admin/subjects/datasubject/"
IIN, PHONE, EMAIL, CLIENT = "850314390019", "+77012345678", "canary.person@example.kz", "K-77001-X"
LAST, FIRST = "Канареева", "Әйгерім"
CANARIES = (IIN, "7012345678", "701 234", "canary.person", "person@", CLIENT, "77001", LAST, FIRST, LAST.lower())
SEES_PEOPLE = (Role.OPERATOR, Role.OFFICER, Role.DPO, Role.AUDITOR)


@pytest.fixture
def person():
    subject = DataSubjectFactory(email=EMAIL, iin=IIN, phone=PHONE, client_number=CLIENT, language="kk")
    return named(subject, last=LAST, first=FIRST)


def desk(officer: StaffUser, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(officer)
    return client


def clerk() -> Client:
    return desk(permit(StaffUserFactory(), "subjects.view_datasubject"))


def page_of(person: DataSubject) -> str:
    return f"{LIST}{person.pk}/change/"


def text_of(response) -> str:
    return response.content.decode()


def found(response) -> list[str]:
    return re.findall(r"S-\d{6}", re.search(r'id="result_list".*?</table>|$', text_of(response), re.DOTALL)[0])


def search(client: Client, term: str) -> list[str]:
    response = client.post(LIST, {"q": term})
    assert response.status_code == 200
    return found(response)


def value_of(person: DataSubject, code: str) -> PersonalData:
    return PersonalData.objects.get(subject=person, category__code=code)


class TestList:
    def test_a_row_is_a_reference_hints_kind_standing_and_language(self, person):
        row = re.search(r"<tbody>.*?</tbody>", text_of(clerk().get(LIST)), re.DOTALL)[0]
        for shown in (str(person), "••••••••0019", "+7 ••• ••• 56 78", "c•••@e•••.kz", "ordinary", "Қазақша"):
            assert shown in row, shown

    @pytest.mark.parametrize("params", ["standing__exact=minor", "kind__exact=heir", "language__exact=ru"])
    def test_filters_narrow_the_list(self, person, params):
        other = DataSubjectFactory(standing=Standing.MINOR, kind="heir", language="ru")
        assert found(clerk().get(f"{LIST}?{params}")) == [str(other)]

    @pytest.mark.parametrize(
        "params",
        [
            "search_keys__digest=x",
            "search_keys__hint__startswith=%2B7",
            "public_id__startswith=a",
            "pk__gt=5",
            "id__in=1,2",
            "values__sealed__contains=a",
            "standing__startswith=o",
            "keys__kek_version=1",
            "letters__state=sent",
            "created_at__year=2026",
        ],
    )
    def test_an_oracle_is_refused(self, person, params):
        assert clerk().get(f"{LIST}?{params}").status_code == 400

    def test_120_people_are_paged_by_key_newest_first(self):
        people = [DataSubjectFactory(email=None) for _ in range(120)]
        client, seen, url = clerk(), [], LIST
        for _page in range(3):
            response = client.get(url)
            seen += found(response)
            older = re.search(r'href="(\?before=\d+)"', text_of(response))
            url = LIST + older[1] if older else None
        assert url is None
        assert seen == [str(person) for person in reversed(people)]

    def test_as_many_queries_for_120_people_as_for_ten(self):
        client, counts = clerk(), []
        for more in (10, 110):
            for n in range(more):
                DataSubjectFactory(email=f"x{more}{n}@example.kz")
            client.get(LIST)
            with CaptureQueriesContext(connection) as queries:
                assert len(found(client.get(LIST))) == min(50, more)
            counts.append(len(queries))
        assert counts[0] == counts[1]


class TestSearch:
    @pytest.mark.parametrize(
        "term",
        [
            "8503 1439 0019", " 850314390019 ",
            "+77012345678", "87012345678", "8 (701) 234-56-78", "7012345678",
            EMAIL, "Canary.Person@EXAMPLE.kz",
            CLIENT, CLIENT.lower(),
            LAST, LAST.upper(), FIRST, f"{FIRST} {LAST}",
        ],
    )  # fmt: skip
    def test_whatever_names_the_person_exactly_finds_them_however_it_is_typed(self, person, term):
        DataSubjectFactory(email="canary2@example.kz", iin="921130490023")
        assert search(clerk(), term) == [str(person)]

    def test_a_reference_finds_its_person(self, person):
        DataSubjectFactory()
        assert search(clerk(), str(person)) == search(clerk(), str(person).lower()) == [str(person)]

    @pytest.mark.parametrize(
        "part",
        ["8503143900", "0019", "canary", "example.kz", "+7701234567", "Канаре", "К", "K-77001", "S-0", "%", "_", "*"],
    )
    def test_a_part_finds_nobody(self, person, part):
        assert search(clerk(), part) == []

    def test_all_words_must_be_of_one_person(self, person):
        named(DataSubjectFactory(), last=LAST, first="Болат")
        named(DataSubjectFactory(), last="Ахметова", first=FIRST)
        assert search(clerk(), f"{LAST} {FIRST}") == [str(person)]
        assert len(search(clerk(), LAST)) == 2

    def test_what_was_searched_for_stands_in_no_address(self, person):
        response = clerk().post(LIST, {"q": IIN})
        links = re.findall(r'(?:href|action)="([^"]*)"', text_of(response))
        assert links
        assert not [link for link in links if IIN in link]
        assert 'method="post" role="search"' in text_of(response)

    def test_of_very_many_namesakes_the_newest_are_shown_and_the_page_says_so(self):
        people = [named(DataSubjectFactory(email=None), last="Ким") for _ in range(55)]
        response = clerk().post(LIST, {"q": "ким"})
        assert found(response) == [str(person) for person in reversed(people)][:50]
        assert "More people are found than are shown" in text_of(response)

    def test_a_nul_in_the_search_is_a_sentence(self, person):
        response = clerk().post(LIST, {"q": "a\0b"})
        assert response.status_code == 200
        assert "Null characters are not allowed" in text_of(response)


class TestNoValueAnywhere:
    """The canary: neither a value nor a good part of one is on any page that any role opens."""

    def pages(self, person: DataSubject) -> list[str]:
        letter = Letter.objects.get(subject=person)
        task = Task.objects.get(subject=person)
        versions = [f"{page_of(person)[:-7]}history/{row.history_id}/" for row in person.history.all()]
        event = CabinetEvent.objects.filter(subject=person).latest("pk")
        look = AccessRecord.objects.latest("pk")
        return [
            "/admin/",
            LIST,
            page_of(person),
            f"{LIST}{person.pk}/history/",
            f"{LIST}{person.pk}/delete/",
            *versions,
            f"{LIST}{person.pk}/reveal/{value_of(person, 'iin').pk}/",
            f"{LIST}{person.pk}/paper-code/",
            "/admin/subjects/task/",
            f"/admin/subjects/task/{task.pk}/change/",
            f"/admin/subjects/task/{task.pk}/history/",
            "/admin/subjects/cabinetevent/",
            f"/admin/subjects/cabinetevent/{event.pk}/change/",
            "/admin/subjects/personaldata/",
            *(
                f"/admin/subjects/personaldata/{v.pk}/{page}/"
                for v in person.values.all()
                for page in ("change", "history")
            ),
            "/admin/subjects/subjectimport/",
            "/admin/notifications/letter/",
            f"/admin/notifications/letter/{letter.pk}/change/",
            "/admin/audit/accessrecord/",
            f"/admin/audit/accessrecord/{look.pk}/change/",
            "/admin/consent/noticeserved/",
            "/admin/consent/acknowledgement/",
        ]

    @pytest.mark.parametrize("role", [*Role])
    def test_no_page_holds_a_value(self, person, role, member):  # noqa: F811
        letter = Letter.objects.create(subject=person, kind="sign_in_code", cause="x:1#y", language="kk")
        services.dispute_address(letter_id=letter.pk, mark=address_mark(letter.pk, EMAIL))
        with acting_as("job:import"):
            vault.replace(subject=person, category="email", parts={"value": "new." + EMAIL}, source="import")
        vault.own_values(subject=DataSubjectFactory(), page="x")
        client, opened = desk(member(role)), 0
        for url in self.pages(person):
            response = client.get(url)
            assert response.status_code in (200, 302, 403, 404), url
            opened += response.status_code == 200
            for canary in CANARIES:
                assert canary not in text_of(response), (role, url, canary)
        assert opened >= (10 if role in SEES_PEOPLE else 1)

    @pytest.mark.parametrize("term", [IIN, PHONE, EMAIL, CLIENT, LAST])
    def test_a_search_gives_back_what_was_typed_and_nothing_else(self, person, term):
        page = text_of(clerk().post(LIST, {"q": term}))
        assert page.count(term) == 1, "in the search box"
        assert not [canary for canary in CANARIES if canary in page and canary not in term]

    def test_the_history_of_a_value_says_when_and_who_and_of_the_value_only_how_long_it_is(self, person, member):  # noqa: F811
        with acting_as("job:import"):
            vault.replace(subject=person, category="email", parts={"value": "new." + EMAIL}, source="import")
        client, email = desk(member(Role.AUDITOR)), value_of(person, "email")
        url = f"/admin/subjects/personaldata/{email.pk}/history/"
        assert url in text_of(client.get(page_of(person)))
        page = text_of(client.get(url))
        assert "job import" in page
        assert f"sealed ({len(bytes(email.sealed))} bytes)" in page
        for row in email.history.all():
            version = text_of(client.get(f"{url}{row.pk}/"))
            assert "sealed (" in version
            assert not [canary for canary in CANARIES if canary in version + page]


class TestSubjectPage:
    def test_it_names_what_is_held_by_category_and_nothing_opens(self, person):
        page = text_of(clerk().get(page_of(person)))
        for shown in (str(person), "Individual identification number (IIN)", "E-mail address", "••••••"):
            assert shown in page
        assert not AccessRecord.objects.exists()

    def test_as_many_queries_for_much_as_for_little(self, person, member):  # noqa: F811
        client, counts = desk(member(Role.DPO)), []
        for more in (1, 15):
            for n in range(more):
                Letter.objects.create(subject=person, kind="sign_in_code", cause=f"x:{more}{n}#y", language="kk")
                CabinetEvent.objects.create(kind="signed_in", subject=person)
                AccessRecord.objects.create(door="reveal", reference=str(person), category="iin", reason="check")
                vault.store(subject=person, category="addresses", parts={"city": "x"}, source="test")
            client.get(page_of(person))
            with CaptureQueriesContext(connection) as queries:
                client.get(page_of(person))
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_who_looked_is_told_in_words(self, person, member):  # noqa: F811
        dpo = member(Role.DPO)
        desk(dpo).post(f"{LIST}{person.pk}/reveal/{value_of(person, 'iin').pk}/", {"reason": "demand"})
        page = text_of(desk(dpo).get(page_of(person)))
        looked = page[page.index("Who looked") :]
        assert "Individual identification number (IIN)" in looked
        assert dpo.username in looked
        assert "a lawful demand of a state body or court" in looked

    @pytest.mark.parametrize("pk", ["abc", "1_5F", "0", "99999999999999999999999", "٣٣٣٣٣", "-1"])
    def test_what_is_no_person_is_not_found(self, person, pk):
        assert clerk().get(f"{LIST}{pk}/change/").status_code == 404

    def test_nobody_changes_a_person_here(self, person, member):  # noqa: F811
        for role in Role:
            client = desk(member(role))
            assert client.post(page_of(person), {"standing": "erased"}).status_code == 403
            assert client.get(f"{LIST}add/").status_code == 403
            assert client.post(f"{LIST}{person.pk}/delete/", {"post": "yes"}).status_code == 403
        person.refresh_from_db()
        assert person.standing == Standing.ORDINARY


class TestReveal:
    def url(self, person: DataSubject, code: str = "iin") -> str:
        return f"{LIST}{person.pk}/reveal/{value_of(person, code).pk}/"

    def officer(self) -> StaffUser:
        return permit(StaffUserFactory(), "subjects.view_datasubject", "subjects.reveal_value")

    def test_the_page_first_asks_why(self, person):
        response = desk(self.officer()).get(self.url(person))
        assert response.status_code == 200
        assert 'name="reason"' in text_of(response)
        assert IIN not in text_of(response)
        assert not AccessRecord.objects.exists()

    @pytest.mark.parametrize("data", [{}, {"reason": ""}, {"reason": "curiosity"}])
    def test_without_a_reason_it_says_so_and_opens_nothing(self, person, data):
        response = desk(self.officer()).post(self.url(person), data)
        assert response.status_code == 422
        assert 'href="#id_reason"' in text_of(response)
        assert IIN not in text_of(response)
        assert not AccessRecord.objects.exists()

    def test_with_a_reason_the_value_is_shown_once_uncached_and_recorded(self, person):
        officer = self.officer()
        client = desk(officer)
        response = client.post(self.url(person), {"reason": "correction"})
        assert IIN in text_of(response)
        assert "no-store" in response["Cache-Control"]
        record = AccessRecord.objects.get()
        assert (record.user, record.actor, record.reference) == (officer, f"officer:{officer.pk}", str(person))
        assert (record.door, record.category, record.reason) == ("reveal", "iin", "correction")
        assert IIN not in text_of(client.get(self.url(person)))
        assert IIN not in text_of(client.get(page_of(person)))

    def test_a_name_is_shown_in_its_parts(self, person):
        page = text_of(desk(self.officer()).post(self.url(person, "full_name"), {"reason": "check"}))
        assert re.search(rf"Last name</dt>\s*<dd>{LAST}</dd>", page)

    def test_without_the_right_the_door_is_shut(self, person):
        client = clerk()
        assert client.get(self.url(person)).status_code == 403
        assert client.post(self.url(person), {"reason": "check"}).status_code == 403
        assert "/reveal/" not in text_of(client.get(page_of(person)))
        assert not AccessRecord.objects.exists()

    def test_a_value_of_another_person_is_not_found(self, person):
        other = DataSubjectFactory(iin="921130490023")
        url = f"{LIST}{other.pk}/reveal/{value_of(person, 'iin').pk}/"
        assert desk(self.officer()).post(url, {"reason": "check"}).status_code == 404
        assert not AccessRecord.objects.exists()

    def test_a_value_whose_key_was_destroyed_stays_shut_and_the_page_says_why(self, person):
        url = self.url(person)
        SubjectKey.objects.filter(subject=person, retention_class=RetentionClass.IDENTITY).delete()
        response = desk(self.officer()).post(url, {"reason": "check"})
        assert response.status_code == 403
        assert "The key of this value was destroyed" in text_of(response)


class TestPaperCode:
    def officer(self) -> StaffUser:
        return permit(StaffUserFactory(), "subjects.view_datasubject", "subjects.issue_paper_code")

    def url(self, person: DataSubject) -> str:
        return f"{LIST}{person.pk}/paper-code/"

    @pytest.fixture
    def person(self):
        return DataSubjectFactory(email=None, iin=IIN)

    def test_whoever_has_an_e_mail_gets_none_on_paper_and_the_page_says_why(self):
        reachable = DataSubjectFactory(iin="921130490023")
        client = desk(self.officer())
        assert "paper-code" not in text_of(client.get(page_of(reachable)))
        response = client.post(self.url(reachable))
        assert response.status_code == 403
        assert "This person has an e-mail" in text_of(response)
        assert not SignInCode.objects.exists()

    def test_the_code_is_shown_once_and_kept_as_a_digest(self, person):
        client = desk(self.officer())
        assert "paper-code" in text_of(client.get(page_of(person)))
        assert not re.search(r"\b\d{8}\b", text_of(client.get(self.url(person))))
        response = client.post(self.url(person))
        code = re.search(r'class="paper-code">(\d{8})<', text_of(response))[1]
        assert "no-store" in response["Cache-Control"]
        assert code not in text_of(client.get(self.url(person)))
        assert code.encode() not in bytes(SignInCode.objects.get().digest)
        assert CabinetEvent.objects.get().kind == "paper_code"

    def test_where_the_cabinet_is_closed_none_is_issued_and_the_page_says_why(self, person):
        DataSubject.objects.filter(pk=person.pk).update(standing=Standing.DECEASED)
        client = desk(self.officer())
        assert "paper-code" not in text_of(client.get(page_of(person)))
        response = client.post(self.url(person))
        assert response.status_code == 403
        assert "The cabinet is closed for this person." in text_of(response)
        assert not SignInCode.objects.exists()

    def test_without_the_right_none_is_issued(self, person):
        assert clerk().get(self.url(person)).status_code == 403
        assert clerk().post(self.url(person)).status_code == 403
        assert not SignInCode.objects.exists()


class TestTasks:
    def disputed(self, person: DataSubject) -> Task:
        letter = Letter.objects.create(subject=person, kind="sign_in_code", cause="x:1#y", language="kk")
        services.dispute_address(letter_id=letter.pk, mark=address_mark(letter.pk, EMAIL))
        return Task.objects.get()

    def officer(self) -> StaffUser:
        return permit(StaffUserFactory(), "subjects.view_task", "subjects.change_task", "subjects.view_datasubject")

    def settle(self, client: Client, task: Task):
        return client.post(f"/admin/subjects/task/{task.pk}/settle/")

    def test_an_open_task_stands_on_the_persons_page_and_on_the_officers_home(self, person):
        task = self.disputed(person)
        client = desk(self.officer())
        assert f"/task/{task.pk}/change/" in text_of(client.get(page_of(person)))
        assert "closed_at__isnull=True" in text_of(client.get("/admin/"))
        assert str(person) in text_of(client.get("/admin/subjects/task/?closed_at__isnull=True"))

    @pytest.mark.parametrize("before", [Standing.ORDINARY, Standing.RESTRICTED])
    def test_a_dispute_and_its_end_leave_the_standing_alone(self, person, before):
        DataSubject.objects.filter(pk=person.pk).update(standing=before)
        task, officer = self.disputed(person), self.officer()
        person.refresh_from_db()
        assert person.standing == before
        assert self.settle(desk(officer), task).status_code == 302
        task.refresh_from_db()
        person.refresh_from_db()
        assert (task.closed_by, person.standing) == (officer, before)
        assert task.history.latest().actor == f"officer:{officer.pk}"

    def test_settling_twice_is_once(self, person):
        task, officer = self.disputed(person), self.officer()
        client = desk(officer)
        for _time in range(2):
            assert self.settle(client, task).status_code == 302
        with as_officer(officer):
            services.settle_disputed_address(task=task, by=officer)
        assert task.history.count() == 2

    def test_who_may_only_look_settles_nothing(self, person):
        task = self.disputed(person)
        client = desk(permit(StaffUserFactory(), "subjects.view_task"))
        assert self.settle(client, task).status_code == 403
        assert "settle" not in text_of(client.get(f"/admin/subjects/task/{task.pk}/change/"))
        task.refresh_from_db()
        assert task.closed_at is None


def test_a_withheld_value_leaves_no_trace_but_on_the_page_of_who_must_know(person):
    value = value_of(person, "iin")
    value.disclosure = Disclosure.WITHHELD
    value.save()
    assert "iin" not in {opened.category for opened in vault.own_values(subject=person, page="x")}
    title = "Individual identification number (IIN)"
    assert title not in text_of(clerk().get(page_of(person)))
    who_must_know = permit(StaffUserFactory(), "subjects.view_datasubject", "subjects.view_withheld")
    assert title in text_of(desk(who_must_know).get(page_of(person)))


def test_the_pages_speak_three_languages(person, member):  # noqa: F811
    dpo = member(Role.DPO)
    pages = [LIST, page_of(person), f"{LIST}{person.pk}/reveal/{value_of(person, 'iin').pk}/"]
    for url, (language, word) in product(pages, {"ru": "ИИН", "kk": "ЖСН", "en": "IIN"}.items()):
        page = text_of(desk(dpo, language).get(url))
        assert f'<html lang="{language}"' in page
        assert word in page
