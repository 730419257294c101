"""A real Celery worker on a real Redis, and everything around it failing in turn."""

import base64
import io
import json
import threading
import time
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from celery import current_app
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.actor import acting_as
from config.processes import Processes, Program
from config.smtp_sink import OK
from notifications import tasks
from notifications.doorbell import ring
from notifications.enums import CampaignState, LetterState
from notifications.models import Campaign, Heartbeat, Letter
from notifications.services import write
from policies import letters
from policies.models import PolicyVersion
from subjects.models import DataSubject
from tests.e2e.conftest import kill_group, open_letters, until, worker_command
from tests.e2e.people import import_people
from tests.policies.factories import approved_version, published_version

KIND = "policy_changed"


def written_to(subject: DataSubject, version: PolicyVersion) -> Letter:
    """A single letter about the version, in the outbox and rung for."""
    with acting_as("job:test"):
        return write(kind=KIND, cause=letters.cause_of(version), language=subject.language, subject_id=subject.pk)


def test_a_letter_that_is_rung_for_is_sent_by_a_real_worker(house, sink):
    version = published_version()
    import_people(1)
    with house.worker():
        ready(house)
        began = time.monotonic()
        letter = written_to(DataSubject.objects.get(), version)
        until(lambda: sink.accepted, seconds=15, what="the letter arrived")
        print(f"\nfrom the commit to the mail server's yes: {time.monotonic() - began:.2f} s")
        until(lambda: open_letters() == 0, seconds=5, what="its end is written down")
    (message,) = sink.messages()
    assert message["Delivered-To"] == "person0@example.kz"
    letter.refresh_from_db()
    assert letter.state == LetterState.SENT
    assert letter.events.get().actor == "job:letters"


def test_a_bell_rings_only_after_the_commit_and_never_for_a_rollback(house, broker):
    with transaction.atomic():
        ring("notifications.deliver_due")
        assert broker.client().llen("celery") == 0
    assert broker.client().llen("celery") == 1
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        ring("notifications.deliver_due")
        1 / 0  # noqa: B018
    assert broker.client().llen("celery") == 1


def test_redis_down_at_publication_costs_the_officer_nothing_and_loses_nothing(house, broker, sink):
    import_people(5)
    version, officer = approved_version(significant=True)
    client = Client()
    client.force_login(officer)
    with house.worker() as worker, house.beat() as beat:
        ready(house)
        broker.kill()
        began = time.monotonic()
        answer = client.post(
            reverse("admin:policies_step", args=[version.pk, "publish"]), {"when": "now", "number": version.number}
        )
        seconds = time.monotonic() - began
        print(f"\nRedis down: the officer's publication answered {answer.status_code} after {seconds:.1f} s")
        assert answer.status_code == 302
        assert seconds < 10
        assert Campaign.objects.get().letters.filter(state=LetterState.QUEUED).count() == 5
        time.sleep(1)
        assert sink.accepted == 0
        broker.start()
        began, back_at = time.monotonic(), timezone.now()
        until(lambda: is_listened_to(broker), seconds=20, what="the worker listens again")
        tasks.sweep()  # once, what the beat does every 30 s; nor is the first bell after the return lost
        until(lambda: sink.accepted == 5, seconds=10, what="the worker found Redis again and sent")
        print(f"Redis up and swept: all letters after {time.monotonic() - began:.1f} s")
        until(lambda: open_letters() == 0, seconds=5, what="their ends are written down")
        until(
            lambda: Heartbeat.objects.filter(name="beat", at__gt=back_at).exists(),
            seconds=30,
            what="the beat found Redis again",
        )
        assert (worker.poll(), beat.poll()) == (None, None)
    assert sorted(message["Delivered-To"] for message in sink.messages()) == [f"person{n}@example.kz" for n in range(5)]


