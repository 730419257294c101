"""What the subject file says of the person and of the data: which, from whom, how, checked or not."""

from collections.abc import Iterable
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import get_language, gettext, pgettext
from django.utils.translation import gettext_lazy as _

from audit import past
from staff.models import Operator
from subjects.disclosure import told as disclosed
from subjects.models import (
    Death,
    DocumentSeen,
    IinCorrection,
    PersonalData,
    PersonLink,
    Representative,
    SourceSystem,
    TechnicalHolding,
    Verification,
)
from subjects.restraint_forms import CODE_LABELS, PART_LABELS
from subjects.subject_file import LEFT_OUT, SECTIONS, Cell, Reading, Section, Table, choice, day, text, when
from subjects.vault import Value

GONE = _("destroyed: nobody can open it any more")


def joined(words: Iterable[object]) -> str:
    return ", ".join(str(word) for word in words)


def who(reading: Reading) -> Table:
    """The confirmation that we process, who we are, and as whom we know the person (94-V art. 24(1))."""
    subject = reading.subject
    operator = next(iter(past.rows(Operator, reading.at)), None)
    told: list[Cell] = [text(None)] * 4
    if operator:
        told = [
            text(operator.name(_language())),
            text(operator.bin),
            text(getattr(operator, f"address_{_language()}", "") or operator.address_ru),
            text(joined(filter(None, [operator.email, operator.phone]))),
        ]
    if not reading.known:
        confirmed = gettext(
            "At that moment you did not stand in these records yet. Below is what was written later about that time."
        )
    elif _shown(reading):
        confirmed = gettext("We confirm that we process personal data about you. What, why and how long stands below.")
    else:
        confirmed = gettext("We hold no values of yours. What we know of our dealings with you stands below.")
    columns = {
        "operator": _("Operator"), "bin": _("BIN"), "address": _("Address"), "contacts": _("Contacts"),
        "reference": _("Your number with us"), "kind": _("Who you are to us"), "standing": _("Standing"),
        "language": _("Language of letters"), "since": _("Known to us since"),
    }  # fmt: skip
    row = [
        *told, text(subject), choice(subject, "kind"), choice(subject, "standing"), choice(subject, "language"),
        day(subject.created_at),
    ]  # fmt: skip
    return Table(columns, [row], (confirmed,))


def _language() -> str:
    """The language the file is being made in."""
    return (get_language() or "ru")[:2]


def _shown(reading: Reading) -> list[PersonalData]:
    """The values the person may know of, as held then, in the order of the approved list."""
    order = {row.pk: place for place, row in enumerate(sorted(reading.categories.values(), key=_place))}
    rows = disclosed(PersonalData, reading.subject, reading.at)
    return sorted(rows, key=lambda row: (order.get(row.category_id, len(order)), row.pk))


def _place(category: Any) -> tuple[int, str]:
    return category.order, category.code


def data(reading: Reading) -> Table:
    """Every value: its category, where it came from and how, whether it was checked; itself, if a door opened it."""
    rows = _shown(reading)
    titles = {row.pk: row for row in reading.categories.values()}
    checks: dict[int, Verification] = {}
    for check in past.rows(Verification, reading.at, value__in=[row.pk for row in rows]):
        checks[check.value_id] = check
    columns = {"category": _("Data category")}
    if reading.values is not None:
        columns["value"] = _("Value")
    columns |= {
        "origin": _("Source"), "source": _("Method"), "collected": _("Collected"),
        "access": _("access"), "checked": _("Checked"),
    }  # fmt: skip
    found = []
    for row in rows:
        category = titles[row.category_id]
        value = [_value(reading.values.get(row.pk))] if reading.values is not None else []
        found.append(
            [
                Cell(str(category), category.code), *value, choice(row, "origin"), choice(row, "source"),
                day(row.collected_at), choice(category, "access"), _checked(checks.get(row.pk)),
            ]
        )  # fmt: skip
    words = (
        ()
        if reading.values is not None or not rows
        else (gettext("The values themselves are not opened in this file."),)
    )
    return Table(columns, found, words)


def _value(value: Value | None) -> Cell:
    if value is None:
        return Cell(str(GONE))
    return Cell(in_words(value), value.parts)


def in_words(value: Value) -> str:
    """A value as a person reads it: its parts, codes in words."""
    parts = {name: str(CODE_LABELS.get(part, part)) for name, part in value.parts.items() if part}
    if value.category == "full_name":
        return " ".join(parts[name] for name in ("last", "first", "patronymic") if name in parts)
    if set(parts) == {"value"}:
        return parts["value"]
    if "value" in parts:
        return f"{parts.pop('value')} ({joined(parts.values())})"
    return "; ".join(f"{PART_LABELS.get(name, name)}: {part}" for name, part in parts.items())


def _checked(check: Verification | None) -> Cell:
    if check is None:
        return text(None)
    words = f"{check.get_result_display()}: {check.get_against_display()}, {day(check.checked_at).text}"
    return Cell(words, {"result": check.result, "against": check.against, "at": when(check.checked_at).value})


