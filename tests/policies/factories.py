"""Policies for tests, made by the services officers use."""

from datetime import date

from policies import services
from policies.models import Policy, PolicyVersion
from policies.services import SourceFile
from staff.models import StaffUser
from tests.staff.factories import StaffUserFactory, as_officer, permit

RU = """# Политика

Преамбула документа.

## 1. Цели

1.1. Мы обрабатываем данные, чтобы:

- заключить договор;
- ответить на обращение.

1.2. Иных целей нет.

## 2. Права

2.1. Вы вправе знать, что мы храним.
"""
KK = """# Саясат

Құжаттың кіріспесі.

## 1. Мақсаттар

1.1. Біз деректерді мына мақсаттарда өңдейміз:

- шарт жасасу;
- өтінішке жауап беру.

1.2. Өзге мақсат жоқ.

## 2. Құқықтар

2.1. Сіз не сақтайтынымызды білуге құқылысыз.
"""
FILLED = {
    "order_number": "12-Ө",
    "order_date": date(2026, 11, 1),
    "scope_kk": "Сайт және кеңселер.",
    "scope_ru": "Сайт и офисы.",
    "significance_reason_kk": "Жаңа мақсат қосылды.",
    "significance_reason_ru": "Добавлена новая цель.",
    "change_summary_kk": "Жаңа мақсат пайда болды.",
    "change_summary_ru": "Появилась новая цель.",
}


def author() -> StaffUser:
    return permit(
        StaffUserFactory(),
        "policies.add_policyversion",
        "policies.view_policyversion",
        "policies.change_policyversion",
        "policies.submit_policyversion",
    )


def approver() -> StaffUser:
    return permit(
        StaffUserFactory(),
        "policies.view_policyversion",
        "policies.approve_policyversion",
        "policies.publish_policyversion",
    )


def mighty() -> StaffUser:
    """Somebody with every right, who wrote and signed nothing."""
    verbs = ("add", "view", "change", "submit", "approve", "publish")
    return permit(StaffUserFactory(), *(f"policies.{verb}_policyversion" for verb in verbs))


def policy(code: str = "personal-data") -> Policy:
    return Policy.objects.get_or_create(
        code=code, defaults={"title_kk": "Саясат", "title_ru": "Политика", "title_en": "Policy"}
    )[0]


def draft(*, by: StaffUser, ru: str = RU, kk: str = KK, significant: bool = False, **kwargs) -> PolicyVersion:
    """A complete draft, ready to be submitted."""
    with as_officer(by):
        version = services.import_version(
            policy=kwargs.pop("policy", None) or policy(),
            files={"ru": SourceFile("ru.md", ru.encode()), "kk": SourceFile("kk.md", kk.encode())},
            by=by,
            **kwargs,
        )
        for name, value in FILLED.items():
            setattr(version, name, value)
        version.significant = significant
        version.save()
    return version


def approved_version(**kwargs) -> tuple[PolicyVersion, StaffUser]:
    """An approved version and the officer who approved it and may publish it."""
    first, second = author(), approver()
    version = draft(by=first, **kwargs)
    with as_officer(first):
        version = services.submit(version, by=first)
    with as_officer(second):
        version = services.approve(version, by=second)
    return version, second


def published_version(*, at=None, **kwargs) -> PolicyVersion:
    version, second = approved_version(**kwargs)
    with as_officer(second):
        return services.publish(version, by=second, at=at)
