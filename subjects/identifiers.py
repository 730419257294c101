"""What a person or an organisation is identified by: one way to write each, and a sentence for every wrong one.

Every function takes text as people type it, returns the one normal form and raises ValidationError with a `code` of
`MESSAGES`. The messages are lazy and their `params` hold no value, only a character and its place, so a code and
its params may be stored and told again in the reader's language. Source: law.md 3 (resolution 565 of 11.06.2003).
"""

import re
import unicodedata
from datetime import date
from operator import mul
from typing import Literal, NamedTuple, NoReturn

import phonenumbers
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

MESSAGES = {
    "digits_cyrillic": _("Character %(position)s is the Cyrillic letter “%(letter)s”. Type a digit in its place."),
    "digits_latin": _("Character %(position)s is the Latin letter “%(letter)s”. Type a digit in its place."),
    "digits_foreign": _("Character %(position)s is a digit of another script. Type the digits 0 to 9."),
    "digits_other": _("Character %(position)s is not a digit. Type digits only."),
    "digits_scientific": _("A spreadsheet turned this into a power of ten. Write the number again, as text."),
    "iin_length": _("An IIN has 12 digits, this has %(count)s. Check whether a spreadsheet dropped a first zero."),
    "iin_century": _("The seventh digit of an IIN is 1 to 6, this one is %(digit)s. Check the number."),
    "century_zero": _("The seventh digit is 0, as in IINs of some foreigners. An officer must confirm this one."),
    "iin_date": _("The first six digits of an IIN are a birth date, and there is no such date. Check the number."),
    "iin_future": _("The birth date in this IIN is in the future. Check the number."),
    "iin_never_issued": _("This IIN was never issued: no last digit fits the other eleven. Check the number."),
    "iin_check": _("The last digit of this IIN does not fit the others. Check the number for a mistyped digit."),
    "iin_is_bin": _("This is the BIN of an organisation. Write the IIN of the person."),
    "bin_length": _("A BIN has 12 digits, this has %(count)s. Check whether a spreadsheet dropped a first zero."),
    "bin_month": _("The third and fourth digit of a BIN are a month, 01 to 12. Check the number."),
    "bin_type": _("The fifth digit of a BIN is 4, 5 or 6 and the sixth is 0 to 3. Check the number."),
    "bin_check": _("The last digit of this BIN does not fit the others. Check the number for a mistyped digit."),
    "bin_is_iin": _("This is the IIN of a person. Write the BIN of the organisation."),
    "phone_characters": _("Character %(position)s does not belong in a phone number. Write it as +7 701 123 45 67."),
    "phone_length": _("Digits are missing or too many: there are %(count)s. Write the number as +7 701 123 45 67."),
    "phone_impossible": _("No phone number begins like this. Write it as +7 701 123 45 67."),
    "phone_landline": _("This is a landline."),
    "phone_unknown_prefix": _("No operator is known for this phone number. Check it."),
    "phone_foreign": _("This phone number is not of Kazakhstan. Check it."),
    "email_control": _("Character %(position)s is invisible (a line break or a control character). Remove it."),
    "email_space": _("Character %(position)s is a space. An e-mail address has none: remove it."),
    "email_at": _("An e-mail address has one @, this has %(count)s. Write it as name@example.kz."),
    "email_local": _("Before @ there may be Latin letters, digits, and . _ - + between them. Check the address."),
    "email_domain": _("What stands after @ is no domain name. Write it as name@example.kz."),
    "email_length": _("The address is too long: at most 64 characters before @ and 254 in all."),
    "latin_cyrillic": _("Character %(position)s is the Cyrillic letter “%(letter)s”, a look-alike. Type it in Latin."),
    "iban_characters": _("Character %(position)s does not belong in an IBAN: it has Latin letters and digits only."),
    "iban_country": _("An IBAN of Kazakhstan begins with KZ. Write an account in Kazakhstan."),
    "iban_length": _("An IBAN of Kazakhstan has 20 characters, this has %(count)s."),
    "iban_bank": _("Characters 3 to 7 of an IBAN of Kazakhstan are digits. Check the number."),
    "iban_check": _("The check digits of this IBAN do not fit the rest. Check it for a mistyped character."),
    "id_card_length": _("The number of an identity card has 9 digits, this has %(count)s."),
    "passport_number": _("The number of a passport of Kazakhstan is the Latin letter N and 8 digits. Check it."),
    "document_characters": _("Character %(position)s does not belong in the number of a document."),
    "document_length": _("The number of a document has 4 to 20 characters, this has %(count)s."),
    "document_unknown": _("We do not know how numbers of such documents are written. Check it against the document."),
    "name_characters": _("Character %(position)s does not belong in a name: write letters, spaces, hyphens."),
    "name_empty": _("There is no letter in this name. Leave it empty when there is none."),
    "name_length": _("A name has at most 100 characters, this has %(count)s."),
    "name_latin": _("Character %(position)s is the Latin letter “%(letter)s” in a Cyrillic word. Type it in Cyrillic."),
    "name_cyrillic": _("Character %(position)s is the Cyrillic letter “%(letter)s” in a Latin word. Type it in Latin."),
}  # fmt: skip

