"""Demands from outside: a term, two people, the gate, data or a letter of refusal; what is withheld leaves no trace."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import reduce

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from audit.actor import acting_as
from audit.models import AccessRecord
from notifications.models import Letter
from staff.enums import Role
from staff.rules import NotAllowed
from subjects import deadlines, registers, vault
from subjects.cabinet import LINKS
from subjects.enums import Disclosure
from subjects.models import CabinetSession
from tests.staff.conftest import member  # noqa: F401
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory
from tests.transfers import factories
from transfers import demands, received
from transfers.models import DemandFile, DemandLetter, InboundDemand, Release, Transfer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """Sentences are read in English here, whatever the test before left behind."""
    with translation.override("en"):
        yield


IIN = "850314390019"
PDF = b"%PDF-1.7\n1 0 obj (850314390019)\n%%EOF\n"
CSRF = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')


@pytest.fixture
def officer(member):  # noqa: F811
    return member(Role.OFFICER, username="the-officer")


@pytest.fixture
def dpo(member):  # noqa: F811
    return member(Role.DPO, username="the-dpo")


@pytest.fixture
def court():
    """A court executor who may get name and IIN on a demand."""
    world = factories.world(
        kind="court_executor", code="executors", ground="law", agreement=False, purpose="legal", on_demand=True
    )
    vault.store(subject=world.person, category="iin", parts={"value": IIN}, source="test")
    vault.store(subject=world.person, category="mobile_phone", parts={"value": "+77012345678"}, source="test")
    with acting_as(factories.LOADED):
        registers.load_clock()
    return world


def told(world, **changed):
    today = timezone.localdate()
    return {
        "kind": "executor", "body": "Медеу ауданының сот орындаушысы", "letter_number": "118/2026",
        "letter_date": today, "received_at": timezone.now(), "language": "ru", "may_tell": True,
        "due_on": today + timedelta(days=5), "recipient": world.recipient, "subject": world.person,
        "purpose": world.purpose, "categories": ["full_name", "iin"], "article": "56-V art. 21", **changed,
    }  # fmt: skip


def registered(world, by, **changed) -> InboundDemand:
    with acting_as(f"officer:{by.pk}"):
        return demands.register(**told(world, **changed), by=by)


def act(verb, demand, by, **fields):
    with acting_as(f"officer:{by.pk}"):
        return verb(demand=demand, by=by, **fields)


@contextmanager
def stopped(by, sentence: str) -> Iterator[None]:
    """What is inside is refused by the database itself."""
    with acting_as(f"officer:{by.pk}"), pytest.raises(IntegrityError, match=sentence), transaction.atomic():
        yield


def granted(world, officer, dpo, **changed) -> InboundDemand:
    row = registered(world, officer, **changed)
    act(demands.propose_answer, row, officer)
    return act(demands.approve, row, dpo)


def test_two_people_and_the_gate_answer_it_with_exactly_what_was_asked(court, officer, dpo):
    row = granted(court, officer, dpo, rule_code="ACCESS", due_on=None, content=PDF)
    assert deadlines.of(row.about).get().met_at is None
    given = act(demands.answer, row, officer, format="json")
    text = given.file.content.decode()
    assert IIN in text and "77012345678" not in text
    row.refresh_from_db()
    assert (row.state, row.transfer.recipient, row.transfer.subject) == ("answered", court.recipient, court.person)
    assert row.transfer.release.payload_sha256 == given.file.sha256
    question = row.transfer.inputs["question"]["context"]
    assert question == {
        "body": row.body, "article": row.article, "request_number": "118/2026",
        "request_date": row.letter_date.isoformat(),
    }  # fmt: skip
    letter = DemandLetter.objects.get()
    assert letter.kind == "data" and bytes(letter.content).startswith(b"%PDF-")
    assert letter.sha256 == hashlib.sha256(bytes(letter.content)).hexdigest()
    assert deadlines.of(row.about).get().met_at is not None
    assert [sent.transfer for sent in received.in_words(received.released(court.person))] == [row.transfer]


def test_the_letter_is_kept_sealed_and_opened_on_the_record(court, officer):
    row = registered(court, officer, content=PDF)
    assert IIN.encode() not in bytes(DemandFile.objects.get().sealed)
    assert act(demands.open_file, row, officer) == PDF
    seen = AccessRecord.objects.get(reason=demands.OPENED)
    assert (seen.reference, seen.user) == ("", officer), "the record stays when the demand is withheld later"
    with pytest.raises(ValidationError, match="PDF, JPEG or PNG"):
        registered(court, officer, content=b"<script>")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"due_on": None}, "due_on"),
        ({"rule_code": "ACCESS"}, "due_on"),
        ({"letter_date": timezone.localdate() + timedelta(days=1)}, "letter_date"),
        ({"received_at": timezone.now() + timedelta(days=1)}, "received_at"),
        ({"due_on": timezone.localdate() - timedelta(days=1)}, "due_on"),
        ({"body": "о гражданине 850314390019"}, "body"),
        ({"letter_number": ""}, "letter_number"),
        ({"categories": ["iin", "nothing"]}, "categories"),
        ({"language": "de"}, "language"),
    ],
)
def test_what_is_wrong_is_said_of_its_field_and_nothing_is_kept(court, officer, changed, field):
    with pytest.raises(ValidationError) as caught, transaction.atomic():
        registered(court, officer, **changed)
    assert field in caught.value.error_dict
    assert not InboundDemand.objects.exists()


def test_nobody_approves_their_own_proposal_not_even_in_sql(court, officer, dpo, member):  # noqa: F811
    row = registered(court, officer)
    act(demands.propose_answer, row, officer)
    with stopped(officer, "transfers_demand_four_eyes"):
        InboundDemand.objects.update(state="granted", approved_by=officer, approved_at=timezone.now())
    with stopped(officer, "nobody signs for somebody else"):
        InboundDemand.objects.update(state="granted", approved_by=dpo, approved_at=timezone.now())
    for by in (officer, member(Role.OFFICER, username="colleague")):
        with pytest.raises(NotAllowed):
            act(demands.approve, row, by)
    with pytest.raises(NotAllowed, match="second person"):
        act(demands.answer, row, officer, format="csv")
    assert not Transfer.objects.exists()


def test_the_gate_stops_what_it_must(court, officer, dpo):
    excess = registered(court, officer, categories=["iin", "salary_amount"])
    with pytest.raises(NotAllowed, match="The gate does not allow it"):
        act(demands.propose_answer, excess, officer)
    row = granted(court, officer, dpo, letter_number="119")
    court.person.standing = "erased"
    court.person.save()
    given = act(demands.answer, row, officer, format="csv")
    row.refresh_from_db()
    assert given.file is None and row.state == "granted" and row.transfer is None
    assert Transfer.objects.get().decision == "deny" and not Release.objects.exists()
    act(demands.send_back, row, dpo)
    row.refresh_from_db()
    assert (row.state, row.decided_by, row.approved_by) == ("received", None, None)


def test_a_refusal_has_a_ground_that_is_true_and_a_letter_in_its_language(court, officer, dpo):
    lawful = registered(court, officer)
    for ground in ("no_ground", "incomplete"):
        with pytest.raises(NotAllowed, match="refusing the demand would be our offence"):
            act(demands.propose_refusal, lawful, officer, refusal=ground)
    with pytest.raises(NotAllowed):
        act(demands.propose_refusal, lawful, officer, refusal="unknown_person")
    assert not Transfer.objects.exists()
    bare = registered(court, officer, article="", letter_number="120", language="kk")
    with pytest.raises(NotAllowed, match="not why the gate refuses it"):
        act(demands.propose_refusal, bare, officer, refusal="no_ground")
    act(demands.propose_refusal, bare, officer, refusal="incomplete")
    assert Transfer.objects.get().failed == ["ground"], "what the gate said is in the register"
    act(demands.approve, bare, dpo)
    bare.refresh_from_db()
    letter = DemandLetter.objects.get()
    assert (bare.state, letter.kind, letter.language) == ("refused", "refusal", "kk")
    assert bare.answered_at is not None
    with pytest.raises(NotAllowed):
        act(demands.amend, bare, officer, article="1")


def test_somebody_we_do_not_know_is_refused_without_asking_the_gate(court, officer, dpo):
    row = registered(court, officer, subject=None, recipient=None, purpose=None, categories=[])
    with pytest.raises(NotAllowed, match="fill in"):
        act(demands.propose_answer, row, officer)
    act(demands.propose_refusal, row, officer, refusal="unknown_person")
    act(demands.approve, row, dpo)
    assert DemandLetter.objects.get().kind == "refusal" and not Transfer.objects.exists()


def test_a_transfer_of_somebody_else_does_not_answer_it(court, officer, dpo):
    other = granted(court, officer, dpo, letter_number="121")
    act(demands.answer, other, officer, format="json")
    other.refresh_from_db()
    row = granted(court, officer, dpo, subject=DataSubjectFactory(), letter_number="122")
    with acting_as(f"officer:{officer.pk}"), pytest.raises(IntegrityError, match="does not answer the demand"):
        InboundDemand.objects.filter(pk=row.pk).update(
            state="answered", transfer=other.transfer, answered_at=timezone.now()
        )


class TestWithheld:
    def pages(self, person) -> list[str]:
        seat, rows = inside(person, "en"), CabinetSession.objects
        # they did not sign in at the same moment
        began = rows.earliest("pk").began_at
        rows.filter(subject=person).update(began_at=began, seen_at=began)
        found = [seat.get(reverse(link.url_name)) for link in LINKS] + [seat.get("/cabinet/")]
        assert {page.status_code for page in found} == {200}
        # of people who differ in nothing else, what each and their sessions are called differs
        called = {str(person): "S-0", str(rows.get(subject=person).public_id): "session"}
        shown = [CSRF.sub("", page.content.decode()) for page in found]
        return [reduce(lambda page, name: page.replace(name, called[name]), called, page) for page in shown]

    def test_it_leaves_no_trace_for_the_person(self, court, officer, dpo):
        other = DataSubjectFactory(email=None, language=court.person.language)
        for category, text in (("iin", IIN), ("mobile_phone", "+77012345678")):
            vault.store(subject=other, category=category, parts={"value": text}, source="test")
        row = granted(court, officer, dpo, may_tell=False, content=PDF, rule_code="ACCESS", due_on=None)
        assert row.due_at is not None and not deadlines.of(row.about).exists(), "everybody reads the register of clocks"
        assert act(demands.answer, row, officer, format="json").file is not None
        assert act(demands.open_file, row, officer) == PDF
        sent = Transfer.objects.get()
        assert (sent.disclosure, sent.rule.disclosure) == (Disclosure.WITHHELD, Disclosure.SUBJECT)
        assert self.pages(court.person) == self.pages(other)
        assert not Letter.objects.filter(subject=court.person).exists()
        assert not AccessRecord.objects.filter(reference=str(court.person), door="reveal").exists()
        assert AccessRecord.objects.filter(reference="", reason="package_demand", category="iin").count() == 1

    def test_withheld_later_it_leaves_no_trace_either(self, court, officer, member):  # noqa: F811
        other = DataSubjectFactory(email=None, language=court.person.language)
        for category, text in (("iin", IIN), ("mobile_phone", "+77012345678")):
            vault.store(subject=other, category=category, parts={"value": text}, source="test")
        row = registered(court, officer, content=PDF, rule_code="ACCESS", due_on=None)
        kept = registered(court, officer, letter_number="9", rule_code="ACCESS", due_on=None)
        act(demands.open_file, row, officer)
        act(demands.amend, row, officer, withhold=True)
        assert self.pages(court.person) == self.pages(other)
        assert not AccessRecord.objects.filter(reference=str(court.person), door="reveal").exists()
        desk, listed = Client(headers={"accept-language": "en"}), reverse("admin:subjects_deadline_changelist")
        desk.force_login(member(Role.AUDITOR))
        shown = desk.get(listed).content.decode()
        assert kept.about in shown and row.about not in shown
        clock = deadlines.of(row.about).get()
        for name in ("change", "history"):
            found = desk.get(reverse(f"admin:subjects_deadline_{name}", args=[clock.pk]))
            assert found.status_code in (302, 404)
        desk.force_login(officer)
        assert row.about in desk.get(listed).content.decode(), "who may know of it sees its clock"

    def test_and_the_pages_would_differ_if_it_were_not(self, court, officer, dpo):
        other = DataSubjectFactory(email=None)
        act(demands.answer, granted(court, officer, dpo), officer, format="json")
        assert self.pages(court.person) != self.pages(other)

    def test_who_has_no_right_finds_nothing(self, court, officer, member):  # noqa: F811
        row = registered(court, officer, may_tell=False)
        desk = Client(headers={"accept-language": "en"})
        desk.force_login(member(Role.AUDITOR))
        listed = desk.get(reverse("admin:transfers_inbounddemand_changelist")).content.decode()
        assert str(row) not in listed
        for name in ("change", "history"):
            found = desk.get(reverse(f"admin:transfers_inbounddemand_{name}", args=[row.pk]))
            assert found.status_code in (302, 404)
        assert desk.get(reverse("admin:transfers_demand_letter", args=[row.pk])).status_code == 404
        desk.force_login(officer)
        assert str(row) in desk.get(reverse("admin:transfers_inbounddemand_changelist")).content.decode()

    def test_it_never_opens_again_and_a_withheld_rule_withholds(self, court, officer):
        row = registered(court, officer, may_tell=False)
        with stopped(officer, "stays withheld"):
            InboundDemand.objects.update(disclosure="subject")
        told_of = registered(court, officer, letter_number="9")
        assert act(demands.amend, told_of, officer, withhold=True).withheld
        assert row.withheld
        watched = factories.world(
            kind="state_body", code="police", ground="law", agreement=False, purpose="inquiry", on_demand=True,
            disclosure="withheld",
        )  # fmt: skip
        assert registered(watched, officer, may_tell=True).withheld


class TestPages:
    @pytest.fixture
    def desk(self, officer):
        client = Client(headers={"accept-language": "en"})
        client.force_login(officer)
        return client

    def form(self, world, **changed):
        today = timezone.localdate()
        return {
            "kind": "executor", "body": "Сот орындаушысы", "letter_number": "118", "letter_date": today.isoformat(),
            "received_at": timezone.localtime().strftime("%Y-%m-%dT%H:%M"), "due_on": today.isoformat(),
            "rule_code": "", "recipient": world.recipient.pk, "subject": world.person.reference,
            "purpose": world.purpose.pk, "categories": ["full_name", "iin"], "article": "56-V art. 21",
            "sanction": "", "language": "kk", "may_tell": "yes", **changed,
        }  # fmt: skip

    def test_from_the_letter_to_the_file(self, court, desk, officer, dpo):
        add = reverse("admin:transfers_inbounddemand_add")
        assert desk.get(add).status_code == 200
        wrong = desk.post(add, self.form(court, body="", subject="S-999999"))
        assert wrong.status_code == 422 and "No person has this reference" in wrong.content.decode()
        made = desk.post(add, self.form(court, content=SimpleUploadedFile("a.pdf", PDF)))
        assert made.status_code == 302, made.content.decode()
        row = InboundDemand.objects.get()
        page = desk.get(made.url).content.decode()
        assert "Due today" in page and "Propose to answer with the data" in page and "allowed" in page
        assert desk.post(reverse("admin:transfers_demand_file", args=[row.pk])).content == PDF
        amend = reverse("admin:transfers_demand_amend", args=[row.pk])
        assert desk.get(amend).status_code == 200
        found = {"recipient": court.recipient.pk, "subject": court.person.reference, "purpose": court.purpose.pk}
        assert desk.post(amend, {**found, "categories": ["iin"], "article": "56-V art. 21"}).status_code == 302
        step = reverse("admin:transfers_inbounddemand_step", args=[row.pk, "grant"])
        assert desk.post(step).status_code == 302
        second = Client(headers={"accept-language": "en"})
        second.force_login(dpo)
        assert "Demands from outside: approve an answer" in second.get("/admin/").content.decode()
        second.post(reverse("admin:transfers_inbounddemand_step", args=[row.pk, "approve"]))
        assert "Demands from outside: take the data out" in desk.get("/admin/").content.decode()
        answer = reverse("admin:transfers_demand_answer", args=[row.pk])
        assert second.post(answer, {"format": "csv"}).status_code == 403
        file = desk.post(answer, {"format": "csv"})
        assert file["Content-Type"].startswith("text/csv") and IIN in file.content.decode()
        letter = desk.get(reverse("admin:transfers_demand_letter", args=[row.pk]))
        assert letter.content.startswith(b"%PDF-")

    def test_a_refusal_is_proposed_on_its_page(self, court, desk):
        desk.post(reverse("admin:transfers_inbounddemand_add"), self.form(court, article=""))
        row = InboundDemand.objects.get()
        refuse = reverse("admin:transfers_demand_refuse", args=[row.pk])
        desk.post(refuse, {"refusal": ""})
        row.refresh_from_db()
        assert row.state == "received"
        desk.post(refuse, {"refusal": "incomplete"})
        row.refresh_from_db()
        assert (row.state, row.refusal) == ("proposed", "incomplete")

    def test_late_ones_stand_on_the_home_page(self, court, desk, officer):
        registered(court, officer)
        late = registered(
            court, officer, letter_number="7", rule_code="ACCESS", due_on=None,
            letter_date=timezone.localdate() - timedelta(days=30), received_at=timezone.now() - timedelta(days=30),
        )  # fmt: skip
        home = desk.get("/admin/").content.decode()
        assert "Demands from outside: the term is over" in home
        listed = desk.get(reverse("admin:transfers_inbounddemand_changelist") + "?term=overdue").content.decode()
        assert str(late) in listed and "118/2026" not in listed

    @pytest.mark.parametrize("role", ["operator", "auditor", "administrator", "dpo"])
    def test_other_roles_register_and_open_nothing(self, court, officer, member, role):  # noqa: F811
        row = registered(court, officer, content=PDF)
        desk = Client()
        desk.force_login(member(role, username="other"))
        assert desk.post(reverse("admin:transfers_inbounddemand_add"), self.form(court)).status_code == 403
        assert desk.post(reverse("admin:transfers_demand_answer", args=[row.pk])).status_code == 403
        if role != "dpo":  # who approves reads the letter
            assert desk.post(reverse("admin:transfers_demand_file", args=[row.pk])).status_code == 403
        assert not AccessRecord.objects.filter(reason=demands.OPENED).exists() or role == "dpo"
        assert InboundDemand.objects.count() == 1

    def test_the_list_costs_the_same_for_many(self, court, desk, officer, django_assert_max_num_queries):
        for number in range(6):
            registered(court, officer, letter_number=str(number))
        with django_assert_max_num_queries(11):
            desk.get(reverse("admin:transfers_inbounddemand_changelist"))
