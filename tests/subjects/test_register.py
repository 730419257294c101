"""Every field of the house is classified; what stands in clear says nothing of a person, whatever they went through."""

import json
import re

import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, models
from django.test import Client

from notifications.models import Letter
from subjects import register, registers, tasks
from subjects.models import DataSubject, PersonalData, SubjectImport, Task
from subjects.register import HISTORY, REGISTER, Holds, fields_of
from tests.consent.conftest import publish  # noqa: F401
from tests.notifications.conftest import operator, sink  # noqa: F401
from tests.staff.factories import StaffUserFactory, permit
from tests.subjects.test_importing import HEADER
from tests.subjects.test_sign_in import code_from
from tests.test_house_rules import by_label, house_models, is_tracked

IIN, PHONE, EMAIL = "850314390019", "+77012345678", "canary.person@example.kz"
ROW = f"K-CANARY-1;{IIN};Канареева;Әйгерім;8 701 234 56 78;{EMAIL};kk"
BAD = "K-CANARY-2;850314390010;Канарейкин;Пётр;8 701 999 88 77;second.canary@example;kk"
CANARIES = (
    "850314390019", "850314390010", "7012345678", "701 234 56 78", "7019998877", "canary.person", "second.canary",
    "Канаре", "Әйгерім", "Пётр", "CANARY",
)  # fmt: skip

every_model = pytest.mark.parametrize("model", house_models(), ids=by_label)


@every_model
def test_every_field_is_classified_once(model):
    known = [name for names in REGISTER[by_label(model)].values() for name in names.split()]
    assert len(known) == len(set(known))
    assert set(known) == {field.name for field in model._meta.concrete_fields}


def test_no_model_is_classified_that_is_not_there():
    assert set(REGISTER) == {by_label(model) for model in house_models()}


@every_model
def test_a_history_holds_nothing_else_than_its_model(model):
    if is_tracked(model):
        names = {field.name for field in model.history.model._meta.concrete_fields}
        assert names <= set(fields_of(by_label(model))) | set(HISTORY.split())


def test_an_unclassified_field_would_be_caught(monkeypatch):
    monkeypatch.setitem(register.REGISTER, "subjects.Task", {Holds.PLAIN: "id kind"})
    with pytest.raises(AssertionError):
        test_every_field_is_classified_once(Task)


@every_model
def test_bytes_about_a_person_are_not_plain(model):
    plain = {name for name, holds in fields_of(by_label(model)).items() if holds == Holds.PLAIN}
    bytes_in_clear = {f.name for f in model._meta.concrete_fields if isinstance(f, models.BinaryField)} & plain
    assert bytes_in_clear <= ({"content"} if by_label(model) == "policies.PolicySource" else set())


def columns(table: str) -> list[str]:
    with connection.cursor() as cursor:
        return [column.name for column in connection.introspection.get_table_description(cursor, table)]


def found_in(table: str, column: str, canary: str) -> bool:
    """Whether any row has it, as text or within bytes."""
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT EXISTS (SELECT 1 FROM "{table}" WHERE "{column}"::text ILIKE ANY (%s))',
            [[f"%{canary}%", f"%{canary.encode().hex()}%"]],
        )
        return cursor.fetchone()[0]


@pytest.fixture
def journey(db, sink, operator, publish, caplog):  # noqa: F811
    """A person is imported, found, opened, written to, signs in, reads, answers, is disputed; a bad row is refused."""
    registers.load()
    publish(1, significant=False)
    officer = Client()
    officer.force_login(
        permit(
            StaffUserFactory(),
            "subjects.import_subjects",
            "subjects.view_subjectimport",
            "subjects.view_datasubject",
            "subjects.reveal_value",
        )
    )
    file = SimpleUploadedFile("people.csv", "\n".join([HEADER, ROW, BAD]).encode())
    assert officer.post("/admin/subjects/subjectimport/start/", {"file": file, "language": "kk"}).status_code == 302
    tasks.run_import(SubjectImport.objects.get().pk)
    person = DataSubject.objects.get()
    publish(2)
    page = f"/admin/subjects/datasubject/{person.pk}"
    for term in (IIN, EMAIL, "Канареева", "K-CANARY-1"):
        assert str(person) in officer.post("/admin/subjects/datasubject/", {"q": term}).content.decode()
    for value in PersonalData.objects.filter(subject=person):
        opened = officer.post(f"{page}/reveal/{value.pk}/", {"reason": "check"})
        assert any(canary in opened.content.decode() for canary in CANARIES)
    customer = Client()
    customer.post("/cabinet/sign-in/", {"identifier": "8 701 999 88 77"})
    customer.post("/cabinet/sign-in/", {"identifier": IIN})
    assert customer.post("/cabinet/code/", {"code": code_from(sink)}).url == "/cabinet/"
    shown = customer.get("/cabinet/policy/personal-data/").content.decode()
    form = dict(re.findall(r'name="(served|version)" value="(\d+)"', shown))
    customer.post("/cabinet/policy/personal-data/answer/", {**form, "answer": "disagrees"})
    customer.post("/cabinet/language/", {"language": "ru"})
    from notifications.delivery import not_mine_link

    link = not_mine_link(Letter.objects.filter(subject=person).first())
    assert Client().post(link[link.index("/cabinet/") :]).status_code == 200
    assert person.acknowledgements.count() == 1
    return caplog.text


def test_after_a_persons_whole_journey_no_column_holds_them_in_clear(journey):
    tables = connection.introspection.table_names()
    assert "subjects_historicalpersonaldata" in tables
    for table in tables:
        for column in columns(table):
            for canary in CANARIES:
                assert not found_in(table, column, canary), f"{table}.{column} holds {canary}"


def test_nor_do_sessions_logs_and_what_is_told_of_a_bad_row(journey):
    kept = [json.dumps(session.get_decoded(), ensure_ascii=False) for session in Session.objects.all()]
    assert len(kept) >= 2
    told = str([str(problem) for problem in SubjectImport.objects.get().problem_rows()])
    assert "K-CANARY" not in told
    for text in (*kept, journey, told):
        assert not [canary for canary in CANARIES if canary in text]


@pytest.mark.django_db
def test_the_search_for_canaries_would_find_one(operator):  # noqa: F811
    operator.responsible_person = "Канареева"
    operator.save()
    assert found_in("staff_operator", "responsible_person", "канаре")
    assert found_in("staff_historicaloperator", "responsible_person", "Канаре")
