"""An answer of the gate as a page shows it: a word, the checks with what proves them, what would change it."""

from typing import Any, NamedTuple

from django.apps import apps
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language

from consent.models import Purpose
from transfers.admin.fields import categories
from transfers.decisions import Decision
from transfers.enums import Check, Result, Verdict
from transfers.models import Recipient
from transfers.sentences import say

# states of the signs of templates/_parts
SIGNS = {Result.PASS: "allowed", Result.FAIL: "refused", Result.GAP: "neutral"}
CHIPS = {Verdict.ALLOW: "allowed", Verdict.DENY: "refused", Verdict.GAP: "neutral"}


class Proof(NamedTuple):
    """What a check rests on: its name, and its page when this reader may open it."""

    name: str
    url: str


class Shown(NamedTuple):
    """A check in the reader's language."""

    check: str
    sign: str
    result: str
    sentence: str
    warning: bool
    proofs: list[Proof]


class Answer(NamedTuple):
    """An answer in the reader's language. why: of the first check that did not pass, "" when all did."""

    word: str
    chip: str
    why: str
    steps: list[Shown]
    changes: list[str]
    impossible: bool
    sha256: str


def _proof(request: HttpRequest, evidence: str) -> Proof:
    label, _sign, pk = evidence.partition(":")
    model = apps.get_model(label)
    name = f"{model._meta.verbose_name} № {pk}"
    try:
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])
    except NoReverseMatch:
        return Proof(name, "")
    may = request.user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}")
    return Proof(name, url if may else "")


def _titled(params: dict[str, Any]) -> dict[str, Any]:
    """Codes of categories, recipients and purposes by their titles; an unknown code stands as it is."""
    told = dict(params)
    if "excess" in told:
        titles = dict(categories())
        told["excess"] = [titles.get(code, code) for code in told["excess"]]
    for name, model in (("recipient", Recipient), ("purpose", Purpose)):
        if name in told:
            told[name] = str(model.objects.filter(code=told[name]).first() or told[name])
    return told


def answer(request: HttpRequest, decision: Decision) -> Answer:
    """The decision for a page, in the language of the request."""
    language = (get_language() or "en")[:2]

    def words(code: str, params: dict[str, Any]) -> str:
        return say(code, _titled(params), language)

    steps = [
        Shown(
            str(Check(step.check).label),
            SIGNS[Result(step.result)],
            str(Result(step.result).label),
            words(step.code, step.params),
            step.warning,
            [_proof(request, evidence) for evidence in step.evidence],
        )
        for step in decision.steps
    ]
    first = next((step for step in decision.steps if not step.passed), None)
    near = decision.counterfactual
    verdict = Verdict(decision.decision)
    return Answer(
        word=str(verdict.label),
        chip=CHIPS[verdict],
        why=words(first.code, first.params) if first else "",
        steps=steps,
        changes=[words(f"mend.{change.change}", change.params) for change in near.changes] if near else [],
        impossible=near is not None and not near.possible,
        sha256=decision.inputs_sha256,
    )
