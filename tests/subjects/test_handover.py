"""The hand-over from our own site: EdDSA alone, short, once, for us, from there; whatever is wrong, the same answer."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.db import connection
from django.test import Client

from staff import opening
from staff.rules import NotAllowed
from subjects import duplicates
from subjects.models import CabinetEvent, CabinetSession, HandoverKey, HandoverUse
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory

SITE = "https://my.example.kz"
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw_public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def claims(**changed) -> dict:
    now = int(time.time())
    told = {
        "iss": "site", "sub": "A-17", "aud": f"{settings.SITE_URL}/cabinet/enter", "iat": now, "exp": now + 60,
        "jti": f"{time.time_ns():032x}",
    }  # fmt: skip
    return {name: value for name, value in {**told, **changed}.items() if value is not None}


def token(body: dict | None = None, *, key: Ed25519PrivateKey = KEY, header: dict | None = None) -> str:
    """As the site makes it; docs/api.md has the same lines."""
    head = {"alg": "EdDSA", "typ": "JWT", "kid": "2026-1"} if header is None else header
    signed = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(body or claims()).encode())}"
    return f"{signed}.{b64(key.sign(signed.encode()))}"


def brought(text: str, *, origin: str = SITE, client: Client | None = None):
    headers = {"origin": origin} if origin else {}
    return (client or Client()).post("/cabinet/enter", {"token": text}, headers=headers)


@pytest.fixture
def person(db):
    first = permit(StaffUserFactory(), "subjects.add_handoverkey")
    second = permit(StaffUserFactory(), "subjects.approve_handoverkey")
    row = HandoverKey(issuer="site", key_id="2026-1", public_key=b64(raw_public(KEY)), origin=SITE)
    with as_officer(first):
        row = opening.propose(row, by=first)
        with pytest.raises(NotAllowed):
            opening.approve(row, by=permit(first, "subjects.approve_handoverkey"))
    with as_officer(second):
        opening.approve(row, by=second)
    return DataSubjectFactory(client_number="A-17", language="en")


@pytest.mark.django_db
def test_whoever_is_signed_in_there_is_let_in_and_the_session_says_how(person):
    client = Client(headers={"accept-language": "en"})
    answer = brought(token(), client=client)
    assert answer.url == "/cabinet/"
    assert client.get("/cabinet/").status_code == 200
    session = CabinetSession.objects.get()
    assert (session.subject, session.how, session.issuer) == (person, "handover", "site")
    assert CabinetEvent.objects.get(kind="handed_over").subject == person
    # it has proved nothing to us
    assert "Confirm that it is you" in client.get("/cabinet/data/").content.decode()
    assert "from our site, signed in there: site" in client.get("/cabinet/sessions/").content.decode()


@pytest.mark.django_db
def test_a_token_is_taken_once_whoever_brings_it_again(person):
    text = token()
    assert brought(text).status_code == 302
    assert brought(text).status_code == 403
    assert HandoverUse.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_ten_at_once_with_one_token_let_one_in(person):
    text = token()

    def one(_n: int) -> int:
        try:
            return brought(text).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        told = list(pool.map(one, range(10)))
    assert sorted(told) == [302] + [403] * 9


def _hs256_with_the_public_key() -> str:
    """The old trick: the public key taken for a shared secret."""
    signed = f"{b64(json.dumps({'alg': 'HS256', 'kid': '2026-1'}).encode())}.{b64(json.dumps(claims()).encode())}"
    code = hmac.HMAC(raw_public(KEY), hashes.SHA256())
    code.update(signed.encode())
    return f"{signed}.{b64(code.finalize())}"


def _twice() -> str:
    """A name twice: what one reader takes is not what another does."""
    body = json.dumps(claims())[:-1] + ', "sub": "B-1"}'
    head = b64(json.dumps({"alg": "EdDSA", "kid": "2026-1"}).encode())
    signed = f"{head}.{b64(body.encode())}"
    return f"{signed}.{b64(KEY.sign(signed.encode()))}"


def _tampered() -> str:
    head, _body, signature = token().split(".")
    return f"{head}.{b64(json.dumps(claims(sub='B-1')).encode())}.{signature}"


def _none(alg: str = "none") -> str:
    return f"{b64(json.dumps({'alg': alg, 'kid': '2026-1'}).encode())}.{b64(json.dumps(claims()).encode())}."


NOW = int(time.time())
HEAD = {"alg": "EdDSA", "typ": "JWT", "kid": "2026-1"}
REFUSED = {
    "nothing": lambda: "",
    "no token": lambda: "abc",
    "too long": lambda: "a" * 5000,
    "no bytes": lambda: "....",
    "alg none": _none,
    "alg None": lambda: _none("None"),
    "HS256 with the public key": _hs256_with_the_public_key,
    "alg eddsa": lambda: token(header={**HEAD, "alg": "eddsa"}),
    "a key in the header": lambda: token(key=OTHER, header={**HEAD, "jwk": {"x": b64(raw_public(OTHER))}}),
    "crit": lambda: token(header={**HEAD, "crit": ["x"]}),
    "another key": lambda: token(key=OTHER),
    "another kid": lambda: token(header={**HEAD, "kid": "2026-2"}),
    "no kid": lambda: token(header={"alg": "EdDSA"}),
    "kid no text": lambda: token(header={**HEAD, "kid": 1}),
    "another issuer": lambda: token(claims(iss="shop")),
    "another audience": lambda: token(claims(aud="https://shop.example.kz/cabinet/enter")),
    "a list of audiences": lambda: token(claims(aud=[f"{settings.SITE_URL}/cabinet/enter", "x"])),
    "expired": lambda: token(claims(iat=int(time.time()) - 200, exp=int(time.time()) - 140)),
    "just expired": lambda: token(claims(iat=int(time.time()) - 91, exp=int(time.time()) - 31)),
    "from the future": lambda: token(claims(iat=int(time.time()) + 60, exp=int(time.time()) + 120)),
    "lives too long": lambda: token(claims(exp=int(time.time()) + 3600)),
    "ends before it begins": lambda: token(claims(exp=int(time.time()) - 1)),
    "exp as text": lambda: token(claims(exp=str(int(time.time()) + 60))),
    "exp as true": lambda: token(claims(exp=True, iat=False)),
    "exp endless": lambda: token(claims(exp=float("inf"))),
    "no iat": lambda: token(claims(iat=None)),
    "no exp": lambda: token(claims(exp=None)),
    "no jti": lambda: token(claims(jti=None)),
    "a short jti": lambda: token(claims(jti="1")),
    "no sub": lambda: token(claims(sub=None)),
    "sub no text": lambda: token(claims(sub=17)),
    "sub of nobody": lambda: token(claims(sub="B-99")),
    "sub with a NUL": lambda: token(claims(sub="A\0")),
    "sub with a surrogate": lambda: token(claims(sub="A\ud800")),
    "tampered with": _tampered,
    "a name twice": _twice,
    "padded": lambda: token().replace(".", "=.", 1),
    "another spelling": lambda: token()[:-1] + chr(ord(token()[-1]) ^ 1),
    "cut": lambda: token()[:-10],
}


@pytest.mark.django_db
def test_whatever_is_wrong_is_refused_alike_and_says_nothing(person):
    pages, let_in = set(), []
    for how, make in REFUSED.items():
        client = Client(headers={"accept-language": "en"})
        answer = brought(make(), client=client)
        if answer.status_code != 403 or client.get("/cabinet/sessions/").status_code != 302:
            let_in.append(how)
        pages.add(answer.content.decode().split("<h1>")[1])
    assert let_in == []
    assert len(pages) == 1
    assert not CabinetSession.objects.exists()


@pytest.mark.django_db
def test_clocks_may_differ_by_half_a_minute(person):
    now = int(time.time())
    assert brought(token(claims(iat=now + 25, exp=now + 85))).status_code == 302
    assert brought(token(claims(iat=now - 80, exp=now - 20))).status_code == 302


@pytest.mark.django_db
def test_a_form_of_another_site_is_not_taken_and_no_token_in_an_address(person):
    client = Client()
    for origin in ("https://evil.example", "null", "", f"{SITE}.evil.example", SITE.upper()):
        assert brought(token(), origin=origin, client=client).status_code == 403, origin
        assert client.get("/cabinet/data/").url == "/cabinet/sign-in/"
    assert brought(token(), client=client).status_code == 302
    assert Client().get("/cabinet/enter", {"token": token()}).url == "/cabinet/sign-in/"


@pytest.mark.django_db
def test_a_key_that_was_ended_and_a_closed_cabinet_let_nobody_in(person):
    row = HandoverKey.objects.get()
    first, second = StaffUserFactory(), StaffUserFactory()
    with as_officer(first):
        opening.propose_closing(row, by=permit(first, "subjects.add_handoverkey"))
    assert brought(token()).status_code == 302, "until a second person has approved"
    with as_officer(second):
        opening.approve_closing(row, by=permit(second, "subjects.approve_handoverkey"))
    assert brought(token()).status_code == 403


@pytest.mark.django_db
def test_a_person_whose_cabinet_is_closed_is_not_let_in(person):
    person.standing = "deceased"
    person.save()
    assert brought(token()).status_code == 403


@pytest.mark.django_db
def test_who_is_known_twice_comes_in_by_the_file_that_leads(person):
    leading = DataSubjectFactory(client_number="B-1")
    duplicates.unite(leading=leading, following=person)
    assert brought(token()).status_code == 302
    assert CabinetSession.objects.get().subject == leading
    assert CabinetEvent.objects.get(kind="handed_over").subject == leading


@pytest.mark.django_db
def test_whoever_was_in_before_is_somebody_else_afterwards(person):
    from tests.subjects.cabinet import inside

    client = inside(DataSubjectFactory())
    before = client.cookies[settings.CABINET_COOKIE_NAME].value
    brought(token(), client=client)
    assert client.cookies[settings.CABINET_COOKIE_NAME].value != before
    assert CabinetSession.objects.latest("pk").subject == person


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changed",
    [
        {"public_key": "short"},
        {"public_key": b64(b"x" * 31)},
        {"public_key": "A" * 43},  # a point of small order: anybody's signature might hold
        {"public_key": b64(b"\xec" + b"\xff" * 31)},
        {"origin": "http://my.example.kz"},
        {"origin": "https://my.example.kz/page"},
        {"origin": "my.example.kz"},
        {"issuer": "My Site"},
    ],
)
def test_a_key_that_is_none_is_refused_with_a_sentence(changed):
    from django.core.exceptions import ValidationError

    officer = permit(StaffUserFactory(), "subjects.add_handoverkey")
    told = {"issuer": "site", "key_id": "1", "public_key": b64(raw_public(KEY)), "origin": SITE, **changed}
    with as_officer(officer), pytest.raises(ValidationError):
        opening.propose(HandoverKey(**told), by=officer)
