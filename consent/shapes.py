"""What the API of consents takes and gives."""

from typing import Annotated, Literal
from uuid import UUID

from ninja import Path, Query, Schema
from pydantic import AwareDatetime, Field

from consent.enums import Channel, State
from consent.models import Covers
from staff.enums import Language
from staff.shapes import Code, Line, Moment, Strict
from subjects.api import SubjectOut as PersonOut

ApiChannel = Literal[Channel.API.value, Channel.CALL.value, Channel.STATE_SERVICE.value, Channel.EDS.value]
Told = Annotated[str, Field(max_length=80, pattern=r"^([a-z]+:[^\x00-\x1f\x7f]+)?$")]
Wanted = Annotated[Literal[*Language.values] | None, Query(description="kk, ru or en; else as Accept-Language.")]
At = Annotated[Moment | None, Query(description="How it stood at this moment; now by default.")]
FormCode = Annotated[str, Path(description="C1 … C12")]


class FormOut(Schema):
    """`sha256`: of title, an empty line and text, in UTF-8. `required`: for the loan. Answers name `version`."""

    form: str
    version: int
    title: str
    text: str
    language: Literal[*Language.values]
    sha256: str
    required: bool
    scope_kind: str
    withdrawal: str


class FormsOut(Schema):
    forms: list[FormOut]


class ServedOut(FormOut):
    """`served`: the record that exactly this was shown to the person; an answer names it."""

    served: int
    scope: str


class ServeIn(Strict):
    language: Literal[*Language.values] | None = None
    scope: Told = ""


class Evidence(Strict):
    """How you know. All of it is sealed with the person's evidence key."""

    address: Annotated[Line, Field(description="network address of the person")] = ""
    agent: Annotated[Line, Field(description="browser or program of the person")] = ""
    reference: Annotated[Line, Field(description="your own record of it; channel api needs it")] = ""
    recording: Annotated[Line, Field(description="id of the recording; channel call needs it")] = ""
    token: Annotated[Line, Field(description="of the state service; channel state_service needs it")] = ""
    request: Annotated[Line, Field(description="number of the request to the state service")] = ""
    asked_at: Annotated[Moment | None, Field(description="when the state service asked the person")] = None
    answered_at: Annotated[Moment | None, Field(description="when the person answered the state service")] = None
    signature: Annotated[
        str, Field(max_length=40_000, pattern=r"^[A-Za-z0-9+/=_-]*$", description="CMS in base64; eds needs it")
    ] = ""


class AnswerIn(Strict):
    """`valid_until`: the end of the state service's token, for a consent given on that channel."""

    subject: Line
    served: Annotated[int, Field(ge=1, le=2**63 - 1)]
    expected_version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    answer: Literal["given", "refused", "postponed"]
    channel: ApiChannel = Channel.API.value
    valid_until: Moment | None = None
    evidence: Evidence = Evidence()


class WithdrawalIn(Strict):
    """`occurred_at`: when the person said it, if you learned of it later. `reason`: a code, never free text."""

    form: Code
    scope: Told = ""
    channel: ApiChannel = Channel.API.value
    reason: Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9_-]*$")] = ""
    occurred_at: Moment | None = None
    evidence: Evidence = Evidence()


class ConsentOut(Schema):
    """How one consent stands. `covers`: what it is a ground for; `until`: the end of its term."""

    form: str
    scope: str
    state: Literal[*State.values]
    covers: Literal[*Covers.values]
    since: AwareDatetime | None
    until: AwareDatetime | None
    version: int | None
    language: str | None


class RecordedOut(ConsentOut):
    """`event`: the receipt's number. `kind`: what was recorded. `blocking`: open contracts that hold a withdrawal."""

    event: UUID
    kind: str
    at: AwareDatetime
    blocking: list[str]


class ConsentsOut(Schema):
    subject: PersonOut
    at: AwareDatetime
    consents: list[ConsentOut]


class GroundOut(Schema):
    """`reason`: law, notice, depersonalised, consent; or why not: no_consent, not_named, deferred, open_ended,
    blocked, restricted."""

    purpose: str
    allowed: bool
    reason: str
    form: str | None
    scope: str | None


class GroundsOut(Schema):
    subject: PersonOut
    at: AwareDatetime
    grounds: list[GroundOut]
