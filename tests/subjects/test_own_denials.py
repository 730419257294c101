"""A person reads in their cabinet that they are denied a microcredit, says that it is not true, and is answered."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.actor import acting_as
from notifications import delivery
from notifications.models import Letter
from staff import opening
from staff.enums import Role
from staff.models import Operator, StaffUser
from subjects import (
    deadlines,
    denylist,
    duplicates,
    own_denials,
    registers,
    relations,
    request_letters,
    request_queues,
    subject_file,
)
from subjects.models import DataSubject, Deadline, DenialDispute, DenylistEntry
from tests.staff.conftest import member, sink  # noqa: F401
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.cabinet import inside
from tests.subjects.codes import sent_code
from tests.subjects.factories import DataSubjectFactory
from tests.subjects.restraints import author, deny, monitor, second, soon

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(db):
    with acting_as("command:load_registers@test"):
        registers.load_clock()


@pytest.fixture
def person(telephone) -> DataSubject:
    return DataSubjectFactory(email="aigerim@example.kz", phone="+77012345678", language="ru")


@pytest.fixture
def entry(person) -> DenylistEntry:
    return deny(person, by=author(), then=second(), note="Сканы подделаны")


def place(person: DataSubject, entry: DenylistEntry) -> str:
    """Where the entry stands in this person's cabinet."""
    (own,) = [own for own in own_denials.of(person) if own.entry == entry]
    return f"/cabinet/denylist/{own.handle}/"


def judge(*rights: str):
    return permit(StaffUserFactory(), "subjects.decide_denialdispute", *rights)


def decide(entry: DenylistEntry, outcome: str) -> None:
    by = judge()
    with as_officer(by):
        denylist.decide_dispute(dispute=entry.disputes.get(decided_at=None), outcome=outcome, by=by)


def close(entry: DenylistEntry) -> None:
    """Two officers close it, whatever was said."""
    by, then = author(), second()
    entry.refresh_from_db()
    if entry.closing_proposed_by is None:
        with as_officer(by):
            opening.propose_closing(entry, by=by)
    with as_officer(then):
        opening.approve_closing(entry, by=then)


