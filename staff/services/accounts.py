"""Accounts of staff: opened by an administrator, closed at once when somebody leaves (policy 5.4)."""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from simple_history.utils import get_history_manager_for_model

from staff import ports
from staff.enums import Language
from staff.letters import ACCOUNT_EMAIL_CHANGED, password_link
from staff.models import StaffUser
from staff.rules import check_may_change, check_may_create, check_may_deactivate, check_may_reactivate
from staff.services.passwords import write_link
from staff.services.roles import grant_role


@transaction.atomic
def create_staff(
    *,
    username: str,
    email: str,
    role: str,
    by: StaffUser | None = None,
    position: str = "",
    language: str = Language.RU,
) -> tuple[StaffUser, str]:
    """Open an account without a password; returns it and the one-time link by which its owner sets one.

    Opened by an officer, the link also goes to `email` by letter, and the officer need not see it. Raises
    ValidationError with a sentence for each field that is wrong, NotAllowed for the role.
    """
    check_may_create(by=by)
    user = StaffUser(
        username=StaffUser.normalize_username(username),
        email=StaffUser.objects.normalize_email(email),
        position=position,
        language=language,
        is_staff=True,
    )
    user.set_unusable_password()
    user.full_clean()
    if StaffUser.objects.filter(username__iexact=user.username).exists():
        # sign-in names differ in more than capitals, or people take each other's tries
        raise ValidationError({"username": _("Another member of staff has this name.")})
    user.save()
    grant_role(user=user, role=role, by=by)
    if by is not None and user.email:
        write_link(user)
    return user, password_link(user)


@transaction.atomic
def change_account(*, user: StaffUser, fields: Collection[str], by: StaffUser | None) -> StaffUser:
    """Save those of the account's fields that an administrator changed; a changed e-mail is told to the old one.

    user: with the new values, validated. Whoever reads the old mailbox is the first to see a theft (ASVS 6.3.7).
    Raises NotAllowed.
    """
    check_may_change(by=by)
    before = StaffUser.objects.select_for_update().get(pk=user.pk)
    past = get_history_manager_for_model(StaffUser).filter(id=user.pk).order_by("-history_id")
    was = past.values_list("history_id", flat=True).first()
    # only what was typed: a password set meanwhile stays
    user.save(update_fields=list(fields))
    if "email" in fields and before.email and before.email.casefold() != user.email.casefold():
        for write in ports.write_letter:
            write(
                kind=ACCOUNT_EMAIL_CHANGED,
                cause=f"staff.HistoricalStaffUser:{was}#{ACCOUNT_EMAIL_CHANGED}",
                language=user.language,
                staff_id=user.pk,
            )
    return user


@transaction.atomic
def deactivate(*, user: StaffUser, by: StaffUser | None) -> StaffUser:
    """Close the account: the next request of any session is sent to sign-in, and links to set a password stop.

    The password is thrown away, so no old session lives again after `reactivate`. Raises NotAllowed.
    """
    user = StaffUser.objects.select_for_update().get(pk=user.pk)
    check_may_deactivate(user, by=by)
    user.is_active = False
    user.set_unusable_password()
    user.save(update_fields=["is_active", "password"])
    return user


@transaction.atomic
def reactivate(*, user: StaffUser, by: StaffUser | None) -> StaffUser:
    """Open the account again with the roles it has; a letter brings the link to set a new password.

    Raises NotAllowed.
    """
    user = StaffUser.objects.select_for_update().get(pk=user.pk)
    check_may_reactivate(user, by=by)
    user.is_active = True
    user.save(update_fields=["is_active"])
    if user.email:
        write_link(user)
    return user
