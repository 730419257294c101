"""What a higher app does when something happens to a person here: plain lists, filled in `ready()` (DESIGN 1).

Called in the same transaction, in the order of registration, which is the order of the layers.
"""

from collections.abc import Callable, Collection
from typing import Any

from django.core import checks
from django.db.models import QuerySet

from staff.models import StaffUser
from subjects.models import Contract, DataSubject, SubjectRequest
from subjects.requests import RequestKind

# called when an obligation ended: performed or assigned to somebody else (94-V art. 8(2))
on_obligation_ended: list[Callable[[Contract], None]] = []
# called when an obligation began: opened or reopened
on_obligation_began: list[Callable[[Contract], None]] = []
# called when what the law lets us do with a person changed (DESIGN 5)
on_standing_changed: list[Callable[[DataSubject], None]] = []
# called when somebody put a value right: the person and the code of its category (94-V art. 24)
on_corrected: list[Callable[[DataSubject, str], None]] = []
# called when values were destroyed or taken away: the person and the codes of their categories (94-V art. 18)
on_destruction: list[Callable[[DataSubject, Collection[str]], None]] = []
# called when a minor came of age, before the standing is told: what others agreed to for them is asked anew
on_came_of_age: list[Callable[[DataSubject], None]] = []
# called when the active key-encryption key changed: wrap anew what the app keeps wrapped; returns how many
on_keys_rotated: list[Callable[[], int]] = []
# {kind of request: what a granted one does by itself}; filled by the app that owns the act
execute_request: dict[str, Callable[[SubjectRequest, StaffUser], None]] = {}
# {kind of request: sentences that its proposed answer says of what was done}, in the active language
answer_words: dict[str, Callable[[SubjectRequest], list[str]]] = {}
# {kind of request: (code, title) of what it may be about}, for the person's own form
choices_of: dict[str, Callable[[DataSubject], list[tuple[str, str]]]] = {}
# {kind of request: the codes it may name}; a kind that is not here names none
codes_of: dict[str, Callable[[SubjectRequest], Collection[str]]] = {}

# which clocks an officer may not know of, by `about`: a list of one column, for a condition of a query
hidden_clocks: list[Callable[[StaffUser], QuerySet[Any, Any]]] = []


def missing_handlers(**_kwargs: object) -> list[checks.CheckMessage]:
    """A system check: a kind of request that nobody executes would be granted and forgotten."""
    return [
        checks.Error(f"Nobody executes a request to {kind}.", hint="subjects.ports.execute_request", id="subjects.E001")
        for kind in RequestKind.values
        if kind not in execute_request
    ]


def corrected(subject: DataSubject, category: str) -> None:
    """Tell higher apps that a value of the category was put right, in the caller's transaction."""
    for handler in on_corrected:
        handler(subject, category)


def destroyed(subject: DataSubject, categories: Collection[str]) -> None:
    """Tell higher apps that values of the categories are gone, in the caller's transaction."""
    for handler in on_destruction:
        handler(subject, categories)
