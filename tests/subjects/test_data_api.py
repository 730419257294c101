"""A system tells values, checks, holdings and decisions, and asks who is denied; nothing of it comes back."""

from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from audit.models import AccessRecord
from notifications.models import Letter
from staff import opening
from staff.enums import Scope
from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import (
    decisions,
    denylist,
    duplicates,
    holds,
    recording,
    search,
    services,
    suppression,
    vault,
    vault_found,
    verification,
)
from subjects.enums import IndexKind, Standing
from subjects.models import (
    AutomatedDecision,
    DataSubject,
    PersonalData,
    PersonLink,
    SourceSystem,
    TechnicalHolding,
    Verification,
)
from tests.consent.system import System, problem
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
IBAN = "KZ86125KZT5004100100"
SAMPLES = {
    "full_name": {"last": "Серікова", "first": "Айгүл"},
    "email": {"value": "aigul@example.kz"},
    "mobile_phone": {"value": "+77011234567"},
    "contact_phones": {"value": "+77017654321", "kind": "home"},
    "addresses": {"kind": "registered", "value": "Алматы, Абай 1"},
    "bank_account": {"iban": IBAN, "bank": "Банк"},
    "identity_document": {"kind": "id_card", "number": "012345678"},
    "iin": {"value": "850314390019"},
    "employer": {"value": "ЖШС «Бұлақ»"},
    "salary_amount": {"value": "250000"},
    "salary_date": {"value": "10"},
    "marital_status": {"value": "married"},
    "property_type": {"value": "пәтер"},
    "solvency_obligations": {"value": "несие жоқ"},
    "offer": {"value": "№ 17"},
    "other_for_purposes": {"value": "…"},
}


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture
def person(db) -> DataSubject:
    return DataSubjectFactory(email=None)


def held(person: DataSubject, category: str) -> list[dict]:
    return [value.parts for value in vault.own_values(subject=person, page="test") if value.category == category]