def shown(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return answer.content.decode()


# what stands there


@pytest.mark.parametrize(("language", "kind"), [("kk", "Алаяқтық"), ("ru", "Мошенничество"), ("en", "Fraud")])
def test_my_data_says_what_stands_since_when_and_until_which_review(person, entry, language, kind):
    page = shown(inside(person, language), "/cabinet/data/")
    assert kind in page
    assert f'href="{place(person, entry)}"' in page
    days = re.findall(r'<time datetime="([\d-]+)">', page.partition('id="denials"')[2])
    assert days == [str(timezone.localdate()), str(soon())]
    for text in (page, shown(inside(person, language), place(person, entry))):
        assert "Сканы подделаны" not in text, "the note is for officers"
        assert "colleague" not in text, "no officer is named"
        assert "<script" not in text


def test_whom_no_list_names_reads_of_none(person):
    other = DataSubjectFactory()
    deny(other, by=author(), then=second())
    assert "denials" not in shown(inside(person, "en"), "/cabinet/data/")
    with as_officer(author()) as by:
        denylist.propose(subject=person, kind="abuse", reason="threats", origin="ourselves", review_on=soon(), by=by)
    assert "denials" not in shown(inside(person, "en"), "/cabinet/data/"), "a proposal counts for nothing yet"


def test_however_many_entries_the_page_costs_the_same_and_monitoring_none(person, entry, django_assert_num_queries):
    by, then, client, free = author(), second(), inside(person), DataSubjectFactory()
    with django_assert_num_queries(2):
        assert own_denials.of(free) == []
    with django_assert_num_queries(3):
        own_denials.of(person)
    client.get("/cabinet/data/")
    counts = []
    for more in ((), ("abuse", "refused"), ("monitored",)):
        for kind in more:
            if kind == "monitored":
                monitor(person, by=by, then=then)
            else:
                denylist.dispute(entry=deny(person, by=by, then=then, kind=kind))
        with CaptureQueriesContext(connection) as queries:
            client.get("/cabinet/data/")
        with django_assert_num_queries(3):
            own_denials.of(person)
        counts.append(len(queries))
    assert len(set(counts)) == 1


# "this is not true"


def test_who_says_it_is_asked_a_code_and_told_what_happens_then(person, entry):
    client, path = inside(person, "en", fresh=False), place(person, entry)
    assert "Fraud" not in shown(client, path)
    client.post(path, {"statement": "Это не я, 850314390019", "_step": "send", "_wanted": "post", "_channel": "sms"})
    assert not DenialDispute.objects.exists(), "not before the code"
    asked = client.post(path, {"statement": "Это не я, 850314390019", "_step": "check", "confirm-code": "000000"})
    assert (asked.status_code, "850314390019" in asked.content.decode()) == (422, True)
    answer = client.post(
        path, {"statement": "Это не я, 850314390019", "_step": "check", "_wanted": "post", "confirm-code": sent_code()}
    )
    assert answer.url == f"{path}?done=1"
    row = DenialDispute.objects.get()
    assert row.entry == entry
    assert b"850314390019" not in bytes(row.sealed_statement)
    assert DenialDispute.history.get(id=row.pk).actor == f"subject:{person.public_id}"
    page = shown(client, answer.url)
    for said in ("We have it", "An officer who did not put you on the list decides", "You get a letter"):
        assert said in page
    assert "<textarea" not in page
    reader = permit(StaffUserFactory(), "subjects.reveal_value", "subjects.view_denialdispute")
    with as_officer(reader):
        told = denylist.read_statement(dispute=row, by=reader, reason="check")
    assert told == {"value": "Это не я, 850314390019"}


def test_it_may_be_said_without_a_word_and_not_in_a_book(person, entry):
    client, path = inside(person, "en"), place(person, entry)
    assert client.post(path, {"statement": "ы" * 4001}).status_code == 422
    assert not DenialDispute.objects.exists()
    assert client.post(path, {}).status_code == 302
    assert DenialDispute.objects.get().sealed_statement is None


def test_said_twice_it_is_one_dispute_and_the_second_says_so(person, entry):
    client, path = inside(person, "en"), place(person, entry)
    client.post(path, {"statement": "…"})
    again = client.post(path, {"statement": "…"})
    assert again.status_code == 409
    assert "A dispute about this entry is open already." in again.content.decode()
    assert DenialDispute.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_button_pressed_five_times_at_once_is_one_dispute_and_four_sentences(person, entry):
    path, browsers = place(person, entry), [inside(person, "en") for _ in range(5)]

    def press(client: Client) -> tuple[int, bool]:
        try:
            answer = client.post(path, {"statement": "…"})
            return answer.status_code, "What happens then" in answer.content.decode()
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(press, browsers)) == [(302, False)] + [(409, True)] * 4
    assert DenialDispute.objects.count() == 1


def test_an_entry_that_was_closed_while_the_page_was_open_says_so(person, entry):
    client, path = inside(person, "en"), place(person, entry)
    close(entry)
    late = client.post(path, {"statement": "…"})
    assert late.status_code == 409
    assert "Only an entry in force is disputed." in late.content.decode()
    assert "not in force any more" in shown(client, path)
    assert not DenialDispute.objects.exists()
    assert "denials" not in shown(client, "/cabinet/data/"), "what is over and was never disputed is in the file"


def test_somebody_elses_entry_is_not_there(person, entry):
    client, stranger = inside(person), DataSubjectFactory()
    path = place(stranger, deny(stranger, by=author(), then=second()))
    guessed = "/cabinet/denylist/00000000-0000-4000-8000-000000000000/"
    for there in (path, guessed):
        assert client.get(there).status_code == client.post(there, {"statement": "…"}).status_code == 404
    assert not DenialDispute.objects.exists()


def test_a_person_known_twice_disputes_entries_of_both_files_until_they_are_two_again(person, entry):
    following = DataSubjectFactory(email=None)
    other = deny(following, by=author(), then=second())
    link = duplicates.unite(leading=person, following=following)
    client = inside(person, "en")
    page = shown(client, "/cabinet/data/")
    paths = [place(person, entry), place(person, other)]
    assert all(path in page for path in paths)
    assert client.post(paths[1], {"statement": "…"}).status_code == 302
    assert (other.disputes.count(), entry.disputes.count()) == (1, 0)
    decide(other, "upheld")
    assert Letter.objects.get(kind="answer_waits").subject == person, "who comes in by this file"
    relations.unlink(row=link, by=permit(StaffUserFactory(), "subjects.change_personlink"))
    assert client.get(paths[1]).status_code == 404


