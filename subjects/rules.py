"""What officers may do about a person, as pairs: `check_…` raises with a sentence, `may_…` asks."""

from collections.abc import Callable

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _

from staff.models import StaffUser
from staff.rules import check_has_accepted_undertaking
from subjects.enums import CLOSED, LEAVES, stands
from subjects.models import DataSubject


def is_open(subject: DataSubject) -> bool:
    """Whether values of the person may be added, changed or taken away."""
    return stands(subject) not in CLOSED


def check_is_open(subject: DataSubject) -> None:
    """The same. Raises ValidationError."""
    if not is_open(subject):
        raise ValidationError(
            _("The data of this person is blocked or erased: nothing in it is changed."), code="closed"
        )


def check_may_issue_paper_code(subject: DataSubject, *, by: StaffUser) -> None:
    """A code on paper is for somebody whose cabinet is open and who has no e-mail, or disputed ones only.

    Raises PermissionDenied.
    """
    if not by.has_perm("subjects.issue_paper_code"):
        raise PermissionDenied(_("Your role does not issue sign-in codes."))
    check_has_accepted_undertaking(by)
    if not LEAVES[subject.standing].cabinet:
        raise PermissionDenied(_("The cabinet is closed for this person."))
    if subject.search_keys.usable_emails().exists():
        raise PermissionDenied(_("This person has an e-mail: the code goes there, and nobody else sees it."))


def check_may_correct_email(*, by: StaffUser) -> None:
    """Codes to sign in go to the e-mail, so its correction is a right of its own. Raises PermissionDenied."""
    if not by.has_perm("subjects.correct_email"):
        raise PermissionDenied(_("Your role does not correct e-mails."))
    check_has_accepted_undertaking(by)


def may_issue_paper_code(subject: DataSubject, *, by: StaffUser) -> bool:
    """Whether `check_may_issue_paper_code` would let it pass."""
    return _passes(lambda: check_may_issue_paper_code(subject, by=by))


def may_correct_email(*, by: StaffUser) -> bool:
    """Whether `check_may_correct_email` would let it pass."""
    return _passes(lambda: check_may_correct_email(by=by))


def _passes(check: Callable[[], None]) -> bool:
    try:
        check()
    except PermissionDenied:
        return False
    return True
