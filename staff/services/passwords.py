"""Passwords of staff: set by their owners through a one-time link, never by anybody else."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from audit.actor import acting_as
from staff import ports
from staff.enums import SignInOutcome
from staff.letters import ACCOUNT_CREATED, PASSWORD_RESET, cause_of
from staff.models import SignIn, StaffUser
from staff.rules import check_may_send_link
from staff.sign_in import NOWHERE, PER_ADDRESS, Visitor, record

LETTERS_PER_PERSON = 3
ASKS_WITHIN = timedelta(hours=1)


def write_link(user: StaffUser, *, asked: SignIn | None = None) -> None:
    """Put a letter with a link to set a password into the outbox; the link itself is made when it is sent."""
    asked = asked or record(SignInOutcome.LINK_ASKED, name=user.username, who=user, visitor=NOWHERE)
    kind = PASSWORD_RESET if user.has_usable_password() else ACCOUNT_CREATED
    for write in ports.write_letter:
        write(kind=kind, cause=cause_of(asked, kind), language=user.language, staff_id=user.pk)


@transaction.atomic
def send_password_link(*, user: StaffUser, by: StaffUser | None) -> None:
    """Send somebody a link to set a password. Raises NotAllowed."""
    user = StaffUser.objects.select_for_update().get(pk=user.pk)
    check_may_send_link(user, by=by)
    write_link(user)


def ask_password_reset(*, email: str, visitor: Visitor = NOWHERE) -> None:
    """Somebody who is not signed in asks for a link by e-mail (ASVS 6.3.8, 6.4.3).

    Known and unknown addresses leave the same row and the same answer: none. No letter beyond three an hour to one
    person, thirty an hour from one network address.
    """
    with acting_as("sign-in"), transaction.atomic():
        user = StaffUser.objects.select_for_update().filter(email__iexact=email, is_active=True).first()
        over = _is_over(user, visitor)
        asked = record(SignInOutcome.LINK_ASKED, name=email, who=user, visitor=visitor)
        if user and user.email and not over:
            write_link(user, asked=asked)
        else:
            for ring in ports.ring:  # so that an unknown address takes as long
                ring("notifications.deliver_due")


def _is_over(user: StaffUser | None, visitor: Visitor) -> bool:
    asks = SignIn.objects.filter(outcome=SignInOutcome.LINK_ASKED, at__gt=timezone.now() - ASKS_WITHIN)
    by_person = asks.filter(who=user).count() if user else 0
    by_address = asks.filter(address=visitor.address).count() if visitor.address else 0
    return by_person >= LETTERS_PER_PERSON or by_address >= PER_ADDRESS


@transaction.atomic
def set_password(*, user: StaffUser, password: str, visitor: Visitor = NOWHERE) -> StaffUser:
    """Set the password for the holder of a valid link; every session and every other link of theirs ends.

    The password has been validated by the form. Whoever opens a link is nobody yet, so the act is of `sign-in`.
    """
    with acting_as("sign-in"):
        user = StaffUser.objects.select_for_update().get(pk=user.pk, is_active=True)
        user.set_password(password)
        user.save(update_fields=["password"])
        record(SignInOutcome.PASSWORD_SET, name=user.username, who=user, visitor=visitor)
    return user
