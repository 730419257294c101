"""The race of issue 4 through the real web server and a real worker: nothing goes after a consent ended (shows 2)."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import HTTPConnection
from threading import Barrier
from time import sleep

import pytest
from django.db import connection
from django.utils import timezone

from audit.actor import acting_as
from consent.enums import ScopeKind
from consent.models import ConsentEvent, ConsentState
from notifications.doorbell import ring
from tests.consent.system import client_and_key
from tests.e2e.conftest import until
from tests.transfers.factories import world
from transfers.models import Release, Transfer

pytestmark = pytest.mark.prove
SHA = "a" * 64


class Desk:
    """One connection of a system to the web server."""

    def __init__(self, port: int, key: str) -> None:
        self.http = HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def post(self, path: str, body: dict) -> tuple[int, dict]:
        self.http.request("POST", f"/api/v1{path}", json.dumps(body), self.headers)
        answer = self.http.getresponse()
        return answer.status, json.loads(answer.read())


def advert():
    return world(kind="advertiser", code="ads", form="C9", scope_kind=ScopeKind.WHOLE, purpose="others_advertising")


def question(made) -> dict:
    return {
        "subject": made.person.reference,
        "recipient": made.recipient.code,
        "purpose": made.purpose.code,
        "categories": ["full_name", "iin"],
    }


def late(ended: list, given: list) -> list:
    """What was authorised or released outside every span of a standing consent."""
    spans = list(zip(given, ended, strict=True))
    acts = [t.at for t in Transfer.objects.filter(decision="allow")] + [r.at for r in Release.objects.all()]
    return [at for at in acts if not any(start <= at <= end for start, end in spans)]


def test_a_withdrawal_at_the_web_beats_every_sending(house, size):
    races, made = size(1000), advert()
    _client, key = client_and_key(per_minute=60_000)
    barrier, answers = Barrier(3), []

    def whole(act):
        desk = Desk(house.port, key)
        try:
            for n in range(races):
                if act is withdraw:
                    with acting_as("job:race"):
                        made.consents()
                barrier.wait(60)
                act(desk, n)
                barrier.wait(60)
        except BaseException:
            barrier.abort()
            raise
        finally:
            desk.http.close()
            connection.close()

    def withdraw(desk: Desk, n: int) -> None:
        sleep((n % 9) / 1000)
        status, _told = desk.post(f"/subjects/{made.person.reference}/withdrawals", {"form": "C9"})
        assert status in (200, 201), _told

    def send(desk: Desk, n: int) -> None:
        status, told = desk.post("/transfers", question(made))
        assert status == 200, told
        if told["token"]:
            status, told = desk.post(
                f"/transfers/{told['id']}/release", {"token": told["token"], "payload_sha256": SHA}
            )
            answers.append(told.get("code", "released"))
        else:
            answers.append(told["decision"])

    with house.web(), ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(whole, act) for act in (withdraw, send, send)]:
            done.result()
    events = list(ConsentEvent.objects.order_by("pk"))
    given = [e.at for e in events if e.kind == "given"]
    withdrawn = [e.at for e in events if e.kind == "withdrawn"]
    assert len(given) == len(withdrawn) == races
    assert late(withdrawn, given) == []
    told = {word: answers.count(word) for word in sorted(set(answers))}
    print(f"\n{races} races at the web: {told}, none late")
    assert set(told) <= {"released", "deny", "consent_ended"}
    assert told["released"]
    assert races < 500 or len(told) == 3


def test_a_term_that_a_worker_ends_beats_every_sending(house, size):
    races, made = max(3, size(1000) // 20), advert()
    _client, key = client_and_key(per_minute=60_000)
    released, term = 0, timedelta(milliseconds=120)
    with house.web(), house.worker():
        desk = Desk(house.port, key)
        desk.post("/transfers", question(made))  # the first answer of a server is the slowest
        for _n in range(races):
            before = released
            with acting_as("job:race"):
                made.consents(valid_until=timezone.now() + term)
            rang = False
            while True:
                _status, told = desk.post("/transfers", question(made))
                if not told["token"]:
                    break
                status, _told = desk.post(
                    f"/transfers/{told['id']}/release", {"token": told["token"], "payload_sha256": SHA}
                )
                released += status == 200
                if not rang:
                    rang = True
                    with acting_as("job:race"):
                        ring("consent.keep_terms")
            ring("consent.keep_terms")
            until(
                lambda: ConsentState.objects.get(subject=made.person).state == "expired",
                seconds=10,
                what="the worker ended the term",
            )
            if released == before:  # a busy machine: nothing was quick enough to be raced against
                term *= 2
    events = list(ConsentEvent.objects.order_by("pk"))
    given = [e.at for e in events if e.kind == "given"]
    ended = [e.occurred_at for e in events if e.kind == "expired"]
    assert len(given) == len(ended) == races
    assert {e.actor for e in events if e.kind == "expired"} == {"job:consents"}
    assert late(ended, given) == []
    print(f"\n{races} terms ended by a worker: {released} released before, none after")
    assert released
