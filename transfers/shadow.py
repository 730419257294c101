"""Shadow mode: what the gate refused goes all the same, when what failed is ours to set up, and never against a no."""

from django.db import connection

from consent.enums import State
from subjects.enums import Disclosure
from transfers.decisions import Decision, Question
from transfers.enums import Check, TransferGround

# a person's own no: shadow mode forgives what is not set up, never this
_THEIR_NO = frozenset({"consent.withdrawn", "consent.refused", "consent.withdrawal_deferred", "consent.invalidated"})
# Every consent about this purpose and this kind of recipient, whether or not a rule asks for it. Locked, so that a
# withdrawal under way is waited for; what was said to others, or of another report, is no answer here.
_SAID = """
SELECT s.state FROM consent_consentstate s
WHERE s.subject_id = %(subject)s
    AND (s.scope !~ '^(recipient|report|token):' OR s.scope = ANY(%(scopes)s))
    AND s.form_id IN (
        SELECT v.form_id FROM consent_consentformversion v
        JOIN consent_formitem p ON p.version_id = v.id AND p.purpose_id = %(purpose)s
        JOIN consent_formitem r ON r.version_id = v.id AND r.recipient_kind = %(kind)s)
ORDER BY s.id FOR SHARE OF s
"""


def _said_no(question: Question, decision: Decision) -> bool:
    """Whether the person refused or withdrew a consent to this, in a transaction; a duty by law asks for none."""
    if decision.ground == TransferGround.LAW:
        return False
    facts = decision.inputs["facts"]
    about = {
        "subject": facts["subject"]["id"],
        "purpose": facts["purpose"]["id"],
        "kind": facts["recipient"]["kind"],
        "scopes": [f"recipient:{question.recipient}", question.context.scope],
    }
    no = {State.WITHDRAWN, State.REFUSED, State.INVALIDATED}
    if not facts["purpose"]["required"]:
        no.add(State.WITHDRAWAL_DEFERRED)
    with connection.cursor() as cursor:
        cursor.execute(_SAID, about)
        return any(state in no for (state,) in cursor.fetchall())


def lets_through(question: Question, decision: Decision) -> bool:
    """Whether shadow mode lets a refused transfer go; in a transaction, which holds what the person said.

    Never for a person who is unknown, stopped or said no, an actor who is not admitted, or a withheld recipient.
    """
    if decision.allowed or decision.inputs["facts"]["shadow"] is None or decision.disclosure == Disclosure.WITHHELD:
        return False
    theirs = {Check.SUBJECT, Check.OBJECTION, Check.ACTOR}
    return not any(
        not step.passed and (step.check in theirs or step.code in _THEIR_NO or step.code == "categories.unknown")
        for step in decision.steps
    ) and not _said_no(question, decision)


def goes(question: Question, decision: Decision) -> bool:
    """Whether the data may go on this answer: the gate said yes, or shadow mode lets them through; in a transaction."""
    return decision.allowed or lets_through(question, decision)
