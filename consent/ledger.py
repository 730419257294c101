"""What people say is recorded here and nowhere else: one event, one derived row, one transaction (94-V art. 8, 22).

Every act locks the row of the consent it is about, so two acts at once have an order; time is the database's. A form is
shown (`serve`), then answered with what was shown: whoever answers a text that changed meanwhile is shown the new one.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from consent import advertising, derivation, feed, letters, ports, rules, stopping
from consent.acts import CLOCK, PERFORMED, Owner, Proof, Shown
from consent.derivation import Standing
from consent.durations import add
from consent.enums import LIVE, Channel, EventKind, State, Trust
from consent.form_text import compose
from consent.models import ConsentEvent, ConsentForm, ConsentFormVersion, ConsentState, FormServed, Scan
from policies.models import PolicyVersion
from staff.models import Operator, StaffUser
from subjects import duplicates, evidence
from subjects.models import Contract, DataSubject


class Changed(ValidationError):
    """The form changed while the person was reading: they are shown the new text (409)."""


def policy_in_force(at: datetime | None = None) -> PolicyVersion | None:
    """The policy the organisation was bound by at the moment `at`; evidence names it."""
    return PolicyVersion.objects.in_force(at).order_by("policy_id").first()


@contextmanager
def locked(owner: Owner, form: ConsentForm, scope: str) -> Iterator[ConsentState]:
    """The consent's row, made if need be and locked until the transaction ends."""
    key = {"subject": owner.subject, "device_digest": owner.device_digest, "form": form, "scope": scope}
    with transaction.atomic():
        ConsentState.objects.bulk_create([ConsentState(**key)], ignore_conflicts=True)
        # nothing is joined: a row waited for is seen as it is now, rows joined to it as they were before the wait
        yield ConsentState.objects.select_for_update().get(**key)


def standing_of(row: ConsentState) -> Standing:
    """The standing that a derived row holds."""
    return Standing(row.state, row.since, row.until, row.given, row.last, row.postponed)


def write(row: ConsentState, standing: Standing) -> None:
    """Make a locked row say what was derived for it; `derivation` alone knows what that is."""
    for field, value in standing._asdict().items():
        setattr(row, field, value)
    row.save(update_fields=list(Standing._fields))


def append(row: ConsentState, proof: Proof, *, quietly: bool = False, **fields: object) -> ConsentEvent:
    """Add an event to a locked consent (of `locked`) and derive its row again; fields: of ConsentEvent.

    quietly: the person gets no letter of it, for they get one of the same in another file.
    """
    subject = row.subject
    sealed = None
    if proof.sealed and subject is not None:
        sealed = evidence.seal(subject=subject, what="consent.event", parts=proof.sealed)
    event = ConsentEvent.objects.create(
        subject=subject,
        device_digest=row.device_digest,
        form=row.form,
        scope=row.scope,
        channel=proof.channel,
        trust=proof.trust,
        scan=proof.scan,
        sealed_evidence=sealed,
        **{"policy_version": policy_in_force(), **fields},
    )
    event.refresh_from_db(fields=["user"])  # filled by the trigger
    if row.last is None or event.occurred_at >= row.last.occurred_at:
        standing = derivation.after(standing_of(row), event)
    else:  # happened before what we knew already: a paper that was typed late
        events = ConsentEvent.objects.filter(
            subject=subject, device_digest=row.device_digest, form_id=row.form_id, scope=row.scope
        )
        standing = derivation.fold(events)
    write(row, standing)
    stopping.keep_standing(row, event)
    advertising.follow([event])
    if not quietly:
        letters.tell(event)
    feed.tell(event, standing)
    ports.tell_ended(event)
    return event


# showing and answering


@transaction.atomic
def serve(
    *,
    subject: DataSubject | None,
    version: ConsentFormVersion,
    language: str,
    scope: str = "",
    device: bytes | None = None,
) -> Shown:
    """Record that exactly this text was shown. language: the wanted one. Two rows the same are two showings."""
    text = compose(version, wanted=language, reference=str(subject) if subject else "", operator=Operator.current())
    served = FormServed.objects.create(
        subject=subject,
        device_digest=device,
        version=version,
        policy_version=policy_in_force(),
        scope=scope,
        language=text.language,
        sha256=text.sha256,
    )
    return Shown(served, text)


def _still_offered(served: FormServed, expected_version: int) -> ConsentFormVersion:
    version = served.version
    offered = ConsentFormVersion.objects.in_force().filter(form=version.form_id).first()
    if offered is None or offered.pk != version.pk or version.number != expected_version:
        raise Changed(_("The text of this consent changed while you were reading. Here is the new one."))
    return version


def _answer(
    served: FormServed, expected_version: int, kind: str, proof: Proof, *, valid_until: datetime | None = None
) -> ConsentEvent:
    version = _still_offered(served, expected_version)
    with locked(Owner(served.subject, served.device_digest), version.form, served.scope) as row:
        if kind == EventKind.GIVEN:
            ends = [end for end in (valid_until, term_end(version, timezone.now())) if end]
            valid_until = min(ends, default=None)
            if row.state in LIVE:
                kind = EventKind.RENEWED
        return append(
            row,
            proof,
            kind=kind,
            version=version,
            served=served,
            language=served.language,
            sha256=served.sha256,
            valid_until=valid_until,
            policy_version=served.policy_version,
        )


