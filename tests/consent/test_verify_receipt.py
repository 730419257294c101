"""The program a court runs: a genuine receipt passes, a changed one is refused with a sentence that says why."""

import ast
import base64
import json
import sys
from copy import deepcopy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent import signing, verify_receipt
from tests.consent.receipts import PROGRAM, consented, deferred, receipt_of, verify

pytestmark = pytest.mark.django_db
OTHER = "The signature does not match the content"


@pytest.fixture
def receipt(person) -> dict[str, Any]:
    return receipt_of(consented(person))


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def test_a_genuine_receipt_passes_whatever_its_layout(receipt, tmp_path):
    status, said = verify(tmp_path, receipt)
    assert status == 0
    assert "The receipt is genuine" in said
    assert receipt["receipt_id"] in said
    assert "«Айқын» МҚҰ" in said
    backwards = {name: receipt[name] for name in reversed(receipt)}
    assert verify(tmp_path, json.dumps(backwards, indent=7, ensure_ascii=False).encode())[0] == 0


@pytest.mark.parametrize(("language", "word"), [("ru", "Квитанция подлинная"), ("kk", "Түбіртек түпнұсқа")])
def test_the_program_answers_in_the_language_of_the_court(receipt, tmp_path, language, word):
    assert word in verify(tmp_path, receipt, language=language)[1]


def tamper(*path: str | int, to: Any) -> Any:
    def change(receipt: dict, keys: dict) -> None:
        place: Any = receipt
        for name in path[:-1]:
            place = place[name]
        assert place[path[-1]] != to, "nothing is tampered with"
        place[path[-1]] = to

    return change


NOTICE = ("pii_processing", "privacy_notice")


def another_text(receipt: dict, keys: dict) -> None:
    receipt["pii_processing"]["privacy_notice"]["text"] += " Согласен на всё."


def a_latin_letter(receipt: dict, keys: dict) -> None:
    notice = receipt["pii_processing"]["privacy_notice"]
    assert "а" in notice["text"]
    notice["text"] = notice["text"].replace("а", "a", 1)


def another_text_with_its_digest(receipt: dict, keys: dict) -> None:
    import hashlib

    another_text(receipt, keys)
    notice = receipt["pii_processing"]["privacy_notice"]
    notice["sha256"] = hashlib.sha256(f"{notice['title']}\n\n{notice['text']}".encode()).hexdigest()


def a_purpose_more(receipt: dict, keys: dict) -> None:
    receipt["pii_processing"]["purposes"].append({**receipt["pii_processing"]["purposes"][0], "purpose": "реклама"})


def a_category_less(receipt: dict, keys: dict) -> None:
    receipt["pii_processing"]["pii_information"].pop()


def a_field_more(receipt: dict, keys: dict) -> None:
    receipt["note"] = "also for advertising"


def a_field_less(receipt: dict, keys: dict) -> None:
    del receipt["event"]["trust"]


def no_proof(receipt: dict, keys: dict) -> None:
    del receipt["proof"]


def a_bit_of_the_signature(receipt: dict, keys: dict) -> None:
    signature = receipt["proof"]["signature"]
    receipt["proof"]["signature"] = ("B" if signature[0] == "A" else "A") + signature[1:]


def a_signature_padded(receipt: dict, keys: dict) -> None:
    receipt["proof"]["signature"] += "=="


def a_signature_written_otherwise(receipt: dict, keys: dict) -> None:
    """The last letter carries four bits that mean nothing: another letter decodes to the same bytes."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    signature = receipt["proof"]["signature"]
    receipt["proof"]["signature"] = signature[:-1] + letters[letters.index(signature[-1]) ^ 1]


def a_short_signature(receipt: dict, keys: dict) -> None:
    receipt["proof"]["signature"] = b64(b"\0" * 32)


def signed_by_another(receipt: dict, keys: dict) -> None:
    """With a key of their own, under the name of the operator's."""
    unsigned = {**receipt, "proof": {k: v for k, v in receipt["proof"].items() if k != "signature"}}
    unsigned["event"] = {**receipt["event"], "kind": "refused", "event_state": "dpv:ConsentRefused"}
    receipt.clear()
    signature = Ed25519PrivateKey.generate().sign(verify_receipt.canonical(unsigned))
    receipt.update({**unsigned, "proof": {**unsigned["proof"], "signature": b64(signature)}})


