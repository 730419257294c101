"""The approved list of personal data (перечень), as a first proposal; officers change it and are not overwritten.

Codes follow policy 2.1; titles are our own words. Sources: 94-V art. 25 (the list), art. 6 (access).
"""

from django.utils import timezone

from subjects import calendar_days
from subjects.clock_models import DutyRule, Trigger, Unit
from subjects.enums import Access, RetentionClass
from subjects.models import DataCategory

IDENTITY, APPLICATION, LOAN, TECHNICAL = (
    RetentionClass.IDENTITY,
    RetentionClass.APPLICATION,
    RetentionClass.LOAN,
    RetentionClass.TECHNICAL,
)
CATEGORIES: list[tuple[str, str, str, str, str]] = [
    ("full_name", IDENTITY, "Тегі, аты, әкесінің аты", "Фамилия, имя, отчество", "Full name"),
    ("email", IDENTITY, "Электрондық пошта мекенжайы", "Адрес электронной почты", "E-mail address"),
    ("mobile_phone", IDENTITY, "Ұялы телефон нөмірі", "Номер мобильного телефона", "Mobile phone number"),
    ("contact_phones", IDENTITY, "Қосымша байланыс телефондары", "Дополнительные контактные телефоны", "Contact phones"),
    ("addresses", IDENTITY, "Тіркелген және тұратын мекенжайы", "Адреса регистрации и проживания", "Addresses"),
    ("bank_account", LOAN, "Банк шотының деректемелері", "Реквизиты банковского счета", "Bank account"),
    ("identity_document", IDENTITY, "Жеке басты куәландыратын құжаттың деректері", "Данные документа, удостоверяющего личность", "Identity document data"),
    ("iin", IDENTITY, "Жеке сәйкестендіру нөмірі (ЖСН)", "Индивидуальный идентификационный номер (ИИН)", "Individual identification number (IIN)"),
    ("employer", APPLICATION, "Жұмыс берушінің атауы", "Наименование работодателя", "Employer"),
    ("salary_amount", APPLICATION, "Жалақы мөлшері", "Размер заработной платы", "Salary amount"),
    ("salary_date", APPLICATION, "Жалақы төленетін күн", "День выплаты заработной платы", "Salary day"),
    ("marital_status", APPLICATION, "Отбасылық жағдайы", "Семейное положение", "Marital status"),
    ("property_type", APPLICATION, "Меншігінің түрі", "Вид имущества в собственности", "Type of property"),
    ("solvency_obligations", APPLICATION, "Төлем қабілеті мен міндеттемелері туралы мәлімет", "Сведения о платежеспособности и обязательствах", "Solvency and obligations"),
    ("auto_other", TECHNICAL, "Автоматты түрде берілетін өзге деректер", "Иные автоматически передаваемые данные", "Other data sent automatically"),
    ("ip_address", TECHNICAL, "IP-мекенжай", "IP-адрес", "IP address"),
    ("cookie", TECHNICAL, "cookie файлдарының деректері", "Данные файлов cookie", "Cookies"),
    ("browser", TECHNICAL, "Браузер туралы мәлімет", "Сведения о браузере", "Browser"),
    ("access_time", TECHNICAL, "Сайтқа кірген уақыт", "Время обращения к сайту", "Time of access"),
    ("requested_page", TECHNICAL, "Сұратылған беттің мекенжайы", "Адрес запрошенной страницы", "Page requested"),
    ("isp_domain", TECHNICAL, "Интернет-провайдердің домендік атауы", "Доменное имя интернет-провайдера", "Provider's domain name"),
    ("offer", LOAN, "Жіберілген және келісілген оферта", "Направленная и согласованная оферта", "Offer sent and agreed"),
    ("other_for_purposes", APPLICATION, "Мақсаттарға қажетті өзге мәлімет", "Иные сведения, необходимые для целей", "Other data needed for the purposes"),
]  # fmt: skip


def load() -> int:
    """Add the categories that are missing; returns how many. What officers changed stays as they left it."""
    have = set(DataCategory.objects.values_list("code", flat=True))
    new = [
        DataCategory(
            code=code,
            retention_class=retention_class,
            access=Access.RESTRICTED,
            order=order,
            title_kk=kk,
            title_ru=ru,
            title_en=en,
        )
        for order, (code, retention_class, kk, ru, en) in enumerate(CATEGORIES, start=1)
        if code not in have
    ]
    DataCategory.objects.bulk_create(new)
    return len(new)


