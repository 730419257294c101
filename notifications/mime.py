"""A letter as bytes: rendered once per language, split at its placeholders, joined per recipient.

Python's e-mail object tree costs about a millisecond a letter; joining bytes costs microseconds, so the
costly part is done once for a campaign (DESIGN 6). Both bodies are quoted-printable, because base64 would
swallow the places where a link or a code is put in later.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.header import Header, decode_header, make_header
from email.utils import format_datetime, formataddr, getaddresses
from hashlib import sha256
from html import escape
from typing import Any

from django.template import Context, Engine
from django.utils import translation

LANGUAGES = ("kk", "ru", "en")
PLACEHOLDERS = ("to", "message_id", "cabinet_link", "not_mine_link", "code")
BODY_PLACEHOLDERS = PLACEHOLDERS[2:]

# RFC 5322 2.1.1: the longest line a server must take, without its CRLF.
MAX_LINE = 998
# RFC 2045 6.7: a quoted-printable line has 76 characters, the last of them may be the soft break's "=".
_MAX_QUOTED = 75
_MAX_LINK = 2000

_OUR_HEADERS = {"date", "from", "reply-to", "sender", "to", "cc", "bcc", "message-id", "subject"}
_OUR_HEADERS |= {"auto-submitted", "mime-version", "return-path"}

# The token is random per process, so no text that an officer writes can pass for a marker.
_TOKEN = secrets.token_hex(8)
_MARKERS = {name: f"zz{_TOKEN}{name.replace('_', '')}zz" for name in PLACEHOLDERS}
_NAMES = {marker: name for name, marker in _MARKERS.items()}
_MARKER = re.compile("(" + "|".join(_NAMES) + ")")

_KIND = re.compile(r"[a-z][a-z0-9_]*")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOMAIN = r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_DOMAIN}")
_MESSAGE_ID = re.compile(rf"<[A-Za-z0-9.-]{{1,100}}@{_DOMAIN}>")
# RFC 3986 without the apostrophe and brackets, which an HTML attribute or a mail reader may misread.
_LINK = re.compile(rf"https?://[A-Za-z0-9._~:/?#@!$&()*+,;=%-]{{1,{_MAX_LINK}}}")
_CODE = re.compile(r"[A-Z0-9-]{1,32}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A letter in one language whose placeholders are still markers."""

    subject: str
    text: str
    html: str
    language: str

    def html_with(self, values: Mapping[str, str]) -> str:
        """The HTML part with `values` where the markers stand: for a page that shows a letter, never for sending."""
        return _MARKER.sub(lambda found: escape(values[_NAMES[found[0]]]), self.html)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A letter ready to be filled: bytes, and between them the names of what goes there.

    `needs` are the body placeholders `fill` must be given, no more and no fewer.
    """

    parts: tuple[bytes | str, ...]
    needs: frozenset[str]
    language: str

    def fill(self, *, to: str, message_id: str, date: datetime, **links: str) -> bytes:
        """The letter of one recipient: 7-bit, CRLF line ends, lines of at most 998 octets.

        `to` is an ASCII address (a domain already in punycode), `message_id` has its angle brackets, `date`
        is aware, `links` are the body placeholders named by `needs`. Raises ValueError, without the value in
        its text, for anything that is not such a value; so no value can add a header (ASVS 1.3.11).
        """
        if links.keys() != self.needs:
            raise ValueError(_mismatch(given=set(links), needed=self.needs))
        if date.tzinfo is None:
            raise ValueError("The date of a letter has no time zone: pass an aware datetime.")
        if not _MESSAGE_ID.fullmatch(message_id) or len(message_id) > 250:
            raise ValueError("The Message-ID is not <letters and digits@domain>: make it with message_id().")
        values = {
            "to": check_address(to).encode("ascii"),
            "message_id": message_id.encode("ascii"),
            "date": format_datetime(date).encode("ascii"),
        }
        for name, value in links.items():
            if not (_CODE if name == "code" else _LINK).fullmatch(value):
                raise ValueError(_bad_value(name))
            values[name] = _fold(value)
            values[name + " html"] = _fold(value.replace("&", "&amp;")) if "&" in value else values[name]
        return b"".join([values[part] if isinstance(part, str) else part for part in self.parts])

    @staticmethod
    def sha256(data: bytes) -> str:
        """Hex SHA-256 of the bytes `fill` made, for the delivery event: what exactly was sent."""
        return sha256(data).hexdigest()


def render(kind: str, language: str, context: Mapping[str, Any], *, engine: Engine | None = None) -> Rendered:
    """Render `letters/<kind>/<language>.{subject.txt,txt,html}` with every placeholder as a marker.

    Templates write `{{ cabinet_link }}`, `{{ not_mine_link }}`, `{{ code }}`; `context` must not name them.
    The two plain-text files are not HTML-escaped. Raises ValueError for an unknown kind or language or a
    context that names a placeholder, TemplateDoesNotExist when a file is missing.
    """
    if not _KIND.fullmatch(kind):
        raise ValueError(f"{kind!r} is not a kind of letter: a folder name of small letters, digits and _.")
    if language not in LANGUAGES:
        raise ValueError(f"Letters are written in {', '.join(LANGUAGES)}, not in {language!r}.")
    if taken := sorted(context.keys() & _MARKERS.keys()):
        raise ValueError(f"{', '.join(taken)} is filled in per recipient: take it out of the context.")
    engine = engine or Engine.get_default()

    def part(suffix: str, *, escape: bool) -> str:
        template = engine.get_template(f"letters/{kind}/{language}.{suffix}")
        return template.render(Context({**context, **_MARKERS}, autoescape=escape))

    with translation.override(language):
        return Rendered(
            subject=" ".join(part("subject.txt", escape=False).split()),
            text=part("txt", escape=False),
            html=part("html", escape=True),
            language=language,
        )


def compose(
    rendered: Rendered, *, sender: str, reply_to: str | None = None, headers: Mapping[str, str] | None = None
) -> Compiled:
    """Make the MIME of a rendered letter, once per language and campaign.

    `sender` and `reply_to` are `address` or `Name <address>`, the name in clear or encoded. The result is
    multipart/alternative with `Auto-Submitted: auto-generated` (RFC 3834) and no List-Unsubscribe: a notice
    the law demands is not a subscription (policy 9.2). Raises ValueError when a placeholder stands in the
    subject or in one body only or was changed by a filter, or a header is not one line or is ours to write.
    """
    text, text_needs = _quoted_body(rendered.text, slot="{}")
    html, html_needs = _quoted_body(rendered.html, slot="{} html")
    if text_needs != html_needs:
        odd = ", ".join(sorted(text_needs ^ html_needs))
        raise ValueError(f"{odd} stands in one of the two bodies only: put it into both .txt and .html.")
    if not rendered.subject or _TOKEN in rendered.subject.lower():
        raise ValueError("The subject is empty or has a placeholder: make it one plain line for all.")
    # "=_" can occur in no quoted-printable text, so the boundary never collides, whatever is filled in.
    boundary = "=_" + sha256(repr((rendered.subject, text, html)).encode()).hexdigest()[:32]
    lines = [_address_header("From", sender)]
    if reply_to:
        lines.append(_address_header("Reply-To", reply_to))
    lines.append(_text_header("Subject", rendered.subject))
    lines.append("Auto-Submitted: auto-generated")
    lines += [_extra_header(name, value) for name, value in (headers or {}).items()]
    lines += [
        f"Content-Language: {rendered.language}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"',
    ]
    parts: list[bytes | str] = [
        b"Date: ", "date", b"\r\nTo: ", "to", b"\r\nMessage-ID: ", "message_id", b"\r\n",
        "\r\n".join(lines).encode("ascii"), b"\r\n\r\n",
        _part_head(boundary, "plain"), *text, b"\r\n", _part_head(boundary, "html"), *html,
        f"\r\n--{boundary}--\r\n".encode(),
    ]  # fmt: skip
    compiled = Compiled(parts=_joined(parts), needs=text_needs, language=rendered.language)
    for part in compiled.parts:
        if isinstance(part, bytes) and any(len(line) > MAX_LINE for line in part.split(b"\r\n")):
            raise ValueError(f"A line of the letter is longer than {MAX_LINE} octets: shorten the header.")
    return compiled


def message_id(letter_key: str, domain: str) -> str:
    """`<hash@domain>`, always the same for the same letter, so that receivers can drop a repeat (RFC 7352).

    Only a SHA-256 of the key is shown: the header tells nothing about the letter or its addressee.
    """
    if not letter_key or not re.fullmatch(_DOMAIN, domain):
        raise ValueError("A Message-ID needs the letter's key and an ASCII domain (punycode).")
    return f"<{sha256(f'kelisim letter {letter_key}'.encode()).hexdigest()[:40]}@{domain}>"


def check_address(address: str) -> str:
    """The address itself if it can be written into a header and an SMTP command as it is (RFC 5321 4.1.2).

    Raises ValueError, which never quotes the address. Quoted and non-ASCII local parts are refused.
    """
    if not address.isascii():
        raise ValueError("The address is not ASCII: write its domain in punycode, or ask for another one.")
    if len(address) > 254 or address.find("@") > 64 or not _ADDRESS.fullmatch(address):
        raise ValueError("The address is not of the form name@domain, or is longer than mail allows.")
    return address


def _quoted_body(body: str, *, slot: str) -> tuple[list[bytes | str], frozenset[str]]:
    """Quoted-printable literals and slot names in turn.

    A value sits on an encoded line of its own, between soft breaks which the reader removes, so whatever its
    length the lines around it keep theirs and it may stand inside an HTML attribute.
    """
    body = re.sub(r"\r\n?", "\n", body).strip("\n") + "\n"
    pieces = _MARKER.split(body)
    literals, names = pieces[::2], [_NAMES[marker] for marker in pieces[1::2]]
    if misplaced := sorted(set(names) - set(BODY_PLACEHOLDERS)):
        raise ValueError(f"{', '.join(misplaced)} belongs to the headers: take it out of the letter's body.")
    if any(_TOKEN in literal.lower() for literal in literals):
        raise ValueError("A template filter changed a placeholder: print placeholders without filters.")
    parts: list[bytes | str] = []
    for index, literal in enumerate(literals):
        quoted = "\r\n".join(_quote(line.encode("utf-8")) for line in literal.split("\n"))
        if index and not quoted.startswith("\r\n"):
            quoted = "=\r\n" + quoted
        if index < len(names) and quoted and not quoted.endswith("\r\n"):
            quoted += "=\r\n"
        parts.append(quoted.encode("ascii"))
        if index < len(names):
            parts.append(slot.format(names[index]))
    return parts, frozenset(names)


def _quote(line: bytes) -> str:
    """One line of text as quoted-printable lines of at most 75 characters (RFC 2045 6.7)."""
    encoded = [chr(octet) if 32 <= octet < 127 and octet != 61 else f"={octet:02X}" for octet in line]
    if encoded and encoded[-1] == " ":
        encoded[-1] = "=20"
    lines, width = [""], 0
    for token in encoded:
        if width + len(token) > _MAX_QUOTED:
            lines.append("")
            width = 0
        lines[-1] += token
        width += len(token)
    return "=\r\n".join(lines)


def _fold(value: str) -> bytes:
    """A checked ASCII value as quoted-printable; on the path of every letter, so not octet by octet."""
    quoted, lines = value.replace("=", "=3D"), []
    while len(quoted) > _MAX_QUOTED:
        escape = quoted.find("=", _MAX_QUOTED - 2, _MAX_QUOTED)  # never cut a =3D in two
        cut = escape if escape > 0 else _MAX_QUOTED
        lines.append(quoted[:cut])
        quoted = quoted[cut:]
    return "=\r\n".join([*lines, quoted]).encode("ascii")


def _joined(parts: list[bytes | str]) -> tuple[bytes | str, ...]:
    """The same parts with neighbouring bytes made one."""
    joined: list[bytes | str] = []
    for part in parts:
        if joined and isinstance(part, bytes) and isinstance(joined[-1], bytes):
            joined[-1] += part
        elif part:
            joined.append(part)
    return tuple(joined)


def _part_head(boundary: str, subtype: str) -> bytes:
    return (
        f"--{boundary}\r\nContent-Type: text/{subtype}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    ).encode()


def _extra_header(name: str, value: str) -> str:
    lowered = name.lower()
    if not re.fullmatch(r"[A-Za-z0-9-]{1,60}", name) or lowered.startswith("content-"):
        raise ValueError(f"{name!r} cannot be an extra header of a letter.")
    if lowered in _OUR_HEADERS:
        raise ValueError(f"The header {name} is written by the system: take it out of the extra headers.")
    return _text_header(name, value)


def _text_header(name: str, value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError(f"The header {name} has a line break or a control character: make it one line.")
    # An ASCII text that looks like an encoded word would be decoded by the reader: encode it as well.
    charset = "us-ascii" if value.isascii() and "=?" not in value else "utf-8"
    return f"{name}: " + Header(value, charset, header_name=name).encode(linesep="\r\n")


def _address_header(name: str, value: str) -> str:
    if len(parsed := getaddresses([value])) != 1:
        raise ValueError(f"The header {name} is not one address on one line: quote a name that has a comma.")
    display, address = str(make_header(decode_header(parsed[0][0]))), check_address(parsed[0][1])
    if display.isascii() and "=?" not in display:
        return _text_header(name, formataddr((display, address)))
    return f"{_text_header(name, display)}\r\n <{address}>"


def _mismatch(*, given: set[str], needed: frozenset[str]) -> str:
    missing, extra = ", ".join(sorted(needed - given)), ", ".join(sorted(given - needed))
    return "The letter " + " and ".join(
        filter(None, [missing and f"needs {missing}", extra and f"has no place for {extra}"])
    ) + "."  # fmt: skip


def _bad_value(name: str) -> str:
    shape = "capital letters, digits and hyphens" if name == "code" else "an http or https URL in ASCII"
    return f"The value of {name} is not {shape}."
