import email
import email.policy
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.utils import formataddr, parseaddr

import django
import pytest
from django.conf import settings
from django.template import Engine, TemplateDoesNotExist
from hypothesis import example, given
from hypothesis import strategies as st

from notifications import mime
from notifications.mime import (
    BODY_PLACEHOLDERS,
    LANGUAGES,
    MAX_LINE,
    Compiled,
    Rendered,
    check_address,
    compose,
    message_id,
    render,
)

if not settings.configured:  # run alone, without the project
    settings.configure(USE_I18N=True)
    django.setup()

WHEN = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
LINKS = {
    "cabinet_link": "https://kelisim.example/cabinet/?next=/policy/&t=abc=",
    "not_mine_link": "https://kelisim.example/not-mine/" + "x" * 200,
}
SENDER = "Құпиялық кеңсесі <office@mfo.kz>"

KK = {
    "subject.txt": "Құпиялық саясаты өзгерді: {{ title }}\n",
    "txt": "Сәлеметсіз бе!\n{{ summary }}\n\n{{ cabinet_link }}\nМенің хатым емес: {{ not_mine_link }}.\n",
    "html": '<p>{{ summary }}</p><p><a href="{{ cabinet_link }}">Кабинет</a> <a href="{{ not_mine_link }}">x</a></p>',
}


@pytest.fixture
def templates(tmp_path):
    """Write a letter's templates; gives the engine that reads them."""

    def write(kind="policy_changed", language="kk", **parts):
        folder = tmp_path / "letters" / kind
        folder.mkdir(parents=True, exist_ok=True)
        for suffix, text in {**KK, **parts}.items():
            (folder / f"{language}.{suffix}").write_text(text, encoding="utf-8")
        return Engine(dirs=[str(tmp_path)])

    return write


def fill(compiled, *, to="aigul@example.kz", key="letter-1", **links):
    return compiled.fill(to=to, message_id=message_id(key, "mfo.kz"), date=WHEN, **{**LINKS, **links})


def read(data):
    return email.message_from_bytes(data, policy=email.policy.default)


def bodies(data):
    letter = read(data)
    parts = letter.get_body(["plain"]), letter.get_body(["html"])
    return tuple(part.get_content().replace("\r\n", "\n") for part in parts)


def plain_letter(text="{}", html="{}", *, subject="Subject", language="ru", links=("cabinet_link",)):
    """A Rendered with the markers of `links` in the place of {}, without template files."""
    markers = " ".join(mime._MARKERS[name] for name in links)
    return Rendered(subject, text.format(markers), html.format(markers), language)


# A letter as its reader sees it


def test_a_reader_sees_the_letter_in_kazakh_with_the_links_of_his_own(templates):
    rendered = render("policy_changed", "kk", {"title": "№ 2", "summary": "Әр тармақ"}, engine=templates())

    letter = read(fill(compose(rendered, sender=SENDER, reply_to="dpo@mfo.kz")))

    assert letter["Subject"] == "Құпиялық саясаты өзгерді: № 2"
    assert letter["From"] == "Құпиялық кеңсесі <office@mfo.kz>"
    assert letter["Reply-To"] == "dpo@mfo.kz"
    assert letter["To"] == "aigul@example.kz"
    assert letter["Content-Language"] == "kk"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Date"].datetime == WHEN
    assert letter["Message-ID"] == message_id("letter-1", "mfo.kz")
    assert letter["List-Unsubscribe"] is None
    assert letter.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in letter.iter_parts()] == ["text/plain", "text/html"]
    text, html = bodies(letter.as_bytes())
    assert text == (
        f"Сәлеметсіз бе!\nӘр тармақ\n\n{LINKS['cabinet_link']}\nМенің хатым емес: {LINKS['not_mine_link']}.\n"
    )
    assert '<a href="https://kelisim.example/cabinet/?next=/policy/&amp;t=abc=">Кабинет</a>' in html
    assert letter.defects == []


def test_each_recipient_gets_his_own_letter_from_one_rendering(templates):
    compiled = compose(render("policy_changed", "kk", {}, engine=templates()), sender=SENDER)

    first = fill(compiled, to="one@example.kz", key="1", cabinet_link="https://k.kz/1")
    second = fill(compiled, to="two@example.kz", key="2", cabinet_link="https://k.kz/2")

    assert "https://k.kz/1\n" in bodies(first)[0]
    assert "https://k.kz/2\n" in bodies(second)[0]
    assert b"two@" not in first
    assert b"one@" not in second
    assert first == fill(compiled, to="one@example.kz", key="1", cabinet_link="https://k.kz/1")
    assert Compiled.sha256(first) != Compiled.sha256(second)
    assert len(Compiled.sha256(first)) == 64