class TestValues:
    def test_every_category_of_the_approved_list_is_taken_sealed_with_its_provenance(self, system, person):
        for category, parts in SAMPLES.items():
            response = system.put(f"/subjects/{person}/data/{category}", {"values": [parts], "method": "form"})
            assert response.status_code == 200, response.content
            assert response.json() == {"added": 1, "changed": 0, "removed": 0, "warnings": []}, category
            assert held(person, category) == [parts]
        rows = PersonalData.objects.filter(subject=person)
        assert {(row.source, row.origin) for row in rows} == {("form", "subject")}
        assert all(row.collected_at for row in rows)
        assert all(IBAN.encode() not in bytes(row.sealed) for row in rows)
        for kind, text in (
            (IndexKind.IIN, "850314390019"),
            (IndexKind.OTHER_PHONE, "+77017654321"),
            (IndexKind.NAME, "айгүл"),
        ):
            assert search.find(kind, text).get() == person

    def test_the_same_again_changes_nothing_and_another_takes_its_place_in_history(self, system, person):
        for _again in range(2):
            system.put(f"/subjects/{person}/data/employer", {"values": [SAMPLES["employer"]]})
        assert PersonalData.history.filter(subject=person).count() == 1
        answer = system.put(f"/subjects/{person}/data/employer", {"values": [{"value": "ЖК Нұр"}]}).json()
        assert answer == {"added": 0, "changed": 1, "removed": 0, "warnings": []}
        assert held(person, "employer") == [{"value": "ЖК Нұр"}]
        assert [row.actor for row in PersonalData.history.filter(subject=person)] == ["api:loans"] * 2

    def test_the_person_has_exactly_the_values_that_were_told(self, system, person):
        first, second, third = ({"value": f"+7701000000{n}"} for n in (1, 2, 3))
        url = f"/subjects/{person}/data/contact_phones"
        assert system.put(url, {"values": [first, second]}).json()["added"] == 2
        assert system.put(url, {"values": [second, third]}).json() == {
            "added": 0, "changed": 1, "removed": 0, "warnings": []
        }  # fmt: skip
        assert system.put(url, {"values": [third]}).json()["removed"] == 1
        assert held(person, "contact_phones") == [third]
        assert search.people("+77010000001", most=5) == []
        assert search.people("+77010000003", most=5) == [person.pk]

    def test_a_mobile_phone_and_a_contact_phone_are_both_found(self, system, person):
        system.put(f"/subjects/{person}/data/contact_phones", {"values": [{"value": "+77010000001"}]})
        system.put(f"/subjects/{person}/data/mobile_phone", {"values": [{"value": "+77010000002"}]})
        for number in "12":
            assert search.people(f"+7701000000{number}", most=5) == [person.pk]

    def test_every_wrong_part_is_named_at_once_and_nothing_is_written(self, system, person):
        values = [{"iban": "KZ26999TST0000000002"}, {"bank": "x", "swift": "y"}]
        body = problem(system.put(f"/subjects/{person}/data/bank_account", {"values": values}), 422, "invalid")
        assert {(e["field"], e["code"]) for e in body["errors"]} == {
            ("values.0.iban", "iban_check"), ("values.1.iban", "missing"), ("values.1.swift", "unknown_part")
        }  # fmt: skip
        assert not PersonalData.objects.filter(subject=person).exists()
        assert "KZ26999TST0000000002" not in str(body)

    def test_a_doubt_is_refused_until_somebody_says_why_it_is_right(self, system, person):
        url, values = f"/subjects/{person}/data/iin", [{**SAMPLES["iin"], "birth_date": "1985-03-15"}]
        body = problem(system.put(url, {"values": values}), 422, "invalid")
        assert [(e["field"], e["code"]) for e in body["errors"]] == [("values.0.birth_date", "iin_birth_date")]
        assert "override" in body["errors"][0]["detail"]
        assert system.put(url, {"values": values, "override": "document_seen"}).status_code == 200
        assert PersonalData.history.get(subject=person).history_change_reason == "document_seen"
        assert held(person, "iin") == [SAMPLES["iin"]]

    def test_a_foreigners_iin_is_found_once_it_is_confirmed(self, system, person):
        told = {"values": [{"value": "850314090016"}], "override": "state_register"}
        assert system.put(f"/subjects/{person}/data/iin", told).status_code == 200
        assert search.find(IndexKind.IIN, "850314090016").get() == person

    def test_another_persons_iin_is_a_conflict(self, system, person):
        other = DataSubjectFactory(iin="850314390019")
        problem(system.put(f"/subjects/{person}/data/iin", {"values": [SAMPLES["iin"]]}), 409, "conflict")
        assert search.find(IndexKind.IIN, "850314390019").get() == other

    @pytest.mark.parametrize(
        ("category", "values", "code"),
        [
            ("ip_address", [{"value": "10.0.0.1"}], "technical"),
            ("shoe_size", [{"value": "42"}], "category_unknown"),
            ("employer", [{"value": "a"}, {"value": "b"}], "one_only"),
        ],
    )
    def test_technical_data_and_unknown_categories_are_refused(self, system, person, category, values, code):
        body = problem(system.put(f"/subjects/{person}/data/{category}", {"values": values}), 422, "invalid")
        assert [e["code"] for e in body["errors"]] == [code]

    @pytest.mark.parametrize("standing", [Standing.BLOCKED, Standing.ERASED])
    def test_nothing_is_added_to_who_is_blocked_or_erased(self, system, person, standing):
        DataSubject.objects.filter(pk=person.pk).update(standing=standing)
        problem(system.put(f"/subjects/{person}/data/employer", {"values": [SAMPLES["employer"]]}), 422, "invalid")
        assert not PersonalData.objects.exists()

    def test_a_transfer_is_of_a_third_party(self, system, person):
        told = {"values": [SAMPLES["employer"]], "transfer": "transfers.Transfer:7"}
        assert system.put(f"/subjects/{person}/data/employer", told).status_code in (409, 422)
        told["origin"] = "third_party"
        assert system.put(f"/subjects/{person}/data/employer", told).status_code == 200
        row = PersonalData.objects.get()
        assert (row.origin, row.transfer) == ("third_party", "transfers.Transfer:7")

    @pytest.mark.parametrize("method", ["api", "form"])
    @pytest.mark.parametrize(
        ("category", "other"),
        [("iin", "921130490023"), ("mobile_phone", "+77010000002"), ("email", "new@example.kz")],
    )
    def test_who_a_person_is_and_where_codes_go_no_system_changes(self, system, category, other, method):
        person = DataSubjectFactory(email="old@example.kz", iin="850314390019", phone="+77010000001")
        before, url = held(person, category), f"/subjects/{person}/data/{category}"
        assert system.put(url, {"values": before}).json()["changed"] == 0
        body = problem(system.put(url, {"values": [{"value": other}], "method": method}), 409, "value_stands")
        assert [(e["field"], e["code"]) for e in body["errors"]] == [("values", "own_page")]
        assert held(person, category) == before
        assert not Letter.objects.exists()

    def test_what_an_officer_put_right_is_put_back_by_no_system(self, system, person):
        url, old = f"/subjects/{person}/data/employer", [SAMPLES["employer"]]
        system.put(url, {"values": old})
        with as_officer(StaffUserFactory()):
            right = {"value": "ЖК Нұр"}
            recording.add(subject=person, category="employer", parts=right, source="officer", origin="subject")
        for values in (old, [{"value": "ТОО Другое"}]):
            body = problem(system.put(url, {"values": values}), 409, "value_stands")
            assert [e["code"] for e in body["errors"]] == ["corrected_here"]
            assert held(person, "employer") == [right]
        assert system.put(url, {"values": [right]}).json()["changed"] == 0
        assert system.put(url, {"values": old, "method": "form"}).json()["changed"] == 1, "the person says so anew"

    def test_what_an_officer_added_or_took_away_stays_so(self, system, person):
        url = f"/subjects/{person}/data/contact_phones"
        home, work = {"value": "+77010000001"}, {"value": "+77010000002"}
        system.put(url, {"values": [home]})
        officer = permit(StaffUserFactory(), "subjects.correct_email")
        with as_officer(officer):
            recording.add(subject=person, category="contact_phones", parts=work, source="officer", origin="subject")
        problem(system.put(url, {"values": [home]}), 409, "value_stands")
        assert held(person, "contact_phones") == [home, work]
        assert system.put(url, {"values": [home, work, {"value": "+77010000003"}]}).json()["added"] == 1
        system.put(f"/subjects/{person}/data/email", {"values": [SAMPLES["email"]]})
        with as_officer(officer):
            row = PersonalData.objects.get(category__code="email")
            services.remove_email(value=row, reason="our_mistake", by=officer)
        problem(system.put(f"/subjects/{person}/data/email", {"values": [SAMPLES["email"]]}), 409, "value_stands")
        assert held(person, "email") == []

    def test_without_the_right_nothing_is_told(self, person):
        poor = System("poor", scopes=(Scope.SUBJECTS_WRITE,))
        problem(poor.put(f"/subjects/{person}/data/employer", {"values": [SAMPLES["employer"]]}), 403, "scope_missing")
        assert not PersonalData.objects.exists()


