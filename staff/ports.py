"""What staff asks of the outbox, which stands above it: filled by `notifications.apps` in `ready()` (DESIGN 1)."""

from collections.abc import Callable

from django.core import checks

# write_letter(kind=…, cause=…, language=…, staff_id=…): one letter of a kind of staff.letters.KINDS
write_letter: list[Callable[..., object]] = []
# ring(task name, *ids): wake a worker
ring: list[Callable[..., object]] = []


def missing_handlers(**_kwargs: object) -> list[checks.CheckMessage]:
    """A system check: a port that nobody serves would lose letters in silence."""
    empty = [name for name, handlers in (("write_letter", write_letter), ("ring", ring)) if not handlers]
    return [
        checks.Error(f"Nobody serves staff.ports.{name}.", hint="notifications.apps fills it.", id="staff.E001")
        for name in empty
    ]