@pytest.mark.parametrize("back", ["before the letter has gone", "after the letter has gone"])
def test_redis_that_dies_under_a_worker_at_work_ends_neither_the_worker_nor_the_letter(house, broker, sink, back):
    """A task is in flight: its message can be given back to nobody, and its end can be told to nobody."""
    version = published_version()
    import_people(2)
    first, second = DataSubject.objects.order_by("pk")
    may_go = threading.Event()
    sink.respond_to_data = lambda rcpt: OK if may_go.wait(60) else "451 4.2.1 nobody said go"
    house.env["KELISIM_LETTER_LEASE_SECONDS"] = "60"
    with house.worker() as worker:
        letter = written_to(first, version)
        until(lambda: state_of(letter) == LetterState.SENDING, seconds=15, what="the letter is on its way")
        assert broker.client().hlen("unacked") >= 1
        broker.kill()
        if back == "after the letter has gone":
            may_go.set()
            until(lambda: state_of(letter) == LetterState.SENT, seconds=10, what="sent without Redis")
        broker.start()
        until(lambda: is_listened_to(broker), seconds=20, what="the worker listens again")
        assert back == "after the letter has gone" or state_of(letter) == LetterState.SENDING
        may_go.set()
        until(lambda: state_of(letter) == LetterState.SENT, seconds=10, what="the first letter is sent")
        began = time.monotonic()
        written_to(second, version)
        until(lambda: sink.accepted == 2, seconds=15, what="a bell rung after the return was heard")
        print(f"\nRedis came back {back}: the next bell was answered after {time.monotonic() - began:.1f} s")
        until(lambda: open_letters() == 0, seconds=5, what="their ends are written down")
        assert worker.poll() is None
    assert [message["Delivered-To"] for message in sink.messages()] == ["person0@example.kz", "person1@example.kz"]


def state_of(letter: Letter) -> str:
    return Letter.objects.values_list("state", flat=True).get(pk=letter.pk)


def is_listened_to(broker) -> bool:
    """A worker waits at the queue."""
    return any(client["cmd"] == "brpop" for client in broker.client().client_list())


def test_a_lost_bell_is_made_good_by_the_beat_within_60_seconds_and_readyz_knows_who_is_up(house, broker, sink):
    """Not swept by the test: the beat of the house does it. It starts last, so that nobody else can have done it."""
    version = published_version()
    import_people(2)
    first, second = DataSubject.objects.order_by("pk")
    with house.web(), house.worker() as worker:
        ready(house)
        written_to(first, version)
        until(lambda: sink.accepted == 1, seconds=15, what="the worker works")
        until(lambda: is_quiet(broker), seconds=15, what="nothing is left that would ring")
        written_to_without_bell(broker, second, version)
        time.sleep(1)
        assert sink.accepted == 1, "nobody rang, so it waits for the sweep"
        assert status_of(house) == 503, "there is no beat"
        with house.beat():
            began = time.monotonic()
            until(lambda: status_of(house) == 200, seconds=25, what="ready")
            print(f"\nready {time.monotonic() - began:.1f} s after the beat's start")
            until(lambda: sink.accepted == 2, seconds=60, what="the beat's sweep sent the letter")
            seconds = time.monotonic() - began
            print(f"a letter whose bell was lost went {seconds:.0f} s after the beat's start")
            kill_group(worker)
            began = time.monotonic()
            until(lambda: status_of(house) == 503, seconds=20, what="no longer ready")
            print(f"not ready {time.monotonic() - began:.1f} s after the worker's death (limit set to 12 s here)")
    assert seconds <= 60


def is_quiet(broker) -> bool:
    """Nothing queued and nothing being worked on, now and half a second later."""
    counts = []
    for _ in range(2):
        counts += [broker.client().llen("celery"), broker.client().hlen("unacked")]
        time.sleep(0.5)
    return not any(counts)


def written_to_without_bell(broker, subject: DataSubject, version: PolicyVersion) -> None:
    app = current_app._get_current_object()
    app.conf.broker_url = "redis+socket:///nowhere.sock?virtual_host=0"
    app._after_fork()
    written_to(subject, version)
    app.conf.broker_url = broker.url
    app._after_fork()


def test_a_mail_server_that_is_down_and_comes_back(house, sink):
    version = published_version()
    import_people(3)
    people = list(DataSubject.objects.all())
    port = sink.port
    sink.stop()
    try:
        with house.worker():
            ready(house)
            # at once: a bell that comes while a sender meets a dead server falls silent until the next sweep
            with transaction.atomic():
                for person in people:
                    written_to(person, version)
            until(
                lambda: Letter.objects.filter(state=LetterState.DEFERRED).count() == 3, seconds=15, what="all put off"
            )
        sink.port = port
    finally:
        sink.start()
    with house.worker():
        Letter.objects.update(due_at=timezone.now())  # a minute has passed
        tasks.sweep()
        until(lambda: open_letters() == 0, seconds=20, what="all sent")
    assert sorted(message["Delivered-To"] for message in sink.messages()) == [f"person{n}@example.kz" for n in range(3)]
    assert set(Letter.objects.values_list("state", "attempts")) == {("sent", 2)}


