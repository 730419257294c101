"""A monitored person is told what an unmonitored one is, byte for byte (DESIGN 4; law 191-IV): the cabinet, letters, the
API, what requests do and what they are answered. A coded refusal would itself be the tip."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from difflib import ndiff
from html import unescape

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver, reverse
from django.utils import timezone, translation

from audit.actor import acting_as
from consent import registers as consent_registers
from notifications.models import Letter
from notifications.ports import KINDS
from subjects import (
    deadlines,
    decisions,
    denylist,
    holds,
    own_denials,
    registers,
    request_answers,
    request_targets,
    request_timeline,
    request_words,
    subject_file,
    vault,
)
from subjects import request_services as services
from subjects.enums import Disclosure
from subjects.models import AutomatedDecision, DataSubject, LegalHold, PersonalData, SourceSystem, SubjectRequest
from subjects.requests import RequestKind
from tests.consent.system import client_and_key
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory
from tests.subjects.restraints import author, deny, monitor, second
from tests.subjects.test_requests import APPROVES, HANDLES

pytestmark = pytest.mark.django_db
# what is new in every answer: the token of a form, the moment a system asked, the number of what was not found
NEW = re.compile(r'name="csrfmiddlewaretoken" value="[^"]*"|"at": "[^"]*"|<code>[0-9a-f]{16}</code>')
# what is another one for each of two persons who are told the same: seconds apart, and a digest of their own paper
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[0-9:]+\+\d\d:\d\d|\b\d\d?:\d\d\b")
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


@pytest.fixture(autouse=True)
def loaded(db):
    with acting_as("command:load_registers@test"):
        registers.load()
        registers.load_clock()
        consent_registers.load()


@pytest.fixture
def officer(db):
    return permit(StaffUserFactory(), *HANDLES, "subjects.review_automateddecision")


@pytest.fixture
def other(db):
    return permit(StaffUserFactory(), *APPROVES)


@pytest.fixture
def one_moment(monkeypatch):
    """Every subject file is made at one and the same moment: then the same file is the same bytes."""
    read, moment = subject_file.read, timezone.now()
    monkeypatch.setattr(subject_file, "read", lambda *given, **how: replace(read(*given, **how), made_at=moment))


def plain(response) -> tuple[int, str]:
    try:
        text = response.content.decode()
    except UnicodeDecodeError:  # a paper or an archive
        return response.status_code, hashlib.sha256(response.content).hexdigest()
    return response.status_code, NEW.sub("", unescape(text))


def pages(person: DataSubject, rows: list[SubjectRequest], session: str) -> dict[str, tuple[int, str]]:
    """Every page of the cabinet that needs no argument, those of the person's requests and of their entries of the
    denylist, and what a word against each is answered; nothing of it stays. With a page its number of queries.

    session: the cookie of theirs, in which all of it is read.
    """
    names = [
        f"{space}:{pattern.name}"
        for space in ("cabinet", "consent", "transfers")
        for pattern in get_resolver().namespace_dict[space][1].url_patterns
        if "<" not in str(pattern.pattern) and pattern.name not in ("sign-in", "code", "sign-out")
    ]
    addresses = [reverse(name) for name in names]
    addresses += [
        reverse(f"cabinet:{name}", args=[row.public_id])
        for row in rows
        for name in ("request", "request-answer", "request-pdf")
    ]
    addresses.append(reverse("cabinet:request-new") + "?" + "&".join(f"kind={kind}" for kind in RequestKind.values))
    denials = [reverse("cabinet:denial", args=[own.handle]) for own in own_denials.of(person)]
    addresses += denials
    found = {}
    for method, address in [*(("get", address) for address in addresses), *(("post", address) for address in denials)]:
        with transaction.atomic():
            client = Client(headers={"accept-language": "ru"})
            client.cookies[settings.CABINET_COOKIE_NAME] = session
            with CaptureQueriesContext(connection) as queries:
                status, text = plain(getattr(client, method)(address))
            counted = f"{text}\n{len(queries)} queries" if address in (*denials, reverse("cabinet:data")) else text
            found[address if method == "get" else f"post {address}"] = status, counted
            transaction.set_rollback(True)
    return found


def told(person: DataSubject, key: str) -> dict[str, object]:
    """What systems and letters say of the person."""
    client, head = Client(), {"authorization": f"Bearer {key}", "accept-language": "ru"}
    answers = {
        place: plain(client.get(f"/api/v1/subjects/{person}/{place}", headers=head))
        for place in ("requests", "denylist", "consents", "grounds")
    }
    letters = [
        (
            letter.kind,
            letter.cause,
            letter.language,
            json.dumps(KINDS[letter.kind].context(letter.cause, "ru"), default=str),
        )
        for letter in Letter.objects.filter(subject=person).order_by("pk")
    ]
    file = subject_file.as_data(subject_file.read(person, "ru")) | {"made_at": ""}
    return {**answers, "letters": letters, "file": file}


def test_everything_a_person_can_look_at_stays_the_same_when_they_are_monitored(officer, other, one_moment):
    person, key = DataSubjectFactory(iin="850314390019"), client_and_key("site")[1]
    rows = [brought(person, kind, officer, other) for kind in ("access", "confirm")]
    rows.append(services.register(subject=person, kinds=["complaint"], channel="cabinet", language="ru", text="…"))
    by, then = author(), second()
    deny(person, by=by, then=then)
    denylist.dispute(entry=deny(person, by=by, then=then, kind="abuse"), statement="…")
    session = inside(person, "ru").cookies[settings.CABINET_COOKIE_NAME].value
    before = pages(person, rows, session), told(person, key)
    closed = {address: status for address, (status, _text) in before[0].items() if status not in (200, 404)}
    # what only takes something that is posted, a page that waits for a code, and what a word against an entry is told
    denials = [reverse("cabinet:denial", args=[own.handle]) for own in own_denials.of(person)]
    assert closed == {
        f"post {denials[0]}": 302,
        f"post {denials[1]}": 409,
        reverse("cabinet:enter"): 302,
        reverse("cabinet:contact-code"): 302,
        reverse("cabinet:end-session"): 405,
    }
    assert len(before[0]) >= 12

    monitor(person, by=by, then=then)
    vault.store(subject=person, category="employer", parts={"value": "Банк"}, source="api")
    PersonalData.objects.filter(subject=person, category__code="employer").update(disclosure=Disclosure.WITHHELD)
    with as_officer(officer):
        quiet = services.register(
            subject=person, kinds=["confirm"], channel="authority", language="ru", by=officer, disclosure="withheld"
        )
        services.identify(request=quiet, identity="authority", by=officer)
        services.take_up(request=quiet, by=officer)
        services.decide(request=quiet, by=officer)
        services.answer(request=quiet, by=officer, text="Подтверждаем органу.")
        request_words.read(request=quiet, by=officer)
    after = pages(person, rows, session), told(person, key)
    changed = {
        address: [line for line in ndiff(page[1].splitlines(), after[0][address][1].splitlines()) if line[0] in "+-"]
        for address, page in before[0].items()
        if page != after[0][address]
    }
    assert changed == {}
    assert after == before
    assert inside(person).get(reverse("cabinet:request", args=[quiet.public_id])).status_code == 404


def brought(person: DataSubject, kind: str, officer, other) -> SubjectRequest:
    """A request of this kind, all the way to its answer, in the proposed words."""
    given = {"object": {"target": "marketing"}, "correct": {"text": "Фамилия с ошибкой"}}.get(kind, {})
    received = timezone.now() - timedelta(minutes=1)
    row = services.register(
        subject=person, kinds=[kind], channel="cabinet", language="ru", received_at=received, **given
    )
    with as_officer(officer):
        services.take_up(request=row, by=officer)
        row = services.decide(request=row, by=officer)
    if row.waits_for_second:
        with as_officer(other):
            row = services.approve(request=row, by=other)
    with as_officer(officer):
        for decision in request_targets.to_look_at_again(row):
            decisions.review(decision=decision, outcome="upheld", by=officer)
        for item in row.items.filter(done_at=None):
            services.finish_item(item=item, by=officer)
        return services.answer(request=row, by=officer, text=request_answers.proposed(row))


def outcome(row: SubjectRequest) -> dict[str, object]:
    """Everything a request of the person led to that they, or a system, can ever see."""
    with translation.override("ru"):
        timeline = [(item.what, item.who, item.why) for item in request_timeline.for_person(row)]
        said = {
            "state": row.state, "refusal": row.refusal, "timeline": timeline,
            "answer": request_words.own_answer(request=row),
            "plan": list(row.plan.values_list("category__code", "count", "rule", "until", "held")),
            "items": list(row.items.order_by("kind", "system").values_list("kind", "system__code")),
            "clocks": list(deadlines.of(row.about).values_list("rule__code", "due_at__date").order_by("rule__code")),
            "letters": list(Letter.objects.filter(subject=row.subject).order_by("pk").values_list("kind", "language")),
            "standing": DataSubject.objects.get(pk=row.subject_id).standing,
        }  # fmt: skip
    files = list(row.files.order_by("pk"))
    for number, file in enumerate(files):
        assert f"{row}-{file.pk}: {file.sha256}" in said["answer"]
        said["answer"] = said["answer"].replace(f"{row}-{file.pk}: {file.sha256}", f"file {number}")
    said["files"] = [(file.kind, file.media_type) for file in files]
    # what the paper says that came with the answer; the bytes of each name the person
    said["file"] = DIGEST.sub("…", MOMENT.sub("…", json.dumps(in_file(row.subject), ensure_ascii=False)))
    # a number is the next one whoever asks: of the two persons each has another
    text = json.dumps(said, default=str, ensure_ascii=False)
    return json.loads(text.replace(str(row), "R").replace(str(row.subject), "S"))


def in_file(person: DataSubject) -> dict[str, object]:
    """Everything the subject file says, but for how long each paper is."""
    found = subject_file.as_data(subject_file.read(person, "ru"))["sections"]
    for row in found["request_files"]["rows"]:
        del row["size"]
    return found


def compared(kind: str, quietly: Callable[[DataSubject], object], officer, other) -> list[dict[str, object]]:
    """What the same request leads to of a person to whom something was done quietly, and of one who is free."""
    SourceSystem.objects.create(code="crm", title_ru="CRM", title_kk="CRM")
    watched, free = DataSubjectFactory(iin="850314390019"), DataSubjectFactory(iin="921130490023")
    for number, person in enumerate((watched, free)):
        vault.store(subject=person, category="employer", parts={"value": "Айқын"}, source="form")
        AutomatedDecision.objects.create(
            subject=person, client="loans", number=str(number), kind="credit", outcome="refused", categories=[],
            occurred_at=timezone.now() - timedelta(days=2),
        )  # fmt: skip
    quietly(watched)
    return [outcome(brought(person, kind, officer, other)) for person in (watched, free)]


@pytest.mark.parametrize("kind", RequestKind.values)
def test_a_request_of_a_monitored_person_is_granted_and_answered_like_any_other(kind, officer, other):
    results = compared(kind, lambda person: monitor(person, by=author(), then=second()), officer, other)
    assert denylist.AmlEntry.objects.in_force().count() == 1
    assert results[0] == results[1]
    assert results[0]["state"] == "RequestFulfilled"


@pytest.mark.parametrize("kind", ["destroy", "access", "complaint"])
def test_a_check_that_may_be_secret_is_told_to_nobody_whom_it_is_about(kind, officer, other):
    def hold(person: DataSubject) -> None:
        with as_officer(permit(StaffUserFactory(), "subjects.add_legalhold")) as by:
            holds.place(subject=person, kind="authority", case_number="5", body="Орган", by=by)

    results = compared(kind, hold, officer, other)
    held = LegalHold.objects.get().subject_id
    assert holds.held([held]) == {held}
    assert results[0] == results[1]
    assert results[0]["state"] == "RequestFulfilled"