def term_end(version: ConsentFormVersion, start: datetime) -> datetime | None:
    """When a consent given at `start` ends by its term; None until the purposes are reached, and for a form bound to
    the loan, which no date ends while an obligation is open (94-V art. 8(2))."""
    if not version.term or version.form.bound_to_the_loan:
        return None
    return add(start, version.term)


def give(
    *, served: FormServed, expected_version: int, proof: Proof, valid_until: datetime | None = None
) -> ConsentEvent:
    """The person consents to what they were shown. served: with `version__form`. Given again it is renewed.

    valid_until: the end that a token of the state service has (law.md 1.7), else the form's own term. Raises Changed
    when another version is offered by now.
    """
    return _answer(served, expected_version, EventKind.GIVEN, proof, valid_until=valid_until)


def refuse(*, served: FormServed, expected_version: int, proof: Proof) -> ConsentEvent:
    """The person refuses what they were shown; a refusal is kept as a consent is. Raises Changed."""
    return _answer(served, expected_version, EventKind.REFUSED, proof)


def postpone(*, served: FormServed, expected_version: int, proof: Proof) -> ConsentEvent:
    """ "Later": not an answer, and after some times no consent (enums.POSTPONEMENTS); never one. Raises Changed."""
    return _answer(served, expected_version, EventKind.REQUEST_DEFERRED, proof)


def ask(*, subject: DataSubject, version: ConsentFormVersion, scope: str = "") -> ConsentEvent:
    """Record that the person was asked: a letter or a prompt went out for this form."""
    with locked(Owner(subject), version.form, scope) as row:
        return append(row, CLOCK, kind=EventKind.REQUESTED, version=version)


# withdrawing


def blocking_contracts(subject: DataSubject, form: ConsentForm, scope: str = "") -> list[Contract]:
    """The open contracts that hold a consent of this form back from ending (94-V art. 8(2)); none for optional forms.

    scope: `contract:12` is held by that contract alone, `application:7` by the contract made of it.
    """
    if not form.bound_to_the_loan:
        return []
    kind, _colon, number = scope.partition(":")
    contracts = Contract.objects.open().filter(subject=subject).order_by("pk")
    if kind == "contract":
        contracts = contracts.filter(pk=int(number))
    elif kind == "application":
        contracts = contracts.filter(application=int(number))
    return list(contracts)


@transaction.atomic
def withdraw(
    *,
    subject: DataSubject | None,
    form: ConsentForm,
    proof: Proof,
    scope: str = "",
    device: bytes | None = None,
    reason: str = "",
    occurred_at: datetime | None = None,
) -> ConsentEvent:
    """Record a withdrawal at once, always (94-V art. 8(2), policy 7.1), in every file of the person.

    With no open obligation, or for a form that is not bound to the loan, it takes effect at once; with one, optional
    uses stop and the rest ends by itself when the last obligation is performed. Withdrawing twice is the same
    withdrawal. reason: a code. occurred_at: when it was said, for what was typed later; never in the future. Gives the
    event of `subject`; in another file of theirs only a consent that stands is withdrawn.
    """
    if occurred_at is not None and occurred_at > timezone.now():
        raise ValidationError(_("The withdrawal cannot have been made in the future."))
    if subject is None:
        return _withdraw(Owner(device_digest=device), form, scope, proof, reason, occurred_at)
    said = None
    for one in duplicates.every_file(subject):
        if one == subject:
            said = _withdraw(Owner(subject, device), form, scope, proof, reason, occurred_at)
        elif stands(one, form, scope, occurred_at):
            # a scan is the file's it was taken for
            _withdraw(Owner(one), form, scope, proof._replace(scan=None), reason, occurred_at, quietly=True)
    assert said is not None
    return said


def stands(subject: DataSubject, form: ConsentForm, scope: str, said_at: datetime | None = None) -> bool:
    """Whether a withdrawal said at that moment (None: now) has something to end: not what was given after it."""
    row = ConsentState.objects.filter(subject=subject, form=form, scope=scope).select_related("given").first()
    if row is None or not standing_of(row).at(timezone.now()).is_ground:
        return False
    return said_at is None or row.given is None or row.given.occurred_at <= said_at


def _withdraw(
    owner: Owner,
    form: ConsentForm,
    scope: str,
    proof: Proof,
    reason: str,
    occurred_at: datetime | None,
    *,
    quietly: bool = False,
) -> ConsentEvent:
    with locked(owner, form, scope) as row:
        if row.state in (State.WITHDRAWN, State.WITHDRAWAL_DEFERRED) and row.last is not None:
            return row.last
        held = blocking_contracts(row.subject, form, scope) if row.subject and standing_of(row).is_ground else []
        given = row.given
        return append(
            row,
            proof,
            quietly=quietly,
            kind=EventKind.WITHDRAWAL_DEFERRED if held else EventKind.WITHDRAWN,
            version=given.version if given else None,
            language=given.language if given else "",
            about=given,
            blocking=[contract.pk for contract in held],
            reason=reason,
            **({"occurred_at": occurred_at} if occurred_at else {}),
        )


