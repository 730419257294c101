"""The API of devices: the site asks about cookies before anybody has signed in, and obeys the answer.

What the site calls the device travels in bodies and never in an address, for addresses are logged.
"""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Router, Schema
from pydantic import AwareDatetime, Field

from consent import devices, ledger
from consent.api import ANSWERS, consent_out, in_force, language_of, recorded, served_out, shown_again
from consent.enums import Channel, Trust
from consent.ledger import Changed, Proof
from consent.models import ConsentForm, FormServed
from consent.shapes import ConsentOut, RecordedOut, ServedOut
from staff.api import REPEATABLE, ApiKey, repeatable
from staff.enums import Language, Scope
from staff.problems import FieldProblem, Problem, refusals
from staff.shapes import Strict

router = Router(tags=["Devices"])

DeviceId = Annotated[
    str,
    Field(min_length=16, max_length=200, pattern=r"^[!-~]+$", description="your own number of the device, random"),
]
BY_SITE = Proof(Channel.API, Trust.SYSTEM_ENTERED)


class DeviceServeIn(Strict):
    device: DeviceId
    language: Literal[*Language.values] | None = None


class DeviceAnswerIn(Strict):
    device: DeviceId
    served: Annotated[int, Field(ge=1, le=2**63 - 1)]
    expected_version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    answer: Literal["given", "refused", "postponed"]


class DeviceIn(Strict):
    device: DeviceId


class DeviceOut(Schema):
    """`consents`: empty when the device was never asked."""

    at: AwareDatetime
    consents: list[ConsentOut]


@router.post(
    "/devices/served",
    auth=ApiKey(Scope.CONSENT_WRITE),
    response={201: ServedOut, **refusals(404)},
    summary="Show the form of cookies to a device",
    openapi_extra=REPEATABLE,
)
@repeatable
def serve_device(request: HttpRequest, payload: DeviceServeIn) -> HttpResponse:
    """Records that exactly this text is shown, and gives it with the number that the answer must name."""
    version = in_force(devices.DEVICE_FORM)
    device = devices.digest(payload.device)
    shown = ledger.serve(subject=None, version=version, language=language_of(payload.language), device=device)
    told = served_out(shown, version)
    return HttpResponse(told.model_dump_json(), status=201, content_type="application/json")


@router.post(
    "/devices/consents",
    auth=ApiKey(Scope.CONSENT_WRITE),
    response={201: RecordedOut, **refusals(404, 409)},
    summary="Record what was answered on a device",
    openapi_extra=REPEATABLE,
)
@repeatable
def record_device(request: HttpRequest, payload: DeviceAnswerIn) -> HttpResponse:
    """Until it is given, no cookie of targeting is set. 409 with the new form when the text changed meanwhile."""
    device = devices.digest(payload.device)
    shown = FormServed.objects.select_related("version__form", "subject", "policy_version")
    served = shown.filter(pk=payload.served, subject=None, device_digest=device).first()
    if served is None:
        sentence = _("This form was not shown to this device.")
        raise Problem("invalid", errors=[FieldProblem("served", "unknown", sentence)])
    try:
        act = ANSWERS[payload.answer]
        event = act(served=served, expected_version=payload.expected_version, proof=BY_SITE)
    except Changed as changed:
        return shown_again(request, served, changed)
    return recorded(event, devices.standings(device)[event.form.code], 201)


@router.post(
    "/devices/withdrawals",
    auth=ApiKey(Scope.CONSENT_WRITE),
    response={201: RecordedOut, **refusals(404)},
    summary="Record a withdrawal made on a device",
    openapi_extra=REPEATABLE,
)
@repeatable
def withdraw_device(request: HttpRequest, payload: DeviceIn) -> HttpResponse:
    """At once, always; the site stops in the same moment."""
    of = ConsentForm.objects.filter(code=devices.DEVICE_FORM).first()
    if of is None:
        raise Problem("form_not_found")
    device = devices.digest(payload.device)
    event = ledger.withdraw(subject=None, device=device, form=of, proof=BY_SITE)
    return recorded(event, devices.standings(device)[of.code], 201)


@router.post(
    "/devices/lookup",
    auth=ApiKey(Scope.CONSENT_READ),
    response={200: DeviceOut, **refusals()},
    summary="Read how a device's consent stands",
)
def lookup_device(request: HttpRequest, payload: DeviceIn) -> dict[str, object]:
    """A POST that writes nothing: the device's number stands in no address."""
    found = devices.standings(devices.digest(payload.device))
    rows = [consent_out(code, "", standing) for code, standing in sorted(found.items())]
    return {"at": timezone.now(), "consents": rows}
