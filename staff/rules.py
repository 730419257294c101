"""What staff may do, as pairs: `check_…` raises with a sentence, `may_…` or `has_…` asks.

`by` is the officer who acts; None is whoever runs a management command, who holds the database anyway.
"""

from collections.abc import Callable

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _

from staff.enums import Role
from staff.models import ApiClient, RoleGrant, StaffUser, Undertaking, UndertakingAcceptance
from staff.roles import ALONE


class NotAllowed(ValidationError):
    """The step is not open; the message says why and what to do."""


def has_accepted_undertaking(user: StaffUser) -> bool:
    """Whether the officer accepted the current text (policy 4.3); true while there is no text yet."""
    current = Undertaking.objects.current()
    if current is None:
        return True
    return UndertakingAcceptance.objects.filter(user=user, undertaking=current).exists()


def check_has_accepted_undertaking(user: StaffUser) -> None:
    """Raise PermissionDenied unless the officer accepted the current undertaking (policy 4.3)."""
    if not has_accepted_undertaking(user):
        raise PermissionDenied(_("Accept the confidentiality undertaking first."))


def _check_permission(by: StaffUser | None, permission: str) -> None:
    if by is not None and not by.has_perm(permission):
        raise NotAllowed(_("Your role does not include this step."), code="permission")


def _check_other(user: StaffUser, by: StaffUser | None, sentence: str) -> None:
    if by is not None and by.pk == user.pk:
        raise NotAllowed(sentence, code="oneself")


def check_may_create(*, by: StaffUser | None) -> None:
    """Accounts are opened by administrators (policy 5.4)."""
    _check_permission(by, "staff.add_staffuser")


def check_may_change(*, by: StaffUser | None) -> None:
    """The details of accounts are the administrators' to change."""
    _check_permission(by, "staff.change_staffuser")


def check_may_grant(user: StaffUser, role: str, *, by: StaffUser | None) -> None:
    """Nobody gives a role to themselves; auditor and administrator stand alone (policy 5.4).

    Officer and responsible person may be one person: a small organisation has no more people, and nobody approves
    what they themselves submitted, because the database refuses it.
    """
    _check_permission(by, "staff.add_rolegrant")
    _check_other(user, by, _("Nobody gives a role to themselves: ask another administrator."))
    if role not in Role.values:
        roles = ", ".join(Role.values)
        raise NotAllowed(
            _("There is no role “%(role)s”. The roles are: %(roles)s."),
            code="unknown",
            params={"role": role, "roles": roles},
        )
    if not user.is_active:
        raise NotAllowed(_("This account is deactivated: reactivate it before giving it a role."), code="inactive")
    has = set(RoleGrant.objects.in_force().filter(user=user).values_list("role", flat=True))
    if role in has:
        raise NotAllowed(_("This member of staff has this role already."), code="twice")
    conflict = sorted(has) if role in ALONE else sorted(has & ALONE)
    if conflict:
        raise NotAllowed(
            _("The role “%(role)s” does not go together with “%(other)s”: take that one away first."),
            code="alone",
            params={"role": Role(role).label, "other": Role(conflict[0]).label},
        )


def check_may_revoke(grant: RoleGrant, *, by: StaffUser | None) -> None:
    """Nobody takes a role from themselves, so an administrator is always left."""
    _check_permission(by, "staff.change_rolegrant")
    _check_other(grant.user, by, _("Nobody takes a role from themselves: ask another administrator."))
    if grant.during.upper is not None:
        raise NotAllowed(_("This role was taken away already."), code="over")


def check_may_deactivate(user: StaffUser, *, by: StaffUser | None) -> None:
    """Nobody shuts themselves out, so an administrator is always left."""
    _check_permission(by, "staff.change_staffuser")
    _check_other(user, by, _("Nobody deactivates themselves: ask another administrator."))
    if not user.is_active:
        raise NotAllowed(_("This account is deactivated already."), code="state")


def check_may_reactivate(user: StaffUser, *, by: StaffUser | None) -> None:
    """A deactivated account only."""
    _check_permission(by, "staff.change_staffuser")
    if user.is_active:
        raise NotAllowed(_("This account is active already."), code="state")


def check_may_send_link(user: StaffUser, *, by: StaffUser | None) -> None:
    """An active account with an e-mail."""
    _check_permission(by, "staff.change_staffuser")
    if not user.is_active:
        raise NotAllowed(_("This account is deactivated: reactivate it first."), code="inactive")
    if not user.email:
        raise NotAllowed(_("This account has no e-mail: add one first."), code="no_email")


def check_may_publish_undertaking(*, by: StaffUser | None) -> None:
    """A new text makes everybody accept again (policy 4.3)."""
    _check_permission(by, "staff.add_undertaking")


def check_may_make_client(*, by: StaffUser | None) -> None:
    """Keys to the API are the administrators' to make and to change."""
    _check_permission(by, "staff.add_apiclient")


def check_may_change_client(client: ApiClient, *, by: StaffUser | None) -> None:
    """A revoked key stays revoked: a new system gets a new one."""
    _check_permission(by, "staff.change_apiclient")
    if client.revoked_at is not None:
        raise NotAllowed(_("This key was revoked: make a new one."), code="state")


def _asks(check: Callable[..., None]) -> Callable[..., bool]:
    def may(*args: object, by: StaffUser | None) -> bool:
        try:
            check(*args, by=by)
        except NotAllowed:
            return False
        return True

    may.__name__ = check.__name__.removeprefix("check_")
    may.__doc__ = f"Whether `{check.__name__}` would let it pass."
    return may


may_create = _asks(check_may_create)
may_change = _asks(check_may_change)
may_grant = _asks(check_may_grant)
may_revoke = _asks(check_may_revoke)
may_deactivate = _asks(check_may_deactivate)
may_reactivate = _asks(check_may_reactivate)
may_send_link = _asks(check_may_send_link)
may_publish_undertaking = _asks(check_may_publish_undertaking)
may_make_client = _asks(check_may_make_client)
may_change_client = _asks(check_may_change_client)
