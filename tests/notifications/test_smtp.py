import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.connection import Server
from notifications.smtp import Sender, _answer
from tests.notifications.mailbox import (
    LOCK_STEP,
    PIPELINING,
    Mailbox,
    either,
    letter,
    letters,
    outcomes,
    sender_for,
    unused_port,
)
from tests.notifications.pipelining_server import PipeliningServer, Say

# The plain road


@either
def test_every_letter_arrives_once_and_whole_over_one_connection(offers):
    with PipeliningServer(offers=offers) as server, sender_for(server) as sender:
        results = list(sender.send(letters(20)))

        assert outcomes(results) == dict.fromkeys(range(1, 21), "sent")
        assert {(result.code, result.answer) for result in results} == {(250, "2.0.0 Ok: queued")}
        assert server.recipients() == [f"person{number}@example.kz" for number in range(1, 21)]
        assert [data for _, _, data in server.accepted] == [out.data for out in letters(20)]
        assert server.connections == 1
        assert server.violations == []


def test_the_next_envelope_travels_behind_the_letter_only_where_pipelining_is_offered():
    with PipeliningServer(offers=PIPELINING) as server, sender_for(server) as sender:
        list(sender.send(letters(3)))

    together = [group for group in server.groups if b"Letter 1" in group]
    assert together[0].endswith(b"\r\n.\r\nMAIL FROM:<office@mfo.kz>\r\nRCPT TO:<person2@example.kz>\r\nDATA\r\n")
    with PipeliningServer(offers=LOCK_STEP) as server, sender_for(server) as sender:
        list(sender.send(letters(3)))
    assert all(group.count(b"\r\n") == 1 for group in server.groups if b"Letter" not in group)


def test_the_connection_is_kept_from_one_chunk_to_the_next():
    with PipeliningServer() as server, sender_for(server) as sender:
        list(sender.send(letters(2)))
        list(sender.send([letter(3)]))

        assert server.connections == 1
        assert len(server.accepted) == 3
        sender.close()
        server.settle(lambda s: s.open == 0)
        assert server.commands[-1] == "QUIT"


@either
@pytest.mark.parametrize(
    "died",
    [
        {"payload": [Say("250 2.0.0 Ok", cut=True)]},
        {"mail": [None, Say("421 4.4.2 Idle for too long", cut=True)]},
        {"payload": ["250 2.0.0 Ok\r\n550 5.0.0 Out of step"]},
    ],
    ids=["closed", "421", "out of step"],
)
def test_a_kept_connection_that_died_meanwhile_costs_no_letter(offers, died):
    with PipeliningServer(offers=offers, script=died) as server, sender_for(server) as sender:
        list(sender.send([letter(1)]))
        time.sleep(0.02)

        assert outcomes(sender.send(letters(3)[1:])) == {2: "sent", 3: "sent"}
        assert server.connections == 2
        assert len(server.messages) == 3


def test_an_empty_chunk_needs_no_server():
    assert list(Sender(f"smtp://127.0.0.1:{unused_port()}").send([])) == []


@either
def test_lines_that_begin_with_a_dot_arrive_as_written(offers):
    data = b".first\r\n\r\n.\r\n..\r\nmiddle.\r\n.last\r\n"
    with PipeliningServer(offers=offers) as server, sender_for(server) as sender:
        list(sender.send([letter(1, data=data), letter(2, data=data[:-2])]))

        assert [received for _, _, received in server.accepted] == [data, data]


def test_aiosmtpd_which_offers_no_pipelining_gets_the_same_letters():
    with Mailbox() as mailbox, Sender(mailbox.url) as sender:
        assert set(outcomes(sender.send(letters(5))).values()) == {"sent"}
        assert [envelope.rcpt_tos for envelope in mailbox.envelopes] == [
            [f"person{number}@example.kz"] for number in range(1, 6)
        ]
        assert mailbox.envelopes[0].content == letters(1)[0].data


def test_an_empty_sender_is_the_null_path():
    with PipeliningServer() as server, sender_for(server) as sender:
        assert outcomes(sender.send([letter(1, sender="")])) == {1: "sent"}
        assert "MAIL FROM:<>" in server.commands


