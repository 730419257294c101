"""Of what one request asks a part is granted and a part refused: two sign, one answer tells both (94-V art. 24, 25)."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone, translation

from audit.actor import acting_as
from notifications.models import Letter
from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import registers, relations, request_timeline, request_words, subject_file
from subjects import request_services as services
from subjects.enums import Standing
from subjects.models import DataSubject, SubjectRequest
from subjects.requests import RequestState
from tests.consent.system import client_and_key
from tests.staff.conftest import at_desk, member  # noqa: F401
from tests.staff.factories import as_officer, permit
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory
from tests.subjects.test_request_pages import page_of, step, text_of
from tests.subjects.test_requests import asked

pytestmark = pytest.mark.django_db
LAW, CONTRACT = "LegalObligationImpaired", "ContractPerformanceNecessity"


@pytest.fixture(autouse=True)
def clock(db):
    with acting_as("command:load_registers@test"):
        registers.load_clock()


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


@pytest.fixture
def person(db) -> DataSubject:
    return DataSubjectFactory()


@pytest.fixture
def officer(member) -> StaffUser:  # noqa: F811
    return member("officer", language="en")


@pytest.fixture
def dpo(member) -> StaffUser:  # noqa: F811
    return member("dpo", language="en")


@pytest.fixture
def row(person, officer) -> SubjectRequest:
    """What do you hold, and destroy it: the commonest letter of all."""
    found = asked(person, None, "access", "destroy", "block")
    with as_officer(officer):
        return services.take_up(request=found, by=officer)


def proposed(row: SubjectRequest, officer: StaffUser, **refusals: str) -> SubjectRequest:
    with as_officer(officer):
        return services.decide(request=row, by=officer, refusals=refusals)


def approved(row: SubjectRequest, dpo: StaffUser) -> SubjectRequest:
    with as_officer(dpo):
        return services.approve(request=row, by=dpo)


def answer_of(row: SubjectRequest, officer: StaffUser) -> str:
    with as_officer(officer):
        return next(one.text for one in request_words.read(request=row, by=officer) if one.what == request_words.ANSWER)


def test_what_is_granted_is_done_what_is_refused_is_not_and_one_answer_says_why(person, row, officer, dpo):
    row = proposed(row, officer, destroy=LAW)
    assert row.state == RequestState.ACKNOWLEDGED
    assert Letter.objects.filter(kind="request_granted").count() == 0
    row = approved(row, dpo)
    person.refresh_from_db()
    assert (row.state, person.standing) == (RequestState.ACCEPTED, Standing.BLOCKED)
    assert not row.plan.exists(), "the destruction was refused"
    assert not row.items.filter(kind="destroy").exists()
    with as_officer(officer):
        for item in row.items.filter(done_at=None):
            services.finish_item(item=item, by=officer)
        row = services.answer(request=row, by=officer, text="Біз мекенжайыңызды сақтаймыз.")
    said = answer_of(row, officer)
    with translation.override("kk"):  # the language of the request
        title, reason = row.asked[1], row.ground_of("destroy")
    assert said.startswith("Біз мекенжайыңызды сақтаймыз.")
    assert f"{title}" in said
    assert f"{reason}" in said
    assert row.files.filter(kind="answer").exists(), "the file on the person comes with the answer"


def test_each_may_be_refused_on_its_own_ground(row, officer, dpo):
    row = approved(proposed(row, officer, access="ProcessUnfounded", destroy=LAW, block=CONTRACT), dpo)
    assert row.state == RequestState.REJECTED
    said = answer_of(row, officer)
    with translation.override("kk"):
        assert all(row.ground_of(kind) in said for kind in row.kinds)
    assert len({row.ground_of(kind) for kind in row.kinds}) == 3


def test_nothing_of_it_takes_effect_alone_or_is_told_before(person, officer, dpo):
    row = asked(person, None, "access", "block")  # nothing that waits for a second person anyway
    with as_officer(officer):
        services.take_up(request=row, by=officer)
    row = proposed(row, officer, block=LAW)
    assert row.state == RequestState.ACKNOWLEDGED
    with as_officer(officer), pytest.raises(NotAllowed):
        services.approve(request=row, by=officer)
    assert row.ground_of("block") == ""
    with as_officer(dpo):
        row = services.send_back(request=row, by=dpo)
    assert (row.refusals, row.decided_by) == ({}, None)


@pytest.mark.parametrize("same", [False, True])
def test_the_database_lets_nobody_refuse_a_part_alone(person, dpo, same):
    row = asked(person, None, "access", "block")
    with as_officer(dpo):
        services.take_up(request=row, by=dpo)
        only = SubjectRequest.objects.filter(pk=row.pk)
        only.update(decided_by=dpo, decided_at=timezone.now(), refusals={"block": LAW})
        signed = {"approved_by": dpo, "approved_at": timezone.now()} if same else {}
        with pytest.raises(IntegrityError, match="four_eyes"), transaction.atomic():
            only.update(state="RequestAccepted", **signed)


def test_nobody_approves_before_anybody_proposed(person, officer, dpo):
    row = asked(person, None, "access", "block")
    with as_officer(officer):
        services.take_up(request=row, by=officer)
    with as_officer(dpo), pytest.raises(IntegrityError, match="nobody approves"), transaction.atomic():
        SubjectRequest.objects.filter(pk=row.pk).update(approved_by=dpo, approved_at=timezone.now())


@pytest.mark.parametrize("what", [{"refusals": {"block": LAW}}, {"target": "C8"}, {"kinds": ["access", "destroy"]}])
@pytest.mark.parametrize("approved_already", [False, True])
def test_what_is_approved_is_what_was_proposed(row, officer, dpo, what, approved_already):
    row = proposed(row, officer, destroy=LAW)
    signed = {"approved_by": dpo, "approved_at": timezone.now(), "state": "RequestAccepted"}
    if approved_already:
        approved(row, dpo)
        signed = {}
    with as_officer(dpo), pytest.raises(IntegrityError, match="what was proposed"), transaction.atomic():
        SubjectRequest.objects.filter(pk=row.pk).update(**signed, **what)


@pytest.mark.parametrize(
    ("refusing", "refusals"),
    [
        (False, {"correct": LAW}),  # nobody asked that
        (False, {"access": LAW, "destroy": LAW, "block": LAW}),  # nothing is left to grant
        (True, {"access": LAW}),  # something is
        (False, {"access": "nonsense"}),
        (False, {"access": None}),
        (False, {"access": "IdentityVerificationFailure"}),
    ],
)
def test_the_database_knows_a_part_from_the_whole(row, officer, refusing, refusals):
    with as_officer(officer), pytest.raises(IntegrityError, match="a part"), transaction.atomic():
        SubjectRequest.objects.filter(pk=row.pk).update(
            refusing=refusing, refusal=LAW if refusing else "", refusals=refusals
        )


def test_one_thing_has_no_parts_and_what_is_not_asked_is_not_refused(person, row, officer):
    for refusals in ({"correct": LAW}, {"access": "nonsense"}, {"access": "IdentityVerificationFailure"}):
        with pytest.raises(ValidationError):
            proposed(row, officer, **refusals)
    single = asked(person, None, "access")
    with as_officer(officer):
        services.take_up(request=single, by=officer)
    with pytest.raises(NotAllowed, match="One thing"):
        proposed(single, officer, access=LAW)


def test_the_officer_chooses_for_each_and_sees_what_the_second_will_approve(row, officer, dpo, at_desk):  # noqa: F811
    desk, other = at_desk(officer), at_desk(dpo)
    for seat in (desk, other):
        seat.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    assert "Grant a part" in text_of(desk.get(page_of(row)))
    choices = {"kind_access": "grant", "kind_destroy": LAW, "kind_block": "grant"}
    assert desk.post(step(row, "decide-apart"), {**choices, "kind_block": ""}).status_code == 422
    all_granted = desk.post(step(row, "decide-apart"), dict.fromkeys(choices, "grant"))
    assert "Nothing is refused here" in text_of(all_granted)
    desk.post(step(row, "decide-apart"), choices)
    page = text_of(other.get(page_of(row)))
    assert "To grant a part and to refuse the rest: destroy the data (a law has us keep or use the data)" in page
    sure = text_of(other.get(step(row, "approve")))
    assert "Carried out at once: learn what is held; block the data." in sure
    assert "Refused, as the answer will say: destroy the data" in sure
    assert "until when the law keeps them" not in sure, "nothing is destroyed"
    other.post(step(row, "approve"))
    row.refresh_from_db()
    assert row.state == RequestState.ACCEPTED
    with as_officer(officer):
        for item in row.items.filter(done_at=None):
            services.finish_item(item=item, by=officer)
    words = text_of(desk.get(step(row, "answer")))
    shown = text_of(desk.post(step(row, "answer"), {"text": "Мәтін."}))
    with translation.override("kk"):
        reason = row.ground_of("destroy")
    assert "Мәтін." in shown
    assert reason in shown, "the officer sees what is added"
    assert reason not in words, "and does not write it"


def test_the_person_the_systems_and_the_file_tell_the_same(person, row, officer, dpo, client):
    me = inside(person, "en")
    address = f"/cabinet/requests/{row.public_id}/"
    proposed(row, officer, destroy=LAW)
    assert "Refused" not in text_of(me.get(address))
    row = approved(SubjectRequest.objects.get(pk=row.pk), dpo)
    page = text_of(me.get(address))
    assert page.count("Refused: a law has us keep or use the data") == 1
    assert "granted in part" in page
    assert "granted in part" in request_timeline.for_person(row)[0].what
    _client, key = client_and_key("crm")
    told = client.get(f"/api/v1/requests/{row.public_id}", headers={"Authorization": f"Bearer {key}"}).json()
    assert (told["refusal"], told["refused"]) == (None, {"destroy": LAW})
    assert Letter.objects.filter(kind="request_granted", subject=person).count() == 1
    with as_officer(officer):
        for item in row.items.filter(done_at=None):
            services.finish_item(item=item, by=officer)
        services.answer(request=row, by=officer, text="Жауап.")
    sections = subject_file.as_data(subject_file.read(person, "en"))["sections"]
    (told,) = sections["requests"]["rows"]
    assert told["refusal"]["value"] == {"destroy": LAW}
    with as_officer(officer):
        other = services.take_up(request=asked(person, None, "access", "block"), by=officer)
    approved(proposed(other, officer, access=LAW, block=CONTRACT), dpo)
    told = client.get(f"/api/v1/requests/{other.public_id}", headers={"Authorization": f"Bearer {key}"}).json()
    assert (told["refusal"], told["refused"]) == (None, {"access": LAW, "block": CONTRACT})


def test_a_representative_who_may_not_know_is_not_told_why(person, officer, dpo):
    friend = DataSubjectFactory()
    by = permit(officer, "subjects.add_representative")
    with as_officer(by):
        who = relations.authorise(
            subject=person, representative=friend, basis="power_of_attorney", acts=["ask"],
            document_kind="power_of_attorney", last_four="0042", by=by,
            valid_until=timezone.localdate() + timedelta(days=30),
        )  # fmt: skip
        row = asked(person, None, "access", "block", representative=who)
        services.take_up(request=row, by=officer)
    row = approved(proposed(row, officer, block=CONTRACT), dpo)
    for reader, told in ((person, True), (friend, False)):
        page = text_of(inside(reader, "en").get(f"/cabinet/requests/{row.public_id}/"))
        assert "granted in part" in page
        assert ("Refused:" in page) is told


def test_a_refused_part_does_not_hold_the_rest(person, officer, dpo):
    row = asked(person, None, "access", "object")
    with as_officer(officer):
        services.take_up(request=row, by=officer)
        SubjectRequest.objects.filter(pk=row.pk).update(target="gone")  # a purpose that has ended since
    row = approved(proposed(SubjectRequest.objects.get(pk=row.pk), officer, object=LAW), dpo)
    assert row.state == RequestState.ACCEPTED


def test_the_history_says_it_in_words(row, officer, at_desk):  # noqa: F811
    proposed(row, officer, destroy=LAW)
    desk = at_desk(officer)
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    page = text_of(desk.get(f"/admin/subjects/subjectrequest/{row.pk}/history/"))
    assert "destroy the data (a law has us keep or use the data)" in page
    assert "learn what is held; destroy the data; block the data" in page
    assert "LegalObligation" not in page
    assert "was deleted" not in page
    assert page_of(row) in page
