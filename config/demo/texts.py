"""The words of the demo's invented organisation; the policy itself is in `policy/`."""

from staff.enums import Role

OPERATOR = {
    "name_kk": "«Айқын Несие» микроқаржы ұйымы» ЖШС",
    "name_ru": "ТОО «Микрофинансовая организация «Айқын Несие»",
    "name_en": "Aiqyn Nesie Microfinance Organisation LLP",
    "bin": "170340990016",
    "address_kk": "050000, Алматы қаласы, Үлгі көшесі, 1-үй",
    "address_ru": "050000, город Алматы, улица Улги, дом 1",
    "address_en": "1 Ulgi Street, Almaty 050000",
    "email": "privacy@example.kz",
    "phone": "+7 727 000 00 00",
    "responsible_person": "Сәуле Үлгібаева",
    "responsible_order": "№ 3-К, 12.01.2026",
}

POSITIONS = {
    Role.OPERATOR: "Специалист по работе с клиентами",
    Role.OFFICER: "Комплаенс-офицер",
    Role.DPO: "Лицо, ответственное за организацию обработки персональных данных",
    Role.AUDITOR: "Внутренний аудитор",
    Role.ADMINISTRATOR: "Администратор системы",
}


NEXT_C9 = {
    "kk": "Бір айда екіден көп хат жібермейміз.",
    "ru": "Мы направляем не более двух сообщений в месяц.",
    "en": "We send at most two messages a month.",
}
POLICY_TITLE = {
    "title_kk": "Дербес деректерді өңдеу және қорғау саясаты",
    "title_ru": "Политика обработки и защиты персональных данных",
    "title_en": "Personal data processing and protection policy",
}

SCOPE = {
    "scope_kk": "Ұйымның барлық бөлімшелері, сайты және жеке кабинеті.",
    "scope_ru": "Все подразделения Организации, её сайт и личный кабинет.",
}

VERSION_1 = {
    **SCOPE,
    "order_number": "41-НҚ",
    "significant": False,
    "significance_reason_kk": "Бірінші редакция: салыстыратын бұрынғы мәтін жоқ.",
    "significance_reason_ru": "Первая редакция: прежнего текста, с которым её можно сравнить, нет.",
}

VERSION_2 = {
    **SCOPE,
    "order_number": "47-НҚ",
    "significant": True,
    "significance_reason_kk": (
        "Деректерді өңдеудің жаңа мақсаты, жаңа алушылар және жаңа сақтау мерзімі пайда болды. Бұл әр клиентке қатысты."
    ),
    "significance_reason_ru": (
        "Появились новая цель обработки, новые получатели данных и новый срок хранения. Это касается каждого клиента."
    ),
    "change_summary_kk": """Жаңа мақсат – алаяқтықтың алдын алу: өтінімді өзіңіз беріп отырғаныңызды тексереміз (2.1-тармақ).

Телефон нөміріңіздің Сізге тиесілі екенін ұялы байланыс операторынан сұрай аламыз (5.1-тармақ).

Шарт жасалмаған өтінім үш жыл емес, бір жыл сақталады; телефонмен сөйлесу жазбалары бір жыл сақталады (6.1-тармақ).

Өтінішке үш жұмыс күні ішінде жауап береміз (7.2-тармақ). Деректер енді баспаханаға берілмейді (бұрынғы 5.4-тармақ).""",
    "change_summary_ru": """Новая цель – предупреждение мошенничества: мы проверяем, что заявку подаёте именно Вы (пункт 2.1).

Мы можем спросить оператора сотовой связи, принадлежит ли номер телефона Вам (пункт 5.1).

Заявка, по которой договор не заключён, хранится один год вместо трёх лет; записи телефонных разговоров хранятся один год (пункт 6.1).

На обращение мы отвечаем в течение трёх рабочих дней (пункт 7.2). Данные больше не передаются типографии (прежний пункт 5.4).""",
    "change_summary_en": """A new purpose, the prevention of fraud: we check that it is you who applies (clause 2.1).

We may ask the mobile operator whether the phone number is yours (clause 5.1).

An application that led to no contract is kept for one year instead of three; records of phone calls are kept for one year (clause 6.1).

We answer a request within three working days (clause 7.2). No data go to a printing house any more (the former clause 5.4).""",
}
