"""Receipts: what is in one, that it never changes, who gets it, on paper too (94-V art. 8; ISO/IEC TS 27560)."""

import json
import re
import time
import zlib
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from audit.actor import acting_as
from audit.models import AccessRecord
from consent import ledger, receipts, signing, terms
from consent.enums import EventKind
from consent.models import ConsentEvent, ConsentForm, FormServed, Purpose, ReceiptKey
from consent.receipt_pdf import pdf, qr_text
from staff.enums import Role
from staff.models import Operator
from subjects import ports, vault
from subjects.keyring import KeyRing
from subjects.models import Contract, DataCategory, DataSubject
from tests.consent import factories
from tests.consent.receipts import consented, deferred, loaded, receipt_of, verify
from tests.staff.conftest import at_desk, member  # noqa: F401
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory, named

pytestmark = pytest.mark.django_db


# what is in it


def test_a_receipt_says_what_was_asked_of_whom_and_what_they_said(person):
    event = consented(person)
    found = receipt_of(event)
    assert (found["receipt_id"], found["pii_principal_id"]) == (str(event.public_id), str(person.public_id))
    processing, said = found["pii_processing"], found["event"]
    assert processing["language"] == "kk"
    assert [p["purpose"] for p in processing["purposes"]] == ["шарт жасасу және орындау"]
    assert [c["pii_name"] for c in processing["pii_information"]] == ["тегі, аты, әкесінің аты", "ЖСН"]
    assert [c["pii_type"] for c in processing["pii_information"]] == ["pd:Name", "pd:Identifier"]
    assert processing["retention_period"]["duration"] == "P1Y"
    assert processing["withdrawal_method"]["in_effect"] == "after_obligations"
    assert (said["kind"], said["event_state"]) == ("given", "dpv:ConsentGiven")
    assert (said["channel"], said["trust"]) == ("web", "subject_code")
    (operator,) = found["party_identification"]
    assert (operator["party_name"], operator["party_bin"]) == ("«Айқын» МҚҰ", "990140000385")


def test_the_text_in_it_is_the_one_on_the_page_to_the_letter(person):
    signing.ensure_key()
    version = factories.version()
    shown = ledger.serve(subject=person, version=version, language="kk")
    event = ledger.give(served=shown.served, expected_version=1, proof=factories.BY_CODE)
    notice = receipt_of(event)["pii_processing"]["privacy_notice"]
    assert (notice["title"], notice["text"]) == (shown.text.title, shown.text.text)
    assert notice["sha256"] == shown.text.sha256 == event.sha256


def test_what_the_text_does_not_name_in_the_persons_language_is_not_in_the_receipt(person):
    signing.ensure_key()
    version = factories.version(purposes={"contract": "kk ru", "identification": "ru"})
    found = receipt_of(factories.given(person, version, language="kk"))
    assert [p["purpose_code"] for p in found["pii_processing"]["purposes"]] == ["contract"]


def test_a_receipt_names_nobody(person):
    person = DataSubjectFactory(iin="850314390019", email="g@example.org")
    named(person, last="Қасымова", first="Гүлнәр")
    event = consented(person)
    text = receipts.as_file(receipt_of(event))
    for value in ("850314390019", "Қасымова", "Гүлнәр", "g@example.org", "127.0.0.1"):
        assert value not in text


