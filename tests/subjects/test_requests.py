"""Requests: the clock from receipt, one step at a time, four eyes, nothing before it is known who asks, acts done."""

import itertools
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.template.loader import get_template
from django.utils import timezone, translation

from audit.actor import acting_as
from audit.models import AccessRecord
from consent import objections
from consent.grounds import reasons
from consent.models import Change, Objection, Purpose
from notifications.models import Letter
from notifications.ports import KINDS
from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import (
    deadlines,
    decisions,
    holds,
    majority,
    own_requests,
    ports,
    registers,
    relations,
    request_acts,
    request_answers,
    request_files,
    request_letters,
    request_rules,
    request_timeline,
    request_words,
    vault,
)
from subjects import request_services as services
from subjects.models import (
    AutomatedDecision,
    DataCategory,
    DataSubject,
    DutyRule,
    RequestFile,
    SourceSystem,
    SubjectRequest,
    SystemCategory,
    TechnicalHolding,
)
from subjects.request_states import TRANSITIONS
from subjects.requests import RequestKind, RequestState
from tests.consent.factories import purpose
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 1 0 obj %%EOF"
ALMATY = ZoneInfo("Asia/Almaty")
HANDLES = ("subjects.add_subjectrequest", "subjects.handle_subjectrequest")
APPROVES = (*HANDLES, "subjects.approve_subjectrequest")


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
def officer(db) -> StaffUser:
    return permit(StaffUserFactory(), *HANDLES)


@pytest.fixture
def second(db) -> StaffUser:
    return permit(StaffUserFactory(), *APPROVES)


def asked(person: DataSubject | None, officer: StaffUser | None, *kinds: str, **given) -> SubjectRequest:
    """In the cabinet, or by an officer from paper when there is one; taken up then."""
    if officer is None:
        return services.register(subject=person, kinds=kinds, channel="cabinet", language="kk", **given)
    with as_officer(officer):
        row = services.register(
            subject=person, kinds=kinds, channel=given.pop("channel", "office"), language="ru", by=officer, **given
        )
        return services.take_up(request=row, by=officer)


def granted(person: DataSubject, officer: StaffUser, kind: str, **given) -> SubjectRequest:
    """Made in the cabinet and granted by the officer."""
    row = asked(person, None, kind, **given)
    with as_officer(officer):
        services.take_up(request=row, by=officer)
        return services.decide(request=row, by=officer)


def letters(person: DataSubject) -> list[str]:
    return list(Letter.objects.filter(subject=person).order_by("pk").values_list("kind", flat=True))


class TestClock:
    def test_it_runs_from_receipt_in_almaty_not_from_registration(self, person, officer):
        # Friday 23:30 in Almaty is Friday 18:30 UTC: three working days are the next Wednesday
        received = datetime(2026, 10, 9, 23, 30, tzinfo=ALMATY)
        row = asked(person, officer, "access", received_at=received)
        (running,) = deadlines.of(row.about)
        assert running.started_at == received
        assert timezone.localdate(running.due_at).isoformat() == "2026-10-14"
        # half an hour later it is Saturday, and the term ends on the same day; on Monday a day later
        later = asked(person, officer, "access", received_at=datetime(2026, 10, 12, 0, 10, tzinfo=ALMATY))
        assert timezone.localdate(deadlines.of(later.about).get().due_at).isoformat() == "2026-10-15"

    def test_each_kind_has_its_rule_and_one_rule_one_clock(self, person, officer):
        row = asked(person, officer, "access", "confirm", "correct", "withdraw")
        codes = deadlines.of(row.about).values_list("rule__code", flat=True)
        assert sorted(codes) == ["ACCESS", "CHANGE", "REFUSE"]
        assert set(request_rules.RULE_OF) == set(RequestKind.values)
        assert set(request_rules.RULE_OF.values()) <= set(DutyRule.objects.values_list("code", flat=True))

    def test_a_receipt_to_come_is_refused(self, person, officer):
        with pytest.raises(ValidationError, match="yet to come"):
            asked(person, officer, "access", received_at=timezone.now() + timedelta(minutes=5))

    def test_the_answer_meets_it_and_a_pause_needs_a_rule_that_allows_it(self, person, officer):
        row = asked(person, None, "access")
        with as_officer(officer):
            services.take_up(request=row, by=officer)
            with pytest.raises(NotAllowed, match="does not let"):
                services.pause(request=row, reason="unclear", by=officer)
            row.refresh_from_db()
            assert row.state == RequestState.ACKNOWLEDGED, "nothing half-done"
            services.decide(request=row, by=officer)
            services.answer(request=row, by=officer, text="Мынау")
        assert deadlines.of(row.about).get().met_at is not None

    def test_a_pause_that_is_allowed_tells_the_person_and_goes_on(self, person, officer, monkeypatch):
        with acting_as("command:load_registers@test"):
            DutyRule.objects.create(
                code="SLOW", amount=5, unit="working_day", trigger="request", title_ru="Срок", title_kk="Мерзім",
                loaded=True, in_force_during=(timezone.now() - timedelta(days=1), None), may_pause_for=["unclear"],
            )  # fmt: skip
        monkeypatch.setitem(request_rules.RULE_OF, "access", "SLOW")
        row = asked(person, None, "access")
        with as_officer(officer):
            services.take_up(request=row, by=officer)
            row = services.pause(request=row, reason="unclear", by=officer)
            assert row.state == RequestState.REQUIRES_ACTION
            assert deadlines.of(row.about).get().paused_at is not None
            row = services.resume(request=row, by=officer)
        assert row.state == RequestState.ACKNOWLEDGED
        assert deadlines.of(row.about).get().paused_at is None
        assert "the applicant was asked what is meant" in [one.why for one in request_timeline.for_officer(row)]
        assert letters(person) == ["request_received", "request_taken", "request_paused", "request_taken"]
        sent = Letter.objects.filter(subject=person).order_by("pk")
        # what is on the way makes sense while it is so: of the four two are told
        assert [KINDS[one.kind].is_current(one.cause) for one in sent] == [True, True, False, True]


