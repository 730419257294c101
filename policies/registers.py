"""The acts every installation starts with; officers change them and are not overwritten.

Numbers, dates, official titles: law.md 0, 2, 2.3. Nothing is confirmed by counsel until an officer says so.
"""

from datetime import date
from typing import NamedTuple

from django.db import transaction

from policies.legal_acts import ActStatus, LegalAct


class Act(NamedTuple):
    """An act; repealed: the day and the code of the act that did it."""

    code: str
    number: str
    date: date
    kk: str
    ru: str
    en: str
    repealed: tuple[date, str] | None = None


ACTS = [
    Act("personal-data", "94-V", date(2013, 5, 21), "Дербес деректер және оларды қорғау туралы", "О персональных данных и их защите", "On Personal Data and Their Protection"),
    Act("microfinance", "56-V", date(2012, 11, 26), "Микроқаржылық қызмет туралы", "О микрофинансовой деятельности", "On Microfinance Activity"),
    Act("credit-bureaus", "573-II", date(2004, 7, 6), "Қазақстан Республикасындағы кредиттік бюролар және кредиттік тарихты қалыптастыру туралы", "О кредитных бюро и формировании кредитных историй в Республике Казахстан", "On Credit Bureaus and the Formation of Credit Histories in the Republic of Kazakhstan"),
    Act("aml", "191-IV", date(2009, 8, 28), "Қылмыстық жолмен алынған кірістерді заңдастыруға (жылыстатуға), терроризмді қаржыландыруға және жаппай қырып-жою қаруын таратуды қаржыландыруға қарсы іс-қимыл туралы", "О противодействии легализации (отмыванию) доходов, полученных преступным путем, финансированию терроризма и финансированию распространения оружия массового уничтожения", "On Countering the Legalisation of Proceeds of Crime, the Financing of Terrorism and of the Proliferation of Weapons of Mass Destruction"),
    Act("social-code", "224-VII", date(2023, 4, 20), "Қазақстан Республикасының Әлеуметтік кодексі", "Социальный кодекс Республики Казахстан", "Social Code of the Republic of Kazakhstan"),
    Act("pensions", "105-V", date(2013, 6, 21), "Қазақстан Республикасында зейнетақымен қамсыздандыру туралы", "О пенсионном обеспечении в Республике Казахстан", "On Pension Provision in the Republic of Kazakhstan", (date(2023, 7, 1), "social-code")),
    Act("collection", "62-VI", date(2017, 5, 6), "Коллекторлық қызмет туралы", "О коллекторской деятельности", "On Collection Activity"),
]  # fmt: skip


@transaction.atomic
def load() -> int:
    """Add the acts that are missing; returns how many. What officers changed stays as they left it."""
    known = {act.code: act for act in LegalAct.objects.all()}
    new = [act for act in ACTS if act.code not in known]
    # who repeals comes before what is repealed
    for act in sorted(new, key=lambda act: act.repealed is not None):
        day, successor = act.repealed or (None, "")
        known[act.code] = LegalAct.objects.create(
            code=act.code,
            number=act.number,
            date=act.date,
            title_kk=act.kk,
            title_ru=act.ru,
            title_en=act.en,
            status=ActStatus.REPEALED if act.repealed else ActStatus.IN_FORCE,
            repealed_on=day,
            successor=known.get(successor),
        )
    return len(new)
