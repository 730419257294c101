"""Opening and closing what two people open (staff.opened): proposed by one, decided by another (DESIGN 5).

The same verbs for every such register: the matrix, retention rules, lists of data, later transfer rules and agreements.
A row that changes another one takes its place: both instants are the same, and one approval covers both.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from staff.models import StaffUser
from staff.opened import Opened, OpenedQuerySet
from staff.rules import NotAllowed

Row = TypeVar("Row", bound=Opened)


class Overtaken(NotAllowed):
    """Somebody else decided meanwhile; nothing of this attempt was written."""


def _same(row: Opened) -> OpenedQuerySet:
    """Rows that speak of the same thing: one of them is in force at a time."""
    model = type(row)
    return model.objects.filter(**{name: getattr(row, name) for name in model.identity})


def standing(row: Row) -> Row | None:
    """What is in force of the same thing, or will be, with no end yet: what `row` takes the place of."""
    return _same(row).filter(in_force_during__upper_inf=True).exclude(pk=row.pk).first()


def alone(model: type[Opened]) -> None:
    """One at a time decides about a register, until the transaction ends; such changes are rare."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [model._meta.db_table])


def _locked(row: Row) -> Row:
    """The row as it is now. Raises Overtaken when it is gone: a proposal that was declined."""
    alone(type(row))
    found = type(row).objects.filter(pk=row.pk).first()
    if found is None:
        raise Overtaken(_("Somebody has declined this meanwhile. Reload the page to see what waits."), code="overtaken")
    return found


