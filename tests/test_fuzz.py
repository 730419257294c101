"""Junk into every form and every endpoint: a sentence and a status, never a 5xx, nothing half-written (DESIGN 8).

Forms are found by walking the URL conf as each actor and reading the pages; endpoints by the OpenAPI document, which
`tests/config/test_openapi.py` also asks through schemathesis. Every input is taken back after it was judged.
"""

import os
import random
import time
from http.cookies import SimpleCookie
from urllib.parse import urljoin, urlsplit

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.actor import acting_as
from config.api import api
from staff import opening
from subjects import request_services as services
from subjects.admin.request_steps import STEPS as REQUEST_STEPS
from subjects.models import DutyRule, SubjectRequest
from tests import junk
from tests.consent.system import System
from tests.staff.conftest import member  # noqa: F401
from tests.subjects.cabinet import inside
from tests.test_url_matrix import Undone, addresses, at, world, written  # noqa: F401
from tests.url_matrix import ACTORS as MATRIX_ACTORS
from tests.url_matrix import MATRIX, SIGN_OUTS

pytestmark = [pytest.mark.django_db, pytest.mark.prove]

PROVE = os.environ.get("KELISIM_PROVE") == "1"
SEED = int(os.environ.get("KELISIM_FUZZ_SEED", "94"))
# 10,000 inputs to each form and endpoint in a proof, which takes hours (KELISIM_FUZZ_EACH asks for fewer); a few inputs
# to every fifth page and operation in `make test`
EACH = int(os.environ.get("KELISIM_FUZZ_EACH", "0")) or (10_000 if PROVE else 3)
EVERY = 1 if PROVE or "KELISIM_FUZZ_EACH" in os.environ else 5
# "2/8": of the forms and operations only every eighth, beginning with the second, so that a long proof is run in parts
PART, PARTS = (int(number) for number in os.environ.get("KELISIM_FUZZ_PART", "1/1").split("/"))
# facts of a refusal: that somebody knocked, asked for a code or looked
FACTS = {
    "staff_signin", "subjects_signincode", "subjects_cabinetevent", "audit_accessrecord", "consent_formserved",
    "consent_noticeserved", "django_session", "staff_idempotentanswer", "staff_apiallowance", "staff_apiclient",
    "staff_historicalapiclient",
}  # fmt: skip
# a form is fuzzed by the first who sees it; the owner is the person whose objects stand in the addresses
ACTORS = ("anonymous", "customer", "owner", "officer", "dpo", "administrator")


def fingerprint(tables: set[str]) -> dict[str, str]:
    """{table: what is in it}."""
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(tables):
            cursor.execute(
                f"SELECT md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM \"{table}\" t"
            )
            (found[table],) = cursor.fetchone()
    return found


def all_tables() -> set[str]:
    return set(connection.introspection.table_names()) - FACTS


class Judge:
    """Sends an input, judges the answer, takes everything back. What was refused must have changed nothing."""

    def __init__(self) -> None:
        self.before = fingerprint(all_tables())
        self.was = written()
        self.wrong: list[str] = []
        self.sent = 0
        self.statuses: dict[int, int] = {}

    def judge(self, what: str, send) -> None:
        status, changed = 0, []
        try:
            with transaction.atomic():
                status, refused = send()
                if refused:
                    was, self.was = self.was, written()  # what was not refused counts too, and looks as before
                    touched = {table for table, count in self.was.items() if count != was.get(table)} - FACTS
                    now = fingerprint(touched & set(self.before))
                    changed = [table for table in now if now[table] != self.before[table]]
                raise Undone
        except Undone:
            pass
        self.sent += 1
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status >= 500 and status != 503:
            self.wrong.append(f"{status} {what}")
        elif changed:
            self.wrong.append(f"{status} {what}, yet {changed} changed")
        assert len(self.wrong) < 20, "\n".join(self.wrong)

    def verdict(self) -> None:
        print(f"{self.sent:,} inputs, answers {dict(sorted(self.statuses.items()))}")
        assert not self.wrong, "\n".join(self.wrong)


def forms_of(client: Client, name: str, path: str) -> list[tuple[str, junk.Form]]:
    """(address, form) of every form of the page that this actor is shown."""
    if name.startswith(("api:", "demo:")) or name in SIGN_OUTS:
        return []
    page: list[str] = []

    def get() -> int:
        answer = client.get(path)
        if answer.status_code == 200 and answer.get("Content-Type", "").startswith("text/html"):
            page.append(answer.content.decode())
        return answer.status_code

    try:
        with transaction.atomic():
            get()
            raise Undone
    except Undone:
        pass
    found = []
    for form in junk.forms(page[0]) if page else []:
        address = urlsplit(urljoin(path, form.action or path)).path
        if not address.endswith(("/logout/", "/sign-out/", "/i18n/setlang/")):
            found.append((address, form))
    return found


def seat(actor: str, world: dict) -> Client:  # noqa: F811
    return inside(world["b"]) if actor == "owner" else at(actor, world)


def pages_of(actor: str, world: dict) -> list[tuple[str, str]]:  # noqa: F811
    """(name, path) of what may show the actor a form: what the matrix says they see, and what stands open in a state."""
    if actor == "owner":
        return [one for one in addresses(world) if one[0].startswith(("cabinet:", "consent:", "policies:"))]
    column = MATRIX_ACTORS.index(actor)
    return [one for one in addresses(world) if MATRIX[one[0]][0][column] == "."]


