"""Letters of this app: an agreement ends (to officers, policy 4.2), data were transferred (to the person, art. 19)."""

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from notifications.ports import LetterKind
from notifications.services import write
from staff.models import Operator, StaffUser
from transfers import notices
from transfers.agreements import ending
from transfers.models import Agreement, TransferBatch
from transfers.models.batches import Act

AGREEMENT_ENDING = "agreement_ending"
# to the persons, before and after their claim is assigned to somebody else (56-V art. 9-1)
ASSIGNMENT_PLANNED, ASSIGNMENT_DONE = "assignment_planned", "assignment_done"


def tell_of_ending() -> int:
    """Put a letter into the outbox of everybody who enters agreements, once an agreement; how many agreements."""
    rows = list(ending())
    if not rows:
        return 0
    officers = [
        user
        for user in StaffUser.objects.filter(is_active=True).exclude(email="")
        if user.has_perm("transfers.add_agreement")
    ]
    for row in rows:
        for officer in officers:
            write(
                kind=AGREEMENT_ENDING,
                cause=f"transfers.Agreement:{row.pk}#{AGREEMENT_ENDING}",
                language=officer.language,
                staff_id=officer.pk,
            )
    return len(rows)


def _agreement_of(cause: str) -> Agreement | None:
    pk = int(cause.partition(":")[2].partition("#")[0])
    return Agreement.objects.select_related("recipient").filter(pk=pk).first()


def _context(cause: str, language: str) -> dict:
    row, operator = _agreement_of(cause), Operator.current()
    assert row is not None
    with translation.override(language):
        return {
            "number": row.number,
            "recipient": str(row.recipient),
            "day": date_format(row.valid_to, "DATE_FORMAT"),
            "agreement_link": settings.SITE_URL + reverse("admin:transfers_agreement_change", args=[row.pk]),
            "operator_name": operator.name(language) if operator else "Kelisim",
        }


def _is_current(cause: str) -> bool:
    row = _agreement_of(cause)
    return row is not None and row.is_in_force and row.valid_to is not None and row.valid_to >= timezone.localdate()


def _of_a_day(cause: str, language: str) -> dict:
    """The same for everybody: the letter names no recipient, no loan, no amount, not even how many (94-V art. 19)."""
    return _from(language)


def _assignment(cause: str, language: str) -> dict:
    """What the letter says: that it is so, and where the person reads the rest; to whom stands in the cabinet alone."""
    return _from(language)


def _from(language: str) -> dict:
    operator = Operator.current()
    return {
        "operator_name": operator.name(language) if operator else "Kelisim",
        "operator_email": operator.email if operator else "",
    }


def _key_of(cause: str) -> int:
    return int(cause.partition(":")[2].partition("#")[0])


def _is_planned(cause: str) -> bool:
    return TransferBatch.objects.filter(pk=_key_of(cause)).exclude(act=Act.GIVEN_UP).exists()


KINDS = (
    LetterKind(notices.KIND, _of_a_day, title=_("data were transferred to somebody")),
    LetterKind(ASSIGNMENT_PLANNED, _assignment, is_current=_is_planned, title=_("a claim is going to be assigned")),
    LetterKind(ASSIGNMENT_DONE, _assignment, title=_("a claim was assigned")),
    LetterKind(
        AGREEMENT_ENDING, _context, is_current=_is_current, notice=False, title=_("an agreement with a recipient ends")
    ),
)