KINDS = {
    EventKind.REFUSED: ("dpv:ConsentRefused", "pii_principal"),
    EventKind.RENEWED: ("dpv:RenewedConsentGiven", "pii_principal"),
    EventKind.WITHDRAWN: ("dpv:ConsentWithdrawn", "pii_principal"),
    EventKind.EXPIRED: ("dpv:ConsentExpired", "operator"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_act_has_its_receipt(kind, person, tmp_path):
    given = consented(person, code="C8")
    version, form = given.version, given.form
    if kind == EventKind.REFUSED:
        event = factories.refused(person, version)
    elif kind == EventKind.RENEWED:
        event = factories.given(person, version)
    elif kind == EventKind.WITHDRAWN:
        event = ledger.withdraw(subject=person, form=form, proof=factories.BY_CODE)
    else:
        terms.expire(at=timezone.now() + timedelta(days=400))
        event = ConsentEvent.objects.latest("pk")
    assert event.kind == kind
    found = receipt_of(event)
    assert (found["event"]["event_state"], found["event"]["entity_id"]) == KINDS[kind]
    assert found["record_id"] == receipt_of(given)["record_id"], "one consent is one record"
    assert verify(tmp_path, found)[0] == 0


def test_a_withdrawal_that_waits_names_the_contract_that_holds_it(person):
    event = deferred(person)
    said = receipt_of(event)["event"]
    assert said["kind"] == "withdrawal_deferred"
    assert said["blocking_contracts"] == ["К-2026/17"]
    assert said["follows"] == str(event.about.public_id)


def test_a_scope_stands_under_the_number_the_person_knows(person):
    contract = Contract.objects.create(subject=person, number="К-2026/17")
    event = consented(person, scope=f"contract:{contract.pk}")
    assert receipt_of(event)["pii_processing"]["service"] == {"kind": "contract", "number": "К-2026/17"}


def test_a_question_and_an_uncompared_paper_have_no_receipt(person, member):  # noqa: F811
    asked = ledger.ask(subject=person, version=factories.version())
    clerk, second = member(Role.OPERATOR), member(Role.OFFICER)
    with acting_as(f"officer:{clerk.pk}"):
        typed = ledger.record_paper(
            subject=person, version=factories.version(factories.form("C8")), language="kk",
            occurred_at=timezone.now() - timedelta(days=3), by=clerk,
        )  # fmt: skip
    assert not receipts.events_with_receipts().filter(pk__in=[asked.pk, typed.pk]).exists()
    signing.ensure_key()
    with acting_as(f"officer:{second.pk}"):
        confirmed = ledger.confirm(event=typed, by=second)
    # the operator's name changed between typing and confirming: the text is the one that was typed
    found = receipt_of(confirmed)
    assert found["event"]["channel"] == "paper"
    assert found["pii_processing"]["privacy_notice"]["sha256"] == typed.sha256


def test_a_paper_keeps_the_text_of_the_day_it_was_typed(person, member):  # noqa: F811
    signing.ensure_key()
    clerk, second = member(Role.OPERATOR), member(Role.OFFICER)
    version = factories.version()
    with acting_as(f"officer:{clerk.pk}"):
        typed = ledger.record_paper(
            subject=person, version=version, language="ru", occurred_at=timezone.now(), by=clerk
        )  # fmt: skip
    Operator.objects.update(name_ru="МФО «Новое имя»")
    ConsentForm.objects.update(title_ru="Новый заголовок")
    with acting_as(f"officer:{second.pk}"):
        confirmed = ledger.confirm(event=typed, by=second)
    found = receipt_of(confirmed)
    assert "Айкын" in found["pii_processing"]["privacy_notice"]["text"]
    assert found["party_identification"][0]["party_name"] == "МФО «Новое имя»", "the operator of the act itself"


# that it never changes


def test_a_receipt_is_the_same_to_the_byte_after_everything_around_it_changed(person):
    contract = Contract.objects.create(subject=person, number="К-2026/17")
    event = consented(person, scope=f"contract:{contract.pk}")
    before = receipts.as_file(receipt_of(event))
    paper = pdf(loaded(event), json.loads(before))
    factories.version(event.form)
    Operator.objects.update(
        name_kk="Жаңа атау", name_ru="Новое имя", bin="123456789012", email="x@example.kz", phone=""
    )
    with acting_as("migration:consent.tests"):
        Purpose.objects.update(dpv_term="dpv:Marketing", ground="law", article="x", required=False, code="renamed")
    DataCategory.objects.filter(code="iin").update(code="renamed", biometric=True)
    ConsentForm.objects.update(title_kk="Басқа", title_ru="Иное", withdrawal="at_any_time")
    Contract.objects.update(number="К-1")
    DataSubject.objects.filter(pk=person.pk).update(language="ru", standing="blocked")
    ledger.withdraw(subject=person, form=event.form, scope=event.scope, proof=factories.BY_CODE)
    signing.rotate()
    for language in ("en", "ru", "kk"):
        with translation.override(language):
            assert receipts.as_file(receipt_of(event)) == before
    assert "«Айқын» МҚҰ" in before
    assert len(paper) > 10_000


def test_no_receipt_is_made_up_when_the_text_cannot_be_made_again(person, tmp_path):
    event = consented(person)
    signing.ensure_key()
    served = FormServed.objects.create(
        subject=person, version=event.version, language="kk", sha256="0" * 64, scope=""
    )  # fmt: skip
    forged = ConsentEvent.objects.create(
        subject=person, form=event.form, kind="refused", version=event.version, served=served, language="kk",
        sha256="0" * 64, channel="web", trust="subject_code",
    )  # fmt: skip
    with pytest.raises(receipts.Unprovable):
        receipt_of(forged)
    answer = inside(person).get(reverse("consent:receipt", args=[forged.public_id, "json"]))
    assert answer.status_code == 409
    with pytest.raises(CommandError, match=str(forged.public_id)):
        call_command("export_receipts", subject=str(person), out=tmp_path)
    assert len(list(tmp_path.glob("C1-*.json"))) == 1, "the others are written"


# keys


def test_a_receipt_of_before_a_rotation_and_one_of_after_it_pass_with_todays_keys(person, tmp_path):
    old = consented(person)
    first = receipt_of(old)
    signing.rotate(at=timezone.now() + timedelta(milliseconds=200))
    assert len(signing.published()["keys"]) == 2
    assert receipt_of(old) == first
    time.sleep(0.3)
    new = receipt_of(ledger.withdraw(subject=person, form=old.form, proof=factories.BY_CODE))
    assert new["proof"]["key_id"] != first["proof"]["key_id"]
    assert receipt_of(old) == first, "its own key signs it for ever"
    assert verify(tmp_path, first)[0] == verify(tmp_path, new)[0] == 0
    only_new = {"keys": signing.published()["keys"][1:]}
    assert verify(tmp_path, first, only_new)[0] == 1


def test_a_key_begins_ahead_so_that_nothing_is_signed_twice():
    signing.ensure_key()
    assert not signing.ensure_key()
    with pytest.raises(ValueError, match="future"):
        signing.rotate(at=timezone.now() - timedelta(seconds=1))
    key = signing.rotate()
    assert key.in_force_during.lower > timezone.now() + timedelta(seconds=30)
    ranges = [(k["valid_from"], k["valid_to"]) for k in signing.published()["keys"]]
    assert ranges[0][0] is None
    assert ranges[0][1] == ranges[1][0]
    assert ranges[1][1] is None


def test_the_id_of_a_key_is_its_thumbprint_as_the_standard_makes_it():
    """RFC 8037, A.3."""
    public = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    import base64

    assert signing.key_id(base64.urlsafe_b64decode(public)) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE consent_receiptkey SET public_key = '\\x00'",
        "UPDATE consent_receiptkey SET key_id = 'x'",
        "UPDATE consent_receiptkey SET in_force_during = tstzrange('2020-01-01', NULL)",
        "UPDATE consent_receiptkey SET in_force_during = tstzrange(NULL, NULL) WHERE upper(in_force_during) IS NOT NULL",
        "DELETE FROM consent_receiptkey",
        "TRUNCATE consent_receiptkey",
    ],
)
def test_a_published_key_stays_as_it_was(change):
    signing.ensure_key()
    signing.rotate()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


