"""Every field of the house is classified; what stands in clear says nothing of a person, whatever they went through."""

import json
import re
from collections.abc import Iterator

import pytest
from django import forms
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, models
from django.test import Client
from django.urls import get_resolver

from audit.models import Event
from notifications.models import Letter
from staff.models import StaffUser
from subjects import register, registers, tasks
from subjects.models import DataSubject, PersonalData, SubjectImport, Task
from subjects.register import HISTORY, REGISTER, STAMP, Holds, fields_of
from tests.consent.conftest import publish  # noqa: F401
from tests.notifications.conftest import operator, sink  # noqa: F401
from tests.staff.factories import StaffUserFactory, permit
from tests.subjects.test_importing import HEADER
from tests.subjects.test_sign_in import code_from
from tests.test_house_rules import HOUSE, by_label, house_models, is_tracked

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
    known = {by_label(model) for model in house_models()}
    assert set(REGISTER) == known
    assert set(NO_PROSE) <= known


@every_model
def test_a_history_holds_nothing_else_than_its_model(model):
    if is_tracked(model):
        names = {field.name for field in model.history.model._meta.concrete_fields}
        assert names <= set(fields_of(by_label(model))) | set(HISTORY.split())


def test_an_unclassified_field_would_be_caught(monkeypatch):
    monkeypatch.setitem(register.REGISTER, "subjects.Task", {Holds.PLAIN: "id kind"})
    with pytest.raises(AssertionError):
        test_every_field_is_classified_once(Task)


def of_class(*classes: Holds) -> list[tuple[type[models.Model], models.Field]]:
    """(model, field) of these classes; who is not classified at all is another test's."""
    known = [(model, fields_of(by_label(model))) for model in house_models() if by_label(model) in REGISTER]
    return [(m, field) for m, holds in known for field in m._meta.concrete_fields if holds.get(field.name) in classes]


def called(field: models.Field) -> str:
    return f"{field.model._meta.label}.{field.name}"


def test_what_is_sealed_is_bytes():
    assert [
        called(field) for _model, field in of_class(Holds.SEALED) if not isinstance(field, models.BinaryField)
    ] == []


def test_bytes_are_not_plain():
    # for everybody to read: the file of a policy, the public half of a key
    published = {"policies.PolicySource.content", "consent.ReceiptKey.public_key"}
    in_clear = {called(f) for _m, f in of_class(Holds.PLAIN, Holds.PROSE) if isinstance(f, models.BinaryField)}
    assert in_clear == published


def test_an_index_is_a_short_digest_that_no_history_copies():
    masked = {"subjects.SearchKey.hint"}  # the last letters of a value, for lists
    for model, field in of_class(Holds.INDEX):
        assert (isinstance(field, models.BinaryField) and field.max_length == 16) or called(field) in masked, field
        assert not is_tracked(model), "a history would outlive the destroyed class"


def test_a_key_is_in_no_history():
    for model, field in of_class(Holds.KEY):
        assert not is_tracked(model) or field.name not in {f.name for f in model.history.model._meta.concrete_fields}


def test_evidence_cannot_be_changed_or_is_the_digest_of_what_it_proves():
    for model, field in of_class(Holds.EVIDENCE):
        assert issubclass(model, Event) or (field.name == "sha256" and field.max_length == 64), called(field)


