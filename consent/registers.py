"""The registers every installation starts with: purposes, the matrix, the twelve forms, retention rules.

A first proposal in our own words. What officers change is theirs: a row that exists is left alone. Codes, grounds and
articles follow law.md 5.1 and 2.4, DPV terms product.md 5.3; nothing here is confirmed by counsel until an officer
says so. "fin:" is https://w3id.org/dpv/sector/finance#.
"""

from typing import NamedTuple

from django.utils import timezone

from consent.enums import Ground, Necessity, RetentionAction, ScopeKind, StartsOn, Withdrawal
from consent.models import ConsentForm, Purpose, PurposeCategory, RetentionRule
from subjects.enums import RetentionClass
from subjects.models import DataCategory

CONSENT, LAW, NOTICE, ANONYMOUS, NONE = (
    Ground.CONSENT,
    Ground.LAW,
    Ground.NOTICE,
    Ground.DEPERSONALISED,
    Ground.NONE,
)
BY_CONSENT = "94-V art. 7, 8"


# categories that purposes imply and policy 2.1 does not name (law.md 5.2): code, class, biometric, kk, ru, en
IMPLIED = [
    ("biometrics", RetentionClass.IDENTITY, True, "Биометриялық деректер: бет бейнесі, бейнежазба", "Биометрические данные: изображение лица, видеозапись", "Biometric data: image of the face, video"),
    ("call_recordings", RetentionClass.TECHNICAL, False, "Телефон әңгімелерінің жазбалары", "Записи телефонных разговоров", "Recordings of calls"),
    ("credit_report", RetentionClass.APPLICATION, False, "Кредиттік есеп және кредиттік балл", "Кредитный отчёт и кредитный балл", "Credit report and score"),
    ("pension_contributions", RetentionClass.APPLICATION, False, "Зейнетақы жарналары туралы мәлімет", "Сведения о пенсионных взносах", "Pension contributions"),
    ("loan_history", RetentionClass.LOAN, False, "Микрокредиттер мен төлемдердің тарихы", "История микрокредитов и платежей", "History of loans and payments"),
    ("device_id", RetentionClass.TECHNICAL, False, "Құрылғының сәйкестендіргіші", "Идентификатор устройства", "Device identifier"),
    ("contact_person", RetentionClass.APPLICATION, False, "Байланыс тұлғасының деректері", "Данные контактного лица", "Data of the contact person"),
    ("correspondence", RetentionClass.LOAN, False, "Хат алмасу және өтініштер", "Переписка и обращения", "Correspondence"),
]  # fmt: skip


class PurposeRow(NamedTuple):
    """A purpose, its titles, DPV terms, ground and article, whether the loan needs it, the categories it needs."""

    code: str
    kk: str
    ru: str
    en: str
    dpv: str
    ground: str
    article: str
    required: bool
    categories: str


