"""The checks of the gate, one function each: question and facts in, a step out; no database, no clock (issue 4)."""

from collections.abc import Iterable
from typing import Any

from consent.enums import GROUNDS, LIVE, Channel, ScopeKind, State, Trust
from consent.enums import Ground as PurposeGround
from subjects.enums import Standing
from transfers.decisions import Question, Step
from transfers.enums import AUTHORITIES, Check, Result, TransferGround

Facts = dict[str, Any]
Rule = dict[str, Any] | None
# microcredit secrecy: the person's own hand, or two officers who compared the paper (56-V art. 21)
WRITTEN = frozenset({Trust.SUBJECT_SIGNED, Trust.SUBJECT_CODE, Trust.REPRESENTATIVE_CODE, Trust.STAFF_CONFIRMED})
NEVER_WRITTEN = frozenset({Channel.CALL, Channel.IMPORTED, Channel.API})
ABROAD = "C10"
# each is for one report or one request of the state service, so which one is to be said (law of credit bureaus art. 25)
ONE_BY_ONE = frozenset({ScopeKind.REPORT, ScopeKind.TOKEN})
# kinds of actors that the house itself is: a command is run by who holds the database, a job by nobody
OURSELVES = frozenset({"job", "command"})


def passed(check: Check, code: str, evidence: Iterable[str] = (), **params: Any) -> Step:
    return Step(check, Result.PASS, code, params, tuple(evidence))


def failed(check: Check, code: str, evidence: Iterable[str] = (), **params: Any) -> Step:
    return Step(check, Result.FAIL, code, params, tuple(evidence))


def gap(check: Check, code: str, evidence: Iterable[str] = (), **params: Any) -> Step:
    return Step(check, Result.GAP, code, params, tuple(evidence))


def by_law(rule: Rule) -> bool:
    return rule is not None and rule["ground"] == TransferGround.LAW


def tolerated(step: Step) -> Step:
    """A duty by law goes on in spite of it: refusing the demand would be our offence."""
    if step.passed:
        return step
    return Step(step.check, Result.PASS, step.code, step.params, step.evidence, warning=True)


def subject(question: Question, facts: Facts, rule: Rule) -> Step:
    person = facts["subject"]
    if person is None:
        return failed(Check.SUBJECT, "subject.unknown", reference=question.subject)
    evidence = [f"subjects.DataSubject:{person['id']}"]
    standing = person["standing"]
    if standing in (Standing.ORDINARY, Standing.DISPUTED_ADDRESS):
        return passed(Check.SUBJECT, "subject.ok", evidence)
    step = failed(Check.SUBJECT, "subject.standing", evidence, standing=standing)
    # blocking stops everything, a transfer that a law demands too; restriction does not (94-V art. 1, DESIGN 5)
    stops = standing in (Standing.ERASED, Standing.BLOCKED)
    return tolerated(step) if by_law(rule) and not stops else step


def purpose(question: Question, facts: Facts, rule: Rule) -> Step:
    row = facts["purpose"]
    if row is None:
        return failed(Check.PURPOSE, "purpose.unknown", purpose=question.purpose)
    evidence = [f"consent.Purpose:{row['id']}"]
    # what no day mends is told first: it would still stand when the purpose is in force
    if row["ground"] == PurposeGround.NONE or row["open_ended"]:
        return failed(Check.PURPOSE, "purpose.open_ended", evidence, purpose=question.purpose)
    if not row["in_force"]:
        return failed(Check.PURPOSE, "purpose.not_in_force", evidence, purpose=question.purpose)
    return passed(Check.PURPOSE, "purpose.ok", evidence)


def _links(rows: list[dict[str, int]]) -> list[str]:
    return [f"policies.Clause:{row['clause']}" for row in rows]


def declared(question: Question, facts: Facts, rule: Rule) -> Step:
    if not facts["policies"]:
        step = gap(Check.DECLARED, "policy.none")
    elif not facts["declared"]:
        versions = [f"policies.PolicyVersion:{pk}" for pk in facts["policies"]]
        step = failed(Check.DECLARED, "declared.missing", versions, purpose=question.purpose)
    else:
        step = passed(Check.DECLARED, "declared.ok", _links(facts["declared"]))
    return tolerated(step) if by_law(rule) else step


def recipient(question: Question, facts: Facts, rule: Rule) -> Step:
    row = facts["recipient"]
    if row is None:
        return failed(Check.RECIPIENT, "recipient.unknown", recipient=question.recipient)
    evidence = [f"transfers.Recipient:{row['id']}"]
    if not facts["policies"]:
        step = gap(Check.RECIPIENT, "policy.none", evidence)
    elif not facts["recipient_declared"]:
        step = failed(Check.RECIPIENT, "recipient.missing", evidence, recipient=question.recipient, kind=row["kind"])
    else:
        step = passed(Check.RECIPIENT, "recipient.ok", evidence + _links(facts["recipient_declared"]))
    return tolerated(step) if by_law(rule) else step