class TestSteps:
    def test_the_database_takes_the_steps_of_the_table_and_no_other(self, person, officer, second):
        row, now = asked(person, None, "access"), timezone.now()
        signed = {"decided_by_id": officer.pk, "decided_at": now}
        answered = {"answered_at": now, "answer_sha256": "0" * 64, "sealed_answer": b"1"}
        ready = {
            "RequestFulfilled": {**answered, **signed},
            "RequestRejected": {
                **answered, **signed, "refusing": True, "refusal": "ProcessUnfounded", "approved_by_id": second.pk,
                "approved_at": now,
            },
            "RequestAccepted": signed,
            "RequestUnfulfilled": {"closing": "taken_back"},
        }  # fmt: skip
        none = {
            "answered_at": None, "answer_sha256": "", "sealed_answer": None, "refusing": False, "refusal": "", "closing": "",
            "approved_by_id": None, "approved_at": None, "decided_by_id": None, "decided_at": None,
        }  # fmt: skip
        wrong = []
        for before, after in itertools.product(RequestState.values, repeat=2):
            taken = self.taken(
                row.pk,
                {"state": before, **none, **ready.get(before, {})},
                {**none, **ready.get(after, {}), "state": after},
            )
            if taken != (before == after or after in TRANSITIONS[before]):
                wrong.append((before, after))
        assert wrong == []

    @staticmethod
    def taken(pk: int, first: dict, then: dict) -> bool:
        """Whether a row that is where no step led it may take this one; all of it is undone."""
        table = SubjectRequest._meta.db_table
        steps = next(t for t in SubjectRequest._meta.triggers if t.name == "request_steps").get_pgid(SubjectRequest)

        def put(cursor, values: dict) -> None:
            columns = ", ".join(f"{name} = %s" for name in values)
            cursor.execute(f"UPDATE {table} SET {columns} WHERE id = %s", [*values.values(), pk])

        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            put(cursor, first)
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {steps}")
            try:
                with transaction.atomic():
                    # signatures are another test's: they are there already
                    signatures = {
                        name: first[name] for name in first if name.endswith(("_by_id", "decided_at", "approved_at"))
                    }
                    put(cursor, {**then, **signatures})
            except IntegrityError as error:
                return "does not become" not in str(error)
            finally:
                transaction.set_rollback(True)
            return True

    def test_what_is_closed_stays_closed(self, person, officer):
        row = asked(person, None, "access")
        with as_officer(officer):
            row = services.close(request=row, by=officer, reason="taken_back")
            assert row.closing == "taken_back"
            for verb in (services.take_up, services.decide, services.answer, services.resume):
                with pytest.raises(NotAllowed):
                    verb(request=row, by=officer)
            with pytest.raises(NotAllowed):
                services.close(request=row, by=officer, reason="taken_back")
        assert any(item.why == "the person took it back" for item in request_timeline.for_officer(row))

    def test_a_duplicate_is_a_link_to_a_request_of_the_same_person(self, person, officer):
        first, again, strangers = (asked(who, None, "access") for who in (person, person, DataSubjectFactory()))
        with as_officer(officer):
            for other, words in ((strangers, "same person"), (again, "same person"), (None, "which request")):
                with pytest.raises(ValidationError, match=words):
                    services.close(request=again, by=officer, reason="repeats", duplicate_of=other)
            with pytest.raises(ValidationError, match="only when"):
                services.close(request=again, by=officer, reason="taken_back", duplicate_of=first)
            again = services.close(request=again, by=officer, reason="repeats", duplicate_of=first)
            with pytest.raises(ValidationError, match="closed without an answer itself"):
                services.close(request=first, by=officer, reason="repeats", duplicate_of=again)
        assert list(first.duplicates.all()) == [again]

    def test_what_the_person_may_see_repeats_nothing_that_is_withheld(self, person, officer):
        secret = asked(person, officer, "confirm", channel="authority", disclosure="withheld")
        told = asked(person, None, "access")
        with as_officer(officer):
            with pytest.raises(ValidationError, match="withheld"):
                services.close(request=told, by=officer, reason="repeats", duplicate_of=secret)
            with pytest.raises(IntegrityError, match="closed for a reason"), transaction.atomic():
                SubjectRequest.objects.filter(pk=told.pk).update(
                    state=RequestState.UNFULFILLED, closing="repeats", duplicate_of=secret
                )
            again = asked(person, officer, "confirm", channel="authority", disclosure="withheld")
            services.close(request=again, by=officer, reason="repeats", duplicate_of=secret)
        assert letters(person) == ["request_received"]

    def test_two_whom_nobody_knows_are_not_one_person(self, officer):
        first, again = (asked(None, officer, "access") for _time in range(2))
        with as_officer(officer), pytest.raises(ValidationError, match="same person"):
            services.close(request=again, by=officer, reason="repeats", duplicate_of=first)

    def test_nobody_says_alone_that_it_is_no_request(self, person, officer, second):
        row = asked(person, None, "complaint", text="Спасибо")
        with as_officer(second):
            with pytest.raises(NotAllowed, match="Take it up"):
                services.close(request=row, by=second, reason="no_request")
            services.take_up(request=row, by=second)
            row = services.close(request=row, by=second, reason="no_request")
            assert (row.state, row.waits_for_second) == (RequestState.ACKNOWLEDGED, True)
            assert deadlines.of(row.about).open().exists(), "the clock runs on"
            with pytest.raises(NotAllowed, match="somebody else"):
                services.approve(request=row, by=second)
            row = services.send_back(request=row, by=second)
            assert row.closing == ""
            row = services.close(request=row, by=second, reason="no_request")
        third = permit(StaffUserFactory(), *APPROVES)
        with as_officer(third):
            row = services.approve(request=row, by=third)
        assert (row.state, row.approved_by) == (RequestState.UNFULFILLED, third)
        assert not deadlines.of(row.about).open().exists()
        assert Letter.objects.filter(subject=person, kind="request_closed").count() == 1
        page = inside(person, "en").get(f"/cabinet/requests/{row.public_id}/").content.decode()
        assert "it asks nothing about personal data" in page

    @pytest.mark.parametrize("closing", ["", "repeats", "no_request"])
    def test_the_database_refuses_a_request_closed_for_no_reason(self, person, officer, closing):
        row = asked(person, None, "access")
        with as_officer(officer), pytest.raises(IntegrityError, match="closed for a reason"), transaction.atomic():
            SubjectRequest.objects.filter(pk=row.pk).update(state=RequestState.UNFULFILLED, closing=closing)


