"""Kept until when, and by which rule: the longest live rule wins (94-V art. 12, 18; law.md 2.4).

Calculation only; destruction comes later, and never by a rule that counsel has not confirmed.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from enum import StrEnum
from typing import NamedTuple

from django.db.models import Max
from django.utils import timezone

from audit import past
from consent import ledger
from consent.durations import add
from consent.enums import GROUNDS, StartsOn, State
from consent.models import FormItem, PurposeCategory, RetentionRule
from subjects.disclosure import told
from subjects.models import Application, CabinetEvent, Contract, DataCategory, DataSubject, PersonalData
from subjects.obligations import ApplicationState, ContractState

# how a person is in touch with us of their own accord
_TOUCH = (CabinetEvent.Kind.SIGNED_IN, CabinetEvent.Kind.LANGUAGE)
_ENDED = (ContractState.PERFORMED, ContractState.ASSIGNED)
_REFUSED = (ApplicationState.REFUSED, ApplicationState.ABANDONED)
_OVER = (State.WITHDRAWN, State.EXPIRED, State.REVOKED, State.INVALIDATED, State.REFUSED)


class Why(StrEnum):
    """RUNNING: the term has begun. WAITING: not yet, an obligation or a consent is alive. NO_RULE: nothing keeps it."""

    RUNNING = "running"
    WAITING = "waiting"
    NO_RULE = "no_rule"


class Kept(NamedTuple):
    """How long one value is kept. until: the last day, in Asia/Almaty; None while the term has not begun.

    rule: that decides, the longest of those that apply; None when none does.
    """

    value: PersonalData
    why: Why
    rule: RetentionRule | None = None
    until: date | None = None

    def is_over(self, day: date) -> bool:
        """Whether the term passed before `day`; nothing is over that has no rule or has not begun."""
        return self.until is not None and self.until < day


class Facts(NamedTuple):
    """What terms run from, of one person, at a moment: a day, `NOT_YET`, or None when there is no such fact.

    withdrawn: by purpose id (None: any) of the rule.
    """

    performed: "Start"
    refused: "Start"
    contact: "Start"
    withdrawn: Callable[[int | None], "Start"]
    since: date


class Said(NamedTuple):
    """How one consent stands, and since when."""

    form_id: int
    state: str
    since: datetime | None


class _NotYet:
    """The fact is coming and has no day: an open contract, a live consent."""


NOT_YET = _NotYet()
Start = date | _NotYet | None


def last_day(start: date, duration: str) -> date:
    """The day a term ends that runs from `start`: counted on the calendar; a year from 29 February ends on the 28th.

    duration: ISO 8601, `P0D` ends on the day itself. Raises ValueError when it is none.
    """
    midnight = timezone.make_aware(datetime.combine(start, time(12)))
    return timezone.localdate(add(midnight, duration))


def _day(moment: datetime) -> date:
    return timezone.localdate(moment)


def _latest(days: Iterable[date]) -> date | None:
    return max(days, default=None)


def _performed(contracts: list[Contract]) -> Start:
    """Since when nothing is owed to us: 94-V art. 8(2). Written off is still owed."""
    if any(contract.is_open for contract in contracts):
        return NOT_YET
    return _latest(_day(c.performed_at or c.state_since) for c in contracts if c.state in _ENDED)


def _refused(applications: list[Application], contracts: list[Contract]) -> Start:
    """Since when no application of the person waits for an answer; one that became a contract is no refusal."""
    made = {contract.application_id for contract in contracts}
    alone = [application for application in applications if application.pk not in made]
    if any(application.state not in _REFUSED for application in alone):
        return NOT_YET
    return _latest(_day(application.state_since) for application in alone)


def _withdrawn(states: list[Said], forms: dict[int, set[int]]) -> Callable[[int | None], Start]:
    def of(purpose: int | None) -> Start:
        wanted = None if purpose is None else forms.get(purpose, set())
        mine = [row for row in states if wanted is None or row.form_id in wanted]
        if any(row.state in GROUNDS for row in mine):
            return NOT_YET
        return _latest(_day(row.since) for row in mine if row.state in _OVER and row.since)

    return of


def _facts(subject: DataSubject, rules: list[RetentionRule], at: datetime | None) -> Facts:
    contracts = past.rows(Contract, at, subject=subject)
    applications = past.rows(Application, at, subject=subject)
    states = [
        Said(standing.last.form_id, standing.state, standing.since)
        for standing in ledger.standings(subject, at).values()
        if standing.last
    ]
    purposes = {rule.purpose_id for rule in rules if rule.starts_on == StartsOn.CONSENT_WITHDRAWN and rule.purpose_id}
    forms: dict[int, set[int]] = {}
    named = FormItem.objects.filter(purpose__in=purposes).values_list("purpose", "version__form").distinct()
    for purpose, form in named:
        forms.setdefault(purpose, set()).add(form)
    seen = CabinetEvent.objects.filter(subject=subject, kind__in=_TOUCH, **({"at__lte": at} if at else {}))
    touches = [
        seen.aggregate(last=Max("at"))["last"],
        *(a.applied_at for a in applications),
        *(s.since for s in states),
    ]
    return Facts(
        performed=_performed(contracts),
        refused=_refused(applications, contracts),
        contact=_latest(_day(moment) for moment in touches if moment),
        withdrawn=_withdrawn(states, forms),
        since=_day(subject.created_at),
    )


def _start(rule: RetentionRule, value: PersonalData, facts: Facts) -> Start:
    match rule.starts_on:
        case StartsOn.COLLECTED:
            # of an import nobody knows the day: then since we have had the person
            return _day(value.collected_at) if value.collected_at else facts.since
        case StartsOn.CONTRACT_PERFORMED:
            return facts.performed
        case StartsOn.CONSENT_WITHDRAWN:
            return facts.withdrawn(rule.purpose_id)
        case StartsOn.APPLICATION_REFUSED:
            return facts.refused
        case StartsOn.LAST_CONTACT:
            return facts.contact or facts.since
    raise ValueError(f"A rule that runs from {rule.starts_on!r} cannot be counted.")


def _applies(rule: RetentionRule, value: PersonalData, cells: set[tuple[int, int]]) -> bool:
    """A rule of a purpose is one of the data that the matrix says the purpose needs."""
    if rule.category_id is not None and rule.category_id != value.category_id:
        return False
    if rule.retention_class and rule.retention_class != value.retention_class:
        return False
    return rule.purpose_id is None or (rule.purpose_id, value.category_id) in cells


def _longest(value: PersonalData, rules: list[RetentionRule], facts: Facts, cells: set[tuple[int, int]]) -> Kept:
    best: Kept | None = None
    for rule in rules:
        start = _start(rule, value, facts) if _applies(rule, value, cells) else None
        if isinstance(start, _NotYet):
            # no day can be longer than one that has not begun; of two such the first by code is named
            return Kept(value, Why.WAITING, rule)
        if start is None:
            continue
        until = last_day(start, rule.duration)
        if best is None or best.until is None or until > best.until:
            best = Kept(value, Why.RUNNING, rule, until)
    return best or Kept(value, Why.NO_RULE)


def kept(subject: DataSubject, *, at: datetime | None = None, withheld: bool = False) -> list[Kept]:
    """How long each value of the person is kept, by the rules in force at `at` (aware, now by default); nine queries.

    withheld: whether values that nobody may be told of are among them; never for the person's own eyes (DESIGN 4).
    Values, contracts, applications and consents are taken as they stood at that moment; one that is yet to come is
    answered by how they stand today.
    """
    rules = list(RetentionRule.objects.in_force(at).select_related("purpose", "category").order_by("code", "pk"))
    then = at if at and at < timezone.now() else None
    facts = _facts(subject, rules, then)
    purposes = [rule.purpose_id for rule in rules if rule.purpose_id]
    cells = set(PurposeCategory.objects.in_force(at).filter(purpose__in=purposes).values_list("purpose", "category"))
    return [_longest(value, rules, facts, cells) for value in _values(subject, then, withheld=withheld)]


def _values(subject: DataSubject, at: datetime | None, *, withheld: bool) -> list[PersonalData]:
    categories = past.by_id(DataCategory, at)
    rows = told(PersonalData, subject, at, withheld=withheld)
    for row in rows:
        row.category = categories[row.category_id]
    return sorted(rows, key=lambda row: (row.category.order, row.pk))
