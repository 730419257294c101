"""The register of processing as PDF and XLSX, in Kazakh or Russian: its number, date, signatory and digest."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typst
from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from audit.spreadsheet import Sheet, workbook
from transfers import processing
from transfers.models import ProcessingRegister

TEMPLATES = Path(settings.BASE_DIR) / "templates" / "registers"


def _head(row: ProcessingRegister | None, content: dict[str, Any], language: str) -> list[tuple[str, str]]:
    """What the file says of itself, in the language that is active."""
    operator = content["operator"]
    told = [
        (
            _("Operator"),
            ", ".join(part for part in ((operator["name"] or {}).get(language, ""), operator["bin"]) if part),
        ),
        (_("Responsible person"), operator["responsible"]),
        (_("SHA-256 of the content"), row.sha256 if row else processing.digest(content)),
    ]
    if row is None:
        made = f"{timezone.localtime():%d.%m.%Y %H:%M}"
        return [*told, (_("Signatory"), _("not signed")), (_("Made"), made)]
    return [
        (_("Number"), str(row.number)),
        *told,
        (_("Signatory"), row.signatory),
        (_("Signed"), f"{timezone.localtime(row.at):%d.%m.%Y %H:%M}"),
    ]


def as_xlsx(row: ProcessingRegister | None, content: dict[str, Any], language: str) -> bytes:
    """Three sheets: the register, countries and measures, what the file is. row: None for what is not signed."""
    with translation.override(language):
        about = [[_("Register of processing of personal data"), ""], *map(list, _head(row, content, language))]
        rest = [[_("Countries")], *([line] for line in processing.countries(content, language))]
        rest += [[_("Measures of protection")], *([line] for line in processing.measures(content, language))]

        def table() -> Iterator[list[str]]:
            yield [str(column.title) for column in processing.COLUMNS]
            for purpose in content["purposes"]:
                lines = processing.cells(purpose, language)
                yield ["\n".join(lines[column.code]) for column in processing.COLUMNS]

        return workbook([Sheet(_("Register"), table()), Sheet(_("Measures"), rest), Sheet(_("About"), about)])


def as_pdf(row: ProcessingRegister | None, content: dict[str, Any], language: str) -> bytes:
    """A landscape PDF/A with a line for the signature; the same bytes for the same signed register."""
    with translation.override(language):
        told = {
            "language": language,
            "title": _("Register of processing of personal data"),
            "head": _head(row, content, language),
            "columns": [str(column.title) for column in processing.COLUMNS],
            "rows": [
                [processing.cells(purpose, language)[column.code] for column in processing.COLUMNS]
                for purpose in content["purposes"]
            ],
            "countries": [_("Countries"), *processing.countries(content, language)],
            "measures": [_("Measures of protection"), *processing.measures(content, language)],
            "signature": _("Signature"),
            "signatory": row.signatory if row else "",
            "page": _("page"),
        }
    moment: datetime = row.at if row else timezone.now()
    return typst.compile(
        str(TEMPLATES / "processing.typ"),
        root=str(TEMPLATES),
        ignore_system_fonts=True,
        sys_inputs={"register": json.dumps(told, ensure_ascii=False)},
        timestamp=moment.astimezone(UTC).replace(microsecond=0),
        pdf_standards=["a-2a"],
    )
