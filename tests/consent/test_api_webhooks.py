"""Changes are posted to who follows them: signed, in order, again until they arrive, and never inside our walls."""

import json
import re
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone, translation

from consent import feed, ledger, outgoing, webhooks
from consent.feed_admin import REFUSALS
from consent.models import Subscriber
from consent.outgoing import NotSent
from tests.consent.factories import form, given, version
from tests.consent.system import client_and_key
from tests.staff.conftest import at_desk, member  # noqa: F401
from tests.subjects.factories import DataSubjectFactory

DOCS = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture
def receiver():
    """A system that takes posts; `statuses` are its next answers, then 204."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.posts.append((dict(self.headers), body))
            status = server.statuses.pop(0) if server.statuses else 204
            if status == 0:  # a byte now and then, for ever
                try:
                    for _n in range(100):
                        self.wfile.write(b"H")
                        time.sleep(0.1)
                except OSError:
                    return
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"http://127.0.0.1:{server.server_port}/elsewhere")
            self.end_headers()

        def log_message(self, *args) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.posts, server.statuses = [], []
    server.url = f"http://127.0.0.1:{server.server_port}/hook?x=1"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def subscriber(db, receiver) -> Subscriber:
    client, _key = client_and_key("dialler")
    return Subscriber.objects.create(client=client, url=receiver.url)


@pytest.fixture
def withdrawn(db):
    person, of = DataSubjectFactory(), version(form("C8"))
    given(person, of)
    ledger.withdraw(subject=person, form=of.form, proof=ledger.CLOCK)
    return person


@pytest.fixture
def desk(member, at_desk):  # noqa: F811
    """`desk("dpo")` is a browser in which somebody with that role sits."""
    return lambda role: at_desk(member(role))


def due(subscriber: Subscriber) -> Subscriber:
    Subscriber.objects.filter(pk=subscriber.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    subscriber.refresh_from_db()
    return subscriber


def verify(secret: str, header: str, body: bytes, *, now: float) -> bool:
    """With the very lines that docs/api.md gives to receivers."""
    told = {}
    examples = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    [ours] = [example for example in examples if "def verify(" in example]
    exec(ours, told)
    return told["verify"](secret, header, body, now)


class TestPosting:
    def test_what_is_posted_is_what_is_read_and_is_signed(self, subscriber, receiver, withdrawn):
        webhooks.post_changes(subscriber.pk)
        ((headers, body),) = receiver.posts
        told = json.loads(body)
        assert (told["subscriber"], told["up_to"]) == ("dialler", 2)
        assert [c["state"] for c in told["changes"]] == ["given", "withdrawn"]
        assert told["changes"][1]["subject"] == str(withdrawn.public_id)
        secret, signed = webhooks.secret_of(subscriber), headers["Kelisim-Signature"]
        assert verify(secret, signed, body, now=time.time())
        assert not verify(secret, signed, body + b" ", now=time.time())
        assert not verify("0" * 64, signed, body, now=time.time())
        assert not verify(secret, signed, body, now=time.time() + 400), "an old post sent again is refused"

    def test_what_arrived_is_not_posted_again_and_is_not_obeyed_yet(self, subscriber, receiver, withdrawn):
        webhooks.post_changes(subscriber.pk)
        webhooks.post_changes(subscriber.pk)
        assert len(receiver.posts) == 1
        subscriber.refresh_from_db()
        assert (subscriber.sent, subscriber.error, subscriber.acknowledged) == (2, "", 0)
        assert feed.behind(subscriber).count == 2

    def test_a_failure_is_tried_again_later_each_time_and_the_order_is_kept(self, subscriber, receiver, withdrawn):
        receiver.statuses = [500, 503]
        waits = []
        for _time in range(2):
            webhooks.post_changes(due(subscriber).pk)
            subscriber.refresh_from_db()
            waits.append((subscriber.due_at - timezone.now()).total_seconds())
            webhooks.post_changes(subscriber.pk)  # too early: nothing happens
        assert receiver.posts[0][1] == receiver.posts[1][1]
        assert len(receiver.posts) == 2
        assert (subscriber.failures, subscriber.error, subscriber.sent) == (2, "http_503", 0)
        assert 5 < waits[0] <= 10 < 25 < waits[1] <= 30
        webhooks.post_changes(due(subscriber).pk)
        subscriber.refresh_from_db()
        assert (subscriber.failures, subscriber.error, subscriber.sent) == (0, "", 2)

    def test_many_changes_go_in_batches(self, subscriber, receiver, monkeypatch):
        monkeypatch.setattr(webhooks, "BATCH", 2)
        person, of = DataSubjectFactory(), version(form("C8"))
        for _time in range(5):
            given(person, of)
        webhooks.post_changes(subscriber.pk)
        positions = [[c["position"] for c in json.loads(body)["changes"]] for _headers, body in receiver.posts]
        assert positions == [[1, 2], [3, 4], [5]]

    def test_a_system_whose_key_ended_is_told_nothing(self, subscriber, receiver, withdrawn):
        type(subscriber.client).objects.update(expires_at=timezone.now())
        webhooks.post_changes(subscriber.pk)
        assert receiver.posts == []

    def test_a_new_secret_signs_and_the_old_one_does_not(self, subscriber, receiver, withdrawn):
        old = webhooks.secret_of(subscriber)
        new = webhooks.renew_secret(subscriber=subscriber)
        assert old != new
        webhooks.post_changes(subscriber.pk)
        ((headers, body),) = receiver.posts
        assert verify(new, headers["Kelisim-Signature"], body, now=time.time())
        assert not verify(old, headers["Kelisim-Signature"], body, now=time.time())

    def test_beat_wakes_a_worker_for_who_is_behind_and_nobody_else(self, subscriber, withdrawn, monkeypatch):
        rung = []
        monkeypatch.setattr(webhooks, "ring", lambda name, *ids: rung.append((name, *ids)))
        reader, _key = client_and_key("reader")
        Subscriber.objects.create(client=reader)
        webhooks.ring_due()
        assert rung == [("consent.post_changes", subscriber.pk)]
        webhooks.post_changes(subscriber.pk)
        webhooks.ring_due()
        assert len(rung) == 1


class TestWalls:
    @pytest.fixture(autouse=True)
    def _production(self, settings):
        settings.WEBHOOKS_ANYWHERE = False

    @pytest.mark.parametrize(
        "host",
        ["127.0.0.1", "localhost", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
         "::1", "fc00::1", "fe80::1", "::ffff:127.0.0.1", "224.0.0.1", "2130706433", "127.1"],
    )  # fmt: skip
    def test_no_post_goes_to_this_machine_or_within_the_walls(self, host):
        with pytest.raises(NotSent) as caught:
            outgoing.resolve(host, 443)
        assert caught.value.code in ("address_refused", "unknown_host")

    def test_a_public_address_is_posted_to(self):
        assert outgoing.resolve("93.184.215.14", 443) == "93.184.215.14"

    def test_a_named_host_within_the_walls_is_posted_to_and_this_machine_never(self, settings):
        settings.WEBHOOK_INSIDE_HOSTS = ["10.1.2.3", "127.0.0.1", "169.254.169.254"]
        assert outgoing.resolve("10.1.2.3", 443) == "10.1.2.3"
        for host in ("127.0.0.1", "169.254.169.254", "10.1.2.4"):
            with pytest.raises(NotSent):
                outgoing.resolve(host, 443)

    def test_a_name_with_one_address_inside_is_refused_whole(self, monkeypatch):
        found = [(2, 1, 6, "", (address, 443)) for address in ("93.184.215.14", "10.0.0.1")]
        monkeypatch.setattr(outgoing.socket, "getaddrinfo", lambda *a, **k: found)
        with pytest.raises(NotSent):
            outgoing.resolve("two-faced.example", 443)

    def test_the_refusal_is_seen_on_the_page_and_the_receiver_hears_nothing(
        self, subscriber, receiver, withdrawn, desk
    ):
        webhooks.post_changes(subscriber.pk)
        subscriber.refresh_from_db()
        assert (subscriber.error, receiver.posts) == ("address_refused", [])
        page = desk("auditor").get("/admin/consent/subscriber/").content.decode()
        with translation.override("ru"):
            assert str(REFUSALS["address_refused"]) in page


class TestSending:
    def test_a_redirect_is_no_success_and_is_not_followed(self, subscriber, receiver, withdrawn):
        receiver.statuses = [302]
        webhooks.post_changes(subscriber.pk)
        subscriber.refresh_from_db()
        assert (subscriber.error, subscriber.sent, len(receiver.posts)) == ("http_302", 0, 1)

    def test_an_answer_that_trickles_is_cut_off(self, receiver, monkeypatch):
        monkeypatch.setattr(outgoing, "TIMEOUT", 0.5)
        receiver.statuses = [0]
        began = time.monotonic()
        with pytest.raises(NotSent) as caught:
            outgoing.post(receiver.url, b"{}", {})
        assert caught.value.code == "no_answer"
        assert time.monotonic() - began < 3

    def test_nobody_there_is_told_so(self):
        with pytest.raises(NotSent) as caught:
            outgoing.post("http://127.0.0.1:9/", b"{}", {})
        assert caught.value.code == "no_answer"

    def test_a_server_without_a_certificate_is_not_believed(self, receiver):
        with pytest.raises(NotSent):
            outgoing.post(receiver.url.replace("http:", "https:"), b"{}", {})

    @pytest.mark.parametrize("url", ["ftp://example.kz/", "https://", "https://user:pass@example.kz/", "javascript:x", "https://example.kz:99999/", "file:///etc/passwd"])  # fmt: skip
    def test_an_address_that_is_none_is_refused_in_the_form(self, url):
        with pytest.raises(ValidationError):
            outgoing.check_address(url)

    def test_in_production_it_is_https(self, settings):
        outgoing.check_address("http://example.kz/")
        settings.PRODUCTION = True
        with pytest.raises(ValidationError):
            outgoing.check_address("http://example.kz/")


class TestPages:
    def test_the_responsible_person_lets_a_system_follow_and_sees_its_secret_once(self, desk):
        client, _key = client_and_key("crm")
        desk = desk("dpo")
        assert desk.post("/admin/consent/subscriber/add/", {"client": client.pk, "url": "ftp://x"}).status_code == 200
        made = desk.post("/admin/consent/subscriber/add/", {"client": client.pk, "url": "https://crm.example.kz/hook"})
        assert made.status_code == 302, made.content.decode()
        subscriber = Subscriber.objects.get()
        page = desk.post(f"/admin/consent/subscriber/{subscriber.pk}/secret/").content.decode()
        subscriber.refresh_from_db()
        assert webhooks.secret_of(subscriber) in page
        assert (
            webhooks.secret_of(subscriber)
            not in desk.get(f"/admin/consent/subscriber/{subscriber.pk}/change/").content.decode()
        )
        assert subscriber.history.count() == 2, "who made the secret, and when, is known"
