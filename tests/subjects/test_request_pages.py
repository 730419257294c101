"""The pages of requests: officers' queue and steps, the person's own in three languages, what systems tell and ask."""

import hashlib
import json
import re
from datetime import datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audit.actor import acting_as
from audit.models import AccessRecord
from notifications.models import Letter
from notifications.ports import KINDS
from subjects import deadlines, registers, relations, request_answers, request_files, request_queues, request_rules
from subjects import request_services as services
from subjects.models import AutomatedDecision, DataSubject, DutyRule, SourceSystem, SubjectRequest
from subjects.requests import RequestKind, RequestState
from tests.consent.factories import form as form_of
from tests.consent.factories import given, version
from tests.consent.system import client_and_key
from tests.staff.conftest import at_desk, member  # noqa: F401
from tests.staff.factories import as_officer
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory
from tests.subjects.test_requests import PDF, asked

pytestmark = pytest.mark.django_db
LIST, ADD = "/admin/subjects/subjectrequest/", "/admin/subjects/subjectrequest/add/"
MINE, NEW = "/cabinet/requests/", "/cabinet/requests/new/"
ALMATY = ZoneInfo("Asia/Almaty")


@pytest.fixture(autouse=True)
def clock(db):
    with acting_as("command:load_registers@test"):
        registers.load_clock()


@pytest.fixture
def person(db) -> DataSubject:
    return DataSubjectFactory()


def paper(content: bytes = PDF) -> SimpleUploadedFile:
    return SimpleUploadedFile("паспорт Иванова.pdf", content, content_type="application/pdf")


def text_of(response) -> str:
    return unescape(response.content.decode())


def page_of(row: SubjectRequest) -> str:
    return reverse("admin:subjects_subjectrequest_change", args=[row.pk])


def step(row: SubjectRequest, name: str) -> str:
    return reverse("admin:subjects_request_step", args=[row.pk, name])


class TestQueue:
    """What is late, due today and soon, by the clock; whose it is; the first that ends on top."""

    @pytest.fixture
    def rows(self, person, member):  # noqa: F811
        officer = member("officer")
        friday = datetime(2026, 10, 9, 12, tzinfo=ALMATY)
        late = asked(person, officer, "access", received_at=friday)
        today = asked(person, None, "complaint", received_at=self.due_in(0))
        soon = asked(person, None, "object", received_at=self.due_in(1))
        return officer, late, today, soon

    @staticmethod
    def due_in(days: int) -> datetime:
        """A moment whose three working days end so many from today."""
        at = timezone.now()
        for back in range(15):
            earlier = at - timedelta(days=back)
            due = deadlines.clock.due(
                deadlines.rule("ACCESS", at=earlier), earlier, days=deadlines.calendar_days.days()
            )
            if deadlines.working_days_left(due, today=timezone.localdate()) <= days:
                return earlier
        raise AssertionError("no such moment")

    def test_each_queue_holds_what_it_says(self, rows, at_desk):  # noqa: F811
        officer, late, today, soon = rows
        on_day_off = deadlines.working_days_left(timezone.now() + timedelta(days=1), today=timezone.localdate()) == 0
        expected = {
            "open": {late, today, soon}, "overdue": {late}, "mine": {late}, "unknown": {late}, "nobody": {today, soon},
            "soon": {today, soon}, "today": {today}, "second": set(),
        }  # fmt: skip
        seen = {name: set(request_queues.queue(name, SubjectRequest.objects.all(), by=officer)) for name in expected}
        if on_day_off:  # nothing ends on a day off: what is due today ended before
            expected.pop("today"), seen.pop("today")
        assert seen == expected
        page = at_desk(officer).get(f"{LIST}?queue=open")
        shown = re.findall(r">(R-\d{6})<br>", text_of(page))
        assert shown[0] == str(late)
        assert set(shown) == {str(row) for row in (late, today, soon)}

    def test_the_list_costs_the_same_with_one_row_and_with_many(self, person, member, at_desk):  # noqa: F811
        officer = member("officer")
        desk = at_desk(officer)

        def cost(address: str) -> int:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert desk.get(address).status_code == 200
            return len(queries)

        asked(person, None, "access")
        cost(LIST)
        one = {address: cost(address) for address in (LIST, f"{LIST}?queue=open", "/admin/")}
        for kind in ("confirm", "object", "block", "complaint"):
            asked(person, officer, kind)
        assert {address: cost(address) for address in one} == one


