"""The recipients, countries and rules every installation starts with: those the law names for everybody (law.md 2).

A first proposal in our own words: what officers change is theirs, a row that exists is left alone, and one they ended
is not opened again. No BIN stands here: an officer enters it from the document. Nothing is confirmed by counsel.
Private bureaus, collectors, couriers and the like are the organisation's own and are entered by its officers.
"""

from typing import NamedTuple

from django.utils import timezone

from consent.enums import RecipientKind
from consent.models import ConsentForm, Purpose
from subjects.enums import Disclosure
from transfers.enums import Direction, TransferGround
from transfers.models import Country, Recipient, TransferRule

Kind = RecipientKind
# code, kind, kk, ru, en
RECIPIENTS = [
    ("gkb", Kind.STATE_CREDIT_BUREAU, "«Мемлекеттік кредиттік бюро» АҚ", "АО «Государственное кредитное бюро»", "State Credit Bureau JSC"),
    ("state-corporation", Kind.PENSION_CENTRE, "«Азаматтарға арналған үкімет» мемлекеттік корпорациясы» КЕАҚ", "НАО «Государственная корпорация «Правительство для граждан»", "State Corporation Government for Citizens"),
    ("enpf", Kind.PENSION_CENTRE, "«Бірыңғай жинақтаушы зейнетақы қоры» АҚ", "АО «Единый накопительный пенсионный фонд»", "Unified Accumulative Pension Fund JSC"),
    ("financial-monitoring", Kind.FINANCIAL_MONITORING, "Қаржы мониторингі жөніндегі уәкілетті орган", "Уполномоченный орган по финансовому мониторингу", "Financial monitoring authority"),
    ("authorised-body", Kind.STATE_BODY, "Дербес деректерді қорғау саласындағы уәкілетті орган", "Уполномоченный орган в сфере защиты персональных данных", "Authority for the protection of personal data"),
    ("financial-regulator", Kind.STATE_BODY, "Қаржы нарығын реттеу және дамыту агенттігі", "Агентство по регулированию и развитию финансового рынка", "Agency for Regulation and Development of the Financial Market"),
    ("criminal-prosecution", Kind.STATE_BODY, "Қылмыстық қудалау органдары", "Органы уголовного преследования", "Bodies of criminal prosecution"),
    ("court-executors", Kind.COURT_EXECUTOR, "Мемлекеттік сот орындаушылары", "Государственные судебные исполнители", "State court executors"),
    ("bailiffs", Kind.BAILIFF, "Жеке сот орындаушылары", "Частные судебные исполнители", "Private court executors"),
]  # fmt: skip

# Whether they protect data as art. 16 asks is counsel's to say: until then the person's own consent is needed.
_CONVENTION = "ETS № 108; заңгер растайды / подтверждает юрист"
_OPEN = "94-V 16-бап / ст. 16; заңгер растайды / подтверждает юрист"
# code, kk, ru, en, source
COUNTRIES = [
    ("AM", "Армения", "Армения", "Armenia", _CONVENTION),
    ("BY", "Беларусь", "Беларусь", "Belarus", _OPEN),
    ("CN", "Қытай", "Китай", "China", _OPEN),
    ("DE", "Германия", "Германия", "Germany", _CONVENTION),
    ("GB", "Ұлыбритания", "Великобритания", "United Kingdom", _CONVENTION),
    ("IE", "Ирландия", "Ирландия", "Ireland", _CONVENTION),
    ("KG", "Қырғызстан", "Кыргызстан", "Kyrgyzstan", _OPEN),
    ("NL", "Нидерланд", "Нидерланды", "Netherlands", _CONVENTION),
    ("RU", "Ресей", "Россия", "Russia", _CONVENTION),
    ("TR", "Түркия", "Турция", "Türkiye", _CONVENTION),
    ("US", "Америка Құрама Штаттары", "Соединённые Штаты Америки", "United States", _OPEN),
    ("UZ", "Өзбекстан", "Узбекистан", "Uzbekistan", _OPEN),
]


