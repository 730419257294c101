"""The register of processing: generated, signed as it was read, kept, compared; files with number, date and digest."""

import io
import json
import zipfile

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.actor import acting_as
from consent.models import ClauseLink, RetentionRule
from staff.rules import NotAllowed
from subjects.models import DataCategory
from tests.audit.test_spreadsheet import read, text
from tests.staff.factories import StaffUserFactory, permit
from tests.transfers.factories import agree, opened, recipient, world
from transfers import processing, processing_files
from transfers.models import ProcessingRegister, TransferRule

pytestmark = pytest.mark.django_db


@pytest.fixture
def made():
    made = world()
    opened(
        RetentionRule, code="loan", title_kk="Заем", title_ru="Заём", category=DataCategory.objects.get(code="iin"),
        duration="P5Y", starts_on="contract_performed", reference="56-V",
    )  # fmt: skip
    return made


@pytest.fixture
def signer():
    return permit(StaffUserFactory(), "transfers.sign_processingregister")


def sign(signer) -> ProcessingRegister:
    with acting_as(f"officer:{signer.pk}"):
        return processing.sign(by=signer, sha256=processing.digest(processing.build()))


def row_of(content: dict, code: str) -> dict:
    return next(row for row in content["purposes"] if row["code"] == code)


def test_it_says_what_the_registers_say(made):
    row = row_of(processing.build(), "credit_history")
    assert {item["code"] for item in row["categories"]} == {"full_name", "iin", "mobile_phone"}
    (whom,) = row["recipients"]
    assert (whom["code"], whom["form"], whom["agreements"], whom["country"]) == ("pkb", "C3", ["7"], "KZ")
    (kept,) = row["retention"]
    assert kept["length"] == {"kk": "5 жыл", "ru": "5 лет"}
    assert len(row["clauses"]) == ClauseLink.objects.count() == 1
    assert set(row["title"]) == {"kk", "ru"}


def test_the_same_registers_give_the_same_bytes(made):
    assert processing.digest(processing.build()) == processing.digest(processing.build())


def test_its_queries_do_not_grow_with_the_registers(made):
    with CaptureQueriesContext(connection) as few:
        processing.build()
    for n in range(5):
        whom = recipient(f"more{n}", "hosting")
        agree(whom)
        opened(
            TransferRule, recipient=whom, purpose=made.purpose, categories=["iin"], ground="service",
        )  # fmt: skip
    with CaptureQueriesContext(connection) as many:
        content = processing.build()
    assert len(row_of(content, "credit_history")["recipients"]) == 6
    assert len(many) == len(few)


def test_it_is_signed_as_it_was_read_and_kept(made, signer):
    first = sign(signer)
    assert (first.number, first.user, first.content) == (1, signer, processing.build())
    shown = processing.digest(processing.build())
    agree(made.recipient, number="9")
    with acting_as(f"officer:{signer.pk}"), pytest.raises(ValidationError) as refused:
        processing.sign(by=signer, sha256=shown)
    assert refused.value.code == "changed"
    assert sign(signer).number == 2
    with acting_as(f"officer:{signer.pk}"), pytest.raises(Exception, match="append"), transaction.atomic():
        ProcessingRegister.objects.filter(number=1).update(signatory="another")


def test_nobody_signs_without_the_right_nor_without_being_an_officer(made):
    with pytest.raises(NotAllowed):
        processing.sign(by=StaffUserFactory(), sha256=processing.digest(processing.build()))
    with acting_as("job:x"), pytest.raises(IntegrityError), transaction.atomic():
        ProcessingRegister.objects.create(number=9, content={}, sha256="0" * 64, signatory="x")


def test_the_difference_names_what_came_and_what_went(made, signer):
    before = sign(signer).content
    assert processing.differences(before, processing.build(), "ru") == []
    whom = recipient("cloud", "hosting", "DE")
    opened(TransferRule, recipient=whom, purpose=made.purpose, categories=["iin"], ground="service")
    found = processing.differences(before, processing.build(), "ru")
    by_column = {(row.kind, row.column): row for row in found}
    added = by_column["reworded", "Получатели"]
    assert (added.removed, len(added.added)) == ([], 1)
    assert "cloud" in added.added[0]
    assert any("DE" in line for row in found for line in row.added)
    gone = {**before, "purposes": []}
    assert {row.kind for row in processing.differences(before, gone, "kk")} == {"removed"}
    assert {row.kind for row in processing.differences(gone, before, "kk")} == {"added"}


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_files_carry_number_signatory_and_digest(made, signer, language):
    row = sign(signer)
    pdf = processing_files.as_pdf(row, row.content, language)
    assert pdf.startswith(b"%PDF")
    assert pdf == processing_files.as_pdf(row, row.content, language)
    workbook = zipfile.ZipFile(io.BytesIO(processing_files.as_xlsx(row, row.content, language)))
    words = "".join(workbook.read(name).decode() for name in workbook.namelist() if name.endswith(".xml"))
    assert row.sha256 in words
    assert row.signatory.split(",")[0] in words


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_one_that_nobody_signed_says_of_which_day_it_is(made, monkeypatch, language):
    content, printed = processing.build(), []
    monkeypatch.setattr(processing_files.typst, "compile", lambda *_, sys_inputs, **__: printed.append(sys_inputs))
    processing_files.as_pdf(None, content, language)
    head = dict(json.loads(printed[0]["register"])["head"])
    about = read(processing_files.as_xlsx(None, content, language), 3)
    today = f"{timezone.localdate():%d.%m.%Y}"
    name = {"kk": "Жасалды", "ru": "Составлен"}[language]
    assert head[name].startswith(today)
    assert {text(row[0]): text(row[1]) for row in about[1:]}[name].startswith(today)
