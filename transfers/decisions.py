"""What the gate is asked and what it answers: plain values, the same today and in ten years (issue 4)."""

import hashlib
import json
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from subjects.enums import Disclosure
from transfers.enums import Check, Direction, Result, Verdict


@dataclass(frozen=True, slots=True)
class Context:
    """What else is known of a transfer; codes, numbers and dates of a demand, never free text about a person.

    scope: which consent is meant where a person may have several (`report:…`, `token:…`). The rest is of a demand by
    law: who asks, on which article, by which letter of which day, and the sanction where one is due. withheld: the
    person may not know of it, whatever the rule says.
    """

    scope: str = ""
    body: str = ""
    article: str = ""
    request_number: str = ""
    request_date: date | None = None
    sanction: str = ""
    withheld: bool = False


_OF_A_CONTEXT = tuple(field.name for field in fields(Context))


@dataclass(frozen=True, slots=True)
class Question:
    """May these categories of this person go to (or come from) this recipient for this purpose at this moment?

    subject: reference (`S-000481`); recipient, purpose, categories: codes; at: aware datetime, None for now.
    """

    subject: str
    recipient: str
    purpose: str
    categories: tuple[str, ...]
    direction: str = Direction.OUTGOING
    at: datetime | None = None
    context: Context = field(default_factory=Context)

    def __post_init__(self) -> None:
        object.__setattr__(self, "categories", tuple(sorted(set(self.categories))))
        object.__setattr__(self, "direction", str(self.direction))

    def as_json(self) -> dict[str, Any]:
        """As it is kept in `Transfer.inputs`."""
        context = {name: value for name in _OF_A_CONTEXT if (value := getattr(self.context, name))}
        if "request_date" in context:
            context["request_date"] = context["request_date"].isoformat()
        return {
            "subject": self.subject,
            "recipient": self.recipient,
            "purpose": self.purpose,
            "categories": list(self.categories),
            "direction": self.direction,
            "at": self.at.isoformat() if self.at else None,
            "context": context,
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Question":
        """The question that `as_json` kept."""
        context = dict(kept["context"])
        if "request_date" in context:
            context["request_date"] = date.fromisoformat(context["request_date"])
        at = datetime.fromisoformat(kept["at"]) if kept["at"] else None
        return cls(**{**kept, "categories": tuple(kept["categories"]), "at": at, "context": Context(**context)})


@dataclass(frozen=True, slots=True)
class Step:
    """One check and how it went. code, params: of a sentence in `sentences`; evidence: `app.Model:pk`.

    warning: it did not pass, and the law has the transfer go on all the same.
    """

    check: str
    result: str
    code: str
    params: dict[str, Any] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    warning: bool = False

    @property
    def passed(self) -> bool:
        return self.result == Result.PASS


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that, done, brings an answer nearer to yes. change: a code of `sentences` (`mend.<change>`)."""

    change: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """The smallest set of changes that would allow it; `possible=False` when nothing that we may change would."""

    possible: bool
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The gate's answer, every check in its order, and what it rests on.

    inputs: {"question", "facts"}, with which `judge` answers the same again.
    """

    decision: str
    steps: tuple[Step, ...]
    counterfactual: Counterfactual | None = None
    ground: str = ""
    rule_id: int | None = None
    consent_id: int | None = None
    consent_state_id: int | None = None
    # of the consent to the transfer abroad, where that is what opened the country
    abroad_state_id: int | None = None
    agreement_id: int | None = None
    policy_version_id: int | None = None
    disclosure: str = Disclosure.SUBJECT
    inputs: dict[str, Any] = field(default_factory=dict)
    inputs_sha256: str = ""

    @property
    def allowed(self) -> bool:
        return self.decision == Verdict.ALLOW

    @property
    def failed(self) -> list[str]:
        """The codes of the checks that did not pass."""
        return [str(step.check) for step in self.steps if not step.passed]

    def step(self, check: Check) -> Step:
        return next(step for step in self.steps if step.check == check)


_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def sha256(value: object) -> str:
    """Of a value of strings, whole numbers, truths and lists, written as RFC 8785 has it (keys are ASCII)."""
    return hashlib.sha256(_CANONICAL.encode(value).encode()).hexdigest()
