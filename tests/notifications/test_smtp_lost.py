import socket
import threading
import time

import pytest

from notifications.connection import Server
from notifications.smtp import Sender
from tests.notifications.mailbox import LOCK_STEP, either, letter, letters, outcomes, sender_for, unused_port
from tests.notifications.pipelining_server import CUT, PipeliningServer, Say

# Lost connections


def test_with_two_letters_in_flight_the_first_is_answered_the_second_uncertain_the_third_deferred():
    with PipeliningServer(script={"payload": [None, CUT]}) as server, sender_for(server) as sender:
        results = list(sender.send(letters(5)))

        assert outcomes(results) == {1: "sent", 2: "uncertain", 3: "deferred", 4: "sent", 5: "sent"}
        assert b"RCPT TO:<person3@example.kz>" in b"".join(server.groups)
        assert server.connections == 2
        assert [recipients for _, recipients, _ in server.messages] == [
            (f"person{number}@example.kz",) for number in (1, 2, 4, 5)
        ]


def test_in_lock_step_only_the_letter_cut_off_is_uncertain():
    script = {"payload": [None, CUT]}
    with PipeliningServer(offers=LOCK_STEP, script=script) as server, sender_for(server) as sender:
        assert outcomes(sender.send(letters(4))) == {1: "sent", 2: "uncertain", 3: "sent", 4: "sent"}


@either
def test_a_letter_not_answered_in_time_is_uncertain_and_never_repeated(offers):
    slow = {"payload": [Say("250 2.0.0 Ok", after=1.5)]}
    with PipeliningServer(offers=offers, script=slow) as server, sender_for(server, seconds=0.3) as sender:
        results = outcomes(sender.send([letter(1)]))
        later = outcomes(sender.send([letter(2)]))

        assert (results, later) == ({1: "uncertain"}, {2: "sent"})
        assert [recipients for _, recipients, _ in server.messages].count(("person1@example.kz",)) == 1


@either
def test_an_answer_that_trickles_for_ever_does_not_hold_the_sender(offers):
    trickle = {"payload": [Say("250 2.0.0 " + "slow " * 200, gap=0.05)]}
    with PipeliningServer(offers=offers, script=trickle) as server, sender_for(server, seconds=0.4) as sender:
        began = time.monotonic()

        assert outcomes(sender.send([letter(1)])) == {1: "uncertain"}
        assert time.monotonic() - began < 1.5


@either
def test_answers_that_come_byte_by_byte_are_understood(offers):
    trickle = {stage: [Say(text, gap=0.002)] for stage, text in [("mail", "250-2.1.0 one\r\n250 2.1.0 two"),
                                                                ("payload", "250 2.0.0 Ok")]}  # fmt: skip
    with PipeliningServer(offers=offers, script=trickle) as server, sender_for(server) as sender:
        assert outcomes(sender.send(letters(3))) == dict.fromkeys([1, 2, 3], "sent")


@either
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
def test_a_connection_cut_before_the_letter_was_written_defers_it(offers, stage):
    with PipeliningServer(offers=offers, script={stage: [CUT]}) as server, sender_for(server) as sender:
        results = outcomes(sender.send(letters(3)))

        assert results == {1: "deferred", 2: "sent", 3: "sent"}
        assert server.connections == 2


@either
def test_a_server_that_takes_only_so_many_letters_a_connection_delays_nobody(offers):
    limit = {"mail": [None, None, Say("421 4.7.0 Too many messages", cut=True)]}
    with PipeliningServer(offers=offers, script=limit) as server, sender_for(server) as sender:
        assert set(outcomes(sender.send(letters(5))).values()) == {"sent"}
        assert server.connections == 2
        assert len(set(server.recipients())) == len(server.recipients()) == 5


