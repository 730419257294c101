"""The letters to staff: links to set a password, made while the letter is sent and never stored; a changed e-mail."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.functional import Promise
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext_lazy as _
from simple_history.utils import get_history_manager_for_model

from staff.models import Operator, SignIn, StaffUser

PASSWORD_RESET = "password_reset"  # noqa: S105 -- the kind of a letter
ACCOUNT_CREATED = "account_created"
ACCOUNT_EMAIL_CHANGED = "account_email_changed"


class Kind(NamedTuple):
    """The fields of `notifications.ports.LetterKind`, which is above us and registers these."""

    kind: str
    context: Callable[[str, str], dict]
    is_current: Callable[[str], bool]
    personal: Callable[[list[Any]], dict[int, dict[str, str]]]
    notice: bool
    title: Promise
    addresses: Callable[[list[Any]], dict[int, str]] | None = None


def password_link(user: StaffUser) -> str:
    """An address that lets its holder set the person's password once, for `PASSWORD_RESET_TIMEOUT` seconds.

    It stops working as soon as the password, the e-mail or the account's being active changes.
    """
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return settings.SITE_URL + reverse("staff:set-password", args=[uid, default_token_generator.make_token(user)])


def cause_of(asked: SignIn, kind: str) -> str:
    """What a letter is caused by: this person's, or for this person somebody's, asking for a link."""
    return f"staff.SignIn:{asked.pk}#{kind}"


def _person_of(cause: str) -> StaffUser:
    asked = SignIn.objects.select_related("who").get(pk=int(cause.partition(":")[2].partition("#")[0]))
    assert asked.who is not None
    return asked.who


def _context(cause: str, language: str) -> dict:
    operator = Operator.current()
    return {
        "hours": settings.PASSWORD_RESET_TIMEOUT // 3600,
        "operator_name": operator.name(language) if operator else "Kelisim",
        "ask_again_link": settings.SITE_URL + reverse("staff:password-reset"),
    }


def _is_active(cause: str) -> bool:
    return _person_of(cause).is_active


def _has_no_password(cause: str) -> bool:
    person = _person_of(cause)
    return person.is_active and not person.has_usable_password()


def _links(letters: list[Any]) -> dict[int, dict[str, str]]:
    people = StaffUser.objects.in_bulk([letter.staff_id for letter in letters])
    # the letter's one place for a link; here it does not lead to the cabinet
    return {letter.pk: {"cabinet_link": password_link(people[letter.staff_id])} for letter in letters}


def _always(_cause: str) -> bool:
    return True


def _nothing(_letters: list[Any]) -> dict[int, dict[str, str]]:
    return {}


def _operator(_cause: str, language: str) -> dict:
    operator = Operator.current()
    return {"operator_name": operator.name(language) if operator else "Kelisim"}


def _former(letters: list[Any]) -> dict[int, str]:
    """{letter id: the e-mail of the account before the change}, as the history row of the cause holds it."""
    rows = {int(letter.cause.partition(":")[2].partition("#")[0]): letter.pk for letter in letters}
    was = get_history_manager_for_model(StaffUser).filter(history_id__in=list(rows)).exclude(email="")
    return {rows[row]: email for row, email in was.values_list("history_id", "email")}


KINDS = (
    Kind(PASSWORD_RESET, _context, _is_active, _links, notice=False, title=_("link to set a password")),
    Kind(ACCOUNT_CREATED, _context, _has_no_password, _links, notice=False, title=_("a new account")),
    Kind(
        ACCOUNT_EMAIL_CHANGED,
        _operator,
        _always,
        _nothing,
        notice=False,
        title=_("the e-mail of an account was changed"),
        addresses=_former,
    ),
)
