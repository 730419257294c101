"""The receipt of a consent on paper: PDF/A-3 for archives, readable aloud (PDF/UA), with the signed JSON inside it."""

import io
import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import segno
import typst
from django.conf import settings
from django.utils import timezone, translation

from consent.form_text import term_in_words
from consent.models import ConsentEvent
from consent.receipts import CONSENTING, UNKNOWN_LANGUAGE, as_file
from consent.scope_words import Scopes

TEMPLATES = Path(settings.BASE_DIR) / "templates" / "receipts"


def qr_text(receipt: dict[str, Any]) -> str:
    """What the QR code says: enough to tell from the paper whether a file is the receipt it was printed of."""
    proof = receipt["proof"]
    return f"kelisim-receipt:{receipt['receipt_id']}:{proof['key_id']}:{proof['signature']}"


def _qr(receipt: dict[str, Any]) -> str:
    drawing = io.BytesIO()
    segno.make(qr_text(receipt), error="m", micro=False).save(drawing, kind="svg", xmldecl=False, border=2)
    return drawing.getvalue().decode()


def _when(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return f"{local:%d.%m.%Y, %H:%M:%S} (UTC{local.isoformat()[-6:]})"


def _page(event: ConsentEvent, receipt: dict[str, Any], language: str) -> dict[str, Any]:
    """What the template does not find in the receipt: codes in words, local times, the QR code."""
    scope = receipt["pii_processing"]["service"]
    with translation.override(language):
        return {
            "language": language,
            "kind": event.get_kind_display()[:1].upper() + event.get_kind_display()[1:],
            "event_time": _when(event.occurred_at),
            "recorded_time": _when(event.at),
            "until": _when(event.valid_until) if event.valid_until else None,
            "consenting": event.kind in CONSENTING,
            "about": Scopes.of(event.subject).in_words(event.scope) if scope and event.subject else None,
            "channel": event.get_channel_display(),
            "trust": event.get_trust_display(),
            "term": (term_in_words(event.version, event.language or language) or None) if event.version else None,
            "qr": _qr(receipt),
            "date": {"year": event.at.year, "month": event.at.month, "day": event.at.day},
        }


def pdf(event: ConsentEvent, receipt: dict[str, Any]) -> bytes:
    """The PDF of an event's signed receipt, in the language the person saw; the same bytes for the same receipt."""
    language = receipt["pii_processing"]["language"]
    language = "ru" if language == UNKNOWN_LANGUAGE else language
    compiled = partial(
        typst.compile,
        str(TEMPLATES / "receipt.typ"),
        root=str(TEMPLATES),
        ignore_system_fonts=True,
        sys_inputs={"receipt": as_file(receipt), "page": json.dumps(_page(event, receipt, language))},
        timestamp=event.at.astimezone(UTC).replace(microsecond=0),
    )
    try:
        return compiled(pdf_standards=["a-3a", "ua-1"])
    except typst.TypstError:
        # a sign that no font here has, an emoji in a form: a box on paper, itself in the attached receipt
        return compiled()