@pytest.fixture
def decider(db) -> StaffUser:
    return permit(StaffUserFactory(), "subjects.decide_verification")


class TestVerification:
    @pytest.fixture
    def told(self, system, person):
        system.put(f"/subjects/{person}/data/mobile_phone", {"values": [{"value": "+77010000001"}]})
        system.put(f"/subjects/{person}/data/full_name", {"values": [{"last": "Иванова", "first": "Анна"}]})
        system.put(f"/subjects/{person}/data/employer", {"values": [{"value": "ЖК Нұр"}]})
        return f"/subjects/{person}/data"

    def test_a_match_is_noted_and_closed(self, system, told, person):
        answer = system.post(f"{told}/employer/verifications", {"against": "employer", "result": "match"}).json()
        assert (answer["result"], answer["open"]) == ("match", False)

    def test_a_mismatch_waits_and_overwrites_nothing_until_an_officer_decides(self, system, told, person, decider):
        body = {"against": "credit_bureau", "result": "mismatch", "found": {"last": "Петрова", "first": "Анна"}}
        assert system.post(f"{told}/full_name/verifications", body).json()["open"] is True
        assert held(person, "full_name") == [{"last": "Иванова", "first": "Анна"}]
        row = Verification.objects.get()
        assert "Петрова".encode() not in bytes(row.sealed_found)
        with as_officer(decider):
            row = verification.decide(row=row, decision="corrected", by=decider)
        assert held(person, "full_name") == [{"last": "Петрова", "first": "Анна"}]
        assert search.find(IndexKind.NAME, "петрова").get() == person
        assert (row.decided_by, row.sealed_found, row.is_open) == (decider, None, False)
        assert PersonalData.objects.get(category__code="full_name").origin == "third_party"
        with as_officer(decider), pytest.raises(PermissionDenied):
            verification.decide(row=row, decision="kept", by=decider)

    def test_ours_may_stay(self, system, told, person, decider):
        body = {"against": "bank", "result": "mismatch", "found": {"value": "ТОО Другое"}}
        system.post(f"{told}/employer/verifications", body)
        with as_officer(decider):
            row = verification.decide(row=Verification.objects.get(), decision="kept", by=decider)
        assert held(person, "employer") == [{"value": "ЖК Нұр"}]
        assert row.sealed_found is None

    def test_without_the_right_or_what_was_found_nothing_is_corrected(self, system, told, person, decider):
        system.post(f"{told}/employer/verifications", {"against": "bank", "result": "mismatch"})
        row = Verification.objects.get()
        with pytest.raises(PermissionDenied):
            verification.decide(row=row, decision="kept", by=StaffUserFactory())
        with as_officer(decider), pytest.raises(ValidationError):
            verification.decide(row=row, decision="corrected", by=decider)
        row.refresh_from_db()
        assert row.is_open

    def test_only_a_mismatch_tells_what_the_other_side_has_and_it_must_be_a_value(self, system, told):
        url = f"{told}/mobile_phone/verifications"
        found = {"against": "bank", "result": "match", "found": {"value": "+77010000002"}}
        problem(system.post(url, found), 422, "invalid")
        body = problem(system.post(f"{told}/a%00b/verifications", {**found, "result": "match"}), 422, "invalid")
        assert body["errors"][0]["field"] == "category"
        body = problem(system.post(url, {**found, "result": "mismatch", "found": {"value": "77"}}), 422, "invalid")
        assert [e["field"] for e in body["errors"]] == ["found.value"]
        assert not Verification.objects.exists()

    def test_the_found_value_opens_for_a_reason_and_leaves_a_record(self, system, told, person):
        body = {"against": "bank", "result": "mismatch", "found": {"value": "ТОО Другое"}}
        system.post(f"{told}/employer/verifications", body)
        row = Verification.objects.select_related("value__subject", "value__category").get()
        reader = permit(StaffUserFactory(), "subjects.reveal_value")
        AccessRecord.objects.filter(door="reveal").count()
        with as_officer(reader):
            parts = vault_found.reveal_found(value=row.value, sealed=row.sealed_found, by=reader, reason="check")
        assert parts == {"value": "ТОО Другое"}
        assert AccessRecord.objects.get(door="reveal").reference == str(person)
        with pytest.raises(PermissionDenied):
            vault_found.reveal_found(value=row.value, sealed=row.sealed_found, by=StaffUserFactory(), reason="check")


