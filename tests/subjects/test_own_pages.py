"""An IIN, a phone and an e-mail that are held are put right on their own pages alone, however somebody comes to it."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import translation

from audit.actor import acting_as
from staff.enums import Role
from staff.models import StaffUser
from subjects import registers, vault, verification
from subjects import request_services as services
from subjects.models import DataCategory, DataSubject, PersonalData
from tests.staff.conftest import member  # noqa: F401
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory
from tests.subjects.test_requests import HANDLES, granted

pytestmark = pytest.mark.django_db
HELD = {"iin": "850314390019", "email": "aigerim@example.kz", "mobile_phone": "+77012345678"}
OTHER = {"iin": "921130490023", "email": "other@example.kz", "mobile_phone": "+77017654321"}
NAMES = {"iin": "Corrections of IINs", "email": "its own page", "mobile_phone": "My phone and e-mail"}


@pytest.fixture(autouse=True)
def registered(db):
    with acting_as("command:load_registers@test"):
        registers.load()
        registers.load_clock()
    with translation.override("en"):
        yield


@pytest.fixture
def person(db) -> DataSubject:
    return DataSubjectFactory(iin=HELD["iin"], email=HELD["email"], phone=HELD["mobile_phone"])


@pytest.fixture
def officer(db) -> StaffUser:
    return permit(StaffUserFactory(), *HANDLES, "subjects.decide_verification")


def held(person: DataSubject, category: str) -> list[str]:
    found = vault.open_for("record", subject_ids=[person.pk], category=category)
    return [parts["value"] for parts in found.get(person.pk, [])]


@pytest.mark.parametrize("category", HELD)
class TestEachOfThree:
    def test_a_request_leaves_it_alone_and_is_work_that_points_to_its_page(self, person, member, category):  # noqa: F811
        officer = member(Role.OFFICER, language="en")
        row = granted(
            person, officer, "correct", category=DataCategory.objects.get(code=category), value=OTHER[category]
        )
        assert held(person, category) == [HELD[category]]
        item = row.items.get(system=None)
        assert (item.kind, item.done_at) == ("correct", None)
        desk = Client(headers={"accept-language": "en"})
        desk.force_login(officer)
        page = desk.get(f"/admin/subjects/subjectrequest/{row.pk}/work/{item.pk}/").content.decode()
        assert NAMES[category] in page
        place = "/admin/subjects/iincorrection/add/" if category == "iin" else f"datasubject/{person.pk}/change/"
        assert place in page
        with as_officer(officer):
            services.finish_item(item=item, by=officer)
            services.answer(request=row, by=officer, text="Мынау")

    def test_a_mismatch_does_not_put_another_in_its_place(self, person, officer, category):
        value = PersonalData.objects.get(subject=person, category__code=category)
        row = verification.note(value=value, against="document", result="mismatch", found={"value": OTHER[category]})
        with as_officer(officer):
            with pytest.raises(ValidationError, match=NAMES[category]):
                verification.decide(row=row, decision="corrected", by=officer)
            verification.decide(row=row, decision="kept", by=officer)
        assert held(person, category) == [HELD[category]]


@pytest.mark.parametrize("category", ["iin", "mobile_phone"])
def test_the_page_of_values_takes_the_first_one_and_says_where_another_belongs(person, member, category):  # noqa: F811
    desk = Client(headers={"accept-language": "en"})
    desk.force_login(member(Role.OFFICER, language="en"))
    told = {"part_value": OTHER[category], "method": "form", "origin": "subject", "override": "document_seen"}
    url = f"/admin/subjects/datasubject/{person.pk}/value/{category}/"
    for answer in (desk.get(url), desk.post(url, told)):
        assert (answer.status_code, NAMES[category] in answer.content.decode()) == (403, True)
    assert held(person, category) == [HELD[category]]
    nobody = DataSubjectFactory(email=None)
    assert desk.post(f"/admin/subjects/datasubject/{nobody.pk}/value/{category}/", told).status_code == 302
    assert held(nobody, category) == [OTHER[category]]