TWELVE_DIGITS = re.compile("[0-9]{12}")
CYRILLIC = re.compile(r"[\u0400-\u052f]")
LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
NAME_LENGTH = 100

Sex = Literal["male", "female"]


class Iin(NamedTuple):
    """A number that holds, and what it says; `sex` is None where the seventh digit does not tell it."""

    number: str
    born: date
    sex: Sex | None


class Phone(NamedTuple):
    """E.164 (`+77011234567`) and codes of `MESSAGES` worth telling, though the number is accepted."""

    number: str
    warnings: tuple[str, ...] = ()


def refuse(code: str, **params: object) -> NoReturn:
    raise ValidationError(MESSAGES[code], code=code, params=params)


def is_adult(born: date, on: date) -> bool:
    """Eighteen on `on`; who was born on 29 February comes of age on 1 March."""
    return (born.year + 18, born.month, born.day) <= (on.year, on.month, on.day)


def _twelve_digits(text: str, code: str) -> str:
    """The digits without spaces. Not `isdigit`, which takes the digits of every script (law.md 3.1)."""
    compact = "".join(text.split())
    if TWELVE_DIGITS.fullmatch(compact):
        return compact
    if re.fullmatch(r"[0-9][.,][0-9]+[EeЕе]\+?[0-9]+", compact):
        refuse("digits_scientific")
    for position, letter in enumerate(compact, start=1):
        if "0" <= letter <= "9":
            continue
        if CYRILLIC.match(letter):
            refuse("digits_cyrillic", letter=letter, position=position)
        if LATIN.match(letter):
            refuse("digits_latin", letter=letter, position=position)
        refuse("digits_foreign" if letter.isdigit() else "digits_other", position=position)
    refuse(code, count=len(compact))


WEIGHTS = (tuple(range(1, 12)), (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2))


def check_digit(eleven: str) -> int | None:
    """The twelfth digit of an IIN or BIN, or None when both passes give 10 and the number is never issued."""
    digits = list(map(int, eleven))
    for weights in WEIGHTS:
        rest = sum(map(mul, digits, weights)) % 11
        if rest < 10:
            return rest
    return None


def _is_bin(number: str) -> bool:
    """Digits 5 and 6 are a day in an IIN (01 to 31) and a type in a BIN (40 to 63), so no number is both."""
    return (
        "01" <= number[2:4] <= "12"
        and number[4] in "456"
        and number[5] in "0123"
        and check_digit(number[:11]) == int(number[11])
    )


def normalise_iin(text: str, *, on: date | None = None) -> Iin:
    """The IIN in `text`, with the birth date and sex it says (law.md 3.1). `on`: the day it is looked at, today.

    The code `century_zero` (some foreigners) comes only for a number that is otherwise right: an officer may
    know better. Raises ValidationError.
    """
    number = _twelve_digits(text, "iin_length")
    if _is_bin(number):
        refuse("iin_is_bin")
    century = int(number[6])
    if century > 6:
        refuse("iin_century", digit=century)
    # without a century 2000 stands in: its leap years are those of 1900, and 00 may be one
    first_year = 2000 if century == 0 else 1800 + (century - 1) // 2 * 100
    try:
        born = date(first_year + int(number[:2]), int(number[2:4]), int(number[4:6]))
    except ValueError:
        refuse("iin_date")
    expected = check_digit(number[:11])
    if expected is None:
        refuse("iin_never_issued")
    if expected != int(number[11]):
        refuse("iin_check")
    if century == 0:
        refuse("century_zero")
    if born > (on or timezone.localdate()):
        refuse("iin_future")
    return Iin(number, born, "male" if century % 2 else "female")