def release(*, subject: DataSubject) -> list[ConsentEvent]:
    """End the deferred withdrawals that no open contract holds any more; called when a contract is performed."""
    done = []
    for state in ConsentState.objects.filter(subject=subject, state=State.WITHDRAWAL_DEFERRED).select_related("form"):
        with locked(Owner(subject), state.form, state.scope) as row:
            if row.state != State.WITHDRAWAL_DEFERRED or blocking_contracts(subject, row.form, row.scope):
                continue
            given = row.given
            done.append(
                append(
                    row,
                    CLOCK,
                    kind=EventKind.WITHDRAWN,
                    version=given.version if given else None,
                    language=given.language if given else "",
                    about=row.last,
                    reason=PERFORMED,
                )
            )
    return done


# what officers and other systems record


def record_paper(
    *,
    subject: DataSubject,
    version: ConsentFormVersion,
    language: str,
    occurred_at: datetime,
    by: StaffUser,
    scan: Scan | None = None,
    scope: str = "",
    channel: str = Channel.PAPER,
) -> ConsentEvent:
    """An officer types a consent from paper (or a call): it waits for a second one and is no ground until then.

    Raises ValidationError when the date lies ahead, PermissionDenied when `by` may not record.
    """
    rules.check_may_record(by)
    if occurred_at > timezone.now():
        raise ValidationError({"occurred_at": _("The consent cannot have been given in the future.")})
    text = compose(version, wanted=language, reference=str(subject), operator=Operator.current())
    with locked(Owner(subject), version.form, scope) as row:
        return append(
            row,
            Proof(channel, Trust.STAFF_ENTERED, scan=scan),
            kind=EventKind.PENDING_CONFIRMATION,
            version=version,
            language=text.language,
            sha256=text.sha256,
            occurred_at=occurred_at,
            policy_version=policy_in_force(occurred_at),
        )


def confirm(*, event: ConsentEvent, by: StaffUser) -> ConsentEvent:
    """A second officer compared what a colleague typed with the paper: from when it was signed, it counts.

    event: with `version__form`. Raises ValidationError when `by` typed it or somebody was quicker.
    """
    rules.check_may_confirm(event, by=by)
    with locked(Owner(event.subject), event.form, event.scope) as row:
        if event.consequences.exists():
            raise ValidationError(_("Somebody has decided on this consent already."))
        assert event.version is not None  # a constraint of what is typed from paper
        return append(
            row,
            Proof(event.channel, Trust.STAFF_CONFIRMED, scan=event.scan),
            kind=EventKind.GIVEN,
            version=event.version,
            language=event.language,
            sha256=event.sha256,
            occurred_at=event.occurred_at,
            valid_until=term_end(event.version, event.occurred_at),
            about=event,
            policy_version=event.policy_version,
        )


def decline(*, event: ConsentEvent, by: StaffUser, reason: str) -> ConsentEvent:
    """A second officer finds that the paper does not say what was typed. reason: a code."""
    rules.check_may_confirm(event, by=by)
    with locked(Owner(event.subject), event.form, event.scope) as row:
        if event.consequences.exists():
            raise ValidationError(_("Somebody has decided on this consent already."))
        # another consent may stand: the paper takes nothing from it
        kind = EventKind.REQUESTED if standing_of(row).is_ground else EventKind.INVALIDATED
        return append(
            row,
            Proof(event.channel, Trust.STAFF_CONFIRMED),
            kind=kind,
            version=event.version,
            about=event,
            reason=reason,
        )


# asking how it stands


def standings(subject: DataSubject, at: datetime | None = None) -> dict[tuple[str, str], Standing]:
    """{(form code, scope): standing} of a person's consents now, or at the moment `at`; one query."""
    if at is None:
        return standings_of([subject])[subject]
    events: dict[tuple[str, str], list[ConsentEvent]] = {}
    rows_at = ConsentEvent.objects.filter(subject=subject, occurred_at__lte=at).select_related("form", "version")
    for event in rows_at.order_by("occurred_at", "pk"):
        events.setdefault((event.form.code, event.scope), []).append(event)
    return {key: derivation.fold(found, at) for key, found in events.items()}


def standings_of(people: Sequence[DataSubject]) -> dict[DataSubject, dict[tuple[str, str], Standing]]:
    """{person: their `standings` now} of some people; one query."""
    now = timezone.now()
    whose = {one.pk: one for one in people}
    found: dict[DataSubject, dict[tuple[str, str], Standing]] = {one: {} for one in people}
    for row in ConsentState.objects.filter(subject__in=people).select_related("form", "given__version", "last"):
        found[whose[row.subject_id]][row.form.code, row.scope] = standing_of(row).at(now)
    return found
