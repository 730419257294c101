"""What the API of transfers is asked and answers; the gate's own answer keeps the gate's own form."""

import re
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime, Field

from staff.api import LONGEST_KEY
from staff.shapes import Code, Line, Moment, Strict
from transfers.enums import Check, Direction, Result, Verdict

MOST = 1000
SHA256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", min_length=64, max_length=64)]
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,80}")


class ContextIn(Strict):
    """Which consent is meant, where a person may have several, and what a demand by law says of itself."""

    scope: Annotated[str, Field(max_length=80, pattern=r"^((report|token):[A-Za-z0-9_.-]+)?$")] = ""
    body: Line = ""
    article: Line = ""
    request_number: Line = ""
    request_date: date | None = None
    sanction: Line = ""


class QuestionIn(Strict):
    """May these categories of this person go to, or come from, this recipient for this purpose?"""

    subject: Line
    recipient: Code
    purpose: Code
    categories: list[Code] = Field(min_length=1, max_length=60)
    direction: Literal[*Direction.values] = Direction.OUTGOING.value
    context: ContextIn = ContextIn()


class AskedIn(QuestionIn):
    """`at`: a past moment; without it, now."""

    at: Moment | None = None


class AskedManyIn(Strict):
    questions: list[QuestionIn] = Field(min_length=1, max_length=MOST)


class ItemIn(QuestionIn):
    """`key`: your own of this transfer; asked again with it, the same answer and no second token."""

    key: Annotated[str, Field(max_length=LONGEST_KEY, pattern=r"^[!-~]*$")] = ""


class ItemsIn(Strict):
    transfers: list[ItemIn] = Field(min_length=1, max_length=MOST)


class Sentences(Schema):
    kk: str
    ru: str
    en: str


class StepOut(Schema):
    """`warning`: it is not in order, and a duty by law goes on in spite of it."""

    check: Literal[*Check.values]
    result: Literal[*Result.values]
    message: Sentences
    evidence: list[str]
    warning: bool = False


class MendOut(Schema):
    change: str
    params: dict[str, Any]
    message: Sentences


class CounterfactualOut(Schema):
    """The smallest changes that would allow it; `possible` is false when nothing we may change would."""

    possible: bool
    changes: list[MendOut]


class GateAnswerOut(Schema):
    decision: Literal[*Verdict.values]
    trace: list[StepOut]
    counterfactual: CounterfactualOut | None
    inputs_sha256: str


class TransferOut(GateAnswerOut):
    """`token` lets the data go once, until `token_expires_at`; null when refused and when asked again by one key.

    `shadow`: refused or not set up, and let through because shadow mode is on.
    """

    id: UUID
    at: AwareDatetime
    shadow: bool
    token: str | None
    token_expires_at: AwareDatetime | None


class Fault(Schema):
    field: str
    code: str
    detail: str


class BriefOut(Schema):
    """One of many answers, in the order of the questions: the checks that failed, without their sentences."""

    decision: Literal[*Verdict.values] | None
    failed: list[str]
    counterfactual: CounterfactualOut | None
    inputs_sha256: str | None
    error: Fault | None


class BriefTransferOut(BriefOut):
    id: UUID | None
    shadow: bool
    token: str | None
    token_expires_at: AwareDatetime | None


class GateAnswersOut(Schema):
    decisions: list[BriefOut]


class TransfersOut(Schema):
    transfers: list[BriefTransferOut]


Token = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9_-]+$")]


class ReleaseIn(Strict):
    """`payload_sha256` of exactly what was sent; `reference`: what the recipient calls it, never a person's number."""

    token: Token
    payload_sha256: SHA256
    size: Annotated[int, Field(ge=0, le=2**62)] | None = None
    reference: Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class ReceiveIn(ReleaseIn):
    """`values`: what came, by category, each value by its parts as docs/api.md has them.

    `token`: null of a transfer that the gate did not allow."""

    token: Token | None  # type: ignore[assignment]
    values: dict[Code, Annotated[list[dict[Code, Line]], Field(min_length=1, max_length=200)]] = Field(
        min_length=1, max_length=60
    )


class ReceivedOut(Schema):
    """Categories: `taken` in with this transfer as their source; the `same` as ours; that `differ` from what the person
    told us, which an officer decides; `quarantined`, since the transfer was not authorised for them.
    `released_at`: null of a transfer that the gate did not allow, all of which is `quarantined`."""

    id: UUID
    released_at: AwareDatetime | None
    taken: list[str]
    same: list[str]
    differ: list[str]
    quarantined: list[str]


class ReleasedOut(Schema):
    id: UUID
    released_at: AwareDatetime