def test_a_parent_reads_it_and_does_not_say_it_in_the_childs_name(person):
    child = DataSubjectFactory(standing="minor")
    path = place(child, deny(child, by=author(), then=second()))
    with as_officer(author()) as by:
        relations.authorise(
            subject=child, representative=person, basis="parent", acts=["know"],
            document_kind="birth_certificate", last_four="1234", by=by,
        )  # fmt: skip
    client = inside(person, "en")
    client.post("/cabinet/represent/", {"for": str(child.public_id)})
    page = shown(client, "/cabinet/data/")
    assert ("Fraud" in page, path in page) == (True, False)
    assert client.post(path, {"statement": "…"}).url == "/cabinet/represent/?elsewhere=1"
    assert not DenialDispute.objects.exists()


# what becomes of it


def test_whoever_answers_for_the_data_takes_the_persons_side_and_a_second_officer_closes_it(person, entry, member):  # noqa: F811
    client, path, dpo, officer = inside(person, "en"), place(person, entry), Client(), Client()
    desk = f"/admin/subjects/denylistentry/{entry.pk}/"
    officer.force_login(member(Role.OFFICER))
    assert f"{desk}dispute/" in shown(officer, f"{desk}change/")
    client.post(path, {"statement": "…"})
    dpo.force_login(member(Role.DPO))
    step = f"/admin/subjects/denialdispute/{entry.disputes.get().pk}/step/remove/"
    assert dpo.post(step).status_code == 302
    assert entry.disputes.get().outcome == "removed", "the role that decides may decide so"
    page = shown(client, path)
    assert "A second officer has yet to confirm" in page
    assert client.post(path, {}).status_code == 409
    assert "second officer" in client.post(path, {}).content.decode()
    assert f"{desk}dispute/" not in shown(officer, f"{desk}change/")
    close(entry)
    assert "not in force any more" in shown(client, path)
    page = shown(client, "/cabinet/data/")
    assert (path in page, "not in force any more" in page) == (True, True), "the answer the letter spoke of is there"


def test_an_entry_that_stays_is_said_to_stay_and_may_be_disputed_anew(person, entry):
    client, path = inside(person, "en"), place(person, entry)
    client.post(path, {"statement": "…"})
    decide(entry, "upheld")
    page = shown(client, path)
    for said in ("the entry stays", "to the authorised body, or to a court", "kind=complaint", "<textarea"):
        assert said in page
    assert client.post(path, {"statement": "Вот справка"}).status_code == 302
    assert entry.disputes.count() == 2


def test_an_entry_that_a_second_officer_did_not_close_is_not_said_to_go(person, entry, member):  # noqa: F811
    client, path = inside(person, "en"), place(person, entry)
    client.post(path, {"statement": "…"})
    decide(entry, "removed")
    entry.refresh_from_db()
    assert Letter.objects.filter(kind="answer_waits").count() == 1
    before = timezone.now()
    colleague = Client()
    colleague.force_login(member(Role.DPO))
    assert colleague.post(f"/admin/subjects/denylistentry/{entry.pk}/step/keep/").status_code == 302
    assert Letter.objects.filter(kind="answer_waits", subject=person).count() == 2, (
        "what was said first is no more true"
    )
    page = shown(client, path)
    assert ("the entry stays" in page, "to be closed" in page) == (True, False)
    for at, said, unsaid in ((None, "the entry stays", "to be closed"), (before, "to be closed", "the entry stays")):
        file = subject_file.as_json(subject_file.read(person, "en", at=at))
        assert said in file and unsaid not in file, "the file says what the page does"
    assert client.post(path, {"statement": "…"}).status_code == 302


def test_an_end_that_nobody_was_told_of_writes_no_letter_when_it_is_declined(person, entry):
    denylist.dispute(entry=entry)
    decide(entry, "upheld")
    by, then = author(), second()
    with as_officer(by):
        opening.propose_closing(entry, by=by)
    entry.refresh_from_db()
    with as_officer(then):
        denylist.keep(entry=entry, by=then)
    assert Letter.objects.filter(kind="answer_waits").count() == 1


def test_the_term_of_the_answer_runs_is_seen_by_both_and_is_met_by_the_decision(person, entry, member):  # noqa: F811
    client, path, desk = inside(person, "en"), place(person, entry), Client(headers={"accept-language": "en"})
    client.post(path, {"statement": "…"})
    (term,) = deadlines.of(entry.disputes.get().about)
    assert (term.rule.code, term.met_at) == ("REFUSE", None)
    assert "Answer due:" in shown(client, path)
    desk.force_login(member(Role.OFFICER, language="en"))
    assert "working days left" in shown(desk, "/admin/subjects/denialdispute/")
    assert "term is over" not in shown(desk, "/admin/")
    Deadline.objects.filter(pk=term.pk).update(due_at=timezone.now() - timedelta(hours=1))
    home = shown(desk, "/admin/")
    assert "Disputes about the denylist whose term is over" in home
    assert request_letters.write_digests() >= 1
    decide(entry, "upheld")
    term.refresh_from_db()
    assert term.met_at is not None
    assert "Answer due:" not in shown(client, path)
    assert "working days left" not in shown(desk, "/admin/subjects/denialdispute/")


