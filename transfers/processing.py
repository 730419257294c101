"""The register of processing: purposes × data × grounds × recipients × countries × retention × measures (94-V art. 25).

Generated from the registers and nowhere typed. `build` makes its words in Kazakh and Russian; signed, they are kept as
they were (`ProcessingRegister`), and the difference to them is told.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import rfc8785
from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent.form_text import length_in_words
from consent.models import ClauseLink, Purpose, PurposeCategory, RetentionRule
from policies.models import Clause, PolicyVersion
from staff.citations import cited
from staff.models import Operator, StaffUser, Undertaking
from staff.rules import NotAllowed, check_has_accepted_undertaking
from subjects.models import DataCategory
from transfers.models import Agreement, Country, ProcessingRegister, TransferRule

LANGUAGES = ("kk", "ru")
SIGN = "transfers.sign_processingregister"
_LOCK = 0x70726F63
Words = dict[str, str]


class Measure(NamedTuple):
    """A measure of protection as the register tells it; detail: a number or date, nothing when there is none."""

    code: str
    title: Promise | str
    detail: str = ""


def _ours() -> list[Measure]:
    """What the house itself holds to; higher apps add theirs."""
    undertaking, operator = Undertaking.objects.current(), Operator.current()
    return [
        Measure("sealed", gettext_lazy("Values are encrypted (AES-256-GCM) under a key of each person and class")),
        Measure("doors", gettext_lazy("Every opening of a value is recorded: who, when, why")),
        Measure("history", gettext_lazy("Every change is kept by the database itself, with its author")),
        Measure("two", gettext_lazy("What opens a use of data is approved by a second person")),
        Measure("gate", gettext_lazy("Data go to third parties through the gate alone, each time recorded")),
        Measure(
            "undertaking",
            gettext_lazy("Staff accepted the confidentiality undertaking; its version"),
            str(undertaking.version) if undertaking else "—",
        ),
        Measure(
            "responsible",
            gettext_lazy("A person responsible for personal data is appointed; the order"),
            (operator.responsible_order if operator else "") or "—",
        ),
    ]


# what tells of measures; the app that registers them adds its own in `ready()`
MEASURES: list[Callable[[], Iterable[Measure]]] = [_ours]


def _both(text: Promise | str | Callable[[], str]) -> Words:
    """A text in both languages of the register; a callable is asked in each."""
    found = {}
    for language in LANGUAGES:
        with translation.override(language):
            found[language] = str(text() if callable(text) else text)
    return found


def _title(row: Any) -> Words:
    """The title of a register's row in both languages; its code where it has none."""
    return {language: getattr(row, f"title_{language}", "") or row.code for language in LANGUAGES}


def _label(row: Any, field: str) -> Words:
    """The word of a choice in both languages."""
    choices = dict(row._meta.get_field(field).flatchoices)
    return _both(choices.get(getattr(row, field), getattr(row, field)))


def _clauses() -> dict[int, list[str]]:
    """{purpose: numbers of the clauses in force that declare it}."""
    versions = {row.policy_id: row.pk for row in PolicyVersion.objects.in_force()}
    links = list(ClauseLink.objects.filter(policy__in=versions, purpose__isnull=False))
    keys = {link.clause_key for link in links}
    numbers = {
        (row.version_id, row.key): row.number
        for row in Clause.objects.filter(version__in=versions.values(), key__in=keys)
    }
    found: dict[int, set[str]] = defaultdict(set)
    for link in links:
        number = numbers.get((versions[link.policy_id], link.clause_key))
        if number is not None and link.purpose_id is not None:
            found[link.purpose_id].add(number or link.clause_key)
    return {purpose: sorted(of) for purpose, of in found.items()}


def _agreements() -> dict[int, list[str]]:
    """{recipient: numbers of its agreements that are valid today}."""
    today, found = timezone.localdate(), defaultdict(list)
    rows = Agreement.objects.in_force().filter(valid_from__lte=today).exclude(confidentiality="")
    for row in rows.filter(models.Q(valid_to=None) | models.Q(valid_to__gte=today)).order_by("number"):
        found[row.recipient_id].append(row.number)
    return found


def _recipient(rule: TransferRule, agreements: dict[int, list[str]]) -> dict[str, Any]:
    whom = rule.recipient
    return {
        "code": whom.code,
        "title": _title(whom),
        "kind": _label(whom, "kind"),
        "country": whom.country,
        "direction": _label(rule, "direction"),
        "ground": _label(rule, "ground"),
        "form": rule.form.code if rule.form else "",
        "article": rule.article,
        "categories": sorted(rule.categories),
        "agreements": agreements.get(whom.pk, []),
    }


