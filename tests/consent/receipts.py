"""What tests of receipts share: a person with consents of every kind, and the verifying program run as a court runs it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from audit.actor import acting_as
from consent import ledger, receipts, signing
from consent.enums import ScopeKind
from consent.models import ConsentEvent
from staff.models import Operator
from subjects.models import Contract, DataSubject
from tests.consent import factories

PROGRAM = Path(__file__).parents[2] / "consent" / "verify_receipt.py"
WORDS = {
    "contract": {"kk": "шарт жасасу және орындау", "ru": "заключение и исполнение договора"},
    "full_name": {"kk": "тегі, аты, әкесінің аты", "ru": "фамилия, имя, отчество"},
    "iin": {"kk": "ЖСН", "ru": "ИИН"},
}


def consented(person: DataSubject, *, language: str = "kk", code: str = "C1", scope: str = "") -> ConsentEvent:
    """The person consents to a form in force, the first key being there."""
    signing.ensure_key()
    Operator.objects.get_or_create(
        pk=1,
        defaults={
            "name_kk": "«Айқын» МҚҰ", "name_ru": "МФО «Айкын»", "bin": "990140000385", "email": "office@example.kz",
            "address_kk": "Алматы қ., Абай даңғ., 1", "address_ru": "г. Алматы, пр. Абая, 1", "phone": "+77270000000",
        },
    )  # fmt: skip
    form = factories.form(code, scope_kind=ScopeKind.CONTRACT if scope else ScopeKind.WHOLE)
    version = factories.version(form, words=WORDS)
    return factories.given(person, version, language=language, scope=scope)


def deferred(person: DataSubject) -> ConsentEvent:
    """A withdrawal that an open contract holds."""
    given = consented(person)
    Contract.objects.create(subject=person, number="К-2026/17")
    return ledger.withdraw(subject=person, form=given.form, proof=factories.BY_CODE)


def loaded(event: ConsentEvent) -> ConsentEvent:
    """The event anew, as whoever asks for its receipt loads it."""
    return receipts.events_with_receipts().get(pk=event.pk)


def receipt_of(event: ConsentEvent) -> dict[str, Any]:
    with acting_as("job:test"):
        return receipts.receipt(loaded(event))


def verify(folder: Path, receipt: Any, keys: Any = None, *, language: str = "en") -> tuple[int, str]:
    """(exit status, what it says) of the program alone, in a folder of its own, without our environment.

    receipt, keys: an object, or the very bytes of the file.
    """
    for name, content in (("receipt.json", receipt), ("keys.json", signing.published() if keys is None else keys)):
        (folder / name).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    (folder / "verify_receipt.py").write_bytes(PROGRAM.read_bytes())
    done = subprocess.run(
        [sys.executable, "-B", "verify_receipt.py", "receipt.json", "--keys", "keys.json", "--language", language],
        cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == b"", done.stderr.decode()
    return done.returncode, done.stdout.decode()
