"""When a step of a request is open, as pairs: `check_…` raises with a sentence, `may_…` asks (DESIGN 7)."""

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import duplicates, request_targets
from subjects.enums import Disclosure
from subjects.models import DataSubject, Representative
from subjects.request_parts import RequestItem
from subjects.request_states import TRANSITIONS
from subjects.requests import Closing, Refusal, RequestKind, RequestState, SubjectRequest

# which term of law.md 1.6 runs for what is asked; a withdrawal and an objection are answered with reasons in three days
RULE_OF: dict[str, str] = {
    RequestKind.ACCESS: "ACCESS",
    RequestKind.CONFIRM: "ACCESS",
    RequestKind.HUMAN_REVIEW: "ACCESS",
    RequestKind.COMPLAINT: "ACCESS",
    RequestKind.CORRECT: "CHANGE",
    RequestKind.BLOCK: "BLOCK",
    RequestKind.UNBLOCK: "UNBLOCK",
    RequestKind.DESTROY: "DESTROY",
    RequestKind.STOP_PUBLIC: "PUBLIC",
    RequestKind.WITHDRAW: "REFUSE",
    RequestKind.OBJECT: "REFUSE",
}
# what every system that holds data is asked to do too
IN_SYSTEMS = (
    RequestKind.ACCESS, RequestKind.CONFIRM, RequestKind.CORRECT, RequestKind.BLOCK, RequestKind.UNBLOCK,
    RequestKind.DESTROY,
)  # fmt: skip


def _check_right(by: StaffUser, right: str = "subjects.handle_subjectrequest") -> None:
    if not by.has_perm(right):
        raise NotAllowed(_("Your role does not include this step."), code="permission")


def _check_leads_to(request: SubjectRequest, state: str) -> None:
    if state not in TRANSITIONS[request.state]:
        raise NotAllowed(_("This is decided already. Reload the page to see where it stands."), code="overtaken")


def check_may_register(*, by: StaffUser) -> None:
    """Raises NotAllowed."""
    _check_right(by, "subjects.add_subjectrequest")


def check_may_identify(request: SubjectRequest, *, by: StaffUser) -> None:
    """Who asks is established once, while the request is open. Raises NotAllowed."""
    _check_right(by)
    if not request.is_open or request.identified_at is not None:
        raise NotAllowed(_("It is established already who asks."), code="overtaken")


def check_may_assign(request: SubjectRequest, *, by: StaffUser) -> None:
    """Raises NotAllowed."""
    _check_right(by)
    if not request.is_open:
        raise NotAllowed(_("This request is closed."), code="overtaken")


def check_may_take_up(request: SubjectRequest, *, by: StaffUser) -> None:
    """Raises NotAllowed."""
    _check_right(by)
    if request.state != RequestState.INITIATED:
        raise NotAllowed(_("Somebody works on this request already."), code="overtaken")


def check_may_pause(request: SubjectRequest, *, by: StaffUser) -> None:
    """Whether its terms may pause, the clock says. Raises NotAllowed."""
    _check_right(by)
    _check_leads_to(request, RequestState.REQUIRES_ACTION)
    if request.decided_by_id is not None:
        raise NotAllowed(_("A decision is proposed: it waits for a second person."), code="overtaken")


def check_may_resume(request: SubjectRequest, *, by: StaffUser) -> None:
    """Raises NotAllowed."""
    _check_right(by)
    if request.state != RequestState.REQUIRES_ACTION:
        raise NotAllowed(_("This request is not paused."), code="overtaken")


def check_may_decide(request: SubjectRequest, *, by: StaffUser, refusal: str = "") -> None:
    """Propose a decision; before it is established who asks, only to refuse for that. Raises NotAllowed."""
    _check_right(by)
    _check_leads_to(request, RequestState.ACCEPTED)
    if request.decided_by_id is not None:
        raise NotAllowed(_("A decision is proposed: it waits for a second person."), code="overtaken")
    if request.identified_at is None and refusal != Refusal.IDENTITY:
        raise NotAllowed(
            _("It is not established who asks. Establish it first, or refuse on that ground."), code="identity"
        )


def check_may_decide_apart(request: SubjectRequest, *, by: StaffUser) -> None:
    """Propose to grant one thing and refuse another; of somebody on whom nothing is held that is said of all.

    Raises NotAllowed.
    """
    check_may_decide(request, by=by)
    if request.subject_id is None:
        raise NotAllowed(_("Nothing is held on them: answer that."), code="unknown")
    if len(request.kinds) < 2:
        raise NotAllowed(_("One thing is asked: grant it or refuse it."), code="kinds")


def check_may_approve(request: SubjectRequest, *, by: StaffUser) -> None:
    """A refusal and a destruction are approved by somebody else. Raises NotAllowed."""
    _check_right(by, "subjects.approve_subjectrequest")
    if not request.waits_for_second:
        raise NotAllowed(_("This is decided already. Reload the page to see where it stands."), code="overtaken")
    if request.decided_by_id == by.pk:
        raise NotAllowed(_("You proposed this, so somebody else must approve it."), code="four_eyes")


def check_may_send_back(request: SubjectRequest, *, by: StaffUser) -> None:
    """A proposal is taken back by who made it or by who may approve it. Raises NotAllowed."""
    _check_right(by)
    if not request.waits_for_second:
        raise NotAllowed(_("This is decided already. Reload the page to see where it stands."), code="overtaken")
    if request.decided_by_id != by.pk:
        _check_right(by, "subjects.approve_subjectrequest")