def test_a_letter_with_a_code(templates):
    body = {"subject.txt": "Код", "txt": "Код: {{ code }}", "html": "<b>{{ code }}</b>"}
    compiled = compose(render("sign_in", "ru", {}, engine=templates("sign_in", "ru", **body)), sender=SENDER)

    data = compiled.fill(to="a@b.kz", message_id=message_id("1", "mfo.kz"), date=WHEN, code="049213")

    assert bodies(data) == ("Код: 049213\n", "<b>049213</b>\n")
    assert compiled.needs == {"code"}


def test_plain_text_is_not_escaped_and_html_is(templates):
    engine = templates()

    rendered = render("policy_changed", "kk", {"title": "«A & B»", "summary": "<b>1 & 2</b>"}, engine=engine)

    assert "«A & B»" in rendered.subject
    assert "<b>1 & 2</b>" in rendered.text
    assert "&lt;b&gt;1 &amp; 2&lt;/b&gt;" in rendered.html


@pytest.mark.parametrize(("language", "month"), [("ru", "ноября"), ("en", "November")])
def test_dates_are_in_the_language_of_the_letter(templates, language, month):
    body = {"subject.txt": "S", "txt": '{{ when|date:"j E" }}', "html": "x"}

    rendered = render("policy_changed", language, {"when": WHEN}, engine=templates(language=language, **body))

    assert rendered.text == f"23 {month}"
    assert rendered.language == language


def test_a_subject_on_several_lines_becomes_one(templates):
    engine = templates(**{"subject.txt": "One\n  two {{ title }}\n"})

    rendered = render("policy_changed", "kk", {"title": "x\r\nBcc: evil@x.kz"}, engine=engine)

    assert rendered.subject == "One two x Bcc: evil@x.kz"
    assert read(fill(compose(rendered, sender=SENDER)))["Bcc"] is None


def test_the_same_letter_keeps_its_message_id_and_another_has_another():
    assert message_id("7", "mfo.kz") == message_id("7", "mfo.kz")
    assert message_id("7", "mfo.kz") != message_id("8", "mfo.kz")
    assert re.fullmatch(r"<[0-9a-f]{40}@mfo\.kz>", message_id("aigul@example.kz", "mfo.kz"))


# What wires demand

WORDS = st.text(alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=400)


@given(text=WORDS, html=WORDS, subject=st.text(min_size=1, max_size=300), language=st.sampled_from(LANGUAGES))
@example(text="a \nb ", html="<p> \n.\n..x", subject="Kelisim", language="en")
def test_whatever_is_written_arrives_unchanged_in_short_ascii_lines(text, html, subject, language):
    subject = " ".join(subject.encode("utf-8", "ignore").decode().split())
    if not subject or re.search(r"[\x00-\x1f\x7f-\x9f]", subject):
        return
    text, html = text.replace("{", "(").replace("}", ")"), html.replace("{", "(").replace("}", ")")
    rendered = plain_letter(f"{text}{{}}{text}", f"{html}{{}}{html}", subject=subject, language=language)

    data = compose(rendered, sender=SENDER).fill(
        to="a@b.kz", message_id=message_id("1", "mfo.kz"), date=WHEN, cabinet_link=LINKS["cabinet_link"]
    )

    assert data.isascii()
    assert max(map(len, data.split(b"\r\n"))) <= MAX_LINE
    assert data.count(b"\r\n") == data.count(b"\r") == data.count(b"\n")
    encoded_bodies = data.split(b"quoted-printable\r\n\r\n", 1)[1]
    assert b" \r\n" not in encoded_bodies  # a relay may strip it, RFC 2045 6.7
    assert max(map(len, encoded_bodies.split(b"\r\n"))) <= 76
    letter = read(data)
    plain, marked = (part.get_payload(decode=True).decode() for part in letter.iter_parts())
    assert plain == crlf(f"{text}{LINKS['cabinet_link']}{text}")
    assert marked == crlf(f"{html}{LINKS['cabinet_link'].replace('&', '&amp;')}{html}")
    assert str(make_header(decode_header(email.message_from_bytes(data)["Subject"]))) == subject


def crlf(text):
    return re.sub(r"\r\n?", "\n", text).strip("\n").replace("\n", "\r\n") + "\r\n"


