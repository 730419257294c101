"""Is this receipt of a consent genuine? One file that needs Python 3.9+ and `cryptography`; no network, no Kelisim.

    python verify_receipt.py RECEIPT.json --keys kelisim-keys.json [--language kk|ru|en]

Exits 0 when nothing in the receipt was changed since the operator signed it, else 1, and says what is wrong.
The keys are published by the operator at /.well-known/kelisim-keys.json; old ones stay there for ever.

What is signed (Ed25519, RFC 8032) is the receipt without `proof.signature`, as canonical JSON (RFC 8785).
"""

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

ALGORITHM = "Ed25519 over RFC 8785"
MOST_BYTES = 4 * 1024 * 1024
LANGUAGES = ("en", "ru", "kk")

SENTENCES = {
    "genuine": ("The receipt is genuine: nothing in it was changed since it was signed.",
        "Квитанция подлинная: после подписания в ней ничего не изменено.",
        "Түбіртек түпнұсқа: қол қойылғаннан кейін онда ештеңе өзгертілмеген."),
    "wrong": ("The receipt is NOT confirmed:",
        "Квитанция НЕ подтверждена:",
        "Түбіртек РАСТАЛМАДЫ:"),
    "no_text": ("The receipt holds no text: none was shown with this act, or it was not known when it was recorded.",
        "Текста в квитанции нет: при этом действии он не показывался либо при записи не был известен.",
        "Түбіртекте мәтін жоқ: бұл әрекет кезінде ол көрсетілмеген немесе жазба жасалғанда белгісіз болған."),
    "compare": ("Compare the key id with the one the operator publishes.",
        "Сверьте идентификатор ключа с тем, который публикует оператор.",
        "Кілт идентификаторын оператор жариялағанымен салыстырыңыз."),
    "unreadable": ("The file {name} cannot be read.",
        "Файл {name} не читается.",
        "{name} файлы оқылмайды."),
    "too_big": ("The file {name} is too big for what it should be.",
        "Файл {name} слишком велик.",
        "{name} файлы тым үлкен."),
    "encoding": ("The file {name} is not text in UTF-8.",
        "Файл {name} не является текстом в кодировке UTF-8.",
        "{name} файлы UTF-8 кодтамасындағы мәтін емес."),
    "malformed": ("The file {name} is not valid JSON: {why}.",
        "Файл {name} не является правильным JSON: {why}.",
        "{name} файлы дұрыс JSON емес: {why}."),
    "not_object": ("The file {name} does not hold a JSON object.",
        "В файле {name} нет объекта JSON.",
        "{name} файлында JSON нысаны жоқ."),
    "twice": ("The field {field} stands twice in one object, so it has two meanings.",
        "Поле {field} стоит в одном объекте дважды и читается двояко.",
        "{field} өрісі бір нысанда екі рет тұр, сондықтан екі түрлі оқылады."),
    "uncanonical": ("The receipt holds a number or a character that canonical JSON does not allow.",
        "В квитанции есть число или символ, недопустимые в каноническом JSON.",
        "Түбіртекте канондық JSON рұқсат етпейтін сан немесе таңба бар."),
    "missing": ("The field {field} is missing.",
        "Нет поля {field}.",
        "{field} өрісі жоқ."),
    "invalid": ("The field {field} does not hold what it must hold.",
        "В поле {field} не то, что должно быть.",
        "{field} өрісінде болуға тиісті мән жоқ."),
    "algorithm": ("The receipt is signed in a way this program does not know: {name}.",
        "Способ подписи программе не известен: {name}.",
        "Қол қою тәсілі бұл бағдарламаға белгісіз: {name}."),
    "signature_encoding": ("The signature is not written as it must be: 64 bytes in base64url without padding.",
        "Подпись записана неправильно: нужны 64 байта в base64url без заполнения.",
        "Қолтаңба дұрыс жазылмаған: толтырғышсыз base64url түріндегі 64 байт болуға тиіс."),
    "unknown_key": ("The receipt names the key {key}, which is not among the operator's keys.",
        "Квитанция называет ключ {key}, которого нет среди ключей оператора.",
        "Түбіртекте оператор кілттерінің арасында жоқ {key} кілті көрсетілген."),
    "other_key": ("The key in the keys file is not the one that its id {key} was made of.",
        "Ключ в файле ключей не соответствует своему идентификатору {key}.",
        "Кілттер файлындағы кілт өзінің {key} идентификаторына сәйкес келмейді."),
    "key_time": ("The key {key} did not sign at the time the receipt names, {time}.",
        "Ключ {key} не действовал в указанное в квитанции время: {time}.",
        "{key} кілті түбіртекте көрсетілген уақытта қолданылмаған: {time}."),
    "signature": ("The signature does not match the content: the receipt was changed, or somebody else signed it.",
        "Подпись не соответствует содержанию: квитанция изменена или подписана другим лицом.",
        "Қолтаңба мазмұнға сәйкес келмейді: түбіртек өзгертілген немесе оған басқа біреу қол қойған."),
    "text": ("The text in the receipt is not the one that was shown: its SHA-256 is {found}, not {said}.",
        "Текст в квитанции не тот, который был показан: его SHA-256 {found}, а не {said}.",
        "Түбіртектегі мәтін көрсетілген мәтін емес: оның SHA-256 мәні {said} емес, {found}."),
    "no_library": ("This program needs the library “cryptography”: pip install cryptography",
        "Программе нужна библиотека «cryptography»: pip install cryptography",
        "Бағдарламаға «cryptography» кітапханасы керек: pip install cryptography"),
}  # fmt: skip