class RuleRow(NamedTuple):
    """A rule by codes. form: of the consent, "" for a duty by law, which names its article."""

    recipient: str
    purpose: str
    direction: str
    categories: str
    form: str = ""
    article: str = ""
    on_demand: bool = False
    sanction: bool = False
    disclosure: str = Disclosure.SUBJECT


IN, OUT = Direction.INCOMING, Direction.OUTGOING
_ASKED = "full_name iin identity_document addresses mobile_phone offer loan_history"
SECRECY = "56-V art. 21"
RULES = [
    # supply to the bureau with state participation needs no consent; a report from any bureau does (law.md 2.1)
    RuleRow("gkb", "bureau_transfer", OUT, "full_name iin identity_document solvency_obligations loan_history", article="573-II art. 26(1)"),
    RuleRow("gkb", "scoring", IN, "iin credit_report", form="C4"),
    RuleRow("state-corporation", "scoring", IN, "iin pension_contributions", form="C5"),
    RuleRow("enpf", "scoring", IN, "iin pension_contributions", form="C5"),
    RuleRow("financial-monitoring", "aml_fraud", OUT, "full_name iin identity_document addresses bank_account", article="191-IV", disclosure=Disclosure.WITHHELD),
    RuleRow("authorised-body", "legal_obligations", OUT, _ASKED, article="94-V", on_demand=True),
    RuleRow("financial-regulator", "legal_obligations", OUT, _ASKED, article=SECRECY, on_demand=True),
    RuleRow("criminal-prosecution", "legal_obligations", OUT, _ASKED, article=SECRECY, on_demand=True, sanction=True, disclosure=Disclosure.WITHHELD),
    RuleRow("court-executors", "legal_obligations", OUT, _ASKED, article=SECRECY, on_demand=True),
    RuleRow("bailiffs", "legal_obligations", OUT, _ASKED, article=SECRECY, on_demand=True, sanction=True),
]  # fmt: skip


class Loaded(NamedTuple):
    """How many rows of each register were added."""

    recipients: int
    countries: int
    rules: int


def load() -> Loaded:
    """Add the rows that are missing, as `load_registers` alone may; needs purposes and forms. Returns how many."""
    now = timezone.now()
    have = set(Recipient.objects.values_list("code", flat=True))
    recipients = Recipient.objects.bulk_create(
        Recipient(code=code, kind=kind, title_kk=kk, title_ru=ru, title_en=en)
        for code, kind, kk, ru, en in RECIPIENTS
        if code not in have
    )
    listed = set(Country.objects.values_list("code", flat=True))
    countries = Country.objects.bulk_create(
        Country(
            code=code,
            title_kk=kk,
            title_ru=ru,
            title_en=en,
            adequate=False,
            source=source,
            loaded=True,
            in_force_during=(now, None),
        )
        for code, kk, ru, en, source in COUNTRIES
        if code not in listed
    )
    whom = {row.code: row for row in Recipient.objects.all()}
    why = {row.code: row for row in Purpose.objects.all()}
    forms = {row.code: row for row in ConsentForm.objects.all()}
    # those that ended too: what two officers closed stays closed
    known = set(TransferRule.objects.values_list("recipient__code", "purpose__code", "direction"))
    rules = TransferRule.objects.bulk_create(
        TransferRule(
            recipient=whom[row.recipient],
            purpose=why[row.purpose],
            direction=row.direction,
            categories=row.categories.split(),
            ground=TransferGround.CONSENT if row.form else TransferGround.LAW,
            form=forms[row.form] if row.form else None,
            article=row.article,
            on_demand=row.on_demand,
            sanction=row.sanction,
            disclosure=row.disclosure,
            loaded=True,
            in_force_during=(now, None),
        )
        for row in RULES
        if row.purpose in why
        and (not row.form or row.form in forms)
        and (row.recipient, row.purpose, row.direction) not in known
    )
    return Loaded(len(recipients), len(countries), len(rules))
