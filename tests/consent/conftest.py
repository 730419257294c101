"""A person in the cabinet, and versions that follow one another."""

from collections.abc import Callable

import pytest

from policies import services as policies
from policies.models import PolicyVersion
from policies.services import SourceFile
from staff.models import Operator
from subjects.models import DataSubject
from tests.policies import factories
from tests.staff.factories import as_officer
from tests.subjects.factories import DataSubjectFactory


@pytest.fixture
def operator(db) -> Operator:
    return Operator.objects.create(name_kk="Айқын", name_ru="Айкын", email="office@example.kz")


@pytest.fixture
def person(db) -> DataSubject:
    return DataSubjectFactory(language="kk")


@pytest.fixture
def publish(db) -> Callable[..., PolicyVersion]:
    """`publish(2)` publishes a text that differs in clause 1.2; `at`, `significant`, `en`, `summary` of that version."""

    def make(n: int = 1, *, significant: bool = True, at=None, en: str = "", **values) -> PolicyVersion:
        author, approver = factories.author(), factories.approver()
        ru = factories.RU.replace("Иных целей нет.", f"Иных целей нет, редакция {n}.")
        kk = factories.KK.replace("Өзге мақсат жоқ.", f"Өзге мақсат жоқ, {n}-редакция.")
        files = {"ru": SourceFile("ru.md", ru.encode()), "kk": SourceFile("kk.md", kk.encode())}
        if en:
            files["en"] = SourceFile("en.md", en.encode())
        filled = factories.FILLED | {
            "significant": significant,
            "change_summary_kk": f"{n}-түйін.",
            "change_summary_ru": f"Кратко {n}.",
            **values,
        }
        with as_officer(author):
            version = policies.import_version(policy=factories.policy(), files=files, by=author)
            policies.save_draft(version, by=author, values=filled)
            version = policies.submit(version, by=author)
        with as_officer(approver):
            version = policies.approve(version, by=approver)
            return policies.publish(version, by=approver, at=at)

    return make
