"""Letters about what happened to a person: that a message waits; the message stands in the cabinet (`says`)."""

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


def _heir_is_current(cause: str) -> bool:
    return Representative.objects.filter(pk=_key_of(cause), ended_at=None).exists()


def _former(letters: list[Letter]) -> dict[int, str]:
    """{letter id: the address as the history row of the cause holds it}."""
    rows = {letter.pk: _key_of(letter.cause) for letter in letters}
    found = former_addresses(list(rows.values()))
    return {pk: found[row] for pk, row in rows.items() if row in found}


KINDS = (
    LetterKind(
        IIN_CORRECTED,
        _operator,
        title=_("an IIN was corrected"),
        addresses=_former,
        says=_(
            "The IIN in our records was corrected by a document shown to us, and two of our officers checked it. "
            "If you did not ask for this, tell us at once: we will check who changed it and why."
        ),
    ),
    LetterKind(
        FILES_LINKED,
        _operator,
        title=_("two files of one person were linked"),
        says=_(
            "Our records held two files on you. From now you get each letter once, and the cabinet shows the data of "
            "both. Nothing was moved or deleted, and what you agreed to stays as it was. A withdrawal, an objection or "
            "a blocking counts in both. If the other file is not yours, tell us: we will end the link."
        ),
    ),
    LetterKind(
        HEIR_ADMITTED,
        _operator,
        _heir_is_current,
        title=_("an heir is admitted"),
        says=_(
            "We have seen the document by which you are an heir of a person whose data we hold. To learn of these data "
            "or ask about them, write to us or come to our office with your identity document: the cabinet does not "
            "show them. If you did not show us such a document, tell us."
        ),
    ),
    LetterKind(
        DEATH_UNDONE,
        _operator,
        title=_("a death recorded by mistake was undone"),
        says=_(
            "By mistake our records said that you had died, and we stopped writing to you. We have put this right and "
            "apologise to you: your data stand as they did before. Whoever acts for you must show their power of "
            "attorney again."
        ),
    ),
    LetterKind(
        CAME_OF_AGE,
        _operator,
        title=_("the person came of age"),
        says=_(
            "You are 18 and decide yourself about your personal data. The consents that your parents or guardian gave "
            "for you have ended, and nobody acts for you any more unless you give them a power of attorney. What we "
            "ask you for now stands among your consents: no answer is no consent, and you may refuse."
        ),
    ),
    # an answer to the person's own word is no notice: what stops notices does not stop it
    LetterKind(ANSWER_WAITS, _operator, notice=False, title=_("an answer waits in the cabinet")),
)
