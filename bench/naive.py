"""The same decision as one would first write it: the ORM, a query a check. Never used but by bench/gate.py.

It answers the verdict alone, without sentences, evidence or counterfactual, so it does less work than the gate; only
what the bench's world has is looked at (ground consent, recipients in Kazakhstan). Its key, its question and its
middleware are those of the gate's own address.
"""

from typing import Any

from django.db import connection
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from consent.enums import LIVE
from consent.models import ClauseLink, ConsentState, FormItem, Objection, Purpose, PurposeCategory
from policies.models import Clause, PolicyVersion
from staff.api import ApiKey
from staff.enums import Scope
from subjects.enums import Standing
from subjects.models import DataCategory, DataSubject
from transfers.models import Agreement, Country, Recipient, RecipientClause, TransferRule
from transfers.shapes import AskedIn

router = Router()


def _declared(links: Any, versions: list[PolicyVersion]) -> bool:
    return any(
        Clause.objects.filter(version=version, key=link.clause_key).exists()
        for version in versions
        for link in links.filter(policy=version.policy_id)
    )


def verdict(asked: AskedIn) -> str:
    """allow, deny or gap."""
    today = timezone.localdate()
    subject = DataSubject.objects.filter(reference=asked.subject).first()
    purpose = Purpose.objects.filter(code=asked.purpose).first()
    recipient = Recipient.objects.filter(code=asked.recipient).first()
    if subject is None or purpose is None or recipient is None:
        return "deny"
    if subject.standing not in (Standing.ORDINARY, Standing.DISPUTED_ADDRESS):
        return "deny"
    if not Purpose.objects.in_force().filter(pk=purpose.pk).exists() or purpose.open_ended or purpose.ground == "none":
        return "deny"
    versions = list(PolicyVersion.objects.in_force())
    if not versions:
        return "gap"
    if not _declared(ClauseLink.objects.filter(purpose=purpose), versions):
        return "deny"
    if not _declared(RecipientClause.objects.filter(Q(recipient=recipient) | Q(kind=recipient.kind)), versions):
        return "deny"
    wanted = set(asked.categories)
    known = set(DataCategory.objects.filter(code__in=wanted).values_list("code", flat=True))
    matrix = set(PurposeCategory.objects.in_force().filter(purpose=purpose).values_list("category__code", flat=True))
    agreements = [
        row
        for row in Agreement.objects.in_force().filter(recipient=recipient, valid_from__lte=today)
        if row.confidentiality and (row.valid_to is None or row.valid_to >= today)
    ]
    if recipient.country != "KZ" and not Country.objects.in_force().filter(code=recipient.country, adequate=True):
        return "deny"
    if Objection.objects.filter(subject=subject, purpose=purpose, in_force_during__contains=timezone.now()).exists():
        return "deny"
    rules = TransferRule.objects.in_force().filter(recipient=recipient, purpose=purpose, direction=asked.direction)
    if not rules.exists():
        return "gap"
    for rule in rules.select_related("form"):
        state = (
            ConsentState.objects.filter(subject=subject, form=rule.form, scope=f"recipient:{recipient.code}")
            .select_related("given__version")
            .first()
        )
        if state is None or state.state not in LIVE or (state.until and state.until <= timezone.now()):
            continue
        items = FormItem.objects.filter(version=state.given.version).exclude(**{f"text_{state.given.language}": ""})
        if not items.filter(purpose=purpose).exists() or not items.filter(recipient_kind=recipient.kind).exists():
            continue
        named = set(items.filter(category__isnull=False).values_list("category__code", flat=True))
        if agreements and wanted <= known & matrix & named & set(rule.categories) & set(agreements[0].categories):
            return "allow"
    return "deny"


@router.post("/decisions", auth=ApiKey(Scope.TRANSFERS_ASK))
def decide(request: HttpRequest, payload: AskedIn) -> dict[str, str]:
    with connection.cursor() as cursor:  # who asks, as the gate looks at it
        cursor.execute("SELECT current_setting('kelisim.actor', true)")
    return {"decision": verdict(payload)}