WORKING, CALENDAR = Unit.WORKING_DAY, Unit.CALENDAR_DAY
# code, term, unit, what it runs from, article, titles kk, ru, en (law.md 1.6). None is confirmed by counsel: an officer
# says so by a proposal that a second one approves. The Digital Code's unit is not known: of the two the shorter is taken.
DUTIES: list[tuple[str, int, Unit, Trigger, str, str, str, str]] = [
    ("ACCESS", 3, WORKING, Trigger.REQUEST, "94-V art. 25", "Субъектіге ол туралы мәліметті беру", "Предоставить субъекту сведения о нём", "Give the data subject the information about them"),
    ("REFUSE", 3, WORKING, Trigger.REQUEST, "94-V art. 25", "Дәлелді бас тарту", "Дать мотивированный отказ", "Answer with a reasoned refusal"),
    ("CHANGE", 1, WORKING, Trigger.DOCUMENTS, "94-V art. 25", "Деректерді құжаттар бойынша өзгерту немесе толықтыру", "Изменить или дополнить данные по документам", "Change or supplement data by documents"),
    ("BLOCK", 1, WORKING, Trigger.VIOLATION, "94-V art. 25", "Шарттар бұзылғанда деректерді бұғаттау", "Заблокировать данные при нарушении условий", "Block data when conditions were violated"),
    ("DESTROY", 1, WORKING, Trigger.VIOLATION_CONFIRMED, "94-V art. 18, 25", "Деректерді жою", "Уничтожить данные", "Destroy data"),
    ("UNBLOCK", 1, WORKING, Trigger.VIOLATION_DISPROVED, "94-V art. 25", "Бұзушылық расталмағанда бұғаттауды алып тастау", "Снять блокирование, если нарушение не подтвердилось", "Unblock data when no violation was confirmed"),
    ("PUBLIC", 1, WORKING, Trigger.REQUEST, "94-V art. 6", "Деректерді жалпыға қолжетімді көздерден алып тастау", "Исключить данные из общедоступных источников", "Remove data from public sources"),
    ("TRANSFER_NOTICE", 10, WORKING, Trigger.TRANSFER, "94-V art. 19", "Деректердің үшінші тұлғаға берілгенін субъектіге хабарлау", "Уведомить субъекта о передаче данных третьему лицу", "Tell the data subject of a transfer to a third party"),
    ("BREACH", 1, WORKING, Trigger.BREACH, "94-V art. 25", "Қауіпсіздіктің бұзылуы туралы уәкілетті органға хабарлау", "Уведомить уполномоченный орган о нарушении безопасности", "Notify the authority of a breach of data security"),
    ("DIGITAL_CODE", 15, CALENDAR, Trigger.REQUEST, "Digital Code of 09.01.2026", "Өтініш бойынша жою, иесіздендіру немесе өңдеуді тоқтату", "Удалить, обезличить или прекратить обработку по запросу", "Delete, depersonalise or stop processing on request"),
    ("CB_DISPUTE", 15, WORKING, Trigger.DISPUTE, "573-II art. 31", "Кредиттік тарих деректері туралы дауды қарау", "Рассмотреть спор о данных кредитной истории", "Examine a dispute of credit history data"),
    ("CB_FIX", 5, CALENDAR, Trigger.CORRECTION, "573-II art. 17", "Түзетілген кредиттік есепті жіберу", "Направить исправленный кредитный отчёт", "Send a corrected credit report"),
    ("ASSIGN_NOTICE", 30, CALENDAR, Trigger.ASSIGNMENT, "56-V art. 9-1", "Талап ету құқығының берілгенін қарыз алушыға хабарлау", "Уведомить заёмщика о состоявшейся уступке", "Tell the borrower of an assignment that took place"),
]  # fmt: skip


def load_clock() -> tuple[int, int]:
    """Add the terms of the law that are missing and fill the calendar of the years around now; (terms, days) added."""
    have, now = set(DutyRule.objects.values_list("code", flat=True)), timezone.now()
    new = DutyRule.objects.bulk_create(
        DutyRule(
            code=code,
            amount=amount,
            unit=unit,
            trigger=trigger,
            article=article,
            title_kk=kk,
            title_ru=ru,
            title_en=en,
            loaded=True,
            in_force_during=(now, None),
        )
        for code, amount, unit, trigger, article, kk, ru, en in DUTIES
        if code not in have
    )
    return len(new), calendar_days.load()
