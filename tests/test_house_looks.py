"""Every look that our sources can record has words for the person it is told to (94-V art. 24; policy 5.5).

A look is a call that writes an `AccessRecord` or is told to: one with a `door`, or by the name of a door of the vault.
"""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from django.utils import translation

from audit.models import AccessRecord
from consent.paper import ScanReason
from subjects import looks, vault
from subjects.enums import RevealReason
from tests.test_house_sources import ROOT, called, calls, code
from transfers.packages import PackageReason

DOORS = {"reveal", "reveal_found", "reveal_proof", "reveal_pieces", "reveal_file", "take_out", "hand_to_officer"}
# handed on by a function whose callers are looked at; the last are held to their enum, all of whose reasons are below
HANDED_ON = {"reason", "job", "page", "what", "category"}
ENUMS = {each.__name__: each for each in (RevealReason, ScanReason, PackageReason)}
# told in general words: a demand is told to nobody, and a note may say more by its name than its reader may know
IN_GENERAL = {"file", "subjects.denial", "subjects.aml"}


def told(path: Path, *names: str) -> Iterator[tuple[str, str]]:
    """(door, code) of every look of a source, of its arguments called `names`; raises KeyError for what is no code."""
    for call in calls(path.read_text()):
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        if "door" not in given and called(call) not in DOORS:
            continue
        door = ast.unparse(given["door"]).rpartition(".")[2].lower() if "door" in given else "reveal"
        for node in (given[name] for name in names if name in given):
            for found in _codes(node, path):
                yield door, found


def _codes(node: ast.expr, path: Path) -> list[str]:
    text = ast.unparse(node)
    if isinstance(node, ast.Constant):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*_codes(node.body, path), *_codes(node.orelse, path)]
    if isinstance(node, ast.Name) and node.id.isupper():
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        return [getattr(module, node.id)]
    if text in HANDED_ON or text.endswith("category.code") or "cleaned_data" in text:
        return []
    return list(ENUMS[text.partition("(")[0]].values)


def every(*names: str) -> set[tuple[str, str]]:
    return {one for path in code() for one in told(path, *names)}


def reasons() -> list[tuple[str, str]]:
    listed = {("reveal", reason) for each in ENUMS.values() for reason in each.values}
    return sorted(every("reason") | listed | {("job", job) for job in vault.JOBS})


def kinds() -> list[str]:
    return sorted({found for _door, found in every("what", "category")} - IN_GENERAL)


def test_looks_are_found_where_they_are():
    assert {("job", "quarantine"), ("job", "codes"), ("job", "export_receipts"), ("reveal", "request")} <= set(
        reasons()
    )
    assert {"transfers.quarantine", "transfers.registry", "consent.scan", "subjects.file", "*"} <= set(kinds())


@pytest.mark.parametrize("door, reason", reasons())
def test_every_reason_of_a_look_has_words(door, reason):
    with translation.override("en"):
        assert looks._why(AccessRecord(door=door, reason=reason)) not in (reason, ""), f"say {reason!r} in looks.JOBS"


@pytest.mark.parametrize("kind", kinds())
def test_what_was_looked_at_has_words(kind):
    with translation.override("en"):
        assert looks.at_what(kind, {}) != "a document or text", f"say {kind!r} in looks.OTHERS"
