"""The steps of a request that have a page of their own: who may take them, what they ask for, what they do."""

from collections.abc import Callable
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import deadlines, request_files
from subjects import request_forms as forms
from subjects import request_rules as rules
from subjects import request_services as services
from subjects.models import SubjectRequest


class Step(NamedTuple):
    """A step with a page of its own: what it says, whether it is open, what it asks for, what it does."""

    name: str
    label: Promise
    check: Callable[..., None]
    form: type[forms.StepForm]
    act: Callable[..., object]
    help: Promise | str = ""
    primary: bool = False


def _check_pause(row: SubjectRequest, *, by: StaffUser) -> None:
    rules.check_may_pause(row, by=by)
    if not reasons_to_pause(row):
        raise NotAllowed(gettext("The law does not let this term be paused."), code="reason")


def reasons_to_pause(row: SubjectRequest) -> list[str]:
    """For what its clocks may pause, by their rules."""
    running = deadlines.of(row.about).running().select_related("rule")
    return sorted({reason for one in running for reason in one.rule.may_pause_for})


def _check_refuse(row: SubjectRequest, *, by: StaffUser) -> None:
    rules.check_may_decide(row, by=by, refusal="IdentityVerificationFailure")


STEPS = (
    Step(
        "take-up", _("Take it up"), rules.check_may_take_up, forms.StepForm,
        lambda row, by, given: services.take_up(request=row, by=by),
        _("You become the assignee when there is none."), primary=True,
    ),
    Step(
        "identify", _("Establish who asks"), rules.check_may_identify, forms.IdentifyForm,
        lambda row, by, given: services.identify(request=row, by=by, **given),
        _("Nothing is told to anybody before."), primary=True,
    ),
    Step(
        "grant", _("Grant"), rules.check_may_decide, forms.GrantForm,
        lambda row, by, given: services.decide(request=row, by=by, **given),
        _(
            "What is asked is carried out at once, and the systems that hold the data get work."
            " A destruction waits for a second person."
        ),
        primary=True,
    ),
    Step(
        "refuse", _("Propose a refusal"), _check_refuse, forms.RefuseForm,
        lambda row, by, given: services.decide(request=row, by=by, **given),
        _("It takes effect when a second person approves it."),
    ),
    Step(
        "decide-apart", _("Grant a part"), rules.check_may_decide_apart, forms.DecideApartForm,
        lambda row, by, given: services.decide(request=row, by=by, **given),
        _(
            "Say of each thing whether it is granted or why it is refused. All of it takes effect when a second person"
            " approves it; one answer tells both."
        ),
    ),
    Step(
        "approve", _("Approve"), rules.check_may_approve, forms.StepForm,
        lambda row, by, given: services.approve(request=row, by=by), primary=True,
    ),
    Step(
        "send-back", _("Send back"), rules.check_may_send_back, forms.StepForm,
        lambda row, by, given: services.send_back(request=row, by=by),
        _("The decision is to be made again."),
    ),
    Step("answer", _("Answer"), rules.check_may_answer, forms.AnswerForm,
        lambda row, by, given: services.answer(request=row, by=by, text=given.get("text", "")), primary=True,),
    Step(
        "pause", _("Pause the clock"), _check_pause, forms.PauseForm,
        lambda row, by, given: services.pause(request=row, by=by, **given),
        _("The person is told that it is paused, and reads the reason in the cabinet."),
    ),
    Step(
        "resume", _("Go on"), rules.check_may_resume, forms.StepForm,
        lambda row, by, given: services.resume(request=row, by=by),
        _("The days that were left are counted from tomorrow."), primary=True,
    ),
    Step(
        "assign", _("Give to a colleague"), rules.check_may_assign, forms.AssignForm,
        lambda row, by, given: services.assign(request=row, by=by, **given),
    ),
    Step(
        "comment", _("Comment"), rules.check_may_note, forms.NoteForm,
        lambda row, by, given: services.note(request=row, by=by, **given),
    ),
    Step(
        "attach", _("Attach a file"), rules.check_may_attach, forms.AttachForm,
        lambda row, by, given: request_files.attach(request=row, by=by, kind=given["kind"], content=given["file"]),
    ),
    Step(
        "close", _("Close without an answer"), rules.check_may_close, forms.CloseForm,
        lambda row, by, given: services.close(request=row, by=by, **given),
        _("The person took it back, it repeats another request of theirs, or it is no request about personal data."),
    ),
)  # fmt: skip
BY_NAME = {step.name: step for step in STEPS}