class TestFourEyes:
    def test_a_refusal_takes_effect_by_a_second_person_and_says_why(self, person, officer, second):
        row = asked(person, None, "access")
        with as_officer(second):
            services.take_up(request=row, by=second)
            row = services.decide(request=row, by=second, refusal="LegalObligationImpaired")
            assert row.state == RequestState.ACKNOWLEDGED
            with pytest.raises(NotAllowed, match="somebody else"):
                services.approve(request=row, by=second)
        other = permit(StaffUserFactory(), *APPROVES)
        with as_officer(other):
            row = services.approve(request=row, by=other)
        assert row.state == RequestState.REJECTED
        assert letters(person) == ["request_received", "request_taken", "request_refused"]
        with as_officer(officer):
            (answer,) = request_words.read(request=row, by=officer)
        assert answer.what == request_words.ANSWER
        assert str(row) in answer.text

    @pytest.mark.parametrize("kinds", [["access"], ["destroy"]])
    def test_the_database_refuses_one_who_decides_and_approves(self, person, second, kinds):
        row = asked(person, None, *kinds)
        with as_officer(second):
            services.take_up(request=row, by=second)
            SubjectRequest.objects.filter(pk=row.pk).update(
                decided_by=second, decided_at=timezone.now(), refusing=kinds == ["access"],
                refusal="ProcessUnfounded" if kinds == ["access"] else "",
            )  # fmt: skip
            both = {"approved_by": second, "approved_at": timezone.now()}
            refused = {
                "state": "RequestRejected", "answered_at": timezone.now(), "answer_sha256": "0" * 64, "sealed_answer": b"1",
            }  # fmt: skip
            done = {"state": "RequestAccepted"} if kinds == ["destroy"] else refused
            for signatures in ({}, both):  # nobody, or the same one
                with pytest.raises(IntegrityError, match="four_eyes"), transaction.atomic():
                    SubjectRequest.objects.filter(pk=row.pk).update(**done, **signatures)

    def test_nobody_signs_for_somebody_else(self, person, officer, second):
        row = asked(person, None, "access")
        with as_officer(officer), pytest.raises(IntegrityError, match="somebody else"), transaction.atomic():
            SubjectRequest.objects.filter(pk=row.pk).update(decided_by=second, decided_at=timezone.now())

    def test_a_destruction_waits_for_the_second(self, person, officer, second):
        row = asked(person, None, "destroy")
        with as_officer(officer):
            services.take_up(request=row, by=officer)
            row = services.decide(request=row, by=officer)
        assert row.state == RequestState.ACKNOWLEDGED
        with as_officer(second):
            row = services.approve(request=row, by=second)
        assert row.state == RequestState.ACCEPTED