def requests_in_every_state(world: dict) -> list[tuple[str, str]]:  # noqa: F811
    """(name, path) of every step of a request, each of a request that waits for it."""
    person, officer, dpo = world["b"], world["people"]["officer"], world["people"]["dpo"]
    kinds = ["access", "withdraw", "human_review", "correct"]

    rule = DutyRule.objects.in_force().get(code="ACCESS")
    same = ("code", "title_kk", "title_ru", "article", "amount", "unit", "trigger")
    rule = DutyRule(**{name: getattr(rule, name) for name in same})
    rule.may_pause_for = ["identity"]
    with acting_as(f"officer:{officer.pk}"):
        opening.propose(rule, by=officer)
    with acting_as(f"officer:{dpo.pk}"):
        opening.approve(rule, by=dpo)

    def asked(*, taken_up: bool = True) -> SubjectRequest:
        row = services.register(subject=person, kinds=kinds, channel="cabinet", language="kk", text="…")
        return services.take_up(request=row, by=officer) if taken_up else row

    with acting_as(f"officer:{officer.pk}"):
        unknown = {"kinds": ["access"], "channel": "post", "language": "ru", "by": officer}
        new, whose, taken, proposed, paused = (
            asked(taken_up=False), services.register(**unknown), asked(), asked(), asked(),
        )  # fmt: skip
        services.decide(request=proposed, by=officer, refusal="ProcessUnfounded")
        services.pause(request=paused, reason="identity", by=officer)
        granted = asked()
        services.decide(request=granted, by=officer)
        granted.items.update(done_at=timezone.now(), done_by=officer)
    waiting = {
        new: ("take-up", "close", "assign"), whose: ("identify",), proposed: ("approve", "send-back"),
        taken: ("grant", "decide-apart", "refuse", "pause", "comment", "attach"), paused: ("resume",), granted: ("answer",),
    }  # fmt: skip
    return [
        (f"request {step}", reverse("admin:subjects_request_step", args=[row.pk, step]))
        for row, steps in waiting.items()
        for step in steps
    ]


def cookies_of(client: Client) -> dict[str, str]:
    return {name: morsel.value for name, morsel in client.cookies.items()}


def test_no_form_fails_or_writes_half(world):  # noqa: F811
    open_to = {actor: pages_of(actor, world) for actor in ACTORS}
    steps = requests_in_every_state(world)
    judge, rnd, seen, stepped = Judge(), random.Random(SEED), set(), set()
    for actor in ACTORS:
        client = seat(actor, world)
        client.raise_request_exception = False
        kept, judge.was = cookies_of(client), written()  # their sitting down wrote, and nobody takes that back
        for name, path in [*open_to[actor], *(steps if actor in ("officer", "dpo") else ())][::EVERY]:
            for address, form in forms_of(client, name, path):
                key = (address, tuple(field.name for field in form.fields))
                if key in seen:
                    continue
                seen.add(key)
                stepped.add(name)
                if len(seen) % PARTS != PART % PARTS:
                    continue
                begun = time.process_time()
                # a button without fields has little to spoil
                for _ in range(EACH if form.fields else min(EACH, 3)):
                    data = junk.filled(form, rnd)

                    def send(client=client, kept=kept, address=address, data=data) -> tuple[int, bool]:
                        client.cookies = SimpleCookie(kept)
                        answer = client.post(address, data)
                        page = b"" if answer.streaming else answer.content
                        return answer.status_code, answer.status_code >= 400 or b'class="errorlist' in page

                    judge.judge(f"{actor} {address} {data!r}"[:600], send)
                if PROVE:
                    took = time.process_time() - begun
                    print(f"{len(seen)}: {judge.sent:,} inputs, {took:,.1f} s here, {actor} {address}", flush=True)
    print(f"{len(seen)} forms")
    unreached = {f"request {step.name}" for step in REQUEST_STEPS} - stepped
    assert EVERY > 1 or not unreached, unreached
    assert len(seen) > 50 // EVERY
    judge.verdict()


def test_no_endpoint_fails_or_writes_half(world):  # noqa: F811
    system, judge, rnd = System("fuzz", per_minute=60_000), Judge(), random.Random(SEED)
    document = api.get_openapi_schema()
    b = world["b"]
    known = {
        "ref": [str(b), str(b.public_id), str(world["a"])],
        "client_number": ["17"],
        "category": ["email", "employer", "ip_address", "iin", "bank_account"],
        "code": ["C1", "C8"],
        "number": ["K-17", "Z-9", "D-1"],
        "kind": ["spouse", "same_person", "guarantor"],
        "public_id": [str(b.public_id)],
    }
    client = Client(raise_request_exception=False)
    for template, operations in list(document["paths"].items())[::EVERY][PART - 1 :: PARTS]:
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for _ in range(EACH):
                path, query = junk.path(template, known, rnd), ""
                for parameter in operation.get("parameters", []):
                    if parameter["in"] == "query" and rnd.random() < 0.6:
                        query += f"&{parameter['name']}={junk.quoted(rnd)}"
                headers = {"Authorization": f"Bearer {system.key}"}
                if rnd.random() < 0.3:
                    headers["Idempotency-Key"] = (
                        junk.text(rnd).encode("ascii", "ignore").decode().replace("\n", "")[:200]
                    )
                sent = junk.body(content.get("schema", {}), document, rnd) if content else b""

                def send(path=path, query=query, sent=sent, headers=headers, method=method) -> tuple[int, bool]:
                    answer = client.generic(
                        method.upper(), f"{path}?{query[1:]}", sent, content_type="application/json", headers=headers
                    )
                    if answer.status_code >= 400:
                        assert answer["Content-Type"] == "application/problem+json", answer
                    return answer.status_code, answer.status_code >= 400

                judge.judge(f"{method} {path}?{query[1:]} {sent[:300]!r}", send)
    assert judge.statuses.keys() & {200, 201}, "nothing asked was good"
    judge.verdict()