def _check_right(row: Opened, verb: str, by: StaffUser) -> None:
    meta = type(row)._meta
    if not by.has_perm(f"{meta.app_label}.{verb}_{meta.model_name}"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")


def _check_nothing_waits(row: Opened) -> None:
    if _same(row).waiting().exists():
        raise NotAllowed(
            _("A change of the same thing waits for a second person already. It is decided first."), code="waiting"
        )


def _check_other(who: int | None, by: StaffUser) -> None:
    if who == by.pk:
        raise NotAllowed(_("You proposed this, so somebody else must approve it."), code="four_eyes")


def _check_moment(at: datetime | None) -> None:
    if at is not None and at < timezone.now():
        raise NotAllowed(_("This moment is past: a change takes effect now or later."), code="past")


# rules


def check_may_propose(row: Opened, *, by: StaffUser) -> None:
    """Whoever may add rows, while no change of the same thing waits."""
    _check_right(row, "add", by)
    _check_nothing_waits(row)


def check_may_approve(row: Opened, *, by: StaffUser, at: datetime | None = None) -> None:
    """Four eyes: a proposal that waits, proposed by somebody else. at: aware, now by default, never past."""
    _check_right(row, "approve", by)
    if row.proposed_by_id is None or row.in_force_during is not None:
        raise Overtaken(_("This is decided already. Reload the page to see where it stands."), code="overtaken")
    _check_other(row.proposed_by_id, by)
    _check_moment(at)
    old = standing(row)
    if old is not None and old.in_force_during.lower >= (at or timezone.now()):
        raise NotAllowed(_("What it replaces comes into force after that: choose a later moment."), code="overlap")


def check_may_decline(row: Opened, *, by: StaffUser) -> None:
    """A proposal is declined by whoever may approve, or taken back by whoever made it."""
    if row.in_force_during is not None:
        raise Overtaken(_("This is decided already. Reload the page to see where it stands."), code="overtaken")
    if row.proposed_by_id != by.pk:
        _check_right(row, "approve", by)


def check_may_propose_closing(row: Opened, *, by: StaffUser, right: str = "") -> None:
    """Of what is in force with no end, while no change of it waits. right: another that lets it than that to add."""
    if not (right and by.has_perm(right)):
        _check_right(row, "add", by)
    if row.in_force_during is None or row.in_force_during.upper is not None:
        raise NotAllowed(_("Only what is in force, with no end yet, can be closed."), code="state")
    _check_nothing_waits(row)


def _check_closing_waits(row: Opened) -> None:
    if row.closing_proposed_by_id is None or row.closing_approved_by_id is not None:
        raise Overtaken(_("This is decided already. Reload the page to see where it stands."), code="overtaken")
    if _same(row).filter(in_force_during=None, proposed_by__isnull=False).exists():
        raise NotAllowed(_("It ends when what replaces it begins: decide about the proposal."), code="replaced")


def check_may_approve_closing(row: Opened, *, by: StaffUser, at: datetime | None = None) -> None:
    """Four eyes over an end as over a beginning."""
    _check_right(row, "approve", by)
    _check_closing_waits(row)
    _check_other(row.closing_proposed_by_id, by)
    _check_moment(at)
    if row.in_force_during.lower >= (at or timezone.now()):
        raise NotAllowed(_("It comes into force after that: choose a later moment."), code="overlap")


def check_may_decline_closing(row: Opened, *, by: StaffUser) -> None:
    """By whoever may approve, or whoever proposed it."""
    _check_closing_waits(row)
    if row.closing_proposed_by_id != by.pk:
        _check_right(row, "approve", by)


def _asks(check: Callable[..., None]) -> Callable[..., bool]:
    def may(row: Opened, *, by: StaffUser) -> bool:
        try:
            check(row, by=by)
        except NotAllowed:
            return False
        return True

    may.__name__ = check.__name__.removeprefix("check_")
    may.__doc__ = f"Whether `{check.__name__}` would let it pass."
    return may


may_propose = _asks(check_may_propose)
may_approve = _asks(check_may_approve)
may_decline = _asks(check_may_decline)
may_propose_closing = _asks(check_may_propose_closing)
may_approve_closing = _asks(check_may_approve_closing)
may_decline_closing = _asks(check_may_decline_closing)


# verbs


@transaction.atomic
def propose(row: Row, *, by: StaffUser) -> Row:
    """Put a new row before a second person; what it takes the place of stays in force until then.

    row: unsaved. Raises NotAllowed, ValidationError (a field, a constraint), each with a sentence.
    """
    alone(type(row))
    check_may_propose(row, by=by)
    row.loaded, row.proposed_by, row.proposed_at = False, by, timezone.now()
    # a NULL range passes the condition of every constraint that speaks of what is in force; a bare translated title is
    # the reader's language, where it may be empty
    bare = {f.translated_field.name for f in row._meta.concrete_fields if hasattr(f, "translated_field")}
    row.full_clean(exclude={"in_force_during", *bare})
    row.save()
    if (old := standing(row)) is not None:
        old.closing_proposed_by, old.closing_proposed_at = by, row.proposed_at
        old.save(update_fields=["closing_proposed_by", "closing_proposed_at"])
    return row


@transaction.atomic
def approve(row: Row, *, by: StaffUser, at: datetime | None = None) -> Row:
    """Let a proposal take effect, now or at `at` (aware datetime); what it replaces ends at that instant.

    Raises NotAllowed, Overtaken; ValidationError when what it speaks of was changed since, so that it would not be
    taken today.
    """
    row = _locked(row)
    check_may_approve(row, by=by, at=at)
    row.clean()
    now = timezone.now()
    start = at or now
    if (old := standing(row)) is not None:
        _end(old, by=by, now=now, at=start)
    row.approved_by, row.approved_at, row.in_force_during = by, now, (start, None)
    row.save(update_fields=["approved_by", "approved_at", "in_force_during"])
    row.refresh_from_db(fields=["in_force_during"])
    return row


@transaction.atomic
def decline(row: Opened, *, by: StaffUser) -> None:
    """Take a proposal off the table; its history keeps what was proposed and who declined. Raises NotAllowed."""
    row = _locked(row)
    check_may_decline(row, by=by)
    if (old := standing(row)) is not None and old.closing_proposed_by_id is not None:
        _stay(old)
    row.delete()


@transaction.atomic
def propose_closing(row: Row, *, by: StaffUser, right: str = "") -> Row:
    """Propose that what is in force ends and nothing takes its place. right: as in the check. Raises NotAllowed."""
    row = _locked(row)
    check_may_propose_closing(row, by=by, right=right)
    row.closing_proposed_by, row.closing_proposed_at = by, timezone.now()
    row.save(update_fields=["closing_proposed_by", "closing_proposed_at"])
    return row


@transaction.atomic
def approve_closing(row: Row, *, by: StaffUser, at: datetime | None = None) -> Row:
    """Let what is in force end now, or at `at` (aware datetime). Raises NotAllowed, Overtaken."""
    row = _locked(row)
    check_may_approve_closing(row, by=by, at=at)
    now = timezone.now()
    _end(row, by=by, now=now, at=at or now)
    row.refresh_from_db(fields=["in_force_during"])
    return row


@transaction.atomic
def decline_closing(row: Row, *, by: StaffUser) -> Row:
    """What was to end stays in force. Raises NotAllowed, Overtaken."""
    row = _locked(row)
    check_may_decline_closing(row, by=by)
    _stay(row)
    return row


def _end(row: Opened, *, by: StaffUser, now: datetime, at: datetime) -> None:
    row.closing_approved_by, row.closing_approved_at = by, now
    row.in_force_during = (row.in_force_during.lower, at)
    row.save(update_fields=["closing_approved_by", "closing_approved_at", "in_force_during"])


def _stay(row: Opened) -> None:
    row.closing_proposed_by = row.closing_proposed_at = None
    row.save(update_fields=["closing_proposed_by", "closing_proposed_at"])
