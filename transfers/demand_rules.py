"""When a step of a demand is open, as pairs: `check_…` raises with a sentence, `may` asks (DESIGN 7)."""

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import duplicates
from subjects.enums import Disclosure, Standing
from subjects.models import PersonalData, SubjectKey
from transfers.decisions import Decision
from transfers.enums import Check, TransferGround
from transfers.models import InboundDemand
from transfers.models.demands import TRANSITIONS, DemandBody, DemandRefusal, DemandState
from transfers.sentences import say


def _check_right(by: StaffUser, right: str, demand: InboundDemand | None = None) -> None:
    hidden = demand is not None and demand.withheld and not by.has_perm("transfers.view_withheld_transfer")
    if hidden or not by.has_perm(f"transfers.{right}_inbounddemand"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")


def _check_leads_to(demand: InboundDemand, state: str) -> None:
    if state not in TRANSITIONS[demand.state]:
        raise NotAllowed(_("This is decided already. Reload the page to see where it stands."), code="overtaken")


def check_may_register(*, by: StaffUser) -> None:
    """Raises NotAllowed."""
    _check_right(by, "add")


def check_may_amend(demand: InboundDemand, *, by: StaffUser) -> None:
    """What is known of it is filled in while nothing is proposed. Raises NotAllowed."""
    _check_right(by, "handle", demand)
    if demand.state != DemandState.RECEIVED:
        raise NotAllowed(_("A decision about this demand is proposed: it can no longer be changed."), code="overtaken")


def check_is_whole(demand: InboundDemand) -> None:
    """Whether the gate can be asked: whom, what about and why. Raises NotAllowed naming what is missing."""
    missing = [
        str(demand._meta.get_field(name).verbose_name)  # type: ignore[union-attr]  # none of them points back
        for name in ("recipient", "subject", "purpose", "categories")
        if not getattr(demand, name)
    ]
    if missing:
        raise NotAllowed(
            _("The gate cannot be asked yet: fill in %(missing)s.") % {"missing": ", ".join(missing)}, code="missing"
        )


def check_may_grant(demand: InboundDemand, *, by: StaffUser) -> None:
    """Propose to answer with data; what the gate says, the service asks. Raises NotAllowed."""
    _check_right(by, "handle", demand)
    _check_leads_to(demand, DemandState.PROPOSED)
    check_is_whole(demand)


def check_may_refuse(demand: InboundDemand, *, by: StaffUser, refusal: str = "") -> None:
    """Propose to refuse, on a ground that fits what is known ("": whether on any at all). Raises NotAllowed."""
    _check_right(by, "handle", demand)
    _check_leads_to(demand, DemandState.PROPOSED)
    check_is_true(demand, refusal)


def check_is_true(demand: InboundDemand, refusal: str) -> None:
    """Whether our letter would say the truth of what we hold; of a ground the gate is asked. Raises NotAllowed."""
    if refusal == DemandRefusal.NOTHING_HELD:
        if demand.subject_id is None or not demand.categories:
            raise NotAllowed(
                _("Fill in the person and the data asked for: only then can it be said that we hold none of them."),
                code="missing",
            )
        if _holds(demand, demand.subject_id):
            raise NotAllowed(
                _("We hold data of those that are asked for: that is no ground to refuse the demand."), code="held"
            )
    if refusal == DemandRefusal.UNKNOWN_PERSON and demand.subject_id is not None:
        raise NotAllowed(
            _("The demand names a person whom we know: that is no ground to refuse it."), code="known_person"
        )


def _holds(demand: InboundDemand, subject_id: int) -> bool:
    """Whether any of our files of the person has data that are asked for, of those that could be given."""
    files = {subject_id, *duplicates.other_files([subject_id])}
    # what has no key any more nobody can give
    key = SubjectKey.objects.filter(subject=OuterRef("subject"), retention_class=OuterRef("retention_class"))
    rows = PersonalData.objects.filter(Exists(key), subject__in=files, category__code__in=demand.categories)
    return (rows if demand.withheld else rows.filter(disclosure=Disclosure.SUBJECT)).exists()


def is_strange(demand: InboundDemand) -> bool:
    """Whether who asks is neither a body that a law names nor in the register: of them the gate knows nothing."""
    return demand.recipient_id is None and demand.kind in (DemandBody.COLLECTOR, DemandBody.OTHER)


def check_is_refused(decision: Decision, refusal: str) -> None:
    """Whether the gate refuses for what our letter says (of OF_THE_GATE), whoever it is that asks it.

    A person blocked for now is no answer to what a law demands: refusing a lawful demand would be our offence (94-V
    art. 15). Raises NotAllowed.
    """
    causes = [step for step in decision.steps if not step.passed and step.check != Check.ACTOR]
    if not causes:
        raise NotAllowed(_("The gate allows it: refusing the demand would be our offence."), code="allowed")
    if refusal == DemandRefusal.INCOMPLETE:
        fits = any(step.code == "demand.incomplete" for step in causes)
    else:
        passing = (Check.SUBJECT, Check.GROUND) if decision.ground == TransferGround.LAW else ()
        fits = any(step.check not in passing for step in causes)
    if fits:
        return
    if decision.step(Check.SUBJECT).params.get("standing") == Standing.BLOCKED:
        raise NotAllowed(
            _(
                "The data of this person are blocked for now: that does not mean that the law lets us refuse. Settle "
                "the dispute for which they are blocked, then decide about the demand."
            ),
            code="blocked",
        )
    raise NotAllowed(_("That is not why the gate refuses it: %(why)s") % {"why": why(decision)}, code="another_ground")


def why(decision: Decision) -> str:
    """The first reason of a refusal of the gate, in the reader's language."""
    step = next(step for step in decision.steps if not step.passed)
    return say(step.code, step.params, (get_language() or "en")[:2])


def check_may_approve(demand: InboundDemand, *, by: StaffUser) -> None:
    """The second person. Raises NotAllowed."""
    _check_right(by, "approve", demand)
    if demand.state != DemandState.PROPOSED:
        raise NotAllowed(_("This is decided already. Reload the page to see where it stands."), code="overtaken")
    if demand.decided_by_id == by.pk:
        raise NotAllowed(_("You proposed this, so somebody else must approve it."), code="four_eyes")


def check_may_send_back(demand: InboundDemand, *, by: StaffUser) -> None:
    """A proposal, or an approval that was not carried out yet, is taken back. Raises NotAllowed."""
    if demand.state not in (DemandState.PROPOSED, DemandState.GRANTED):
        raise NotAllowed(_("This is decided already. Reload the page to see where it stands."), code="overtaken")
    if demand.decided_by_id != by.pk:
        _check_right(by, "approve", demand)


def check_may_answer(demand: InboundDemand, *, by: StaffUser) -> None:
    """Take the data out, as the two decided. Raises NotAllowed."""
    _check_right(by, "handle", demand)
    if not by.has_perm("transfers.prepare_package"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    if demand.state != DemandState.GRANTED:
        raise NotAllowed(_("Data leave when a second person has approved it."), code="not_approved")


def check_may_close(demand: InboundDemand, *, by: StaffUser) -> None:
    """Who asked took it back. Raises NotAllowed."""
    _check_right(by, "handle", demand)
    _check_leads_to(demand, DemandState.CLOSED)


def check_may_open_file(demand: InboundDemand, *, by: StaffUser) -> None:
    """The letter as it came is for who works on it. Raises NotAllowed."""
    if not by.has_perm("transfers.approve_inbounddemand"):
        _check_right(by, "handle", demand)
    elif demand.withheld and not by.has_perm("transfers.view_withheld_transfer"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")


def hidden_clocks(by: StaffUser) -> QuerySet:
    """The clocks of demands that `by` may not know of, by what they are about; for `subjects.ports`."""
    rows = InboundDemand.objects.all()
    return (rows.none() if by.has_perm("transfers.view_withheld_transfer") else rows).hidden_clocks()


def may(check: Callable[..., None], demand: InboundDemand, *, by: StaffUser) -> bool:
    """Whether one of the checks above would let it pass."""
    try:
        check(demand, by=by)
    except ValidationError:
        return False
    return True