def check_may_answer(request: SubjectRequest, *, by: StaffUser) -> None:
    """Answered when it is granted and all that had to be done is done. Raises NotAllowed."""
    _check_right(by)
    _check_leads_to(request, RequestState.FULFILLED)
    if request.items.filter(done_at=None).exists():
        raise NotAllowed(_("Not everything is done yet: finish the work below first."), code="work")


def check_may_close(request: SubjectRequest, *, by: StaffUser, reason: str = "") -> None:
    """Without an answer. What is found to be no request is worked on first, as what a second person decides on is.

    reason: Closing, "" for any. Raises NotAllowed.
    """
    _check_right(by)
    _check_leads_to(request, RequestState.UNFULFILLED)
    if request.decided_by_id is not None:
        raise NotAllowed(_("A decision is proposed: it waits for a second person."), code="overtaken")
    if reason == Closing.NO_REQUEST and request.state != RequestState.ACKNOWLEDGED:
        raise NotAllowed(_("Take it up first: a second person decides that it is no request."), code="state")


def check_repeats(request: SubjectRequest, reason: str, other: SubjectRequest | None) -> None:
    """What a request that is closed repeats; both are locked, so that no two repeat each other and nobody answers.

    Raises ValidationError by field.
    """
    if reason != Closing.REPEATS:
        raise ValidationError({"duplicate_of": _("Name another request only when this one repeats it.")})
    if other is None:
        raise ValidationError({"duplicate_of": _("Say which request it repeats.")})
    # two people whom we do not know are not one person
    if other.pk == request.pk or request.subject_id is None or other.subject_id != request.subject_id:
        raise ValidationError({"duplicate_of": _("Only another request of the same person is repeated.")})
    if other.disclosure == Disclosure.WITHHELD and request.disclosure != Disclosure.WITHHELD:
        raise ValidationError(
            {"duplicate_of": _("That request is withheld: closed as repeating it, this one would tell of it.")}
        )
    other.refresh_from_db(fields=["state"])
    if other.state == RequestState.UNFULFILLED:
        raise ValidationError({"duplicate_of": _("That request is closed without an answer itself.")})


def check_may_work(request: SubjectRequest, *, by: StaffUser) -> None:
    """Raises NotAllowed."""
    _check_right(by)
    if request.state != RequestState.ACCEPTED:
        raise NotAllowed(_("This request is closed."), code="overtaken")


def check_may_finish(item: RequestItem, request: SubjectRequest, *, by: StaffUser) -> None:
    """Work is done when it is done: a human review when somebody looked at each decision. Raises NotAllowed."""
    check_may_work(request, by=by)
    if item.done_at is not None:
        raise NotAllowed(_("This is decided already. Reload the page to see where it stands."), code="overtaken")
    if item.kind == RequestKind.HUMAN_REVIEW:
        left = [row.number for row in request_targets.to_look_at_again(request).filter(reviewed_at=None)]
        if left:
            raise NotAllowed(
                _("Nobody has looked again at the decision yet: %(numbers)s.") % {"numbers": ", ".join(left)},
                code="work",
            )


def check_may_note(request: SubjectRequest, *, by: StaffUser) -> None:
    """Words and files are sealed with the person's key: before it is known who asks, none is. Raises NotAllowed."""
    _check_right(by)
    if request.subject_id is None:
        raise NotAllowed(
            _("Words and files of somebody we do not know are not kept here: establish first who asks."),
            code="identity",
        )


def check_may_attach(request: SubjectRequest, *, by: StaffUser | None) -> None:
    """by: None for the person, who adds to a request while it is open. Raises NotAllowed."""
    if by is not None:
        check_may_note(request, by=by)
    elif not request.is_open:
        raise NotAllowed(_("This request is closed."), code="overtaken")


def may(check: Callable[..., None], request: SubjectRequest, *, by: StaffUser) -> bool:
    """Whether one of the checks above would let it pass."""
    try:
        check(request, by=by)
    except ValidationError:
        return False
    return True


def may_decide(request: SubjectRequest, *, by: StaffUser) -> bool:
    """Whether some decision may be proposed, if only a refusal because nobody knows who asks."""
    return may(lambda row, by: check_may_decide(row, by=by, refusal=Refusal.IDENTITY), request, by=by)


def check_may_read(request: SubjectRequest, *, by: StaffUser) -> None:
    """The person's words are for who works on the request. Raises NotAllowed."""
    _check_right(by)


def is_own(request: SubjectRequest, person: DataSubject) -> bool:
    """Whether the request is about the person, in whichever file of theirs; a query when it is not in this one."""
    return request.subject_id == person.pk or request.subject in duplicates.files_at(person, None)


def may_follow(request: SubjectRequest, person: DataSubject) -> bool:
    """Whether the request is the person's own, or they made it for somebody for whom they may still act."""
    who = request.representative
    return is_own(request, person) or (who is not None and who.representative_id == person.pk and who.is_in_force)


def may_know(request: SubjectRequest, person: DataSubject) -> bool:
    """Whether the answer is for these eyes: the person's own, or of who represents them and may learn what is held."""
    if is_own(request, person):
        return True
    who = request.representative
    return who is not None and may_follow(request, person) and Representative.Act.KNOW in who.acts