class TestWhoAsks:
    def test_nothing_leaves_before_it_is_established_who_asks(self, person, officer):
        row = asked(person, officer, "access")
        assert letters(person) == []
        with as_officer(officer):
            with pytest.raises(NotAllowed, match="not established"):
                services.decide(request=row, by=officer)
            with pytest.raises(NotAllowed):
                services.answer(request=row, by=officer, text="…")
            services.identify(request=row, identity="document", by=officer)
            assert letters(person) == ["request_received"]
            assert services.decide(request=row, by=officer).state == RequestState.ACCEPTED

    def test_the_database_grants_nothing_to_nobody(self, person, officer):
        row = asked(person, officer, "access")
        with as_officer(officer), pytest.raises(IntegrityError, match="granted_to_somebody"), transaction.atomic():
            SubjectRequest.objects.filter(pk=row.pk).update(
                state="RequestAccepted", decided_by=officer, decided_at=timezone.now()
            )

    def test_somebody_on_whom_nothing_is_held_is_told_so(self, officer):
        row = asked(None, officer, "access")
        with as_officer(officer):
            services.identify(request=row, identity="document", by=officer)
            services.decide(request=row, by=officer)
            row = services.answer(request=row, by=officer)
        assert row.nothing_held
        assert len(row.answer_sha256) == 64
        assert not Letter.objects.exists()

    def test_the_words_of_somebody_unknown_are_not_kept(self, officer):
        with pytest.raises(ValidationError, match="do not know"):
            asked(None, officer, "access", text="Это Иван, позвоните мне")

    def test_a_withheld_request_writes_no_letter(self, person, officer):
        row = asked(person, officer, "access", disclosure="withheld")
        with as_officer(officer):
            services.identify(request=row, identity="authority", by=officer)
        assert letters(person) == []

    def test_the_words_are_sealed_and_each_look_is_recorded(self, person, officer):
        row = asked(person, None, "complaint", text="Мне звонят по ночам")
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT row_to_json(r)::text FROM {SubjectRequest._meta.db_table} r")
            assert "ночам" not in cursor.fetchone()[0]
        before = AccessRecord.objects.count()
        with as_officer(officer):
            assert [one.text for one in request_words.read(request=row, by=officer)] == ["Мне звонят по ночам"]
        assert AccessRecord.objects.count() == before + 1


