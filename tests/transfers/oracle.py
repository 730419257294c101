"""The gate told again, slowly and simply, from issue 4 and the laws: the ORM, a question at a time, no shared code.

It knows nothing of `transfers.gate`, `checks` or `facts`; where the two differ, one of them is wrong.
"""

from datetime import datetime

from django.utils import timezone

from consent.models import ClauseLink, ConsentEvent, FormItem, Objection, Purpose, PurposeCategory
from policies.models import Clause, PolicyVersion
from staff.models import StaffUser
from subjects.models import Application, Contract, DataCategory, DataSubject
from transfers.models import Agreement, Country, Recipient, RecipientClause, TransferRule

OWED = {"opened", "overdue", "reopened", "written_off"}


def _then(model, at: datetime | None, **which) -> list:
    """Rows of a tracked model as they are, or as they were at a moment."""
    if at is None:
        return list(model.objects.filter(**which))
    rows = {}
    for past in model.history.filter(**which).order_by("history_date", "history_id"):
        if past.history_date <= at:
            rows[past.id] = past
    return [row for row in rows.values() if row.history_type != "-"]


class _Consent:
    """One person's answers to one form about one thing, followed from event to event."""

    def __init__(self) -> None:
        self.said, self.until, self.event, self.deferred = "", None, None, False

    def hear(self, event: ConsentEvent) -> None:
        lapsed = self.until is not None and self.until <= event.occurred_at
        standing = self.event is not None and self.said == "yes" and not (lapsed and not self.deferred)
        if event.kind in ("given", "renewed"):
            self.said, self.until, self.event, self.deferred = "yes", event.valid_until, event, False
        elif event.kind == "withdrawal_deferred":
            if standing:
                self.deferred, self.until = True, None
            elif lapsed:
                self.said = "over"
        elif event.kind in ("withdrawn", "expired", "revoked", "invalidated") or (lapsed and not self.deferred):
            self.said = "over"

    def stands(self, moment: datetime) -> bool:
        return self.said == "yes" and (self.deferred or self.until is None or self.until > moment)


def _consents(person, at: datetime | None) -> dict[tuple[str, str], _Consent]:
    found: dict[tuple[str, str], _Consent] = {}
    for event in ConsentEvent.objects.filter(subject=person).select_related("form").order_by("occurred_at", "pk"):
        if at is None or event.occurred_at <= at:
            found.setdefault((event.form.code, event.scope), _Consent()).hear(event)
    return found


def _names(event: ConsentEvent, **what) -> bool:
    item = FormItem.objects.filter(version=event.version_id, **what).first()
    return bool(item and event.language and getattr(item, f"text_{event.language}"))


def _good_consents(rule, whom, purpose, required, person, scope, at) -> list[ConsentEvent]:
    """The consents a rule may rest on."""
    good = []
    for (form, about), consent in _consents(person, at).items():
        if form != rule.form.code or not consent.stands(at or timezone.now()):
            continue
        kind = rule.form.scope_kind
        if kind == "recipient" and about != "recipient:" + whom.code:
            continue
        if kind in {"report", "token"} and about != scope:
            continue
        if consent.deferred and not required:
            continue
        event = consent.event
        if (
            event.version_id is None
            or not _names(event, purpose=purpose)
            or not _names(event, recipient_kind=whom.kind)
        ):
            continue
        by_hand = event.trust in ("subject_signed", "subject_code", "representative_code", "staff_confirmed")
        if rule.written and (not by_hand or event.channel in ("call", "imported", "api")):
            continue
        good.append(event)
    return good


def _on_what_ground(rule, question, whom, purpose, required, person, at) -> tuple[bool, list[ConsentEvent]]:
    if rule.ground == "consent":
        good = _good_consents(rule, whom, purpose, required, person, question.context.scope, at) if person else []
        return bool(good), good
    if rule.ground == "law":
        if not rule.on_demand:
            return True, []
        c = question.context
        complete = c.body and c.article and c.request_number and c.request_date and (c.sanction or not rule.sanction)
        return bool(complete) and c.request_date <= timezone.localdate(at), []
    contracts = _then(Contract, at, subject=person) if person else []
    if rule.ground == "defence":
        return any(c.state == "overdue" for c in contracts), []
    waiting = False
    for application in _then(Application, at, subject=person) if person else []:
        loan = Contract.objects.filter(application=application.id).first()
        made = loan is not None and (at is None or loan.opened_at <= at)
        waiting |= application.state in ("applied", "offer_sent", "offer_agreed") and not made
    return waiting or any(c.state in OWED for c in contracts), []


def _admitted(actor: str) -> bool:
    kind, _colon, pk = actor.partition(":")
    if kind == "officer":
        user = StaffUser.objects.get(pk=pk)
        return user.is_active and user.has_perm("transfers.ask_transfer")
    return kind in ("job", "command")


