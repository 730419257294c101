"""The demo's mailbox: every letter that the house sent to its SMTP sink. No sign-in: all people are invented."""

import json
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple

from csp.decorators import csp
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from config.smtp_sink import read_message
from notifications.sms import Folder, channel

# as the sink names its files, which sort by the time they came
NAME = r"\d{8}T\d{6}\.\d{6}Z-\d{6,}-\d+"
PER_PAGE = 50
MOST_ADDRESS = 254
# a letter's links open a page of their own, as in a mail program: nothing of ours lets itself be framed
BASE = '<base target="_blank">'
# what a letter may do in its frame: be read
LETTER_POLICY = {
    "default-src": ["'none'"],
    "form-action": ["'none'"],
    "frame-ancestors": ["'self'"],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


class Row(NamedTuple):
    """A letter in the list."""

    name: str
    to: str
    subject: str
    at: datetime


def _folder() -> Path:
    return Path(settings.VAR, "mail")


def _names() -> list[str]:
    """Newest first."""
    return sorted((path.stem for path in _folder().glob("*.eml") if re.fullmatch(NAME, path.stem)), reverse=True)


def _recipients(name: str) -> str:
    """The envelope's, which the sink wrote above the letter: enough to search by without parsing it."""
    with (_folder() / f"{name}.eml").open(encoding="ascii", errors="replace") as file:
        front = (line.partition(": ") for line in iter(file.readline, ""))
        found = []
        for header, _colon, value in front:
            if header not in ("Return-Path", "Delivered-To"):
                break
            if header == "Delivered-To":
                found.append(value.strip())
    return ", ".join(found)


def _read(name: str) -> EmailMessage:
    try:
        return read_message(_folder() / f"{name}.eml")
    except FileNotFoundError:
        raise Http404 from None


def _row(name: str, message: EmailMessage) -> Row:
    at = datetime.strptime(name.partition("Z")[0], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
    return Row(name, ", ".join(message.get_all("Delivered-To", [])), str(message["Subject"] or ""), at)


def _sender(message: EmailMessage) -> str:
    """Python's own reading of an address puts a space between the encoded words of a long name [ran]."""
    raw = next((value for name, value in message.raw_items() if name.lower() == "from"), "")
    return " ".join(str(make_header(decode_header(str(raw)))).split())


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    return str(body.get_content()) if body else ""


@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    """The newest letters; `?q=` a part of an address, `?before=` the name of the last one of the page before."""
    query = request.GET.get("q", "").strip()[:MOST_ADDRESS]
    before = request.GET.get("before", "")
    names = [name for name in _names() if not before or name < before]
    rows: list[Row] = []
    more = False
    for name in names:
        try:
            if query and query.casefold() not in _recipients(name).casefold():
                continue
            if more := len(rows) == PER_PAGE:
                break
            rows.append(_row(name, _read(name)))
        except (FileNotFoundError, Http404):  # the sink keeps so many and lets the oldest go
            continue
    return render(
        request,
        "demo/mailbox.html",
        {"rows": rows, "query": query, "before": before, "older": rows[-1].name if more else ""},
    )


class Text(NamedTuple):
    """An SMS in the list."""

    to: str
    text: str
    at: datetime


@require_safe
def telephone(request: HttpRequest) -> HttpResponse:
    """The newest SMS of the demo's telephone."""
    phone = channel()
    paths = sorted(phone.path.glob("*.json"), reverse=True)[:PER_PAGE] if isinstance(phone, Folder) else []
    told = [json.loads(path.read_text()) for path in paths]
    rows = [Text(one["to"], one["text"], datetime.fromisoformat(one["at"])) for one in told]
    return render(request, "demo/telephone.html", {"rows": rows})


@require_safe
def letter(request: HttpRequest, name: str) -> HttpResponse:
    """One letter: who it is to, its text, and its HTML in a frame."""
    message = _read(name)
    return render(
        request,
        "demo/letter.html",
        {
            "letter": _row(name, message),
            "sender": _sender(message),
            "text": _part(message, "plain"),
            "has_html": bool(_part(message, "html")),
        },
    )


@require_safe
@xframe_options_sameorigin
@csp(LETTER_POLICY)
def letter_html(request: HttpRequest, name: str) -> HttpResponse:
    """The HTML of a letter as it was sent, in a sandbox: no scripts, no styles, nothing from elsewhere."""
    html = _part(_read(name), "html")
    if not html:
        raise Http404
    return HttpResponse(re.sub(r"<head[^>]*>", lambda found: found[0] + BASE, html, count=1))
