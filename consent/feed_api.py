"""The API of the change feed: reading it, and saying how far it was obeyed."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from consent import feed
from consent.changes import ChangeOut, change_out
from consent.models import Subscriber
from staff.api import ApiKey
from staff.enums import Scope
from staff.problems import Problem, refusals
from staff.shapes import Strict

router = Router(tags=["Change feed"])
Position = Annotated[int, Field(ge=0, le=2**63 - 1)]


class ChangesOut(Schema):
    """`next`: what to ask `after` the next time. `more`: whether to ask at once."""

    changes: list[ChangeOut]
    next: int
    more: bool


class AcknowledgeIn(Strict):
    up_to: Position


class AcknowledgedOut(Schema):
    """`behind`: how many changes are still to be obeyed."""

    acknowledged: int
    behind: int


@router.api_operation(
    ["GET", "HEAD"],
    "/changes",
    auth=ApiKey(Scope.CHANGES_READ),
    response={200: ChangesOut, **refusals()},
    summary="Read changes in order",
)
def changes(
    request: HttpRequest,
    after: Position = 0,
    limit: Annotated[int, Field(ge=1, le=500)] = 100,
) -> dict[str, object]:
    """Consents given, refused, withdrawn, expired; persons restricted or blocked. Nothing is ever added before what
    was read."""
    found = feed.after(after, limit=limit)
    position = found[-1].position if found else after
    return {"changes": change_out(found), "next": position, "more": len(found) == limit}


@router.post(
    "/changes/acknowledge",
    auth=ApiKey(Scope.CHANGES_READ),
    response={200: AcknowledgedOut, **refusals(409)},
    summary="Say how far the changes were obeyed",
)
def acknowledge(request: HttpRequest, payload: AcknowledgeIn) -> dict[str, object]:
    """From then on nobody is told that this system is behind. A smaller number than before changes nothing."""
    try:
        subscriber = feed.acknowledge(client=request.api_client, up_to=payload.up_to)
    except Subscriber.DoesNotExist:
        raise Problem("not_a_subscriber") from None
    return {"acknowledged": subscriber.acknowledged, "behind": feed.behind(subscriber).count}
