"""A receipt taken from the cabinet convinces a court that has neither us nor a network; a loan closed by the loan
system releases a withdrawal that waited for it (issue 3, Shows 4)."""

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from audit.actor import acting_as
from consent import signing
from consent.enums import State
from consent.models import ConsentEvent
from tests.consent.factories import form, purpose, version
from tests.consent.system import client_and_key
from tests.consent.test_verify_receipt import TAMPERED
from tests.e2e.browser import Seat, chromium
from tests.e2e.test_consents import answers, fits, seated, state_of, withdraws
from tests.subjects.factories import DataSubjectFactory


def downloaded(seat: Seat, folder: Path, number: int, ending: str = "JSON") -> Path:
    """The receipt of the newest act but `number`, by its link in the cabinet."""
    seat.go("/cabinet/consents/")
    link = seat.page.locator("ol.timeline > li").nth(number).locator(f"a[href$='.{ending.lower()}']")
    with seat.page.expect_download() as coming:
        link.click()
    path = folder / coming.value.suggested_filename
    coming.value.save_as(path)
    return path


def checked(program: Path, receipt: Path, keys: Path) -> tuple[int, str]:
    """What the program says where nothing of ours is at hand: another folder, no environment, no paths of ours."""
    done = subprocess.run(
        [sys.executable, "-I", program, receipt, "--keys", keys, "--language", "en"],
        cwd=program.parent, env={"LANG": "C.UTF-8"}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def told(house, key: str, path: str, body: dict) -> dict:
    """What the loan system hears at the API."""
    request = Request(
        f"{house.url}/api/v1{path}",
        data=json.dumps(body).encode(),
        method="PUT",
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=10) as answer:
        return json.load(answer)


@pytest.mark.browser
@pytest.mark.prove
@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without"])
def test_receipts_from_the_cabinet_convince_a_court_and_changed_ones_do_not(
    house, browser_path, monkeypatch, tmp_path, scripts
):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright runs a loop in this thread
    with acting_as("job:test"):
        purpose("adverts", required=False)
        version(form("C1"), purposes={"contract": "kk ru", "adverts": "kk ru"})
        version(form("C8"))
        person = DataSubjectFactory(language="kk")
        signing.ensure_key()
        _client, key = client_and_key()

    court = tmp_path / "court"
    court.mkdir()
    with chromium(browser_path) as browser, house.web():
        seat = seated(browser, house, person, "kk", scripts=scripts)
        answers(seat, "C1", "give")
        answers(seat, "C8", "refuse")

        number = "K-2026-81"
        at = f"/subjects/{person}/contracts/{number}"
        assert told(house, key, at, {"state": "opened"})["open"]
        assert number in withdraws(seat, "C1"), "before the click the page names what holds the consent"
        assert state_of(person, "C1") == State.WITHDRAWAL_DEFERRED
        assert not told(house, key, at, {"state": "performed"})["open"]
        assert state_of(person, "C1") == State.WITHDRAWN, "it took effect by itself"
        seat.go("/cabinet/kept/")
        assert fits(seat)
        seat.shot("kept")

        # newest first: withdrawn, withdrawal that waits, refused, given
        acts = list(ConsentEvent.objects.filter(subject=person).order_by("-occurred_at", "-pk"))
        assert [act.kind for act in acts if act.kind != "released"][-3:] == ["withdrawal_deferred", "refused", "given"]
        receipts = [downloaded(seat, court, number) for number in range(len(acts))]
        paper = downloaded(seat, court, 0, "PDF")
        assert paper.read_bytes().startswith(b"%PDF-")
        program, keys = court / "verify_receipt.py", court / "keys.json"
        with seat.page.expect_download() as coming:
            seat.page.click("a[href$='verify_receipt.py'] >> nth=0")
        coming.value.save_as(program)
        with urlopen(f"{house.url}/.well-known/kelisim-keys.json", timeout=10) as answer:
            keys.write_bytes(answer.read())
        assert seat.complaints == []

    # the house is down; the court is alone with its files
    for act, path in zip(acts, receipts, strict=True):
        status, said = checked(program, path, keys)
        assert status == 0, said
        assert json.loads(path.read_text())["receipt_id"] == str(act.public_id)
    genuine, published = json.loads(receipts[-1].read_text()), json.loads(keys.read_text())
    refused = 0
    for how, (change, sentence) in TAMPERED.items():
        receipt, forged = deepcopy(genuine), deepcopy(published)
        change(receipt, forged)
        (court / "changed.json").write_text(json.dumps(receipt, ensure_ascii=False))
        (court / "forged.json").write_text(json.dumps(forged))
        status, said = checked(program, court / "changed.json", court / "forged.json")
        assert (status, sentence in said) == (1, True), f"{how}: {said}"
        refused += 1
    assert refused >= 20
    print(f"\n{len(receipts)} receipts from the cabinet: genuine; tampered with in {refused} ways: {refused} refused")