# Refusals


@either
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "payload"])
@pytest.mark.parametrize(
    ("answer", "outcome"), [("451 4.7.1 Greylisted", "deferred"), ("550 5.1.1 No such user", "failed")]
)
def test_a_refusal_at_any_stage_touches_its_own_letter_only(offers, stage, answer, outcome):
    with PipeliningServer(offers=offers, script={stage: [None, answer]}) as server, sender_for(server) as sender:
        results = list(sender.send(letters(4)))

        assert outcomes(results) == {1: "sent", 2: outcome, 3: "sent", 4: "sent"}
        assert results[1] == (2, outcome, int(answer[:3]), answer[4:])
        assert server.recipients() == ["person1@example.kz", "person3@example.kz", "person4@example.kz"]
        assert server.connections == 1
        assert server.violations == []


@either
def test_a_refused_recipient_is_reset_before_the_next_letter(offers):
    with PipeliningServer(offers=offers, script={"rcpt": ["550 5.1.1 No"]}) as server, sender_for(server) as sender:
        list(sender.send(letters(2)))

    commands = server.commands
    assert "RSET" in commands[: commands.index("RCPT TO:<person2@example.kz>")]
    assert commands.count("DATA") == (2 if offers == PIPELINING else 1)


@either
def test_a_reset_that_is_refused_is_not_the_next_letters_fault(offers):
    script = {"rcpt": ["550 5.1.1 No"], "rset": ["500 5.5.1 Unknown command"]}
    with PipeliningServer(offers=offers, script=script) as server, sender_for(server) as sender:
        assert outcomes(sender.send(letters(3))) == {1: "failed", 2: "sent", 3: "sent"}
        assert server.connections == 2


def test_data_accepted_without_a_recipient_is_ended_empty():
    script = {"rcpt": ["550 5.1.1 No"], "data": ["354 Go ahead"]}
    with PipeliningServer(script=script) as server, sender_for(server) as sender:
        assert outcomes(sender.send(letters(2))) == {1: "failed", 2: "sent"}
        assert server.messages[0][1:] == ((), b"")
        assert server.accepted[-1][1] == ("person2@example.kz",)


def test_a_long_line_is_refused_by_a_real_server_and_is_final():
    with Mailbox() as mailbox, Sender(mailbox.url) as sender:
        long = letter(1, data=b"Subject: x\r\n\r\n" + b"x" * 1500 + b"\r\n")

        first, second = sender.send([long, letter(2)])

        assert first.outcome == "failed"
        assert first.code == 500
        assert "Line too long" in first.answer
        assert second.outcome == "sent"


def test_a_letter_above_the_size_limit_is_refused_before_it_is_transmitted():
    with Mailbox(data_size_limit=2000) as mailbox, Sender(mailbox.url) as sender:
        big = letter(1, data=b"Subject: x\r\n\r\n" + b"x\r\n" * 2000)
        transmitted = []

        first, second = sender.send([big, letter(2)], on_transmit=transmitted.extend)

        assert (first.outcome, first.code) == ("failed", 552)
        assert second.outcome == "sent"
        assert transmitted == [2]


def test_a_relay_that_wants_us_to_sign_in_fails_no_letter_for_good():
    forever = {"mail": "530 5.7.0 Authentication required"}
    with PipeliningServer(forever=forever) as server, sender_for(server) as sender:
        assert set(outcomes(sender.send(letters(3))).values()) == {"deferred"}