def rule(question: Question, facts: Facts, rule: Rule) -> Step:
    if rule is None:
        return gap(
            Check.RULE,
            "rule.none",
            recipient=question.recipient,
            purpose=question.purpose,
            direction=question.direction,
        )
    return passed(Check.RULE, "rule.ok", [f"transfers.TransferRule:{rule['id']}"], ground=rule["ground"])


def fits(consent: dict[str, Any], rule: dict[str, Any], question: Question) -> bool:
    """Whether the consent is of the rule's form and about this very recipient, report or token."""
    if consent["form"] != rule["form"]:
        return False
    if rule["scope_kind"] == ScopeKind.RECIPIENT:
        return consent["scope"] == f"recipient:{question.recipient}"
    if rule["scope_kind"] in ONE_BY_ONE:
        return consent["scope"] == question.context.scope
    return True


def lacks(consent: dict[str, Any], rule: dict[str, Any], facts: Facts) -> str:
    """What keeps a consent from being the ground: a code, "" when nothing does."""
    if consent["state"] not in GROUNDS:
        return f"consent.{consent['state']}"
    if consent["state"] == State.WITHDRAWAL_DEFERRED and not (facts["purpose"] or {}).get("required"):
        return "consent.withdrawal_deferred"
    if consent["version"] is None or not consent["language"]:
        return "consent.text_unknown"
    if not consent["purpose"]:
        return "consent.purpose_not_named"
    if not consent["recipient"]:
        return "consent.recipient_not_named"
    if rule["written"] and (consent["trust"] not in WRITTEN or consent["channel"] in NEVER_WRITTEN):
        return "consent.not_written"
    return ""


# of several consents that are no ground the one nearest to being one is told of
_NEARNESS = ("consent.not_written", "consent.recipient_not_named", "consent.purpose_not_named", "consent.text_unknown")


