"""Letters about the person's contacts: to an e-mail that is not theirs any more, and that their phone was changed."""

from django.utils.translation import gettext_lazy as _

from notifications.models import Letter
from notifications.ports import LetterKind
from staff.models import Operator
from subjects.addresses import former_addresses

ADDRESS_CHANGED = "address_changed"
PHONE_CHANGED = "phone_changed"


def _context(_cause: str, language: str) -> dict:
    operator = Operator.current()
    return {
        "operator_name": operator.name(language) if operator else "",
        "operator_email": operator.email if operator else "",
    }


def _former(letters: list[Letter]) -> dict[int, str]:
    """{letter id: the address as the history row of the cause holds it}."""
    rows = {int(letter.cause.partition(":")[2].partition("#")[0]): letter.pk for letter in letters}
    return {rows[row]: address for row, address in former_addresses(list(rows)).items()}


KIND = LetterKind(ADDRESS_CHANGED, _context, title=_("an e-mail was changed"), addresses=_former)
# whoever is blocked is warned too
PHONE_KIND = LetterKind(PHONE_CHANGED, _context, notice=False, title=_("a phone was changed"))