def answer(question, actor: str) -> tuple[str, dict[str, str]]:
    """(verdict, {check: result}) of the rule that serves best."""
    at = question.at
    rules = [
        rule
        for rule in TransferRule.objects.in_force(at).order_by("pk")
        if (rule.recipient.code, rule.purpose.code, rule.direction)
        == (question.recipient, question.purpose, question.direction)
    ]
    answers = []
    for rule in rules or [None]:
        checks = _checks(question, rule, actor)
        results = set(checks.values())
        verdict = "deny" if "fail" in results else "gap" if "gap" in results else "allow"
        answers.append((verdict != "allow", sum(r != "pass" for r in checks.values()), verdict, checks))
    best = min(answers, key=lambda a: a[:2])
    return best[2], best[3]


def _checks(question, rule, actor: str) -> dict[str, str]:
    at, law = question.at, bool(rule and rule.ground == "law")
    told: dict[str, str] = {}

    def say(check: str, good: bool, bad: str = "fail", *, forgiven: bool = False) -> None:
        told[check] = "pass" if good or forgiven else bad

    person = DataSubject.objects.filter(reference=question.subject).first()
    if person is None:
        say("subject", False)
    else:
        then = _then(DataSubject, at, id=person.pk) or [
            DataSubject.history.filter(id=person.pk).order_by("history_date", "history_id").first()
        ]
        standing = then[-1].standing
        say(
            "subject",
            standing in ("ordinary", "disputed_address"),
            forgiven=law and standing not in ("erased", "blocked"),
        )
    purpose = Purpose.objects.filter(code=question.purpose).first()
    valid = [p for p in Purpose.objects.as_of(at) if p.code == question.purpose]
    said = valid[0] if valid else purpose
    say("purpose", bool(valid) and said.ground != "none" and not said.open_ended)
    versions = list(PolicyVersion.objects.in_force(at))

    def stands_in(links) -> bool:
        return any(
            Clause.objects.filter(version=version, key=link.clause_key).exists()
            for version in versions
            for link in links
            if link.policy_id == version.policy_id
        )

    bad = "fail" if versions else "gap"
    say("declared", bool(purpose) and stands_in(ClauseLink.objects.filter(purpose=purpose)), bad, forgiven=law)
    whom = Recipient.objects.filter(code=question.recipient).first()
    if whom is None:
        say("recipient", False)
    else:
        named = [*RecipientClause.objects.filter(recipient=whom), *RecipientClause.objects.filter(kind=whom.kind)]
        say("recipient", stands_in(named), bad, forgiven=law)
    say("rule", rule is not None, "gap")
    wanted = set(question.categories)
    known = set(DataCategory.objects.filter(code__in=wanted).values_list("code", flat=True))
    if rule is None:
        told["ground"] = told["agreement"] = "gap"
        say("categories", False, "gap" if wanted and wanted == known else "fail")
    else:
        good, consents = _on_what_ground(rule, question, whom, purpose, bool(said and said.required), person, at)
        say("ground", good)
        day = timezone.localdate(at)
        registered = [a for a in Agreement.objects.filter(recipient=whom) if a.in_force_during]
        registered = [a for a in registered if a.in_force_during.lower <= (at or timezone.now())]
        good = [
            a
            for a in Agreement.objects.in_force(at).filter(recipient=whom).order_by("pk")
            if a.valid_from <= day and (a.valid_to is None or a.valid_to >= day) and a.confidentiality
        ]
        authority = whom.kind in {
            "state_body", "court_executor", "bailiff", "notary", "financial_monitoring", "state_credit_bureau",
        }  # fmt: skip
        say("agreement", bool(good), "fail" if registered else "gap", forgiven=law or authority)
        cells = set(
            PurposeCategory.objects.in_force(at).filter(purpose=purpose).values_list("category__code", flat=True)
        )
        covered = known & set(rule.categories) & cells
        if good and not law and not authority:
            covered &= set(max(good, key=lambda a: (len(wanted & set(a.categories)), a.pk)).categories)
        if consents:
            covered &= max(({c for c in wanted if _names(e, category__code=c)} for e in consents), key=len)
        say("categories", bool(wanted) and wanted <= covered)
    if whom is None:
        say("country", False)
    else:
        listed = Country.objects.in_force(at).filter(code=whom.country).first()
        abroad = any(
            form == "C10" and c.stands(at or timezone.now()) and not c.deferred and c.event.version_id
            and _names(c.event, recipient_kind=whom.kind) and _names(c.event, purpose__code=question.purpose)
            and all(_names(c.event, category__code=code) for code in question.categories)
            for (form, _scope), c in (_consents(person, at) if person else {}).items()
        )  # fmt: skip
        home = whom.country == "KZ" or (listed is not None and listed.adequate)
        say("country", home or abroad, "fail" if listed else "gap")
    objected = Objection.objects.in_force(at).filter(subject=person, purpose=purpose).exists()
    say("objection", not objected, forgiven=law)
    say("actor", _admitted(actor))
    return told