PURPOSES = [
    PurposeRow("contract", "Микрокредит туралы шарт жасасу және оны орындау", "Заключение и исполнение договора о микрокредите", "Concluding and performing the microcredit contract", "dpv:EstablishContractualAgreement dpv:FulfilmentOfContractualObligation fin:LoanServiceProvision", CONSENT, BY_CONSENT, True, "full_name iin identity_document mobile_phone email addresses bank_account offer"),
    PurposeRow("identification", "Адамды сәйкестендіру және жеке кабинетке кіргізу", "Идентификация и доступ в личный кабинет", "Identification and access to the cabinet", "dpv:IdentityVerification dpv:IdentityAuthentication dpv:EnforceAccessControl", CONSENT, BY_CONSENT, True, "full_name iin identity_document mobile_phone email biometrics"),
    PurposeRow("retention", "Құжаттарды және кредиттік досьені заңда белгіленген мерзімде сақтау", "Хранение документов и кредитного досье в установленные законом сроки", "Keeping documents and the credit file as the law demands", "dpv:RecordManagement dpv:LegalCompliance", LAW, "56-V art. 7; 191-IV art. 11", False, "full_name iin identity_document offer"),
    PurposeRow("legal_defence", "Міндеттеме бұзылғанда құқықтарды сотта және соттан тыс қорғау", "Судебная и внесудебная защита прав при нарушении обязательств", "Defending our rights when an obligation is broken", "dpv:DisputeManagement", CONSENT, BY_CONSENT, True, "full_name iin addresses mobile_phone offer"),
    PurposeRow("appeals", "Өтініштер мен шағымдарды қарау және оларға жауап беру", "Рассмотрение обращений и жалоб и ответы на них", "Answering appeals and complaints", "dpv:CustomerClaimsManagement dpv:CommunicationForCustomerCare", CONSENT, BY_CONSENT, True, "full_name email mobile_phone correspondence"),
    PurposeRow("contract_control", "Шарт бойынша міндеттердің орындалуын бақылау", "Контроль исполнения обязанностей по договору", "Watching that the contract is performed", "dpv:CustomerSolvencyMonitoring", CONSENT, BY_CONSENT, True, "full_name offer loan_history"),
    PurposeRow("correspondence", "Хат-хабарды курьермен, поштамен және электрондық түрде жеткізу", "Доставка корреспонденции курьером, почтой и в электронном виде", "Delivering correspondence", "dpv:CommunicationManagement", CONSENT, BY_CONSENT, True, "full_name addresses email mobile_phone correspondence"),
    PurposeRow("communication", "Шарт жасасу және орындау мәселелері бойынша байланыс", "Связь по вопросам заключения и исполнения договора", "Talking about the contract", "dpv:CommunicationManagement", CONSENT, BY_CONSENT, True, "full_name mobile_phone email contact_phones contact_person"),
    PurposeRow("scoring", "Төлем қабілетін бағалау және тәуекелді басқару", "Оценка платёжеспособности и управление рисками", "Assessing solvency, managing risk", "fin:CreditScoreEvaluation fin:CreditHistoryEvaluation fin:CreditChecking", CONSENT, BY_CONSENT, True, "iin employer salary_amount salary_date solvency_obligations credit_report pension_contributions loan_history"),
    PurposeRow("bureau_transfer", "Өтінімді қарау үшін деректерді кредиттік бюроға және зейнетақы төлеу орталығына беру", "Передача данных кредитному бюро и центру по выплате пенсий для рассмотрения заявки", "Transfer to credit bureaus and the pension centre", "fin:CreditChecking dpv:Transfer", CONSENT, "573-II art. 26; 94-V art. 15", True, "full_name iin identity_document solvency_obligations credit_report pension_contributions loan_history"),
    PurposeRow("settlements", "Төлем жүргізу және өзара есеп айырысу", "Проведение платежей и взаиморасчётов", "Payments and settlements", "fin:PaymentProcessing dpv:PaymentManagement", CONSENT, BY_CONSENT, True, "full_name iin bank_account"),
    PurposeRow("aml_fraud", "Алаяқтықтың, қылмыстық жолмен алынған кірістерді жылыстатудың және терроризмді қаржыландырудың алдын алу", "Предотвращение мошенничества, отмывания доходов и финансирования терроризма", "Preventing fraud, money laundering and the financing of terrorism", "dpv:FraudPreventionAndDetection dpv:CounterMoneyLaundering fin:AntiMoneyLaunderingCompliance", LAW, "191-IV", False, "full_name iin identity_document addresses bank_account"),
    PurposeRow("denylist", "Микрокредит берілмейтін адамдардың тізімін жүргізу", "Ведение списка лиц, которым микрокредит не выдаётся", "The list of persons denied microcredit", "dpv:ServiceAccessDetermination", CONSENT, BY_CONSENT, True, "full_name iin"),
    PurposeRow("abuse", "Қызметтердің теріс пайдаланылуына жол бермеу", "Предотвращение злоупотребления услугами", "Preventing abuse of the services", "dpv:MisusePreventionAndDetection", CONSENT, BY_CONSENT, True, "full_name iin ip_address browser device_id"),
    PurposeRow("collection", "Берешекті өндіріп алу", "Взыскание задолженности", "Collecting debt", "fin:DebtManagement", CONSENT, BY_CONSENT, True, "full_name iin addresses mobile_phone contact_phones offer loan_history"),
    PurposeRow("assignment", "Талап ету құқығын басқаға беру", "Уступка права требования", "Assigning a claim", "fin:DebtManagement dpv:Disclose", NOTICE, "56-V art. 9-1", False, "full_name iin offer"),
    PurposeRow("marketing", "Өз қызметтеріміз бен серіктестер қызметтерін жарнамалау", "Реклама наших услуг и услуг партнёров", "Advertising our services and partners' ones", "dpv:Marketing dpv:DirectMarketing dpv:TargetedAdvertising", CONSENT, BY_CONSENT, False, "full_name email mobile_phone cookie"),
    PurposeRow("security", "Ақпараттың, мүліктің және қызметкерлердің қауіпсіздігін қамтамасыз ету", "Безопасность информации, имущества и работников", "Security of information, property and staff", "dpv:EnforceSecurity", CONSENT, BY_CONSENT, True, "ip_address access_time browser requested_page"),
    PurposeRow("service_quality", "Қызмет көрсету сапасын арттыру", "Улучшение качества услуг", "Improving the services", "fin:ServiceImprovement dpv:ServiceOptimisation", CONSENT, BY_CONSENT, False, "requested_page access_time"),
    PurposeRow("comm_quality_evidence", "Әңгімелесу сапасын бақылау және дәлелдемелерді сақтау", "Контроль качества общения и сохранение доказательств", "Quality of communication, keeping evidence", "dpv:ServiceMonitoring dpv:RecordManagement", CONSENT, BY_CONSENT, True, "call_recordings correspondence"),
    PurposeRow("legal_obligations", "Заң жүктеген міндеттерді орындау және мемлекеттік органдарға жауап беру", "Исполнение обязанностей по закону и ответы государственным органам", "Legal duties and state bodies", "dpv:LegalCompliance fin:RegulatoryCompliance", LAW, "94-V art. 9", False, "full_name iin"),
    PurposeRow("client_base", "Клиенттер базасын жүргізу", "Ведение клиентской базы", "Keeping the client base", "dpv:CustomerRelationshipManagement", CONSENT, BY_CONSENT, True, "full_name iin mobile_phone email"),
    PurposeRow("statistics", "Иесіздендірілген деректер бойынша статистика және зерттеулер", "Статистика и исследования на обезличенных данных", "Statistics and research on depersonalised data", "dpv:ServiceUsageAnalytics dpv:CommercialResearch", ANONYMOUS, "94-V art. 17", False, "loan_history"),
    PurposeRow("other", "Нақты аталмаған өзге мақсаттар", "Иные, не названные определённо цели", "Other purposes, not named", "", NONE, "94-V art. 7", False, ""),
]  # fmt: skip