class TestActs:
    def test_every_kind_has_a_handler_and_a_missing_one_is_an_error(self, monkeypatch):
        assert set(ports.execute_request) == set(RequestKind.values)
        assert ports.missing_handlers() == []
        monkeypatch.delitem(ports.execute_request, "object")
        (error,) = ports.missing_handlers()
        assert error.id == "subjects.E001"

    def test_block_and_unblock_change_the_standing_and_bring_back_what_was(self, person, officer):
        DataSubject.objects.filter(pk=person.pk).update(standing="restricted")
        told = []
        ports.on_standing_changed.append(told.append)
        try:
            granted(person, officer, "block")
            person.refresh_from_db()
            assert person.standing == "blocked"
            granted(person, officer, "unblock")
        finally:
            ports.on_standing_changed.remove(told.append)
        person.refresh_from_db()
        assert person.standing == "restricted"
        assert len(told) == 2
        assert person.history.filter(history_change_reason="blocked_on_request").exists()

    @pytest.mark.parametrize("standing", ["minor", "incapable", "deceased"])
    def test_whoever_acts_for_a_person_has_their_data_blocked(self, person, officer, standing):
        purpose("legal_obligations", ground="law", required=False)
        DataSubject.objects.filter(pk=person.pk).update(standing=standing)
        for kind, word in (("block", "blocked"), ("unblock", "law")):
            granted(person, officer, kind)
            person.refresh_from_db()
            assert person.standing == standing, "no cabinet opens, no letters go"
            assert [one.code for one in reasons(person)] == [word]
        told = Change.objects.filter(subject=person).order_by("pk").values_list("state", flat=True)
        assert list(told) == ["blocked", standing], "systems are told so"

    def test_correct_puts_the_value_in_without_anybody_typing_it_again(self, person, officer):
        category = DataCategory.objects.get(code="employer")
        row = granted(person, officer, "correct", category=category, value="Айқын")
        held = vault.open_for("record", subject_ids=[person.pk], category="employer")[person.pk]
        assert [parts["value"] for parts in held] == ["Айқын"]
        assert row.state == RequestState.ACCEPTED

    def test_correct_without_a_value_is_work_that_holds_the_answer(self, person, officer):
        row = granted(person, officer, "correct", text="Фамилия с ошибкой")
        item = row.items.get()
        with as_officer(officer):
            with pytest.raises(NotAllowed, match="Not everything"):
                services.answer(request=row, by=officer, text="…")
            services.finish_item(item=item, by=officer, comment="Исправлено по паспорту")
            services.answer(request=row, by=officer, text="Исправлено")

    def test_every_system_that_holds_data_is_asked(self, person, officer):
        for code in ("crm", "site"):
            SourceSystem.objects.create(code=code, title_ru=code, title_kk=code)
        SourceSystem.objects.create(code="old", title_ru="o", title_kk="o", retired_on=timezone.localdate())
        row = granted(person, officer, "access")
        assert set(row.items.values_list("system__code", flat=True)) == {"crm", "site"}

    def test_work_goes_to_the_systems_that_hold_the_data_or_may(self, officer):
        with acting_as("command:load_registers@test"):
            registers.load()
        person = DataSubjectFactory(email="a@example.kz")
        stranger = DataSubjectFactory()
        for code, names, retired in (
            ("post", "email", None), ("archive", "email", timezone.localdate()), ("hr", "salary_date", None),
            ("web", "cookie", None), ("proxy", "cookie", None), ("logs", "ip_address", None),
            ("attic", "cookie", timezone.localdate()), ("new", "", None), ("gone", "", timezone.localdate()),
        ):  # fmt: skip
            system = SourceSystem.objects.create(code=code, title_ru=code, title_kk=code, retired_on=retired)
            for name in names.split():
                SystemCategory.objects.create(system=system, category=DataCategory.objects.get(code=name))
        days = (timezone.localdate() - timedelta(days=9), timezone.localdate())
        for code, whose, name in (
            ("web", person, "cookie"),
            ("proxy", stranger, "cookie"),
            ("attic", person, "cookie"),
        ):
            TechnicalHolding.objects.create(
                subject=whose, system=SourceSystem.objects.get(code=code), during=days, count=1,
                category=DataCategory.objects.get(code=name),
            )  # fmt: skip

        def asked_of(row: SubjectRequest) -> set[str]:
            return set(row.items.filter(system__isnull=False).values_list("system__code", flat=True))

        # `logs` never told of anybody, `new` of nothing at all: unknown is not "holds nothing"
        assert asked_of(granted(person, officer, "access")) == {"post", "archive", "web", "attic", "logs", "new"}
        email = DataCategory.objects.get(code="email")
        row = granted(person, officer, "correct", text="Ошибка", category=email)
        assert asked_of(row) == {"post", "archive", "new"}

    def test_object_stops_the_use_and_a_lifted_one_lets_it_go_on(self, person, officer):
        from consent import registers as consent_registers

        with acting_as("command:load_registers@test"):
            consent_registers.load()
        purpose = next(r.purpose for r in reasons(person) if r.allowed and r.code != "law")
        granted(person, officer, "object", target=purpose.code)
        found = {r.purpose.code: r.code for r in reasons(person)}
        assert found[purpose.code] == "objected"
        objections.lift(subject=person, purpose=purpose)
        assert next(r for r in reasons(person) if r.purpose == purpose).allowed
        assert Objection.objects.get().in_force_during.upper is not None
        law = Purpose.objects.filter(ground="law").first()
        with pytest.raises(NotAllowed, match="law"):
            objections.object_to(subject=person, purpose=law)

    def test_an_objection_to_no_purpose_of_ours_is_not_granted(self, person, officer):
        row = asked(person, None, "object")
        with as_officer(officer):
            services.take_up(request=row, by=officer)
            with pytest.raises(NotAllowed, match="which purpose"):
                services.decide(request=row, by=officer)
        row.refresh_from_db()
        assert row.state == RequestState.ACKNOWLEDGED
        assert row.decided_by is None

    def test_human_review_reaches_the_queue_of_decisions(self, person, officer):
        decision = AutomatedDecision.objects.create(
            subject=person, client="loans", number="7", kind="scoring", outcome="refused", occurred_at=timezone.now(),
            categories=[],
        )  # fmt: skip
        row = granted(person, officer, "human_review")
        decision.refresh_from_db()
        assert decision.review_asked_at == row.received_at
        assert row.items.get().kind == "human_review"

    def test_the_review_is_done_when_somebody_looked_and_the_answer_tells_of_these_alone(self, person, officer):
        permit(officer, "subjects.review_automateddecision")
        made = {
            "subject": person, "client": "loans", "outcome": "refused", "occurred_at": timezone.now(), "categories": [],
        }  # fmt: skip
        AutomatedDecision.objects.create(
            **made, number="6", kind="limit", review_asked_at=timezone.now(), review="changed", reviewed_by=officer,
            reviewed_at=timezone.now(),
        )  # fmt: skip
        decision = AutomatedDecision.objects.create(**made, number="7", kind="scoring")
        row = granted(person, officer, "human_review")
        with as_officer(officer):
            with pytest.raises(NotAllowed, match="looked again at the decision yet: 7"):
                services.finish_item(item=row.items.get(), by=officer)
            decisions.review(decision=decision, outcome="upheld", by=officer)
            services.finish_item(item=row.items.get(), by=officer)
        row.language = "en"
        words = request_answers.proposed(row)
        assert "“score of solvency”" in words and "the decision stays" in words
        assert "amount or term" not in words

    def test_data_are_out_of_public_sources_when_somebody_took_them_out(self, person, officer):
        row = granted(person, officer, "stop_public")
        with as_officer(officer):
            with pytest.raises(NotAllowed, match="Not everything"):
                services.answer(request=row, by=officer, text="…")
            services.finish_item(item=row.items.get(), by=officer)
            services.answer(request=row, by=officer, text="…")