@pytest.mark.parametrize(
    "bad",
    [
        letter(1, recipient="a@example.kz>\r\nRCPT TO:<b@example.kz"),
        letter(1, recipient="қазақ@example.kz"),
        letter(1, sender="office@mfo.kz>\r\nRSET\r\n"),
        letter(1, data=b"Subject: x\r\n\r\nsmuggled\n.\nMAIL FROM:<x@y>\r\n"),
        letter(1, data=b"Subject: x\r\n\r\nsmuggled\r.\r\r\n"),
        letter(1, data="Subject: қ\r\n\r\n".encode()),
    ],
    ids=["injection", "not ascii", "sender", "bare LF", "bare CR", "8 bit"],
)
def test_what_cannot_be_written_safely_fails_alone_and_reaches_no_server(bad):
    with PipeliningServer() as server, sender_for(server) as sender:
        results = list(sender.send([letter(2), bad, letter(3)]))

        assert outcomes(results) == {2: "sent", 1: "failed", 3: "sent"}
        assert {command.split(":")[0] for command in server.commands} <= {
            "ehlo mfo.kz",
            "MAIL FROM",
            "RCPT TO",
            "DATA",
        }
        answer = next(result.answer for result in results if result.key == 1)
        assert "example.kz" not in answer
        assert "mfo.kz" not in answer


# What the caller may do


def test_on_transmit_is_called_before_the_first_byte_of_its_letter():
    seen = []
    with PipeliningServer(script={"rcpt": [None, "550 5.1.1 No"]}) as server, sender_for(server) as sender:

        def on_transmit(keys):
            seen.append(keys)
            arrived = b"".join(server.groups)
            assert not any(f"Letter {key}\r\n".encode() in arrived for key in keys)

        list(sender.send(letters(3), on_transmit=on_transmit))

    assert seen == [[1], [3]]


def test_when_on_transmit_raises_its_letter_is_not_sent():
    def on_transmit(keys):
        if keys == [2]:
            raise RuntimeError("the database is gone")

    with PipeliningServer() as server:
        results = []
        with sender_for(server) as sender, pytest.raises(RuntimeError):
            for result in sender.send(letters(3), on_transmit=on_transmit):
                results.append(result)

        server.settle(lambda s: s.open == 0)
        assert outcomes(results) == {1: "sent"}
        assert len(server.messages) == 1


@either
def test_a_caller_who_stops_leaves_no_letter_on_its_way(offers):
    with PipeliningServer(offers=offers) as server, sender_for(server) as sender:
        for result in sender.send(letters(10)):
            if result.key == 3:
                break
        del result
        server.settle(lambda s: s.open == 0)
        again = outcomes(sender.send(letters(10)[3:]))

        assert again == dict.fromkeys(range(4, 11), "sent")
        assert len(server.messages) == 10
        assert server.recipients() == [f"person{number}@example.kz" for number in range(1, 11)]


def test_results_are_told_before_the_next_letter_is_written():
    with PipeliningServer() as server, sender_for(server) as sender:
        for told, _ in enumerate(sender.send(letters(5)), start=1):
            assert len(server.messages) == told


# Answers that go into the database


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("550 5.1.1 <person1@example.kz>: unknown", "5.1.1 <address> unknown"),
        ("550 5.1.1 User person1 unknown in table", "5.1.1 User <address> unknown in table"),
        ("550 5.1.1 PERSON1@EXAMPLE.KZ, other@x.kz no", "5.1.1 <address> <address> no"),
        ("550-5.7.1 first\r\n550 5.7.1 second", "5.7.1 first 5.7.1 second"),
        ("550 5.0.0 \x00bad\x07 byte", "5.0.0  bad  byte"),
        ("550 " + "long " * 100, ("long " * 100)[:200]),
    ],
)
def test_an_answer_keeps_its_codes_and_loses_addresses(said, kept):
    with PipeliningServer(script={"rcpt": [said]}) as server, sender_for(server) as sender:
        (result,) = sender.send([letter(1)])

        assert result.answer == kept


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=300))
def test_no_answer_can_carry_the_address(noise):
    _, text = _answer(
        f"550 {noise} ivan.petrov@mail.kz {noise} ivan.petrov", letter(1, recipient="ivan.petrov@mail.kz")
    )

    assert "ivan.petrov@mail.kz" not in text
    assert " ivan.petrov " not in f" {text} "
    assert len(text) <= 200
    assert text.isprintable()


def test_neither_letter_nor_server_shows_its_secrets():
    assert "person1" not in repr(letter(1))
    assert "hidden" not in repr(Server.from_url("smtp://user:hidden@mail.kz"))
