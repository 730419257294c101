"""What the value of each category is made of, and what is doubtful about it (law.md 3; policy 2.1, 2.2).

A value that cannot be right is refused; one that is unlikely is a doubt, which an officer or a system overrides with a
reason (`enums.OverrideReason`); the rest is worth a word only. No answer holds the value.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from subjects import identifiers

MESSAGES = {
    **identifiers.MESSAGES,
    "missing": _("This part is missing."),
    "unknown_part": _("A value of this category has no such part."),
    "one_only": _("A person has one value of this category: send one."),
    "technical": _("Such data stays in the system that saw it: tell where it is held, of which days, how many."),
    "category_unknown": _("The approved list has no such category."),
    "text_control": _("Character %(position)s is invisible (a line break or a control character). Remove it."),
    "text_length": _("Write at most %(count)s characters."),
    "not_chosen": _("This is not one of: %(allowed)s."),
    "date_format": _("Write a day as 2026-11-23."),
    "amount": _("Write a sum as digits, with at most two after the point: 250000.50."),
    "day_of_month": _("Write a day of the month, 1 to 31."),
    "iin_birth_date": _("The birth date does not fit the IIN."),
    "iin_sex": _("The sex does not fit the IIN."),
    "minor": _("The person is younger than 18."),
    "document_expired": _("The document is out of date."),
    "document_future": _("The document is issued in the future. Check the day."),
    "document_ends_first": _("The document ends before it begins. Check the days."),
}  # fmt: skip
MOST_TEXT = 300


class Remark(NamedTuple):
    """Something about one part of a value: a code of MESSAGES and what the sentence needs."""

    part: str
    code: str
    params: dict[str, object] = {}

    @property
    def sentence(self) -> str:
        """In the reader's language."""
        text = str(MESSAGES[self.code])
        return text % self.params if self.params else text


class Read(NamedTuple):
    """A part in its normal form; codes of what is doubtful and of what is worth a word."""

    text: str
    doubts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Checked(NamedTuple):
    """A value in its normal form, and what is wrong, doubtful, or worth a word about it."""

    parts: dict[str, str]
    problems: list[Remark]
    doubts: list[Remark]
    warnings: list[Remark]


Reader = Callable[[str], Read]


class Category(NamedTuple):
    """The parts of a value: {name: how it is read}; which must be there; whether a person may have several.

    told: parts that help to check the value and are not kept; chosen: {part: the codes it is one of}.
    """

    parts: dict[str, Reader]
    required: tuple[str, ...] = ("value",)
    many: bool = False
    told: tuple[str, ...] = ()
    chosen: dict[str, tuple[str, ...]] = {}


def _text(text: str) -> Read:
    text = " ".join(text.strip(" ").split(" "))
    for position, letter in enumerate(text, start=1):
        if not letter.isprintable():
            raise ValidationError(MESSAGES["text_control"], code="text_control", params={"position": position})
    if len(text) > MOST_TEXT:
        raise ValidationError(MESSAGES["text_length"], code="text_length", params={"count": MOST_TEXT})
    return Read(text)


def _name(text: str) -> Read:
    return Read(identifiers.normalise_name(text))


def _email(text: str) -> Read:
    return Read(identifiers.normalise_email(text))


def _phone(text: str) -> Read:
    phone = identifiers.normalise_phone(text)
    return Read(phone.number, warnings=phone.warnings)


def _iban(text: str) -> Read:
    return Read(identifiers.normalise_iban(text))


def _iin(text: str) -> Read:
    try:
        return Read(identifiers.normalise_iin(text).number)
    except ValidationError as error:
        if error.code != "century_zero":
            raise
        return Read("".join(text.split()), doubts=("century_zero",))


def _day(text: str) -> Read:
    try:
        return Read(date.fromisoformat(text.strip()).isoformat())
    except ValueError:
        raise ValidationError(MESSAGES["date_format"], code="date_format") from None


def _amount(text: str) -> Read:
    compact = "".join(text.split()).replace(",", ".")
    try:
        amount = Decimal(compact)
    except InvalidOperation:
        amount = Decimal(-1)
    # not 1e9, not ٣, not NaN
    if not (compact.isascii() and compact.replace(".", "", 1).isdigit()) or not 0 <= amount < 10**12:
        raise ValidationError(MESSAGES["amount"], code="amount")
    if -int(amount.as_tuple().exponent) > 2:
        raise ValidationError(MESSAGES["amount"], code="amount")
    return Read(f"{amount:f}")


def _day_of_month(text: str) -> Read:
    compact = text.strip()
    if not (compact.isascii() and compact.isdigit() and len(compact) <= 2 and 1 <= int(compact) <= 31):
        raise ValidationError(MESSAGES["day_of_month"], code="day_of_month")
    return Read(str(int(compact)))


def _one_of(*allowed: str) -> Reader:
    def read(text: str) -> Read:
        code = text.strip()
        if code not in allowed:
            raise ValidationError(MESSAGES["not_chosen"], code="not_chosen", params={"allowed": ", ".join(allowed)})
        return Read(code)

    return read