def signed_by_a_key_nobody_publishes(receipt: dict, keys: dict) -> None:
    private = Ed25519PrivateKey.generate()
    receipt["proof"]["key_id"] = signing.key_id(private.public_key().public_bytes_raw())
    unsigned = {**receipt, "proof": {k: v for k, v in receipt["proof"].items() if k != "signature"}}
    receipt["proof"]["signature"] = b64(private.sign(verify_receipt.canonical(unsigned)))


def another_key_under_the_same_id(receipt: dict, keys: dict) -> None:
    """The keys file is forged too: the id is made of the key, so it gives it away."""
    private = Ed25519PrivateKey.generate()
    keys["keys"][0]["x"] = b64(private.public_key().public_bytes_raw())
    unsigned = {**receipt, "proof": {k: v for k, v in receipt["proof"].items() if k != "signature"}}
    receipt["proof"]["signature"] = b64(private.sign(verify_receipt.canonical(unsigned)))


def a_retired_key(receipt: dict, keys: dict) -> None:
    keys["keys"][0]["valid_to"] = receipt["event"]["recorded_time"]


def a_key_that_was_not_there_yet(receipt: dict, keys: dict) -> None:
    keys["keys"][0]["valid_from"] = "2199-01-01T00:00:00.000000Z"


TAMPERED = {
    "the kind of act": (tamper("event", "kind", to="withdrawn"), OTHER),
    "the state": (tamper("event", "event_state", to="dpv:ConsentRefused"), OTHER),
    "a second earlier": (tamper("event", "event_time", to="2020-01-01T00:00:00.000000Z"), OTHER),
    "recorded earlier": (tamper("event", "recorded_time", to="2020-01-01T00:00:00.000000Z"), OTHER),
    "a time that is none": (tamper("event", "event_time", to="2020-13-41T00:00:00.000000Z"), "event.event_time does not"),
    "the person": (tamper("pii_principal_id", to="00000000-0000-4000-8000-000000000000"), OTHER),
    "the number": (tamper("receipt_id", to="00000000-0000-4000-8000-000000000000"), OTHER),
    "a number that is none": (tamper("receipt_id", to="17"), "The field receipt_id does not hold"),
    "the language": (tamper("pii_processing", "language", to="ru"), OTHER),
    "the operator": (tamper("party_identification", 0, "party_name", to="ТОО «Другие»"), OTHER),
    "the BIN": (tamper("party_identification", 0, "party_bin", to="123456789012"), OTHER),
    "the version": (tamper(*NOTICE, "version", to=2), OTHER),
    "the policy": (tamper(*NOTICE, "policy_version", to=99), OTHER),
    "how sure it is": (tamper("event", "trust", to="subject_signed"), OTHER),
    "the channel": (tamper("event", "channel", to="eds"), OTHER),
    "to third parties": (tamper("pii_processing", "transfer_to_third_parties", to=True), OTHER),
    "the term": (tamper("pii_processing", "retention_period", "duration", to="P10Y"), OTHER),
    "the meaning of the words": (tamper("@context", "event_state", to="dct:description"), OTHER),
    "a purpose more": (a_purpose_more, OTHER),
    "a category less": (a_category_less, OTHER),
    "a field more": (a_field_more, OTHER),
    "a field less": (a_field_less, "The field event.trust is missing"),
    "another text": (another_text, "The text in the receipt is not the one that was shown"),
    "a Latin letter in the text": (a_latin_letter, "The text in the receipt is not the one that was shown"),
    "another digest": (tamper(*NOTICE, "sha256", to="0" * 64), "its SHA-256 is"),
    "no text": (tamper(*NOTICE, "text", to=None), "The field pii_processing.privacy_notice.text does not hold"),
    "another text with its digest": (another_text_with_its_digest, OTHER),
    "no proof": (no_proof, "The field proof is missing"),
    "a bit of the signature": (a_bit_of_the_signature, OTHER),
    "a padded signature": (a_signature_padded, "The signature is not written as it must be"),
    "a signature written otherwise": (a_signature_written_otherwise, "The signature is not written as it must be"),
    "a short signature": (a_short_signature, "The signature is not written as it must be"),
    "another way of signing": (tamper("proof", "algorithm", to="none"), "signed in a way this program does not know"),
    "another key id": (tamper("proof", "key_id", to="A" * 43), "not among the operator's keys"),
    "signed by another": (signed_by_another, OTHER),
    "signed by a key nobody publishes": (signed_by_a_key_nobody_publishes, "not among the operator's keys"),
    "another key under the same id": (another_key_under_the_same_id, "not the one that its id"),
    "a retired key": (a_retired_key, "did not sign at the time the receipt names"),
    "a key that was not there yet": (a_key_that_was_not_there_yet, "did not sign at the time the receipt names"),
    "a number that no double holds": (tamper(*NOTICE, "version", to=2**60), "canonical JSON does not allow"),
}  # fmt: skip


