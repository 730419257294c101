"""The letter to whoever got the data, in Kazakh and Russian: our numbers of the transfers, and no person (ADR 14)."""

import hashlib
import json
from datetime import UTC
from pathlib import Path
from typing import NamedTuple

import typst
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone

from staff.models import Operator
from subjects.models import DataCategory
from transfers.models import RecipientNotice, Transfer

LANGUAGES = ("kk", "ru")
TEMPLATES = Path(settings.BASE_DIR) / "templates" / "registers"


class Prepared(NamedTuple):
    """texts: {language: plain text for an e-mail}; pdf: both on paper, the same bytes while nothing changed."""

    texts: dict[str, str]
    pdf: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.pdf).hexdigest()


def prepare(task: RecipientNotice) -> Prepared:
    """The letter of a task; four queries. task: with `recipient`."""
    operator = Operator.current()
    titles = {row.code: row for row in DataCategory.objects.filter(code__in=task.categories)}
    sent = Transfer.objects.filter(pk__in=task.transfers).select_related("release").defer("inputs").order_by("pk")
    transfers = [
        {
            "id": str(row.public_id),
            "day": f"{timezone.localtime(row.release.at):%d.%m.%Y}",
            "reference": row.release.reference,
        }
        for row in sent
    ]
    texts = {}
    for language in LANGUAGES:
        names = [getattr(titles.get(code), f"title_{language}", "") or code for code in task.categories]
        texts[language] = render_to_string(
            f"recipient_letters/{task.reason}.{language}.txt",
            {
                "recipient": getattr(task.recipient, f"title_{language}", "") or task.recipient.code,
                "number": f"P-{task.pk}",
                "categories": ", ".join(names),
                "transfers": transfers,
                "operator_name": operator.name(language) if operator else "",
                "operator_email": operator.email if operator else "",
            },
        )
    pdf = typst.compile(
        str(TEMPLATES / "recipient_letter.typ"),
        root=str(TEMPLATES),
        ignore_system_fonts=True,
        sys_inputs={"letter": json.dumps(texts, ensure_ascii=False), "number": f"P-{task.pk}"},
        timestamp=task.opened_at.astimezone(UTC).replace(microsecond=0),
        pdf_standards=["a-2a"],
    )
    return Prepared(texts, pdf)