class TestLetters:
    def test_every_state_has_its_letter_in_three_languages(self):
        assert set(request_letters.LETTER_OF) == set(RequestState.values)
        assert set(request_letters.LETTER_OF.values()) <= set(KINDS)
        for kind in request_letters.LETTER_OF.values():
            for name in ("subject.txt", "txt", "html"):
                for language in ("kk", "ru", "en"):
                    get_template(f"letters/{kind}/{language}.{name}")

    def test_a_representative_who_may_receive_letters_is_told_too(self, person, officer):
        friend = DataSubjectFactory(language="ru")
        with as_officer(permit(officer, "subjects.add_representative")) as by:
            who = relations.authorise(
                subject=person, representative=friend, basis="power_of_attorney", acts=["ask", "receive"],
                document_kind="power_of_attorney", last_four="0042", by=by,
                valid_until=timezone.localdate() + timedelta(days=30),
            )  # fmt: skip
        asked(person, None, "access", representative=who)
        assert letters(person) == letters(friend) == ["request_received"]
        with as_officer(permit(officer, "subjects.change_representative")) as by:
            relations.end_representation(row=who, by=by)
        with pytest.raises(ValidationError, match="may not make requests"):
            asked(person, None, "access", representative=who)


class TestDestruction:
    """The plan is written down, the use stops, the answer says until when; the act itself comes later."""

    def test_the_plan_names_rule_and_day_and_the_use_stops(self, person, officer, second):
        row, line = self.destroyed(person, officer, second)
        person.refresh_from_db()
        assert person.standing == "restricted"
        assert person.history.filter(history_change_reason="restricted_on_request").exists()
        assert (line.category.code, line.count, line.held) == ("email", 1, False)
        row.language = "en"
        assert f"– {line.category}: " in request_answers.proposed(row)

    def test_after_a_blocking_that_was_asked_for_at_once_with_it_the_use_is_still_stopped(
        self, person, officer, second
    ):
        row = asked(person, None, "block", "destroy")
        with as_officer(officer):
            services.take_up(request=row, by=officer)
            services.decide(request=row, by=officer)
        with as_officer(second):
            services.approve(request=row, by=second)
        person.refresh_from_db()
        assert person.standing == "blocked"
        granted(person, officer, "unblock")
        person.refresh_from_db()
        assert person.standing == "restricted"
        assert Change.objects.filter(subject=person).latest("pk").state == "restricted", "systems are told so"

    def test_a_childs_data_are_used_for_nothing_but_a_law_and_so_when_they_come_of_age(self, person, officer, second):
        purpose("service", ground="notice")
        DataSubject.objects.filter(pk=person.pk).update(standing="minor")
        person.refresh_from_db()
        assert [one.allowed for one in reasons(person)] == [True]
        before = timezone.now()
        self.destroyed(person, officer, second)
        person.refresh_from_db()
        assert person.standing == "minor", "the cabinet stays shut"
        assert [one.code for one in reasons(person)] == ["restricted"]
        assert [one.allowed for one in reasons(person, before)] == [True]
        majority._let_act(person.pk)
        person.refresh_from_db()
        assert person.standing == "restricted"

    @pytest.mark.parametrize(
        ("kind", "words"),
        [("court", "a case before a court"), ("claim", "a claim of ours"), ("complaint", "your complaint")],
    )
    def test_under_a_hold_no_day_is_promised_and_the_answer_says_which(self, person, officer, second, kind, words):
        with as_officer(permit(officer, "subjects.add_legalhold")) as by:
            holds.place(subject=person, kind=kind, case_number="7", body="Суд", by=by)
        row, line = self.destroyed(person, officer, second)
        assert (line.held, line.until) == (True, None)
        row.language = "en"
        assert words in request_answers.proposed(row)

    @staticmethod
    def destroyed(person, officer, second):
        row = asked(person, None, "destroy")
        with as_officer(officer):
            services.take_up(request=row, by=officer)
            services.decide(request=row, by=officer)
        with as_officer(second):
            row = services.approve(request=row, by=second)
        return row, row.plan.get()


