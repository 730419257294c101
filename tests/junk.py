"""Input nobody should send: what a fuzzer types into fields, uploads and puts into JSON. Reproducible by its seed."""

import json
import random
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import quote

from django.core.files.uploadedfile import SimpleUploadedFile

TEXTS = (
    "", " ", "\t\r\n", "\0", "a\0b", "\x1b[31m", "\u202e\u2066", "\ufeff", "\ud83d", "é" * 40, "́" * 50,
    "🧿" * 20, "ә" * 400, "x" * 5_000, "-1", "0", "1", "2", "00", "1e9", "1e400", "NaN", "Infinity", "-0.0", "٣",
    "१२३", "99999999999999999999", "9223372036854775808", "2147483648", "0x10", "1_000", "½", "²", "true", "null", "None",
    "[]", "{}", "[1]", "2026-02-30", "0000-00-00", "0001-01-01", "9999-12-31", "10000-01-01", "2026-11-30T25:00", "24:00",
    "31.12.9999", "2026-W01-1", "850314390019", "850314390018", "85031439001О", "+77012345678", "+7 701 12", "8(701)",
    "KZ86125KZT5004100100", "a@b", "a@example.kz", "a@пример.қаз", '"<a>"@x.kz', "S-000001", "S-999999999999", "s-0",
    "00000000-0000-0000-0000-000000000000", "' OR 1=1 --", "%s%d%(x)s{0}{x}", "<script>alert(1)</script>", "../../etc/passwd",
    "${jndi:ldap://x}", "=cmd|' /C calc'!A0", "\\x00\\u0000", "kk", "ru", "en", "xx", "approve", "КЗ", "C1", "C99", "P1Y",
    "P99999999Y", "P-1D", "//evil.example", "https://x\n", "javascript:1",
)  # fmt: skip
BYTES = (
    b"", b"\0" * 100, b"\xff\xfe\x00\x01", b"\xef\xbb\xbf", b"%PDF-1.7 %%EOF", b"PK\x03\x04" + b"\0" * 50,
    b"client_number;iin\nK-1;850314390019\n", b'client_number\n"', b"# 1. A\n\n1.1. B\n", "әғқ\n".encode("utf-16"),
    "Номер".encode("cp1251"), b"a" * 20_000, b"\n" * 500, b",,,\n,,,\n", b"\x89PNG\r\n\x1a\n",
)  # fmt: skip
LETTERS = "aZ0 9.-+/@%'\"<>\\;:әҚіЖя\u0661\u200d\u0301\n\t{}[]()"


class Field(NamedTuple):
    """A field of a form: its name, its kind, the values a browser would offer, the one that stands in it."""

    name: str
    kind: str
    offered: tuple[str, ...]
    value: str