def test_a_poisoned_redis_ends_the_worker_and_its_successor_goes_on(house, broker, sink):
    version = published_version()
    import_people(1)
    program = Program("worker", worker_command(), env=house.env)
    with Processes([program], out=io.StringIO()) as processes:
        ready(house)
        first = program.process.pid
        broker.client().lpush("celery", "not JSON at all")

        def is_replaced() -> bool:
            processes.look_after()
            return program.process is not None and program.process.pid != first

        until(is_replaced, seconds=20, what="the supervisor started another worker")
        written_to(DataSubject.objects.get(), version)
        until(lambda: processes.look_after() or sink.accepted, seconds=20, what="the letter arrived")
    assert [message["Delivered-To"] for message in sink.messages()] == ["person0@example.kz"]


BAD = {
    "pickle": b"\x80\x04K\x01.",
    "cut JSON": b'{"task": "notifications.deliver_due"',
    "no such task": b"[[], {}, {}]",
}


def bad_message(body: bytes) -> str:
    """A message as Celery's transport writes it, with a body that no task of ours has."""
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-type": "application/x-python-serialize" if body[0] == 0x80 else "application/json",
            "content-encoding": "utf-8",
            "headers": {"task": "os.system" if body == b"[[], {}, {}]" else "notifications.deliver_due", "id": "1"},
            "properties": {
                "body_encoding": "base64",
                "delivery_info": {"exchange": "", "routing_key": "celery"},
                "delivery_tag": body.hex(),
                "delivery_mode": 2,
                "priority": 0,
            },
        }
    )


def test_a_bad_message_is_dropped_and_the_worker_lives(house, broker, sink):
    version = published_version()
    import_people(len(BAD))
    with house.worker() as worker:
        ready(house)
        for number, (what, person) in enumerate(zip(BAD, DataSubject.objects.order_by("pk"), strict=True), start=1):
            broker.client().lpush("celery", bad_message(BAD[what]))
            written_to(person, version)
            until(lambda number=number: sink.accepted == number, seconds=15, what=f"the letter after: {what}")
            assert worker.poll() is None, what


def status_of(house) -> int:
    try:
        with urlopen(f"{house.url}/readyz", timeout=5) as answer:
            return answer.status
    except HTTPError as error:
        return error.code


def test_a_campaign_that_takes_long_leaves_a_process_to_the_codes(house, sink, size):
    """The mail server takes 0.2 s a letter; the code is asked for at the real door."""
    people = size(1000, least=150)  # half a minute: the three codes below come before its end
    import_people(people, phones=True)
    sink.delay = 0.2
    published_version(significant=True)
    campaign = Campaign.objects.get()
    waits = []
    with house.worker():
        until(lambda: sink.accepted >= 5, seconds=20, what="the campaign is on its way")
        for number in (3, 4, 5):
            before = {message["Message-ID"] for message in sink.messages()}
            began = time.monotonic()
            asked = Client().post(reverse("cabinet:sign-in"), {"identifier": f"+7701{number:07d}"})
            assert asked.status_code == 302
            until(lambda before=before: code_arrived(sink, before), seconds=15, what="the code arrived")
            waits.append(time.monotonic() - began)
        campaign.refresh_from_db()
        assert campaign.state == CampaignState.RUNNING, "the campaign must still be on its way"
        assert sink.accepted < people
    print(f"\nsign-in codes in the middle of a campaign: {', '.join(f'{wait:.1f} s' for wait in waits)}")
    assert max(waits) <= 5


def code_arrived(sink, before: set[str]) -> bool:
    subjects = [message["Subject"] for message in sink.messages() if message["Message-ID"] not in before]
    return any("код" in subject.lower() or "code" in subject.lower() for subject in subjects)


def ready(house) -> None:
    """The worker has said that it lives."""
    until(lambda: Heartbeat.objects.filter(name="worker").exists(), seconds=20, what="the worker has started")