class TestFiles:
    def test_what_a_file_is_its_content_says_and_who_opens_it_is_recorded(self, person, officer):
        row = asked(person, None, "correct", text="…")
        for content, words in (
            (b"%PDF-1.7 no end", "not whole"), (b"MZ program", "no PDF"), (b"%PDF-1.7 /JavaScript %%EOF", "programs"),
        ):  # fmt: skip
            with pytest.raises(ValidationError, match=words):
                request_files.attach(request=row, kind="evidence", content=content)
        file = request_files.attach(request=row, kind="evidence", content=PDF)
        assert request_files.attach(request=row, kind="evidence", content=PDF) == file
        assert b"%PDF" not in bytes(file.sealed)
        with pytest.raises(ValidationError, match="not one of"):
            request_files.attach(request=row, kind="answer", content=PDF)
        before = AccessRecord.objects.count()
        with as_officer(officer):
            assert request_files.open_file(file=file, by=officer) == PDF
        assert request_files.own_file(file=file) == PDF
        assert AccessRecord.objects.count() == before + 2
        for n in range(request_files.MOST_FILES - 1):
            request_files.attach(request=row, kind="evidence", content=PDF.replace(b"1.7", f"1.{n % 7} {n}".encode()))
        with pytest.raises(ValidationError, match="at most 10"):
            request_files.attach(request=row, kind="evidence", content=PDF + b"\n")

    def test_papers_of_the_person_leave_room_for_the_answer_and_our_work(self, person, officer):
        row = asked(person, None, "access")
        for n in range(request_files.MOST_FILES):
            request_files.attach(request=row, kind="evidence", content=PDF + b" " * n)
        with as_officer(officer):
            services.take_up(request=row, by=officer)
            request_files.attach(request=row, kind="work", content=PDF, by=officer)
            services.decide(request=row, by=officer)
            row = services.answer(request=row, by=officer, text="Мынау")
        assert row.state == RequestState.FULFILLED
        assert row.files.filter(kind="answer").count() == 1

    def test_there_is_no_kind_for_a_copy_of_an_identity_document(self):
        assert not {"passport", "id_card", "identity_document"} & set(RequestFile.Kind.values)

    def test_of_somebody_unknown_nothing_is_kept(self, officer):
        row = asked(None, officer, "access")
        with as_officer(officer):
            for verb in (
                lambda: request_files.attach(request=row, kind="letter", content=PDF, by=officer),
                lambda: services.note(request=row, text="…", by=officer),
            ):
                with pytest.raises(NotAllowed, match="establish first"):
                    verb()

    def test_the_file_on_the_person_comes_with_the_answer(self, person, officer):
        row = asked(person, None, "access")
        with as_officer(officer):
            services.take_up(request=row, by=officer)
            services.decide(request=row, by=officer)
            assert request_files.for_person(row, person) == []
            row = services.answer(request=row, by=officer, text="Мынау")
        (file,) = request_files.for_person(row, person)
        assert (file.kind, request_files.own_file(file=file)[:5]) == ("answer", b"%PDF-")
        assert file.sha256 in request_words.own_answer(request=row), "the digest of the answer covers its files"
        with as_officer(officer), pytest.raises(NotAllowed, match="closed"):
            request_files.attach(request=row, kind="answer", content=PDF + b" ", by=officer)


