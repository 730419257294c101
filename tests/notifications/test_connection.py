import datetime
import ipaddress
import socket
import ssl
import threading

import pytest
from aiosmtpd.smtp import AuthResult

from notifications.connection import Server
from notifications.smtp import Sender
from tests.notifications.mailbox import (
    Mailbox,
    letters,
    outcomes,
)
from tests.notifications.pipelining_server import PipeliningServer

# Where to


def test_a_url_names_server_security_and_sign_in():
    server = Server.from_url("smtp+tls://bot%40mfo.kz:p%2Fss@relay.mfo.kz:2525", answer_timeout=60)

    assert (server.host, server.port, server.security) == ("relay.mfo.kz", 2525, "starttls")
    assert (server.user, server.password, server.answer_timeout) == ("bot@mfo.kz", "p/ss", 60)


@pytest.mark.parametrize("url", ["http://mail.kz", "smtp://", "smtp://bot:secr#et@mail.kz", "mail.kz:25"])
def test_a_url_that_is_none_is_refused_without_being_shown(url):
    with pytest.raises(ValueError, match="A mail URL is one of") as caught:
        Server.from_url(url)

    assert "secr" not in str(caught.value)


# TLS and sign-in, against aiosmtpd


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that signs itself; the path of its PEM with the key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test relay")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "relay.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return str(path)


def relay_context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def check_password(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == b"bot" and data.password == b"open", handled=False)


def test_starttls_and_sign_in_come_before_the_letters(certificate):
    options = {
        "tls_context": relay_context(certificate),
        "authenticator": check_password,
        "auth_required": True,
        "auth_require_tls": True,
    }
    with Mailbox(**options) as mailbox:
        port = mailbox.controller.port
        here = {"host": "127.0.0.1", "port": port, "security": "starttls", "user": "bot", "ca_file": certificate}

        with Sender(Server(password="open", **here)) as sender:
            assert outcomes(sender.send(letters(3))) == dict.fromkeys([1, 2, 3], "sent")
        wrong = list(Sender(Server(password="shut", **here)).send(letters(2)))

        assert mailbox.sign_ins == [(True, True)] * 3
        assert {(result.outcome, result.code) for result in wrong} == {("deferred", 535)}


def test_tls_from_the_first_byte(certificate):
    with Mailbox(ssl_context=relay_context(certificate)) as mailbox:
        port = mailbox.controller.port
        with Sender(Server(host="127.0.0.1", port=port, security="ssl", ca_file=certificate)) as sender:
            assert outcomes(sender.send(letters(2))) == {1: "sent", 2: "sent"}


def test_a_certificate_nobody_trusts_gets_no_letter(certificate):
    with Mailbox(tls_context=relay_context(certificate)) as mailbox:
        results = list(Sender(mailbox.url.replace("smtp:", "smtp+tls:")).send(letters(2)))

        assert set(outcomes(results).values()) == {"deferred"}
        assert "CERTIFICATE_VERIFY_FAILED" in results[0].answer
        assert mailbox.envelopes == []


def test_a_server_without_starttls_gets_no_letter_in_clear():
    with PipeliningServer() as server:
        results = list(Sender(server.url.replace("smtp:", "smtp+tls:")).send(letters(2)))

        assert set(outcomes(results).values()) == {"deferred"}
        assert not any(command.startswith("MAIL") for command in server.commands)


def test_plain_text_smuggled_behind_starttls_ends_the_connection(certificate):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"220 hi\r\n")
            connection.recv(1000)
            connection.sendall(b"250-hi\r\n250 STARTTLS\r\n")
            connection.recv(1000)
            connection.sendall(b"220 go\r\n250-evil\r\n250 PIPELINING\r\n")
            try:
                with relay_context(certificate).wrap_socket(connection, server_side=True) as inside:
                    heard.append(inside.recv(1000))
            except OSError:
                pass

    heard = []
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    there = {"host": "127.0.0.1", "port": listener.getsockname()[1], "security": "starttls"}
    results = list(Sender(Server(ca_file=certificate, ehlo_name="m", **there)).send(letters(1)))
    thread.join(5)
    listener.close()

    assert results[0].outcome == "deferred"
    assert "plain text after STARTTLS" in results[0].answer
    assert heard in ([], [b""])