def test_the_private_key_is_wrapped_and_no_history_holds_it(person, monkeypatch):
    event = consented(person)
    before = receipt_of(event)
    assert not {"wrapped", "kek_version"} & {f.name for f in ReceiptKey.history.model._meta.get_fields()}
    old = vault.ring()
    two = KeyRing({**old._keys, 7: b"7" * 32}, active_version=7)
    monkeypatch.setattr(vault, "ring", lambda: two)
    assert signing.rewrap in ports.on_keys_rotated
    call_command("rotate_keys")
    assert ReceiptKey.objects.get().kek_version == 7
    monkeypatch.setattr(vault, "ring", lambda: KeyRing({7: b"7" * 32}, active_version=7))
    assert receipt_of(event) == before, "the old key-encryption key is not needed any more"


def test_anybody_gets_the_public_keys_and_nothing_else_of_them(client):
    signing.ensure_key()
    answer = client.get("/.well-known/kelisim-keys.json")
    (key,) = answer.json()["keys"]
    assert set(key) == {"kty", "crv", "use", "kid", "x", "valid_from", "valid_to"}
    assert answer["Access-Control-Allow-Origin"] == "*"


# who gets it


@pytest.mark.parametrize(("ending", "begins"), [("json", b"{"), ("pdf", b"%PDF-")])
def test_a_person_gets_their_own_receipt_and_nobody_elses(ending, begins, person):
    event = consented(person)
    address = reverse("consent:receipt", kwargs={"public_id": event.public_id, "format": ending})
    assert address == f"/cabinet/receipts/{event.public_id}.{ending}"
    answer = inside(person).get(address)
    assert answer.status_code == 200
    assert answer.content.startswith(begins)
    assert 'filename="C1-given-' in answer["Content-Disposition"]
    stranger = inside(DataSubjectFactory())
    assert stranger.get(address).status_code == 404
    assert Client().get(address).url.startswith("/cabinet/sign-in/")
    assert inside(person).get(address.replace(f".{ending}", ".xml")).status_code == 404
    assert inside(person).get(address.replace(str(event.public_id), str(uuid4()))).status_code == 404


