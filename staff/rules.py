"""What staff may do, as pairs: `check_…` raises with a sentence, `may_…` or `has_…` asks."""

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from staff.models import StaffUser, Undertaking, UndertakingAcceptance


def has_accepted_undertaking(user: StaffUser) -> bool:
    """Whether the officer accepted the current text (policy 4.3); true while there is no text yet."""
    current = Undertaking.objects.current()
    if current is None:
        return True
    return UndertakingAcceptance.objects.filter(user=user, undertaking=current).exists()


def check_has_accepted_undertaking(user: StaffUser) -> None:
    """Raise PermissionDenied unless the officer accepted the current undertaking (policy 4.3)."""
    if not has_accepted_undertaking(user):
        raise PermissionDenied(_("Accept the confidentiality undertaking first."))
