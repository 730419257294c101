"""What a request names by codes: an unknown one is told by name and never counts as "all"; all of them have room."""

import json

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone, translation

from audit.actor import acting_as
from consent import registers as consent_registers
from consent.enums import State
from consent.ledger import standings
from consent.models import ConsentForm, Objection, Purpose
from consent.on_request import opposable
from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import registers
from subjects import request_services as services
from subjects.models import AutomatedDecision, DataSubject, SubjectRequest
from tests.consent.factories import given, version
from tests.consent.system import client_and_key
from tests.staff.conftest import at_desk, member  # noqa: F401
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory
from tests.subjects.test_requests import HANDLES, asked, granted

pytestmark = pytest.mark.django_db
NEW = "/cabinet/requests/new/"
CYRILLIC = "С8"


@pytest.fixture(autouse=True)
def registered(db):
    with acting_as("command:load_registers@test"):
        registers.load()
        registers.load_clock()
        consent_registers.load()


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


@pytest.fixture
def person(db) -> DataSubject:
    return DataSubjectFactory()


@pytest.fixture
def officer(db) -> StaffUser:
    return permit(StaffUserFactory(), *HANDLES)


@pytest.fixture
def consents(person) -> None:
    for code in ("C1", "C8"):
        given(person, version(ConsentForm.objects.get(code=code)), scope="contract:1" if code == "C1" else "")


def stands(person: DataSubject) -> set[str]:
    return {code for (code, _scope), one in standings(person).items() if one.state == State.GIVEN}


def decision(person: DataSubject, number: str) -> AutomatedDecision:
    return AutomatedDecision.objects.create(
        subject=person, client="loans", number=number, kind="scoring", outcome="refused", occurred_at=timezone.now(),
        categories=[],
    )  # fmt: skip


def reviewed(person: DataSubject) -> set[str]:
    rows = AutomatedDecision.objects.filter(subject=person, review_asked_at__isnull=False)
    return set(rows.values_list("number", flat=True))


@pytest.mark.usefixtures("consents")
class TestWithdrawal:
    def test_of_one_of_none_named_and_of_a_mistyped_one(self, person, officer):
        granted(person, officer, "withdraw", target="C8")
        assert stands(person) == {"C1"}
        granted(person, officer, "withdraw")
        assert stands(person) == set()

    @pytest.mark.parametrize("typed", [CYRILLIC, "c8", "D-17", f"C1 {CYRILLIC}", "marketing"])
    def test_a_code_that_is_no_form_is_named_when_it_comes_in_and_when_it_is_granted(self, person, officer, typed):
        wrong = typed.split()[-1]
        with pytest.raises(ValidationError, match=f"no such code to ask about here: {wrong}"):
            asked(person, None, "withdraw", target=typed)
        row = asked(person, None, "withdraw")
        SubjectRequest.objects.filter(pk=row.pk).update(target=typed)  # from before codes were looked at
        with as_officer(officer):
            services.take_up(request=row, by=officer)
            with pytest.raises(ValidationError, match=wrong):
                services.decide(request=row, by=officer)
            assert stands(person) == {"C1", "C8"}
            services.decide(request=row, by=officer, target="C8")
        assert stands(person) == {"C1"}

    def test_beside_another_kind_that_names_something_it_names_its_own(self, person, officer):
        row = asked(person, None, "withdraw", "object", target="marketing")
        with as_officer(officer):
            services.take_up(request=row, by=officer)
            with pytest.raises(NotAllowed, match="which consent"):
                services.decide(request=row, by=officer)
            assert stands(person) == {"C1", "C8"}
            services.decide(request=row, by=officer, target="marketing C8")
        assert stands(person) == {"C1"}
        assert Objection.objects.get().purpose.code == "marketing"

    def test_in_the_cabinet_none_marked_means_all_and_they_are_written_down(self, person):
        form = {"kind": ["withdraw", "object"], "about_object": ["marketing"], "language": "en"}
        assert inside(person, "en").post(NEW, form).status_code == 302
        assert SubjectRequest.objects.get().targets == ["C1", "C8", "marketing"]

    def test_the_office_and_the_api_are_told_by_field(self, person, member, at_desk, client):  # noqa: F811
        form = {"channel": "post", "received_at": "2026-01-27T10:00", "kinds": ["withdraw"], "language": "kk"}
        desk = at_desk(member("officer", language="en"))
        page = desk.post(
            "/admin/subjects/subjectrequest/add/", {**form, "subject": str(person), "target": CYRILLIC},
            headers={"accept-language": "en"},
        )  # fmt: skip
        assert page.status_code == 422
        assert f"no such code to ask about here: {CYRILLIC}" in page.content.decode()
        _client, key = client_and_key("site")
        for about, status in (([CYRILLIC], 422), (["D-17"], 422), ([" "], 422), (["C8"], 201)):
            told = client.post(
                f"/api/v1/subjects/{person}/requests", json.dumps({"kinds": ["withdraw"], "about": about}),
                content_type="application/json", headers={"authorization": f"Bearer {key}"},
            )  # fmt: skip
            assert told.status_code == status, told.content
            if status == 422:
                assert told.json()["errors"][0]["field"].startswith("about")


class TestReview:
    def test_of_a_number_with_spaces_alone(self, person, officer):
        for number in ("D 17 / 2026", "D 17", "18"):
            decision(person, number)
        granted(person, officer, "human_review", target="18 D 17 / 2026")
        assert reviewed(person) == {"D 17 / 2026", "18"}

    def test_a_number_of_nobody_or_of_somebody_else_is_not_all(self, person, officer):
        decision(person, "17")
        decision(DataSubjectFactory(), "99")
        with pytest.raises(ValidationError, match="here: 99"):
            asked(person, None, "human_review", target="99")
        row = asked(person, None, "human_review", "object", target="marketing")
        with as_officer(officer):
            services.take_up(request=row, by=officer)
            with pytest.raises(NotAllowed, match="which decision"):
                services.decide(request=row, by=officer)
        assert reviewed(person) == set()

    def test_of_somebody_unknown_it_waits_until_it_is_known_who_asks(self, person, officer):
        decision(person, "17")
        row = asked(None, officer, "human_review", target="99")
        with as_officer(officer):
            services.identify(request=row, identity="document", by=officer, subject=person)
            with pytest.raises(ValidationError, match="here: 99"):
                services.decide(request=row, by=officer)
            services.decide(request=row, by=officer, target="17")
        assert reviewed(person) == {"17"}


def test_a_complaint_may_be_about_anything_of_the_persons_own(person):
    first = asked(person, None, "access")
    asked(person, None, "complaint", target=f"{first} C8 marketing")
    with pytest.raises(ValidationError, match=f"here: {first}"):
        asked(DataSubjectFactory(), None, "complaint", target=str(first))


def test_whoever_objects_to_all_uses_is_taken_at_their_word(person, officer):
    codes = [code for code, _label in opposable(person)]
    assert len(" ".join(codes)) > 200
    form = {"kind": ["object"], "about_object": codes, "language": "en"}
    assert inside(person, "en").post(NEW, form).status_code == 302
    row = SubjectRequest.objects.get()
    with as_officer(officer):
        services.take_up(request=row, by=officer)
        services.decide(request=row, by=officer)
    assert set(Objection.objects.values_list("purpose__code", flat=True)) == set(codes)
    assert not set(codes) & set(Purpose.objects.filter(ground="law").values_list("code", flat=True))
