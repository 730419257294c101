"""What a higher app does when something happens to a person here: plain lists, filled in `ready()` (DESIGN 1).

Called in the same transaction, in the order of registration, which is the order of the layers.
"""

from collections.abc import Callable

from django.core import checks

from staff.models import StaffUser
from subjects.models import Contract, DataSubject, SubjectRequest
from subjects.requests import RequestKind

# called when an obligation ended: performed or assigned to somebody else (94-V art. 8(2))
on_obligation_ended: list[Callable[[Contract], None]] = []
# called when an obligation began: opened or reopened
on_obligation_began: list[Callable[[Contract], None]] = []
# called when what the law lets us do with a person changed (DESIGN 5)
on_standing_changed: list[Callable[[DataSubject], None]] = []
# called when the active key-encryption key changed: wrap anew what the app keeps wrapped; returns how many
on_keys_rotated: list[Callable[[], int]] = []
# {kind of request: what a granted one does by itself}; filled by the app that owns the act
execute_request: dict[str, Callable[[SubjectRequest, StaffUser], None]] = {}


def missing_handlers(**_kwargs: object) -> list[checks.CheckMessage]:
    """A system check: a kind of request that nobody executes would be granted and forgotten."""
    return [
        checks.Error(f"Nobody executes a request to {kind}.", hint="subjects.ports.execute_request", id="subjects.E001")
        for kind in RequestKind.values
        if kind not in execute_request
    ]
