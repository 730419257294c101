"""Who may make the subject file, and open values for it, as pairs: `check_…` raises with a sentence, `may_…` asks."""

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from staff.models import StaffUser
from staff.rules import check_has_accepted_undertaking


def check_may_make_file(*, by: StaffUser, opening: bool = False) -> None:
    """Whoever works on requests makes the file; `opening` values is a right of its own. Raises PermissionDenied."""
    if not by.has_perm("subjects.handle_subjectrequest"):
        raise PermissionDenied(_("Your role does not make subject files."))
    if opening and not by.has_perm("subjects.reveal_value"):
        raise PermissionDenied(_("Your role does not open values."))
    check_has_accepted_undertaking(by)


def may_make_file(*, by: StaffUser, opening: bool = False) -> bool:
    """Whether `check_may_make_file` would let it pass."""
    try:
        check_may_make_file(by=by, opening=opening)
    except PermissionDenied:
        return False
    return True
