"""What officers may do about a person, as pairs: `check_…` raises with a sentence, `may_…` asks."""

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from staff.models import StaffUser
from staff.rules import check_has_accepted_undertaking
from subjects.enums import LEAVES, IndexKind
from subjects.models import DataSubject


def check_may_issue_paper_code(subject: DataSubject, *, by: StaffUser) -> None:
    """A code on paper is for somebody without e-mail whose cabinet is open. Raises PermissionDenied."""
    if not by.has_perm("subjects.issue_paper_code"):
        raise PermissionDenied(_("Your role does not issue sign-in codes."))
    check_has_accepted_undertaking(by)
    if not LEAVES[subject.standing].cabinet:
        raise PermissionDenied(_("The cabinet is closed for this person."))
    if subject.search_keys.filter(kind=IndexKind.EMAIL).exists():
        raise PermissionDenied(_("This person has an e-mail: the code goes there, and nobody else sees it."))


def may_issue_paper_code(subject: DataSubject, *, by: StaffUser) -> bool:
    """Whether `check_may_issue_paper_code` would let it pass."""
    try:
        check_may_issue_paper_code(subject, by=by)
    except PermissionDenied:
        return False
    return True
