"""What an officer or the person put right here, and what an older file or system would put back (94-V art. 24)."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db.models import Max, Q
from django.utils.translation import gettext_lazy as _
from simple_history.utils import get_history_manager_for_model

from subjects import vault
from subjects.csv_problems import RowProblem
from subjects.csv_rows import SubjectRow
from subjects.enums import Source, Standing
from subjects.models import DataSubject, PersonalData
from subjects.vault import Parts, Value

# whoever has put a value right: an officer, or the person in one way or another
BY_HAND = (Source.OFFICER, Source.CABINET, Source.FORM, Source.PHONE)
# {data category: columns of a row that bring it, the one that is named first}
COLUMNS = {
    "full_name": ("last_name", "first_name", "patronymic"),
    "iin": ("iin",),
    "mobile_phone": ("phone",),
    "email": ("email",),
}
# {data category: where a value that is held is put right instead}: who a person is, and where codes to sign in go
OWN_PAGES = {
    "iin": _("An IIN is corrected under “Corrections of IINs”: by a document, and a second officer approves it."),
    "email": _("An e-mail is corrected on its own page, because codes to sign in go there."),
    "mobile_phone": _(
        "A mobile phone is changed by the person in the cabinet, under “My phone and e-mail”, or comes with the import"
        " of data subjects, because codes to sign in go there."
    ),
}
_STANDINGS = list(Standing.values)


class Stands(ValidationError):
    """What is held stays: it was put right here, or has a page of its own; `code` is one of the two."""


def brought(row: SubjectRow, category: str) -> dict[str, str]:
    """The parts of the value that the row brings in the category; nothing for empty cells."""
    if category != "full_name":
        text = getattr(row, COLUMNS[category][0])
        return {"value": text} if text else {}
    names = {"last": row.last_name, "first": row.first_name, "patronymic": row.patronymic}
    return {key: value for key, value in names.items() if value}


def check_has_no_page(category: str) -> None:
    """Whether a held value of the category is put right like any other. Raises ValidationError that names the page."""
    if category in OWN_PAGES:
        raise ValidationError(OWN_PAGES[category], code="own_page")


def check_system_may_tell(
    subject: DataSubject, category: str, *, held: Sequence[Value], ready: Sequence[Parts], source: str, job: str
) -> None:
    """Whether a system's words may take the place of what is held. Raises Stands.

    A first value is news, and so is what the person said lately by the system's form (`source`); a value that has a
    page of its own, or that was put right or taken away here, is an officer's to decide about.
    """
    fresh = [parts for parts in ready if parts not in [value.parts for value in held]]
    gone = [value for value in held if value.parts not in ready]
    if category in OWN_PAGES and held and (fresh or gone):
        raise Stands(OWN_PAGES[category], code="own_page")
    if source in BY_HAND:
        return
    corrected = any(value.source in BY_HAND for value in gone)
    if corrected or (fresh and any(parts in fresh for parts in _left(category, [subject.pk], job).get(subject.pk, []))):
        raise Stands(
            _(
                "The person or an officer put this right here. If your system knows better, tell it as a verification"
                " that differs, and an officer decides."
            ),
            code="corrected_here",
        )


def _left(category: str, subject_ids: Sequence[int], job: str) -> dict[int, list[dict[str, str]]]:
    """{person: values that somebody corrected or took away}; one query when nobody did, four otherwise."""
    past = get_history_manager_for_model(PersonalData).filter(category__code=category, subject__in=subject_ids)
    by_hand = Q(source__in=BY_HAND) & ~Q(history_type="-")
    taken = Q(history_type="-") & (Q(actor__startswith="officer:") | Q(actor__startswith="subject:"))
    last = dict(past.filter(by_hand | taken).values_list("subject").annotate(Max("history_id")).order_by())
    if not last:
        return {}
    former = {
        pk: subject
        for pk, subject in past.filter(subject__in=last).values_list("history_id", "subject")
        if pk <= last[subject]
    }
    opened = vault.open_former_for(job, history_ids=list(former), category=category, standings=_STANDINGS)
    held = vault.open_for(job, subject_ids=list(last), category=category)
    left: dict[int, list[dict[str, str]]] = {}
    for pk, parts in opened.items():
        if parts not in held.get(former[pk], []):
            left.setdefault(former[pk], []).append(parts)
    return left


def keep(
    pairs: Sequence[tuple[DataSubject, SubjectRow]], *, job: str
) -> tuple[dict[int, SubjectRow], list[RowProblem]]:
    """({number of a row: the row without what it would put back}, a warning for each such value).

    Only a value the person had before the correction is kept out: another one is news and is taken. Four queries when
    nothing was ever corrected. job: as for `vault.open_for`.
    """
    rows, warnings = {row.number: row for _subject, row in pairs}, []
    for category, columns in COLUMNS.items():
        wanted = {subject.pk: row.number for subject, row in pairs if brought(row, category)}
        left = _left(category, list(wanted), job) if wanted else {}
        for subject, values in left.items():
            row = rows[wanted[subject]]
            if brought(row, category) in values:
                rows[row.number] = row._replace(**dict.fromkeys(columns, ""))
                warnings.append(RowProblem(row.number, columns[0], "corrected_here", {}))
    return rows, warnings