def _retention(rule: RetentionRule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "title": _title(rule),
        "length": {language: length_in_words(rule.duration, language) for language in LANGUAGES},
        "starts_on": _label(rule, "starts_on"),
        "action": _label(rule, "action"),
        "reference": rule.reference,
        "confirmed": rule.confirmed_by_counsel,
    }


def _keeps(rule: RetentionRule, purpose: Purpose, categories: list[DataCategory]) -> bool:
    if rule.purpose_id is not None and rule.purpose_id != purpose.pk:
        return False
    return any(rule.category_id == row.pk or rule.retention_class == row.retention_class for row in categories)


def build() -> dict[str, Any]:
    """The register as it is now: plain values, texts as {"kk", "ru"}; the same registers give the same, byte for byte.

    A constant number of queries. Nothing of a person is in it.
    """
    cells: dict[int, list[DataCategory]] = defaultdict(list)
    for cell in PurposeCategory.objects.in_force().select_related("category"):
        cells[cell.purpose_id].append(cell.category)
    rules: dict[int, list[TransferRule]] = defaultdict(list)
    for rule in TransferRule.objects.in_force().select_related("recipient", "form").order_by("recipient__code", "pk"):
        rules[rule.purpose_id].append(rule)
    kept = list(RetentionRule.objects.in_force().order_by("code"))
    clauses, agreements = _clauses(), _agreements()
    purposes = []
    for purpose in Purpose.objects.in_force().order_by("order", "code"):
        categories = sorted(cells[purpose.pk], key=lambda row: (row.order, row.code))
        purposes.append(
            {
                "code": purpose.code,
                "title": _title(purpose),
                "ground": _label(purpose, "ground"),
                "article": purpose.article,
                "confirmed": purpose.confirmed_by_counsel,
                "required": purpose.required,
                "clauses": clauses.get(purpose.pk, []),
                "categories": [{"code": row.code, "title": _title(row)} for row in categories],
                "recipients": [_recipient(rule, agreements) for rule in rules[purpose.pk]],
                "retention": [_retention(rule) for rule in kept if _keeps(rule, purpose, categories)],
            }
        )
    operator = Operator.current()
    return {
        "operator": {
            "name": {language: operator.name(language) for language in LANGUAGES} if operator else None,
            "bin": operator.bin if operator else "",
            "responsible": operator.responsible_person if operator else "",
        },
        "purposes": purposes,
        "countries": _countries(purposes),
        "measures": [
            {"code": row.code, "title": _both(row.title), "detail": row.detail} for of in MEASURES for row in of()
        ],
    }


