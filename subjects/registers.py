"""The approved list of personal data (перечень), as a first proposal; officers change it and are not overwritten.

Codes follow policy 2.1; titles are our own words. Sources: 94-V art. 25 (the list), art. 6 (access).
"""

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