PHONES = ("home", "work", "other")
ADDRESSES = ("registered", "residence")
DOCUMENTS = ("id_card", "passport", "residence_permit", "foreign_passport")
SEXES = ("male", "female")
MARITAL = ("single", "married", "divorced", "widowed")
WHOLE = Category({"value": _text})
SEVERAL = Category({"value": _text}, many=True)
# how the value of each category of the approved list is written (policy 2.1); a category of the officers' own is a text
CATEGORIES: dict[str, Category] = {
    "full_name": Category({"last": _name, "first": _name, "patronymic": _name}, required=("last", "first")),
    "email": Category({"value": _email}),
    "mobile_phone": Category({"value": _phone}),
    "contact_phones": Category({"value": _phone, "kind": _one_of(*PHONES)}, many=True, chosen={"kind": PHONES}),
    "addresses": Category(
        {"kind": _one_of(*ADDRESSES), "value": _text},
        required=("kind", "value"),
        many=True,
        chosen={"kind": ADDRESSES},
    ),
    "bank_account": Category({"iban": _iban, "bank": _text}, required=("iban",), many=True),
    "identity_document": Category(
        {
            "kind": _one_of(*DOCUMENTS),
            "number": _text,
            "issued_by": _text,
            "issued_on": _day,
            "valid_until": _day,
        },
        required=("kind", "number"),
        many=True,
        chosen={"kind": DOCUMENTS},
    ),
    "iin": Category(
        {"value": _iin, "birth_date": _day, "sex": _one_of(*SEXES)},
        told=("birth_date", "sex"),
        chosen={"sex": SEXES},
    ),
    "employer": WHOLE,
    "salary_amount": Category({"value": _amount}),
    "salary_date": Category({"value": _day_of_month}),
    "marital_status": Category({"value": _one_of(*MARITAL)}, chosen={"value": MARITAL}),
    "property_type": SEVERAL,
    "solvency_obligations": SEVERAL,
    "offer": SEVERAL,
    "other_for_purposes": SEVERAL,
}
# these stay where they are seen: here only that they are held (systems.TechnicalHolding)
TECHNICAL = frozenset({"auto_other", "ip_address", "cookie", "browser", "access_time", "requested_page", "isp_domain"})


def category_of(code: str) -> Category:
    """What a value of the category (code) is made of; a category the officers added is a text, one or several."""
    return CATEGORIES.get(code, SEVERAL)


def check(code: str, *, parts: Mapping[str, str], today: date) -> Checked:
    """Check one value of the category `code`; every fault is told at once. Empty parts count as absent.

    today: the day ages and ends of documents are reckoned by. Sources: law.md 3.1, 3.3, 3.4.
    """
    category = category_of(code)
    problems, doubts, warnings = [], [], []
    good: dict[str, str] = {}
    for name, text in parts.items():
        if not text.strip():
            continue
        if name not in category.parts:
            problems.append(Remark(name, "unknown_part"))
            continue
        try:
            read = category.parts[name](text)
        except ValidationError as error:
            problems.append(Remark(name, str(error.code), dict(error.params or {})))
            continue
        good[name] = read.text
        doubts += [Remark(name, doubt) for doubt in read.doubts]
        warnings += [Remark(name, warning) for warning in read.warnings]
    wrong = {problem.part for problem in problems}
    problems += [Remark(name, "missing") for name in category.required if name not in good and name not in wrong]
    if code == "iin":
        told = _iin_against(good, today=today)
        doubts += told[0]
        warnings += told[1]
    elif code == "identity_document":
        told = _document(good, today=today)
        problems += told[0]
        doubts += told[1]
    kept = {name: good[name] for name in category.parts if name in good and name not in category.told}
    return Checked(kept, problems, doubts, warnings)


def _iin_against(good: Mapping[str, str], *, today: date) -> tuple[list[Remark], list[Remark]]:
    """(doubts, warnings): the check digit misses one of fifty swaps, a birth date typed beside it does not."""
    try:
        iin = identifiers.normalise_iin(good.get("value", ""))
    except ValidationError:
        return [], []
    doubts = []
    if "birth_date" in good and good["birth_date"] != iin.born.isoformat():
        doubts.append(Remark("birth_date", "iin_birth_date"))
    if "sex" in good and good["sex"] != iin.sex:
        doubts.append(Remark("sex", "iin_sex"))
    minor = [] if identifiers.is_adult(iin.born, today) else [Remark("value", "minor")]
    return doubts, minor


def _document(good: dict[str, str], *, today: date) -> tuple[list[Remark], list[Remark]]:
    """(problems, doubts) of an identity document; the number is written in its normal form."""
    problems, doubts = [], []
    if "kind" in good and "number" in good:
        try:
            number = identifiers.normalise_document(good["kind"], good["number"])
            good["number"] = number.number
            doubts += [Remark("number", doubt) for doubt in number.warnings]
        except ValidationError as error:
            problems.append(Remark("number", str(error.code), dict(error.params or {})))
    issued, ends = good.get("issued_on", ""), good.get("valid_until", "")
    if issued > today.isoformat():
        problems.append(Remark("issued_on", "document_future"))
    if issued and ends and ends < issued:
        problems.append(Remark("valid_until", "document_ends_first"))
    elif ends and ends < today.isoformat():
        doubts.append(Remark("valid_until", "document_expired"))
    return problems, doubts