class TestOneRequest:
    """From the letter on paper to the answer that is kept, as an officer goes through it."""

    def test_the_way_of_a_request_on_paper(self, person, member, at_desk):  # noqa: F811
        officer, dpo = member("officer"), member("dpo")
        SourceSystem.objects.create(code="crm", title_ru="CRM", title_kk="CRM")
        desk = at_desk(officer)
        form = {"channel": "post", "received_at": "2026-11-27T10:00", "kinds": ["access", "confirm"], "language": "kk"}
        assert desk.post(ADD, {**form, "text": "мен туралы"}).status_code == 422, "words without a person"
        assert desk.post(ADD, form).status_code == 302
        row = SubjectRequest.objects.latest("pk")
        assert "R-" in text_of(desk.get(page_of(row)))
        assert desk.get(step(row, "grant")).status_code == 302, "first it is established who asks"
        desk.post(step(row, "identify"), {"identity": "notary", "subject": str(person), "text": "Мен туралы не бар?"})
        desk.post(step(row, "take-up"))
        desk.post(step(row, "comment"), {"text": "Нотариус растады"})
        desk.post(step(row, "attach"), {"kind": "letter", "file": paper()})
        assert desk.post(step(row, "attach"), {"kind": "letter", "file": paper(b"MZ")}).status_code == 422
        desk.post(step(row, "grant"))
        item = row.items.first()
        assert desk.get(step(row, "answer")).status_code == 302, "the work comes first"
        for item in row.items.all():
            place = reverse("admin:subjects_request_item", args=[row.pk, item.pk])
            desk.post(place, {"comment": "тексерілді", "file": paper(PDF + b" ")})
        proposed = text_of(desk.get(step(row, "answer")))
        with_words = request_answers.proposed(SubjectRequest.objects.latest("pk"))
        assert with_words.splitlines()[0] in proposed
        shown = desk.post(step(row, "answer"), {"text": "Сіз туралы бір мекенжай бар."})
        assert shown.status_code == 200
        row.refresh_from_db()
        assert row.state == RequestState.ACCEPTED, "shown, not sent"
        assert 'name="send"' in text_of(shown)
        desk.post(step(row, "answer"), {"text": "Сіз туралы бір мекенжай бар.", "send": "1"})
        row.refresh_from_db()
        assert (row.state, row.identity, row.assignee) == (RequestState.FULFILLED, "notary", officer)
        page = text_of(desk.get(page_of(row)))
        assert "мекенжай бар" not in page
        before = AccessRecord.objects.count()
        opened = text_of(desk.post(reverse("admin:subjects_request_words", args=[row.pk])))
        for words in ("Мен туралы не бар?", "Нотариус растады", "тексерілді", "Сіз туралы бір мекенжай бар."):
            assert words in opened
        assert AccessRecord.objects.count() > before
        pdf = desk.post(reverse("admin:subjects_request_pdf", args=[row.pk]))
        assert pdf.content.startswith(b"%PDF-")
        assert str(row) in pdf["Content-Disposition"]
        file = row.files.first()
        got = desk.post(reverse("admin:subjects_request_file", args=[row.pk, file.pk]))
        assert got.content == PDF
        assert "Иванов" not in got["Content-Disposition"]
        assert at_desk(dpo).get(page_of(row)).status_code == 200

    def test_a_refusal_waits_for_the_second_person_on_the_page(self, person, member, at_desk):  # noqa: F811
        officer, dpo = member("officer", language="en"), member("dpo", language="en")
        row = asked(person, None, "access")
        desk = at_desk(officer)
        desk.post(step(row, "take-up"))
        desk.post(step(row, "refuse"), {"refusal": "LegalObligationImpaired"})
        assert desk.get(step(row, "approve")).status_code == 403
        other = at_desk(dpo)
        assert other.get(step(row, "approve")).status_code == 200
        other.post(step(row, "approve"))
        row.refresh_from_db()
        assert (row.state, row.decided_by, row.approved_by) == (RequestState.REJECTED, officer, dpo)

    def test_a_request_is_closed_for_a_reason_and_as_none_by_two(self, person, member, at_desk):  # noqa: F811
        officer, dpo = member("officer", language="en"), member("dpo", language="en")
        row = asked(person, None, "access")
        desk, other = at_desk(officer), at_desk(dpo)
        for seat in (desk, other):
            seat.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
        assert desk.post(step(row, "close")).status_code == 422
        assert desk.post(step(row, "close"), {"reason": "repeats"}).status_code == 422
        assert "Take it up first" in text_of(desk.post(step(row, "close"), {"reason": "no_request"}))
        desk.post(step(row, "take-up"))
        desk.post(step(row, "close"), {"reason": "no_request"})
        assert "To close without an answer: it asks nothing" in text_of(desk.get(page_of(row)))
        assert "It is closed without an answer: it asks" in text_of(other.get(step(row, "approve")))
        other.post(step(row, "approve"))
        row.refresh_from_db()
        assert (row.state, row.closing, row.approved_by) == (RequestState.UNFULFILLED, "no_request", dpo)

    def test_the_page_costs_the_same_however_much_there_is(self, person, member, at_desk):  # noqa: F811
        desk, row = at_desk(member("officer")), asked(person, None, "access")
        desk.post(step(row, "take-up"))

        def cost() -> int:
            with CaptureQueriesContext(connection) as queries:
                assert desk.get(page_of(row)).status_code == 200
            return len(queries)

        cost()
        one = cost()
        for n in range(3):
            desk.post(step(row, "comment"), {"text": f"{n}"})
            desk.post(step(row, "attach"), {"kind": "evidence", "file": paper(PDF + b" " * n)})
        assert cost() == one

    def test_words_of_a_person_are_for_who_works_on_requests(self, person, member, at_desk):  # noqa: F811
        row = asked(person, None, "complaint", text="Мне звонят по ночам")
        words = reverse("admin:subjects_request_words", args=[row.pk])
        for role in ("operator", "auditor"):
            assert at_desk(member(role)).post(words).status_code == 403
            assert "ночам" not in text_of(at_desk(member(role)).get(page_of(row)))

    def test_the_work_of_a_review_leads_to_the_decision(self, person, member, at_desk):  # noqa: F811
        officer = member("officer", language="en")
        decision = AutomatedDecision.objects.create(
            subject=person, client="loans", number="D-7", kind="credit", outcome="refused", occurred_at=timezone.now(),
            categories=["salary_amount"],
        )  # fmt: skip
        row, desk = asked(person, officer, "human_review"), at_desk(officer)
        desk.post(step(row, "identify"), {"identity": "document"})
        desk.post(step(row, "grant"))
        work = reverse("admin:subjects_request_item", args=[row.pk, row.items.get().pk])
        assert reverse("admin:subjects_automateddecision_change", args=[decision.pk]) in text_of(desk.get(work))
        answer = desk.post(work)
        assert answer.status_code == 422 and "D-7" in text_of(answer)

    @pytest.mark.parametrize("refused", [False, True])
    def test_what_was_said_to_somebody_unknown_is_kept_and_handed_over(self, member, at_desk, refused, monkeypatch):  # noqa: F811
        printed = []
        monkeypatch.setattr(request_answers, "pdf", lambda row, text: printed.append(text) or PDF)
        officer, dpo = member("officer", language="en"), member("dpo", language="en")
        row, desk = asked(None, officer, "access"), at_desk(officer)
        print_it = reverse("admin:subjects_request_pdf", args=[row.pk])
        assert desk.post(print_it).status_code == 403, "before there is an answer"
        desk.post(step(row, "identify"), {"identity": "document"})
        if refused:
            desk.post(step(row, "refuse"), {"refusal": "ProcessUnfounded"})
            at_desk(dpo).post(step(row, "approve"))
        else:
            desk.post(step(row, "grant"))
            desk.post(step(row, "answer"), {"send": "1"})
        assert print_it in text_of(desk.get(page_of(row)))
        assert desk.post(print_it).content == PDF
        row.refresh_from_db()
        assert [hashlib.sha256(text.encode()).hexdigest() for text in printed] == [row.answer_sha256]
        assert ("сказанное не подтвердилось" in printed[0]) is refused

    def test_what_is_withheld_is_not_there_for_who_has_no_right(self, person, member, at_desk):  # noqa: F811
        officer = member("officer")
        row = asked(person, officer, "confirm", disclosure="withheld")
        for role, status in (("officer", 200), ("operator", 404), ("auditor", 404)):
            desk = at_desk(member(role))
            assert desk.get(page_of(row)).status_code == status
            assert (str(row) in text_of(desk.get(LIST))) is (status == 200)
            assert (row.about in text_of(desk.get("/admin/subjects/deadline/"))) is (status == 200)
            assert desk.get(page_of(row).replace("change", "history")).status_code == status
        told = asked(person, None, "access")
        with as_officer(officer):
            SubjectRequest.objects.filter(pk=told.pk).update(duplicate_of=row)
        for role, seen in (("officer", True), ("operator", False)):
            assert (str(row) in text_of(at_desk(member(role)).get(page_of(told)))) is seen