def test_the_downloaded_files_alone_convince_the_downloaded_program(person, tmp_path, client):
    event = consented(person)
    receipt = inside(person).get(reverse("consent:receipt", args=[event.public_id, "json"])).content
    program = client.get("/cabinet/receipts/verify_receipt.py")
    assert 'filename="verify_receipt.py"' in program["Content-Disposition"]
    from tests.consent.receipts import PROGRAM

    assert program.content == PROGRAM.read_bytes()
    assert verify(tmp_path, receipt, client.get("/.well-known/kelisim-keys.json").content)[0] == 0


def test_an_officer_says_why_and_the_record_stands(person, member, at_desk):  # noqa: F811
    event = consented(person)
    officer = at_desk(member(Role.OFFICER, username="aliya"))
    address = reverse("admin:consent_receipt", args=[event.public_id])
    assert officer.get(address).status_code == 200
    assert officer.post(address, {"format": "json"}).status_code == 422
    assert not AccessRecord.objects.filter(category="consent.receipt").exists()
    answer = officer.post(address, {"reason": "demand", "format": "pdf"})
    assert answer.content.startswith(b"%PDF-")
    record = AccessRecord.objects.get(category="consent.receipt")
    assert (record.reference, record.reason, record.user.username) == (str(person), "demand", "aliya")
    assert at_desk(member(Role.ADMINISTRATOR)).get(address).status_code == 403


def test_without_a_key_a_sentence_and_not_a_failure(person):
    event = factories.given(person, factories.version())
    answer = inside(person).get(reverse("consent:receipt", args=[event.public_id, "json"]))
    assert answer.status_code == 503


# from the command line


def test_everything_of_a_person_is_exported_and_every_file_passes(person, tmp_path, capsys):
    deferred(person)
    consented(DataSubjectFactory(), code="C8")
    call_command("export_receipts", subject=str(person), out=tmp_path / "out", pdf=True)
    assert "2 receipts" in capsys.readouterr().out
    files = sorted((tmp_path / "out").glob("C1-*.json"))
    assert len(files) == len(list((tmp_path / "out").glob("*.pdf"))) == 2
    keys = (tmp_path / "out" / "keys.json").read_bytes()
    for file in files:
        assert verify(tmp_path, file.read_bytes(), keys)[0] == 0
    assert AccessRecord.objects.get(category="consent.receipt").count == 2


def test_the_export_of_nobody_says_so(tmp_path):
    with pytest.raises(CommandError, match="S-999999"):
        call_command("export_receipts", subject="S-999999", out=tmp_path)


def test_the_command_that_rotates_says_which_key_signs(capsys):
    with pytest.raises(CommandError, match="load_registers"):
        call_command("rotate_receipt_key")
    call_command("load_registers")
    call_command("rotate_receipt_key", dry_run=True)
    assert "1 keys" in capsys.readouterr().out
    call_command("rotate_receipt_key")
    assert ReceiptKey.objects.first().key_id in capsys.readouterr().out
    assert ReceiptKey.history.count() == 3