class TestHoldings:
    def test_only_that_it_is_held_is_told_where_of_which_days_how_many(self, system, person):
        SourceSystem.objects.create(code="site", title_kk="Сайт", title_ru="Сайт")
        told = {"system": "site", "first_day": "2026-01-01", "last_day": "2026-01-31", "count": 12}
        for count in (12, 15):
            response = system.put(f"/subjects/{person}/holdings/ip_address", {**told, "count": count})
            assert response.status_code == 200, response.content
        row = TechnicalHolding.objects.get()
        assert (row.during.lower, row.during.upper, row.count) == (date(2026, 1, 1), date(2026, 2, 1), 15)

    def test_wrong_holdings_are_told_in_one_go(self, system, person):
        told = {"system": "moon", "first_day": "2026-02-01", "last_day": "2026-01-31", "count": 12}
        body = problem(system.put(f"/subjects/{person}/holdings/employer", told), 422, "invalid")
        assert {e["field"] for e in body["errors"]} == {"category", "system", "last_day"}
        assert not TechnicalHolding.objects.exists()


@pytest.fixture
def denied(person) -> DataSubject:
    author = permit(StaffUserFactory(), "subjects.add_denylistentry", "subjects.add_amlentry")
    second = permit(StaffUserFactory(), "subjects.approve_denylistentry", "subjects.approve_amlentry")
    soon = timezone.localdate() + timedelta(days=90)
    with as_officer(author):
        entry = denylist.propose(
            subject=person, kind="fraud", reason="false_data", origin="ourselves", review_on=soon, by=author
        )
    with as_officer(second):
        opening.approve(entry, by=second)
    return person


def monitor(person: DataSubject) -> None:
    author = permit(StaffUserFactory(), "subjects.add_amlentry")
    second = permit(StaffUserFactory(), "subjects.approve_amlentry")
    soon = timezone.localdate() + timedelta(days=90)
    with as_officer(author):
        entry = denylist.propose_aml(subject=person, reason="sanctions", review_on=soon, by=author, note="дело 5")
    with as_officer(second):
        opening.approve(entry, by=second)