@pytest.mark.prove
@pytest.mark.parametrize("how", TAMPERED)
def test_a_changed_receipt_is_refused_and_the_program_says_what_is_wrong(how, receipt, tmp_path):
    change, sentence = TAMPERED[how]
    tampered, keys = deepcopy(receipt), signing.published()
    change(tampered, keys)
    status, said = verify(tmp_path, tampered, keys)
    assert status == 1
    assert "NOT confirmed" in said
    assert sentence in said


def test_there_are_more_than_twenty_ways():
    assert len(TAMPERED) >= 20


def as_bytes(receipt: dict) -> bytes:
    return json.dumps(receipt).encode()


FILES = {
    "not JSON": (lambda r: as_bytes(r)[:-1], "is not valid JSON"),
    "empty": (lambda r: b"", "is not valid JSON"),
    "UTF-16": (lambda r: json.dumps(r).encode("utf-16"), "is not text in UTF-8"),
    "one bad byte": (lambda r: json.dumps(r, ensure_ascii=False).encode().replace("ә".encode(), b"\xd3", 1), "UTF-8"),
    "a list": (lambda r: b"[]", "does not hold a JSON object"),
    "a field twice": (lambda r: b'{"receipt_id": "x", ' + as_bytes(r)[1:], "The field receipt_id stands twice"),
    "not a number": (lambda r: as_bytes(r)[:-1] + b', "more": NaN}', "canonical JSON does not allow"),
    "half a letter": (lambda r: as_bytes(r)[:-1] + b', "more": "\\ud800"}', "canonical JSON does not allow"),
    "very deep": (lambda r: b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "is not valid JSON"),
    "somebody's page": (lambda r: b"{}", "The field receipt_id is missing"),
    "terminal orders": (lambda r: b'{"\\u001b[2J": 1, "\\u001b[2J": 2}', "stands twice"),
}


@pytest.mark.parametrize("how", FILES)
def test_a_file_that_is_no_receipt_is_refused_with_a_sentence(how, receipt, tmp_path):
    make, sentence = FILES[how]
    status, said = verify(tmp_path, make(receipt))
    assert status == 1
    assert sentence in said
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (b"{}", "The field keys is missing"),
        (b"<html>", "is not valid JSON"),
        (b'{"keys": []}', "not among the operator's keys"),
        (b'{"keys": ["x", {"kid": 1}]}', "not among the operator's keys"),
    ],
)
def test_a_file_that_holds_no_keys_confirms_nothing(keys, sentence, receipt, tmp_path):
    status, said = verify(tmp_path, receipt, keys)
    assert status == 1
    assert sentence in said


def test_a_file_that_is_not_there_is_named(receipt, tmp_path):
    import subprocess

    verify(tmp_path, receipt)
    done = subprocess.run(
        [sys.executable, "verify_receipt.py", "lost.json", "--keys", "keys.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "lost.json cannot be read" in done.stdout
    assert done.stderr == ""


def test_a_withdrawal_passes_and_the_program_says_that_it_holds_no_text(person, tmp_path):
    status, said = verify(tmp_path, receipt_of(deferred(person)))
    assert status == 0
    assert "The receipt holds no text" in said
    assert "withdrawal_deferred" in said


def test_the_program_is_one_file_with_nothing_of_ours_in_it():
    tree = ast.parse(PROGRAM.read_text())
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}
    assert not imported & {"socket", "ssl", "http", "urllib", "asyncio", "subprocess", "os"}


def test_every_sentence_is_there_in_three_languages_with_the_same_names():
    import string

    for code, sentences in verify_receipt.SENTENCES.items():
        assert len(sentences) == len(set(sentences)) == 3, code
        names = [{name for _text, name, _spec, _conv in string.Formatter().parse(s) if name} for s in sentences]
        assert names[0] == names[1] == names[2], code
