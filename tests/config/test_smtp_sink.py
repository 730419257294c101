"""The sink, spoken to by Python's own SMTP client over a socket."""

import signal
import smtplib
import subprocess
import sys
import time
from email.message import EmailMessage
from pathlib import Path

import pytest

from config import smtp_sink
from config.processes import free_port
from config.smtp_sink import Sink

ROOT = Path(smtp_sink.__file__).parent.parent


def letter(to: str, text: str = "Сәлем") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "office@example.kz", to, "Құпиялық саясаты өзгерді"
    message.set_content(text)
    return message


def send(sink: Sink, to: str, **more: str) -> None:
    with smtplib.SMTP(sink.host, sink.port, timeout=5) as client:
        client.send_message(letter(to, **more))


def test_an_accepted_letter_is_one_file_with_its_envelope(tmp_path: Path):
    with Sink(tmp_path / "mail") as sink:
        send(sink, "aigul@example.kz")
        (message,) = sink.messages()
    assert message["Subject"] == "Құпиялық саясаты өзгерді"
    assert message["Delivered-To"] == "aigul@example.kz"
    assert message["Return-Path"] == "<office@example.kz>"
    assert message.get_content().strip() == "Сәлем"
    assert (sink.connections, sink.accepted, sink.refused, sink.dropped) == (1, 1, 0, 0)


def test_files_sort_by_the_time_they_came_and_none_is_half_written(tmp_path: Path):
    with Sink(tmp_path) as sink, smtplib.SMTP(sink.host, sink.port, timeout=5) as client:
        for number in range(30):
            client.send_message(letter(f"n{number}@example.kz"))
        assert [message["Delivered-To"] for message in sink.messages()] == [f"n{n}@example.kz" for n in range(30)]
        assert all(path.suffix == ".eml" for path in tmp_path.iterdir())


def test_utf8_addresses_eight_bits_and_on_wish_pipelining_are_offered(tmp_path: Path):
    for pipelining in (False, True):
        with Sink(tmp_path, pipelining=pipelining) as sink, smtplib.SMTP(sink.host, sink.port, timeout=5) as client:
            client.ehlo()
            assert client.has_extn("smtputf8")
            assert client.has_extn("8bitmime")
            assert client.has_extn("pipelining") is pipelining
    with Sink(tmp_path) as sink, smtplib.SMTP(sink.host, sink.port, timeout=5) as client:
        client.sendmail("a@example.kz", "айгүл@мысал.қаз", b"Subject: x\r\n\r\ny\r\n", ["SMTPUTF8", "BODY=8BITMIME"])
        assert sink.messages()[-1]["Delivered-To"] == "айгүл@мысал.қаз"


def test_commands_sent_in_one_go_are_answered_in_order(tmp_path: Path):
    refuse = lambda rcpt: "550 5.1.1 unknown" if rcpt.startswith("b") else "250 ok"  # noqa: E731
    with Sink(tmp_path, pipelining=True, respond=refuse) as sink, smtplib.SMTP(sink.host, sink.port) as client:
        client.ehlo()
        client.send("MAIL FROM:<o@example.kz>\r\nRCPT TO:<a@example.kz>\r\nRCPT TO:<b@example.kz>\r\nDATA\r\n")
        assert [client.getreply()[0] for _ in range(4)] == [250, 250, 550, 354]
        client.send("Subject: x\r\n\r\ny\r\n.\r\nMAIL FROM:<o@example.kz>\r\nRCPT TO:<c@example.kz>\r\n")
        assert [client.getreply()[0] for _ in range(3)] == [250, 250, 250]
        assert [message.get_all("Delivered-To") for message in sink.messages()] == [["a@example.kz"]]


@pytest.mark.parametrize("answer", ["451 4.2.1 try later", "550 5.1.1 nobody here"])
def test_a_refused_recipient_leaves_no_file(tmp_path: Path, answer: str):
    with Sink(tmp_path, respond=lambda rcpt: answer if rcpt == "bad@example.kz" else "250 ok") as sink:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            send(sink, "bad@example.kz")
        send(sink, "good@example.kz")
        assert refused.value.recipients["bad@example.kz"] == (int(answer[:3]), answer[4:].encode())
        assert [message["Delivered-To"] for message in sink.messages()] == ["good@example.kz"]
        assert (sink.accepted, sink.refused) == (1, 1)


def test_a_refusal_after_the_data_leaves_no_file_and_the_answer_can_change(tmp_path: Path):
    with Sink(tmp_path, respond_to_data=lambda rcpt: "452 4.3.1 disk full") as sink:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send(sink, "a@example.kz")
        assert refused.value.smtp_code == 452
        assert sink.messages() == []
        sink.respond_to_data = lambda rcpt: "250 room again"
        send(sink, "a@example.kz")
        assert len(sink.messages()) == 1


def test_a_cut_connection_keeps_the_letter_and_gives_no_answer(tmp_path: Path):
    with Sink(tmp_path, drop=lambda rcpt: rcpt == "cut@example.kz") as sink:
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
            send(sink, "cut@example.kz")
        send(sink, "whole@example.kz")
        assert [message["Delivered-To"] for message in sink.messages()] == ["cut@example.kz", "whole@example.kz"]
        assert (sink.accepted, sink.dropped) == (1, 1)


def test_a_slow_server_is_slow_only_for_who_waits(tmp_path: Path):
    with Sink(tmp_path, delay=0.4) as sink:
        begin = time.monotonic()
        send(sink, "a@example.kz")
        assert time.monotonic() - begin >= 0.4


def test_only_the_newest_files_are_kept_also_after_a_new_start(tmp_path: Path):
    with Sink(tmp_path, kept=3) as sink:
        for number in range(3):
            send(sink, f"n{number}@example.kz")
    with Sink(tmp_path, kept=3) as sink:
        for number in range(3, 5):
            send(sink, f"n{number}@example.kz")
        assert [m["Delivered-To"] for m in sink.messages()] == [f"n{n}@example.kz" for n in (2, 3, 4)]


def test_a_stopped_sink_frees_its_port_with_a_client_still_connected(tmp_path: Path):
    sink = Sink(tmp_path).start()
    client = smtplib.SMTP(sink.host, sink.port, timeout=5)
    sink.stop()
    with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
        client.noop()
        client.noop()
    client.close()
    with Sink(tmp_path, port=sink.port) as again:
        send(again, "a@example.kz")


def test_as_a_process_it_serves_and_ends_when_told(tmp_path: Path):
    port = free_port()
    command = [sys.executable, "-m", "config.smtp_sink", "--port", str(port), "--folder", str(tmp_path / "mail")]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
                    client.send_message(letter("a@example.kz"))
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert len(list((tmp_path / "mail").glob("*.eml"))) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait()