class TestCabinet:
    """Making a request, following it, reading the answer; without JavaScript, in three languages."""

    @pytest.mark.parametrize(
        ("reason", "words"), [("unclear", "Call or write to us"), ("another_body", "Nothing is needed from you")]
    )
    def test_why_it_is_paused_stands_on_its_page_and_in_no_letter(self, person, member, monkeypatch, reason, words):  # noqa: F811
        with acting_as("command:load_registers@test"):
            DutyRule.objects.create(
                code="SLOW", amount=5, unit="working_day", trigger="request", title_ru="Срок", title_kk="Мерзім",
                loaded=True, in_force_during=(timezone.now() - timedelta(days=1), None), may_pause_for=[reason],
            )  # fmt: skip
        monkeypatch.setitem(request_rules.RULE_OF, "access", "SLOW")
        row, officer = asked(person, None, "access"), member("officer")
        with as_officer(officer):
            services.take_up(request=row, by=officer)
            services.pause(request=row, reason=reason, by=officer)
        page = text_of(inside(person, "en").get(reverse("cabinet:request", args=[row.public_id])))
        assert words in page and "The clock is paused" in page
        kind = KINDS["request_paused"]
        context = kind.context(Letter.objects.get(subject=person, kind="request_paused").cause, "en")
        assert words not in render_to_string("letters/request_paused/en.txt", context)

    @pytest.mark.parametrize("language", ["kk", "ru", "en"])
    def test_every_kind_is_asked_in_plain_words_and_every_page_speaks(self, person, member, language):  # noqa: F811
        seat = inside(person, language)
        first = text_of(seat.get(NEW))
        assert len(re.findall(r'type="checkbox" name="kind"', first)) == len(RequestKind.values)
        form = {"kind": RequestKind.values, "text": "…", "language": language, "category": "employer", "value": "Айқын"}
        form["about_object"] = ["marketing"]
        self.purposes()
        assert seat.get(NEW, {"kind": RequestKind.values}).status_code == 200
        made = seat.post(NEW, {**form, "file": paper()})
        assert made.status_code == 302, text_of(made)
        row = SubjectRequest.objects.latest("pk")
        assert (row.subject, row.kinds, row.language) == (person, RequestKind.values, language)
        assert "marketing" in row.targets
        page = text_of(seat.get(made.url))
        assert str(row) in page
        assert str(row) in text_of(seat.get(MINE))
        assert str(row) in text_of(seat.get("/cabinet/"))
        (file,) = row.files.all()
        assert seat.get(reverse("cabinet:request-file", args=[row.public_id, file.public_id])).content == PDF

    @staticmethod
    def purposes() -> None:
        from consent import registers as consent_registers

        with acting_as("command:load_registers@test"):
            consent_registers.load()

    def test_wrong_input_is_told_in_a_sentence(self, person):
        seat = inside(person, "en")
        for form, words in (
            ({}, "Mark at least one"),
            ({"kind": ["nonsense"]}, "Mark at least one"),
            ({"kind": ["complaint"], "language": "en"}, "In your own words"),
            ({"kind": ["correct"], "language": "en", "category": "employer"}, "Write what is right"),
            ({"kind": ["access"], "language": "xx"}, "Language of the answer"),
            ({"kind": ["access"], "language": "en", "file": paper(b"MZ")}, "no PDF, JPEG or PNG"),
            ({"kind": ["access"], "language": "en", "text": "a\x00b"}, "In your own words"),
            ({"kind": ["access"], "language": "en", "about": "no-uuid", "text": "x" * 4001}, "4000"),
        ):
            answer = seat.post(NEW, form)
            assert (answer.status_code, words in text_of(answer)) == (422, True), (form, text_of(answer))
        assert not SubjectRequest.objects.exists()

    def test_nobody_opens_more_than_twenty(self, person, monkeypatch):
        from subjects import own_requests

        monkeypatch.setattr(own_requests, "MOST_OPEN", 1)
        seat, form = inside(person, "en"), {"kind": ["access"], "language": "en"}
        assert seat.post(NEW, form).status_code == 302
        assert "many requests open" in text_of(seat.post(NEW, form))

    def test_the_answer_is_read_and_taken_and_each_look_is_recorded(self, person, member):  # noqa: F811
        officer = member("officer")
        row = self.answered(person, officer, text="Сіз туралы бір мекенжай бар.")
        seat = inside(person)
        before = AccessRecord.objects.filter(door="own", reference=str(person)).count()
        read = text_of(seat.get(reverse("cabinet:request-answer", args=[row.public_id])))
        assert "Сіз туралы бір мекенжай бар." in read
        pdf = seat.get(reverse("cabinet:request-pdf", args=[row.public_id])).content
        assert pdf.startswith(b"%PDF-")
        assert AccessRecord.objects.filter(door="own", reference=str(person)).count() == before + 2
        again = seat.get(reverse("cabinet:request-pdf", args=[row.public_id])).content
        assert pdf == again, "the same answer is the same paper"
        complaint = seat.get(NEW, {"kind": "complaint", "about": str(row.public_id)})
        assert str(row) in text_of(complaint)
        seat.post(NEW, {"kind": "complaint", "about": str(row.public_id), "text": "Толық емес", "language": "kk"})
        assert SubjectRequest.objects.first().targets == [str(row)]

    @staticmethod
    def answered(person, officer, **given) -> SubjectRequest:
        row = asked(person, None, "access")
        with acting_as(f"officer:{officer.pk}"):
            services.take_up(request=row, by=officer)
            services.decide(request=row, by=officer)
            return services.answer(request=row, by=officer, **given)

    def test_what_is_another_persons_is_not_there(self, person, member):  # noqa: F811
        theirs = self.answered(DataSubjectFactory(), member("officer"), text="…")
        seat = inside(person)
        for name in ("request", "request-answer", "request-pdf"):
            assert seat.get(reverse(f"cabinet:{name}", args=[theirs.public_id])).status_code == 404
        attach = reverse("cabinet:request-attach", args=[theirs.public_id])
        assert seat.post(attach, {"file": paper()}).status_code == 404
        form = {"kind": "complaint", "about": str(theirs.public_id), "text": "…", "language": "kk"}
        seat.post(NEW, {**form, "whom": "1", "subject": theirs.subject_id})
        assert SubjectRequest.objects.filter(subject=theirs.subject).count() == 1
        made = SubjectRequest.objects.filter(subject=person).first()
        assert made is None or made.targets == []

    def test_what_was_not_established_is_not_shown_yet(self, person, member):  # noqa: F811
        row = asked(person, member("officer"), "access")
        assert str(row) not in text_of(inside(person).get(MINE))

    def test_a_paper_is_added_while_the_request_is_open(self, person):
        row = asked(person, None, "correct", text="…")
        place, seat = reverse("cabinet:request-attach", args=[row.public_id]), inside(person)
        assert seat.post(place, {"file": paper()}).status_code == 302
        assert seat.post(place, {"file": paper(b"no")}).status_code == 422
        assert row.files.count() == 1

    def test_a_representative_asks_and_reads_what_the_power_allows(self, person, member):  # noqa: F811
        friend, officer = DataSubjectFactory(), member("officer")
        seat = inside(friend, "en")
        assert 'name="whom"' not in text_of(seat.get(NEW, {"kind": "access"}))
        with acting_as(f"officer:{officer.pk}"):
            who = relations.authorise(
                subject=person, representative=friend, basis="power_of_attorney", acts=["ask"], by=officer,
                document_kind="power_of_attorney", last_four="0042",
                valid_until=timezone.localdate() + timedelta(days=9),
            )  # fmt: skip
        assert seat.post(NEW, {"kind": "access", "whom": str(who.pk), "language": "en"}).status_code == 302
        row = SubjectRequest.objects.latest("pk")
        assert (row.subject, row.representative) == (person, who)
        with acting_as(f"officer:{officer.pk}"):
            services.take_up(request=row, by=officer)
            services.decide(request=row, by=officer)
            services.answer(request=row, by=officer, text="Мынау")
        answer = reverse("cabinet:request-answer", args=[row.public_id])
        assert str(row) in text_of(seat.get(MINE))
        assert seat.get(answer).status_code == 404, "asking is not learning"
        assert inside(person).get(answer).status_code == 200
        with connection.cursor() as cursor:
            cursor.execute("UPDATE subjects_representative SET acts = '{ask,know}'")
        assert seat.get(answer).status_code == 200

    @pytest.mark.parametrize("over", ["ended_at = now(), ended_by_id = %s", "valid_until = valid_from - 1"])
    def test_a_power_that_is_over_shows_nothing_any_more(self, person, member, over):  # noqa: F811
        friend, officer = DataSubjectFactory(), member("officer")
        who = self.power(person, friend, officer, acts=["ask"])
        row = asked(person, None, "correct", text="…", representative=who)
        file = request_files.attach(request=row, kind="power_of_attorney", content=PDF)
        seat = inside(friend, "en")
        assert str(row) in text_of(seat.get(MINE))
        assert seat.get(reverse("cabinet:request", args=[row.public_id])).status_code == 200
        assert request_files.for_person(row, friend) == [file]
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE subjects_representative SET valid_from = valid_from - 9, {over}",
                [officer.pk] if "%s" in over else None,
            )
        row = SubjectRequest.objects.get(pk=row.pk)
        assert request_files.for_person(row, friend) == []
        assert str(row) not in text_of(seat.get(MINE))
        assert seat.get(reverse("cabinet:request", args=[row.public_id])).status_code == 404
        assert seat.get(reverse("cabinet:request-file", args=[row.public_id, file.public_id])).status_code == 404
        added = seat.post(reverse("cabinet:request-attach", args=[row.public_id]), {"file": paper()})
        assert (added.status_code, row.files.count()) == (404, 1)
        assert str(row) in text_of(inside(person).get(MINE)), "it stays the person's own"

    def test_who_may_only_ask_is_not_told_what_was_decided_or_consented_to(self, person, member):  # noqa: F811
        friend, officer = DataSubjectFactory(), member("officer")
        given(person, version(form_of("C8")))
        AutomatedDecision.objects.create(
            subject=person, client="loans", number="A-77", kind="credit", outcome="refused", categories=[],
            occurred_at=timezone.now() - timedelta(days=2),
        )  # fmt: skip
        who = self.power(person, friend, officer, acts=["ask"])
        seat, kinds = inside(friend, "en"), {"kind": ["withdraw", "human_review"]}
        page = text_of(seat.get(NEW, kinds))
        assert f'value="{who.pk}"' in page
        assert 'value="C8"' not in page
        assert "A-77" not in page
        with connection.cursor() as cursor:
            cursor.execute("UPDATE subjects_representative SET acts = '{ask,know}'")
        page = text_of(seat.get(NEW, kinds))
        assert 'value="C8"' in page
        assert "A-77" in page

    @staticmethod
    def power(person, friend, officer, *, acts):
        with acting_as(f"officer:{officer.pk}"):
            return relations.authorise(
                subject=person, representative=friend, basis="power_of_attorney", acts=acts, by=officer,
                document_kind="power_of_attorney", last_four="0042",
                valid_until=timezone.localdate() + timedelta(days=9),
            )  # fmt: skip

    def test_the_pages_cost_the_same_with_one_request_and_with_many(self, person):
        seat = inside(person)

        def cost(address: str) -> int:
            with CaptureQueriesContext(connection) as queries:
                assert seat.get(address).status_code == 200
            return len(queries)

        asked(person, None, "access")
        for address in (MINE, "/cabinet/"):
            cost(address)
        one = {address: cost(address) for address in (MINE, "/cabinet/")}
        for kind in ("confirm", "block", "complaint"):
            asked(person, None, kind)
        assert {address: cost(address) for address in one} == one


