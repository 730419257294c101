"""The verbs of staff: accounts, roles, passwords, undertakings."""

from staff.services.accounts import create_staff, deactivate, reactivate
from staff.services.passwords import ask_password_reset, send_password_link, set_password
from staff.services.roles import grant_role, revoke_role, sync_roles
from staff.services.undertakings import NewerUndertaking, accept_undertaking, publish_undertaking

__all__ = [
    "NewerUndertaking",
    "accept_undertaking",
    "ask_password_reset",
    "create_staff",
    "deactivate",
    "grant_role",
    "publish_undertaking",
    "reactivate",
    "revoke_role",
    "send_password_link",
    "set_password",
    "sync_roles",
]