@pytest.mark.parametrize("shift", range(4))
def test_a_link_longer_than_a_line_is_whole_again_for_its_reader(shift):
    link = "https://k.kz/?" + "x" * shift + "a=b&" * 450

    data = compose(plain_letter(), sender=SENDER).fill(
        to="a@b.kz", message_id=message_id("1", "k.kz"), date=WHEN, cabinet_link=link
    )

    assert bodies(data)[0] == link + "\n"
    assert max(map(len, data.split(b"\r\n"))) <= 78


def test_a_long_kazakh_subject_is_folded_and_read_back():
    subject = "Құпиялылық саясатына өзгерістер енгізілді " * 12

    data = compose(plain_letter(subject=subject.strip(), links=()), sender=SENDER).fill(
        to="a@b.kz", message_id=message_id("1", "k.kz"), date=WHEN
    )

    assert read(data)["Subject"] == subject.strip()
    assert max(map(len, data.split(b"\r\n"))) <= 78


# Refusals


GOOD = {
    "to": "a@b.kz",
    "message_id": "<1@mfo.kz>",
    "cabinet_link": "https://k.kz/c",
    "not_mine_link": "https://k.kz/n",
    "code": "123456",
}
JUNK = ["\r\nBcc: x@y.kz", "\n", "\r", "\x00", "\r\n\r\n", "\r\n.\r\n", " ", "ә", "\u2028", "<", ">", '"', "="]


@given(
    name=st.sampled_from(sorted(GOOD)),
    junk=st.sampled_from(JUNK) | st.text(min_size=1, max_size=20),
    at=st.integers(0, 20),
)
@example(name="message_id", junk="\r\nBcc: x@y.kz", at=20)
@example(name="to", junk="\n", at=20)
def test_no_value_can_add_a_header_or_a_line(name, junk, at):
    compiled = compose(plain_letter(links=BODY_PLACEHOLDERS), sender=SENDER)
    value = GOOD[name][:at] + junk + GOOD[name][at:]

    def refusal(bad):
        with pytest.raises(ValueError, match=r"\.") as caught:
            compiled.fill(date=WHEN, **{**GOOD, name: bad})
        return str(caught.value)

    try:
        data = compiled.fill(date=WHEN, **{**GOOD, name: value})
    except ValueError as error:
        assert str(error) in {refusal("\n"), refusal("ә")}  # the sentence does not depend on the value
        return
    assert not re.search(r"[^!-~]", value)
    good = compiled.fill(date=WHEN, **GOOD)
    assert read(data).keys() == read(good).keys()
    assert data.replace(b"=\r\n", b"").count(b"\r\n") == good.replace(b"=\r\n", b"").count(b"\r\n")
    if name in BODY_PLACEHOLDERS:
        assert value in bodies(data)[0].split()
    else:
        assert read(data)["to" if name == "to" else "message-id"] == value


BAD_ADDRESSES = [
    "", "aigul", "@b.kz", "a@", "a b@c.kz", "әйгүл@example.kz", "a@мысал.kz", "a@b.kz, c@d.kz", "<a@b.kz>",
    "a@b.kz\n", '"a b"@c.kz', "a@b@c.kz", "a..b@c.kz", "a" * 65 + "@b.kz", "a@" + "b" * 260 + ".kz",
]  # fmt: skip


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_an_address_that_cannot_be_written_as_it_is_is_refused_without_being_shown(address):
    with pytest.raises(ValueError, match="address") as caught:
        check_address(address)

    assert len(address) < 3 or address not in str(caught.value)


@pytest.mark.parametrize("address", ["a@b.kz", "aigul.k+x@xn--80aswg.kz", "o'neil@mail.example.com", "root@localhost"])
def test_an_ordinary_address_is_taken(address):
    assert check_address(address) == address


@pytest.mark.parametrize(
    ("links", "complaint"),
    [
        ({}, "needs cabinet_link"),
        ({"cabinet_link": "https://k.kz/", "code": "1"}, "no place for code"),
        ({"cabinet_link": "javascript:alert(1)"}, "cabinet_link is not an http"),
        ({"cabinet_link": 'https://k.kz/"onclick="x'}, "cabinet_link is not an http"),
        ({"cabinet_link": "https://k.kz/<b>"}, "cabinet_link is not an http"),
        ({"cabinet_link": "https://k.kz/'x"}, "cabinet_link is not an http"),
        ({"cabinet_link": "https://k.kz/ә"}, "cabinet_link is not an http"),
    ],
)
def test_a_letter_is_filled_with_exactly_what_it_names(links, complaint):
    compiled = compose(plain_letter(), sender=SENDER)

    with pytest.raises(ValueError, match=complaint):
        compiled.fill(to="a@b.kz", message_id="<1@k.kz>", date=WHEN, **links)