ANY, BOUND = Withdrawal.AT_ANY_TIME, Withdrawal.AFTER_OBLIGATIONS
# code, kk, ru, en, required for the loan, withdrawal, what one consent is about
FORMS = [
    ("C1", "Дербес деректерді жинауға және өңдеуге келісім", "Согласие на сбор и обработку персональных данных", "Collection and processing of personal data", True, BOUND, ScopeKind.CONTRACT),
    ("C2", "Аталған үшінші тұлғаларға беруге келісім", "Согласие на передачу названным третьим лицам", "Transfer to named third parties", False, BOUND, ScopeKind.RECIPIENT),
    ("C3", "Кредиттік бюроға ақпарат беруге келісім", "Согласие на предоставление сведений в кредитное бюро", "Supply of information to a credit bureau", True, BOUND, ScopeKind.RECIPIENT),
    ("C4", "Кредиттік есеп алуға келісім", "Согласие на получение кредитного отчёта", "Obtaining a credit report", True, BOUND, ScopeKind.REPORT),
    ("C5", "Мемлекеттік базалардан мәлімет алуға келісім", "Согласие на получение сведений из государственных баз", "Data from state databases", False, BOUND, ScopeKind.TOKEN),
    ("C6", "Микрокредит беру құпиясын ашуға келісім", "Согласие на раскрытие тайны предоставления микрокредита", "Disclosure of microcredit secrecy", False, BOUND, ScopeKind.RECIPIENT),
    ("C7", "Биометриялық деректерді өңдеуге келісім", "Согласие на обработку биометрических данных", "Biometric data", False, BOUND, ScopeKind.WHOLE),
    ("C8", "Біздің қызметтер туралы жарнама алуға келісім", "Согласие на рекламу наших услуг", "Advertising of our services", False, ANY, ScopeKind.WHOLE),
    ("C9", "Үшінші тұлғалардың жарнамасын алуға келісім", "Согласие на рекламу третьих лиц", "Advertising of third parties", False, ANY, ScopeKind.WHOLE),
    ("C10", "Трансшекаралық беруге келісім", "Согласие на трансграничную передачу", "Cross-border transfer", False, ANY, ScopeKind.WHOLE),
    ("C11", "Жалпыға қолжетімді көздерде таратуға келісім", "Согласие на распространение в общедоступных источниках", "Distribution in public sources", False, ANY, ScopeKind.WHOLE),
    ("C12", "Cookie файлдары мен нысаналы жарнамаға келісім", "Согласие на файлы cookie и таргетинг", "Cookies and targeting", False, ANY, ScopeKind.WHOLE),
]  # fmt: skip

