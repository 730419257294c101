"""Our letters to who demanded data: in Kazakh or Russian, on paper, kept with their SHA-256 (94-V art. 15).

A letter names the other side's letter and our number of the demand, and no person: whom it is about, their letter says.
"""

import hashlib
import json
from pathlib import Path

import typst
from django.conf import settings
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from staff.citations import cited
from staff.models import Operator
from subjects.models import DataCategory
from transfers.models import DemandLetter, InboundDemand
from transfers.models.demands import DemandRefusal
from transfers.package_files import File

TEMPLATES = Path(settings.BASE_DIR) / "templates" / "registers"


def make(demand: InboundDemand, *, kind: str, file: File | None = None) -> DemandLetter:
    """Make and keep the letter of a demand that is decided. file: what goes with it."""
    content = pdf(demand, kind=kind, file=file)
    return DemandLetter.objects.create(
        demand=demand,
        kind=kind,
        language=demand.language,
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
    )


def _day(moment: object) -> str:
    return date_format(moment, "DATE_FORMAT")


def _refusal(demand: InboundDemand) -> list[str]:
    article = cited(demand.article) or _("not named")
    told = {
        DemandRefusal.NO_GROUND: _(
            "The data you ask for make up the secrecy of the microcredit and are personal data. We may give them only "
            "on a ground named by law or by an agreement in force with you, and as it says; for what you ask there is "
            "no such ground (article named by you: %(article)s). If there is one that we do not know of, name it, and "
            "we will look at your letter again."
        )
        % {"article": article},
        DemandRefusal.INCOMPLETE: _(
            "Your letter lacks what the law asks of such a demand: the article on which it is made, or the sanction "
            "where one is due (article named by you: %(article)s). We will look at it again when it is complete."
        )
        % {"article": article},
        DemandRefusal.UNKNOWN_PERSON: _("We hold no personal data on the person named in your letter."),
        DemandRefusal.NOTHING_HELD: _("We hold none of the data on the person named in your letter that you ask for."),
    }
    return [_("We cannot give the data you ask for."), told[DemandRefusal(demand.refusal)]]


def _answer(demand: InboundDemand, file: File | None) -> list[str]:
    titles = {row.code: str(row) for row in DataCategory.objects.filter(code__in=demand.categories)}
    listed = "; ".join(titles.get(code, code) for code in sorted(demand.categories))
    told = [
        _("We send you the data you asked for about the person named in your letter: %(categories)s.")
        % {"categories": listed},
        _(
            "The data are confidential. They are used only for the purpose named in your letter and are given to "
            "nobody else, unless a law says so."
        ),
    ]
    if file is not None:
        told.append(_("SHA-256 of the file that goes with this letter: %(sha256)s.") % {"sha256": file.sha256})
    return told


def pdf(demand: InboundDemand, *, kind: str, file: File | None = None) -> bytes:
    """The letter in the demand's language; PDF/A, for archives."""
    operator, language = Operator.current(), demand.language
    with translation.override(language):
        refused = kind == DemandLetter.Kind.REFUSAL
        number = {"number": demand.letter_number, "day": _day(demand.letter_date)}
        told = {
            "language": language,
            "operator": operator.name(language) if operator else "",
            "address": (getattr(operator, f"address_{language}", "") or operator.address_ru) if operator else "",
            "bin": _("BIN %(bin)s") % {"bin": operator.bin} if operator and operator.bin else "",
            "to": demand.body,
            "head": f"№ {demand} · {_day(timezone.localdate())}",
            "on": _("To your letter No. %(number)s of %(day)s") % number,
            "title": _("Refusal to give data") if refused else _("Answer to the demand"),
            "paragraphs": _refusal(demand) if refused else _answer(demand, file),
            "responsible": _("Responsible person"),
            "person": operator.responsible_person if operator else "",
            "signature": _("Signature"),
        }
    return typst.compile(
        str(TEMPLATES / "demand.typ"),
        root=str(TEMPLATES),
        ignore_system_fonts=True,
        sys_inputs={"letter": json.dumps(told, ensure_ascii=False)},
        pdf_standards=["a-2a"],
    )