def born_of(iin: str) -> date:
    """The birth date that a valid IIN with a century says."""
    return date(1800 + (int(iin[6]) - 1) // 2 * 100 + int(iin[:2]), int(iin[2:4]), int(iin[4:6]))


def normalise_bin(text: str) -> str:
    """The BIN in `text` (law.md 3.2); an IIN is refused by name. Raises ValidationError."""
    number = _twelve_digits(text, "bin_length")
    if _is_bin(number):
        return number
    try:
        normalise_iin(number)
    except ValidationError as error:
        if error.code == "century_zero":
            refuse("bin_is_iin")
    else:
        refuse("bin_is_iin")
    if not "01" <= number[2:4] <= "12":
        refuse("bin_month")
    if number[4] not in "456" or number[5] not in "0123":
        refuse("bin_type")
    refuse("bin_check")


PHONE_SEPARATORS = re.compile(r"[\s().\-\u2010-\u2015]")
# law.md 3.4, the carriers' metadata: the many go this way, the few ask the library
KZ_MOBILE = re.compile(r"\+77(?:0[0-25-8]|47|6[0-4]|7[15-8]|85)[0-9]{7}")


def normalise_phone(text: str) -> Phone:
    """E.164 of a number that begins 8, 7, +7, with ten digits alone, or + and another country's code.

    Operators' new prefixes appear, so an unknown prefix, a landline and a foreign number are accepted with a
    warning (law.md 3.4). Raises ValidationError.
    """
    if KZ_MOBILE.fullmatch(text):
        return Phone(text)
    text = text.strip()
    for position, letter in enumerate(text, start=1):
        if not ("0" <= letter <= "9" or PHONE_SEPARATORS.match(letter) or (letter == "+" and position == 1)):
            refuse("phone_characters", position=position)
    number = PHONE_SEPARATORS.sub("", text)
    digits = number.removeprefix("+")
    # "+8 7…" is the trunk prefix with a plus: the code 870 (satellites) has longer numbers
    if len(digits) == 11 and (digits[0] == "7" or number[0] == "8" or digits.startswith("87")):
        number = "+7" + digits[1:]
    elif len(digits) == 10 and number[0] not in "+8":
        number = "+7" + digits
    elif number[:1] != "+":
        if len(digits) == 11:
            refuse("phone_impossible")
        # "8 701 123 456": a digit is missing
        refuse("phone_length", count=len(digits))
    if KZ_MOBILE.fullmatch(number):
        return Phone(number)
    return Phone(number, (_phone_warning(number),))


def _phone_warning(number: str) -> str:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        refuse("phone_impossible")
    if not phonenumbers.is_possible_number(parsed):
        refuse("phone_length", count=len(number) - 1)
    if number.startswith("+7"):
        if number[2] in "0125":
            refuse("phone_impossible")
        if number[2] not in "67":
            return "phone_foreign"
        landline = phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.FIXED_LINE
        return "phone_landline" if landline else "phone_unknown_prefix"
    return "phone_foreign" if phonenumbers.is_valid_number(parsed) else "phone_unknown_prefix"


ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LOCAL_PART = re.compile(rf"{ATOM}(?:\.{ATOM})*")
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# the many addresses: nothing in them to look for
PLAIN_EMAIL = re.compile(rf"({LOCAL_PART.pattern})@((?:{LABEL.pattern}\.)+[a-z]{{2,20}})", re.IGNORECASE | re.ASCII)
# Cyrillic letters, Kazakh ones included, that pass for Latin ones
LOOK_ALIKES = frozenset("авеёкмнорстухіїјѕһԁԛԝүАВЕЁКМНОРСТУХІЇЈЅҺԀԚԜҮ")


def normalise_email(text: str) -> str:
    """The address with its domain in lower case, an international domain as punycode; the part before @ as typed.

    Lengths by RFC 5321 4.5.3.1. Search lower-cases the whole (`search.normalise`). Quoted local parts, address
    literals and non-Latin local parts are refused: our senders could not write to them. Raises ValidationError.
    """
    if len(text) <= 64 and (plain := PLAIN_EMAIL.fullmatch(text)):
        return f"{plain[1]}@{plain[2].lower()}"
    for position, letter in enumerate(text, start=1):
        if not letter.isprintable() and unicodedata.category(letter) != "Zs":
            refuse("email_control", position=position)
    text = text.strip()
    for position, letter in enumerate(text, start=1):
        if letter.isspace():
            refuse("email_space", position=position)
    if text.count("@") != 1:
        refuse("email_at", count=text.count("@"))
    local, domain = text.split("@")
    if cyrillic := CYRILLIC.search(local):
        refuse("latin_cyrillic", letter=cyrillic[0], position=cyrillic.start() + 1)
    if len(local) > 64 or len(text) > 254:
        refuse("email_length")
    if not LOCAL_PART.fullmatch(local):
        refuse("email_local")
    for label in re.finditer(r"[^.]+", domain):
        cyrillic = CYRILLIC.search(label[0])
        if cyrillic and (LATIN.search(label[0]) or _passes_for_latin(label[0], domain)):
            position = len(local) + 1 + label.start() + cyrillic.start() + 1
            refuse("latin_cyrillic", letter=cyrillic[0], position=position)
    try:
        ascii_domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        refuse("email_domain")
    labels = ascii_domain.split(".")
    if len(labels) < 2 or not all(LABEL.fullmatch(label) for label in labels) or not re.search("[a-z]", labels[-1]):
        refuse("email_domain")
    if len(local) + 1 + len(ascii_domain) > 254 or len(ascii_domain) > 253:
        refuse("email_length")
    return f"{local}@{ascii_domain}"


def _passes_for_latin(label: str, domain: str) -> bool:
    """A wholly Cyrillic label made of look-alikes alone, beside Latin ones: `асе.kz`, but not `почта.kz`."""
    return bool(LATIN.search(domain)) and all(letter in LOOK_ALIKES for letter in label if letter.isalpha())


def normalise_iban(text: str) -> str:
    """A KZ IBAN (ИИК) in capitals without spaces (law.md 3.3; ISO 7064 mod 97-10). Raises ValidationError."""
    compact = "".join(text.split())
    for position, letter in enumerate(compact, start=1):
        if CYRILLIC.match(letter):
            refuse("latin_cyrillic", letter=letter, position=position)
        if not (letter.isascii() and letter.isalnum()):
            refuse("iban_characters", position=position)
    compact = compact.upper()
    if not compact.startswith("KZ"):
        refuse("iban_country")
    if len(compact) != 20:
        refuse("iban_length", count=len(compact))
    if not re.fullmatch("[0-9]{5}", compact[2:7]):
        refuse("iban_bank")
    if int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 != 1:
        refuse("iban_check")
    return compact


class Document(NamedTuple):
    """The number of an identity document as it is written there, and codes of what makes it doubtful."""

    number: str
    warnings: tuple[str, ...] = ()


def normalise_document(kind: str, text: str) -> Document:
    """The number of an identity document in capitals without spaces (law.md 3.4).

    kind: `id_card` (9 digits), `passport` (N and 8 digits); of any other the form is not known, which is a doubt and
    no fault. Raises ValidationError; a Cyrillic look-alike is named.
    """
    compact = "".join(text.split()).upper()
    for position, letter in enumerate(compact, start=1):
        if CYRILLIC.match(letter):
            refuse("latin_cyrillic", letter=letter, position=position)
        if not (letter.isascii() and (letter.isalnum() or letter in "-/")):
            refuse("document_characters", position=position)
    if kind == "id_card":
        for position, letter in enumerate(compact, start=1):
            if not "0" <= letter <= "9":
                refuse("digits_other", position=position)
        if len(compact) != 9:
            refuse("id_card_length", count=len(compact))
        return Document(compact)
    if kind == "passport":
        if not re.fullmatch("N[0-9]{8}", compact):
            refuse("passport_number")
        return Document(compact)
    if not 4 <= len(compact) <= 20:
        refuse("document_length", count=len(compact))
    return Document(compact, ("document_unknown",))


# the many names: words of one alphabet each, nothing to look for
WORD = r"(?:[А-Яа-яЁёӘәҒғҚқҢңӨөҰұҮүҺһІі]+|[A-Za-z]+)"
WHOLE_NAME = re.compile(rf"{WORD}(?:[ -]{WORD})*")


def normalise_name(text: str) -> str:
    """A name as people write it, in NFC with single spaces; a word of two alphabets is refused. Raises ValidationError.

    `position` counts in the name so normalised.
    """
    if len(text) <= NAME_LENGTH and WHOLE_NAME.fullmatch(text):
        return text
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if len(name) > NAME_LENGTH:
        refuse("name_length", count=len(name))
    if WHOLE_NAME.fullmatch(name):
        return name
    for position, letter in enumerate(name, start=1):
        if not (letter.isalpha() or letter in " -'’ʼ." or unicodedata.category(letter).startswith("M")):
            refuse("name_characters", position=position)
    if not any(letter.isalpha() for letter in name):
        refuse("name_empty")
    for word in re.finditer(r"[^ -]+", name):
        latin, cyrillic = list(LATIN.finditer(word[0])), list(CYRILLIC.finditer(word[0]))
        if latin and cyrillic:
            code, odd = ("name_latin", latin[0]) if len(latin) <= len(cyrillic) else ("name_cyrillic", cyrillic[0])
            refuse(code, letter=odd[0], position=word.start() + odd.start() + 1)
    return name