# in clear and text, and yet no prose: what each holds instead
NO_PROSE = {
    "audit.AccessRecord": {"reference": "S-000481", "category": "a code", "reason": "a code"},
    "staff.Operator": {"email": "what customers write to", "phone": "what customers call"},
    "staff.StaffUser": {"username": "a name to sign in by", "email": "where a colleague's letters go"},
    "staff.SignIn": {"agent": "what the browser says of itself"},
    "staff.ApiClient": {"code": "by validator", "prefix": "made of random bits"},
    "staff.IdempotentAnswer": {"key": "of a request", "media_type": "a code", "body": "what the API said: ids, no value"},
    "notifications.Campaign": {"kind": "a code", "cause": "app.Model:pk#kind"},
    "notifications.Letter": {"kind": "a code", "cause": "app.Model:pk#kind"},
    "notifications.DeliveryEvent": {"answer": "the mail server's words, addresses cut out"},
    "notifications.Heartbeat": {"name": "of a process"},
    "subjects.Application": {"number": "the loan system's"},
    "subjects.Deadline": {"about": "app.Model:pk"},
    "subjects.CabinetSession": {"issuer": "the code of a site", "browser": "a name of sessions.BROWSERS"},
    "subjects.Death": {"stood": "a standing"},
    "subjects.TextMessage": {"cause": "app.Model:pk#kind"},
    "subjects.HandoverKey": {
        "issuer": "by constraint", "key_id": "by constraint", "public_key": "by validator", "origin": "by validator",
    },
    "subjects.HandoverUse": {"issuer": "the code of a site"},
    "subjects.DutyRule": {"code": "by constraint"},
    "subjects.PersonalData": {"transfer": "app.Model:pk"},
    "subjects.SourceSystem": {"email": "of a unit of ours"},
    "subjects.AutomatedDecision": {"number": "the system's that decided"},
    "subjects.SubjectRequest": {
        "answer_sha256": "of a text that is kept", "standard_answer": "a text of ours to somebody we do not know",
    },
    "subjects.RequestFile": {"media_type": "a code"},
    "subjects.PlannedDestruction": {"rule": "a code"},
    "consent.ReceiptKey": {"key_id": "made of the public key"},
    "subjects.Contract": {"number": "the loan system's"},
    "policies.PolicySource": {"filename": "of a published text", "sha256": "of a published text"},
    "policies.Clause": {
        "key": "made of numbers", "number": "1.2.3", "parent_key": "a key",
        # the public reads them, and the operator's phone and e-mail are part of what a policy says
        "text_kk": "published", "text_ru": "published", "text_en": "published",
    },
    "policies.LegalAct": {"number": "of a published act"},
    "policies.Finding": {"code": "a code", "clause_key": "a key"},
    "consent.Purpose": {"dpv_term": "terms of a vocabulary"},
    "consent.PurposeEdition": {"dpv_term": "terms of a vocabulary"},
    "consent.ClauseLink": {"clause_key": "a key"},
    "consent.RetentionRule": {"duration": "ISO 8601, by constraint"},
    "consent.ConsentForm": {"code": "C1 to C12"},
    "consent.ConsentFormVersion": {
        "term": "ISO 8601",
        # the operator's contacts are part of a consent (94-V art. 8(4)); two people read it before it is used
        "text_kk": "approved", "text_ru": "approved", "text_en": "approved",
    },
    "consent.Change": {"scope": "a code or the number of a contract", "state": "a code"},
    "consent.Subscriber": {"url": "of a system of ours", "error": "a code"},
    "consent.ConsentState": {"scope": "a code or the number of a contract"},
    "transfers.Recipient": {
        "bin": "of an organisation", "country": "ISO 3166-1",
        "contact_email": "of an organisation", "contact_phone": "of an organisation",
    },
    "transfers.RecipientClause": {"clause_key": "a key"},
    "transfers.Agreement": {"file_sha256": "of an agreement"},
    "transfers.AgreementFile": {"media_type": "told by the content"},
    "transfers.DemandFile": {"media_type": "told by the content"},
    "transfers.Country": {"code": "ISO 3166-1"},
    "transfers.Transfer": {"inputs_sha256": "of codes and ids", "idempotency_key": "of a request"},
    "transfers.RegistryFile": {"format": "a code", "reason": "a code"},
    "transfers.Release": {"payload_sha256": "of what was sent"},
    "transfers.RecipientNotice": {"cause": "app.Model:pk", "letter_sha256": "of a letter"},
    "transfers.Quarantined": {"category": "a code, by constraint"},
    "transfers.ProcessingRegister": {"sha256": "of registers"},
}  # fmt: skip


def typed(field: models.Field) -> bool:
    """Whether words may stand in the field: a text that is neither chosen nor a code."""
    return (
        isinstance(field, models.CharField | models.TextField)
        and not isinstance(field, models.SlugField)
        and not field.choices
    )


@every_model
def test_a_plain_text_is_prose_or_somebody_said_why_not(model):
    stamp = set(STAMP.split()) if issubclass(model, Event) else set()
    plain = {name for name, holds in fields_of(by_label(model)).items() if holds == Holds.PLAIN} - stamp
    texts = {name for name in plain if typed(model._meta.get_field(name))}
    assert texts == set(NO_PROSE.get(by_label(model), {}))