# code, kk, ru, en, retention class, duration, runs from, then, reference
RULES = [
    ("credit-file", "Кредиттік досье", "Кредитное досье", "Credit file", RetentionClass.LOAN, "P5Y", StartsOn.CONTRACT_PERFORMED, RetentionAction.DESTROY, "56-V"),
    ("identity", "Сәйкестендіру деректері", "Идентификационные данные", "Identity data", RetentionClass.IDENTITY, "P5Y", StartsOn.CONTRACT_PERFORMED, RetentionAction.DESTROY, "191-IV art. 11"),
    ("aml", "Қаржы мониторингі құжаттары", "Документы финансового мониторинга", "Financial monitoring documents", RetentionClass.AML, "P5Y", StartsOn.CONTRACT_PERFORMED, RetentionAction.DESTROY, "191-IV art. 11"),
    ("refused-application", "Қабылданбаған өтінім", "Отклонённая заявка", "Refused application", RetentionClass.APPLICATION, "P1Y", StartsOn.APPLICATION_REFUSED, RetentionAction.DESTROY, ""),
    ("application-file", "Кредиттік досьедегі өтінім деректері", "Данные заявки в кредитном досье", "Application data in the credit file", RetentionClass.APPLICATION, "P5Y", StartsOn.CONTRACT_PERFORMED, RetentionAction.DESTROY, "56-V"),
    ("refused-identity", "Микрокредит алмаған өтініш берушінің деректері", "Данные заявителя, не получившего микрокредит", "Data of an applicant who got no loan", RetentionClass.IDENTITY, "P1Y", StartsOn.APPLICATION_REFUSED, RetentionAction.DESTROY, ""),
    ("evidence-withdrawn", "Кері қайтарып алынған келісімнің дәлелдемелері", "Доказательства отозванного согласия", "Proofs of a withdrawn consent", RetentionClass.EVIDENCE, "P3Y", StartsOn.CONSENT_WITHDRAWN, RetentionAction.REVIEW, ""),
    ("marketing", "Жарнама деректері", "Данные для рекламы", "Marketing data", RetentionClass.MARKETING, "P0D", StartsOn.CONSENT_WITHDRAWN, RetentionAction.DESTROY, ""),
    ("technical", "Техникалық журналдар", "Технические журналы", "Technical logs", RetentionClass.TECHNICAL, "P1Y", StartsOn.COLLECTED, RetentionAction.DESTROY, ""),
    ("evidence", "Келісім дәлелдемелері", "Доказательства согласия", "Proofs of consent", RetentionClass.EVIDENCE, "P8Y", StartsOn.CONTRACT_PERFORMED, RetentionAction.REVIEW, ""),
]  # fmt: skip


class Loaded(NamedTuple):
    """How many rows of each register were added."""

    purposes: int
    cells: int
    forms: int
    rules: int


def load_categories() -> int:
    """Add the categories that purposes imply, after those of policy 2.1; returns how many."""
    have = set(DataCategory.objects.values_list("code", flat=True))
    return len(
        DataCategory.objects.bulk_create(
            DataCategory(
                code=code, retention_class=of, biometric=bio, order=order, title_kk=kk, title_ru=ru, title_en=en
            )
            for order, (code, of, bio, kk, ru, en) in enumerate(IMPLIED, start=24)
            if code not in have
        )
    )


def load() -> Loaded:
    """Add the rows that are missing, as `load_registers` alone may; needs the data categories. Returns how many."""
    now = timezone.now()
    load_categories()
    have = set(Purpose.objects.values_list("code", flat=True))
    new = [row for row in PURPOSES if row.code not in have]
    made = Purpose.objects.bulk_create(
        Purpose(
            code=row.code,
            title_kk=row.kk,
            title_ru=row.ru,
            title_en=row.en,
            dpv_term=row.dpv,
            ground=row.ground,
            article=row.article,
            required=row.required,
            open_ended=row.ground == NONE,
            order=[r.code for r in PURPOSES].index(row.code) + 1,
            valid_from=timezone.localdate(now),
        )
        for row in new
    )
    categories = {category.code: category for category in DataCategory.objects.all()}
    cells = PurposeCategory.objects.bulk_create(
        PurposeCategory(
            purpose=purpose,
            category=categories[code],
            necessity=Necessity.REQUIRED if row.required else Necessity.OPTIONAL,
            loaded=True,
            in_force_during=(now, None),
        )
        for purpose, row in zip(made, new, strict=True)
        for code in row.categories.split()
        if code in categories
    )
    known = set(ConsentForm.objects.values_list("code", flat=True))
    forms = ConsentForm.objects.bulk_create(
        ConsentForm(
            code=code,
            title_kk=kk,
            title_ru=ru,
            title_en=en,
            required=required,
            withdrawal=withdrawal,
            scope_kind=scope,
            order=order,
        )
        for order, (code, kk, ru, en, required, withdrawal, scope) in enumerate(FORMS, start=1)
        if code not in known
    )
    kept = set(RetentionRule.objects.values_list("code", flat=True))
    rules = RetentionRule.objects.bulk_create(
        RetentionRule(
            code=code,
            title_kk=kk,
            title_ru=ru,
            title_en=en,
            retention_class=retention_class,
            duration=duration,
            starts_on=starts_on,
            action=action,
            reference=reference,
            loaded=True,
            in_force_during=(now, None),
        )
        for code, kk, ru, en, retention_class, duration, starts_on, action, reference in RULES
        if code not in kept
    )
    return Loaded(len(made), len(cells), len(forms), len(rules))