def test_what_is_to_be_closed_is_answered_when_a_second_officer_says_so(person, entry):
    for ending in ("keep", "close"):
        row = denylist.dispute(entry=entry)
        (term,) = deadlines.of(row.about)
        decide(entry, "removed")
        term.refresh_from_db()
        assert term.met_at is None, "it may stay all the same"
        entry.refresh_from_db()
        then = second()
        late = request_queues.late(denylist.unanswered_for(then), Deadline.objects.filter(pk=term.pk))
        assert list(late) == [row], "who may close it is warned"
        proposer = StaffUser.objects.get(pk=entry.closing_proposed_by_id)
        assert not denylist.unanswered_for(permit(proposer, "subjects.approve_denylistentry")).exists()
        with as_officer(then):
            getattr(denylist, ending)(entry=entry, by=then)
        term.refresh_from_db()
        assert term.met_at is not None


def test_kept_twice_the_person_is_told_twice(person, entry):
    denylist.dispute(entry=entry)
    decide(entry, "removed")
    for letters in (2, 3):
        entry.refresh_from_db()
        if entry.closing_proposed_by is None:
            with as_officer(author()) as by:
                opening.propose_closing(entry, by=by)
            entry.refresh_from_db()
        with as_officer(second()) as then:
            denylist.keep(entry=entry, by=then)
        assert Letter.objects.filter(kind="answer_waits").count() == letters


def test_no_second_entry_of_the_same_kind_takes_the_place_of_a_disputed_one(person, entry):
    with as_officer(author()) as by, pytest.raises(ValidationError) as caught:
        denylist.propose(subject=person, kind=entry.kind, reason="overdue", origin="bureau", review_on=soon(), by=by)
    assert "kind" in caught.value.error_dict


def test_what_an_officer_writes_down_runs_from_its_receipt(entry, member):  # noqa: F811
    desk = Client(headers={"accept-language": "en"})
    desk.force_login(member(Role.OFFICER, language="en"))
    place = f"/admin/subjects/denylistentry/{entry.pk}/dispute/"
    assert desk.post(place, {"received_at": "2050-01-01T10:00"}).status_code == 422
    received = timezone.localtime() - timedelta(days=2)
    assert desk.post(place, {"received_at": f"{received:%Y-%m-%dT%H:%M}"}).status_code == 302
    (term,) = deadlines.of(entry.disputes.get().about)
    assert timezone.localtime(term.started_at).date() == received.date()


def test_of_many_disputes_the_oldest_are_reached(entry, member):  # noqa: F811
    with acting_as("job:fixture"):
        for _ in range(55):
            row = denylist.dispute(entry=entry)
            decide(entry, "upheld")
    desk = Client(headers={"accept-language": "en"})
    desk.force_login(member(Role.OFFICER, language="en"))
    page = shown(desk, "/admin/subjects/denialdispute/")
    assert f"?before={row.pk - 49}" in page


@pytest.mark.parametrize("outcome", ["upheld", "removed"])
def test_the_letter_says_that_an_answer_waits_and_nothing_else(person, entry, outcome, sink):  # noqa: F811
    Operator.objects.create(name_kk="Айқын", name_ru="Айкын", email="office@example.kz")
    denylist.dispute(entry=entry)
    assert not Letter.objects.filter(kind="answer_waits").exists()
    decide(entry, outcome)
    delivery.deliver_due()
    (message,) = sink.messages()
    assert message["To"] == "aigerim@example.kz"
    assert message["Subject"] == "Для Вас готов ответ"
    text = message.get_body(("plain",)).get_content() + message.get_body(("html",)).get_content()
    assert "Мы рассмотрели то, что Вы нам сообщили" in text
    for secret in ("микрокредит", "спис", "спор", "мошен", "запис", str(person)):
        assert secret not in text.lower(), secret
    assert "{{" not in text
    listed = shown(inside(person, "en"), "/cabinet/letters/")
    assert "answer waits" in listed
    assert "denylist" not in listed and "dispute" not in listed