prose = pytest.mark.parametrize("field", [field for _m, field in of_class(Holds.PROSE)], ids=called)
PEOPLE = {"text_iin": f"клиент {IIN}", "text_phone": PHONE, "text_email": EMAIL, "text_iban": "KZ86125KZT5004100100"}


@prose
def test_prose_refuses_what_names_a_person(field):
    assert typed(field)
    for code, text in PEOPLE.items():
        row = field.model(**{field.attname: text})
        with pytest.raises(ValidationError) as refused:
            row.clean_fields(exclude={f.name for f in field.model._meta.concrete_fields} - {field.name})
        assert code in {error.code for error in refused.value.error_dict[field.name]}


@prose
def test_prose_lets_words_pass(field):
    row = field.model(**{field.attname: "№ 12, ст. 8"})
    row.clean_fields(exclude={f.name for f in field.model._meta.concrete_fields} - {field.name})


# what is typed into a form without a model and is no prose
NO_PROSE_FORMS = {
    "SignInForm": {"username", "password"},
    "NewPasswordForm": {"new_password1", "new_password2"},
    "PasswordResetForm": {"email"},
    "AccountForm": {"username", "email", "position"},  # the service cleans the row: see the test below
    "IdentifierForm": {"identifier"},  # an IIN or a phone, never kept
    "CodeForm": {"code"},
    "ContactForm": {"text"},  # a phone or an e-mail: sealed by the service
    # sealed by the services
    "DenialForm": {"note"},
    "AmlForm": {"note"},
    "DisputeForm": {"statement"},
    "NotTrueForm": {"statement"},
    "RegisterForm": {"value", "text"},
    "IdentifyForm": {"text"},
    "AnswerForm": {"text"},
    "NoteForm": {"text"},
    "ItemForm": {"comment"},
    "EmailForm": {"email"},  # the person's value itself, sealed by the service
    "IinForm": {"iin"},  # the same
    # the reference of a person, looked up; a day
    "FoundForm": {"subject"},
    "AmendForm": {"subject"},
    "DemandForm": {"subject"},
    "FileForm": {"at"},
    "ContractForm": {"number", "application"},  # no IIN by its own check; an application is one that we have
}


def house_forms(base: type = forms.BaseForm) -> Iterator[type[forms.BaseForm]]:
    get_resolver().url_patterns  # noqa: B018 -- every page's module
    for form in base.__subclasses__():
        if form.__module__.partition(".")[0] in HOUSE:
            yield form
        yield from house_forms(form)


def test_what_is_typed_without_a_model_is_prose_too_or_somebody_said_why_not():
    seen = {}
    for form in {form for form in house_forms() if not issubclass(form, forms.BaseModelForm)}:
        for name, field in form.base_fields.items():
            if isinstance(field, forms.CharField) and not isinstance(field.widget, forms.HiddenInput):
                try:
                    field.clean(PEOPLE["text_iin"])
                except ValidationError as error:
                    if "text_iin" in {e.code for e in error.error_list}:
                        continue
                seen.setdefault(form.__name__, set()).add(name)
    assert seen == NO_PROSE_FORMS


@pytest.mark.django_db
def test_a_position_that_names_a_person_opens_no_account():
    administrator = Client()
    administrator.force_login(permit(StaffUserFactory(), "staff.add_staffuser"))
    account = {"username": "aliya", "email": "aliya@example.kz", "role": "operator", "language": "kk"}
    page = administrator.post("/admin/staff/staffuser/add/", {**account, "position": f"вместо {IIN}"})
    assert page.status_code == 200
    assert "text_iin" in {error.code for error in page.context["form"].errors.as_data()["position"]}
    assert not StaffUser.objects.filter(username="aliya").exists()


def test_some_prose_is_known_to_be_there():
    names = {called(field) for _model, field in of_class(Holds.PROSE)}
    assert {
        "staff.StaffUser.position",
        "staff.Undertaking.text_ru",
        "staff.Operator.responsible_order",
        "policies.PolicyVersion.changes_requested",
        "policies.PolicyVersion.note",
        "subjects.DataCategory.title_kk",
    } <= names


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

    link = not_mine_link(Letter.objects.filter(subject=person).first(), EMAIL)
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
