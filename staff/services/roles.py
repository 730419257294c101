"""Roles: the grants are the truth, Django's groups are derived from them (DESIGN 5; policy 5.4)."""

from collections import defaultdict
from datetime import datetime

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg.types.range import TimestamptzRange

from staff.enums import Role
from staff.models import RoleGrant, StaffUser
from staff.roles import ROLES
from staff.rules import NotAllowed, check_may_grant, check_may_revoke


def _permissions() -> dict[str, int]:
    """{'app.codename': id} of all that roles name. Raises LookupError for one that does not exist."""
    wanted = {name for names in ROLES.values() for name in names}
    found = {
        f"{app}.{codename}": pk
        for pk, app, codename in Permission.objects.values_list("pk", "content_type__app_label", "codename")
    }
    if unknown := sorted(wanted - found.keys()):
        raise LookupError(f"staff/roles.py names what does not exist: {', '.join(unknown)}. Run manage.py migrate.")
    return found


@transaction.atomic
def sync_roles() -> list[str]:
    """Make groups hold exactly what staff.roles says, and everybody be in the groups of their grants in force.

    Safe to repeat. Returns what was changed, a line each: `officer + policies.add_policy`, `user 7 - auditor`.
    """
    ids, differences = _permissions(), []
    names = {pk: name for name, pk in ids.items()}
    groups = {role: Group.objects.get_or_create(name=role)[0] for role in ROLES}
    for role, group in groups.items():
        has = {names[pk] for pk in group.permissions.values_list("pk", flat=True)}
        differences += _differences(str(role), has, set(ROLES[role]))
        group.permissions.set([ids[name] for name in ROLES[role]])
    due: dict[int, set[str]] = defaultdict(set)
    for user_id, role in RoleGrant.objects.in_force().values_list("user_id", "role"):
        due[user_id].add(role)
    now: dict[int, set[str]] = defaultdict(set)
    for user_id, name in StaffUser.groups.through.objects.values_list("staffuser_id", "group__name"):
        now[user_id].add(name)
    for user in StaffUser.objects.filter(pk__in=[pk for pk in due.keys() | now.keys() if due[pk] != now[pk]]):
        differences += _differences(f"user {user.pk}", now[user.pk], due[user.pk])
        user.groups.set([groups[Role(role)] for role in due[user.pk]])
    return differences


def _differences(whose: str, has: set[str], should: set[str]) -> list[str]:
    return [f"{whose} + {name}" for name in sorted(should - has)] + [
        f"{whose} - {name}" for name in sorted(has - should)
    ]


def _derive_groups(user: StaffUser) -> None:
    roles = set(RoleGrant.objects.in_force().filter(user=user).values_list("role", flat=True))
    groups = list(Group.objects.filter(name__in=roles))
    if len(groups) < len(roles):  # a new house, where nobody has run sync_roles
        sync_roles()
    else:
        user.groups.set(groups)


@transaction.atomic
def grant_role(*, user: StaffUser, role: str, by: StaffUser | None, at: datetime | None = None) -> RoleGrant:
    """Give the role from the moment `at` on (now by default, never later); it counts at the person's next request.

    Raises NotAllowed.
    """
    user = StaffUser.objects.select_for_update().get(pk=user.pk)
    check_may_grant(user, role, by=by)
    start = _not_later(at)
    grant = RoleGrant.objects.create(user=user, role=role, during=TimestamptzRange(start, None), granted_by=by)
    _derive_groups(user)
    return grant


@transaction.atomic
def revoke_role(*, grant: RoleGrant, by: StaffUser | None, at: datetime | None = None) -> RoleGrant:
    """End the grant at the moment `at` (now by default, never later); it counts at the person's next request.

    Raises NotAllowed.
    """
    grant = RoleGrant.objects.select_for_update(of=("self",)).select_related("user").get(pk=grant.pk)
    check_may_revoke(grant, by=by)
    end = _not_later(at)
    if end <= grant.during.lower:
        raise NotAllowed(_("A role is not taken away before it was given."), code="past")
    grant.during, grant.revoked_by = TimestamptzRange(grant.during.lower, end), by
    grant.save(update_fields=["during", "revoked_by"])
    _derive_groups(grant.user)
    return grant


def _not_later(at: datetime | None) -> datetime:
    now = timezone.now()
    if at is not None and at > now:
        # groups are derived now: a grant of tomorrow would open nothing tomorrow
        raise NotAllowed(_("A role is given and taken away from now on, not from a later day."), code="future")
    return at or now