# on paper


def streams(document: bytes) -> list[bytes]:
    """The streams of a PDF, decompressed."""
    found = []
    for raw in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", document, re.DOTALL):
        try:
            found.append(zlib.decompress(raw))
        except zlib.error:
            found.append(raw)
    return found


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_the_paper_embeds_its_font_the_kazakh_letters_and_the_signed_receipt(language, person):
    signing.ensure_key()
    version = factories.version(words={"contract": {"kk": "ӘҒҚҢӨҰҮҺІ әғқңөұүһі", "ru": "ЁЪЭ ёъэ"}})
    event = factories.given(person, version, language=language)
    receipt = receipt_of(event)
    document = pdf(loaded(event), receipt)
    fonts = set(re.findall(rb"/FontName/[A-Z]{6}\+([A-Za-z]+)", document))
    assert fonts == {b"LibertinusSerif", b"DejaVuSansMono"}
    assert document.count(b"/FontFile") >= document.count(b"/FontName")
    parts = streams(document)
    assert receipts.as_file(receipt).encode() in parts
    # what copying and reading aloud give: glyphs that stand for exactly these letters
    maps = b"".join(part for part in parts if b"beginbfchar" in part).upper()
    for letter in {"kk": "әғқңөұүһіӘҒҚҢӨҰҮҺІ", "ru": "ёъэЁЪЭ"}[language]:
        assert f"<{ord(letter):04X}>".encode() in maps, letter


def test_the_same_receipt_is_the_same_paper(person):
    event = consented(person)
    receipt = receipt_of(event)
    assert pdf(loaded(event), receipt) == pdf(loaded(event), receipt)


def test_the_code_on_the_paper_says_receipt_key_and_signature(person):
    receipt = receipt_of(consented(person))
    kind, number, key, signature = qr_text(receipt).split(":")
    assert (kind, number) == ("kelisim-receipt", receipt["receipt_id"])
    assert (key, signature) == (receipt["proof"]["key_id"], receipt["proof"]["signature"])


@pytest.mark.parametrize("sign", ["100 ₸ № «»–—…", "😀", "同意", "\x07", "\u200b\u00ad", "مرحبا"])
def test_a_sign_that_the_font_lacks_costs_nobody_the_paper(sign, person):
    signing.ensure_key()
    version = factories.version(words={"contract": {"ru": sign, "kk": sign}})
    event = factories.given(person, version, language="ru")
    receipt = receipt_of(event)
    document = pdf(loaded(event), receipt)
    assert receipts.as_file(receipt).encode() in streams(document)
    assert (b"pdfaid" in document) is (sign not in {"😀", "同意", "\x07"}), "an archive takes it where it can be"


def test_words_of_a_form_are_no_orders_to_the_typesetter(person):
    signing.ensure_key()
    words = {"contract": {"ru": '#panic("x") *жирно* $x$ \\ [a] <b> @c', "kk": "#eval(1)"}}
    version = factories.version(words=words)
    event = factories.given(person, version, language="ru")
    assert pdf(loaded(event), receipt_of(event)).startswith(b"%PDF-")


def test_a_device_without_a_person_has_receipts_too(tmp_path):
    signing.ensure_key()
    version = factories.version(factories.form("C12"))
    shown = ledger.serve(subject=None, version=version, language="kk", device=b"d" * 16)
    event = ledger.refuse(served=shown.served, expected_version=1, proof=factories.BY_CODE)
    found = receipt_of(event)
    assert found["pii_principal_id"] == f"device:{(b'd' * 16).hex()}"
    assert verify(tmp_path, found)[0] == 0
    assert pdf(loaded(event), found).startswith(b"%PDF-")


def test_an_import_that_knows_no_text_says_so(person, tmp_path):
    signing.ensure_key()
    factories.version()
    event = ConsentEvent.objects.create(
        subject=person, form=factories.form(), kind="given", channel="imported", trust="imported"
    )
    found = receipt_of(event)
    assert found["pii_processing"]["language"] == "und"
    assert found["pii_processing"]["purposes"] == []
    status, said = verify(tmp_path, found)
    assert status == 0
    assert "holds no text" in said
    assert pdf(loaded(event), found).startswith(b"%PDF-")