class TestDenylist:
    def test_a_proposal_does_not_count_and_an_entry_in_force_does(self, system, denied):
        other = DataSubjectFactory()
        assert system.get(f"/subjects/{other}/denylist").json() == {"denied": False, "entries": []}
        body = system.get(f"/subjects/{denied}/denylist").json()
        assert body["denied"] is True
        assert [(e["kind"], e["reason"], e["source"], e["disputed"]) for e in body["entries"]] == [
            ("fraud", "false_data", "ourselves", False)
        ]

    def test_monitoring_needs_a_right_of_its_own(self, denied):
        shop = System("shop", scopes=tuple(s for s in Scope.values if s != Scope.AML_READ))
        monitor(denied)
        problem(shop.get(f"/subjects/{denied}/monitoring"), 403, "scope_missing")
        answer = System("aml", scopes=(Scope.AML_READ,)).get(f"/subjects/{denied}/monitoring").json()
        assert (answer["monitored"], answer["reason"]) == (True, "sanctions")

    def test_what_stands_in_another_file_of_the_person_counts(self, system, denied):
        leading, third = DataSubjectFactory(), DataSubjectFactory()
        monitor(denied)
        assert system.get(f"/subjects/{leading}/denylist").json()["denied"] is False
        for other in (denied, third):
            duplicates.unite(leading=leading, following=other)
        for one in (leading, third, denied):
            assert [e["kind"] for e in system.get(f"/subjects/{one}/denylist").json()["entries"]] == ["fraud"]
            assert system.get(f"/subjects/{one}/monitoring").json()["monitored"] is True
        assert holds.held([leading.pk, third.pk]) == {leading.pk, third.pk}, "nothing of theirs is destroyed"

    def test_a_monitored_person_is_answered_about_byte_for_byte_as_before(self, denied):
        shop = System("shop", scopes=tuple(s for s in Scope.values if s != Scope.AML_READ))
        then = "?at=2026-11-01T00:00:00%2B05:00"
        places = ("denylist", f"grounds{then}", f"consents{then}")
        before = [shop.get(f"/subjects/{denied}/{place}").content for place in places]
        monitor(denied)
        assert [shop.get(f"/subjects/{denied}/{place}").content for place in places] == before


class TestDecisions:
    TOLD = {"kind": "credit", "outcome": "refused", "at": "2026-11-01T10:00:00+05:00", "categories": ["salary_amount"]}

    def test_a_decision_is_told_once_and_never_changes(self, system, person):
        url = f"/subjects/{person}/decisions/D-1"
        for _again in range(2):
            assert system.put(url, self.TOLD).json()["outcome"] == "refused"
        assert AutomatedDecision.objects.get().client == "loans"
        problem(system.put(url, {**self.TOLD, "outcome": "granted"}), 422, "invalid")
        problem(system.put(url, {**self.TOLD, "categories": ["moon"]}), 422, "invalid")
        assert AutomatedDecision.objects.get().outcome == "refused"

    def test_a_human_looks_again_when_the_person_asks_and_the_system_learns_how_it_ended(self, system, person):
        url, reviewer = (
            f"/subjects/{person}/decisions/D-1",
            permit(StaffUserFactory(), "subjects.review_automateddecision"),
        )
        system.put(url, self.TOLD)
        row = AutomatedDecision.objects.get()
        with as_officer(reviewer), pytest.raises(NotAllowed):
            decisions.review(decision=row, outcome="changed", by=reviewer)
        assert system.put(f"{url}/review", {}).json()["review_asked"] is True
        with pytest.raises(NotAllowed):
            decisions.review(decision=row, outcome="changed", by=StaffUserFactory())
        with as_officer(reviewer):
            decisions.review(decision=row, outcome="changed", by=reviewer)
        assert system.put(f"{url}/review", {}).json()["review"] == "changed"
        problem(System("other").put(f"{url}/review", {}), 404, "not_found")


def test_the_mailer_asks_whom_it_may_not_write_to(system):
    suppression.suppress(kind="phone", text="8 701 000 00 01", reason="objected")
    body = {"kind": "phone", "values": ["+77010000001", "+77010000002", "?"]}
    assert system.post("/suppressions/check", body).json() == {"suppressed": [True, False, False]}


def test_people_are_linked_once_and_stay_two(system, person):
    other = DataSubjectFactory(phone="+77010000009")
    for _again in range(2):
        response = system.put(f"/subjects/{person}/links/contact_person", {"other": str(other.public_id)})
        assert response.status_code == 200
    assert PersonLink.objects.get().other == other
    problem(system.put(f"/subjects/{person}/links/spouse", {"other": str(person.public_id)}), 422, "invalid")