def _countries(purposes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    codes = {whom["country"] for purpose in purposes for whom in purpose["recipients"]}
    listed = {row.code: row for row in Country.objects.in_force().filter(code__in=codes)}
    found = []
    for code in sorted(codes):
        row = listed.get(code)
        found.append(
            {
                "code": code,
                "title": _title(row) if row else dict.fromkeys(LANGUAGES, code),
                "adequate": row.adequate if row else code == "KZ",
                "source": row.source if row else "",
            }
        )
    return found


def digest(content: dict[str, Any]) -> str:
    """SHA-256 of the content's canonical JSON (RFC 8785)."""
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


# how it is read: a row a purpose, a text a column


class Column(NamedTuple):
    code: str
    title: Promise


COLUMNS = (
    Column("purpose", gettext_lazy("Purpose")),
    Column("categories", gettext_lazy("Data")),
    Column("ground", gettext_lazy("Legal ground")),
    Column("recipients", gettext_lazy("Recipients")),
    Column("countries", gettext_lazy("Countries")),
    Column("retention", gettext_lazy("Kept until")),
    Column("clauses", gettext_lazy("Clauses of the policy")),
)


def _cited(article: str, language: str) -> str:
    with translation.override(language):
        return cited(article)


def _ground(row: dict[str, Any], language: str) -> str:
    with translation.override(language):
        unsure = "" if row["confirmed"] else f" ({_('not confirmed by counsel')})"
    article = f"; {_cited(row['article'], language)}{unsure}" if row["article"] else ""
    return f"{row['ground'][language]}{article}"


def _whom(row: dict[str, Any], titles: dict[str, str], language: str) -> str:
    on = ", ".join(part for part in (row["ground"][language], row["form"], _cited(row["article"], language)) if part)
    data = ", ".join(titles.get(code, code) for code in row["categories"])
    agreed = f"; № {', '.join(row['agreements'])}" if row["agreements"] else ""
    return f"{row['title'][language]} ({row['direction'][language]}; {on}{agreed}): {data}"


def _kept(row: dict[str, Any], language: str) -> str:
    term = " · ".join(part for part in (row["length"][language], row["starts_on"][language]) if part)
    reference = f" [{_cited(row['reference'], language)}]" if row["reference"] else ""
    return f"{row['title'][language]}: {term}; {row['action'][language]}{reference}"


def cells(row: dict[str, Any], language: str) -> dict[str, list[str]]:
    """{column: lines} of one purpose, in "kk" or "ru"."""
    titles = {item["code"]: item["title"][language] for item in row["categories"]}
    return {
        "purpose": [row["title"][language]],
        "categories": list(titles.values()),
        "ground": [_ground(row, language)],
        "recipients": [_whom(item, titles, language) for item in row["recipients"]],
        "countries": sorted({item["country"] for item in row["recipients"]}),
        "retention": [_kept(item, language) for item in row["retention"]],
        "clauses": row["clauses"],
    }


def countries(content: dict[str, Any], language: str) -> list[str]:
    """A line a country: whether it protects data, and who says so."""
    with translation.override(language):
        words = {True: _("protects personal data"), False: _("protection not established: only on consent")}
        return [
            f"{row['code']} {row['title'][language]}: {words[row['adequate']]}"
            + (f" ({row['source']})" if row["source"] else "")
            for row in content["countries"]
        ]


def measures(content: dict[str, Any], language: str) -> list[str]:
    """A line a measure."""
    return [
        f"{row['title'][language]}: {row['detail']}" if row["detail"] else row["title"][language]
        for row in content["measures"]
    ]


class Difference(NamedTuple):
    """What is otherwise: kind added, removed or reworded; where; the lines that went and came."""

    kind: str
    where: str
    column: str
    removed: list[str]
    added: list[str]


def _lines(content: dict[str, Any], language: str) -> dict[tuple[str, str], tuple[str, list[str]]]:
    """{(key, column): (title, lines)}: the purposes by code, then what is of the whole register."""
    found: dict[tuple[str, str], tuple[str, list[str]]] = {}
    for row in content["purposes"]:
        for column, lines in cells(row, language).items():
            found[row["code"], column] = (row["title"][language], lines)
    with translation.override(language):
        whole = {
            "countries": (_("Countries"), countries(content, language)),
            "measures": (_("Measures of protection"), measures(content, language)),
        }
    operator = content["operator"]
    name = operator["name"][language] if operator["name"] else ""
    found["", "operator"] = (name, [name, operator["bin"], operator["responsible"]])
    for column, (title, lines) in whole.items():
        found["", column] = (title, lines)
    return found


def differences(before: dict[str, Any], after: dict[str, Any], language: str) -> list[Difference]:
    """What differs between two contents, in the order of the register; nothing when they say the same."""
    old, new = _lines(before, language), _lines(after, language)
    was, now = {key for key, _column in old}, {key for key, _column in new}
    with translation.override(language):
        titles = {column.code: str(column.title) for column in COLUMNS}
    found = []
    for key in dict.fromkeys([*new, *old]):
        code, column = key
        if code in now - was or code in was - now:
            if column == "purpose":
                kind = "added" if code in now else "removed"
                title = (new if code in now else old)[key][0]
                found.append(Difference(kind, title, titles[column], [], []))
            continue
        title, lines = new[key]
        gone = [line for line in old[key][1] if line not in lines]
        come = [line for line in lines if line not in old[key][1]]
        if gone or come:
            found.append(Difference("reworded", title, titles.get(column, ""), gone, come))
    return found


def last() -> ProcessingRegister | None:
    """The last one that was signed."""
    return ProcessingRegister.objects.order_by("-number").first()


def check_may_sign(by: StaffUser) -> None:
    """Raises NotAllowed without the role, PermissionDenied without the undertaking."""
    if not by.has_perm(SIGN):
        raise NotAllowed(_("Your role does not sign the register of processing."), code="role")
    check_has_accepted_undertaking(by)


@transaction.atomic
def sign(*, by: StaffUser, sha256: str) -> ProcessingRegister:
    """Sign the register as the officer saw it and keep it for good. sha256: of the content that was shown.

    Raises NotAllowed; ValidationError (code "changed") when the registers changed meanwhile.
    """
    check_may_sign(by)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    content = build()
    if digest(content) != sha256:
        raise ValidationError(
            _("The registers changed while you were reading. Read the register anew, then sign."), code="changed"
        )
    before = last()
    name = by.get_full_name() or by.username
    return ProcessingRegister.objects.create(
        number=before.number + 1 if before else 1,
        content=content,
        sha256=sha256,
        signatory=f"{name}, {by.position}" if by.position else name,
        user=by,
    )
