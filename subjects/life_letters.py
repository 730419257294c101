"""Letters about what happened to a person: that we noted it and what they can do; never a value, never a name."""

from django.utils.translation import gettext_lazy as _

from notifications.models import Letter
from notifications.ports import LetterKind
from staff.models import Operator
from subjects.addresses import former_addresses
from subjects.models import Representative

IIN_CORRECTED, FILES_LINKED = "iin_corrected", "files_linked"
HEIR_ADMITTED, DEATH_UNDONE, CAME_OF_AGE = "heir_admitted", "death_undone", "came_of_age"
# what it answers is no matter of the mail, nor of an officer who sees the list of letters alone
ANSWER_WAITS = "answer_waits"


def _operator(_cause: str, language: str) -> dict:
    operator = Operator.current()
    return {
        "operator_name": operator.name(language) if operator else "",
        "operator_email": operator.email if operator else "",
    }


def _key_of(cause: str) -> int:
    return int(cause.partition(":")[2].partition("#")[0])


def _heir(cause: str, language: str) -> dict:
    acts = Representative.objects.values_list("acts", flat=True).get(pk=_key_of(cause))
    return {**{f"may_{act}": act in acts for act in Representative.Act.values}, **_operator(cause, language)}


def _heir_is_current(cause: str) -> bool:
    return Representative.objects.filter(pk=_key_of(cause), ended_at=None).exists()


def _former(letters: list[Letter]) -> dict[int, str]:
    """{letter id: the address as the history row of the cause holds it}."""
    rows = {letter.pk: _key_of(letter.cause) for letter in letters}
    found = former_addresses(list(rows.values()))
    return {pk: found[row] for pk, row in rows.items() if row in found}


KINDS = (
    LetterKind(IIN_CORRECTED, _operator, title=_("an IIN was corrected"), addresses=_former),
    LetterKind(FILES_LINKED, _operator, title=_("two files of one person were linked")),
    LetterKind(HEIR_ADMITTED, _heir, _heir_is_current, title=_("an heir is admitted")),
    LetterKind(DEATH_UNDONE, _operator, title=_("a death recorded by mistake was undone")),
    LetterKind(CAME_OF_AGE, _operator, title=_("the person came of age")),
    # an answer to the person's own word is no notice: what stops notices does not stop it
    LetterKind(ANSWER_WAITS, _operator, notice=False, title=_("an answer waits in the cabinet")),
)