@either
def test_421_instead_of_taking_the_letter_defers_it(offers):
    script = {"payload": [Say("421 4.3.2 Shutting down", cut=True)]}
    with PipeliningServer(offers=offers, script=script) as server, sender_for(server) as sender:
        results = list(sender.send([letter(1)]))

        assert results == [(1, "deferred", 421, "4.3.2 Shutting down")]


@either
def test_a_server_that_swallows_every_letter_spoils_two_and_no_more(offers):
    with PipeliningServer(offers=offers, forever={"payload": CUT}) as server, sender_for(server) as sender:
        results = outcomes(sender.send(letters(30)))

        assert list(results.values()).count("uncertain") == 2
        assert list(results.values()).count("deferred") == 28
        assert server.connections == 2


@either
def test_a_refusal_is_final_even_when_the_server_then_hangs_up(offers):
    script = {"rcpt": [None, Say("550 5.1.1 No such user", cut=True)]}
    with PipeliningServer(offers=offers, script=script) as server, sender_for(server) as sender:
        assert outcomes(sender.send(letters(3))) == {1: "sent", 2: "failed", 3: "sent"}


@either
@pytest.mark.parametrize("answer", ["what?", "250 2.0.0 Ok\r\n250 2.0.0 Ok", "250 " + "x" * 70_000])
def test_a_server_out_of_step_is_left_before_it_can_confirm_the_wrong_letter(offers, answer):
    with PipeliningServer(offers=offers, script={"mail": [answer]}) as server, sender_for(server) as sender:
        results = outcomes(sender.send(letters(3)))

        assert results == {1: "deferred", 2: "sent", 3: "sent"}
        assert server.recipients() == ["person2@example.kz", "person3@example.kz"]


@either
def test_an_answer_that_came_before_the_letter_does_not_confirm_it(offers):
    script = {"data": ["354 Go ahead\r\n250 2.0.0 Ok"]}
    with PipeliningServer(offers=offers, script=script) as server, sender_for(server) as sender:
        assert outcomes(sender.send(letters(2))) == {1: "deferred", 2: "sent"}
        assert server.recipients() == ["person2@example.kz"]


def test_a_letter_too_big_for_a_reader_that_stops_is_deferred_since_its_end_never_left():
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def serve():
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 hi\r\n")
            for answer in [b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"]:
                lines.readline()
                connection.sendall(answer)
            done.wait(5)

    done = threading.Event()
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    huge = letter(1, data=b"Subject: x\r\n\r\n" + b"x" * 60 + b"\r\n" + (b"y" * 70 + b"\r\n") * 400_000)
    with Sender(Server(host="127.0.0.1", port=listener.getsockname()[1], answer_timeout=0.5, ehlo_name="m")) as sender:
        assert outcomes(sender.send([huge])) == {1: "deferred"}
    done.set()
    thread.join(5)
    listener.close()


# No server


def test_a_refused_connection_defers_every_letter():
    results = list(Sender(f"smtp://127.0.0.1:{unused_port()}").send(letters(50)))

    assert outcomes(results) == dict.fromkeys(range(1, 51), "deferred")
    assert "refused" in results[0].answer
    assert results[0].code is None


@pytest.mark.parametrize(
    ("stage", "answer"),
    [("greeting", "421 4.3.2 Busy"), ("greeting", "554 5.7.1 Go away"), ("greeting", CUT), ("ehlo", CUT)],
)
def test_a_server_that_does_not_want_us_defers_every_letter_after_one_try(stage, answer):
    with PipeliningServer(forever={stage: answer}) as server:
        results = list(sender_for(server).send(letters(10)))

        assert set(outcomes(results).values()) == {"deferred"}
        assert server.connections == 1
        if isinstance(answer, str):
            assert results[0].code == int(answer[:3])


def test_a_silent_greeting_defers_within_the_timeout():
    with PipeliningServer(forever={"greeting": Say(after=5)}) as server:
        began = time.monotonic()

        assert outcomes(sender_for(server, seconds=0.3).send(letters(2))) == {1: "deferred", 2: "deferred"}
        assert time.monotonic() - began < 2