def test_a_date_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        compose(plain_letter(links=()), sender=SENDER).fill(
            to="a@b.kz", message_id="<1@k.kz>", date=WHEN.replace(tzinfo=None)
        )


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ({"txt": "no link {{ not_mine_link }}"}, "cabinet_link stands in one of the two bodies"),
        ({"html": "no link {{ not_mine_link }}"}, "cabinet_link stands in one of the two bodies"),
        ({"html": "{{ cabinet_link|upper }} {{ not_mine_link }}"}, "filter changed a placeholder"),
        ({"txt": "{{ cabinet_link }} {{ not_mine_link|truncatechars:30 }}"}, "filter changed a placeholder"),
        ({"subject.txt": "{{ code }}"}, "subject is empty or has a placeholder"),
        ({"subject.txt": "\n"}, "subject is empty or has a placeholder"),
        ({"txt": "{{ cabinet_link }} {{ not_mine_link }} {{ to }}"}, "to belongs to the headers"),
    ],
)
def test_a_template_that_loses_or_misplaces_a_placeholder_is_refused(templates, parts, complaint):
    rendered = render("policy_changed", "kk", {}, engine=templates(**parts))

    with pytest.raises(ValueError, match=complaint):
        compose(rendered, sender=SENDER)


def test_text_of_an_officer_cannot_pass_for_a_placeholder(templates):
    rendered = render("policy_changed", "kk", {"summary": "{{ code }} zzcodezz"}, engine=templates())

    compiled = compose(rendered, sender=SENDER)

    assert "code" not in compiled.needs
    assert "{{ code }} zzcodezz" in bodies(fill(compiled))[0]


@pytest.mark.parametrize(
    ("kind", "language", "context", "error"),
    [
        ("../settings", "kk", {}, ValueError),
        ("policy_changed", "de", {}, ValueError),
        ("policy_changed", "kk", {"cabinet_link": "https://k.kz"}, ValueError),
        ("policy_changed", "ru", {}, TemplateDoesNotExist),
    ],
)
def test_a_letter_nobody_wrote_is_not_rendered(templates, kind, language, context, error):
    with pytest.raises(error):
        render(kind, language, context, engine=templates())


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Campaign": "1\r\nBcc: a@b.kz"},
        {"X-Campaign": "1\u2028"},
        {"X Campaign": "1"},
        {"X-Campaign:": "1"},
        {"Bcc": "a@b.kz"},
        {"content-type": "text/plain"},
        {"X-Long": "x" * 1200},
    ],
)
def test_an_extra_header_that_is_ours_or_not_one_line_is_refused(headers):
    with pytest.raises(ValueError, match="header"):
        compose(plain_letter(), sender=SENDER, headers=headers)


@pytest.mark.parametrize("sender", ["a@b.kz\r\nBcc: x@y.kz", "Name", "Имя <имя@b.kz>", "a@b.kz, c@d.kz"])
def test_a_sender_that_is_no_single_address_is_refused(sender):
    with pytest.raises(ValueError, match="address"):
        compose(plain_letter(), sender=sender)


@pytest.mark.parametrize("name", ["Ordinary", "МФО «Сенім», ЖШС", 'Quotes "and" \\ more', "Ә" * 90])
def test_the_name_of_the_sender_is_read_as_written(name):
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'

    data = compose(plain_letter(links=()), sender=f"{quoted} <office@mfo.kz>", headers={"X-Kind": "notice"}).fill(
        to="a@b.kz", message_id="<1@k.kz>", date=WHEN
    )

    # Python 3.11's new parser puts a space between encoded words of a name, against RFC 2047 6.2.
    header = email.message_from_bytes(data)["From"]
    decoded = str(make_header(decode_header(header)))
    assert parseaddr(header)[1] == "office@mfo.kz"
    assert decoded.removesuffix("<office@mfo.kz>").strip() in (name, quoted)
    assert read(data)["X-Kind"] == "notice"


def test_a_name_already_encoded_is_not_encoded_twice():
    sender = formataddr(("МФО «Сенім», ЖШС", "office@mfo.kz"), charset="utf-8")

    data = compose(plain_letter(links=()), sender=sender).fill(to="a@b.kz", message_id="<1@k.kz>", date=WHEN)

    assert read(data)["From"].addresses[0].display_name == "МФО «Сенім», ЖШС"
