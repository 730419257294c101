"""Who has access to personal data, since when and on what ground (policy 5.4; 94-V art. 22)."""

from dataclasses import dataclass, field

from django.db.models import Max, Prefetch, Q
from django.utils.translation import pgettext

from staff.enums import Role, SignInOutcome
from staff.models import RoleGrant, StaffUser, UndertakingAcceptance
from staff.roles import ROLES


@dataclass(slots=True)
class Access:
    """One person: what is open to them, by which grants, after which promise."""

    user: StaffUser
    opens: str
    grants: list[RoleGrant] = field(default_factory=list)
    accepted: UndertakingAcceptance | None = None


def what_opens(roles: list[str]) -> str:
    """In words: values, masked data, or nothing about customers."""
    permissions = {name for role in roles for name in ROLES[Role(role)]}
    if "subjects.reveal_value" in permissions:
        return pgettext("access", "values, one at a time, with a reason")
    if "subjects.view_datasubject" in permissions:
        return pgettext("access", "masked data")
    return pgettext("access", "no personal data of customers")


def access_list() -> list[Access]:
    """Active staff with a role in force, by name; three queries however many they are.

    Each `user` has `last_sign_in` (aware datetime or None).
    """
    grants = RoleGrant.objects.in_force().select_related("granted_by").order_by("during")
    people = (
        StaffUser.objects.filter(is_active=True)
        .annotate(last_sign_in=Max("sign_ins__at", filter=Q(sign_ins__outcome=SignInOutcome.SIGNED_IN)))
        .prefetch_related(Prefetch("role_grants", grants, to_attr="grants"))
        .order_by("username")
    )
    newest = UndertakingAcceptance.objects.select_related("undertaking").order_by("user_id", "-undertaking__version")
    accepted = {acceptance.user_id: acceptance for acceptance in newest.distinct("user_id")}
    return [
        Access(user, what_opens([grant.role for grant in user.grants]), user.grants, accepted.get(user.pk))
        for user in people
        if user.grants
    ]
