"""Each of 50 customers asks for what is the other 49's, by id, UUID, form field, filter, hidden input: no hit (Show 2).

What stands in an answer is looked at: references, public ids and values of the others. What was written is looked at
too: nothing of the others may change.
"""

import io
import uuid
import zipfile
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone
from django.utils.html import escape

from audit.actor import acting_as
from consent import ledger, signing
from consent.enums import Channel, Trust
from consent.ledger import Proof
from consent.models import ConsentEvent, FormServed, NoticeServed
from policies.models import PolicyVersion
from staff.models import Operator
from subjects import own_denials, registers, request_files, sign_in, step_up, subject_file, vault
from subjects.models import CabinetSession, DataSubject, SignInCode, SubjectRequest
from tests.consent.factories import form, version
from tests.policies.factories import published_version
from tests.subjects.asked import answer, ask
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory, named
from tests.subjects.restraints import author, deny, second
from tests.test_url_matrix import routes

pytestmark = pytest.mark.django_db
PROOF = Proof(Channel.WEB, Trust.SUBJECT_CODE)
# names under which a page might be told of somebody else's row
NAMES = ("id", "pk", "subject", "subject_id", "subject__exact", "public_id", "ref", "reference", "for", "session", "q")

MARKS = ("uuid", "reference", "value", "receipt", "session", "denial", "request", "file", "number")

# a page that speaks of nobody, and a program for anybody
OPEN = ("/cabinet/not-me/", "/cabinet/receipts/verify_receipt.py")
# downloads that take no argument: whoever asks gets their own, whatever they name
OWN = tuple(f"/cabinet/file/subject-file.{ending}" for ending in subject_file.FORMATS)


def belongings(person: DataSubject, number: int) -> dict[str, str]:
    """{what: by what somebody else might name it} of everything a person has."""
    notice = NoticeServed.objects.get(subject=person)
    served = FormServed.objects.filter(subject=person).latest("pk")
    event = ConsentEvent.objects.get(subject=person)
    session = CabinetSession.objects.filter(subject=person).latest("pk")
    code = SignInCode.objects.filter(subject=person, use="contact").latest("pk")
    asked = SubjectRequest.objects.get(subject=person)
    return {
        "id": str(person.pk), "uuid": str(person.public_id), "reference": str(person), "value": secret_of(number),
        "notice": str(notice.pk), "served": str(served.pk), "event": str(event.pk), "receipt": str(event.public_id),
        "denial": str(own_denials.of(person)[0].handle), "request": str(asked.public_id),
        "file": str(asked.files.get().public_id), "number": str(asked),
        "session": str(session.public_id), "handle": str(code.handle), "value_id": str(person.values.first().pk),
    }  # fmt: skip


def secret_of(number: int) -> str:
    """What stands in one person's record alone."""
    return f"Тегі{number:03d}жоқ"


def cabinet_paths() -> list[str]:
    """Every address of the cabinet that takes no argument."""
    return sorted(
        "/" + route for _name, route in routes(get_resolver()) if route.startswith("cabinet/") and "<" not in route
    )


@pytest.fixture
def crowd(size, telephone):
    Operator.objects.create(name_kk="Айқын", name_ru="Айкын", email="office@example.kz")
    registers.load()
    with acting_as("command:load_registers@test"):
        registers.load_clock()
    advert = version(form("C8"))
    people = [named(DataSubjectFactory(), last=secret_of(n)) for n in range(size(50, least=4))]
    policy = published_version(significant=True)
    signing.ensure_key()
    by, then = author(), second()
    for person in people:
        deny(person, by=by, then=then)
        with acting_as(f"subject:{person.public_id}"):
            NoticeServed.objects.create(subject=person, version=policy, language="kk", sha256="0" * 64)
            shown = ledger.serve(subject=person, version=advert, language="kk")
            ledger.give(served=shown.served, expected_version=advert.number, proof=PROOF)
            ledger.serve(subject=person, version=advert, language="kk")
            sign_in.ask_known(
                subject=person, use="contact", channel="email", address="203.0.113.7", sealed_address=b"x"
            )
            row = ask(person)
            request_files.attach(request=row, kind="evidence", content=b"%PDF-1.7 %%EOF")
        answer(row, by=by)
        CabinetSession.objects.create(subject=person)
    return people


def state_of_everything() -> list[tuple]:
    """Digests of the tables that a customer's act could change; when a session was last used is anybody's own."""
    tables = (
        "subjects_datasubject", "subjects_personaldata", "subjects_cabinetsession", "consent_consentevent",
        "consent_consentstate", "consent_acknowledgement", "subjects_searchkey", "subjects_denialdispute",
        "subjects_subjectrequest", "subjects_requestfile",
    )  # fmt: skip
    found = []
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT md5(string_agg(r, '|' ORDER BY r)) FROM {table} t, text(to_jsonb(t) - 'seen_at') r")
            found.append((table, *cursor.fetchone()))
    return found


