"""What one consent is about, as systems outside call it: by numbers of theirs, not by keys of our tables (DESIGN 5).

Stored: `contract:12`, `application:7` (primary keys), `recipient:…`, `report:…`, `token:…` as told; "" is everything.
Outside a contract and an application stand under the number the loan system gave them.
"""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from consent.enums import ScopeKind
from consent.models import ConsentForm
from staff.problems import FieldProblem, Problem
from subjects.models import Application, Contract, DataSubject

_NUMBERED = {"contract": Contract, "application": Application}
# what the scope of a form of each kind begins with
_BEGINNINGS = {
    ScopeKind.CONTRACT: ("contract", "application"),
    ScopeKind.RECIPIENT: ("recipient",),
    ScopeKind.REPORT: ("report",),
    ScopeKind.TOKEN: ("token",),
}


def stored(subject: DataSubject, form: ConsentForm, told: str) -> str:
    """The scope as we keep it. told: as `contract:K-2026/17`, or "". Raises Problem naming the field."""
    if not told:
        return ""
    beginning, _colon, rest = told.partition(":")
    allowed = _BEGINNINGS.get(ScopeKind(form.scope_kind), ())
    if beginning not in allowed or not rest:
        if allowed:
            wanted = ", ".join(f"{name}:…" for name in allowed)
            sentence = _("The scope of this form is empty or begins with: %(wanted)s.") % {"wanted": wanted}
        else:
            sentence = _("This form has no scope: leave it empty.")
        raise Problem("invalid", errors=[FieldProblem("scope", "kind", sentence)])
    if beginning not in _NUMBERED:
        return told
    row = _NUMBERED[beginning].objects.filter(subject=subject, number=rest).first()
    if row is None:
        sentence = _("This person has no contract or application with this number.")
        raise Problem("invalid", errors=[FieldProblem("scope", "unknown", sentence)])
    return f"{beginning}:{row.pk}"


def outside(scopes: Iterable[str]) -> dict[str, str]:
    """{scope as we keep it: as systems call it} of many; two queries at most."""
    scopes = set(scopes)
    names = {scope: scope for scope in scopes}
    for beginning, model in _NUMBERED.items():
        keys = {
            int(s.partition(":")[2]): s
            for s in scopes
            if s.startswith(f"{beginning}:") and s[len(beginning) + 1 :].isdecimal()
        }
        if keys:
            for pk, number in model.objects.filter(pk__in=list(keys)).values_list("pk", "number"):
                names[keys[pk]] = f"{beginning}:{number}"
    return names