class TestSystems:
    """What systems tell over the API: they take a request in and learn how it stands, and no word of it comes out."""

    def test_a_system_takes_a_request_in_once_and_reads_how_it_stands(self, person, client, member):  # noqa: F811
        TestCabinet.purposes()
        _client, key = client_and_key("site")
        head = {"authorization": f"Bearer {key}", "idempotency-key": "11112222"}
        place = f"/api/v1/subjects/{person}/requests"
        body = {"kinds": ["access", "object"], "about": ["marketing"], "text": "Что у вас есть?"}
        told = client.post(place, json.dumps(body), content_type="application/json", headers=head)
        assert told.status_code == 201, told.content
        again = client.post(place, json.dumps(body), content_type="application/json", headers=head)
        assert again.json() == told.json()
        row = SubjectRequest.objects.latest("pk")
        assert (row.channel, row.identified_at, row.language) == ("api", None, person.language)
        (read,) = client.get(place, headers=head).json()["requests"]
        assert (read["number"], read["state"], read["refusal"]) == (str(row), "RequestInitiated", None)
        assert read["due_at"] is not None
        assert client.get(f"/api/v1/requests/{row.public_id}", headers=head).json() == read
        assert "есть" not in json.dumps(read, ensure_ascii=False)
        assert str(row) not in text_of(inside(person).get(MINE)), "an officer establishes who asks first"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "kinds"), ({"kinds": []}, "kinds"), ({"kinds": ["fly"]}, "kinds.0"),
            ({"kinds": ["access"], "received_at": "2050-01-01T00:00:00+05:00"}, "received_at"),
            ({"kinds": ["correct"], "category": "nothing"}, "category"),
            ({"kinds": ["access"], "text": "a\x00"}, "text"), ({"kinds": ["access"], "why": 1}, "why"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_named(self, person, client, body, field):
        _client, key = client_and_key("site")
        answer = client.post(
            f"/api/v1/subjects/{person}/requests", json.dumps(body), content_type="application/json",
            headers={"authorization": f"Bearer {key}"},
        )  # fmt: skip
        assert answer.status_code == 422, answer.content
        assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert not SubjectRequest.objects.exists()