def chosen(question: Question, facts: Facts, rule: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """The consent a rule rests on and what it lacks; of several the one that names most, then the newest."""

    def rank(item: tuple[dict[str, Any], str]) -> tuple[int, int, int]:
        consent, problem = item
        near = -1 if not problem else _NEARNESS.index(problem) if problem in _NEARNESS else len(_NEARNESS)
        return near, -len(consent["categories"]), -(consent["given"] or 0)

    if rule["scope_kind"] in ONE_BY_ONE and not question.context.scope:
        return None, "consent.scope_missing"
    fitting = [(row, lacks(row, rule, facts)) for row in facts["consents"] if fits(row, rule, question)]
    return min(fitting, key=rank) if fitting else (None, "consent.unknown")


def _consent(question: Question, facts: Facts, rule: dict[str, Any]) -> Step:
    consent, problem = chosen(question, facts, rule)
    event = (consent["given"] or consent["last"]) if consent else None
    evidence = [f"consent.ConsentEvent:{event}"] if event else []
    if problem:
        return failed(Check.GROUND, problem, evidence, form=rule["form"])
    return passed(Check.GROUND, "ground.consent", evidence, form=rule["form"])


def _demand(question: Question, facts: Facts, rule: dict[str, Any]) -> Step:
    if not rule["on_demand"]:
        return passed(Check.GROUND, "ground.law", article=rule["article"])
    asked = question.context
    needed = ["body", "article", "request_number", "request_date", *(["sanction"] if rule["sanction"] else [])]
    missing = [name for name in needed if not getattr(asked, name)]
    if missing:
        return failed(Check.GROUND, "demand.incomplete", missing=missing, article=rule["article"])
    if facts["late_demand"]:
        return failed(Check.GROUND, "demand.in_future")
    return passed(Check.GROUND, "ground.law", article=rule["article"])


def ground(question: Question, facts: Facts, rule: Rule) -> Step:
    """Why it may be made: consent, a service the person asked for, defence after a breach, a duty by law (2.3)."""
    if rule is None:
        return gap(Check.GROUND, "rule.decides")
    if rule["ground"] == TransferGround.CONSENT:
        return _consent(question, facts, rule)
    if rule["ground"] == TransferGround.LAW:
        return _demand(question, facts, rule)
    contracts = facts["contracts"]
    if rule["ground"] == TransferGround.DEFENCE:
        overdue = [f"subjects.Contract:{row['id']}" for row in contracts if row["state"] == "overdue"]
        return passed(Check.GROUND, "ground.defence", overdue) if overdue else failed(Check.GROUND, "ground.no_breach")
    asked = [f"subjects.Application:{row['id']}" for row in facts["applications"]]
    owed = asked + [f"subjects.Contract:{row['id']}" for row in contracts]
    return passed(Check.GROUND, "ground.service", owed) if owed else failed(Check.GROUND, "ground.no_service")


def needs_agreement(facts: Facts, rule: dict[str, Any]) -> bool:
    """None is made with an authority, and a duty by law asks for none."""
    kind = (facts["recipient"] or {}).get("kind")
    return kind not in AUTHORITIES and rule["ground"] != TransferGround.LAW


def the_agreement(facts: Facts, wanted: Iterable[str] = ()) -> dict[str, Any] | None:
    """The agreement in force that names most of the wanted categories, the newest of equals; None without one."""
    good = [row for row in facts["agreements"] if row["in_force"] and row["valid"] and row["confidential"]]
    wanted = set(wanted)
    return max(good, key=lambda row: (len(wanted & set(row["categories"])), row["id"]), default=None)


def limits(question: Question, facts: Facts, rule: dict[str, Any]) -> dict[str, set[str]]:
    """{what limits: the categories it lets through}."""
    found = {"known": set(facts["known"]), "rule": set(rule["categories"]), "matrix": set(facts["matrix"])}
    agreement = the_agreement(facts, question.categories)
    if agreement and needs_agreement(facts, rule):
        found["agreement"] = set(agreement["categories"])
    if rule["ground"] == TransferGround.CONSENT:
        consent, problem = chosen(question, facts, rule)
        if consent and not problem:
            found["consent"] = set(consent["categories"])
    return found


def categories(question: Question, facts: Facts, rule: Rule) -> Step:
    if not question.categories:
        return failed(Check.CATEGORIES, "categories.none")
    unknown = sorted(set(question.categories) - set(facts["known"]))
    if unknown:
        return failed(Check.CATEGORIES, "categories.unknown", excess=unknown)
    if rule is None:
        return gap(Check.CATEGORIES, "rule.decides")
    wanted = set(question.categories)
    for limit, allowed in limits(question, facts, rule).items():
        if excess := sorted(wanted - allowed):
            return failed(Check.CATEGORIES, f"categories.{limit}", excess=excess)
    return passed(Check.CATEGORIES, "categories.ok")


def agreement(question: Question, facts: Facts, rule: Rule) -> Step:
    """A contract with the recipient, in force, with confidentiality (policy 4.2)."""
    if rule is None:
        return gap(Check.AGREEMENT, "rule.decides")
    found = the_agreement(facts, question.categories)
    if found:
        return passed(Check.AGREEMENT, "agreement.ok", [f"transfers.Agreement:{found['id']}"])
    evidence = [f"transfers.Agreement:{row['id']}" for row in facts["agreements"]]
    if not facts["agreements"]:
        step = gap(Check.AGREEMENT, "agreement.none", recipient=question.recipient)
    elif any(row["in_force"] and row["valid"] for row in facts["agreements"]):
        step = failed(Check.AGREEMENT, "agreement.not_confidential", evidence)
    else:
        step = failed(Check.AGREEMENT, "agreement.ended", evidence)
    if needs_agreement(facts, rule):
        return step
    return tolerated(step) if by_law(rule) else passed(Check.AGREEMENT, "agreement.not_needed")


def abroad(question: Question, facts: Facts) -> dict[str, Any] | None:
    """The live consent to a transfer abroad whose text names purpose, recipient and all of the data (94-V art. 16)."""
    for row in facts["consents"]:
        named = row["purpose"] and row["recipient"] and set(question.categories) <= set(row["categories"])
        if row["form"] == ABROAD and row["state"] in LIVE and named:
            return row
    return None


def country(question: Question, facts: Facts, rule: Rule) -> Step:
    row = facts["recipient"]
    if row is None:
        return failed(Check.COUNTRY, "recipient.unknown", recipient=question.recipient)
    if row["country"] == "KZ":
        return passed(Check.COUNTRY, "country.home")
    listed = facts["country"]
    evidence = [f"transfers.Country:{listed['id']}"] if listed else []
    if listed and listed["adequate"]:
        return passed(Check.COUNTRY, "country.adequate", evidence, country=row["country"])
    if consent := abroad(question, facts):
        return passed(
            Check.COUNTRY, "country.consent", [*evidence, f"consent.ConsentEvent:{consent['given']}"], form=ABROAD
        )
    if listed:
        return failed(Check.COUNTRY, "country.inadequate", evidence, country=row["country"])
    return gap(Check.COUNTRY, "country.unlisted", country=row["country"])


def objection(question: Question, facts: Facts, rule: Rule) -> Step:
    if facts["objection"] is None:
        return passed(Check.OBJECTION, "objection.none")
    step = failed(Check.OBJECTION, "objection.stands", [f"consent.Objection:{facts['objection']}"])
    return tolerated(step) if by_law(rule) else step


def actor(question: Question, facts: Facts, rule: Rule) -> Step:
    """Who asks is admitted: an officer on duty with the right and the promise, a system with the scope, or we."""
    who = facts["actor"] or {}
    kind = who.get("kind", "")
    if kind in OURSELVES:
        return passed(Check.ACTOR, "actor.ok")
    if kind not in ("officer", "api"):
        return failed(Check.ACTOR, "actor.nobody")
    evidence = [f"staff.{'StaffUser' if kind == 'officer' else 'ApiClient'}:{who['id']}"]
    if not who["active"]:
        return failed(Check.ACTOR, "actor.inactive", evidence)
    if not who["permitted"]:
        return failed(Check.ACTOR, "actor.no_right", evidence)
    if not who.get("undertaking", True):
        return failed(Check.ACTOR, "actor.no_undertaking", evidence)
    return passed(Check.ACTOR, "actor.ok", evidence)


# in the order in which they are told of
CHECKS = (
    subject,
    purpose,
    declared,
    recipient,
    rule,
    ground,
    categories,
    agreement,
    country,
    objection,
    actor,
)
