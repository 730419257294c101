"""The register of transfers as a file: XLSX, PDF, JSON, with its date and who took it out (94-V art. 25)."""

import json
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple

import typst
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import get_language, gettext, pgettext

from audit.spreadsheet import ROWS, Sheet, workbook
from staff.models import Operator, StaffUser
from transfers.enums import checks_in_words
from transfers.models import Transfer

TEMPLATES = Path(settings.BASE_DIR) / "templates" / "registers"
# a longer register is no reading matter: it is taken out as a spreadsheet
MOST_ON_PAPER = 5_000
# rows of a kind of file; the heading of a workbook takes one of its sheet's. JSON is as long as the register
MOST = {"pdf": MOST_ON_PAPER, "xlsx": ROWS - 1}
_CHUNK = 2_000


class Head(NamedTuple):
    """What a register says of itself: whose, of which days, when it was made and by whom."""

    operator: str
    since: date
    until: date
    made_at: datetime
    signatory: str


def head(*, since: date, until: date, by: StaffUser) -> Head:
    """since, until: first and last day, in the time of Kazakhstan."""
    operator = Operator.current()
    name = by.get_full_name() or by.username
    signatory = f"{name}, {by.position}" if by.position else name
    return Head(str(operator or ""), since, until, timezone.localtime(), signatory)


def between(since: date, until: date) -> dict[str, datetime]:
    """{lookup: moment} of these days, the last one included."""
    zone = timezone.get_current_timezone()
    # not the day after: the last day of all has none
    return {"at__gte": datetime.combine(since, time.min, zone), "at__lte": datetime.combine(until, time.max, zone)}


def of_days(rows: QuerySet[Transfer], since: date, until: date) -> QuerySet[Transfer]:
    """Rows of these days, the last one included, oldest first."""
    return (
        rows.filter(**between(since, until))
        .select_related("subject", "recipient", "purpose", "release")
        .defer("inputs")
        .order_by("pk")
    )


def fits(rows: QuerySet[Transfer], kind: str) -> bool:
    """Whether a file of this kind (pdf, xlsx, json) holds so many rows; counted no further than that."""
    most = MOST.get(kind)
    return most is None or rows.order_by()[: most + 1].count() <= most


def columns() -> list[str]:
    """The headings, in the reader's language."""
    return [
        gettext("Number"), gettext("When"), gettext("Data subject"), gettext("Recipient"), gettext("Purpose"),
        gettext("Direction"), gettext("Data"), gettext("Decision"), gettext("Legal ground"),
        gettext("Checks not passed"), gettext("Sent"), gettext("SHA-256 of what was sent"),
    ]  # fmt: skip


def lines(rows: QuerySet[Transfer], titles: dict[str, str]) -> Iterator[list[Any]]:
    """The cells of every row. titles: {code: title} of the categories. Read in chunks, never all at once."""
    for row in rows.iterator(chunk_size=_CHUNK):
        release = getattr(row, "release", None)
        yield [
            row.pk,
            row.at,
            row.subject.reference,
            str(row.recipient),
            str(row.purpose),
            row.get_direction_display(),
            ", ".join(titles.get(code, code) for code in row.categories),
            row.decision_in_words,
            row.get_ground_display() if row.ground else "",
            checks_in_words(row.failed),
            release.at if release else None,
            release.payload_sha256 if release else "",
        ]


def as_xlsx(rows: QuerySet[Transfer], about: Head, titles: dict[str, str]) -> bytes:
    """Two sheets: the register, and what it is."""
    facts = [
        [gettext("Register of transfers"), about.operator],
        [pgettext("period", "From"), about.since],
        [pgettext("period", "To"), about.until],
        [gettext("Made"), about.made_at],
        [gettext("Signatory"), about.signatory],
    ]

    def table() -> Iterator[list[Any]]:
        yield columns()
        yield from lines(rows, titles)

    return workbook([Sheet(gettext("Register"), table()), Sheet(gettext("About"), facts)])


def as_json(rows: QuerySet[Transfer], about: Head) -> Iterator[str]:
    """The text of a JSON object, piece by piece; codes and ids, so that a program reads it in any language."""
    told = {
        "register": "transfers",
        "operator": about.operator,
        "from": about.since.isoformat(),
        "to": about.until.isoformat(),
        "made_at": about.made_at.isoformat(),
        "signatory": about.signatory,
    }
    yield json.dumps(told, ensure_ascii=False)[:-1] + ', "transfers": ['
    for place, row in enumerate(rows.iterator(chunk_size=_CHUNK)):
        release = getattr(row, "release", None)
        yield (",\n" if place else "\n") + json.dumps(
            {
                "id": str(row.public_id),
                "at": row.at.isoformat(),
                "subject": row.subject.reference,
                "recipient": row.recipient.code,
                "purpose": row.purpose.code,
                "direction": row.direction,
                "categories": row.categories,
                "decision": row.decision,
                "shadow": row.shadow,
                "ground": row.ground,
                "failed": row.failed,
                "inputs_sha256": row.inputs_sha256,
                "released_at": release.at.isoformat() if release else None,
                "payload_sha256": release.payload_sha256 if release else None,
            },
            ensure_ascii=False,
        )
    yield "\n]}\n"


def _on_paper(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%d.%m.%Y %H:%M}"
    return "" if value is None else str(value)


def as_pdf(rows: QuerySet[Transfer], about: Head, titles: dict[str, str]) -> bytes:
    """A landscape table with a line for the signature; of at most MOST rows, which the caller looks to."""
    told = {
        "language": (get_language() or "ru")[:2],
        "title": gettext("Register of transfers of personal data"),
        "operator": about.operator,
        "period": f"{about.since:%d.%m.%Y} – {about.until:%d.%m.%Y}",
        "made": f"{gettext('Made')}: {about.made_at:%d.%m.%Y %H:%M}",
        "signatory": f"{gettext('Signatory')}: {about.signatory}",
        "signature": gettext("Signature"),
        "page": gettext("page"),
        # the digest has no room on paper; JSON and XLSX have it
        "columns": columns()[:-1],
        "rows": [[_on_paper(cell) for cell in line[:-1]] for line in lines(rows, titles)],
    }
    return typst.compile(
        str(TEMPLATES / "transfers.typ"),
        root=str(TEMPLATES),
        ignore_system_fonts=True,
        sys_inputs={"register": json.dumps(told, ensure_ascii=False)},
        pdf_standards=["a-2a"],
    )