class Form(NamedTuple):
    action: str
    fields: tuple[Field, ...]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.action: str | None = None
        self.fields: dict[str, Field] = {}
        self.select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method", "").lower() == "post":
            self.action, self.fields = given.get("action", ""), {}
        elif self.action is not None and tag in ("input", "textarea", "select", "button"):
            self._field(tag, given)
        elif tag == "option" and self.select:
            field = self.fields[self.select]
            self.fields[self.select] = field._replace(offered=(*field.offered, given.get("value", "")))

    def _field(self, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if not name or name == "csrfmiddlewaretoken":
            return
        kind, value = given.get("type", tag) if tag == "input" else tag, given.get("value", "")
        old = self.fields.get(name)
        offered = (*(old.offered if old else ()), *([value] if value else []))
        self.fields[name] = Field(name, kind, offered, value)
        self.select = name if tag == "select" else self.select

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.select = None
        if tag == "form" and self.action is not None:
            self.forms.append(Form(self.action, tuple(self.fields.values())))
            self.action = None


def forms(page: str) -> list[Form]:
    """The forms of a page that post."""
    reader = _Reader()
    reader.feed(page)
    return reader.forms


def text(rnd: random.Random) -> str:
    """One of the known horrors, or letters thrown together; never what UTF-8 cannot carry."""
    if rnd.random() < 0.7:
        found = rnd.choice(TEXTS)
    else:
        found = "".join(rnd.choices(LETTERS, k=rnd.choice((1, 2, 7, 12, 40, 300))))
    return found.encode("utf-8", "replace").decode()


def filled(form: Form, rnd: random.Random) -> dict[str, Any]:
    """The form as a fuzzer posts it: some fields as offered, some junk, some missing, some twice, some nobody asked."""
    given: dict[str, Any] = {}
    spoiled = rnd.random()
    for field in form.fields:
        dice = rnd.random()
        if field.kind == "file":
            given[field.name] = SimpleUploadedFile("x.csv", rnd.choice(BYTES))
            # a browser sends the name it likes, "..", say; only here it would not be let through
            given[field.name]._name = text(rnd)[:50] or "x.csv"
        elif dice < 0.08:
            continue
        elif field.offered and dice < 0.08 + spoiled * 0.8:
            given[field.name] = rnd.choice(field.offered)
        elif dice > 0.95:
            given[field.name] = [text(rnd), text(rnd), *field.offered[:1]]
        else:
            given[field.name] = text(rnd)
    if rnd.random() < 0.1:
        given[text(rnd)[:40] or "x"] = text(rnd)
    return given


def value(rnd: random.Random, depth: int = 0) -> Any:
    """Any JSON."""
    kinds = 5 if depth > 3 else 7
    match rnd.randrange(kinds):
        case 0:
            return rnd.choice((None, True, False))
        case 1:
            return rnd.choice((0, -1, 1, 2**31, 2**63, -(2**70), 10**30, 0.1, 1e308, -0.0))
        case 5:
            return [value(rnd, depth + 1) for _ in range(rnd.choice((0, 1, 3, 30)))]
        case 6:
            return {text(rnd)[:30]: value(rnd, depth + 1) for _ in range(rnd.choice((0, 1, 4)))}
        case _:
            return text(rnd)


def body(schema: dict, document: dict, rnd: random.Random) -> bytes:
    """A body that looks like the schema, spoiled here and there; now and then no JSON at all."""
    if rnd.random() < 0.05:
        return rnd.choice((*BYTES, b"{", b"[" * 500, b'{"a":1,"a":2}', b"NaN", b'"\\ud800"', b"\xff"))
    return json.dumps(_like(schema, document, rnd)).encode()


def _like(schema: dict, document: dict, rnd: random.Random, depth: int = 0) -> Any:
    if "$ref" in schema:
        return _like(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document, rnd, depth)
    if rnd.random() < 0.12 or depth > 6:
        return value(rnd)
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return _like(rnd.choice(options), document, rnd, depth + 1)
    if "enum" in schema:
        return rnd.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    match schema.get("type"):
        case "object":
            made = {
                name: _like(part, document, rnd, depth + 1)
                for name, part in schema.get("properties", {}).items()
                if rnd.random() > 0.08
            }
            extra = schema.get("additionalProperties")
            if isinstance(extra, dict):
                made |= {text(rnd)[:20]: _like(extra, document, rnd, depth + 1) for _ in range(rnd.randrange(3))}
            return made
        case "array":
            return [
                _like(schema.get("items", {}), document, rnd, depth + 1) for _ in range(rnd.choice((0, 1, 1, 2, 25)))
            ]
        case "integer" | "number":
            return rnd.choice((0, 1, -1, 7, 2**31, 2**63, 1.5, 10**40))
        case "boolean":
            return rnd.random() < 0.5
        case "null":
            return None
        case _:
            if schema.get("format") == "date-time":
                return rnd.choice(("2026-11-20T10:00:00+05:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"))
            return text(rnd)


def path(template: str, known: dict[str, Sequence[str]], rnd: random.Random) -> str:
    """A path with its parts filled in: with what there is, or with junk."""
    parts = []
    for part in template.split("/"):
        if part.startswith("{"):
            name = part.strip("{}")
            there = known.get(name)
            parts.append(quote(rnd.choice(there) if there and rnd.random() < 0.7 else text(rnd)[:60] or "x", safe=""))
        else:
            parts.append(part)
    return "/".join(parts)


def quoted(rnd: random.Random) -> str:
    """Text as a part of an address."""
    return quote(text(rnd), safe="")
