"""What an administrator may do with an account, each with the consequences they are told before."""

from collections.abc import Callable
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from staff import rules, services
from staff.enums import Role
from staff.models import RoleGrant, StaffUser


class Step(NamedTuple):
    """A step: its name in addresses, its button, what follows, who may, the act; `roles` when it is about a role."""

    name: str
    label: Promise
    consequences: tuple[Promise, ...]
    may: Callable[..., bool]
    act: Callable[..., None]
    roles: Callable[..., list[str]] | None = None


def grantable(user: StaffUser, *, by: StaffUser) -> list[str]:
    """Roles that may be given to the person now."""
    return [role for role in Role.values if rules.may_grant(user, role, by=by)]


def revocable(user: StaffUser, *, by: StaffUser) -> list[str]:
    """Roles that may be taken from the person now."""
    grants = RoleGrant.objects.in_force().filter(user=user).select_related("user").order_by("pk")
    return [grant.role for grant in grants if rules.may_revoke(grant, by=by)]


def _grant(user: StaffUser, *, by: StaffUser, role: str) -> None:
    services.grant_role(user=user, role=role, by=by)


def _revoke(user: StaffUser, *, by: StaffUser, role: str) -> None:
    services.revoke_role(grant=RoleGrant.objects.in_force().get(user=user, role=role), by=by)


STEPS = (
    Step(
        "give-role",
        pgettext_lazy("button", "Give a role"),
        (
            _("What the role opens is open at this person's next click."),
            _("The register keeps your name, the role and the moment."),
        ),
        lambda user, *, by: bool(grantable(user, by=by)),
        _grant,
        grantable,
    ),
    Step(
        "take-role",
        pgettext_lazy("button", "Take a role away"),
        (
            _("What the role opened is closed at this person's next click."),
            _("What they did in this role stays in the history under their name."),
        ),
        lambda user, *, by: bool(revocable(user, by=by)),
        _revoke,
        revocable,
    ),
    Step(
        "send-link",
        _("Send a link to set a password"),
        (
            _("A letter with a one-time link goes to the account's e-mail; you do not see the link."),
            _("The old password works until a new one is set."),
        ),
        rules.may_send_link,
        lambda user, *, by: services.send_password_link(user=user, by=by),
    ),
    Step(
        "deactivate",
        _("Deactivate"),
        (
            _("All sessions of this person end: their next click leads to the sign-in page, where they are refused."),
            _("Their password is thrown away, and links to set one stop working."),
            _("Their roles stay noted and come back if you reactivate the account; take them away if they must not."),
            _("What they did stays in the history under their name."),
        ),
        rules.may_deactivate,
        lambda user, *, by: services.deactivate(user=user, by=by),
    ),
    Step(
        "reactivate",
        _("Reactivate"),
        (
            _("The person can work again with the roles noted here."),
            _("They set a new password by a one-time link, which goes to the account's e-mail."),
        ),
        rules.may_reactivate,
        lambda user, *, by: services.reactivate(user=user, by=by),
    ),
)