def technical(reading: Reading) -> Table:
    """What the site recorded by itself and our systems keep: where, of which days, how much; never the records."""
    systems = past.by_id(SourceSystem, reading.at)
    titles = {row.pk: row for row in reading.categories.values()}
    columns = {
        "category": _("Data category"), "system": _("System"), "first": _("first day"),
        "last": _("last day"), "count": _("records"),
    }  # fmt: skip
    return Table(
        columns,
        [
            [
                Cell(str(titles[row.category_id]), titles[row.category_id].code),
                Cell(str(systems[row.system_id]), systems[row.system_id].code),
                day(row.during.lower), day(row.last_day), Cell(number_format(row.count), row.count),
            ]
            for row in past.rows(TechnicalHolding, reading.at, subject=reading.subject)
        ],
    )  # fmt: skip


def documents(reading: Reading) -> Table:
    """Documents that were seen; no copy of any is kept (94-V art. 7)."""
    columns = {
        "kind": _("document"), "last_four": _("last four characters of the number"), "seen": _("seen on"),
    }  # fmt: skip
    rows = DocumentSeen.objects.filter(subject=reading.subject, **reading.until()).order_by("pk")
    return Table(columns, [[choice(r, "kind"), text(r.last_four), day(r.seen_on)] for r in rows])


def relations(reading: Reading) -> Table:
    """Who acts for the person, for whom they act, who they are to others; of others nothing but that."""
    columns = {
        "relation": _("relation"), "basis": _("basis"), "acts": _("what they may do"),
        "from": _("valid from"), "until": _("valid until"), "ended": _("ended at"),
    }  # fmt: skip
    found: list[list[Cell]] = []
    roles = (
        (gettext("acts for you"), "subject", "acts_for_you"),
        (gettext("you act for them"), "representative", "you_act"),
    )
    for words, field, code in roles:
        for row in past.rows(Representative, reading.at, **{field: reading.subject}):
            acts = [Representative.Act(act) for act in row.acts]
            found.append(
                [
                    Cell(words, code), choice(row, "basis"), Cell(joined(act.label for act in acts), list(row.acts)),
                    day(row.valid_from), day(row.valid_until), day(row.ended_at),
                ]
            )  # fmt: skip
    sides = ((gettext("linked with you: %(kind)s"), "subject", "named_by_you"),
             (gettext("you are linked with somebody: %(kind)s"), "other", "names_you"))  # fmt: skip
    for sentence, field, code in sides:
        for link in past.rows(PersonLink, reading.at, **{field: reading.subject}):
            told = Cell(sentence % {"kind": link.get_kind_display()}, {"link": link.kind, "side": code})
            found.append([told, text(None), text(None), day(link.created_at), text(None), day(link.ended_at)])
    return Table(columns, found)


def life(reading: Reading) -> Table:
    """Another IIN that was proposed, a death that was recorded: an error about either must be seen to be disputed."""
    columns = {"what": _("what happened"), "at": _("recorded at"), "state": _("state"), "since": _("since")}
    found = []
    for row in past.rows(IinCorrection, reading.at, without=("sealed_iin",), subject=reading.subject):
        if row.approved_at:
            state = Cell(pgettext("another IIN", "corrected"), "approved")
        elif row.declined_at:
            state = Cell(pgettext("another IIN", "declined"), "declined")
        else:
            state = Cell(gettext("waits for a second person"), "open")
        what = Cell(gettext("another IIN, by a document"), "iin")
        found.append([what, when(row.proposed_at), state, when(row.approved_at or row.declined_at or row.proposed_at)])
    for row in past.rows(Death, reading.at, subject=reading.subject):
        state = (
            Cell(pgettext("death", "stands"), "stands")
            if row.stands
            else Cell(pgettext("death", "undone as a mistake"), "undone")
        )
        what = Cell(
            gettext("death on %(day)s, by a document") % {"day": day(row.died_on).text},
            {"death": row.died_on.isoformat()},
        )
        found.append([what, when(row.recorded_at), state, when(row.undone_at or row.recorded_at)])
    return Table(columns, found)


SECTIONS += [
    Section(0, "confirmation", _("Who processes your data"), ("subjects.DataSubject",), who),
    Section(
        10, "data", _("Your data: list, sources, methods"), ("subjects.PersonalData", "subjects.Verification"), data
    ),
    Section(12, "technical", _("Technical data in our systems"), ("subjects.TechnicalHolding",), technical),
    Section(
        67, "life", _("Corrections of your IIN, and a death that was recorded"),
        ("subjects.IinCorrection", "subjects.Death"), life,
    ),
    Section(68, "documents", _("Documents seen"), ("subjects.DocumentSeen",), documents),
    Section(
        70, "relations", _("Representatives and linked people"),
        ("subjects.Representative", "subjects.PersonLink"), relations,
    ),
]  # fmt: skip
LEFT_OUT |= {
    "subjects.DisputedAddress": "says of an e-mail or phone that stands in `data` that an officer looks whose it is",
    "subjects.SubjectKey": "opens values and says nothing of the person; which values are held stands in `data`",
    "subjects.SearchKey": "an index of values that stand in `data`, derived from them",
}
