"""The verbs of staff: accounts, roles, passwords, undertakings, keys to the API."""

from staff.services.accounts import change_account, create_staff, deactivate, reactivate
from staff.services.api_clients import change_client, make_client, renew_key, revoke_client
from staff.services.passwords import ask_password_reset, send_password_link, set_password
from staff.services.roles import grant_role, revoke_role, sync_roles
from staff.services.undertakings import NewerUndertaking, accept_undertaking, publish_undertaking

__all__ = [
    "NewerUndertaking",
    "accept_undertaking",
    "ask_password_reset",
    "change_account",
    "change_client",
    "create_staff",
    "deactivate",
    "grant_role",
    "make_client",
    "publish_undertaking",
    "reactivate",
    "renew_key",
    "revoke_client",
    "revoke_role",
    "send_password_link",
    "set_password",
    "sync_roles",
]