class TestDigest:
    def test_officers_are_told_once_a_day_in_their_language(self, person, officer, second):
        asked(person, officer, "access", received_at=datetime(2026, 10, 9, 12, tzinfo=ALMATY))
        assert request_letters.write_digests() == 2
        assert request_letters.write_digests() == 2
        assert Letter.objects.filter(kind="requests_due").count() == 2
        letter = Letter.objects.get(kind="requests_due", staff=officer)
        assert letter.language == officer.language
        context = request_letters._digest(letter.cause, "ru")
        assert (context["overdue"], context["mine"]) == (1, 1)

    def test_nobody_is_told_of_nothing(self, officer):
        assert request_letters.write_digests() == 0


def test_of_several_terms_the_first_is_told_before_it_is_sent_in_the_letter_and_in_the_queue(person):
    kinds = [RequestKind.ACCESS, RequestKind.BLOCK]
    access, block = (own_requests.answered_by([kind]) for kind in kinds)
    assert block < access and own_requests.answered_by(kinds).date() == block.date()
    row = asked(person, None, *kinds)
    told = request_letters._context(f"{row.about}#received", "en")["due_at"]
    assert told == min(deadline.due_at for deadline in deadlines.of(row.about))


@pytest.mark.parametrize(
    ("channel", "source"), [("office", "form"), ("phone", "phone"), ("email", "officer"), ("api", "officer")]
)
def test_a_value_that_a_request_brought_says_by_which_way_it_came(person, officer, channel, source):
    category = DataCategory.objects.get(code="employer")
    row = asked(person, None, "correct", category=category, value="Айқын")
    row.channel = channel
    with as_officer(officer):
        request_acts.correct(row, officer)
    assert person.values.get(category=category).source == source