class Wrong(Exception):
    """What is wrong: a key of SENTENCES and what it speaks of."""

    def __init__(self, code: str, **names: object) -> None:
        super().__init__(code)
        self.code, self.names = code, names


def plain(value: object) -> str:
    """What a file says, fit to be shown: short, and nothing that a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in str(value)[:200])


def say(code: str, language: str, **names: object) -> str:
    return SENTENCES[code][LANGUAGES.index(language)].format(**{key: plain(value) for key, value in names.items()})


# canonical JSON


def number(value: float) -> str:
    """A number as ECMAScript writes it (RFC 8785, 3.2.2.3). Raises ValueError for NaN and infinities."""
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("not a number of JSON")
    if value == 0:
        return "0"
    if value < 0:
        return "-" + number(-value)
    parts = Decimal(repr(value)).normalize().as_tuple()
    digits, exponent = "".join(map(str, parts.digits)), int(parts.exponent)
    count, point = len(digits), len(digits) + exponent
    if count <= point <= 21:
        return digits + "0" * exponent
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    return digits[0] + ("." + digits[1:] if count > 1 else "") + f"e{point - 1:+d}"


def canonical(value: object) -> bytes:
    """The one way to write this JSON value (RFC 8785). Raises ValueError for what has none."""
    if value is None or isinstance(value, (bool, str)):
        return json.dumps(value, ensure_ascii=False).encode()
    if isinstance(value, int):
        if abs(value) >= 2**53:
            raise ValueError("not exact as a double")
        return str(value).encode()
    if isinstance(value, float):
        return number(value).encode()
    if isinstance(value, list):
        return b"[" + b",".join(map(canonical, value)) + b"]"
    if isinstance(value, dict):
        # by UTF-16 code units, which is not the order of code points
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return b"{" + b",".join(canonical(name) + b":" + canonical(value[name]) for name in names) + b"}"
    raise ValueError("not a value of JSON")


# reading


def read(path: str) -> dict:
    """The object in a JSON file. Raises Wrong."""
    name = Path(path).name
    try:
        with open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError:
        raise Wrong("unreadable", name=name) from None
    if len(content) > MOST_BYTES:
        raise Wrong("too_big", name=name)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise Wrong("encoding", name=name) from None

    def once(pairs: list) -> dict:
        found: dict = {}
        for field, value in pairs:
            if field in found:
                raise Wrong("twice", field=field)
            found[field] = value
        return found

    try:
        value = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise Wrong("malformed", name=name, why=error) from None
    if not isinstance(value, dict):
        raise Wrong("not_object", name=name)
    return value


def moment(text: object) -> datetime:
    """A time as receipts write it, UTC: 2026-11-23T05:58:43.000000Z. Raises ValueError."""
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text, re.ASCII):
        raise ValueError
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)  # noqa: UP017 Python 3.9


def raw(text: object, length: int) -> bytes:
    """`length` bytes of base64url without padding, written in the one right way. Raises ValueError."""
    if not isinstance(text, str) or not re.fullmatch("[A-Za-z0-9_-]+", text):
        raise ValueError
    try:
        content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError from None
    if len(content) != length or base64.urlsafe_b64encode(content).rstrip(b"=").decode() != text:
        raise ValueError
    return content


# what a receipt holds (ISO/IEC TS 27560), {field: pattern of a text, or type}
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TIME = r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\.[0-9]{6}Z"
FIELDS = {
    "@context": dict,
    "@type": "dpv:ConsentReceipt",
    "schema_version": r"https://w3id\.org/dpv/schema/dpv-27560#receipt-record",
    "receipt_id": UUID,
    "record_id": UUID,
    "pii_principal_id": f"{UUID}|device:[0-9a-f]+",
    "pii_processing": dict,
    "pii_processing.privacy_notice": dict,
    "pii_processing.privacy_notice.form": str,
    "pii_processing.language": "kk|ru|en|und",
    "pii_processing.purposes": list,
    "pii_processing.pii_information": list,
    "pii_processing.pii_controllers": list,
    "pii_processing.recipient_third_parties": list,
    "pii_processing.retention_period": dict,
    "pii_processing.storage_locations": list,
    "pii_processing.jurisdiction": str,
    "pii_processing.withdrawal_method": dict,
    "party_identification": list,
    "event": dict,
    "event.kind": str,
    "event.event_state": "dpv:[A-Za-z]+",
    "event.event_type": "dpv:[A-Za-z]+",
    "event.event_time": TIME,
    "event.recorded_time": TIME,
    "event.entity_id": str,
    "event.validity_duration": dict,
    "event.channel": str,
    "event.trust": str,
    "proof": dict,
    "proof.algorithm": str,
    "proof.key_id": str,
    "proof.signature": str,
}


def check_fields(receipt: dict) -> list:
    """Everything that is missing or is not what it must be."""
    problems = []
    for path, wanted in FIELDS.items():
        value: object = receipt
        for name in path.split("."):
            if not isinstance(value, dict) or name not in value:
                problems.append(Wrong("missing", field=path))
                break
            value = value[name]
        else:
            kind = wanted if isinstance(wanted, type) else str
            fits = isinstance(value, kind) and (kind is wanted or re.fullmatch(str(wanted), str(value)))
            if fits and wanted == TIME:
                try:
                    moment(value)
                except ValueError:
                    fits = False
            if not fits:
                problems.append(Wrong("invalid", field=path))
    return problems


def check_text(notice: dict) -> list:
    """Whether the text is the one whose SHA-256 was recorded when it was shown."""
    if notice.get("sha256") is None and notice.get("text") is None:
        return []
    for name in ("title", "text", "sha256"):
        if not isinstance(notice.get(name), str):
            return [Wrong("invalid", field=f"pii_processing.privacy_notice.{name}")]
    found = hashlib.sha256(f"{notice['title']}\n\n{notice['text']}".encode()).hexdigest()
    return [] if found == notice["sha256"] else [Wrong("text", found=found, said=notice["sha256"])]


def find_key(keys: dict, key_id: str) -> tuple:
    """(public key, from, to) of a key in the keys file; None where it has no end. Raises Wrong."""
    rows = keys.get("keys")
    if not isinstance(rows, list):
        raise Wrong("missing", field="keys")
    found = [row for row in rows if isinstance(row, dict) and row.get("kid") == key_id]
    if len(found) != 1:
        raise Wrong("twice" if found else "unknown_key", key=key_id, field=key_id)
    try:
        public = raw(found[0].get("x"), 32)
        since, until = (found[0][name] and moment(found[0][name]) for name in ("valid_from", "valid_to"))
    except (ValueError, KeyError):
        raise Wrong("other_key", key=key_id) from None
    named = canonical({"crv": "Ed25519", "kty": "OKP", "x": found[0]["x"]})
    if base64.urlsafe_b64encode(hashlib.sha256(named).digest()).rstrip(b"=").decode() != key_id:  # RFC 7638
        raise Wrong("other_key", key=key_id)
    return public, since, until


def check(receipt: dict, keys: dict) -> list:
    """Everything that is wrong with the receipt; an empty list when it is genuine. keys: the keys file."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    problems = check_fields(receipt)
    if problems:
        return problems
    proof, event = receipt["proof"], receipt["event"]
    try:
        unsigned = {**receipt, "proof": {name: proof[name] for name in proof if name != "signature"}}
        content = canonical(unsigned)
        problems += check_text(receipt["pii_processing"]["privacy_notice"])
    except (ValueError, RecursionError):
        return [Wrong("uncanonical")]
    if proof["algorithm"] != ALGORITHM:
        return [*problems, Wrong("algorithm", name=proof["algorithm"])]
    try:
        signature = raw(proof["signature"], 64)
    except ValueError:
        return [*problems, Wrong("signature_encoding")]
    try:
        public, since, until = find_key(keys, proof["key_id"])
    except Wrong as wrong:
        return [*problems, wrong]
    recorded = moment(event["recorded_time"])
    if (since and recorded < since) or (until and recorded >= until):
        problems.append(Wrong("key_time", key=proof["key_id"], time=event["recorded_time"]))
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, content)
    except InvalidSignature:
        problems.append(Wrong("signature"))
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description="Is this receipt of a consent genuine?")
    parser.add_argument("receipt", metavar="FILE", help="the receipt, JSON")
    parser.add_argument("--keys", metavar="FILE", required=True, help="the operator's keys, JSON")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="of the answer")
    options = parser.parse_args()
    language = options.language
    out = sys.stdout
    if hasattr(out, "reconfigure"):
        out.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        receipt = read(options.receipt)
        problems = check(receipt, read(options.keys))
    except Wrong as wrong:
        problems = [wrong]
    except ImportError:
        problems = [Wrong("no_library")]
    if problems:
        out.write(say("wrong", language) + "\n")
        for problem in problems:
            out.write(f"- {say(problem.code, language, **problem.names)}\n")
        return 1
    out.write(say("genuine", language) + "\n")
    notice, event = receipt["pii_processing"]["privacy_notice"], receipt["event"]
    if notice.get("text") is None:
        out.write(say("no_text", language) + "\n")
    for name, value in {
        "receipt_id": receipt["receipt_id"],
        "operator": ", ".join(str(p.get("party_name")) for p in receipt["party_identification"] if isinstance(p, dict)),
        "form": notice["form"],
        "version": notice.get("version"),
        "kind": event["kind"],
        "event_time": event["event_time"],
        "recorded_time": event["recorded_time"],
        "key_id": receipt["proof"]["key_id"],
    }.items():
        out.write(f"  {name}: {plain(value)}\n")
    out.write(say("compare", language) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
