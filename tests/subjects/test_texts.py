"""SMS: one small interface, a row before anything is sent, and nothing in it but the code or that something waits."""

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.db import connection
from django.utils import timezone

from audit.actor import acting_as
from config.channels import missing
from notifications import sms
from staff.models import Operator
from subjects import sign_in, tasks, texts
from subjects.models import SignInCode, TextMessage
from tests.notifications.conftest import sink  # noqa: F401
from tests.subjects.codes import sent_code, sms_sent
from tests.subjects.factories import DataSubjectFactory

IIN, PHONE = "850314390019", "+77012345678"


class Provider:
    """A gateway over HTTP that answers with `status` and keeps what it was told."""

    def __init__(self) -> None:
        provider, self.status, self.told = self, 202, []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                provider.told.append((self.path, self.headers["Authorization"], json.loads(body)))
                if provider.status:
                    self.send_response(provider.status)
                    self.end_headers()

            def log_message(self, *_args) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://KEY@127.0.0.1:{self.server.server_port}/send?sender=Kelisim"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def provider(settings):
    running = Provider()
    settings.SMS_URL = running.url
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def person(db):
    Operator.objects.create(name_kk="Айқын", name_ru="Айкын", email="office@example.kz")
    return DataSubjectFactory(email="aigerim@example.kz", phone=PHONE, iin=IIN, language="kk")


def asked(channel: str = "sms") -> SignInCode:
    sign_in.ask(identifier=IIN, address="203.0.113.7", channel=channel)
    return SignInCode.objects.latest("pk")


@pytest.mark.django_db
def test_a_code_goes_by_sms_when_it_is_wished_and_says_nothing_else(person, telephone):
    row = asked()
    code = sent_code()
    (message,) = sms_sent()
    assert message["to"] == PHONE
    assert message["text"] == f"Айқын: кіру коды {code}. Оны ешкімге айтпаңыз."
    assert sign_in.verify(handle=row.handle, code=code).subject == person
    assert TextMessage.objects.get().state == "sent"
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM subjects_textmessage t WHERE t::text ~ %s", [f"{code}|{PHONE[1:]}"])
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db
def test_whoever_has_no_phone_gets_it_by_e_mail_and_the_other_way_round(telephone, sink):  # noqa: F811
    only_mail = DataSubjectFactory(iin=IIN)
    asked("sms")
    tasks.send_code(SignInCode.objects.latest("pk").pk)
    assert (only_mail.letters.count(), sms_sent() if telephone.exists() else []) == (1, [])
    only_phone = DataSubjectFactory(iin="921130490023", phone=PHONE, email=None)
    sign_in.ask(identifier="921130490023", address="203.0.113.7", channel="email")
    tasks.send_code(SignInCode.objects.latest("pk").pk)
    assert (only_phone.letters.count(), len(sms_sent())) == (0, 1)


@pytest.mark.django_db
def test_a_lost_bell_is_made_up_for_by_the_sweep_and_once(person, telephone):
    asked()
    tasks.sweep()
    tasks.sweep()
    assert len(sms_sent()) == 1
    assert not person.letters.exists()


@pytest.mark.django_db
def test_a_provider_gets_number_text_and_key(person, provider):
    asked()
    tasks.send_code(SignInCode.objects.latest("pk").pk)
    ((path, key, body),) = provider.told
    assert (path, key) == ("/send", "Bearer KEY")
    assert (body["to"], body["sender"]) == (PHONE, "Kelisim")
    assert TextMessage.objects.get().state == "sent"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "state"), [(503, "queued"), (429, "queued"), (400, "failed"), (0, "uncertain"), (200, "sent")]
)
def test_what_a_provider_says_ends_in_its_state(person, provider, status, state):
    provider.status = status
    asked()
    tasks.send_code(SignInCode.objects.latest("pk").pk)
    row = TextMessage.objects.get()
    assert row.state == state
    assert (row.due_at > timezone.now()) is (state in ("queued", "uncertain", "failed", "sent"))


@pytest.mark.django_db
def test_later_is_tried_three_times_with_a_new_code_each_and_then_given_up(person, provider):
    provider.status = 503
    row = asked()
    tasks.send_code(row.pk)
    for _ in range(4):
        TextMessage.objects.update(due_at=timezone.now())
        tasks.send_texts()
    assert TextMessage.objects.get().state == "failed"
    assert len(provider.told) == 3


@pytest.mark.django_db
def test_one_lost_with_its_worker_is_uncertain_and_never_sent_twice(person, telephone):
    row = asked()
    with acting_as("job:test"):
        sign_in.send(row.pk)
    TextMessage.objects.update(state="sending", due_at=timezone.now() - timedelta(seconds=1))
    tasks.sweep()
    assert TextMessage.objects.get().state == "uncertain"
    assert not telephone.exists()


@pytest.mark.django_db
def test_a_code_that_is_old_meanwhile_is_not_sent(person, telephone):
    row = asked()
    with acting_as("job:test"):
        sign_in.send(row.pk)
    SignInCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    tasks.send_texts()
    assert TextMessage.objects.get().state == "skipped"
    assert not telephone.exists()


@pytest.mark.django_db
def test_too_many_in_an_hour_go_by_e_mail(person, telephone, monkeypatch, sink):  # noqa: F811
    monkeypatch.setattr(sign_in, "MOST_SMS", (1, timedelta(hours=1)))
    for _ in range(2):
        tasks.send_code(asked().pk)
    assert (len(sms_sent()), person.letters.count()) == (1, 1)


@pytest.mark.parametrize("url", ["ftp://x", "https://example.kz", "http://KEY@example.kz", "KEY", "file:"])
def test_what_is_no_channel_is_said_so(url):
    with pytest.raises(ValueError):
        sms.channel_of(url)


def test_no_channel_is_none():
    assert sms.channel_of("") is None


@pytest.mark.parametrize(
    ("mail", "text", "named"),
    [
        ("smtp+tls://mail.example.kz:587", "", ""),
        ("smtps://mail.example.kz", "https://KEY@sms.example.kz/send", ""),
        ("", "https://KEY@sms.example.kz/send", ""),
        ("file:///tmp/mail", "", "EMAIL_URL KELISIM_SMS_URL"),
        ("", "", "EMAIL_URL KELISIM_SMS_URL"),
        ("smtp+tls://mail.example.kz:587", "file:///tmp/sms", "KELISIM_SMS_URL"),
        ("smtp+tls://mail.example.kz:587", "https://sms.example.kz/send", "KELISIM_SMS_URL"),
    ],
)
def test_production_names_what_keeps_codes_from_customers(mail, text, named):
    assert " ".join(line.partition(":")[0] for line in missing(mail, text)) == named


@pytest.mark.django_db
def test_no_words_of_an_sms_leave_more_than_that_something_waits(person, telephone):
    from subjects.services import newest

    value = person.values.get(category__code="mobile_phone")
    with acting_as("job:test"):
        texts.write(
            kind="phone_changed",
            cause=f"subjects.HistoricalPersonalData:{newest(value)}#phone_changed",
            language="en",
            subject_id=person.pk,
        )
    tasks.send_texts()
    (message,) = sms_sent()
    assert "a message waits for you in the cabinet" in message["text"]
    assert "phone" not in message["text"]