def named_doors(theirs: dict[str, str], policy: PolicyVersion) -> list[tuple[str, str, dict[str, Any]]]:
    """(method, path, what goes with it): every door that takes the name of a row."""
    asked = f"/cabinet/requests/{theirs['request']}/"
    return [
        ("get", f"/cabinet/receipts/{theirs['receipt']}.json", {}),
        ("get", f"/cabinet/receipts/{theirs['receipt']}.pdf", {}),
        ("post", "/cabinet/consents/C8/answer/", {"served": theirs["served"], "version": "1", "answer": "refuse"}),
        ("get", f"/cabinet/denylist/{theirs['denial']}/", {}),
        ("post", f"/cabinet/denylist/{theirs['denial']}/", {"statement": "…"}),
        ("post", "/cabinet/sessions/end/", {"session": theirs["session"]}),
        ("post", "/cabinet/represent/", {"for": theirs["uuid"]}),
        ("post", "/cabinet/contacts/code/", {"code": "123456", "handle": theirs["handle"]}),
        (
            "post",
            f"/cabinet/policy/{policy.policy.code}/answer/",
            {"served": theirs["notice"], "version": str(policy.number), "answer": "read"},
        ),
        ("get", "/cabinet/consents/C8/", {"about": theirs["uuid"]}),
        ("get", "/cabinet/received/", {"before": theirs["id"]}),
        ("get", asked, {}),
        ("get", f"{asked}answer/", {}),
        ("get", f"{asked}answer.pdf", {}),
        ("get", f"{asked}files/{theirs['file']}/", {}),
        ("post", f"{asked}attach/", {"file": SimpleUploadedFile("x.pdf", b"%PDF-1.7 of another %%EOF")}),
        ("get", "/cabinet/requests/new/", {"kind": "complaint", "about": theirs["request"]}),
        ("post", "/cabinet/requests/new/", {"kind": "complaint", "about": theirs["request"]}),
    ]


def pages_for_all(theirs: dict[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """The same of every page that takes none, and might all the same."""
    found = []
    for n, name in enumerate(NAMES):
        given = [theirs["id"], theirs["uuid"], theirs["reference"]][n % 3]
        found.append(("get", "/cabinet/data/", {name: given}))
        found.append(("get", "/cabinet/looked/", {name: given}))
        found.append(("get", "/cabinet/letters/", {name: given}))
    everything = dict.fromkeys(NAMES, theirs["uuid"])
    found += [("get", path, everything) for path in cabinet_paths() if path not in OPEN]
    return found


def unpacked(content: bytes) -> list[bytes]:
    """The content; of an archive what is in it, however deep."""
    if not content.startswith(b"PK"):
        return [content]
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return [part for name in packed.namelist() for part in unpacked(packed.read(name))]


def is_own_file(me: DataSubject, answer: HttpResponse) -> bool:
    """Whether it is the file of who asked, to the last byte of its paper: there no mark of others can be looked for."""
    if f'filename="subject-file-{me}-' not in answer["Content-Disposition"]:
        return False
    parts = unpacked(answer.content)
    papers = [part for part in parts if part.startswith(b"%PDF")]
    if papers != parts and not any(str(me).encode() in part for part in parts):
        return False
    me = DataSubject.objects.get(pk=me.pk)
    with acting_as(f"subject:{me.public_id}"):  # anybody else's look at it would stand in it
        values = vault.own_values(subject=me, page="file")
    file = subject_file.read(me, "en", values=values)
    # the paper says the minute it was made at: this one, or the one that has just passed
    moments = [timezone.now(), timezone.now() - timedelta(minutes=1)]
    expected = [subject_file.as_pdf(replace(file, made_at=moment)) for moment in moments] if papers else []
    return all(paper in expected for paper in papers)


@pytest.mark.prove
def test_nobody_reaches_what_is_somebody_elses(crowd):
    policy = PolicyVersion.objects.latest("number")
    things = {person.pk: belongings(person, n) for n, person in enumerate(crowd)}
    seats = {person.pk: inside(person, "en") for person in crowd}
    before, asked, own_files, hits = state_of_everything(), 0, 0, []
    for me in crowd:
        client = seats[me.pk]
        # fifty take longer than a fresh code lasts
        session = SessionStore(client.cookies[settings.CABINET_COOKIE_NAME].value)
        step_up.note(session)
        session.save()
        # each tries one of the others in full, and every other one by the doors that take a name
        for distance, other in enumerate(crowd):
            if other == me:
                continue
            theirs = things[other.pk]
            marks = [theirs[name].encode() for name in MARKS]
            in_full = distance == (crowd.index(me) + 1) % len(crowd)
            for method, path, given in named_doors(theirs, policy) + (pages_for_all(theirs) if in_full else []):
                got = getattr(client, method)(path, given)
                asked += 1
                # what one typed oneself comes back in the language switch: the address of the page
                text = got.content.replace(escape(got.wsgi_request.get_full_path()).encode(), b"")
                shown = [mark for mark in marks if any(mark in part for part in unpacked(text))]
                # a download at all is a hit, unless it is everybody's own file
                taken = got.get("Content-Disposition") and not (path in OWN and is_own_file(me, got))
                own_files += path in OWN and got.status_code == 200
                if got.status_code >= 500 or shown or taken:
                    hits.append((str(me), str(other), method, path, got.status_code, shown))
    print(f"\n{len(crowd)} customers, {asked} tries at what is another's: {len(hits)} hits")
    assert hits == [], "\n" + "\n".join(map(str, hits))
    assert own_files == len(OWN) * len(crowd)
    assert asked >= 18 * len(crowd) * (len(crowd) - 1)
    assert [row for row in state_of_everything() if row not in before] == []


def test_a_guessed_uuid_is_answered_as_somebody_elses(crowd):
    me, other = crowd[0], crowd[1]
    client = inside(me, "en")
    theirs = client.get(f"/cabinet/receipts/{ConsentEvent.objects.get(subject=other).public_id}.json")
    nobodys = client.get(f"/cabinet/receipts/{uuid.uuid4()}.json")
    assert theirs.status_code == nobodys.status_code == 404
    assert Client().get("/cabinet/data/").url == "/cabinet/sign-in/"
