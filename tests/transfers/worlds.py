"""Worlds that hypothesis makes up: people, rules, agreements, consents and a moment between two lots of them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

from django.utils import timezone
from hypothesis import strategies as st

from audit.actor import acting_as
from consent.enums import ScopeKind
from consent.models import ConsentFormVersion, Objection, Purpose, PurposeCategory
from subjects import registers
from subjects.models import Application, Contract, DataCategory
from tests.consent import factories as consent
from tests.staff.factories import StaffUserFactory, permit
from tests.subjects.factories import DataSubjectFactory
from tests.transfers.factories import (
    LOADED,
    agree,
    declare,
    form_version,
    happened,
    listed,
    opened,
    published,
    recipient,
)
from transfers.decisions import Context, Question
from transfers.enums import bureau_form, lawful_grounds, secret
from transfers.models import TransferRule

FORMS = ("C3", "C4", "C8", "C10")
KINDS = ("credit_bureau", "collector", "hosting", "bailiff")
SUBSETS = [["full_name", "iin", "mobile_phone"]] * 4 + [["full_name", "iin"], ["full_name"], []]
phase = st.sampled_from([1, 1, 1, 2])


def mostly(usual: Any, *others: Any) -> st.SearchStrategy:
    """The usual, and now and then something else, so that worlds say yes often enough to be wrong about it."""
    return st.sampled_from([usual] * (4 * len(others) + 4) + list(others))


rules = st.fixed_dictionaries(
    {
        "ground": st.sampled_from(["consent"] * 4 + ["service", "defence", "law", "law"]),
        "form": st.integers(0, 2),
        "written": st.booleans(),
        "on_demand": st.booleans(),
        "sanction": st.booleans(),
        "categories": st.sampled_from(SUBSETS),
        "phase": phase,
    }
)
agreements = st.fixed_dictionaries(
    {
        "dates": mostly("valid", "ended", "later"),
        "confidential": mostly(True, False),
        "categories": st.sampled_from(SUBSETS),
        "closed": mostly(False, True),
        "phase": phase,
    }
)
events = st.fixed_dictionaries(
    {
        "form": st.sampled_from([0, 0, 1, 1, 2, 2, 3]),
        "right": mostly(True, False),
        "text": mostly(0, 1, 2, 3),
        "language": st.sampled_from(["ru", "ru", "kk"]),
        "kind": mostly("given", "renewed", "withdrawn", "withdrawal_deferred", "refused", "requested", "expired"),
        "how": mostly(
            ("web", "subject_code"), ("imported", "imported"), ("call", "subject_code"), ("api", "system_entered")
        ),
        "until": mostly(None, -1, 1),
        "text_known": mostly(True, False),
        "phase": phase,
    }
)
specs = st.fixed_dictionaries(
    {
        "standing": mostly("ordinary", "restricted", "blocked", "erased", "deceased", "minor"),
        "later": mostly("", "blocked", "ordinary"),
        "ground": mostly("consent", "law", "none", "open-ended"),
        "required": st.booleans(),
        "valid": mostly("valid", "ended", "later"),
        "declared": mostly(True, False),
        "whom": mostly("kind", "recipient", "other", ""),
        "kind": st.sampled_from(KINDS),
        "country": mostly("KZ", "DE", "US"),
        "adequate": st.sampled_from([True, False, None]),
        "rules": st.sampled_from([1, 1, 1, 2, 0]).flatmap(lambda n: st.lists(rules, min_size=n, max_size=n)),
        "agreements": st.sampled_from([1, 1, 1, 2, 0]).flatmap(lambda n: st.lists(agreements, min_size=n, max_size=n)),
        "events": st.lists(events, min_size=1, max_size=5),
        "matrix": st.sampled_from(SUBSETS),
        "matrix_phase": phase,
        "objection": mostly(0, 1, 2),
        "contract": st.sampled_from(["", "opened", "overdue", "assigned", "written_off"]),
        "contract_later": st.sampled_from(["", "overdue", "opened"]),
        "application": st.sampled_from(["", "applied", "refused"]),
        "asked": st.sampled_from(
            [["full_name"]] * 3 + [["full_name", "iin"]] * 2 + [["mobile_phone"], ["no-such"], []]
        ),
        "direction": mostly("outgoing", "incoming"),
        "scope": mostly("report:1", "", "report:2"),
        "demand": mostly("full", "no sanction", "no number", "future", ""),
        "actor": mostly("job:test", "officer", "officer without right", "closed officer", "subject"),
        "unknown": mostly("", "subject", "recipient", "purpose"),
    }
)


@dataclass
class Base:
    """What all worlds of a run share: the policy, forms and their texts, officers."""

    before: datetime
    texts: list[list[ConsentFormVersion]]
    officers: dict[str, str]
    version: Any
    closers: tuple[Any, Any]

    @classmethod
    def make(cls) -> "Base":
        before = timezone.now()
        if not DataCategory.objects.exists():
            registers.load()
        version, texts, codes = published(), [], _purposes()
        kinds = (ScopeKind.RECIPIENT, ScopeKind.REPORT, ScopeKind.WHOLE, ScopeKind.WHOLE)
        everybody = dict.fromkeys(KINDS, "kk ru")
        for code, scope_kind in zip(FORMS, kinds, strict=True):
            of = consent.form(code, scope_kind=scope_kind)
            named = dict.fromkeys(codes, "kk ru")
            texts.append(
                [
                    form_version(of, purposes=named, recipients=everybody),
                    form_version(of, purposes=dict.fromkeys(codes, "ru"), recipients=everybody),
                    form_version(of, purposes=named, recipients={"credit_bureau": "kk", "bailiff": "ru"}),
                    form_version(of, purposes=named, recipients=everybody, categories=("full_name",)),
                ]
            )
        right = permit(StaffUserFactory(), "transfers.ask_transfer")
        closed = permit(StaffUserFactory(is_active=False), "transfers.ask_transfer")
        officers = {
            "officer": f"officer:{right.pk}",
            "officer without right": f"officer:{StaffUserFactory().pk}",
            "closed officer": f"officer:{closed.pk}",
            "job:test": "job:test",
            "subject": "subject:00000000-0000-4000-8000-000000000000",
        }
        return cls(before, texts, officers, version, (StaffUserFactory(), StaffUserFactory()))


def _dates(word: str) -> dict[str, date | None]:
    today = timezone.localdate()
    return {
        "valid": {"valid_from": today - timedelta(400), "valid_to": None},
        "ended": {"valid_from": today - timedelta(400), "valid_to": today - timedelta(1)},
        "later": {"valid_from": today + timedelta(1), "valid_to": None},
    }[word]


def _code(spec: dict[str, Any]) -> str:
    return f"{spec['ground']}-{spec['required']}-{spec['valid']}".lower()


def _purposes() -> list[str]:
    """Every purpose a world may ask for; how it is said of one is changed by two people only, so there are many."""
    codes = []
    for ground, required, valid in product(
        ("consent", "law", "none", "open-ended"), (True, False), ("valid", "ended", "later")
    ):
        code, none = _code({"ground": ground, "required": required, "valid": valid}), ground in ("none", "open-ended")
        with acting_as(LOADED):
            Purpose.objects.create(
                code=code,
                title_ru=code,
                title_kk=code,
                ground="none" if none else ground,
                required=required and not none,
                open_ended=ground == "open-ended",
                **_dates(valid),
            )
        codes.append(code)
    return codes


def build(base: Base, spec: dict[str, Any]) -> tuple[list[Question], str]:
    """The world in two phases; the questions: now, between the phases, before all. And who asks."""
    person, purpose = DataSubjectFactory(email=None, standing=spec["standing"]), Purpose.objects.get(code=_code(spec))
    whom = recipient("whom", spec["kind"], spec["country"])
    if spec["declared"]:
        declare(base.version, purpose)
    if spec["whom"]:
        other = next(kind for kind in KINDS if kind != spec["kind"])
        link = {"kind": {"kind": spec["kind"]}, "recipient": {"recipient": whom}, "other": {"kind": other}}
        declare(base.version, **link[spec["whom"]])
    application = Application.objects.create(subject=person, number="A", state=spec["application"]) if spec["application"] else None  # fmt: skip
    if spec["contract"]:
        since = timezone.now() if spec["contract"] == "overdue" else None
        loan = Contract.objects.create(
            subject=person, number="K", state=spec["contract"], overdue_since=since,
            application=application if spec["required"] else None,
        )  # fmt: skip
    _phase(1, base, spec, person, purpose, whom)
    between = timezone.now()
    _phase(2, base, spec, person, purpose, whom)
    if spec["later"]:
        person.standing = spec["later"]
        person.save()
    if spec["contract"] and spec["contract_later"]:
        loan.state, loan.overdue_since = spec["contract_later"], timezone.now()
        loan.save()
    day = timezone.localdate() + timedelta(1 if spec["demand"] == "future" else -30)
    demand = {"body": "b", "article": "1", "request_number": "7", "request_date": day, "sanction": "9"}
    drop = {"no sanction": ["sanction"], "no number": ["request_number"], "": list(demand)}.get(spec["demand"], [])
    context = Context(scope=spec["scope"], **{k: v for k, v in demand.items() if k not in drop})
    parties = {"subject": person.reference, "recipient": whom.code, "purpose": purpose.code}
    if spec["unknown"]:
        parties[spec["unknown"]] = "S-999999" if spec["unknown"] == "subject" else "no-such"
    asked = {**parties, "categories": tuple(spec["asked"]), "direction": spec["direction"], "context": context}
    moments = (None, between, base.before)
    return [Question(at=at, **asked) for at in moments], base.officers[spec["actor"]]


def _close(base: Base, row: Any) -> None:
    """Two officers close what is in force."""
    first, second = base.closers
    with acting_as(f"officer:{first.pk}"):
        row.closing_proposed_by, row.closing_proposed_at = first, timezone.now()
        row.save()
    with acting_as(f"officer:{second.pk}"):
        row.closing_approved_by, row.closing_approved_at = second, timezone.now()
        row.in_force_during = (row.in_force_during[0], timezone.now())
        row.save()


def lawful(rule: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    """The rule on a ground that the database lets stand for this kind of recipient and this purpose."""
    allowed = lawful_grounds(spec["kind"], "outgoing")
    if spec["ground"] == "consent" and not spec["required"]:
        allowed = {"consent"}
    ground = rule["ground"] if rule["ground"] in allowed else str(min(allowed))
    form = FORMS.index(bureau_form(spec["kind"], "outgoing") or FORMS[rule["form"]])
    return {**rule, "ground": ground, "form": form, "written": rule["written"] or secret(spec["kind"], "outgoing")}


def _phase(n: int, base: Base, spec: dict[str, Any], person: Any, purpose: Purpose, whom: Any) -> None:
    rules = [lawful(rule, spec) for rule in spec["rules"]]
    seen = {(r["ground"], r["form"] if r["ground"] == "consent" else -1): r for r in reversed(rules)}
    for (ground, form), rule in seen.items():
        if rule["phase"] != n:
            continue
        by_consent, law = ground == "consent", ground == "law"
        opened(
            TransferRule, recipient=whom, purpose=purpose, ground=ground, categories=rule["categories"],
            form=base.texts[form][0].form if by_consent else None, written=by_consent and rule["written"],
            article="art. 1" if law else "", on_demand=law and rule["on_demand"],
            sanction=law and rule["on_demand"] and rule["sanction"],
        )  # fmt: skip
    for number, row in enumerate(spec["agreements"]):
        if row["phase"] == n:
            text = "5.1" if row["confidential"] else ""
            made = agree(
                whom, number=str(number), confidentiality=text, categories=row["categories"], **_dates(row["dates"])
            )
            if row["closed"]:
                _close(base, made)
    if spec["matrix_phase"] == n:
        for category in DataCategory.objects.filter(code__in=spec["matrix"]):
            opened(PurposeCategory, purpose=purpose, category=category)
    if n == 1 and spec["adequate"] is not None and spec["country"] != "KZ":
        listed(spec["country"], adequate=spec["adequate"])
    if spec["objection"] == n:
        Objection.objects.create(subject=person, purpose=purpose, in_force_during=(timezone.now(), None))
    scopes = (("recipient:whom", "recipient:x"), ("report:1", "report:2"), ("", ""), ("", ""))
    for event in spec["events"]:
        if event["phase"] != n:
            continue
        said = event["kind"] in ("given", "renewed")
        channel, trust = event["how"] if said else ("system", "rule")
        known = event["text_known"] or channel != "imported"
        until = timezone.now() + timedelta(days=event["until"]) if said and event["until"] else None
        happened(
            person, base.texts[event["form"]][event["text"]], event["kind"],
            scope=scopes[event["form"]][0 if event["right"] else 1], language=event["language"],
            channel=channel, trust=trust, valid_until=until, text_known=known,
        )  # fmt: skip
